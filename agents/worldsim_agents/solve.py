"""Scripted solutions of the voxel world's tasks: what the scoreboard calls "scripted". They know where the goal is.

`solver(task)` makes a policy for a task by name; `SOLUTIONS` is the table of scripts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from worldsim_agents.explore.deeds import fight
from worldsim_agents.explore.moves import approach, hold, level, look_at, tilt, turn
from worldsim_agents.explore.policies import Script, Scripted
from worldsim_agents.explore.view import View

_LOGS = ("oak_log", "birch_log", "spruce_log")
_CAKES = tuple(f"cake_{slices}" for slices in range(1, 8))


def solver(task: str) -> Scripted:
    """Return a policy that solves a task of `worldsim_envs.voxel.tasks.TASKS`, as a rule."""
    return Scripted(SOLUTIONS[task])


def go(view: View, rng: np.random.Generator, close: float = 1.5, most: int = 300) -> Iterator[str]:
    """Walk to the goal's place, round or through what stands in the way."""
    stuck = 0
    for _ in range(most):
        gap = view.goal
        if np.hypot(*gap[:2]) < close:
            return
        yaw = (np.degrees(np.arctan2(gap[0], gap[1])) - view.yaw + 180.0) % 360.0 - 180.0
        if abs(yaw) > 20.0:
            yield "turn_right" if yaw > 0 else "turn_left"
            continue
        stuck = stuck + 1 if view.bumped else 0
        if stuck > 12:
            stuck = 0
            yield from turn(float(rng.choice([-75.0, 75.0])))
            yield from hold("forward+jump", rng, 4, 9)
        else:
            yield "forward+jump" if view.bumped or view.in_water else "forward"


def _reach(act: str, names: tuple[str, ...] = (), pause: bool = False) -> Script:
    """Return the script that goes to the goal, looks at it or at the nearest of some blocks, and acts on and on."""

    def script(view: View, rng: np.random.Generator) -> Iterator[str]:
        yield from go(view, rng, 2.3)
        while True:
            offset = view.nearest(names, 8) if names else view.goal + np.array([0.0, 0.0, 0.5])
            if offset is None:
                offset = view.goal
            if np.hypot(*offset[:2]) > 3.0:
                yield from approach(view, offset, rng)
            yield from look_at(view, offset)
            for _ in range(20 if act == "attack" else 2):
                yield act
                if pause:
                    yield "noop"
                if names and act == "attack" and view.target is None:
                    break
            yield from hold("forward", rng, 1, 4)

    return script


def _walk(view: View, rng: np.random.Generator) -> Iterator[str]:
    yield from go(view, rng, 1.2)
    while True:
        yield from level(view)
        yield from hold("forward", rng, 2, 8)
        yield from go(view, rng, 1.2, 60)


def _cave(view: View, rng: np.random.Generator) -> Iterator[str]:
    """Down the stairs, which lead north."""
    while True:
        yield from go(view, rng, 0.8, 150)
        yield from turn((180.0 - view.yaw) % 360.0 - 180.0)
        yield from hold("forward", rng, 30, 60)


def _tower(view: View, rng: np.random.Generator) -> Iterator[str]:
    yield from tilt(90.0 - view.pitch)
    while True:
        yield from ["jump", "jump", "jump", "use", *["noop"] * 4]


def _night(view: View, rng: np.random.Generator) -> Iterator[str]:
    """A pillar of dirt is a safe bed from what cannot climb."""
    yield view.slot(("dirt",)) or "noop"
    for name, _ in zip(_tower(view, rng), range(9 + 8 * 7), strict=False):
        yield name
    while True:
        yield "noop"


def _craft_pickaxe(view: View, rng: np.random.Generator) -> Iterator[str]:
    yield from go(view, rng, 2.3)
    while True:
        for _ in range(5):
            offset = view.nearest(_LOGS, 10)
            if offset is None:
                break
            if np.hypot(*offset[:2]) > 2.5:
                yield from approach(view, offset, rng)
            yield from look_at(view, offset)
            yield from ["attack"] * 24
            yield from hold("forward", rng, 2, 5)
        yield from ["craft", "noop"] * 6
        table = view.slot(("crafting_table",))
        if table is not None:
            yield table
            yield from tilt(40.0 - view.pitch)
            yield from ["use", "noop"]
            yield from ["craft", "noop"] * 4
        yield from turn(90.0)
        yield from level(view)


SOLUTIONS: dict[str, Callable[[View, np.random.Generator], Iterator[str]]] = {
    "Navigate": _walk,
    "ChopTree": _reach("attack", _LOGS),
    "CollectSand": _reach("attack", ("sand",)),
    "MineIron": _reach("attack", ("iron_ore",)),
    "CrossWater": _walk,
    "BuildTower": _tower,
    "SurviveNight": _night,
    "Hunt": fight,
    "CraftPickaxe": _craft_pickaxe,
    "FindCave": _cave,
    "PaintSign": _reach("use", pause=True),
    "EatCake": _reach("use", _CAKES, pause=True),
    "ShatterGlass": _reach("attack"),
    "OpenDoor": _reach("use", pause=True),
}
