"""What grows on the land: trees by biome, and small plants in patches."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.blocks import BLOCK_IDS
from worldsim_envs.voxel.chance import chance, mixed
from worldsim_envs.voxel.compiled import compiled
from worldsim_envs.voxel.terrain.biomes import BEACH, DESERT, FOREST, MOUNTAINS, PLAINS, SAVANNA, SNOWFIELD, SWAMP
from worldsim_envs.voxel.terrain.trees import grow_acacia, grow_broad_oak, grow_bush, grow_round_tree, grow_spruce

_AIR, _SAND, _OAK, _OAK_LEAVES, _BIRCH, _BIRCH_LEAVES, _ACACIA, _ACACIA_LEAVES = (
    BLOCK_IDS[name]
    for name in ("air", "sand", "oak_log", "oak_leaves", "birch_log", "birch_leaves", "acacia_log",
                 "acacia_leaves")
)  # fmt: skip
_CACTUS, _PUMPKIN, _MOSS, _WATER, _LILY = (
    BLOCK_IDS[name] for name in ("cactus", "pumpkin", "moss", "water", "lily_pad")
)
TREE_CELL = 5
# Small plants of each biome: share of the columns inside patches and outside, and the plants to choose from.
SMALL: dict[int, tuple[float, float, tuple[str, ...]]] = {
    PLAINS: (0.22, 0.010, ("tall_grass", "tall_grass", "tall_grass", "dandelion", "poppy", "cornflower")),
    FOREST: (0.14, 0.015, ("tall_grass", "fern", "fern", "poppy", "mushroom", "dandelion")),
    DESERT: (0.030, 0.008, ("dead_bush",)),
    SNOWFIELD: (0.06, 0.004, ("fern", "tall_grass")),
    MOUNTAINS: (0.06, 0.004, ("fern", "cornflower", "tall_grass")),
    SAVANNA: (0.30, 0.030, ("tall_grass", "tall_grass", "tall_grass", "dead_bush")),
    SWAMP: (0.18, 0.020, ("tall_grass", "fern", "mushroom", "tall_grass")),
}
SOILS = np.zeros(256, np.uint8)
SOILS[[BLOCK_IDS[name] for name in ("grass", "forest_grass", "savanna_grass", "swamp_grass", "snowy_grass", "sand",
                                     "dirt")]] = 1  # fmt: skip


def small_table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return shares (B, 2), plants (B, 6) with their number first, and which blocks they grow on (256,)."""
    shares, plants = np.zeros((16, 2)), np.zeros((16, 7), np.int64)
    for biome, (inside, outside, names) in SMALL.items():
        shares[biome] = inside, outside
        plants[biome, : len(names) + 1] = (len(names), *(BLOCK_IDS[name] for name in names))
    return shares, plants, SOILS


@compiled
def plant(blocks, heights, biomes, soils, key, sea):
    """Plant trees, bushes, cactuses, pumpkins and boulders, at most one to each square of TREE_CELL blocks."""
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
            if not soils[surface]:
                continue
            if biome == DESERT:
                if luck < 0.16:
                    for z in range(ground, ground + 2 + int(size * 3)):
                        blocks[x, y, z] = _CACTUS
            elif surface == _SAND:
                continue
            elif biome == FOREST and luck < 0.78:
                if luck < 0.05 and ground + 12 < nz:
                    grow_broad_oak(blocks, x, y, ground, 7 + int(size * 2), bits)
                elif chance(bits, 5, 0) < 0.3:
                    grow_round_tree(blocks, x, y, ground, 5 + int(size * 3), _BIRCH, _BIRCH_LEAVES, bits)
                else:
                    grow_round_tree(blocks, x, y, ground, 4 + int(size * 3), _OAK, _OAK_LEAVES, bits)
            elif biome == SAVANNA:
                if luck < 0.16:
                    grow_acacia(blocks, x, y, ground, 5 + int(size * 3), bits)
                elif luck < 0.22:
                    grow_bush(blocks, x, y, ground, _ACACIA_LEAVES, _ACACIA, bits)
            elif biome == SWAMP:
                if luck < 0.3:
                    grow_round_tree(blocks, x, y, ground, 5 + int(size * 2), _OAK, _OAK_LEAVES, bits)
                elif luck < 0.36:
                    grow_bush(blocks, x, y, ground, _OAK_LEAVES, _OAK, bits)
            elif biome == PLAINS and luck < 0.012:
                grow_broad_oak(blocks, x, y, ground, 6 + int(size * 2), bits)
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
def plant_small(blocks, heights, biomes, patches, table, key, sea):
    """Plant grass, flowers, bushes and mushrooms, most of them in patches, and lily pads on a swamp's pools."""
    shares, plants, soils = table
    nx, ny, nz = blocks.shape
    for x in range(nx):
        for y in range(ny):
            ground, biome = heights[x, y], biomes[x, y]
            if biome == SWAMP and ground < sea and blocks[x, y, sea - 1] == _WATER and blocks[x, y, sea] == _AIR:
                if chance(key, x, y) < 0.12:
                    blocks[x, y, sea] = _LILY
                continue
            if ground < sea or ground + 1 >= nz or blocks[x, y, ground] != _AIR or not soils[blocks[x, y, ground - 1]]:
                continue
            if chance(key, x, y) < shares[biome, 0 if patches[x, y] > 0.62 else 1]:
                kinds = plants[biome, 0]
                # Neighbours tend to be of one kind.
                pick = int(chance(key, 1000 + x // 4, y // 4) * kinds + 1.6 * chance(key, x, 5000 + y))
                blocks[x, y, ground] = plants[biome, 1 + pick % max(1, kinds)]
