"""Every prompted task can be done: a script that knows where the goal is does it within the task's steps."""

import gymnasium as gym
import numpy as np
import pytest

import worldsim  # noqa: F401  registers the ids
from worldsim_agents.solve import SOLUTIONS, solver
from worldsim_envs.voxel.tasks import PROMPTED


def solved(task: str, seed: int) -> bool:
    env = gym.make(f"worldsim/{task}-v0", size=(16, 16), disable_env_checker=True)
    observation, info = env.reset(seed=seed)
    policy, rng, ended = solver(task), np.random.default_rng(seed), False
    policy.reset(env, rng)
    while not ended:
        observation, _, terminated, truncated, info = env.step(policy.act(env, observation, rng))
        ended = terminated or truncated
    return info["success"]


def test_every_prompted_task_has_a_solution() -> None:
    assert set(SOLUTIONS) == set(PROMPTED)


@pytest.mark.parametrize("task", PROMPTED)
def test_a_script_solves_it(task: str) -> None:
    assert sum(solved(task, seed) for seed in range(3)) >= 2
