"""What an episode begins with, and what it can go back to: kept worlds, draws, `Snapshot`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.judge import Memory
from worldsim_envs.voxel.language.story import Story
from worldsim_envs.voxel.state import VoxelState
from worldsim_envs.voxel.terrain import BIOMES, Terrain, generate

DRAWN_BIOMES = 6  # the first so many; the sea is no place to start


@dataclass(frozen=True)
class Snapshot:
    """A whole env at one step; `VoxelEnv.restore_state` takes it. Opaque to callers."""

    world: VoxelState
    generator: Mapping[str, Any]
    action: NDArray[np.float32]
    memory: Memory
    story: Story


@lru_cache(maxsize=4)
def kept_world(seed: int, size: tuple[int, int, int]) -> Terrain:
    """Return the untouched world of a level seed; the last four are kept for the whole process."""
    return generate(seed, size)


def drawn_start(random: np.random.Generator, biomes: tuple[str, ...] = ()) -> tuple[int, float, str]:
    """Return a world seed, a share of the day, mostly before sunset, and a biome, one of `biomes` if any are named."""
    seed, (half, share) = int(random.integers(2**31)), random.random(2)
    time = float(share * 0.5 if half < 0.75 else 0.5 + share * 0.5)
    biome = BIOMES[int(random.integers(DRAWN_BIOMES))]
    return seed, time, str(random.choice(biomes)) if biomes else biome
