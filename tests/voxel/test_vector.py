"""The vector env: its rows are single envs, under each way of beginning anew."""

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import worldsim  # noqa: F401  registers the ids
from worldsim_envs.voxel.checks import VoxelError
from worldsim_envs.voxel.vector import VoxelVectorEnv

ID = "worldsim/ChopTreeDense-v0"
SMALL: dict[str, Any] = {"size": (16, 16), "world_size": (64, 64, 64), "num_levels": 2, "labels": ("pose", "biome")}
MODES = list(AutoresetMode)


def pair(mode: AutoresetMode, rows: int = 3, steps: int = 5) -> tuple[VoxelVectorEnv, SyncVectorEnv]:
    own = gym.make_vec(ID, rows, max_episode_steps=steps, autoreset_mode=mode, threads=2, **SMALL)
    one = [lambda: gym.make(ID, max_episode_steps=steps, disable_env_checker=True, **SMALL)] * rows
    return own.unwrapped, SyncVectorEnv(one, autoreset_mode=mode)  # type: ignore[return-value]


def same(mine: Any, theirs: Any) -> None:
    """Compare two observations, rewards, flags or infos, key by key."""
    if isinstance(theirs, dict):
        assert set(mine) == set(theirs)
        for key in theirs:
            same(mine[key], theirs[key])
    elif isinstance(theirs, np.ndarray) and theirs.dtype == object:
        for a, b in zip(mine, theirs, strict=True):
            assert (a is None and b is None) or np.array_equal(a, b)
    else:
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("mode", MODES)
def test_rows_are_single_envs(mode: AutoresetMode) -> None:
    own, theirs = pair(mode)
    for a, b in zip(own.reset(seed=7), theirs.reset(seed=7), strict=True):
        same(a, b)
    random = np.random.default_rng(0)
    for _ in range(12):
        actions = random.integers(0, own.single_action_space.n, 3)
        mine, other = own.step(actions), theirs.step(actions)
        for a, b in zip(mine, other, strict=True):
            same(a, b)
        over = mine[2] | mine[3]
        if mode is AutoresetMode.DISABLED and over.any():
            options = {"reset_mask": over}
            for a, b in zip(own.reset(options=options), theirs.reset(options={"reset_mask": over}), strict=True):
                same(a, b)
    own.close()


def test_each_row_has_the_seed_that_follows() -> None:
    own, _ = pair(AutoresetMode.NEXT_STEP)
    first, _ = own.reset(seed=3)
    again, _ = own.reset(seed=[5, 4, 3])
    np.testing.assert_array_equal(first, again[::-1])


def test_threads_change_nothing() -> None:
    frames = []
    for threads in (1, 3):
        env = VoxelVectorEnv(3, threads=threads, **SMALL)
        env.reset(seed=0)
        frames.append([env.step(np.array([1, 8, 14]))[0] for _ in range(4)])
        env.close()
    np.testing.assert_array_equal(*frames)


def test_snapshots_and_forks_go_on_exactly() -> None:
    env = VoxelVectorEnv(2, task="Navigate", dense=True, max_episode_steps=6, **SMALL)
    env.reset(seed=1)
    env.step(np.array([1, 6]))
    snapshot, twin = env.clone_state(), env.fork()
    first = [env.step(np.array([1, 12]))[:4] for _ in range(8)]
    env.restore_state(snapshot)
    for other in (env, twin):
        for a, b in zip([other.step(np.array([1, 12]))[:4] for _ in range(8)], first, strict=True):
            for x, y in zip(a, b, strict=True):
                same(x, y)


@pytest.mark.parametrize("kind", ["multidiscrete", "dict"])
def test_other_action_spaces_are_batched(kind: str) -> None:
    own = VoxelVectorEnv(2, action_space=kind, **SMALL)
    one = SyncVectorEnv([lambda: gym.make("worldsim/Voxel-v0", action_space=kind, **SMALL)] * 2)
    own.reset(seed=0)
    one.reset(seed=0)
    own.action_space.seed(4)
    for _ in range(3):
        actions = own.action_space.sample()
        np.testing.assert_array_equal(own.step(actions)[0], one.step(actions)[0])


def test_dict_observations_are_batched() -> None:
    env = VoxelVectorEnv(2, observations=("rgb", "depth", "pose"), **SMALL)
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert observation["rgb"].shape == (2, 16, 16, 3) and observation["depth"].shape == (2, 16, 16)


def test_wrong_use_is_named() -> None:
    with pytest.raises(VoxelError, match="num_envs must be in 1…4096, got 0"):
        VoxelVectorEnv(0)
    with pytest.raises(VoxelError, match="autoreset_mode must be one of"):
        VoxelVectorEnv(1, autoreset_mode="Sometimes", **SMALL)
    env = VoxelVectorEnv(2, autoreset_mode="Disabled", max_episode_steps=1, **SMALL)
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.zeros(2, np.int64))
    env.reset(seed=0)
    with pytest.raises(VoxelError, match="one action per row"):
        env.step(np.zeros(3, np.int64))
    with pytest.raises(VoxelError, match="action must be in"):
        env.step(np.array([0, 99]))
    env.step(np.zeros(2, np.int64))
    with pytest.raises(VoxelError, match="rows \\[0, 1\\] are over"):
        env.step(np.zeros(2, np.int64))


def test_making_it_by_id_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make_vec("worldsim/Voxel-v0", 2, **SMALL)
        env.reset(seed=0)
        env.step(env.action_space.sample())
        env.close()


def test_a_loop_as_cleanrl_writes_it_runs() -> None:
    envs = gym.make_vec("worldsim/ChopTreeDense-v0", 2, max_episode_steps=4, autoreset_mode="SameStep", **SMALL)
    envs = gym.wrappers.vector.RecordEpisodeStatistics(envs)
    observation, _ = envs.reset(seed=1)
    ends = 0
    for _ in range(10):
        observation, _, _, _, info = envs.step(envs.action_space.sample())
        ends += int(info["_episode"].sum()) if "episode" in info else 0
    assert observation.shape == (2, 16, 16, 3) and ends == 4
    envs.close()
