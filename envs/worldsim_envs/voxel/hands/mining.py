"""Mining: how long a block takes by hardness and tool, what it leaves, and glass, which shatters when struck."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import AIR, BLOCK_IDS, CRACK_STAGES
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.hands.ovens import empty_oven
from worldsim_envs.voxel.life.things import scatter
from worldsim_envs.voxel.pack import in_hand, take_in, wear
from worldsim_envs.voxel.switches import SWITCH
from worldsim_envs.voxel.systems.change import change
from worldsim_envs.voxel.systems.leaving import leave, left_by
from worldsim_envs.voxel.tables import HARDNESS, KIND, MATERIAL, MINED, NEEDS, SPEED, TIER, TOOL, TOOL_CLASS

_GLASS, _FIRE = BLOCK_IDS["glass"], BLOCK_IDS["fire"]
_FURNACE, _FURNACE_LIT = BLOCK_IDS["furnace"], BLOCK_IDS["furnace_lit"]
_FIRST_DOOR, _LAST_DOOR = BLOCK_IDS["door_x_shut_lower"], BLOCK_IDS["door_y_open_upper"]
_BED_FOOT, _BED_HEAD = BLOCK_IDS["bed_foot"], BLOCK_IDS["bed_head"]
_CRACKED, _SHATTERED, _FIRE_DIED = (EVENT[name] for name in ("cracked", "glass_shattered", "fire_died"))
_GLASS_ON, _TOOLS_ON, _DROPS_ON = (SWITCH[name] for name in ("glass", "tools", "drops"))


@inner
def mining_ticks(w, block):
    """Return how many ticks the block takes with what is in the hand, -1 for never."""
    hardness = HARDNESS[block]
    item = in_hand(w)
    if not w.switches[_TOOLS_ON] or hardness < 0 or TOOL[block] == 0 or TOOL_CLASS[item] != TOOL[block]:
        return hardness
    return max(1, int(np.ceil(hardness / SPEED[item])))


@inner
def may_keep(w, block):
    """Return whether the block leaves anything when mined with what is in the hand."""
    if not w.switches[_TOOLS_ON] or TIER[block] == 0:
        return True
    item = in_hand(w)
    return TOOL_CLASS[item] == TOOL[block] and MATERIAL[item] >= TIER[block]


@inner
def other_half(w, block, x, y, z):
    """Return the cell of the other half of a door or a bed, x -1 for none."""
    nx, ny, nz = w.grid[0].shape
    if _FIRST_DOOR <= block <= _LAST_DOOR:
        k = z - 1 if NEEDS[block] == NEEDS[_LAST_DOOR] else z + 1
        if 0 <= k < nz and _FIRST_DOOR <= w.grid[0][x, y, k] <= _LAST_DOOR:
            return x, y, k
    elif block == _BED_FOOT or block == _BED_HEAD:
        wanted = _BED_HEAD if block == _BED_FOOT else _BED_FOOT
        for side in range(4):
            i, j = (x + (side == 0) - (side == 1)) % nx, (y + (side == 2) - (side == 3)) % ny
            if w.grid[0][i, j, z] == wanted:
                return i, j, z
    return -1, -1, -1


@inner
def break_block(w, x, y, z, events):
    """Take a block out of the world as the player does, with its drops and events."""
    block = int(w.grid[0][x, y, z])
    keeps = may_keep(w, block)
    if block == _FURNACE or block == _FURNACE_LIT:
        empty_oven(w, x, y, z)
    i, j, k = other_half(w, block, x, y, z)
    if i >= 0:
        change(w, i, j, k, AIR)
    change(w, x, y, z, AIR)
    if block == _FIRE:
        events[_FIRE_DIED] += 1.0
        return
    events[KIND[block]] += 1.0
    if MINED[block] >= 0:
        events[MINED[block]] += 1.0
    if not keeps:
        return
    if w.switches[_DROPS_ON]:
        leave(w, block, x, y, z)
        return
    for second in range(2):
        item, count = left_by(w, block, second, x, y, z)
        if count > 0:
            take_in(w, item, count, events)


@inner
def mine(w, events):
    """Go on mining the targeted block; when it breaks it becomes air."""
    marks = w.marks
    if marks[s.SWING] == 0:
        marks[s.SWING] = s.SWING_TICKS
    x, y, z = marks[s.TARGET_X], marks[s.TARGET_Y], marks[s.TARGET_Z]
    block = int(w.grid[0][x, y, z])
    if marks[s.TARGET] == 0 or HARDNESS[block] < 0:
        marks[s.MINE_TICKS] = 0
        return
    if block == _GLASS and w.switches[_GLASS_ON]:
        marks[s.MINE_TICKS] = 0
        change(w, x, y, z, AIR)
        scatter(w, block, x, y, z)
        events[_SHATTERED] += 1.0
        events[KIND[block]] += 1.0
        events[MINED[block]] += 1.0
        return
    if marks[s.MINE_X] != x or marks[s.MINE_Y] != y or marks[s.MINE_Z] != z:
        marks[s.MINE_X], marks[s.MINE_Y], marks[s.MINE_Z], marks[s.MINE_TICKS] = x, y, z, 0
    need = mining_ticks(w, block)
    before = marks[s.MINE_TICKS] * CRACK_STAGES // max(1, need)
    marks[s.MINE_NEED] = need
    marks[s.MINE_TICKS] += 1
    if marks[s.MINE_TICKS] < need:
        if marks[s.MINE_TICKS] * CRACK_STAGES // max(1, need) != before:
            events[_CRACKED] += 1.0
        return
    marks[s.MINE_TICKS] = 0
    break_block(w, x, y, z, events)
    wear(w, events)
