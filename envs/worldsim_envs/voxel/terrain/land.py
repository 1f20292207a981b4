"""The land: height and biome of each column from fields of noise, and what it is made of."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.blocks import BLOCK_IDS
from worldsim_envs.voxel.chance import chance
from worldsim_envs.voxel.compiled import compiled, inner
from worldsim_envs.voxel.terrain.biomes import (
    BEACH,
    DESERT,
    FOREST,
    MOUNTAINS,
    OCEAN,
    PLAINS,
    SAVANNA,
    SNOWFIELD,
    SWAMP,
)

_STONE, _DIRT, _GRASS, _SAND, _SANDSTONE, _GRAVEL, _SNOW, _ICE, _WATER, _BEDROCK = (
    BLOCK_IDS[name]
    for name in ("stone", "dirt", "grass", "sand", "sandstone", "gravel", "snow", "ice", "water", "bedrock")
)
_SNOWY_GRASS, _CLAY, _FOREST_GRASS, _SAVANNA_GRASS, _SWAMP_GRASS, _MUD = (
    BLOCK_IDS[name] for name in ("snowy_grass", "clay", "forest_grass", "savanna_grass", "swamp_grass", "mud")
)


@inner
def _smooth(low, high, value):
    t = min(1.0, max(0.0, (value - low) / (high - low)))
    return t * t * (3.0 - 2.0 * t)


@inner
def _ramp(value, a, b, ya, yb):
    return ya + (yb - ya) * min(1.0, max(0.0, (value - a) / (b - a)))


@compiled
def shape_land(land, rough, warm, wet, hills, ridges, lake, sea, nz, heights, biomes):
    """Fill heights (first free cell) and biomes of all columns from the ranked and raw noise fields."""
    for x in range(land.shape[0]):
        for y in range(land.shape[1]):
            c = land[x, y]
            height = sea + _ramp(c, 0.0, 0.17, -9.0, -3.5) + _ramp(c, 0.17, 0.26, 0.0, 4.5)
            height += _ramp(c, 0.26, 1.0, 0.0, 4.0)
            inland = _smooth(0.2, 0.36, c)
            mountain = _smooth(0.70, 0.9, rough[x, y]) * inland
            swell = _ramp(rough[x, y], 0.2, 0.7, 3.0, 9.0)
            height += inland * swell * hills[x, y]
            height += mountain * (7.0 + 18.0 * max(0.0, 1.0 - 2.2 * abs(ridges[x, y])))
            if c > 0.3 and mountain < 0.2:
                pond = _smooth(0.90, 0.97, lake[x, y])
                height += pond * min(0.0, sea - 3.0 - height)
            top = min(nz - 6, max(3, int(np.floor(height))))
            swampy = _smooth(0.74, 0.80, wet[x, y]) * inland * (1.0 - _smooth(0.45, 0.6, rough[x, y]))
            if swampy > 0.5 and 0.27 <= warm[x, y] <= 0.74:  # flat, with pools
                top = min(top, max(sea - 1, int(np.floor(sea + 0.45 + 3.0 * hills[x, y]))))
            heights[x, y] = top
            if c < 0.2 and top <= sea:
                biome = OCEAN
            elif c < 0.30 and top <= sea + 2:
                biome = BEACH
            elif mountain > 0.3:
                biome = MOUNTAINS
            elif warm[x, y] < 0.27:
                biome = SNOWFIELD
            elif warm[x, y] > 0.74:
                biome = DESERT
            elif swampy > 0.5:
                biome = SWAMP
            elif warm[x, y] > 0.54 and wet[x, y] < 0.48:
                biome = SAVANNA
            elif wet[x, y] > 0.48:
                biome = FOREST
            else:
                biome = PLAINS
            biomes[x, y] = biome


@compiled
def fill_columns(blocks, heights, biomes, warm, key, sea):
    """Fill bedrock, stone, soil, surface and water of all columns."""
    for x in range(blocks.shape[0]):
        for y in range(blocks.shape[1]):
            top, biome, column = heights[x, y], biomes[x, y], blocks[x, y]
            soil, surface = _DIRT, _GRASS
            if biome == DESERT or biome == BEACH:
                soil, surface = _SAND, _SAND
            elif biome == OCEAN:
                soil, surface = _GRAVEL, (_SAND if top > sea - 6 else _GRAVEL)
            elif biome == FOREST:
                surface = _FOREST_GRASS
            elif biome == SAVANNA:
                surface = _SAVANNA_GRASS
            elif biome == SWAMP:
                surface = _SWAMP_GRASS if top >= sea else _MUD
            elif biome == SNOWFIELD:
                surface = _SNOWY_GRASS
            elif biome == MOUNTAINS:
                soil = _STONE
                snowline = sea + 16 + int(3 * chance(key, x, y)) - int(10.0 * max(0.0, 0.35 - warm[x, y]))
                if top > snowline:
                    surface = _SNOW
                elif top > sea + 11 + int(2 * chance(key, y, x)):
                    surface = _STONE
            if top < sea and biome != OCEAN and biome != DESERT and biome != SWAMP:
                surface = _SAND if biome == BEACH or chance(key, x // 3, y // 3) < 0.7 else _CLAY
            column[0] = _BEDROCK
            for z in range(1, top):
                column[z] = _STONE
            for z in range(max(1, top - 4), top - 1):
                column[z] = soil
            if biome == DESERT:
                for z in range(max(1, top - 7), max(1, top - 3)):
                    column[z] = _SANDSTONE
            column[top - 1] = surface
            for z in range(top, sea):
                column[z] = _WATER
            if biome == SNOWFIELD and top < sea:
                column[sea - 1] = _ICE
