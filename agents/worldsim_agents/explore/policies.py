"""Recording policies: each follows one script; `mix`, the one to record with, goes through all of them in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import gymnasium as gym
import numpy as np

from worldsim_agents.explore import deeds, scripts
from worldsim_agents.explore.moves import STROKES, level, turn, way_out
from worldsim_agents.explore.view import View

Script = Callable[[View, np.random.Generator], Iterator[str]]


class Scripted:
    """A policy that follows a script, begun anew in every episode."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def reset(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        view = View(env)
        self._numbers = {name: number for number, name in enumerate(view.actions)}
        self._names = self._script(view, rng)

    def act(self, env: gym.Env[Any, Any], observation: Any, rng: np.random.Generator) -> int:
        return self._numbers[next(self._names)]


def explorer() -> Scripted:
    """Walks on and on, looks about, jumps what it can and turns away from what it cannot, swims up."""
    return Scripted(scripts.explore)


def miner() -> Scripted:
    """Mines a few blocks of different kinds wherever it comes."""
    return Scripted(scripts.mine)


def builder() -> Scripted:
    """Places rows, walls and single blocks, from five hotbar slots, and takes some away again."""
    return Scripted(scripts.build)


def gazer() -> Scripted:
    """Stands and looks around: whole turns, there and back, up and down, so that views come again."""
    return Scripted(scripts.look_away)


def jitter() -> Scripted:
    """Random actions, each held for a moment."""
    return Scripted(scripts.jitter)


def fighter() -> Scripted:
    """Goes to animals and monsters and strikes them."""
    return Scripted(deeds.fight)


def painter() -> Scripted:
    """Paints what is near, stroke by stroke."""
    return Scripted(deeds.paint)


def tinkerer() -> Scripted:
    """Opens doors, eats cake, shatters glass, lets sand fall, picks flowers."""
    return Scripted(deeds.tinker)


def crafter() -> Scripted:
    """Gathers wood and stone and makes things of them."""
    return Scripted(deeds.craft)


def meddler() -> Scripted:
    """Uses what is carried on the ground ahead: places, pours, kindles, sows, sleeps."""
    return Scripted(deeds.meddle)


def mix() -> Scripted:
    """All of them in turn, 40 to 120 steps each."""
    return Scripted(mixed)


# Script -> share of the stretches of `mix`.
SHARES: dict[Script, float] = {
    scripts.explore: 0.27, scripts.mine: 0.15, scripts.build: 0.13, scripts.look_away: 0.10, scripts.jitter: 0.13,
    deeds.fight: 0.06, deeds.paint: 0.05, deeds.tinker: 0.06, deeds.craft: 0.05,
}  # fmt: skip


def mixed(view: View, rng: np.random.Generator) -> Iterator[str]:
    """Follow one script after the other, each for 40 to 120 steps."""
    while True:
        script = list(SHARES)[rng.choice(len(SHARES), p=list(SHARES.values()))]
        if view.in_water and rng.random() < 0.7:
            script = scripts.explore
        for name in islice(script(view, rng), int(rng.integers(40, 121))):
            while view.under_water and rng.random() < 0.8:  # come up for air: the deep is dull
                yield STROKES[rng.integers(len(STROKES))]
            yield name
        yield from level(view)
        if view.room(0.0) < 2:
            yield from turn(way_out(view, rng))
