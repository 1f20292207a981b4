"""One exact ray caster: it meets cubes and slabs, notes water on the way, and passes over all that ends below it."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.blocks import CUBE, OPEN, T_FORM, WATER, WET
from worldsim_envs.voxel.compiled import inlined
from worldsim_envs.voxel.state import TILE

VIEW = 48.0
VIEW_UNDER_WATER = 16.0
DEEP = 11.0  # nothing is seen through more water than this


@inlined
def form_in(grid, x, y, z):
    """Return what rays meet at a point (T_FORM of its block), nothing above and below the world."""
    blocks, traits = grid[0], grid[8]
    nx, ny, nz = blocks.shape
    k = int(np.floor(z))
    if k < 0 or k >= nz:
        return OPEN
    return int(traits[blocks[int(np.floor(x)) & (nx - 1), int(np.floor(y)) & (ny - 1), k], T_FORM])


@inlined
def shows(form, face, plane):
    """Return whether a block of this form has a face, or its top, in a plane (in sixteenths) through its cell."""
    return form == (plane & 15) if face == 4 and (plane & 15) > 0 else form == CUBE


@inlined
def cast(grid, ox, oy, oz, dx, dy, dz, begin, reach, start):
    """Follow a ray to the first cube or slab; whole tiles and columns below the ray are passed over.

    Returns distance (-1 for none), packed cell, face and the face's coordinate in sixteenths (in the endless world, not
    round the torus), and the distances where a water body begins and ends (-1 where not; 0 for a start under water)
    with the axis of its surface. The ray is known to be free up to the distance `begin`; `start` is WATER for an eye
    under water. Indices are unsigned, since numba looks at each signed one for being below zero.
    """
    blocks, roofs, tiles, traits = grid[0], grid[3], grid[4], grid[8]
    nx, ny, nz = blocks.shape
    mask_x, mask_y, tile_mask_x, tile_mask_y = nx - 1, ny - 1, tiles.shape[0] - 1, tiles.shape[1] - 1
    east, north, up = dx > 0, dy > 0, dz > 0
    si, sj, sk = (1 if east else -1), (1 if north else -1), (1 if up else -1)
    wi, wj = 1.0 / max(abs(dx), 1e-12), 1.0 / max(abs(dy), 1e-12)
    a, b = int(np.floor(ox + dx * begin)) // TILE, int(np.floor(oy + dy * begin)) // TILE
    next_a = (((a + 1) * TILE - ox) if east else (ox - a * TILE)) * wi
    next_b = (((b + 1) * TILE - oy) if north else (oy - b * TILE)) * wj
    t, z, axis = begin, oz + dz * begin, 2
    water_in, water_out, water_axis = (0.0 if start == WATER else -1.0), -1.0, 2
    while True:
        tile_end = min(min(next_a, next_b), reach)
        if min(z, oz + dz * tile_end) < tiles[np.uint64(a & tile_mask_x), np.uint64(b & tile_mask_y)]:
            i = min(max(int(np.floor(ox + dx * t)), a * TILE), a * TILE + TILE - 1)
            j = min(max(int(np.floor(oy + dy * t)), b * TILE), b * TILE + TILE - 1)
            next_i = ((i + 1 - ox) if east else (ox - i)) * wi
            next_j = ((j + 1 - oy) if north else (oy - j)) * wj
            while True:
                end = min(min(next_i, next_j), tile_end)
                z_end = oz + dz * end
                x, y = np.uint64(i & mask_x), np.uint64(j & mask_y)
                if min(z, z_end) < roofs[x, y]:
                    k, last = int(np.floor(z)), int(np.floor(z_end))
                    while True:
                        if 0 <= k < nz:
                            form, face = int(traits[blocks[x, y, np.uint64(k)], T_FORM]), -1
                            if form == OPEN:
                                if water_in >= 0.0 and water_out < 0.0:
                                    water_out = t
                            elif form == CUBE:
                                face = 0
                            elif form > CUBE:
                                if water_in < 0.0:
                                    level = k + (form - WET) / 16.0
                                    if form == WET + 16 or oz + dz * t < level:
                                        water_in, water_axis = t, axis
                                        reach = min(reach, t + DEEP)
                                    elif not up and oz + dz * end < level:
                                        water_in, water_axis = (level - oz) / dz, 2
                                        reach = min(reach, water_in + DEEP)
                            elif (axis == 2 and up) or oz + dz * t < k + form / 16.0:
                                face = 0
                            elif not up and oz + dz * end < k + form / 16.0:
                                t, face = (k + form / 16.0 - oz) / dz, 4
                            elif water_in >= 0.0 and water_out < 0.0:
                                water_out = t
                            if face >= 0:
                                if face == 4:
                                    plane = 16 * k + form
                                elif axis == 0:
                                    face, plane = (1, 16 * i) if east else (0, 16 * i + 16)
                                elif axis == 1:
                                    face, plane = (3, 16 * j) if north else (2, 16 * j + 16)
                                else:
                                    face, plane = (5, 16 * k) if up else (4, 16 * k + 16)
                                cell = (((int(x) << 10) | int(y)) << 8) | k
                                return t, cell, face, plane, water_in, water_out, water_axis
                        if (last - k) * sk <= 0:  # rounding at a tile's border may put `last` behind k
                            break
                        k += sk
                        t, axis = ((k if up else k + 1) - oz) / dz, 2
                elif water_in >= 0.0 and water_out < 0.0:
                    water_out = t
                t, z = end, z_end
                if end >= tile_end:
                    break
                over = next_i < next_j  # which border comes first is anyone's guess, so nothing branches on it
                axis = 0 if over else 1
                i, j = (i + si if over else i), (j if over else j + sj)
                next_i, next_j = (next_i + wi if over else next_i), (next_j if over else next_j + wj)
        elif water_in >= 0.0 and water_out < 0.0:
            water_out = t
        if tile_end >= reach:
            return -1.0, -1, -1, 0, water_in, water_out, water_axis
        t, z = tile_end, oz + dz * tile_end
        if next_a < next_b:
            a, next_a, axis = a + si, next_a + TILE * wi, 0
        else:
            b, next_b, axis = b + sj, next_b + TILE * wj, 1
