"""Crafting with keys alone: `inventory` makes something, `swapHands` chooses what.

A press of `inventory` makes the chosen recipe, if one is chosen and can be made; else, of all that can be made now,
the first of the table whose product the player does not yet hold `enough` of. A press of `swapHands` chooses the next
recipe that can be made now (with a brush in the hand: the next colour). "Now" means that the things are in the
inventory, and a crafting table within TABLE_REACH where the recipe needs one (see recipes.py).
"""

from __future__ import annotations

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import BLOCK_IDS
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.items import DYES, ITEM_IDS
from worldsim_envs.voxel.life.things import throw_item
from worldsim_envs.voxel.pack import held_count, in_hand, take_in, use_up
from worldsim_envs.voxel.tables import COOKBOOK, CRAFTED

TABLE_REACH = 4
PRODUCT, MAKES, AT_TABLE, ENOUGH, FIRST_NEED = range(5)
_TABLE, _BRUSH, _LAST_DYE = BLOCK_IDS["crafting_table"], ITEM_IDS["brush"], len(DYES) - 1


@inner
def near_table(w):
    """Return whether a crafting table is within reach."""
    blocks = w.grid[0]
    nx, ny, nz = blocks.shape
    x, y, z = int(w.body[s.X]), int(w.body[s.Y]), int(w.body[s.Z])
    for i in range(x - TABLE_REACH, x + TABLE_REACH + 1):
        for j in range(y - TABLE_REACH, y + TABLE_REACH + 1):
            for k in range(max(0, z - 2), min(nz, z + 4)):
                if blocks[i % nx, j % ny, k] == _TABLE:
                    return True
    return False


@inner
def can_make(w, recipe, table):
    """Return whether a recipe can be made now; `table` says whether a crafting table is near."""
    row = COOKBOOK[recipe]
    if row[AT_TABLE] and not table:
        return False
    for place in range(FIRST_NEED, row.shape[0], 2):
        if row[place] >= 0 and held_count(w, row[place]) < row[place + 1]:
            return False
    return True


@inner
def best_recipe(w, table):
    """Return the recipe that a press of the key makes, -1 for none."""
    chosen = w.marks[s.RECIPE] - 1
    if chosen >= 0 and can_make(w, chosen, table):
        return chosen
    for recipe in range(COOKBOOK.shape[0]):
        row = COOKBOOK[recipe]
        if row[PRODUCT] == _TABLE and table:
            continue
        if held_count(w, row[PRODUCT]) < row[ENOUGH] and can_make(w, recipe, table):
            return recipe
    return -1


@inner
def craft(w, events):
    """Make one thing by the rule above. Return the recipe, -1 if nothing could be made."""
    recipe = best_recipe(w, near_table(w))
    if recipe < 0:
        return -1
    row = COOKBOOK[recipe]
    for place in range(FIRST_NEED, row.shape[0], 2):
        if row[place] >= 0:
            use_up(w, row[place], row[place + 1])
    left = take_in(w, row[PRODUCT], row[MAKES], events)
    if left > 0:
        throw_item(w, row[PRODUCT], left)
    if CRAFTED[row[PRODUCT]] >= 0:
        events[CRAFTED[row[PRODUCT]]] += 1.0
    w.marks[s.RECIPE] = 0
    return recipe


@inner
def choose_next(w):
    """Choose the next recipe that can be made now, or the next colour of the brush in the hand."""
    if in_hand(w) == _BRUSH:
        slot = w.marks[s.SLOT]
        w.inventory[slot, s.WORN] = w.inventory[slot, s.WORN] % _LAST_DYE + 1
        return
    table, count = near_table(w), COOKBOOK.shape[0]
    for step in range(count):
        recipe = (w.marks[s.RECIPE] + step) % count
        if can_make(w, recipe, table):
            w.marks[s.RECIPE] = recipe + 1
            return
    w.marks[s.RECIPE] = 0
