"""Placing: the thing in the hand becomes a block against the targeted face, where it can stand and nobody is."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import AIR, BLOCK_IDS
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.items import ITEM_IDS
from worldsim_envs.voxel.kinds import FIRST_CREATURE
from worldsim_envs.voxel.motion import HALF_WIDTH, HEIGHT, apart
from worldsim_envs.voxel.pack import in_hand, take_in
from worldsim_envs.voxel.systems.change import change
from worldsim_envs.voxel.systems.plants import is_held
from worldsim_envs.voxel.tables import FLUID, PLACED, PLACES, SIZES, SOLID, WASHED

_BED_HEAD = BLOCK_IDS["bed_head"]
_DOOR_X, _DOOR_Y = BLOCK_IDS["door_x_shut_lower"], BLOCK_IDS["door_y_shut_lower"]
_DOOR, _BED, _BUCKET, _WATER_BUCKET, _LAVA_BUCKET = (
    ITEM_IDS[name] for name in ("door", "bed", "bucket", "water_bucket", "lava_bucket")
)
_PLACED = EVENT["placed"]


@inner
def put_target(w):
    """Return the cell in front of the targeted face."""
    nx, ny = w.grid[0].shape[0], w.grid[0].shape[1]
    face = w.marks[s.TARGET_FACE]
    return (
        (w.marks[s.TARGET_X] + (face == 0) - (face == 1)) % nx,
        (w.marks[s.TARGET_Y] + (face == 2) - (face == 3)) % ny,
        w.marks[s.TARGET_Z] + (face == 4) - (face == 5),
    )


@inner
def is_occupied(w, x, y, z):
    """Return whether the player or a creature stands in a cell."""
    nx, ny = w.grid[0].shape[0], w.grid[0].shape[1]
    body = w.body
    if (
        abs(apart(body[s.X], x + 0.5, nx)) < 0.5 + HALF_WIDTH
        and abs(apart(body[s.Y], y + 0.5, ny)) < 0.5 + HALF_WIDTH
        and z + 1 > body[s.Z]
        and z < body[s.Z] + HEIGHT
    ):
        return True
    for row in range(s.MAX_ENTITIES):
        kind, e = w.kinds[row, s.KIND], w.entities[row]
        if (
            kind >= FIRST_CREATURE
            and abs(apart(e[s.X], x + 0.5, nx)) < 0.5 + SIZES[kind, 0]
            and abs(apart(e[s.Y], y + 0.5, ny)) < 0.5 + SIZES[kind, 0]
            and z + 1 > e[s.Z]
            and z < e[s.Z] + SIZES[kind, 1]
        ):
            return True
    return False


@inner
def is_open(w, x, y, z):
    """Return whether a block can be put into a cell: air, a fluid, or what gives way."""
    if z < 0 or z >= w.grid[0].shape[2]:
        return False
    block = int(w.grid[0][x, y, z])
    return block == AIR or FLUID[block] > 0 or WASHED[block] > 0


@inner
def ahead(body):
    """Return the step x, y along the axis that the player faces."""
    yaw = np.radians(body[s.YAW])
    east, north = np.sin(yaw), np.cos(yaw)
    if abs(east) > abs(north):
        return (1 if east > 0 else -1), 0
    return 0, (1 if north > 0 else -1)


@inner
def place(w, events):
    """Put the thing in the hand down. Return whether it was."""
    item, slot = in_hand(w), w.marks[s.SLOT]
    block = int(PLACES[item])
    if w.marks[s.TARGET] == 0 or item == 0 or block == AIR:
        return False
    x, y, z = put_target(w)
    tx, ty, tz = w.marks[s.TARGET_X], w.marks[s.TARGET_Y], w.marks[s.TARGET_Z]
    if WASHED[w.grid[0][tx, ty, tz]]:
        x, y, z = tx, ty, tz  # into the grass, not before it
    dx, dy = ahead(w.body)
    if item == _DOOR:
        block = _DOOR_X if dx != 0 else _DOOR_Y
    if not is_open(w, x, y, z) or w.grid[0][x, y, z] == block or not is_held(w, block, x, y, z):
        return False
    if SOLID[block] and is_occupied(w, x, y, z):
        return False
    nx, ny = w.grid[0].shape[0], w.grid[0].shape[1]
    if item == _DOOR:
        if not is_open(w, x, y, z + 1) or is_occupied(w, x, y, z + 1):
            return False
        change(w, x, y, z, block)
        change(w, x, y, z + 1, block + 1)
    elif item == _BED:
        i, j = (x + dx) % nx, (y + dy) % ny
        if not is_open(w, i, j, z) or is_occupied(w, i, j, z):
            return False
        change(w, x, y, z, block)
        change(w, i, j, z, _BED_HEAD)
    else:
        change(w, x, y, z, block)
    w.inventory[slot, s.COUNT] -= 1
    if item == _WATER_BUCKET or item == _LAVA_BUCKET:
        take_in(w, _BUCKET, 1, events)
    events[_PLACED] += 1.0
    if PLACED[item] >= 0:
        events[PLACED[item]] += 1.0
    return True
