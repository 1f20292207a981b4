"""Named events and rewards, as tables. Names and their order are for good: checkpoints of learned worlds store them.

New events are appended at the end. `EVENT[name]` is the index that compiled code gets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.blocks import MINED_KINDS
from worldsim_envs.voxel.terrain import BIOMES

EVENT_NAMES: tuple[str, ...] = (
    *(f"mined_{kind}" for kind in MINED_KINDS),
    "placed",
    "jumped",
    "landed",
    "entered_water",
    "left_water",
    "hurt",
    "died",
    "bumped",
    "day_broke",
    "night_fell",
    *(f"entered_{biome}" for biome in BIOMES),
)
EVENT: dict[str, int] = {name: index for index, name in enumerate(EVENT_NAMES)}

# Reward at the first occurrence of the event in an episode.
ACHIEVEMENTS: dict[str, float] = {
    **{f"mined_{kind}": 1.0 for kind in MINED_KINDS},
    "placed": 1.0,
    "entered_water": 1.0,
    "left_water": 1.0,
    "day_broke": 1.0,
    **{f"entered_{biome}": 1.0 for biome in BIOMES},
}
ACHIEVEMENT_REWARDS: NDArray[np.float64] = np.array([ACHIEVEMENTS.get(name, 0.0) for name in EVENT_NAMES])
