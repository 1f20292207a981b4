"""Noise of all sizes: white each, and the same in the large."""

import pytest
import torch

from worldsim.sampling.layout import layout_noise


def drawn(height: int, width: int, seed: int = 0, length: int = 64) -> torch.Tensor:
    return layout_noise((length, 4, height, width), torch.Generator().manual_seed(seed))


SIZES = (8, 8), (6, 6), (12, 12), (16, 16), (12, 20), (20, 12), (8, 16), (10, 14), (2, 2), (4, 30)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_white_at_every_size(size: tuple[int, int]) -> None:
    noise = drawn(*size, length=400)
    assert noise.shape == (400, 4, *size)
    count = noise.numel()
    assert abs(float(noise.mean())) < 5 / count**0.5 and abs(float(noise.var()) - 1) < 5 * (2 / count) ** 0.5
    for one, other in ((noise[..., 1:], noise[..., :-1]), (noise[..., 1:, :], noise[..., :-1, :])):
        assert abs(float((one * other).mean())) < 5 / one.numel() ** 0.5
    assert abs(float((noise[1:] * noise[:-1]).mean())) < 5 / count**0.5


def test_the_usual_size_is_drawn_as_any_noise() -> None:
    assert torch.equal(drawn(8, 8), torch.randn((64, 4, 8, 8), generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("times", [2, 3])
def test_sums_of_parts_are_the_coarse_cells(times: int) -> None:
    large = drawn(8 * times, 8 * times).unflatten(3, (8, times)).unflatten(2, (8, times))
    torch.testing.assert_close(large.sum((3, 5)) / times, drawn(8, 8), atol=1e-4, rtol=1e-4)


def test_sizes_that_do_not_divide_share_what_they_cover() -> None:
    """A cell of 12 rows lies in, or between, those of 8: what is averaged over quarters of the frame is nearly one."""
    small, large, other = (
        noise.unflatten(3, (4, -1)).unflatten(2, (4, -1)).mean((3, 5)).flatten()
        for noise in (drawn(8, 8), drawn(12, 12), drawn(12, 12, seed=1))
    )
    assert float(torch.corrcoef(torch.stack([small, large]))[0, 1]) > 0.999
    assert abs(float(torch.corrcoef(torch.stack([small, other]))[0, 1])) < 0.1


def test_a_wider_frame_shows_more_to_both_sides_and_a_narrow_one_less() -> None:
    square = drawn(8, 8)
    torch.testing.assert_close(drawn(8, 16)[..., 4:12], square)
    torch.testing.assert_close(drawn(8, 4), square[..., 2:6])
