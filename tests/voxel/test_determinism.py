"""With every system on a life is the same in another process, on a fork, and after going back: frames and state."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.switches import SWITCHES

ALL_ON = dict.fromkeys(SWITCHES, True)
THINGS = {"iron_pickaxe": 1, "water_bucket": 1, "flint_and_steel": 1, "sand": 64, "planks": 64, "brush": 1,
          "lava_bucket": 1, "bread": 16, "torch": 16}  # fmt: skip


def begun(seed: int) -> VoxelEnv:
    """An env in which a night and weathers come, and the dead stand up again."""
    env = VoxelEnv(task="Workshop", switches=ALL_ON, items=THINGS, day_length=4800, num_levels=4)
    env.reset(seed=seed)
    return env


def lived(env: VoxelEnv, first: int, last: int) -> list[str]:
    """Act at random from step `first` to `last`; returns a hash of each 100 steps: frames, events, rewards, state."""
    hashes, digest, action = [], hashlib.sha256(), 0
    for step in range(first, last):
        random = np.random.default_rng(step)
        if step % 3 == 0 or step == first:
            action = int(random.integers(env.action_space.n))  # type: ignore[attr-defined]
        frame, reward, ended, _, info = env.step(action)
        assert not ended
        digest.update(frame.tobytes() + info["events"].tobytes() + np.float64(reward).tobytes())
        if step % 500 == 0:
            env.set_weather(("rain", "snow", "thunder", "clear")[step // 500 % 4], now=False)
        if step % 100 == 99:
            for name, value in vars(env.state).items():
                digest.update(name.encode() + value.tobytes())
            hashes.append(digest.hexdigest())
    return hashes


def in_another_process(seed: int, steps: int) -> list[str]:
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    code += f"import test_determinism as t; print(*t.lived(t.begun({seed}), 0, {steps}))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("steps", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_life_is_the_same_in_another_process_on_a_fork_and_after_going_back(steps: int) -> None:
    env, half = begun(3), steps // 200 * 100
    start, early = env.clone_state(), lived(env, 0, half)
    middle, twin = env.clone_state(), env.fork()
    late = lived(env, half, steps)
    assert len(set(early + late)) == steps // 100 and lived(twin, half, steps) == late
    assert twin.state.equals(env.state)
    env.restore_state(middle)
    assert lived(env, half, steps) == late
    env.restore_state(start)
    assert lived(env, 0, half) == early
    # Hashes begin anew with each call: a life without a break has the same first half, and its own second one.
    whole = in_another_process(3, steps)
    assert whole[: half // 100] == early and len(whole) == steps // 100
    env.restore_state(start)
    assert lived(env, 0, steps) == whole
