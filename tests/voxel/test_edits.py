"""Scripted edits: each sentence is followed by what it says, and by nothing else."""

import numpy as np
import pytest

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import BLOCK_IDS
from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.events import CREATURES
from worldsim_envs.voxel.kinds import KIND_IDS
from worldsim_envs.voxel.language import EDITS
from worldsim_envs.voxel.language.edits import SHAPES, WHERE
from worldsim_envs.voxel.language.facts import creatures_of, weather_of

SIDES = {"in front of you": "ahead", "on the right": "right", "behind you": "behind", "on the left": "left"}


@pytest.fixture(scope="module")
def env() -> VoxelEnv:
    """A flat square of stone under the sky, without creatures."""
    env = VoxelEnv(size=(16, 16), world_size=(64, 64, 64), switches={"animals": False, "monsters": False})
    env.reset(seed=0)
    for x in range(20, 40):
        for y in range(20, 40):
            for z in range(40, 50):
                env.set_block(x, y, z, "stone" if z == 40 else "air")
    env.state.kinds[...] = 0
    env.teleport(30.5, 30.5, 41.0, yaw=37.0, pitch=0.0)
    return env


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("kind", CREATURES)
def test_a_creature_appears_where_the_sentence_says(env: VoxelEnv, kind: str, where: str) -> None:
    before = env.clone_state()
    EDITS[f"a {kind} appears {where}"](env)
    (group,) = creatures_of(env.state)
    assert (group.kind, group.side, group.count) == (kind, SIDES[where], 1)
    assert (env.state.kinds[:, s.KIND] == KIND_IDS[kind]).sum() == 1
    assert (env.state.blocks == before.world.blocks).all()
    env.restore_state(before)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("name", SHAPES)
def test_a_thing_appears_where_the_sentence_says(env: VoxelEnv, name: str, where: str) -> None:
    before = env.clone_state()
    EDITS[f"{name} appears {where}"](env)
    changed = np.argwhere(env.state.blocks != before.world.blocks)
    assert {int(env.state.blocks[tuple(cell)]) for cell in changed} == {BLOCK_IDS[block] for _, block in SHAPES[name]}
    middle = changed[:, :2].mean(axis=0) + 0.5 - env.state.body[:2]
    bearing = (np.degrees(np.arctan2(*middle)) - 37.0 + 180.0) % 360.0 - 180.0
    assert abs((bearing - WHERE[where] + 180.0) % 360.0 - 180.0) < 25.0
    env.restore_state(before)


@pytest.mark.parametrize(
    ("sentence", "weather", "clock"),
    [("it starts to rain", "rain", None), ("it starts to snow", "snow", None), ("a storm begins", "thunder", None),
     ("it stops raining", "clear", None), ("night falls", "clear", 0.6), ("the sun sets", "clear", 0.5)],
)  # fmt: skip
def test_sky_and_hour_follow_the_sentence(env: VoxelEnv, sentence: str, weather: str, clock: float | None) -> None:
    before = env.clone_state()
    EDITS[sentence](env)
    assert weather_of(env.state) == weather
    if clock is not None:
        assert env.state.marks[s.CLOCK] / env.state.marks[s.DAY_LENGTH] == pytest.approx(clock, abs=1e-3)
    env.restore_state(before)


def test_nothing_changes_when_nothing_is_said_to(env: VoxelEnv) -> None:
    before = env.state.clone()
    EDITS["nothing changes"](env)
    assert env.state.equals(before)
