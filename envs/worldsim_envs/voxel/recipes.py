"""Recipes as tables: what the hands, a crafting table and a furnace make of what.

The order is the rule by which one key crafts: of the recipes that can be made now, the first whose product is not yet
held `enough` times is made. So an agent with a craft key alone goes from logs to the best tool its things allow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.items import ITEM_IDS, MATERIALS


@dataclass(frozen=True)
class Recipe:
    """One recipe. `table` says whether a crafting table must be within reach; `enough` is when the key goes on."""

    product: str
    needs: tuple[tuple[str, int], ...]
    count: int = 1
    table: bool = True
    enough: int = 1


_STUFF = {"wooden": "planks", "stone": "cobblestone", "iron": "iron_ingot", "diamond": "diamond"}
_BETTER_FIRST = tuple(reversed(MATERIALS))


def _tools(tool: str, amount: int, sticks: int) -> tuple[Recipe, ...]:
    return tuple(Recipe(f"{m}_{tool}", ((_STUFF[m], amount), ("stick", sticks))) for m in _BETTER_FIRST)


RECIPES: tuple[Recipe, ...] = (
    *_tools("pickaxe", 3, 2),
    *_tools("sword", 2, 1),
    Recipe("furnace", (("cobblestone", 8),)),
    *_tools("axe", 3, 2),
    *_tools("shovel", 1, 2),
    Recipe("bucket", (("iron_ingot", 3),)),
    Recipe("flint_and_steel", (("iron_ingot", 1), ("flint", 1)), table=False),
    Recipe("brush", (("feather", 1), ("stick", 1)), table=False),
    Recipe("bread", (("wheat", 3),), enough=4),
    Recipe("cake_7", (("wheat", 3), ("apple", 1), ("wheat_seeds", 1)), enough=1),
    Recipe("torch", (("coal", 1), ("stick", 1)), count=4, table=False, enough=16),
    Recipe("bone_meal", (("bone", 1),), count=3, table=False, enough=12),
    Recipe("bed", (("wool", 3), ("planks", 3))),
    Recipe("crafting_table", (("planks", 4),), table=False),
    Recipe("stick", (("planks", 2),), count=4, table=False, enough=4),
    Recipe("planks", (("oak_log", 1),), count=4, table=False, enough=12),
    Recipe("chest", (("planks", 8),)),
    Recipe("door", (("planks", 6),), count=3),
    Recipe("sign", (("planks", 6), ("stick", 1)), count=3),
    Recipe("hay", (("wheat", 9),), enough=4),
    Recipe("stone_bricks", (("cobblestone", 4),), count=4, enough=16),
)

# What a furnace makes, by name: product, event. It takes SMELT_TICKS of fuel and time for each.
SMELTING: dict[str, tuple[str, str]] = {
    "iron_ore": ("iron_ingot", "smelted_iron"), "gold_ore": ("gold_ingot", "smelted_gold"),
    "sand": ("glass", "smelted_glass"), "oak_log": ("charcoal", "smelted_charcoal"),
    **{meat: (f"cooked_{meat}", "cooked_meat") for meat in ("beef", "porkchop", "chicken", "mutton")},
}  # fmt: skip
SMELT_TICKS = 100

# (R, 4 + 2 * 3): product, count, table, enough, then item and amount of up to three ingredients (-1 for none).
COOKBOOK: NDArray[np.int64] = np.full((len(RECIPES), 10), -1, np.int64)
for _row, _recipe in enumerate(RECIPES):
    COOKBOOK[_row, :4] = ITEM_IDS[_recipe.product], _recipe.count, _recipe.table, _recipe.enough
    for _place, (_name, _amount) in enumerate(_recipe.needs):
        COOKBOOK[_row, 4 + 2 * _place : 6 + 2 * _place] = ITEM_IDS[_name], _amount

# (M, 3): what goes in, in the order in which a furnace prefers it; what comes out; its event.
SMELTED: NDArray[np.int64] = np.array(
    [(ITEM_IDS[raw], ITEM_IDS[made], EVENT[event]) for raw, (made, event) in SMELTING.items()], np.int64
)
