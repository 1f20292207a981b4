"""The exploitation gap: what a policy earns in the learned world, less what it earns in the true one from there.

Each pair begins in one and the same true state, with the same frames seen, and lasts as long; so the gap is what the
policy owes to the model's mistakes, and not to other starts or longer episodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv

from worldsim_agents.rl.players import Player, play
from worldsim_agents.rl.presets import preset
from worldsim_agents.rl.worlds import Setting, encoder_of, open_world, seen_as
from worldsim_agents.sb3 import AdapterError
from worldsim_envs.learned import LearnedVectorEnv

__all__ = ["FromState", "Gap", "exploitation"]


@dataclass(frozen=True)
class Gap:
    """Returns f64 (N,) of pairs of rollouts from the same states, and how many steps the learned ones lasted."""

    learned: np.ndarray
    true: np.ndarray
    lengths: np.ndarray

    @property
    def value(self) -> float:
        """Mean return in the learned world less the mean in the true one."""
        return float(self.learned.mean() - self.true.mean())


class FromState(gym.Env[Any, Any]):
    """A true env whose every episode begins where it stands now, and lasts so many steps at most."""

    def __init__(self, true: Any, horizon: int) -> None:
        self.true, self.horizon = true, horizon
        self.observation_space, self.action_space = true.observation_space, true.action_space
        self._state, self._elapsed = true.unwrapped.clone_state(), 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self._elapsed = 0
        return self.true.unwrapped.restore_state(self._state), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, _, info = self.true.step(int(action))
        self._elapsed += 1
        return observation, reward, terminated, self._elapsed >= self.horizon, info


def exploitation(
    setting: Setting, player: Player, stack: int, episodes: int, seed: int, deterministic: bool = False
) -> Gap:
    """Play pairs of rollouts with one player, on levels that no training saw; `deterministic` as in `play`.

    Raises:
        AdapterError: rollouts do not begin in the true world.
    """
    if setting.start != "true":
        raise AdapterError('the gap compares rollouts from the very same true states; set start="true"')
    learned_envs = open_world("learned", setting, stack, test=True)
    raw: Any = learned_envs.unwrapped
    learned: LearnedVectorEnv = raw.envs
    encoder = encoder_of(setting)
    horizon = setting.horizon or preset(setting.task).horizon
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for number in range(-(-episodes // setting.rows)):
        first = seed + number * setting.rows
        learned_envs.seed(first)
        learned_envs.reset()  # the very reset that `play` makes again: one seed, one start
        twins = [FromState(learned.true_twin(row), horizon) for row in range(setting.rows)]
        mine = play(learned_envs, player, setting.rows, first, deterministic)
        if setting.guard:  # it may have cut a rollout short: the true one ends with it
            for twin, length in zip(twins, mine.lengths, strict=True):
                twin.horizon = int(length)
        true = seen_as(DummyVecEnv([lambda twin=twin: twin for twin in twins]), setting, stack, encoder)
        theirs = play(true, player, setting.rows, first, deterministic)
        found.append((mine.returns, theirs.returns, mine.lengths))
        true.close()
    learned_envs.close()
    returns, truth, lengths = (np.concatenate([part[i] for part in found])[:episodes] for i in range(3))
    return Gap(returns, truth, lengths)
