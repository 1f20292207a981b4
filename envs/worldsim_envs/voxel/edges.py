"""Smooth edges without more rays: where two faces part is known exactly, so a divided pixel takes its share of both."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.compiled import compiled, inlined
from worldsim_envs.voxel.rays import CELL, DISTANCE, EYE_X, EYE_Y, EYE_Z, FACE, PLANE, ray

EDGE_CONTRAST = 0.05


@inlined
def _leaves_face(o, d, e, plane, axis, low):
    """Return the share of the way from direction `d` to `e` at which a ray leaves a unit face, along one axis of it."""
    first = 2.0
    for border in range(2):
        slope = (low + border - o[axis[1]]) / (plane - o[axis[0]])
        below = (e[axis[1]] - d[axis[1]]) - slope * (e[axis[0]] - d[axis[0]])
        share = (slope * d[axis[0]] - d[axis[1]]) / (below if below != 0.0 else 1e-30)
        if 0.0 <= share < first:
            first = share
    return first


@compiled
def smooth_edges(camera, units, hits, places, colours, shares, sides):
    """Find how far each pixel's neighbour reaches into it: `shares` (H, W) 0…0.5 and `sides` (H, W), 0 right … 3 up.

    Where two neighbours differ, the nearer one's face ends between them at a place known exactly, and the pixel that it
    divides takes its share of the other colour. (After "geometry buffer anti-aliasing", E. Persson, 2011.)
    """
    height, width = shares.shape
    shares[:, :] = 0.0
    o = (camera[EYE_X], camera[EYE_Y], camera[EYE_Z])
    for row in range(height):
        for column in range(width):
            for side in range(2):
                row1, column1 = row + side, column + 1 - side
                if row1 >= height or column1 >= width:
                    continue
                cell, cell1 = places[row, column, CELL], places[row1, column1, CELL]
                if cell == cell1 and places[row, column, FACE] == places[row1, column1, FACE]:
                    continue
                gap = max(abs(colours[row, column, 0] - colours[row1, column1, 0]),
                          max(abs(colours[row, column, 1] - colours[row1, column1, 1]),
                              abs(colours[row, column, 2] - colours[row1, column1, 2])))  # fmt: skip
                if gap < EDGE_CONTRAST:
                    continue
                swap = cell1 >= 0 and hits[row1, column1, DISTANCE] < hits[row, column, DISTANCE]
                swap = swap or cell < 0
                near_row, near_column = (row1, column1) if swap else (row, column)
                far_row, far_column = (row, column) if swap else (row1, column1)
                d, e = ray(camera, near_row, near_column), ray(camera, far_row, far_column)
                face, plane = places[near_row, near_column, FACE], float(places[near_row, near_column, PLANE])
                t = hits[near_row, near_column, DISTANCE] * units[near_row, near_column]
                a, b, c = (0, 1, 2) if face < 2 else ((1, 0, 2) if face < 4 else (2, 0, 1))
                share = min(_leaves_face(o, d, e, plane, (a, b), np.floor(o[b] + t * d[b])),
                            _leaves_face(o, d, e, plane, (a, c), np.floor(o[c] + t * d[c])))  # fmt: skip
                if share < 0.5:
                    share = 0.5 - share
                    if share > shares[near_row, near_column]:
                        shares[near_row, near_column] = share
                        sides[near_row, near_column] = side + (2 if swap else 0)
                elif share < 1.0:
                    share -= 0.5
                    if share > shares[far_row, far_column]:
                        shares[far_row, far_column] = share
                        sides[far_row, far_column] = side + (0 if swap else 2)


@compiled
def blend_edges(colours, shares, sides, out):
    """Write colours into `out` (H, W, 3) float32, those of divided pixels mixed with their neighbour's."""
    height, width = shares.shape
    for row in range(height):
        for column in range(width):
            share, side = shares[row, column], sides[row, column]
            if share > 0.0:
                row1 = row + (1 if side == 1 else (-1 if side == 3 else 0))
                column1 = column + (1 if side == 0 else (-1 if side == 2 else 0))
                for channel in range(3):
                    own = colours[row, column, channel]
                    out[row, column, channel] = own + (colours[row1, column1, channel] - own) * share
            else:
                for channel in range(3):
                    out[row, column, channel] = colours[row, column, channel]
