"""Worlds that act by themselves: actions are drawn from habits, shown to the network, and remembered with the rest."""

from typing import Any

import numpy as np
import pytest
import torch

from networks import tiny_world
from rollouts import PROMPTS, ROWS, SEEDS, TOLERANCE, given
from worldsim.model.habits import Habits
from worldsim.model.temperature import Temperature
from worldsim.sampling import verbs
from worldsim.sampling.denoise import Guidance
from worldsim.sampling.making import VIVID
from worldsim.sampling.steps import Step
from worldsim.sampling.world import World

ACTIONS = np.eye(5, dtype=np.float32)[[0, 1, 3]]
HOLD = 3 * np.concatenate([np.eye(3), np.zeros((1, 3))]).astype(np.float32)
HABITS = Habits(ACTIONS, HOLD, ("rain",), np.array([[0, 0, 50]], np.float32))


def acting(habits: Habits | None = HABITS, rows: int = ROWS, **options: Any) -> World:
    world = tiny_world(rows, refiner=None, **options)  # it rests where nobody acts, and we compare with who does
    world.habits = habits
    world.reset(*given(rows), prompts=[""] * rows, seeds=SEEDS[:rows])
    return world


def alone(world: World, length: int) -> list[Step]:
    return [world.imagine(None) for _ in range(length)]


def test_imagined_actions_are_drawn_held_and_obeyed() -> None:
    steps = alone(acting(), 40)
    places = HABITS.places(np.stack([step.actions for step in steps]))  # (T, B)
    taken = np.stack([step.actions for step in steps])
    assert np.array_equal(taken, ACTIONS[places]), "one of the habits' own, not a mean"
    assert set(places.ravel()) == {0, 1, 2}
    assert (places[1:] == places[:-1]).mean() > 0.75, "nine in ten are held"
    one = Habits(ACTIONS[1:2], np.zeros((2, 1), np.float32), (), np.zeros((0, 1), np.float32))
    drawn, led = acting(one), acting(None)
    for generator in led._generators:
        assert generator is not None
        torch.rand((), generator=generator, dtype=torch.float64)  # what the draw takes
    plan = np.repeat(ACTIONS[1:2], ROWS, 0)
    assert np.array_equal(drawn.imagine(None).frames, led.imagine(plan).frames), "as if someone had acted so"


def test_habits_and_how_it_is_played_are_in_the_fingerprint() -> None:
    one = Habits(ACTIONS[1:2], np.zeros((2, 1), np.float32), (), np.zeros((0, 1), np.float32))
    names = [acting(habits).fingerprint for habits in (HABITS, one, None)]
    assert len(set(names)) == 3 and acting().fingerprint == names[0]
    played = [tiny_world(1, **told).fingerprint for told in (
        {}, {"steps": 3}, {"temperature": Temperature(0.5)}, {"guidance": Guidance(actions=2.0)}
    )]  # fmt: skip
    assert len(set(played)) == 4 and tiny_world(3).fingerprint == played[0], "rows decide nothing"


def test_the_prompt_decides_what_is_done() -> None:
    world = acting()
    world.set_prompt("rain falls", rows=[1])
    steps = alone(world, 12)
    places = HABITS.places(np.stack([step.actions for step in steps]))
    assert (places[:, 1] == 2).all() and not (places[:, 0] == 2).all()


def test_acting_alone_is_the_same_again_in_a_fork_and_beside_other_rows() -> None:
    world = acting()
    alone(world, 3)
    fork, snapshot = world.fork(), world.snapshot()
    first = alone(world, 10)
    world.restore(snapshot)
    for other in (fork, world):
        again = alone(other, 10)
        assert all(np.array_equal(a.actions, b.actions) for a, b in zip(first, again, strict=True))
        assert all(np.array_equal(a.frames, b.frames) for a, b in zip(first, again, strict=True))
    frames, taken = given()
    for row in (0, 2):
        single = tiny_world(1)
        single.habits = HABITS
        single.reset(frames[row : row + 1], taken[row : row + 1], [""], SEEDS[row : row + 1])
        whole = acting()
        for mine, theirs in zip(alone(single, 8), alone(whole, 8), strict=True):
            assert np.array_equal(mine.actions[0], theirs.actions[row])
            assert np.abs(mine.frames[0].astype(int) - theirs.frames[row]).max() <= TOLERANCE


@pytest.mark.parametrize("window", [None, 3])
def test_what_was_done_last_is_remembered(window: int | None) -> None:
    forever = Habits(ACTIONS, 50 * HOLD, (), np.zeros((0, 3), np.float32))
    world = acting(forever, window=window)
    last = ACTIONS[[0, 1, 2, 1]]
    world.imagine(last)
    assert all(np.array_equal(step.actions, last) for step in alone(world, 4))
    world.reset(seeds=[9], rows=[0])
    led = world.cache.led.numpy()
    assert np.isnan(led[0]).all() and np.array_equal(led[1:], last[1:])
    assert np.array_equal(world.imagine(None).actions[1:], last[1:])


def test_verbs_draw_too() -> None:
    world = tiny_world(1)
    world.habits = HABITS
    seen: list[int] = []
    clip = verbs.generate(world, PROMPTS[0], frames=6, seeds=[1, 2], watch=lambda preview: seen.append(preview.total))
    drawn = clip.actions[:, 1:]
    assert np.array_equal(drawn, ACTIONS[HABITS.places(drawn)]) and not clip.actions[:, 0].any()
    assert seen[-1] == VIVID
    same = verbs.generate(world, PROMPTS[0], frames=6, seeds=[2, 1])
    assert np.abs(same.frames[::-1].astype(int) - clip.frames).max() <= TOLERANCE
