"""Water and lava: they fall, spread sideways by levels, recede without their source, and turn to stone where they meet.

A source keeps its level; any other cell has the level that its neighbours give it: full under the same fluid, else one
(lava: one) less than its highest neighbour that can flow sideways. Two sources of water beside a cell make a third.
"""

from __future__ import annotations

from worldsim_envs.voxel.blocks import AIR, BLOCK_IDS
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.systems.change import change, touches_fluid
from worldsim_envs.voxel.systems.fire import catches, light_fire
from worldsim_envs.voxel.systems.leaving import leave
from worldsim_envs.voxel.tables import FLOWING, FLUID, LEVEL, WASHED

WATER_KIND, LAVA_KIND = 1, 2
_OBSIDIAN, _COBBLESTONE, _STONE = (BLOCK_IDS[name] for name in ("obsidian", "cobblestone", "stone"))
_WATER_FLOWED, _LAVA_FLOWED, _MET, _RECEDED = (
    EVENT[name] for name in ("water_flowed", "lava_flowed", "lava_met_water", "fluid_receded")
)


@inner
def source_level(fluid):
    """Return the level of a source of a fluid."""
    return 8 if fluid == WATER_KIND else 4


@inner
def stands(w, x, y, z, fluid):
    """Return whether a fluid at a cell cannot go down, so that it spreads sideways."""
    if z == 0:
        return True
    below = int(w.grid[0][x, y, z - 1])
    if below == AIR or WASHED[below]:
        return False
    return FLUID[below] != fluid or LEVEL[below] == source_level(fluid)


@inner
def fed_level(w, x, y, z, fluid):
    """Return the level that neighbours give a cell, 0 for none."""
    blocks = w.grid[0]
    nx, ny, nz = blocks.shape
    highest, sources = 0, 0
    if z + 1 < nz and FLUID[blocks[x, y, z + 1]] == fluid:
        return source_level(fluid) - 1
    for side in range(4):
        i, j = (x + (side == 0) - (side == 1)) % nx, (y + (side == 2) - (side == 3)) % ny
        block = int(blocks[i, j, z])
        if FLUID[block] == fluid:
            source = LEVEL[block] == source_level(fluid)
            sources += source
            if source or stands(w, i, j, z, fluid):
                highest = max(highest, int(LEVEL[block]) - 1)
    if fluid == WATER_KIND and sources >= 2 and stands(w, x, y, z, fluid):
        return source_level(fluid)
    return highest


@inner
def enter(w, x, y, z, fluid, level, events):
    """Let a fluid come into a cell if it is open to it."""
    block = int(w.grid[0][x, y, z])
    other = FLUID[block]
    if other == LAVA_KIND and fluid == WATER_KIND:
        return  # the lava will see the water and turn
    if other == WATER_KIND and fluid == LAVA_KIND:
        events[_MET] += 1.0
        change(w, x, y, z, _STONE)
        return
    if other == 0 and (block == AIR or WASHED[block]):
        if WASHED[block]:
            leave(w, block, x, y, z)
        change(w, x, y, z, int(FLOWING[fluid, level]))
        events[_WATER_FLOWED if fluid == WATER_KIND else _LAVA_FLOWED] += 1.0


@inner
def flow(w, x, y, z, events):
    """Let the fluid at a cell meet, change its level, recede and spread."""
    blocks = w.grid[0]
    nx, ny = blocks.shape[0], blocks.shape[1]
    block = int(blocks[x, y, z])
    fluid, level = int(FLUID[block]), int(LEVEL[block])
    top = source_level(fluid)
    if fluid == LAVA_KIND and touches_fluid(w, x, y, z, WATER_KIND):
        change(w, x, y, z, _OBSIDIAN if level == top else _COBBLESTONE)
        events[_MET] += 1.0
        return
    if level < top:
        fed = fed_level(w, x, y, z, fluid)
        if fed != level:
            change(w, x, y, z, int(FLOWING[fluid, fed]) if fed > 0 else AIR)
            if fed < level:
                events[_RECEDED] += 1.0
            else:
                events[_WATER_FLOWED if fluid == WATER_KIND else _LAVA_FLOWED] += 1.0
            return  # the change has woken it: it goes on from there
    if z > 0 and not stands(w, x, y, z, fluid):
        enter(w, x, y, z - 1, fluid, top - 1, events)
        if level < top:
            return
    if level > 1 and (level == top or stands(w, x, y, z, fluid)):
        for side in range(4):
            i, j = (x + (side == 0) - (side == 1)) % nx, (y + (side == 2) - (side == 3)) % ny
            enter(w, i, j, z, fluid, level - 1, events)
    if fluid == LAVA_KIND:
        kindle(w, x, y, z, events)


@inner
def kindle(w, x, y, z, events):
    """Set fire to the free cells beside and above lava that have something to burn."""
    nx, ny, nz = w.grid[0].shape
    for side in range(5):
        i, j = (x + (side == 0) - (side == 1)) % nx, (y + (side == 2) - (side == 3)) % ny
        k = z + (side == 4)
        if k < nz and w.grid[0][i, j, k] == AIR and catches(w, i, j, k):
            light_fire(w, i, j, k, events)
