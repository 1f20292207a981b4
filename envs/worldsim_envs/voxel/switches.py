"""The world's systems, each of which can be switched off by itself so that a study can isolate the others.

`SWITCHES` is the table: name, whether it is on by default, and what it does. `SWITCH[name]` is the index that compiled
code reads in `VoxelState.switches`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

SWITCHES: dict[str, tuple[bool, str]] = {
    "day_cycle": (True, "the sun moves"),
    "fall_damage": (True, "long falls hurt or kill"),
    "falling_blocks": (True, "sand and gravel fall when nothing holds them"),
    "fluids": (True, "water and lava flow, recede and meet"),
    "fire": (True, "fire spreads, burns what can burn, and burns out"),
    "growth": (True, "crops and saplings grow, whether or not anyone looks"),
    "decay": (True, "leaves decay away from logs"),
    "doors": (True, "doors open and shut by use"),
    "glass": (True, "glass shatters into fragments when struck"),
    "cake": (True, "cake is eaten slice by slice"),
    "paint": (True, "a brush paints block faces"),
    "weather": (True, "rain, snow and thunder come and go by their own clock"),
    "snow": (True, "snow settles while it snows, and melts"),
    "drops": (True, "mined blocks drop items that lie about and are picked up; off, they go straight to the hand"),
    "tools": (True, "tools mine faster and wear out, and hard blocks drop nothing without the right one"),
    "crafting": (True, "recipes, furnaces, farming with items"),
    "animals": (True, "pigs, sheep, cows and chickens live in the world"),
    "monsters": (True, "zombies and skeletons come out in the dark and hunt"),
    "health": (False, "harm adds up and kills at 20 half hearts; off, only deadly falls and the void kill"),
    "hunger": (False, "the player grows hungry, heals when full and starves when empty"),
    "respawn": (False, "a dead player starts again at home instead of ending the episode"),
}
SWITCH: dict[str, int] = {name: index for index, name in enumerate(SWITCHES)}


def switched(changes: Mapping[str, bool] | None = None) -> NDArray[np.uint8]:
    """Return the switches (S,), those of the table with `changes` made; raises on an unknown name."""
    changes = dict(changes or {})
    unknown = sorted(set(changes) - set(SWITCHES))
    if unknown:
        raise ValueError(f"switches must be among {tuple(SWITCHES)}, got also {unknown}; see switches.SWITCHES")
    return np.array([bool(changes.get(name, row[0])) for name, row in SWITCHES.items()], np.uint8)
