"""Players between good and bad: they follow the script of a task, and now and then they slip, or wander off."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from worldsim_agents.explore import mix
from worldsim_agents.explore.policies import Scripted
from worldsim_agents.solve import SOLUTIONS, solver
from worldsim_envs.voxel.tasks import TASKS

__all__ = ["Clumsy", "Wanderer", "clumsy", "wanderer"]

LONGEST_SLIP = 6  # steps
LONGEST_WALK = 40


class Clumsy:
    """A recording policy that slips: from each step on, with some probability, it acts at random for a while.

    Args:
        script: whom it follows otherwise.
        slips: probability per step, 0 … 1, that a slip begins.
        whole: share of episodes in which it never slips.
    """

    def __init__(self, script: Scripted, slips: float = 0.05, whole: float = 0.0) -> None:
        self._script, self._slips, self._whole = script, slips, whole
        self._left, self._action, self._slip = 0, 0, slips

    def reset(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        self._script.reset(env, rng)
        self._left, self._slip = 0, 0.0 if rng.random() < self._whole else self._slips

    def act(self, env: gym.Env[Any, Any], observation: Any, rng: np.random.Generator) -> int:
        if self._left == 0 and rng.random() < self._slip:
            self._left = int(rng.integers(1, LONGEST_SLIP + 1))
            self._action = int(rng.integers(env.action_space.n))  # type: ignore[attr-defined]
        if self._left:
            self._left -= 1
            return self._action
        return self._script.act(env, observation, rng)


class Wanderer:
    """A recording policy that solves the task of the env it is in, and now and then leaves it to explore for a while.

    Args:
        walks: probability per step, 0 … 1, that it wanders off.
    """

    def __init__(self, walks: float = 0.02) -> None:
        self._walks, self._left = walks, 0

    def reset(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        task = next(name for name, row in TASKS.items() if row is env.unwrapped.task)  # type: ignore[attr-defined]
        self._script, self._other = _follower(task), mix()
        self._script.reset(env, rng)
        self._other.reset(env, rng)
        self._left = 0

    def act(self, env: gym.Env[Any, Any], observation: Any, rng: np.random.Generator) -> int:
        if self._left == 0 and rng.random() < self._walks:
            self._left = int(rng.integers(4, LONGEST_WALK + 1))
        self._left = max(0, self._left - 1)
        return (self._other if self._left else self._script).act(env, observation, rng)


def clumsy(task: str, slips: float = 0.05, whole: float = 0.0) -> Clumsy:
    """A clumsy player of a task: of its scripted solution, or of the recording mix where it has none."""
    return Clumsy(_follower(task), slips, whole)


def wanderer() -> Wanderer:
    """To record tasks with: `worldsim record --env worldsim/ChopTree-v0 --policy worldsim_agents.clumsy:wanderer`."""
    return Wanderer()


def _follower(task: str) -> Any:
    return solver(task) if task in SOLUTIONS else mix()
