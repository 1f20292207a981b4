"""How far a rising ray may meet anything: the highest roof in view by bearing and distance."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.render.cast import VIEW
from worldsim_envs.voxel.state import TILE

RINGS, SECTORS = int(VIEW) // TILE, 32


@inlined
def _bearing(dx, dy):
    """Return a direction's bearing, 0…4 once round: not the angle, but growing with it, and cheaper."""
    share = dy / (abs(dx) + abs(dy) + 1e-30)
    return 1.0 + share if dx >= 0.0 else 3.0 - share


@inner
def find_ceilings(tiles, ox, oy, oz, ceilings):
    """Fill the highest roof in view by bearing and distance: `ceilings[sector, ring]`, rings TILE blocks wide."""
    ceilings[:, :] = 0.0
    a, b, far = int(ox) // TILE, int(oy) // TILE, RINGS + 1
    for i in range(a - far, a + far + 1):
        for j in range(b - far, b + far + 1):
            roof = float(tiles[i & (tiles.shape[0] - 1), j & (tiles.shape[1] - 1)])
            if roof <= oz:  # never met by a ray that rises
                continue
            west, south = i * TILE - ox, j * TILE - oy
            away_x, away_y = max(0.0, max(west, -west - TILE)), max(0.0, max(south, -south - TILE))
            reach_x, reach_y = max(abs(west), abs(west + TILE)), max(abs(south), abs(south + TILE))
            first_ring = int(np.sqrt(away_x * away_x + away_y * away_y) / TILE)
            last_ring = min(RINGS - 1, int(np.sqrt(reach_x * reach_x + reach_y * reach_y) / TILE))
            middle, low, high = _bearing(west + 0.5 * TILE, south + 0.5 * TILE), 0.0, 0.0
            for corner in range(4):
                turn = _bearing(west + TILE * (corner & 1), south + TILE * (corner >> 1)) - middle
                turn += 4.0 if turn < -2.0 else (-4.0 if turn > 2.0 else 0.0)
                low, high = min(low, turn), max(high, turn)
            first = int(np.floor((middle + low) * SECTORS / 4))
            last = int(np.floor((middle + high) * SECTORS / 4))
            if away_x == 0.0 and away_y == 0.0:
                first, last = 0, SECTORS - 1
            for sector in range(first, last + 1):
                for ring in range(first_ring, last_ring + 1):
                    ceilings[sector & (SECTORS - 1), ring] = max(ceilings[sector & (SECTORS - 1), ring], roof)


@inlined
def rising_reach(ceilings, oz, dx, dy, dz):
    """Return how far a rising ray of length 1 may meet anything; it is above all roofs from there on."""
    flat = np.sqrt(dx * dx + dy * dy) + 1e-9
    slope = dz / flat
    sector = int(_bearing(dx, dy) * (SECTORS / 4)) & (SECTORS - 1)
    ring = RINGS - 1
    while ring >= 0 and oz + slope * (ring * TILE) >= ceilings[sector, ring]:
        ring -= 1
    return (ring + 1) * TILE / flat
