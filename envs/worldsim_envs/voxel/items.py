"""Tables of items: ids below 256 are blocks, the others have a row here; and what blocks and creatures leave behind.

`ITEM_IDS` names all of them. The arrays are columns over all ids, read by compiled code through `tables.TABLES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.blocks import BLOCK_IDS, BLOCKS, TOOLS
from worldsim_envs.voxel.events import EVENT

FIRST_ITEM = 256
MATERIALS = {"wooden": (1, 2.0, 60), "stone": (2, 3.0, 132), "iron": (3, 4.5, 251), "diamond": (4, 6.0, 1562)}
SWORD = len(TOOLS)
DYES = ("bare", "white", "light_gray", "gray", "black", "brown", "red", "orange", "yellow", "lime", "green", "cyan",
        "light_blue", "blue", "purple", "magenta", "pink")  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One kind of item. `food` is hunger it stills, `fuel` and `damage` are ticks of fire and half hearts of a blow.

    `tool` is an index of blocks.TOOLS (or SWORD), `tier` its material 1…4, `speed` divides mining time, `uses` is how
    often it serves; `places` is the block that it becomes when put down.
    """

    name: str
    stack: int = 64
    food: int = 0
    fuel: int = 0
    damage: int = 2
    tool: int = 0
    tier: int = 0
    speed: float = 1.0
    uses: int = 0
    places: str = ""


def _tools() -> tuple[Item, ...]:
    """Return the rows of four materials by four tools."""
    blows = {"pickaxe": 3, "axe": 5, "shovel": 3, "sword": 6}
    return tuple(
        Item(f"{material}_{tool}", stack=1, damage=blow + tier, tool=(*TOOLS, "sword").index(tool), tier=tier,
             speed=speed, uses=uses, fuel=200 if material == "wooden" else 0)
        for material, (tier, speed, uses) in MATERIALS.items() for tool, blow in blows.items()
    )  # fmt: skip


ITEMS: tuple[Item, ...] = (
    Item("stick", fuel=50), Item("coal", fuel=800), Item("charcoal", fuel=800), Item("iron_ingot"), Item("gold_ingot"),
    Item("diamond"), Item("wheat_seeds", places="wheat_0"), Item("wheat"), Item("bread", food=5), Item("apple", food=4),
    Item("beef", food=3), Item("porkchop", food=3), Item("chicken", food=2), Item("mutton", food=2),
    Item("cooked_beef", food=8), Item("cooked_porkchop", food=8), Item("cooked_chicken", food=6),
    Item("cooked_mutton", food=6), Item("bone"), Item("string"), Item("feather"), Item("leather"), Item("wool"),
    Item("rotten_flesh", food=1),
    *_tools(),
    Item("brush", stack=1, uses=0), Item("flint_and_steel", stack=1, uses=64), Item("bucket", stack=16),
    Item("water_bucket", stack=1, places="water"), Item("lava_bucket", stack=1, places="lava", fuel=1600),
    Item("bone_meal"), Item("door", places="door_x_shut_lower"), Item("bed", stack=1, places="bed_foot"),
    Item("flint"), Item("arrow"),
)  # fmt: skip
ITEM_IDS: dict[str, int] = {**BLOCK_IDS, **{item.name: FIRST_ITEM + place for place, item in enumerate(ITEMS)}}
ITEM_NAMES: dict[int, str] = {number: name for name, number in ITEM_IDS.items()}
IDS = FIRST_ITEM + len(ITEMS)

_LOGS = ("oak_log", "birch_log", "spruce_log", "acacia_log")
# What serves as what in recipes: any log as oak, for one.
ALIKE: dict[str, str] = {
    **dict.fromkeys(_LOGS, "oak_log"), "charcoal": "coal", "moss": "cobblestone", "stone": "cobblestone",
}  # fmt: skip
BLOCK_FUEL: dict[str, int] = {**dict.fromkeys(_LOGS, 150), "planks": 150, "crafting_table": 150, "chest": 150}

# What a block leaves where it is not its own `drop`: item, count, chance. An empty name is nothing at all.
LEFT_BEHIND: dict[str, tuple[str, int, float]] = {
    "coal_ore": ("coal", 1, 1.0), "diamond_ore": ("diamond", 1, 1.0), "glass": ("", 0, 0.0), "ice": ("", 0, 0.0),
    **{f"{tree}_leaves": (f"{tree}_sapling", 1, 0.08) for tree in ("birch", "spruce")},
    "oak_leaves": ("apple", 1, 0.08), "acacia_leaves": ("stick", 1, 0.08),
    "tall_grass": ("wheat_seeds", 1, 0.4), "fern": ("wheat_seeds", 1, 0.4), "swamp_grass": ("dirt", 1, 1.0),
    "dead_bush": ("stick", 1, 1.0), "wheat_0": ("wheat_seeds", 1, 1.0), "wheat_1": ("wheat_seeds", 1, 1.0),
    "wheat_2": ("wheat_seeds", 1, 1.0), "wheat_3": ("wheat", 1, 1.0), "snow_layer": ("", 0, 0.0),
    "gravel": ("flint", 1, 0.15), "fire": ("", 0, 0.0), "bed_foot": ("bed", 1, 1.0), "bed_head": ("bed", 1, 1.0),
    **{name: ("door", 1, 1.0) for name in BLOCK_IDS if name.startswith("door_")},
    **{f"cake_{left}": ("", 0, 0.0) for left in range(1, 7)},
}  # fmt: skip
SECOND_DROPS: dict[str, tuple[str, int, float]] = {
    "wheat_3": ("wheat_seeds", 2, 1.0), "oak_leaves": ("oak_sapling", 1, 0.08),
}  # fmt: skip
SPOILS: dict[str, tuple[tuple[str, int], ...]] = {  # of creatures: item and how many at most
    "pig": (("porkchop", 3),), "sheep": (("mutton", 2), ("wool", 1)), "cow": (("beef", 3), ("leather", 2)),
    "chicken": (("chicken", 1), ("feather", 2)), "zombie": (("rotten_flesh", 2),), "skeleton": (("bone", 2),),
    "spider": (("string", 2),),
}  # fmt: skip

_MEAT = ("beef", "porkchop", "chicken", "mutton")
_FLOWERS = ("dandelion", "poppy", "cornflower")
# Named events of items: what follows "collected_", "placed_", "crafted_", "equipped_".
_GROUPS: dict[str, tuple[str, ...]] = {
    "wood": (*_LOGS, "planks"), "stone": ("stone", "cobblestone", "sandstone", "stone_bricks", "brick", "moss"),
    "dirt": ("dirt", "grass"), "iron": ("iron_ore",), "gold": ("gold_ore",),
    "sapling": ("oak_sapling", "birch_sapling", "spruce_sapling"), "seeds": ("wheat_seeds",), "flower": _FLOWERS,
    "meat": _MEAT, "water": ("water_bucket",), "lava": ("lava_bucket",), "cake": ("cake_7",),
}  # fmt: skip


def item_id(name: str) -> int:
    """Return the id of an item or a block; raises on an unknown name."""
    if name not in ITEM_IDS:
        raise ValueError(f"item must be a block or an item by name, got {name!r}; see items.ITEM_IDS")
    return ITEM_IDS[name]


def _events(prefix: str) -> NDArray[np.int64]:
    """Return the event `prefix_…` of each item, -1 where it has none."""
    column = np.full(IDS, -1, np.int64)
    for name, number in ITEM_IDS.items():
        words = [name, *(word for word, members in _GROUPS.items() if name in members)]
        found = [EVENT[f"{prefix}_{word}"] for word in words if f"{prefix}_{word}" in EVENT]
        column[number] = found[0] if found else -1
    return column


def _tool_events(prefix: str, column: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add the events `prefix_axe`, `prefix_food` and such to a column."""
    for place, item in enumerate(ITEMS):
        word = (*TOOLS, "sword")[item.tool] if item.tool else "food" if item.food else ""
        if f"{prefix}_{word}" in EVENT and column[FIRST_ITEM + place] < 0:
            column[FIRST_ITEM + place] = EVENT[f"{prefix}_{word}"]
    return column


def _column(blocks: list[float], items: list[float], dtype: type[np.generic]) -> NDArray[Any]:
    column = np.zeros(IDS, dtype)
    column[: len(blocks)] = blocks
    column[FIRST_ITEM:] = items
    return column


def _left(table: dict[str, tuple[str, int, float]], own: bool) -> NDArray[np.float64]:
    """Return item, count and chance of what each block leaves, (256, 3); without a row its own drop or nothing."""
    rows = np.zeros((256, 3))
    for number, block in enumerate(BLOCKS):
        name, count, chance = table.get(block.name, (block.drop or block.name, 1, 1.0) if own else ("", 0, 0.0))
        rows[number] = (ITEM_IDS[name] if name else 0), count, chance
    return rows


_PLAIN = len(BLOCKS)
STACK = _column([64] * _PLAIN, [item.stack for item in ITEMS], np.int64)
FOOD = _column([0] * _PLAIN, [item.food for item in ITEMS], np.int64)
FUEL = _column([BLOCK_FUEL.get(b.name, 0) for b in BLOCKS], [item.fuel for item in ITEMS], np.int64)
DAMAGE = _column([2] * _PLAIN, [item.damage for item in ITEMS], np.int64)
CLASS = _column([0] * _PLAIN, [item.tool for item in ITEMS], np.int64)
MATERIAL = _column([0] * _PLAIN, [item.tier for item in ITEMS], np.int64)
SPEED = _column([1.0] * _PLAIN, [item.speed for item in ITEMS], np.float64)
USES = _column([0] * _PLAIN, [item.uses for item in ITEMS], np.int64)
PLACES = _column(
    [float(n) for n in range(_PLAIN)], [BLOCK_IDS[item.places] if item.places else 0 for item in ITEMS], np.int64
)
GROUP = np.arange(IDS)
for _name, _like in ALIKE.items():
    GROUP[ITEM_IDS[_name]] = ITEM_IDS[_like]
LEAVES_FIRST, LEAVES_SECOND = _left(LEFT_BEHIND, True), _left(SECOND_DROPS, False)
COLLECTED, PLACED, CRAFTED = _events("collected"), _events("placed"), _tool_events("crafted", _events("crafted"))
EQUIPPED = _tool_events("equipped", _events("equipped"))
MINED = np.full(256, -1, np.int64)
for _block, _word in {
    "coal_ore": "coal", "iron_ore": "iron", "gold_ore": "gold", "diamond_ore": "diamond", "glass": "glass",
    **dict.fromkeys(_FLOWERS, "flower"), **{f"wheat_{n}": "crop" for n in range(4)}, "obsidian": "obsidian",
}.items():  # fmt: skip
    MINED[BLOCK_IDS[_block]] = EVENT[f"mined_{_word}"]
