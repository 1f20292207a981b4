"""Painted faces: a block's face that someone painted shows the dyes of its canvas over its texture."""

from __future__ import annotations

from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.state import CANVAS

PAINT_MARKS = 256  # a small table that says of most cells at once that no face of them is painted


@inner
def mark_paint(paint, shape):
    """Fill the marks from the keys of all canvases; `paint` is canvases, their keys and the marks."""
    _, keys, marks = paint
    marks[:] = 0
    for number in range(keys.size):
        if keys[number] >= 0:
            cell = keys[number] // 6
            x, y, z = cell // (shape[1] * shape[2]), cell // shape[2] % shape[1], cell % shape[2]
            marks[(x * 7 + y * 13 + z * 29) & (PAINT_MARKS - 1)] = 1


@inlined
def painted(paint, looks, key, u, v, footprint, r, g, b):
    """Return the colour of a point (u to the right, v down) of a face, mixed with the dyes within its footprint."""
    canvas, keys, _ = paint
    dyes = looks[5]
    number = 0
    while number < keys.size and keys[number] != key:
        number += 1
    if number < keys.size:
        half = 0.5 * min(footprint, 1.0) * CANVAS
        first, last = max(0, int(u * CANVAS - half)), min(CANVAS - 1, int(u * CANVAS + half))
        top, low = max(0, int(v * CANVAS - half)), min(CANVAS - 1, int(v * CANVAS + half))
        share = 1.0 / ((last - first + 1) * (low - top + 1))
        bare, pr, pg, pb = 0.0, 0.0, 0.0, 0.0
        for row in range(top, low + 1):
            for column in range(first, last + 1):
                dye = canvas[number, row, column]
                if dye == 0:
                    bare += share
                else:
                    pr += dyes[dye, 0] * share
                    pg += dyes[dye, 1] * share
                    pb += dyes[dye, 2] * share
        r, g, b = r * bare + pr, g * bare + pg, b * bare + pb
    return r, g, b
