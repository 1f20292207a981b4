"""Seeded terrain: heights, biomes, trees and ores on a torus, and where a player starts.

Every field is periodic gradient noise, ranked to a uniform share, so each world holds every biome in known proportion.
Biomes, trees and fields are tables and small functions; `generate` is the recipe.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.blocks import BLOCK_IDS, OPAQUE
from worldsim_envs.voxel.chance import chance, mixed
from worldsim_envs.voxel.compiled import compiled
from worldsim_envs.voxel.state import Grid, empty_grid, measure_world

BIOMES = ("plains", "forest", "desert", "snow", "mountains", "beach", "ocean")
PLAINS, FOREST, DESERT, SNOWFIELD, MOUNTAINS, BEACH, OCEAN = range(len(BIOMES))

_AIR, _STONE, _DIRT, _GRASS, _SAND, _SANDSTONE, _GRAVEL, _SNOW, _ICE, _WATER = (
    BLOCK_IDS[name] for name in ("air", "stone", "dirt", "grass", "sand", "sandstone", "gravel", "snow", "ice", "water")
)
_OAK, _OAK_LEAVES, _BIRCH, _BIRCH_LEAVES, _SPRUCE, _SPRUCE_LEAVES, _CACTUS, _PUMPKIN, _MOSS, _BEDROCK = (
    BLOCK_IDS[name]
    for name in ("oak_log", "oak_leaves", "birch_log", "birch_leaves", "spruce_log", "spruce_leaves", "cactus",
                 "pumpkin", "moss", "bedrock")
)  # fmt: skip
_COAL, _IRON, _GOLD, _DIAMOND, _SNOWY_GRASS, _CLAY, _FOREST_GRASS = (
    BLOCK_IDS[name]
    for name in ("coal_ore", "iron_ore", "gold_ore", "diamond_ore", "snowy_grass", "clay", "forest_grass")
)
TREE_CELL = 5


def sea_level(height: int) -> int:
    """Return the height of the first cell above the sea, for a world of `height` cells."""
    return height * 11 // 32


@compiled
def add_noise(field, gradients, key, amplitude):
    """Add one octave of gradient noise to a field (X, Y); `gradients` (2, cells, cells) is room for its lattice."""
    nx, ny = field.shape
    _, cells_x, cells_y = gradients.shape
    gx, gy = gradients[0], gradients[1]
    for i in range(cells_x):
        for j in range(cells_y):
            angle = 2.0 * np.pi * chance(key, i, j)
            gx[i, j], gy[i, j] = np.cos(angle), np.sin(angle)
    for x in range(nx):
        u = (x + 0.5) * cells_x / nx
        i = int(u)
        fx, i1 = u - i, (i + 1) % cells_x
        wx = fx * fx * fx * (fx * (fx * 6.0 - 15.0) + 10.0)
        for y in range(ny):
            v = (y + 0.5) * cells_y / ny
            j = int(v)
            fy, j1 = v - j, (j + 1) % cells_y
            wy = fy * fy * fy * (fy * (fy * 6.0 - 15.0) + 10.0)
            low = gx[i, j] * fx + gy[i, j] * fy
            low += wx * (gx[i1, j] * (fx - 1.0) + gy[i1, j] * fy - low)
            high = gx[i, j1] * fx + gy[i, j1] * (fy - 1.0)
            high += wx * (gx[i1, j1] * (fx - 1.0) + gy[i1, j1] * (fy - 1.0) - high)
            field[x, y] += amplitude * (low + wy * (high - low))


def noise(key: np.uint64, nx: int, ny: int, scale: int, octaves: int) -> NDArray[np.float64]:
    """Return periodic gradient noise (nx, ny), about -0.7…0.7, whose first octave has cells of `scale` blocks."""
    field = np.zeros((nx, ny))
    for octave in range(octaves):
        cell = max(2, scale >> octave)
        gradients = np.empty((2, max(1, nx // cell), max(1, ny // cell)))
        add_noise(field, gradients, key ^ np.uint64(1000 + octave), 0.5**octave)
    return field


def ranked(field: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each value as a share 0…1 of the field, ties in memory order."""
    order = np.argsort(field, axis=None, kind="stable")
    ranks = np.empty(field.size)
    ranks[order] = np.arange(field.size) / field.size
    return ranks.reshape(field.shape)


@compiled
def _smooth(low, high, value):
    t = min(1.0, max(0.0, (value - low) / (high - low)))
    return t * t * (3.0 - 2.0 * t)


@compiled
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
            elif biome == SNOWFIELD:
                surface = _SNOWY_GRASS
            elif biome == MOUNTAINS:
                soil = _STONE
                snowline = sea + 16 + int(3 * chance(key, x, y)) - int(10.0 * max(0.0, 0.35 - warm[x, y]))
                if top > snowline:
                    surface = _SNOW
                elif top > sea + 11 + int(2 * chance(key, y, x)):
                    surface = _STONE
            if top < sea and biome != OCEAN and biome != DESERT:
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


@compiled
def _leaf(blocks, x, y, z, leaves):
    nx, ny, nz = blocks.shape
    if 0 < z < nz and blocks[x % nx, y % ny, z] == _AIR:
        blocks[x % nx, y % ny, z] = leaves


@compiled
def grow_round_tree(blocks, x, y, ground, trunk, log, leaves, key):
    """Grow an oak or a birch: a trunk and a rounded crown with ragged corners."""
    for layer in range(-2, 2):
        z = ground + trunk + layer
        radius = 2 if layer < 0 else 1
        for i in range(-radius, radius + 1):
            for j in range(-radius, radius + 1):
                corner = abs(i) == radius and abs(j) == radius
                if not corner or (layer < 1 and chance(key, i * 8 + layer + 100, j + 100) < 0.45):
                    _leaf(blocks, x + i, y + j, z, leaves)
    for z in range(ground, ground + trunk):
        blocks[x, y, z] = log


@compiled
def grow_spruce(blocks, x, y, ground, trunk, key):
    """Grow a spruce: a cone of skirts that alternate in width."""
    wide = 1
    for step in range(trunk - 1):
        z = ground + trunk - step
        radius = 0 if step == 0 else wide
        for i in range(-radius, radius + 1):
            for j in range(-radius, radius + 1):
                if abs(i) + abs(j) < 2 * radius or radius == 0:
                    _leaf(blocks, x + i, y + j, z, _SPRUCE_LEAVES)
        if step > 0:
            wide = 1 if wide == 2 else 2
    for z in range(ground, ground + trunk):
        blocks[x, y, z] = _SPRUCE


@compiled
def plant(blocks, heights, biomes, key, sea):
    """Plant trees, cactuses, pumpkins and boulders, at most one to each square of TREE_CELL blocks."""
    nx, ny, nz = blocks.shape
    for a in range(nx // TREE_CELL):
        for b in range(ny // TREE_CELL):
            bits = mixed(key, a, b)
            x = a * TREE_CELL + int(chance(bits, 1, 0) * (TREE_CELL - 1))
            y = b * TREE_CELL + int(chance(bits, 2, 0) * (TREE_CELL - 1))
            ground, biome, luck, size = heights[x, y], biomes[x, y], chance(bits, 3, 0), chance(bits, 4, 0)
            if ground < sea or ground + 10 >= nz or blocks[x, y, ground] != _AIR:
                continue
            surface = blocks[x, y, ground - 1]
            if biome == DESERT:
                if luck < 0.16:
                    for z in range(ground, ground + 2 + int(size * 3)):
                        blocks[x, y, z] = _CACTUS
            elif surface == _SAND or surface == _STONE or surface == _SNOW:
                continue
            elif biome == FOREST and luck < 0.78:
                if chance(bits, 5, 0) < 0.3:
                    grow_round_tree(blocks, x, y, ground, 5 + int(size * 3), _BIRCH, _BIRCH_LEAVES, bits)
                else:
                    grow_round_tree(blocks, x, y, ground, 4 + int(size * 3), _OAK, _OAK_LEAVES, bits)
            elif biome == PLAINS and luck < 0.07:
                grow_round_tree(blocks, x, y, ground, 4 + int(size * 2), _OAK, _OAK_LEAVES, bits)
            elif biome == SNOWFIELD and luck < 0.26:
                grow_spruce(blocks, x, y, ground, 6 + int(size * 4), bits)
            elif biome == MOUNTAINS and luck < 0.3:
                grow_spruce(blocks, x, y, ground, 5 + int(size * 4), bits)
            elif biome != BEACH and luck > 0.985:
                blocks[x, y, ground] = _PUMPKIN
            elif biome != BEACH and luck > 0.972:
                for i in range(-1, 2):
                    for j in range(-1, 2):
                        for k in range(3):
                            if i * i + j * j + k * k <= 2 + size:
                                blocks[(x + i) % nx, (y + j) % ny, ground - 1 + k] = _MOSS


@compiled
def sow_ores(blocks, heights, key):
    """Put small veins of ore into stone, rarer ores deeper."""
    nx, ny, nz = blocks.shape
    for vein in range(nx * ny // 40):
        x, y = int(chance(key, vein, 1) * nx), int(chance(key, vein, 2) * ny)
        z = 2 + int(chance(key, vein, 3) * max(1, heights[x, y] - 3))
        luck = chance(key, vein, 4)
        ore = _COAL
        if luck > 0.55:
            ore = _IRON
        if luck > 0.83 and z < nz * 3 // 8:
            ore = _GOLD
        if luck > 0.93 and z < nz // 4:
            ore = _DIAMOND
        for step in range(5):
            if z < nz and blocks[x, y, z] == _STONE:
                blocks[x, y, z] = ore
            turn = int(chance(key, vein, 10 + step) * 3)
            x, y, z = (x + (turn == 0)) % nx, (y + (turn == 1)) % ny, z + (turn == 2)


@dataclass(frozen=True)
class Terrain:
    """A generated world, before anyone acts in it; `VoxelState` names the arrays."""

    grid: Grid
    biomes: NDArray[np.uint8]  # (X, Y)
    clouds: NDArray[np.float64]  # (X / 8, Y / 8)


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
    plant(blocks, heights, biomes, keys[9], sea)
    measure_world(grid, OPAQUE)
    clouds = ranked(noise(keys[0] ^ np.uint64(5), nx // 8, ny // 8, 8, 2))
    return Terrain(grid, biomes, np.clip((clouds - 0.66) * 7.0, 0.0, 1.0))


def find_spawn(
    land: Terrain,
    random: np.random.Generator,
    biome: str | None = None,
) -> tuple[float, float, float, float]:
    """Return x, y, z (feet) and yaw of a start on dry, open land, in the wished biome where it has such a place."""
    blocks, biomes, tops = land.grid[0], land.biomes, land.grid[2].astype(np.int64)
    nx, ny, nz = blocks.shape
    sea = sea_level(nz)
    columns = np.arange(nx)[:, None], np.arange(ny)[None, :]
    surface = blocks[columns[0], columns[1], np.maximum(tops - 1, 0)]
    walkable = np.isin(surface, (_GRASS, _FOREST_GRASS, _SAND, _SNOW, _SNOWY_GRASS, _STONE, _GRAVEL, _ICE))
    dry = walkable & (tops >= sea) & (tops < nz - 4)
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
    x, y = (int(v) for v in places[random.integers(len(places))])
    yaws = random.random(12) * 360.0
    distances = np.arange(1, 25)
    ahead_x = np.floor(x + 0.5 + np.outer(np.sin(np.radians(yaws)), distances)).astype(int) % nx  # (12, 24)
    ahead_y = np.floor(y + 0.5 + np.outer(np.cos(np.radians(yaws)), distances)).astype(int) % ny
    open_way = np.cumprod(tops[ahead_x, ahead_y] <= tops[x, y] + 1, axis=1).sum(axis=1)
    return x + 0.5, y + 0.5, float(tops[x, y]), float(yaws[int(np.argmax(open_way))])
