"""What stands only while something holds it: plants, torches, snow, doors and cakes; and leaves, which need a log."""

from __future__ import annotations

from worldsim_envs.voxel.blocks import AIR, BLOCK_IDS
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.switches import SWITCH
from worldsim_envs.voxel.systems.change import LEAF_REACH, change
from worldsim_envs.voxel.systems.leaving import leave
from worldsim_envs.voxel.tables import DOOR_BELOW, FLOOR_OR_WALL, FLUID, LOG, NEEDS, OPAQUE, SOIL, SOLID, WATER_BELOW

FARMLAND = BLOCK_IDS["farmland"]
_FIRST_DOOR, _LAST_DOOR = BLOCK_IDS["door_x_shut_lower"], BLOCK_IDS["door_y_open_upper"]
_DECAYED, _UPROOTED = EVENT["leaf_decayed"], EVENT["uprooted"]
_DECAY_ON = SWITCH["decay"]


@inner
def is_held(w, block, x, y, z):
    """Return whether a block would find what it needs at a cell."""
    blocks = w.grid[0]
    nx, ny = blocks.shape[0], blocks.shape[1]
    need = NEEDS[block]
    if need == 0 or z == 0:
        return need == 0
    below = int(blocks[x, y, z - 1])
    if need == SOIL:
        return below == FARMLAND
    if need == WATER_BELOW:
        return FLUID[below] == 1
    if need == DOOR_BELOW:
        return _FIRST_DOOR <= below <= _LAST_DOOR
    if SOLID[below]:
        return True
    if need != FLOOR_OR_WALL:
        return False
    return (
        OPAQUE[blocks[(x + 1) % nx, y, z]]
        or OPAQUE[blocks[(x - 1) % nx, y, z]]
        or OPAQUE[blocks[x, (y + 1) % ny, z]]
        or OPAQUE[blocks[x, (y - 1) % ny, z]]
    ) > 0


@inner
def check_roots(w, x, y, z, events):
    """Let the block at a cell go if nothing holds it any more."""
    block = int(w.grid[0][x, y, z])
    if not is_held(w, block, x, y, z):
        if NEEDS[block] != DOOR_BELOW:
            leave(w, block, x, y, z)
        change(w, x, y, z, AIR)
        events[_UPROOTED] += 1.0


@inner
def decay(w, x, y, z, events):
    """Let the leaves at a cell go if no log is within LEAF_REACH steps."""
    if not w.switches[_DECAY_ON]:
        return
    blocks = w.grid[0]
    nx, ny, nz = blocks.shape
    for i in range(-LEAF_REACH, LEAF_REACH + 1):
        for j in range(-LEAF_REACH, LEAF_REACH + 1):
            rest = LEAF_REACH - abs(i) - abs(j)
            for k in range(max(-rest, -z), min(rest, nz - 1 - z) + 1):
                if LOG[blocks[(x + i) % nx, (y + j) % ny, z + k]]:
                    return
    leave(w, int(blocks[x, y, z]), x, y, z)
    change(w, x, y, z, AIR)
    events[_DECAYED] += 1.0
