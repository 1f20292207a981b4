"""Bringing entities into the world: creatures in the first rows, things in the others, so that neither crowds out."""

from __future__ import annotations

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.chance import chance
from worldsim_envs.voxel.compiled import compiled, inner
from worldsim_envs.voxel.kinds import DROP, FIRST_CREATURE
from worldsim_envs.voxel.motion import apart
from worldsim_envs.voxel.tables import HEARTS, STACK

CREATURES = 24  # rows of creatures; the rest is for things
_MERGE = 1.2


@inner
def free_row(w, kind):
    """Return a free row for an entity of a kind, -1 if there is none."""
    first, last = (0, CREATURES) if kind >= FIRST_CREATURE else (CREATURES, s.MAX_ENTITIES)
    for row in range(first, last):
        if w.kinds[row, s.KIND] == 0:
            return row
    return -1


@compiled
def spawn(w, kind, x, y, z):
    """Bring an entity of a kind into the world, its feet at a point. Return its row, -1 if none is free."""
    row = free_row(w, kind)
    if row < 0:
        return row
    w.kinds[row, :] = 0
    w.entities[row, :] = 0.0
    w.kinds[row, s.KIND], w.kinds[row, s.HEARTS] = kind, HEARTS[kind]
    w.kinds[row, s.NUMBER] = w.marks[s.NEXT_NUMBER]
    w.marks[s.NEXT_NUMBER] += 1
    w.entities[row, s.X] = x % w.grid[0].shape[0]
    w.entities[row, s.Y] = y % w.grid[0].shape[1]
    w.entities[row, s.Z], w.entities[row, s.GROWN] = z, 1.0
    w.entities[row, s.YAW] = 360.0 * chance(w.random[1], w.kinds[row, s.NUMBER], 51)
    w.entities[row, s.HEAD_YAW] = w.entities[row, s.YAW]
    return row


@compiled
def remove(w, row):
    """Take an entity out of the world."""
    w.kinds[row, :] = 0
    w.entities[row, :] = 0.0


@inner
def oldest_drop(w):
    """Return the row of the drop that has lain longest, -1 for none."""
    found, age = -1, -1
    for row in range(CREATURES, s.MAX_ENTITIES):
        if w.kinds[row, s.KIND] == DROP and w.kinds[row, s.AGE] > age:
            found, age = row, w.kinds[row, s.AGE]
    return found


@compiled
def drop_item(w, item, count, x, y, z, pause):
    """Let an item lie at a point, to be picked up after `pause` ticks; it joins its like nearby. Returns its row."""
    nx, ny = w.grid[0].shape[0], w.grid[0].shape[1]
    for row in range(CREATURES, s.MAX_ENTITIES):
        if (
            w.kinds[row, s.KIND] == DROP
            and w.kinds[row, s.CARRIES] == item
            and STACK[item] > 1
            and abs(apart(w.entities[row, s.X], x, nx)) < _MERGE
            and abs(apart(w.entities[row, s.Y], y, ny)) < _MERGE
            and abs(w.entities[row, s.Z] - z) < _MERGE
        ):
            w.kinds[row, s.AMOUNT] += count
            w.kinds[row, s.PAUSE] = max(w.kinds[row, s.PAUSE], pause)
            return row
    row = spawn(w, DROP, x, y, z)
    if row < 0:
        old = oldest_drop(w)
        if old < 0:
            return -1
        remove(w, old)
        row = spawn(w, DROP, x, y, z)
    number = w.kinds[row, s.NUMBER]
    w.kinds[row, s.CARRIES], w.kinds[row, s.AMOUNT], w.kinds[row, s.PAUSE] = item, count, pause
    w.entities[row, s.VX] = 0.1 * (chance(w.random[0], number, 52) - 0.5)
    w.entities[row, s.VY] = 0.1 * (chance(w.random[0], number, 53) - 0.5)
    w.entities[row, s.VZ] = 0.12
    return row
