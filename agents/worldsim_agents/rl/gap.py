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

from worldsim.data.truth import Pictured
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


class FromState(gym.Wrapper[Any, Any, Any, Any]):
    """The true world from where a learned one began: every episode begins there, and lasts so many steps at most.

    Args:
        learned: rows that began in the true world.
        row: which of them.
        horizon: most steps of an episode.

    Raises:
        EnvError: it did not begin there, or that world neither keeps states nor repeats itself.
    """

    def __init__(self, learned: LearnedVectorEnv, row: int, horizon: int) -> None:
        card = learned.world.card
        super().__init__(Pictured(learned.true_twin(row), card.size, card.env.get("image_key")))
        self.horizon, self._elapsed = horizon, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self._elapsed = 0
        return self.env.reset()

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._elapsed += 1
        return observation, reward, terminated, truncated or self._elapsed >= self.horizon, info


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
        twins = [FromState(learned, row, horizon) for row in range(setting.rows)]
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
