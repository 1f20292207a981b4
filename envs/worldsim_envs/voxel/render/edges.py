"""Smooth edges without more rays: where two faces part is known exactly, so a divided pixel takes its share of both."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.blocks import CUBE, OPEN, WET
from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.render.camera import EYE_X, EYE_Y, EYE_Z, ray
from worldsim_envs.voxel.render.cast import form_in, shows
from worldsim_envs.voxel.render.rays import CELL, DISTANCE, SURFACE, face_of

EDGE_CONTRAST = np.float32(0.05)  # of 1; smaller steps of colour stay as they are
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


@inlined
def _gap(r, g, b):
    """Return the greatest of three differences."""
    return max(abs(r), max(abs(g), abs(b)))


@inner
def _mark_edges(cells, surfaces, colours, cells_below, surfaces_below, colours_below, marks):
    """Mark the pixels of a row that show another face than their right neighbour (1) or the one below (2).

    Those whose colours (W * 3,) hardly differ are left out.
    """
    last = cells.shape[0] - 1
    for column in range(last):
        at = 3 * column
        r, g, b = colours[at], colours[at + 1], colours[at + 2]
        right = (cells[column] != cells[column + 1]) | (surfaces[column] >> 1 != surfaces[column + 1] >> 1)
        right &= _gap(r - colours[at + 3], g - colours[at + 4], b - colours[at + 5]) >= EDGE_CONTRAST
        down = (cells[column] != cells_below[column]) | (surfaces[column] >> 1 != surfaces_below[column] >> 1)
        down &= _gap(r - colours_below[at], g - colours_below[at + 1], b - colours_below[at + 2]) >= EDGE_CONTRAST
        marks[column] = (1 if right else 0) | (2 if down else 0)
    at = 3 * last
    down = (cells[last] != cells_below[last]) | (surfaces[last] >> 1 != surfaces_below[last] >> 1)
    down &= _gap(colours[at] - colours_below[at], colours[at + 1] - colours_below[at + 1],
                 colours[at + 2] - colours_below[at + 2]) >= EDGE_CONTRAST  # fmt: skip
    marks[last] = 2 if down else 0


@inlined
def _list_edges(places, colours, marks, words, edges):
    """List where neighbours show two faces that `_mark_edges` marks: twice a pixel's number, 1 more for the one below.

    `marks` has room for a row, in whole words of eight; `words` are the same bytes. Returns how many are listed.
    """
    height, width = places.shape[1], places.shape[2]
    count = 0
    for row in range(height):
        below = min(row + 1, height - 1)
        _mark_edges(places[CELL, row], places[SURFACE, row], colours[3 * width * row : 3 * width * (row + 1)],
                    places[CELL, below], places[SURFACE, below], colours[3 * width * below : 3 * width * (below + 1)],
                    marks)  # fmt: skip
        for word in range(words.shape[0]):
            if words[word] == 0:
                continue
            for column in range(8 * word, min(width, 8 * word + 8)):
                edges[count] = 2 * (row * width + column)
                count += marks[column] & 1
                edges[count] = 2 * (row * width + column) + 1
                count += marks[column] >> 1
    return count


@inner
def smooth_edges(grid, camera, units, hits, places, colours, shares, sides, marks, words, edges, divided):
    """Find how far each pixel's neighbour reaches into it: `shares` (H, W) 0…0.5 and `sides` (H, W), 0 right … 3 up.

    Where two neighbours differ, the nearer one's surface ends between them at a place known exactly, and the pixel that
    it divides takes its share of the other colour. (After "geometry buffer anti-aliasing", E. Persson, 2011.)
    Returns how many pixels are divided; their numbers are in `divided`. The rest is room: see `_list_edges`.
    """
    width = shares.shape[1]
    shares[:, :] = np.float32(0.0)
    o, count = (camera[EYE_X], camera[EYE_Y], camera[EYE_Z]), 0
    for number in range(_list_edges(places, colours, marks, words, edges)):
        pixel, side = edges[number] >> 1, edges[number] & 1
        row, column = pixel // width, pixel % width
        row1, column1 = row + side, column + 1 - side
        swap = places[CELL, row1, column1] >= 0 and hits[DISTANCE, row1, column1] < hits[DISTANCE, row, column]
        swap = swap or places[CELL, row, column] < 0
        near_row, near_column = (row1, column1) if swap else (row, column)
        far_row, far_column = (row, column) if swap else (row1, column1)
        d, e = ray(camera, near_row, near_column), ray(camera, far_row, far_column)
        t = hits[DISTANCE, near_row, near_column] * units[near_row, near_column]
        surface = places[SURFACE, near_row, near_column]
        one_plane = surface >> 1 == places[SURFACE, far_row, far_column] >> 1
        share = _surface_ends(grid, o, d, e, t, face_of(surface), surface >> 4, one_plane)
        if share >= 1.0:
            continue
        into_near = share < 0.5
        to_row, to_column = (near_row, near_column) if into_near else (far_row, far_column)
        share = 0.5 - share if into_near else share - 0.5
        if share > shares[to_row, to_column]:
            if shares[to_row, to_column] == 0.0:
                divided[count] = to_row * width + to_column
                count += 1
            shares[to_row, to_column] = share
            sides[to_row, to_column] = side + (2 if swap == into_near else 0)
    return count


@inner
def blend_edges(colours, shares, sides, divided, count, mixed):
    """Mix the colours (H * W * 3,) of divided pixels with those that their neighbours had; `mixed` is room for them."""
    width = shares.shape[1]
    for number in range(count):
        place = divided[number]
        share, side = shares[place // width, place % width], sides[place // width, place % width]
        at, at1 = 3 * place, 3 * (place + (1, width, -1, -width)[side])
        for channel in range(3):
            colour = colours[at + channel]
            mixed[3 * number + channel] = colour + (colours[at1 + channel] - colour) * share
    for number in range(count):
        for channel in range(3):
            colours[3 * divided[number] + channel] = mixed[3 * number + channel]
