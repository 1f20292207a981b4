"""Columns of the tables of blocks, items, recipes and creatures, under the names by which the rules' code reads them.

They are constants of that code, not arguments: with them the hundred functions of a tick took seven times as long to
compile. Over block ids (256,), item ids (IDS,) or kinds of entities (K,) unless said otherwise; what is a rule of the
systems rather than a property of a block is made here, from names.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import blocks as b
from worldsim_envs.voxel import items as i
from worldsim_envs.voxel import kinds, recipes

LEAF_NAMES = tuple(name for name in b.BLOCK_IDS if name.endswith("_leaves"))
LOG_NAMES = tuple(name for name in b.BLOCK_IDS if name.endswith("_log"))
WASHED_NAMES = (*(block.name for block in b.BLOCKS if block.shape == "cross"), "torch", "snow_layer", "lily_pad")
GROUND_NAMES = ("dirt", "mud", "farmland", "moss", *(n for n in b.BLOCK_IDS if n.endswith("grass") and n[:4] != "tall"))
# What a block needs to stay, codes of `needs`.
NOTHING, FLOOR, SOIL, WATER_BELOW, FLOOR_OR_WALL, DOOR_BELOW = range(6)
# What a scheduled tick does to a block, codes of `reacts`.
INERT, FALLS, FLOWS, BURNS, DECAYS, ROOTED = range(6)


def _marked(names: tuple[str, ...]) -> NDArray[np.uint8]:
    column = np.zeros(256, np.uint8)
    column[[b.BLOCK_IDS[name] for name in names]] = 1
    return column


def _levels() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    level, flowing = np.zeros(256, np.uint8), np.zeros((3, 9), np.uint8)
    for fluid, (name, highest) in enumerate((("water", 8), ("lava", 4)), 1):
        for height in range(1, highest + 1):
            block = b.BLOCK_IDS[name if height == highest else f"{name}_{height}"]
            level[block], flowing[fluid, height] = height, block
    return level, flowing


def _needs() -> NDArray[np.uint8]:
    needs = _marked(tuple(block.name for block in b.BLOCKS if block.shape == "cross")) * FLOOR
    needs[b.BLOCK_IDS["fire"]] = NOTHING
    for name, number in b.BLOCK_IDS.items():
        if name.startswith("wheat_"):
            needs[number] = SOIL
        elif name.startswith(("door_", "cake_")) or name in ("snow_layer", "cactus"):
            needs[number] = DOOR_BELOW if name.endswith("_upper") else FLOOR
    needs[b.BLOCK_IDS["lily_pad"]], needs[b.BLOCK_IDS["torch"]] = WATER_BELOW, FLOOR_OR_WALL
    return needs


def _reacts(needs: NDArray[np.uint8], level: NDArray[np.uint8], leaf: NDArray[np.uint8]) -> NDArray[np.uint8]:
    reacts = np.where(needs > 0, ROOTED, INERT).astype(np.uint8)
    reacts[level > 0], reacts[leaf > 0] = FLOWS, DECAYS
    reacts[b.FALLS > 0], reacts[b.BLOCK_IDS["fire"]] = FALLS, BURNS
    return reacts


def _grows() -> NDArray[np.uint8]:
    grows = np.zeros(256, np.uint8)
    for name, after in (("wheat_0", "wheat_1"), ("wheat_1", "wheat_2"), ("wheat_2", "wheat_3"),
                        *((f"{tree}_sapling", f"{tree}_log") for tree in ("oak", "birch", "spruce"))):  # fmt: skip
        grows[b.BLOCK_IDS[name]] = b.BLOCK_IDS[after]
    return grows


def _spoils() -> NDArray[np.int64]:
    spoils = np.zeros((len(kinds.KINDS), 2, 2), np.int64)
    for name, rows in i.SPOILS.items():
        for place, (item, most) in enumerate(rows):
            spoils[kinds.KIND_IDS[name], place] = i.ITEM_IDS[item], most
    return spoils


SOLID, OPAQUE, HARDNESS, KIND, FLUID, FLAMMABLE = b.SOLID, b.OPAQUE, b.HARDNESS, b.KIND, b.LIQUID, b.BURNS
TOOL, TIER, BOUNDS, MINED = b.TOOL, b.TIER, b.BOUNDS, i.MINED
LEVEL, FLOWING = _levels()  # of a fluid, its source the highest; (3, 9), the block of a fluid at a level
LOG, LEAF = _marked(LOG_NAMES), _marked(LEAF_NAMES)
WASHED = _marked(WASHED_NAMES)  # fluids, falling and placed blocks take its place
NEEDS = _needs()
REACTS = _reacts(NEEDS, LEVEL, LEAF)
GROWS = _grows()  # block after this one, 0 for none
GROUND = _marked(GROUND_NAMES)  # plants take root in it
AIMED = np.array([n < len(b.BLOCKS) and b.BLOCKS[n].shape != "none" for n in range(256)], np.uint8) * (LEVEL == 0)
SCOOPED = AIMED | _marked(("water", "lava"))  # a bucket's line of sight ends there
LEAVES_FIRST, LEAVES_SECOND = i.LEAVES_FIRST, i.LEAVES_SECOND  # (256, 3): item, count, chance
STACK, FOOD, FUEL, DAMAGE, USES, PLACES, GROUP = i.STACK, i.FOOD, i.FUEL, i.DAMAGE, i.USES, i.PLACES, i.GROUP
TOOL_CLASS, MATERIAL, SPEED = i.CLASS, i.MATERIAL, i.SPEED
COLLECTED, PLACED, CRAFTED, EQUIPPED = i.COLLECTED, i.PLACED, i.CRAFTED, i.EQUIPPED
COOKBOOK, SMELTED = recipes.COOKBOOK, recipes.SMELTED
SIZES, SPEEDS, HEARTS, SPOILS = kinds.SIZES, kinds.SPEEDS, kinds.FIRST_HEARTS, _spoils()  # SPOILS (K, 2, 2): item, most
