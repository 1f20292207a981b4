"""Fading of given frames: what it takes, what it leaves, and that training meets it."""

import torch

from worldsim.training.fading import CONTRAST, TONE, fading, pale, toned


def some(seed: int = 0) -> torch.Tensor:
    return torch.randn(2, 3, 4, 8, 12, generator=torch.Generator().manual_seed(seed)) + 3


def test_where_nothing_has_faded_latents_stay_as_they_are() -> None:
    assert torch.equal(pale(some(), torch.zeros(2, 3)), some())


def test_contrast_and_detail_go_and_what_is_everywhere_stays() -> None:
    whole, faded = some(), pale(some(), torch.ones(2, 3))
    assert faded.shape == whole.shape
    torch.testing.assert_close(faded.mean((3, 4)), whole.mean((3, 4)), atol=0.05, rtol=0)
    assert faded.std() < CONTRAST * whole.std(), "runs together, besides"
    flat = torch.full((1, 1, 4, 8, 8), 2.0)
    torch.testing.assert_close(pale(flat, torch.ones(1, 1)), flat)


def test_each_frame_fades_by_its_own_share() -> None:
    share = torch.tensor([[0.0, 0.5, 1.0], [0.0, 0.0, 0.0]])
    faded = pale(some(), share)
    spread = faded.std((2, 3, 4))
    assert spread[0, 0] > spread[0, 1] > spread[0, 2]
    assert torch.equal(faded[1], some()[1])


def test_rows_fade_more_and_more_and_each_in_its_own_way() -> None:
    share = fading((400, 32), torch.Generator().manual_seed(0))
    assert share.shape == (400, 32) and share.min() >= 0 and share.max() <= 1
    assert (share.diff(dim=1) >= 0).all()
    faded_at_first = (share[:, 0] > 0).float().mean()
    assert 0.4 < faded_at_first < 0.6
    assert (share[:, -1] > 0.5).float().mean() > 0.1 and share[:, -1].median() < 0.2, "some go far, most do not"
    assert len(share[:, -1].unique()) > 390


def test_means_drift_towards_the_next_row_and_away_from_it() -> None:
    latents = some() + torch.tensor([0.0, 4.0])[:, None, None, None, None]
    assert torch.equal(toned(latents, torch.zeros(2, 3)), latents)
    drifted = toned(latents, torch.tensor([[0.0, 0.5, 1.0], [-1.0, 0.0, 1.0]]))
    moved = (drifted - latents).mean((2, 3, 4))
    apart = float(latents[1].mean() - latents[0].mean())
    expected = TONE * apart * torch.tensor([[0.0, 0.5, 1.0], [1.0, 0.0, -1.0]])
    torch.testing.assert_close(moved, expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(drifted.std((3, 4)), latents.std((3, 4)))
