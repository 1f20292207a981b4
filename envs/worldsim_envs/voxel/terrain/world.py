"""`generate`: the recipe of a world, from noise to villages; the same for a seed in every process.

Every field is periodic noise, ranked to a uniform share, so each world holds every biome in known proportion.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.blocks import OPAQUE
from worldsim_envs.voxel.state import Grid, empty_grid, measure_world
from worldsim_envs.voxel.terrain.biomes import sea_level
from worldsim_envs.voxel.terrain.buildings import build_ruins, build_villages
from worldsim_envs.voxel.terrain.caves import SOFT, dig_caves, sow_ores
from worldsim_envs.voxel.terrain.land import fill_columns, shape_land
from worldsim_envs.voxel.terrain.noise import noise, ranked
from worldsim_envs.voxel.terrain.plants import SOILS, plant, plant_small, small_table


@dataclass(frozen=True)
class Terrain:
    """A generated world, before anyone acts in it; `VoxelState` names the arrays."""

    grid: Grid
    biomes: NDArray[np.uint8]  # (X, Y)
    clouds: NDArray[np.float64]  # (X / 8, Y / 8)
    villages: tuple[tuple[int, int], ...] = ()  # their middles
    starts: dict[str | None, NDArray[np.int64]] = field(default_factory=dict)  # by biome, those asked for: `find_spawn`


def generate(seed: int, size: tuple[int, int, int]) -> Terrain:
    """Return the world of a seed; `size` is in blocks east, north, up."""
    nx, ny, nz = size
    sea = sea_level(nz)
    keys = [np.uint64(k) for k in np.random.SeedSequence(seed).generate_state(10, np.uint64)]
    land, rough = ranked(noise(keys[0], nx, ny, 85, 3)), ranked(noise(keys[1], nx, ny, 64, 2))
    warm, wet = ranked(noise(keys[2], nx, ny, 100, 2)), ranked(noise(keys[3], nx, ny, 72, 2))
    hills, ridges = noise(keys[4], nx, ny, 36, 3), noise(keys[5], nx, ny, 40, 3)
    lake = ranked(noise(keys[6], nx, ny, 36, 1))
    heights, biomes = np.empty((nx, ny), np.int16), np.empty((nx, ny), np.uint8)
    shape_land(land, rough, warm, wet, hills, ridges, lake, sea, nz, heights, biomes)
    grid = empty_grid(size)
    blocks = grid[0]
    fill_columns(blocks, heights, biomes, warm, keys[7], sea)
    sow_ores(blocks, heights, keys[8])
    dig_caves(blocks, heights, SOFT, keys[8] ^ np.uint64(77), sea)
    villages = build_villages(blocks, heights, biomes, int(keys[9]), sea)
    build_ruins(blocks, heights, biomes, int(keys[8]), sea)
    plant(blocks, heights, biomes, SOILS, keys[9], sea)
    patches = ranked(noise(keys[9] ^ np.uint64(3), nx, ny, 18, 2))
    plant_small(blocks, heights, biomes, patches, small_table(), keys[9] ^ np.uint64(11), sea)
    measure_world(grid, OPAQUE)
    clouds = ranked(noise(keys[0] ^ np.uint64(5), nx // 8, ny // 8, 8, 2))
    return Terrain(grid, biomes, np.clip((clouds - 0.66) * 7.0, 0.0, 1.0), villages)
