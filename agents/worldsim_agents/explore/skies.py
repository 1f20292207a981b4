"""The recording mix in a world that changes as captions do, which gives words in mid-episode a meaning."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from worldsim.data.rollout import CAPTION_ROWS
from worldsim_agents.explore.policies import Scripted, mix
from worldsim_envs.voxel.language import EDITS
from worldsim_envs.voxel.language.facts import weather_of
from worldsim_envs.voxel.language.words import event_sentence

__all__ = ["Changing", "Eventful", "changing", "eventful", "restless"]

SKIES = ("clear", "rain", "snow", "thunder")
NOTHING = "nothing changes"
APPEARS = tuple(sentence for sentence in EDITS if " appears " in sentence)
# What of the weather may be said to begin and to end while another weather reigns.
BEGINS = {sky: event_sentence(f"{sky}_began") for sky in SKIES[1:]}
ENDS = {sky: event_sentence(f"{sky}_ended") for sky in SKIES[1:]}
HOURS = tuple(s for s in EDITS if s not in {*APPEARS, *BEGINS.values(), *ENDS.values(), NOTHING})


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
        if self._row % CAPTION_ROWS == 0:
            self._change(env.unwrapped, rng)
        return self._inner.act(env, observation, rng)

    def _change(self, world: Any, rng: np.random.Generator) -> None:
        """What happens to the world where a caption begins."""
        if rng.random() < self._often:
            what = rng.choice(("weather", "time", "both"), p=(0.45, 0.35, 0.2))
            if what != "time":
                world.set_weather(str(rng.choice(SKIES)))
            if what != "weather":
                world.set_time(float(rng.random()))


class Eventful(Changing):
    """A recording policy that follows another, and with each caption does one of the world's `EDITS`, and says so.

    The weather begins or ends, the sun rises, a creature or a thing appears, or nothing changes. `sentence` says which,
    until the next one; the recorder takes it for a caption, or adds it to one.

    Args:
        inner: who acts.
        shares: how often it is the weather, the time of day, something that appears, and nothing.
    """

    def __init__(self, inner: Scripted, shares: tuple[float, float, float, float] = (0.4, 0.25, 0.25, 0.1)) -> None:
        super().__init__(inner)
        self._shares, self.sentence = shares, ""

    def reset(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        super().reset(env, rng)
        self.sentence = ""

    def _change(self, world: Any, rng: np.random.Generator) -> None:
        choices = (_weathers(weather_of(world.state)), HOURS, APPEARS, (NOTHING,))
        self.sentence = str(rng.choice(choices[int(rng.choice(len(choices), p=self._shares))]))
        EDITS[self.sentence](world)


def changing() -> Changing:
    """The recording mix under a sky that changes with every other caption."""
    return Changing(mix())


def restless() -> Changing:
    """The same with every caption: in short episodes, many worlds under every sky."""
    return Changing(mix(), often=1.0)


def eventful() -> Eventful:
    """The recording mix in a world in which something happens with every caption, and is said."""
    return Eventful(mix())


def _weathers(now: str) -> tuple[str, ...]:
    """What the weather may do while this one reigns."""
    return (*(begins for sky, begins in BEGINS.items() if sky != now), *((ENDS[now],) if now in ENDS else ()))
