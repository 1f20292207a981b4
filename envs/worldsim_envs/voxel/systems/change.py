"""Changing a block as everything but the editor does: neighbours are told, and scheduled ticks say when they react.

`pending` is a ring of ticks; a cell is in it at most once a tick, and what finds its tick full goes to the next, so a
tick never costs more than PER_TICK reactions. An entry is a cell, shifted by one bit that says "grow" or "react".
"""

from __future__ import annotations

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import BLOCK_IDS
from worldsim_envs.voxel.chance import pick
from worldsim_envs.voxel.compiled import compiled, inner
from worldsim_envs.voxel.tables import BURNS, DECAYS, FALLS, FLOWS, FLUID, GROWS, INERT, LEAF, LOG, OPAQUE, REACTS

REACT, GROW = 0, 1
FALL_WAIT, WATER_WAIT, LAVA_WAIT, FIRE_WAIT, ROOT_WAIT = 2, 5, 20, 10, 1
CROP_WAIT, TREE_WAIT = 400, 900
LEAF_WAIT, LEAF_SPREAD, LEAF_REACH = 20, 60, 4
_WHEAT_0, _WHEAT_3 = BLOCK_IDS["wheat_0"], BLOCK_IDS["wheat_3"]


@compiled
def cell_of(blocks, x, y, z):
    """Return the number of a cell."""
    return (x * blocks.shape[1] + y) * blocks.shape[2] + z


@compiled
def schedule(w, x, y, z, wait, what):
    """Let the block at a cell react, or grow, after `wait` ticks (1…RING - 1)."""
    entry = 2 * cell_of(w.grid[0], x, y, z) + what
    for late in range(32):
        slot = (w.marks[s.TICK] + wait + late) % s.RING
        count = w.pending[slot, 0]
        for place in range(1, count + 1):
            if w.pending[slot, place] == entry:
                return
        if count < s.PER_TICK:
            w.pending[slot, 0] = count + 1
            w.pending[slot, count + 1] = entry
            return


@inner
def schedule_growth(w, x, y, z, block):
    """Let a crop or a sapling grow at its next turn: each cell has turns of its own, a fixed number of ticks apart."""
    wait = CROP_WAIT if _WHEAT_0 <= block <= _WHEAT_3 else TREE_WAIT
    turn = pick(w.random[1], cell_of(w.grid[0], x, y, z), 71, wait)
    schedule(w, x, y, z, wait - (w.marks[s.TICK] + turn) % wait, GROW)


@compiled
def schedule_all_growth(w):
    """Let all crops and saplings of the world grow at their next turns; they are models."""
    blocks, models = w.grid[0], w.grid[6]
    for x in range(blocks.shape[0]):
        for y in range(blocks.shape[1]):
            for z in range(models[x, y, 0], models[x, y, 1]):
                if GROWS[blocks[x, y, z]]:
                    schedule_growth(w, x, y, z, int(blocks[x, y, z]))


@inner
def touches_fluid(w, x, y, z, fluid):
    """Return whether a fluid stands above or beside a cell."""
    blocks = w.grid[0]
    nx, ny, nz = blocks.shape
    if z + 1 < nz and FLUID[blocks[x, y, z + 1]] == fluid:
        return True
    return (
        FLUID[blocks[(x + 1) % nx, y, z]] == fluid
        or FLUID[blocks[(x - 1) % nx, y, z]] == fluid
        or FLUID[blocks[x, (y + 1) % ny, z]] == fluid
        or FLUID[blocks[x, (y - 1) % ny, z]] == fluid
    )


@inner
def wake(w, x, y, z):
    """Schedule the reaction of the block at a cell to a change of itself or of a neighbour."""
    block = int(w.grid[0][x, y, z])
    reaction = REACTS[block]
    if reaction == INERT or reaction == DECAYS:
        return
    wait = ROOT_WAIT
    if reaction == FALLS:
        wait = FALL_WAIT
    elif reaction == FLOWS:
        wait = WATER_WAIT
        if FLUID[block] == 2:
            wait = 1 if touches_fluid(w, x, y, z, 1) else LAVA_WAIT
    elif reaction == BURNS:
        wait = FIRE_WAIT
    schedule(w, x, y, z, wait, REACT)


@compiled
def wake_around(w, x, y, z):
    """Wake a cell and its six neighbours."""
    nx, ny, nz = w.grid[0].shape
    wake(w, x, y, z)
    wake(w, (x + 1) % nx, y, z)
    wake(w, (x - 1) % nx, y, z)
    wake(w, x, (y + 1) % ny, z)
    wake(w, x, (y - 1) % ny, z)
    if z + 1 < nz:
        wake(w, x, y, z + 1)
    if z > 0:
        wake(w, x, y, z - 1)


@inner
def wake_leaves(w, x, y, z):
    """Let the leaves that a log at a cell may have held look for another one, each after its own wait."""
    blocks = w.grid[0]
    nx, ny, nz = blocks.shape
    for i in range(-LEAF_REACH, LEAF_REACH + 1):
        for j in range(-LEAF_REACH, LEAF_REACH + 1):
            rest = LEAF_REACH - abs(i) - abs(j)
            for k in range(max(-rest, -z), min(rest, nz - 1 - z) + 1):
                a, b = (x + i) % nx, (y + j) % ny
                if LEAF[blocks[a, b, z + k]]:
                    wait = LEAF_WAIT + pick(w.random[1], cell_of(blocks, a, b, z + k), 72, LEAF_SPREAD)
                    schedule(w, a, b, z + k, wait, REACT)


@compiled
def change(w, x, y, z, block):
    """Put a block into a cell of the torus; paint on the old one is gone, and neighbours will react."""
    blocks = w.grid[0]
    x, y = x % blocks.shape[0], y % blocks.shape[1]
    old = int(blocks[x, y, z])
    if old == block:
        return
    s.put_block(w.grid, OPAQUE, x, y, z, block)
    cell = cell_of(blocks, x, y, z)
    for row in range(s.CANVASES):
        if w.canvas_keys[row] >= 0 and w.canvas_keys[row] // 6 == cell:
            w.canvas_keys[row] = -1
            w.canvas[row] = 0
    wake_around(w, x, y, z)
    if GROWS[block]:
        schedule_growth(w, x, y, z, block)
    if LOG[old] and not LOG[block]:
        wake_leaves(w, x, y, z)
