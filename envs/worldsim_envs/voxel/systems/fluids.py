"""Water and lava: they fall, spread sideways by levels, recede without their source, and turn to stone where they meet.

A source keeps its level; any other cell has the level that its neighbours give it: full under the same fluid, else one
(lava: one) less than its highest neighbour that can flow sideways. Two sources of water beside a cell make a third.
"""

from __future__ import annotations

from worldsim_envs.voxel.blocks import AIR, BLOCK_IDS
from worldsim_envs.voxel.compiled import compiled
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.systems.change import change, touches_fluid
from worldsim_envs.voxel.systems.fire import catches, light_fire
from worldsim_envs.voxel.systems.leaving import leave

WATER_KIND, LAVA_KIND = 1, 2
_OBSIDIAN, _COBBLESTONE, _STONE = (BLOCK_IDS[name] for name in ("obsidian", "cobblestone", "stone"))
_WATER_FLOWED, _LAVA_FLOWED, _MET, _RECEDED = (
    EVENT[name] for name in ("water_flowed", "lava_flowed", "lava_met_water", "fluid_receded")
)


@compiled
def source_level(fluid):
    """Return the level of a source of a fluid."""
    return 8 if fluid == WATER_KIND else 4


@compiled
def stands(w, t, x, y, z, fluid):
    """Return whether a fluid at a cell cannot go down, so that it spreads sideways."""
    if z == 0:
        return True
    below = w.grid[0][x, y, z - 1]
    if below == AIR or t.washed[below]:
        return False
    return t.fluid[below] != fluid or t.level[below] == source_level(fluid)


@compiled
def fed_level(w, t, x, y, z, fluid):
    """Return the level that neighbours give a cell, 0 for none."""
    blocks = w.grid[0]
    nx, ny, nz = blocks.shape
    highest, sources = 0, 0
    if z + 1 < nz and t.fluid[blocks[x, y, z + 1]] == fluid:
        return source_level(fluid) - 1
    for side in range(4):
        i, j = (x + (side == 0) - (side == 1)) % nx, (y + (side == 2) - (side == 3)) % ny
        block = blocks[i, j, z]
        if t.fluid[block] == fluid:
            source = t.level[block] == source_level(fluid)
            sources += source
            if source or stands(w, t, i, j, z, fluid):
                highest = max(highest, int(t.level[block]) - 1)
    if fluid == WATER_KIND and sources >= 2 and stands(w, t, x, y, z, fluid):
        return source_level(fluid)
    return highest


@compiled
def enter(w, t, x, y, z, fluid, level, events):
    """Let a fluid come into a cell if it is open to it."""
    block = w.grid[0][x, y, z]
    other = t.fluid[block]
    if other == LAVA_KIND and fluid == WATER_KIND:
        return  # the lava will see the water and turn
    if other == WATER_KIND and fluid == LAVA_KIND:
        events[_MET] += 1.0
        change(w, t, x, y, z, _STONE)
        return
    if other == 0 and (block == AIR or t.washed[block]):
        if t.washed[block]:
            leave(w, t, block, x, y, z)
        change(w, t, x, y, z, t.flowing[fluid, level])
        events[_WATER_FLOWED if fluid == WATER_KIND else _LAVA_FLOWED] += 1.0


@compiled
def flow(w, t, x, y, z, events):
    """Let the fluid at a cell meet, change its level, recede and spread."""
    blocks = w.grid[0]
    nx, ny = blocks.shape[0], blocks.shape[1]
    block = blocks[x, y, z]
    fluid, level = t.fluid[block], int(t.level[block])
    top = source_level(fluid)
    if fluid == LAVA_KIND and touches_fluid(w, t, x, y, z, WATER_KIND):
        change(w, t, x, y, z, _OBSIDIAN if level == top else _COBBLESTONE)
        events[_MET] += 1.0
        return
    if level < top:
        fed = fed_level(w, t, x, y, z, fluid)
        if fed != level:
            change(w, t, x, y, z, t.flowing[fluid, fed] if fed > 0 else AIR)
            if fed < level:
                events[_RECEDED] += 1.0
            return  # the change has woken it: it goes on from there
    if z > 0 and not stands(w, t, x, y, z, fluid):
        enter(w, t, x, y, z - 1, fluid, top - 1, events)
        if level < top:
            return
    if level > 1 and (level == top or stands(w, t, x, y, z, fluid)):
        for side in range(4):
            i, j = (x + (side == 0) - (side == 1)) % nx, (y + (side == 2) - (side == 3)) % ny
            enter(w, t, i, j, z, fluid, level - 1, events)
    if fluid == LAVA_KIND:
        kindle(w, t, x, y, z, events)


@compiled
def kindle(w, t, x, y, z, events):
    """Set fire to the free cells beside and above lava that have something to burn."""
    nx, ny, nz = w.grid[0].shape
    for side in range(5):
        i, j = (x + (side == 0) - (side == 1)) % nx, (y + (side == 2) - (side == 3)) % ny
        k = z + (side == 4)
        if k < nz and w.grid[0][i, j, k] == AIR and catches(w, t, i, j, k):
            light_fire(w, t, i, j, k, events)
