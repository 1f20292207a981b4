"""Trees, each a small function that puts its logs and leaves into the blocks."""

from __future__ import annotations

from worldsim_envs.voxel.blocks import BLOCK_IDS
from worldsim_envs.voxel.chance import chance
from worldsim_envs.voxel.compiled import inner

_AIR, _OAK, _OAK_LEAVES, _SPRUCE, _SPRUCE_LEAVES, _ACACIA, _ACACIA_LEAVES = (
    BLOCK_IDS[name]
    for name in ("air", "oak_log", "oak_leaves", "spruce_log", "spruce_leaves", "acacia_log", "acacia_leaves")
)


@inner
def _leaf(blocks, x, y, z, leaves):
    nx, ny, nz = blocks.shape
    if 0 < z < nz and blocks[x % nx, y % ny, z] == _AIR:
        blocks[x % nx, y % ny, z] = leaves


@inner
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


@inner
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


@inner
def grow_broad_oak(blocks, x, y, ground, trunk, key):
    """Grow an old oak: a tall trunk with a crown of two storeys."""
    nx, ny, _ = blocks.shape
    for layer in range(-3, 3):
        z = ground + trunk + layer
        radius = (3, 3, 3, 2, 2, 1)[layer + 3]
        for i in range(-radius, radius + 1):
            for j in range(-radius, radius + 1):
                if i * i + j * j <= radius * radius + 1 and chance(key, i * 16 + layer + 200, j + 200) < 0.92:
                    _leaf(blocks, x + i, y + j, z, _OAK_LEAVES)
    for z in range(ground, ground + trunk):
        blocks[x, y, z] = _OAK
    for side in range(4):
        i, j = (side == 0) - (side == 1), (side == 2) - (side == 3)
        if chance(key, side, 77) < 0.5:
            blocks[(x + i) % nx, (y + j) % ny, ground + trunk - 3] = _OAK


@inner
def grow_acacia(blocks, x, y, ground, trunk, key):
    """Grow an acacia: a trunk that leans over, with a flat crown."""
    nx, ny, _ = blocks.shape
    side = int(chance(key, 6, 0) * 4)
    i, j = (side == 0) - (side == 1), (side == 2) - (side == 3)
    bend = trunk - 2
    for z in range(ground, ground + trunk):
        step = max(0, z - ground - bend)
        blocks[(x + step * i) % nx, (y + step * j) % ny, z] = _ACACIA
    x, y, z = x + (trunk - 1 - bend) * i, y + (trunk - 1 - bend) * j, ground + trunk
    for a in range(-3, 4):
        for b in range(-3, 4):
            if abs(a) + abs(b) <= 4 and (abs(a) + abs(b) < 4 or chance(key, a + 60, b + 40) < 0.6):
                _leaf(blocks, x + a, y + b, z - 1, _ACACIA_LEAVES)
            if abs(a) + abs(b) <= 2:
                _leaf(blocks, x + a, y + b, z, _ACACIA_LEAVES)


@inner
def grow_bush(blocks, x, y, ground, leaves, log, key):
    """Grow a bush: one log under a heap of leaves."""
    blocks[x, y, ground] = log
    for i in range(-1, 2):
        for j in range(-1, 2):
            if abs(i) + abs(j) < 2 or chance(key, i + 9, j + 9) < 0.4:
                _leaf(blocks, x + i, y + j, ground, leaves)
    _leaf(blocks, x, y, ground + 1, leaves)
