"""Caves: winding tunnels and rooms in the rock, lava at their deepest, ores in their walls and all through stone."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.blocks import BLOCK_IDS
from worldsim_envs.voxel.chance import chance
from worldsim_envs.voxel.compiled import compiled, inner

_AIR, _STONE, _DIRT, _SAND, _SANDSTONE, _GRAVEL, _LAVA = (
    BLOCK_IDS[name] for name in ("air", "stone", "dirt", "sand", "sandstone", "gravel", "lava")
)
SOFT = np.zeros(256, np.uint8)  # what tunnels cut through
SOFT[[BLOCK_IDS[name] for name in ("stone", "dirt", "grass", "forest_grass", "savanna_grass", "snowy_grass", "snow",
                                    "sandstone", "coal_ore", "iron_ore", "gold_ore", "diamond_ore")]] = 1  # fmt: skip
_COAL, _IRON, _GOLD, _DIAMOND = (BLOCK_IDS[f"{ore}_ore"] for ore in ("coal", "iron", "gold", "diamond"))
LAVA_LEVEL = 4
TUNNEL_STEPS = 64


@inner
def _vein(blocks, x, y, z, luck, key, number):
    """Turn up to five cells of stone into an ore that fits the depth."""
    nx, ny, nz = blocks.shape
    ore = _COAL
    if luck > 0.55:
        ore = _IRON
    if luck > 0.83 and z < nz * 3 // 8:
        ore = _GOLD
    if luck > 0.93 and z < nz // 4:
        ore = _DIAMOND
    for step in range(5):
        if 0 < z < nz and blocks[x, y, z] == _STONE:
            blocks[x, y, z] = ore
        turn = int(chance(key, number, 10 + step) * 3)
        x, y, z = (x + (turn == 0)) % nx, (y + (turn == 1)) % ny, z + (turn == 2)


@compiled
def sow_ores(blocks, heights, key):
    """Put small veins of ore into stone, rarer ores deeper."""
    nx, ny, nz = blocks.shape
    for vein in range(nx * ny // 40):
        x, y = int(chance(key, vein, 1) * nx), int(chance(key, vein, 2) * ny)
        z = 2 + int(chance(key, vein, 3) * max(1, heights[x, y] - 3))
        luck = chance(key, vein, 4)
        _vein(blocks, x, y, z, luck, key, vein)


@inner
def _hollow(blocks, heights, soft, x, y, z, radius, low, sea):
    """Cut a flattened ball out of the rock, away from water; its deepest cells fill with lava."""
    nx, ny, nz = blocks.shape
    reach, rise = int(radius + 1.0), int(low + 1.0)
    for i in range(-reach, reach + 1):
        for j in range(-reach, reach + 1):
            a, b = (int(x) + i) % nx, (int(y) + j) % ny
            roof = nz - 2
            for side in range(5):  # no water may stand above, or beside
                ground = heights[(a + (side == 1) - (side == 2)) % nx, (b + (side == 3) - (side == 4)) % ny]
                if ground <= sea:
                    roof = min(roof, ground - 3)
            for k in range(-rise, rise + 1):
                c = int(z) + k
                far = (i * i + j * j) / (radius * radius) + k * k / (low * low)
                if far <= 1.0 and 2 <= c <= roof and soft[blocks[a, b, c]]:
                    blocks[a, b, c] = _LAVA if c < LAVA_LEVEL else _AIR


@compiled
def dig_caves(blocks, heights, soft, key, sea):
    """Dig tunnels, some of which begin at the surface, with a room here and there, and put ores into their walls."""
    nx, ny, _ = blocks.shape
    for tunnel in range(nx * ny // 1100):
        x, y = chance(key, tunnel, 1) * nx, chance(key, tunnel, 2) * ny
        ground = heights[int(x), int(y)]
        mouth = chance(key, tunnel, 3) < 0.45 and ground > sea + 1
        z = float(ground + 1) if mouth else 5.0 + chance(key, tunnel, 4) * max(1.0, ground - 12.0)
        yaw, pitch = chance(key, tunnel, 5) * 6.2832, (-0.75 if mouth else 0.0)
        size = 1.6 + 1.0 * chance(key, tunnel, 6)
        for step in range(TUNNEL_STEPS):
            luck = chance(key, tunnel, 100 + step)
            radius = size * (0.85 + 0.4 * luck)
            _hollow(blocks, heights, soft, x, y, z, radius, max(1.3, 0.85 * radius), sea)
            if luck > 0.975:
                _hollow(blocks, heights, soft, x, y, z + 0.5, 3.5 + 2.5 * chance(key, tunnel, 700 + step), 2.6, sea)
            if chance(key, tunnel, 300 + step) < 0.22:
                side = 6.2832 * chance(key, tunnel, 500 + step)
                _vein(blocks, int(x + (radius + 0.7) * np.cos(side)) % nx, int(y + (radius + 0.7) * np.sin(side)) % ny,
                      max(1, int(z)), chance(key, tunnel, 900 + step), key, tunnel * 64 + step)  # fmt: skip
            yaw += 0.9 * (chance(key, tunnel, 1100 + step) - 0.5)
            pitch = 0.86 * pitch + 0.5 * (chance(key, tunnel, 1300 + step) - 0.5)
            if z < 7.0:
                pitch = max(pitch, 0.15)
            elif z > heights[int(x) % nx, int(y) % ny] - 6.0 and step > 6:
                pitch = min(pitch, -0.2)
            x, y, z = x + 1.2 * np.cos(yaw), y + 1.2 * np.sin(yaw), z + 1.2 * np.sin(pitch)
            x, y = x % nx, y % ny
