"""What words say of a frame by itself: found like the first frame of a world, and pushed to as far as it is missing."""

import torch

from networks import at, random_clip, tiny_dynamics
from worldsim.model.dynamics import Condition
from worldsim.sampling.alone import lone, missing, push


def test_a_lone_frame_is_the_first_of_its_own_world() -> None:
    dynamics, (noise, _, condition) = tiny_dynamics(), random_clip(2, 3)
    found = lone(dynamics, noise, condition)
    for t in range(3):
        here = at(condition, t)
        here.span = torch.ones(2, 1)
        alone = dynamics(noise[:, t : t + 1], torch.ones(2, 1), here, attend="past").clean
        torch.testing.assert_close(found[:, t : t + 1], alone, rtol=0, atol=2e-5)
    assert (found - lone(dynamics, noise, Condition(condition.actions, condition.acted))).abs().max() > 1e-3


def test_a_push_through_empty_caches_is_that_of_lone_frames() -> None:
    dynamics, (noise, _, condition) = tiny_dynamics(), random_clip(2, 1)
    far = torch.full(noise[:, 0].shape, 9.0)
    silent = Condition(condition.actions, condition.acted)
    with torch.no_grad():
        said, unsaid = (lone(dynamics, noise, each).mean(4, keepdim=True) for each in (condition, silent))
        read = dynamics.read(condition.words, 2, 1)
        for last in (far, -far, noise[:, 0]):
            found = push(dynamics, noise, silent, read, last)
            left = missing(said - unsaid, last[:, None].mean(4, keepdim=True) - unsaid)
            torch.testing.assert_close(found, left * (said - unsaid), rtol=0, atol=2e-5)


def test_what_is_missing_of_a_way() -> None:
    way = torch.randn(4, 1, 3, 5, 1)
    gone = torch.tensor([0.0, 0.25, 1.0, 3.0]).view(4, 1, 1, 1, 1) * way
    torch.testing.assert_close(missing(way, gone).flatten(), torch.tensor([1.0, 0.75, 0.0, 0.0]))
    assert missing(way, -way).max() == 1 and missing(0 * way, way).isfinite().all()
