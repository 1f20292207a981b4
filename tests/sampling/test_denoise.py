"""The sampler: known frames stay, passes end at the clean prediction, a cache is as a clip."""

import pytest
import torch

from networks import at, random_clip, tiny_dynamics
from worldsim.model.config import ConfigError
from worldsim.model.dynamics import Condition, Dynamics
from worldsim.model.noise import sampling_levels
from worldsim.sampling.denoise import Cancelled, Guidance, denoise


def test_one_pass_from_noise_is_the_networks_own_prediction() -> None:
    dynamics, (noise, _, condition) = tiny_dynamics(), random_clip(2, 5)
    with torch.no_grad():
        expected = dynamics(noise, torch.ones(2, 5), condition, attend="all").clean
    torch.testing.assert_close(denoise(dynamics, noise, condition, steps=1), expected)
    assert (denoise(dynamics, noise, condition, steps=3) - expected).abs().max() > 1e-3


@pytest.mark.parametrize("attend", ["past", "all"])
def test_known_frames_stay_exactly_as_they_are_and_the_others_follow_them(attend: str) -> None:
    dynamics, (noise, _, condition) = tiny_dynamics(), random_clip(2, 5)
    frames = random_clip(2, 5, seed=1)[0]
    given = torch.tensor([[True, False, False, True, False], [False, False, True, False, True]])
    first = denoise(dynamics, noise, condition, steps=3, attend=attend, known=(frames, given))
    second = denoise(dynamics, noise, condition, steps=3, attend=attend, known=(-frames, given))
    assert torch.equal(first[given], frames[given]) and torch.isfinite(first).all()
    assert (first[0, 1] - second[0, 1]).abs().max() > 1e-3, "known frames should matter to the others"
    assert torch.equal(first[1, :2], second[1, :2]) == (attend == "past"), "those after it, too, when all are seen"


def test_the_first_frame_of_a_cache_is_the_first_frame_of_a_clip() -> None:
    dynamics, (noise, _, condition) = tiny_dynamics(), random_clip(2, 1)
    cache = dynamics.new_cache(2, 4, 6)
    first = denoise(dynamics, noise, condition, steps=2, cache=cache)
    torch.testing.assert_close(first, denoise(dynamics, noise, condition, steps=2, attend="past"), rtol=0, atol=2e-5)
    assert cache.count.tolist() == [0, 0], "the frame at hand is kept by whoever made it"
    read = dynamics.read(at(condition, 0).words, 2, 1)
    assert torch.equal(denoise(dynamics, noise, condition, steps=2, cache=cache, read=read), first)


def test_impossible_wishes_are_refused() -> None:
    dynamics, (noise, _, condition) = tiny_dynamics(), random_clip(1, 1)
    with pytest.raises(ValueError, match="at least 1"):
        denoise(dynamics, noise, condition, steps=0)
    with pytest.raises(ValueError, match="start must be in"):
        denoise(dynamics, noise, condition, steps=1, start=0.0)
    with pytest.raises(ConfigError, match=r"Guidance.text must be a number in \[0, 100\], got nan"):
        Guidance(text=float("nan"))
    known = (noise, torch.ones(1, 1, dtype=torch.bool))
    with pytest.raises(ValueError, match="observe them"):
        denoise(dynamics, noise, condition, steps=1, known=known, cache=dynamics.new_cache(1, 4, 6))


def counted(dynamics: Dynamics, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A list that grows with each pass of the network, by whether it was shown any actions."""
    seen: list[bool] = []
    forward = dynamics.forward
    monkeypatch.setattr(dynamics, "forward", lambda *a, **k: (seen.append(bool(a[2].acted.any())), forward(*a, **k))[1])
    return seen


def test_guidance_of_one_is_no_guidance_and_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    dynamics, (noise, _, condition) = tiny_dynamics(), random_clip(2, 3)
    seen = counted(dynamics, monkeypatch)
    plain = denoise(dynamics, noise, condition, steps=3)
    assert torch.equal(plain, denoise(dynamics, noise, condition, steps=3, guidance=Guidance(1, 1)))
    assert len(seen) == 6
    denoise(dynamics, noise, condition, steps=3, guidance=Guidance(text=2))
    denoise(dynamics, noise, condition, steps=3, guidance=Guidance(text=2, actions=3))
    assert len(seen) == 6 + 2 * 3 + 3 * 3 and seen.count(False) == 3


def test_guidance_moves_away_from_what_would_be_without_the_condition() -> None:
    dynamics, (noise, _, condition) = tiny_dynamics(), random_clip(2, 3)
    level, still = torch.ones(2, 3), torch.zeros(2, 3, dtype=torch.bool)
    with torch.no_grad():
        full, silent, idle = (
            dynamics(noise, level, each, attend="all").clean
            for each in (
                condition, Condition(condition.actions, condition.acted),
                Condition(condition.actions, still, condition.words),
            )
        )  # fmt: skip
    assert min((full - silent).abs().max(), (full - idle).abs().max()) > 1e-3
    for text, actions in ((0, 1), (1, 0), (3, 1), (2.5, 1.5)):
        expected = full + (text - 1) * (full - silent) + (actions - 1) * (full - idle)
        found = denoise(dynamics, noise, condition, steps=1, guidance=Guidance(text, actions))
        torch.testing.assert_close(found, expected)


def test_guidance_through_a_cache_is_guidance_of_a_clip() -> None:
    dynamics, (noise, _, condition) = tiny_dynamics(), random_clip(2, 1)
    guidance = Guidance(2, 1.5)
    whole = denoise(dynamics, noise, condition, steps=2, attend="past", guidance=guidance)
    found = denoise(dynamics, noise, condition, steps=2, cache=dynamics.new_cache(2, 4, 6), guidance=guidance)
    torch.testing.assert_close(found, whole, rtol=0, atol=2e-5)


def test_a_push_is_added_to_every_answer() -> None:
    dynamics, (noise, _, condition) = tiny_dynamics(), random_clip(2, 3)
    push = torch.randn(2, 1, noise.shape[2], noise.shape[3], 1)
    both = Guidance(2), Guidance(2, push=push)
    plain, pushed = (denoise(dynamics, noise, condition, steps=1, guidance=each) for each in both)
    torch.testing.assert_close(pushed - plain, push.expand_as(plain))


def test_sampling_may_start_below_pure_noise() -> None:
    dynamics, (noise, _, condition) = tiny_dynamics(), random_clip(2, 3)
    with torch.no_grad():
        expected = dynamics(noise, torch.full((2, 3), 0.4), condition, attend="all").clean
    torch.testing.assert_close(denoise(dynamics, noise, condition, steps=1, start=0.4), expected)
    assert sampling_levels(3, 2.0, 0.5) == [level / 2 for level in sampling_levels(3, 2.0)]


def test_a_watcher_sees_each_pass_and_can_end_it_there(monkeypatch: pytest.MonkeyPatch) -> None:
    dynamics, (noise, _, condition) = tiny_dynamics(), random_clip(2, 3)
    seen, previews = counted(dynamics, monkeypatch), []
    final = denoise(dynamics, noise, condition, steps=4, watch=previews.append)
    assert [(each.done, each.total) for each in previews] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [each.level for each in previews] == [0.75, 0.5, 0.25, 0]
    assert torch.equal(previews[-1].latents, final) and [each.share for each in previews] == [0.25, 0.5, 0.75, 1.0]
    errors = [float((each.latents - final).square().mean()) for each in previews]
    assert errors == sorted(errors, reverse=True), "previews come closer"
    seen.clear()
    with pytest.raises(Cancelled, match="pass 2 of 4"):
        denoise(dynamics, noise, condition, steps=4, watch=lambda preview: preview.done < 2)
    assert len(seen) == 2
