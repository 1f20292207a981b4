"""`TABLES`: every column of the tables of blocks, items, recipes and creatures, as compiled code gets them.

Columns that are rules of the systems rather than properties of a block are made here, from names.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import blocks as b
from worldsim_envs.voxel import items as i
from worldsim_envs.voxel import kinds, recipes

LEAF_NAMES = tuple(name for name in b.BLOCK_IDS if name.endswith("_leaves"))
LOG_NAMES = tuple(name for name in b.BLOCK_IDS if name.endswith("_log"))
WASHED_NAMES = (*(block.name for block in b.BLOCKS if block.shape == "cross"), "torch", "snow_layer", "lily_pad")
# What a block needs to stay, codes of `needs`.
NOTHING, FLOOR, SOIL, WATER_BELOW, FLOOR_OR_WALL, DOOR_BELOW = range(6)
# What a scheduled tick does to a block, codes of `reacts`.
INERT, FALLS, FLOWS, BURNS, DECAYS, ROOTED = range(6)


class Tables(NamedTuple):
    """Columns over block ids (256,), item ids (IDS,) or kinds of entities (K,), and tables of recipes."""

    solid: NDArray[np.uint8]
    traits: NDArray[np.uint8]  # what put_block reads
    opaque: NDArray[np.uint8]
    hardness: NDArray[np.int64]
    kind: NDArray[np.int64]
    fluid: NDArray[np.uint8]  # index of blocks.LIQUIDS
    level: NDArray[np.uint8]  # of a fluid, its source the highest
    flowing: NDArray[np.uint8]  # (3, 9), block of a fluid at a level
    burns: NDArray[np.uint8]
    tool: NDArray[np.uint8]
    tier: NDArray[np.uint8]
    bounds: NDArray[np.float64]  # (256, 6)
    aimed: NDArray[np.uint8]  # hands reach it
    scooped: NDArray[np.uint8]  # a bucket's line of sight ends there: sources, and what hands reach
    washed: NDArray[np.uint8]  # fluids and what falls replace it
    needs: NDArray[np.uint8]
    reacts: NDArray[np.uint8]
    grows: NDArray[np.uint8]  # block after this one, 0 for none
    log: NDArray[np.uint8]
    leaf: NDArray[np.uint8]
    ground: NDArray[np.uint8]  # plants take root in it
    mined: NDArray[np.int64]
    stack: NDArray[np.int64]
    food: NDArray[np.int64]
    fuel: NDArray[np.int64]
    damage: NDArray[np.int64]
    tool_class: NDArray[np.int64]
    material: NDArray[np.int64]
    speed: NDArray[np.float64]
    uses: NDArray[np.int64]
    places: NDArray[np.int64]
    group: NDArray[np.int64]
    leaves_first: NDArray[np.float64]  # (256, 3): item, count, chance
    leaves_second: NDArray[np.float64]
    collected: NDArray[np.int64]
    placed: NDArray[np.int64]
    crafted: NDArray[np.int64]
    equipped: NDArray[np.int64]
    cookbook: NDArray[np.int64]
    smelted: NDArray[np.int64]
    sizes: NDArray[np.float64]  # (K, 2): half width, height
    speeds: NDArray[np.float64]
    hearts: NDArray[np.int64]
    spoils: NDArray[np.int64]  # (K, 2, 2): item, most


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


def _tables() -> Tables:
    level, flowing = _levels()
    needs, leaf = _needs(), _marked(LEAF_NAMES)
    ground = _marked(("dirt", "mud", "farmland", "moss", *(n for n in b.BLOCK_IDS if n.endswith("grass") and n not in
                                                          ("tall_grass",))))  # fmt: skip
    aimed = np.array([number < len(b.BLOCKS) and b.BLOCKS[number].shape != "none" for number in range(256)], np.uint8)
    aimed[level > 0] = 0
    scooped = aimed.copy()
    scooped[[b.BLOCK_IDS["water"], b.BLOCK_IDS["lava"]]] = 1
    return Tables(
        solid=b.SOLID, traits=b.TRAITS, opaque=b.OPAQUE, hardness=b.HARDNESS, kind=b.KIND, fluid=b.LIQUID, level=level,
        flowing=flowing, burns=b.BURNS, tool=b.TOOL, tier=b.TIER, bounds=b.BOUNDS, aimed=aimed, scooped=scooped,
        washed=_marked(WASHED_NAMES), needs=needs, reacts=_reacts(needs, level, leaf), grows=_grows(),
        log=_marked(LOG_NAMES), leaf=leaf, ground=ground, mined=i.MINED, stack=i.STACK, food=i.FOOD, fuel=i.FUEL,
        damage=i.DAMAGE, tool_class=i.CLASS, material=i.MATERIAL, speed=i.SPEED, uses=i.USES, places=i.PLACES,
        group=i.GROUP, leaves_first=i.LEAVES_FIRST, leaves_second=i.LEAVES_SECOND, collected=i.COLLECTED,
        placed=i.PLACED, crafted=i.CRAFTED, equipped=i.EQUIPPED, cookbook=recipes.COOKBOOK, smelted=recipes.SMELTED,
        sizes=kinds.SIZES, speeds=kinds.SPEEDS, hearts=kinds.FIRST_HEARTS, spoils=_spoils(),
    )  # fmt: skip


TABLES = _tables()
