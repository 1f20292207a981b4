"""The recording mix under a sky that changes as captions do, which gives words in mid-episode a meaning."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from worldsim.data.rollout import CAPTION_ROWS
from worldsim_agents.explore.policies import Scripted, mix

__all__ = ["Changing", "changing", "restless"]

SKIES = ("clear", "rain", "snow", "thunder")


class Changing:
    """A recording policy that follows another, and now and then sets the weather, the time of day, or both.

    It does so where one caption ends and the next begins, so each caption holds for all of its frames, and a new one
    is the only sign of what comes: in play, that is a prompt set in mid-rollout.

    Args:
        inner: who acts.
        often: probability, 0 … 1, of a change with each caption.
    """

    def __init__(self, inner: Scripted, often: float = 0.5) -> None:
        self._inner, self._often, self._row = inner, often, 0

    def reset(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        self._inner.reset(env, rng)
        self._row = 0

    def act(self, env: gym.Env[Any, Any], observation: Any, rng: np.random.Generator) -> int:
        self._row += 1  # the row that this action leads to
        if self._row % CAPTION_ROWS == 0 and rng.random() < self._often:
            world: Any = env.unwrapped
            what = rng.choice(("weather", "time", "both"), p=(0.45, 0.35, 0.2))
            if what != "time":
                world.set_weather(str(rng.choice(SKIES)))
            if what != "weather":
                world.set_time(float(rng.random()))
        return self._inner.act(env, observation, rng)


def changing() -> Changing:
    """The recording mix under a sky that changes with every other caption."""
    return Changing(mix())


def restless() -> Changing:
    """The same with every caption: in short episodes, many worlds under every sky."""
    return Changing(mix(), often=1.0)
