"""Rewards, as tables over the named events of events.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.blocks import MINED_KINDS
from worldsim_envs.voxel.events import EVENT_NAMES

# Reward at the first occurrence of the event in an episode.
ACHIEVEMENTS: dict[str, float] = {
    **{f"mined_{kind}": 1.0 for kind in MINED_KINDS},
    "placed": 1.0,
    "entered_water": 1.0,
    "left_water": 1.0,
    "day_broke": 1.0,
    **{f"entered_{biome}": 1.0 for biome in ("plains", "forest", "desert", "snow", "mountains", "beach", "ocean")},
}
ACHIEVEMENT_REWARDS: NDArray[np.float64] = np.array([ACHIEVEMENTS.get(name, 0.0) for name in EVENT_NAMES])
