"""Crops and saplings: each grows at its cell's own turns, whether or not anyone looks; a tree needs room."""

from __future__ import annotations

from worldsim_envs.voxel.blocks import AIR, BLOCK_IDS
from worldsim_envs.voxel.chance import chance
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.systems.change import cell_of, change, schedule_growth
from worldsim_envs.voxel.tables import GROWS, LOG

_WHEAT_2, _WHEAT_3 = BLOCK_IDS["wheat_2"], BLOCK_IDS["wheat_3"]
_OAK, _BIRCH, _SPRUCE = (BLOCK_IDS[f"{tree}_log"] for tree in ("oak", "birch", "spruce"))
_OAK_LEAVES, _BIRCH_LEAVES, _SPRUCE_LEAVES = (BLOCK_IDS[f"{tree}_leaves"] for tree in ("oak", "birch", "spruce"))
_GREW, _RIPENED, _TREE = (EVENT[name] for name in ("crop_grew", "crop_ripened", "sapling_grew"))
_ROOM, _TREE_RADIUS = 7, 2


@inner
def grow(w, x, y, z, events):
    """Let the crop or sapling at a cell come to its next stage. Return whether it did."""
    block = int(w.grid[0][x, y, z])
    after = int(GROWS[block])
    if after == 0:
        return False
    if LOG[after]:
        if not has_room(w, x, y, z):
            schedule_growth(w, x, y, z, block)
            return False
        raise_tree(w, x, y, z, after)
        events[_TREE] += 1.0
        return True
    change(w, x, y, z, after)
    events[_RIPENED if after == _WHEAT_3 else _GREW] += 1.0
    return True


@inner
def has_room(w, x, y, z):
    """Return whether a tree can rise at a cell: air above it."""
    blocks = w.grid[0]
    if z + _ROOM + 1 >= blocks.shape[2]:
        return False
    filled = 0
    for k in range(1, _ROOM):
        filled += blocks[x, y, z + k] != AIR
    return filled == 0


@inner
def raise_tree(w, x, y, z, log):
    """Put a trunk and a crown in the place of a sapling."""
    blocks = w.grid[0]
    nx, ny = blocks.shape[0], blocks.shape[1]
    cell = cell_of(blocks, x, y, z)
    leaves = _OAK_LEAVES if log == _OAK else (_BIRCH_LEAVES if log == _BIRCH else _SPRUCE_LEAVES)
    trunk = 4 + int(chance(w.random[1], cell, 5) * 3)
    for k in range(trunk):
        change(w, x, y, z + k, log)
    for layer in range(-2, 2):
        radius = _TREE_RADIUS if layer < 0 else 1
        for i in range(-radius, radius + 1):
            for j in range(-radius, radius + 1):
                corner = abs(i) == radius and abs(j) == radius
                a, b, c = (x + i) % nx, (y + j) % ny, z + trunk + layer
                if blocks[a, b, c] == AIR and (not corner or chance(w.random[1], cell + 9 * i + j, layer + 9) < 0.4):
                    change(w, a, b, c, leaves)
