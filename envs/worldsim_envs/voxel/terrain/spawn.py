"""Where a player starts: on dry, open land of the wished biome, looking where the way is free."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.blocks import AIR, BLOCK_IDS
from worldsim_envs.voxel.terrain.biomes import BEACH, BIOMES, OCEAN, sea_level
from worldsim_envs.voxel.terrain.world import Terrain

WALKABLE = tuple(
    BLOCK_IDS[name]
    for name in ("grass", "forest_grass", "savanna_grass", "swamp_grass", "sand", "snow", "snowy_grass", "stone",
                 "gravel", "ice", "mud")
)  # fmt: skip


def start_places(land: Terrain, biome: str | None) -> NDArray[np.int64]:
    """Return the columns (N, 2) of an untouched world where players may start, in the wished biome if any are there."""
    blocks, biomes, tops = land.grid[0], land.biomes, land.grid[2].astype(np.int64)
    nx, ny, nz = blocks.shape
    sea = sea_level(nz)
    columns = np.arange(nx)[:, None], np.arange(ny)[None, :]
    surface = blocks[columns[0], columns[1], np.maximum(tops - 1, 0)]
    walkable = np.isin(surface, WALKABLE)
    free = blocks[columns[0], columns[1], np.minimum(tops, nz - 1)] == AIR
    dry = walkable & free & (tops >= sea) & (tops < nz - 4)
    for step in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        dry &= np.abs(np.roll(tops, step, (0, 1)) - tops) <= 1
    if biome == "ocean":
        near = sum(np.roll(biomes == OCEAN, (dx, dy), (0, 1)) for dx in (-6, 0, 6) for dy in (-6, 0, 6)) > 0
        wished = near
    else:
        wished = biomes == BIOMES.index(biome) if biome is not None else ~np.isin(biomes, (OCEAN, BEACH))
    places = np.argwhere(dry & wished)
    if len(places) == 0:
        places = np.argwhere(dry)
    if len(places) == 0:
        places = np.argwhere(np.ones((nx, ny), dtype=bool))
    return places


def find_spawn(
    land: Terrain,
    random: np.random.Generator,
    biome: str | None = None,
) -> tuple[float, float, float, float]:
    """Return x, y, z (feet) and yaw of a start on dry, open land, in the wished biome where it has such a place."""
    if biome not in land.starts:
        land.starts[biome] = start_places(land, biome)
    places, tops = land.starts[biome], land.grid[2]
    nx, ny = tops.shape
    x, y = (int(v) for v in places[random.integers(len(places))])
    yaws = random.random(12) * 360.0
    distances = np.arange(1, 25)
    ahead_x = np.floor(x + 0.5 + np.outer(np.sin(np.radians(yaws)), distances)).astype(int) % nx  # (12, 24)
    ahead_y = np.floor(y + 0.5 + np.outer(np.cos(np.radians(yaws)), distances)).astype(int) % ny
    open_way = np.cumprod(tops[ahead_x, ahead_y] <= int(tops[x, y]) + 1, axis=1).sum(axis=1)
    return x + 0.5, y + 0.5, float(tops[x, y]), float(yaws[int(np.argmax(open_way))])
