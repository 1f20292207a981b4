"""Scripts of someone alone in the world: explore, mine, build, look away and back, do anything.

A script is a generator of action names that looks through a `View`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from worldsim_agents.explore.moves import SLOTS, hold, level, look_at, mine_on, nod, slot, turn, walk, way_out
from worldsim_agents.explore.view import TURN, View


def explore(view: View, rng: np.random.Generator) -> Iterator[str]:
    while True:
        yield from walk(view, rng, int(rng.integers(10, 35)))
        aside = rng.random()
        if aside < 0.14:
            yield from turn(rng.choice([-1, 1]) * rng.integers(2, 7) * TURN)
        elif aside < 0.32:
            yield from nod(view, rng)
        elif aside < 0.58:
            yield from hold(str(rng.choice(["left", "right"])), rng, 4, 10)
        elif aside < 0.68:
            yield from hold("back", rng, 3, 8)
        elif aside < 0.74:
            yield from hold("jump", rng, 1, 6)
        elif aside < 0.86:
            yield from hold("noop", rng, 2, 8)
        elif aside < 0.92:
            yield from hold(slot(rng), rng, 1, 4)


def mine(view: View, rng: np.random.Generator) -> Iterator[str]:
    while True:
        for _ in range(rng.integers(1, 4)):
            offsets, kinds = view.reachable()
            if len(kinds):
                kind = rng.choice(np.unique(kinds))  # any kind as likely as any other, so rare ones are not left out
                chosen = offsets[rng.choice(np.flatnonzero(kinds == kind))]
                yield from look_at(view, chosen)
                yield from mine_on(view)
        yield from level(view)
        yield from turn(way_out(view, rng))
        yield from hold("forward+attack", rng, 1, 6)
        yield from walk(view, rng, int(rng.integers(3, 14)))


def build(view: View, rng: np.random.Generator) -> Iterator[str]:
    while True:
        yield from hold(slot(rng), rng, 2, 5)
        while view.target is None and view.pitch < 60.0:
            yield "look_down"
        side = str(rng.choice(["turn_left", "turn_right"]))
        for _ in range(rng.integers(3, 8)):
            yield from hold("use", rng, 1, 3)
            yield from hold(str(rng.choice([side, side, "back", "look_up", "noop", slot(rng)])), rng, 1, 3)
        if rng.random() < 0.3 and view.target is not None:
            yield from mine_on(view)
        yield from level(view)
        yield from turn(way_out(view, rng))
        yield from walk(view, rng, int(rng.integers(2, 12)))


def look_away(view: View, rng: np.random.Generator) -> Iterator[str]:
    while True:
        there, back = ("turn_left", "turn_right") if rng.random() < 0.5 else ("turn_right", "turn_left")
        steps = int(rng.choice([3, 6, 12, 24]))
        yield from [there] * steps
        yield from hold("noop", rng, 2, 8)
        if rng.random() < 0.7:
            yield from [back] * steps
        yield from nod(view, rng)
        yield from hold("noop", rng, 1, 5)


# What the other scripts do seldom, and random actions therefore more often.
_SELDOM = ("noop", "left", "right", *SLOTS, "use", "forward+attack", "next_recipe", "craft", "drop", "drop", "drop")


def jitter(view: View, rng: np.random.Generator) -> Iterator[str]:
    while True:
        name = str(rng.choice([*view.actions, *_SELDOM]))
        for _ in range(rng.geometric(0.4)):
            if abs(view.pitch) > 35.0:
                name = "look_up" if view.pitch > 0 else "look_down"
            yield name
