"""Random sequences of all that an env can be asked: nothing raises, nothing drifts, everything can be repeated."""

import hashlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.editor import CREATURES
from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.events import EVENT_NAMES
from worldsim_envs.voxel.switches import SWITCHES
from worldsim_envs.voxel.systems.weather import SKIES
from worldsim_envs.voxel.tasks import TASKS

SMALL: dict[str, Any] = {"size": (16, 16), "world_size": (64, 64, 48), "num_levels": 2}
MINED = [index for index, name in enumerate(EVENT_NAMES[:11])]
PLACED = EVENT_NAMES.index("placed")


def live(seed: int, length: int = 40) -> str:
    """A life of random deeds under a seed; returns a hash of all that was seen."""
    random = np.random.default_rng(seed)
    env = VoxelEnv(task=str(random.choice(list(TASKS))), dense=bool(random.integers(2)), **SMALL)
    digest = hashlib.sha256(env.reset(seed=seed)[0].tobytes())
    kept = env.clone_state()
    for _ in range(length):
        deed = int(random.integers(40))
        x, y, z = (float(v) for v in random.uniform((0, 0, 1), (64, 64, 46)))
        if deed == 0:
            digest.update(env.reset()[0].tobytes())
        elif deed == 1:
            kept = env.clone_state()
        elif deed == 2:
            digest.update(env.restore_state(kept).tobytes())
        elif deed == 3:
            env.set_block(int(x), int(y), int(z), int(random.integers(60)))
        elif deed == 4:
            env.set_time(float(random.random()))
        elif deed == 5:
            env.set_weather(str(random.choice(SKIES)), bool(random.integers(2)))
        elif deed == 6 and (env.state.kinds[:, s.KIND] > 0).sum() < 10:
            env.spawn(str(random.choice(CREATURES)), x, y, z)
        elif deed == 7:
            env.teleport(x, y, z, float(random.uniform(-400, 400)), float(random.uniform(-100, 100)))
        elif deed == 8:
            env = env.fork()
        else:
            frame, reward, terminated, _, info = env.step(int(random.integers(env.action_space.n)))  # type: ignore[attr-defined]
            digest.update(frame.tobytes() + info["events"].tobytes() + np.float64(reward).tobytes())
            if terminated:
                env.reset()
        assert np.isfinite(env.state.body).all() and np.isfinite(env.state.entities).all()
    caption = env.caption("full")
    env.close()
    return digest.hexdigest() + caption


def test_a_hundred_lives_end_well_and_can_be_lived_again() -> None:
    for seed in range(100):
        first = live(seed)
        assert seed % 10 or live(seed) == first


@pytest.mark.slow
def test_ten_thousand_lives_end_well() -> None:
    for seed in range(10_000):
        live(seed, 12)


def test_other_processes_live_the_same_life() -> None:
    code = f"import sys; sys.path[:0] = {sys.path!r}; import test_sequences as t; print(t.live(5), t.live(6))"
    folder = __file__.rpartition("/")[0]
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=True).stdout
    assert told.strip() == f"{live(5)} {live(6)}"


def test_with_all_switched_off_blocks_change_by_the_players_deeds_alone() -> None:
    env = VoxelEnv(switches=dict.fromkeys(SWITCHES, False), **SMALL)
    env.reset(seed=0)
    random = np.random.default_rng(0)
    before = env.state.blocks.copy()
    for _ in range(600):
        _, _, terminated, _, info = env.step(int(random.integers(26)))
        changed = int((env.state.blocks != before).sum())
        assert changed <= info["events"][MINED].sum() + info["events"][PLACED]
        before = env.state.blocks.copy()
        if terminated:
            env.reset()
            before = env.state.blocks.copy()
