"""What the tokenizer lost of given frames stays where the picture does."""

import numpy as np
import pytest
import torch

from networks import tiny_world
from rollouts import actions, given
from worldsim.sampling.residual import APART, Residual
from worldsim.sampling.world import World


def pictures(seed: int, rows: int = 2) -> torch.Tensor:
    return torch.rand(rows, 3, 16, 24, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_the_given_frame_comes_back_exactly_and_another_picture_gets_nothing() -> None:
    frames, painted = pictures(0), pictures(1) / 2
    residual = Residual.of(frames, painted)
    torch.testing.assert_close(residual.onto(painted, 8), frames)
    assert (residual.onto(painted + 2, 8) - painted - 2).abs().max() < 1e-3
    torch.testing.assert_close(residual.onto(painted + APART, 8), painted + APART + (frames - painted) / 2)


def test_each_part_of_a_picture_and_each_row_goes_by_itself() -> None:
    frames, painted = pictures(0), pictures(1) / 2
    later = painted.clone()
    later[0, :, :, 12:] += 2  # the right half of the first row changes
    shown = Residual.of(frames, painted).onto(later, 4)
    torch.testing.assert_close(shown[1], frames[1])
    torch.testing.assert_close(shown[0, :, :, :8], frames[0, :, :, :8])
    assert (shown - later)[0, :, :, 16:].abs().max() < 1e-3


def test_rows_are_taken_and_put_and_a_given_frame_counts_as_long_as_a_window() -> None:
    frames, painted = pictures(0, 3), pictures(1, 3) / 2
    residual = Residual.of(frames, painted).older()
    rows = torch.tensor([2, 0])
    torch.testing.assert_close(residual.take(rows).onto(painted[rows], 8), frames[rows])
    mixed = residual.put(rows, Residual.none(2, 16, 24, frames.device))
    torch.testing.assert_close(mixed.onto(painted, 8)[1], frames[1])
    assert torch.equal(mixed.onto(painted, 8)[rows], painted[rows])
    torch.testing.assert_close(residual.onto(painted, 8, window=1), frames)
    assert torch.equal(residual.older().onto(painted, 8, window=1), painted)


def shown_alone(world: World, latents: np.ndarray) -> bool:
    return bool(np.array_equal(world.show(latents), world.picture(latents)))


def test_a_world_shows_what_was_lost_and_its_forks_and_restored_snapshots_do_too() -> None:
    world = tiny_world(2)
    world.reset(*given(2), seeds=[0, 1])
    last = world.latents(given(2)[0][:, -1])
    assert np.abs(world.show(last).astype(int) - given(2)[0][:, -1]).max() <= 1, "the given frame itself"
    step = world.imagine(actions()[0, :2])
    assert np.array_equal(world.show(step.latents), step.frames)
    kept, fork = world.snapshot(), world.fork()
    plain = tiny_world(2)
    world.reset(seeds=[0, 1])
    for other in (world, plain):
        other.restore(kept)
    after = [other.imagine(actions()[1, :2]).frames for other in (world, fork, plain)]
    assert np.array_equal(after[0], after[1]) and np.array_equal(after[0], after[2])


def test_a_world_from_noise_was_given_nothing_and_a_row_that_begins_anew_forgets_what_it_was_given() -> None:
    world = tiny_world(2)
    step = world.reset(seeds=[0, 1])
    assert np.array_equal(step.frames, world.picture(step.latents))
    world.reset(*given(2), seeds=[0, 1])
    last = world.latents(given(2)[0][:, -1])
    world.reset(seeds=[5], rows=[0])
    shown, plain = world.show(last), world.picture(last)
    assert np.array_equal(shown[0], plain[0]) and not np.array_equal(shown[1], plain[1])


@pytest.mark.parametrize(("window", "steps"), [(None, 6), (2, 2)])
def test_within_a_window_older_given_frames_do_not_count_in_pictures_either(window: int | None, steps: int) -> None:
    world = tiny_world(1, window=window)
    world.reset(*given(1), seeds=[0])
    last = world.latents(given(1)[0][:, -1])
    for led in actions()[:steps, :1]:
        assert not shown_alone(world, last)
        world.imagine(led)
    assert not shown_alone(world, last)
    world.imagine(actions()[0, :1])
    assert shown_alone(world, last) == (window is not None)
