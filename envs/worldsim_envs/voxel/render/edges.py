"""Smooth edges without more rays: where two faces part is known exactly, so a divided pixel takes its share of both."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.blocks import CUBE, OPEN, WET
from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.render.camera import EYE_X, EYE_Y, EYE_Z, ray
from worldsim_envs.voxel.render.cast import form_in, shows
from worldsim_envs.voxel.render.rays import CELL, DISTANCE, FACE, PLANE

EDGE_CONTRAST = 0.05  # of 1; smaller steps of colour stay as they are
CELLS_BEYOND = 8


@inlined
def _crossing(o, d, e, plane, a, b, border):
    """Return the share of the way from ray `d` to `e` at which it crosses `border` of axis b on a plane of axis a."""
    depth, width = plane - o[a], border - o[b]
    change = depth * (e[b] - d[b]) - width * (e[a] - d[a])
    return (width * d[a] - depth * d[b]) / (change if change != 0.0 else 1e-30)


@inlined
def _form_behind(grid, face, p, a, b, along):
    """Return the form of the block whose face is at p on axis a, or of one `along` cells further on axis b."""
    inside = 0.03125 if face & 1 else -0.03125
    return form_in(grid, p[0] + (inside if a == 0 else 0.0) + (along if b == 0 else 0.0),
                   p[1] + (inside if a == 1 else 0.0) + (along if b == 1 else 0.0),
                   p[2] + (inside if a == 2 else 0.0) + (along if b == 2 else 0.0))  # fmt: skip


@inlined
def _open_face(grid, face, plane, p, a, b, along):
    """Return whether a block `along` cells further on axis b shows the same face: it is solid, and open in front."""
    if not shows(_form_behind(grid, face, p, a, b, along), face, plane):
        return False
    away = 1.0 if face & 1 else -1.0
    ahead = _form_behind(grid, face, (p[0] - (away if a == 0 else 0.0), p[1] - (away if a == 1 else 0.0),
                                      p[2] - (away if a == 2 else 0.0)), a, b, along)  # fmt: skip
    return ahead == OPEN or ahead >= WET


@inlined
def _surface_ends(grid, o, d, e, t, face, sixteenths, one_plane):
    """Return the share of the way from ray `d` to `e` at which the surface hit by `d` at distance t ends; 1 if beyond.

    A surface goes on over neighbouring blocks, unless both rays meet `one_plane`: then the blocks themselves differ.
    """
    a, b, c = (0, 1, 2) if face < 2 else ((1, 0, 2) if face < 4 else (2, 0, 1))
    plane = sixteenths / 16.0
    p = (o[0] + t * d[0], o[1] + t * d[1], o[2] + t * d[2])
    # The way leaves the block over one of the two borders that it moves towards.
    share, axis, sign = 2.0, b, 1
    for way in (b, c):
        towards = (plane - o[a]) * ((e[way] - d[way]) * d[a] - d[way] * (e[a] - d[a]))
        border = np.floor(p[way]) + (1.0 if towards > 0.0 else 0.0)
        if way == 2 and towards > 0.0:  # the side of a slab ends at its top
            form = _form_behind(grid, face, p, a, b, 0.0)
            border += form / 16.0 - 1.0 if OPEN < form < CUBE else 0.0
        crossing = _crossing(o, d, e, plane, a, way, border)
        if 0.0 <= crossing < share:
            share, axis, sign = crossing, way, (1 if towards > 0.0 else -1)
    step = 1
    while share < 1.0 and not one_plane and _open_face(grid, face, sixteenths, p, a, axis, float(step * sign)):
        share = _crossing(o, d, e, plane, a, axis, np.floor(p[axis]) + (1 if sign > 0 else 0) + step * sign)
        share = 1.0 if share < 0.0 or step == CELLS_BEYOND else share
        step += 1
    return min(share, 1.0)


@inner
def smooth_edges(grid, camera, units, hits, places, colours, shares, sides):
    """Find how far each pixel's neighbour reaches into it: `shares` (H, W) 0…0.5 and `sides` (H, W), 0 right … 3 up.

    Where two neighbours differ, the nearer one's surface ends between them at a place known exactly, and the pixel that
    it divides takes its share of the other colour. (After "geometry buffer anti-aliasing", E. Persson, 2011.)
    """
    height, width = shares.shape
    shares[:, :] = 0.0
    o = (camera[EYE_X], camera[EYE_Y], camera[EYE_Z])
    for row in range(height):
        cells, faces = places[CELL, row], places[FACE, row]
        cells_below, faces_below = places[CELL, min(row + 1, height - 1)], places[FACE, min(row + 1, height - 1)]
        for column in range(width):
            cell, face = cells[column], faces[column]
            beside = min(column + 1, width - 1)
            right = cell != cells[beside] or face != faces[beside]
            down = cell != cells_below[column] or face != faces_below[column]
            if not right and not down:
                continue
            for side in range(2):
                if not (down if side == 1 else right):
                    continue
                row1, column1 = row + side, column + 1 - side
                at, at1 = 3 * (row * width + column), 3 * (row1 * width + column1)
                gap = max(abs(colours[at] - colours[at1]), max(abs(colours[at + 1] - colours[at1 + 1]),
                                                               abs(colours[at + 2] - colours[at1 + 2])))  # fmt: skip
                if gap < EDGE_CONTRAST:
                    continue
                swap = places[CELL, row1, column1] >= 0 and hits[DISTANCE, row1, column1] < hits[DISTANCE, row, column]
                swap = swap or cell < 0
                near_row, near_column = (row1, column1) if swap else (row, column)
                far_row, far_column = (row, column) if swap else (row1, column1)
                d, e = ray(camera, near_row, near_column), ray(camera, far_row, far_column)
                t = hits[DISTANCE, near_row, near_column] * units[near_row, near_column]
                near_face, plane = places[FACE, near_row, near_column], places[PLANE, near_row, near_column]
                one_plane = (
                    near_face == places[FACE, far_row, far_column] and plane == places[PLANE, far_row, far_column]
                )
                share = _surface_ends(grid, o, d, e, t, near_face, plane, one_plane)
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


@inner
def blend_edges(colours, shares, sides, out):
    """Write colours into `out`, (H * W * 3,) float32 both, those of divided pixels mixed with their neighbour's."""
    height, width = shares.shape
    for place in range(out.shape[0]):
        out[place] = colours[place]
    for row in range(height):
        for column in range(width):
            share, side = shares[row, column], sides[row, column]
            if share > 0.0:
                away = (1, width, -1, -width)[side]
                at, at1 = 3 * (row * width + column), 3 * (row * width + column + away)
                for channel in range(3):
                    out[at + channel] += (colours[at1 + channel] - colours[at + channel]) * share
