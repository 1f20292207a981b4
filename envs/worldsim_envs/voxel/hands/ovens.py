"""Furnaces: a row of `ovens` each while they hold something. They burn fuel, and smelt one thing every SMELT_TICKS.

By use, a furnace gives out what is done; else it takes in what the hand holds, or the first thing of the inventory
that can be smelted (in the order of the table), with fuel for it.
"""

from __future__ import annotations

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import BLOCK_IDS
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.life.spawn import drop_item
from worldsim_envs.voxel.pack import in_hand, take_in
from worldsim_envs.voxel.recipes import SMELT_TICKS
from worldsim_envs.voxel.systems.change import cell_of, change
from worldsim_envs.voxel.tables import FUEL, GROUP, SMELTED, USES

(CELL, RAW, RAW_COUNT, HEAT, DONE, MADE, MADE_COUNT) = range(7)
LOAD = 8  # things that one use puts in at most
_FURNACE, _FURNACE_LIT = BLOCK_IDS["furnace"], BLOCK_IDS["furnace_lit"]


@inner
def oven_at(w, x, y, z, make):
    """Return the row of the furnace at a cell, a new one if wished; -1 for none."""
    cell = cell_of(w.grid[0], x, y, z)
    for row in range(s.OVENS):
        if w.ovens[row, CELL] == cell:
            return row
    for row in range(s.OVENS):
        if make and w.ovens[row, CELL] < 0:
            w.ovens[row, :] = 0
            w.ovens[row, CELL] = cell
            return row
    return -1


@inner
def smelting_row(item):
    """Return the row of the table that smelts an item, -1 for none."""
    for row in range(SMELTED.shape[0]):
        if GROUP[SMELTED[row, 0]] == GROUP[item]:
            return row
    return -1


@inner
def load(w, row):
    """Put raw things and fuel from the inventory into a furnace. Return whether anything went in."""
    item = in_hand(w)
    if w.ovens[row, RAW_COUNT] > 0:
        item = w.ovens[row, RAW]
    elif smelting_row(item) < 0:
        item = 0
        for recipe in range(SMELTED.shape[0]):
            for slot in range(s.INVENTORY):
                held = w.inventory[slot, s.ITEM]
                if item == 0 and w.inventory[slot, s.COUNT] > 0 and GROUP[held] == GROUP[SMELTED[recipe, 0]]:
                    item = held
    if item == 0:
        return False
    moved = 0
    for slot in range(s.INVENTORY):
        if w.inventory[slot, s.ITEM] == item:
            more = min(w.inventory[slot, s.COUNT], LOAD - w.ovens[row, RAW_COUNT])
            w.inventory[slot, s.COUNT] -= more
            w.ovens[row, RAW_COUNT] += more
            moved += more
    w.ovens[row, RAW] = item
    for slot in range(s.INVENTORY):
        fuel = w.inventory[slot, s.ITEM]
        while (
            w.inventory[slot, s.COUNT] > 0
            and FUEL[fuel] > 0
            and USES[fuel] == 0
            and w.ovens[row, HEAT] < SMELT_TICKS * w.ovens[row, RAW_COUNT]
        ):
            w.inventory[slot, s.COUNT] -= 1
            w.ovens[row, HEAT] += FUEL[fuel]
            moved += 1
    return moved > 0


@inner
def use_furnace(w, x, y, z, events):
    """Take out what is done, or put something in. Return whether anything moved."""
    row = oven_at(w, x, y, z, True)
    if row < 0:
        return False
    if w.ovens[row, MADE_COUNT] > 0:
        w.ovens[row, MADE_COUNT] = take_in(w, w.ovens[row, MADE], w.ovens[row, MADE_COUNT], events)
        return True
    return load(w, row)


@inner
def empty_oven(w, x, y, z):
    """Let all that is in a furnace lie about, and forget it."""
    row = oven_at(w, x, y, z, False)
    if row < 0:
        return
    for what in (RAW, MADE):
        if w.ovens[row, what + 1] > 0:
            drop_item(w, w.ovens[row, what], w.ovens[row, what + 1], x + 0.5, y + 0.5, z + 0.3, 10)
    w.ovens[row, :] = -1


@inner
def smelt(w, events):
    """Run one tick of all furnaces that hold something."""
    ny, nz = w.grid[0].shape[1], w.grid[0].shape[2]
    for row in range(s.OVENS):
        cell = w.ovens[row, CELL]
        if cell < 0:
            continue
        x, y, z = cell // (ny * nz), (cell // nz) % ny, cell % nz
        block = int(w.grid[0][x, y, z])
        if block != _FURNACE and block != _FURNACE_LIT:
            w.ovens[row, :] = -1
            continue
        recipe = smelting_row(w.ovens[row, RAW]) if w.ovens[row, RAW_COUNT] > 0 else -1
        free = recipe >= 0 and (w.ovens[row, MADE_COUNT] == 0 or w.ovens[row, MADE] == SMELTED[recipe, 1])
        if not free or w.ovens[row, HEAT] <= 0:
            w.ovens[row, DONE] = 0
            if block == _FURNACE_LIT:
                change(w, x, y, z, _FURNACE)
            if w.ovens[row, RAW_COUNT] == 0 and w.ovens[row, MADE_COUNT] == 0 and w.ovens[row, HEAT] <= 0:
                w.ovens[row, :] = -1
            continue
        if block == _FURNACE:
            change(w, x, y, z, _FURNACE_LIT)
        w.ovens[row, HEAT] -= 1
        w.ovens[row, DONE] += 1
        if w.ovens[row, DONE] >= SMELT_TICKS:
            w.ovens[row, DONE] = 0
            w.ovens[row, RAW_COUNT] -= 1
            w.ovens[row, MADE] = SMELTED[recipe, 1]
            w.ovens[row, MADE_COUNT] += 1
            events[SMELTED[recipe, 2]] += 1.0
