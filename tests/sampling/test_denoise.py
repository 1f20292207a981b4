"""The sampler: known frames stay, passes end at the clean prediction, a cache is as a clip."""

import pytest
import torch

from networks import at, random_clip, tiny_dynamics
from worldsim.sampling.denoise import denoise


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
    known = (noise, torch.ones(1, 1, dtype=torch.bool))
    with pytest.raises(ValueError, match="observe them"):
        denoise(dynamics, noise, condition, steps=1, known=known, cache=dynamics.new_cache(1, 4, 6))
