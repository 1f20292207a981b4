"""Every named event happens at the tick that the rules say, in a scene of its own, and not before."""

from typing import Any

import numpy as np
import pytest

from voxel_changes import CHANGES
from voxel_deeds import DEEDS
from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.events import EVENT, EVENT_NAMES
from worldsim_envs.voxel.judge import GOAL_X, GOAL_Z

CASES = {**DEEDS, **CHANGES}
SMALL: dict[str, Any] = {"size": (16, 16), "world_size": (64, 64, 64)}


def test_every_event_has_its_scene() -> None:
    assert {*CASES, "reached_goal"} == set(EVENT_NAMES)


@pytest.mark.parametrize("event", CASES)
def test_an_event_happens_at_the_tick_that_the_rules_say(event: str) -> None:
    case = CASES[event]
    scene, seen = case.build(), []
    for tick in range(1, case.tick + 1):
        if event in scene.act(*(() if case.once and tick > 1 else case.keys)):
            seen.append(tick)
    assert seen == [case.tick]


def test_the_goal_is_reached_at_the_step_that_comes_near_it() -> None:
    env = VoxelEnv(task="Navigate", **SMALL)
    env.reset(seed=0)
    x, y, z = env.memory[GOAL_X : GOAL_Z + 1]
    for back in range(-1, 9):
        for side in (-1, 0, 1):
            for up, block in ((-1, "stone"), (0, "air"), (1, "air"), (2, "air")):
                if (back, side) != (0, 0):
                    env.set_block(int(x) + side, int(y) - back, int(z) + up, block)
    env.teleport(x, y - 6.0, z, yaw=0.0, pitch=0.0)
    near, reached = [], []
    for step in range(20):
        events = env.step(env.get_action_meanings().index("forward"))[4]["events"]
        near.append(bool(np.linalg.norm(env.state.body[:3] - (x, y, z)) <= env.task.near))
        if events[EVENT["reached_goal"]]:
            reached.append(step)
        if near[-1]:
            break
    assert near[-1] and len(near) > 3 and reached == [len(near) - 1]
