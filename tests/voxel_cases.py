"""What scenes of named events are made of: a stage, keys to hold, and the tick that the rules say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from voxel_scenes import FLOOR, Scene
from worldsim_envs.voxel import items, state
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.life.spawn import drop_item
from worldsim_envs.voxel.motion import AT_REST

X, Y = 16, 18  # the column two blocks before the player
NIGHT = 9000


@dataclass(frozen=True)
class Case:
    """A scene, the keys to hold, and the tick from 1 at which the event first happens; `once` for keys that are
    pressed at the first tick alone."""

    build: Callable[[], Scene]
    tick: int
    keys: tuple[str, ...] = ()
    once: bool = False


def walk_tick(way: float) -> int:
    """Return the tick at which a player who walks from rest has gone `way` blocks: push 0.098, drag 0.546 a tick."""
    gone, speed, tick = 0.0, 0.0, 0
    while gone < way:
        tick, speed = tick + 1, speed + 0.098
        gone, speed = gone + speed, speed * 0.546
    return tick


def fall_tick(drop: float, speed: float = AT_REST, gravity: float = 0.08) -> int:
    """Return the tick at which the player has fallen `drop` blocks from rest."""
    tick = 0
    while drop > 0.0:
        tick, drop, speed = tick + 1, drop + speed, (speed - gravity) * 0.98
    return tick


def sand_tick(drop: float) -> int:
    """Return the tick at which a falling block has fallen `drop` blocks: gravity comes before the way."""
    tick, speed = 0, 0.0
    while drop > 0.0:
        tick, speed = tick + 1, speed - 0.04
        drop, speed = drop + speed, speed * 0.98
    return tick


def scene(*systems: str, put: dict[tuple[int, int, int], str] | None = None, give: dict[str, int] | None = None,
          look: tuple[float, float] = (0.0, 0.0), player: tuple[float, float] = (16.5, 16.5), height: float = 0.0,
          vitals: dict[int, float] | None = None, marks: dict[int, int] | None = None) -> Scene:  # fmt: skip
    """Return a scene with some blocks, items in the hand and the player's state set."""
    made = Scene(*systems, player=player)
    for (x, y, z), block in (put or {}).items():
        made.put(x, y, FLOOR + z, block)
    made.give(**(give or {}))
    made.state.body[state.Z] += height
    for field, value in (vitals or {}).items():
        made.state.vitals[field] = value
    for field, mark in (marks or {}).items():
        made.state.marks[field] = mark
    made.look(*look)
    return made


def ahead(block: str, *systems: str, below: str = "stone", **rest: object) -> Scene:
    """Return a scene whose player looks straight at a block on another one."""
    return scene(*systems, put={(X, Y, 0): below, (X, Y, 1): block}, **rest)  # type: ignore[arg-type]


def item_of(column: np.ndarray, event: str) -> str:
    """Return the first item that has an event in one of items' columns."""
    return items.ITEM_NAMES[int(np.flatnonzero(column == EVENT[event])[0])]


def lying(item: str) -> Scene:
    """A thing on the ground at the player's feet that may be picked up in five ticks."""
    made = Scene("drops")
    drop_item(made.state.tick, items.ITEM_IDS[item], 1, 16.5, 16.5, float(FLOOR), 5)
    return made
