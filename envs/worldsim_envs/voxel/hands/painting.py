"""Painting: strokes of a brush stay on the faces of whole blocks, texel by texel, until the block goes.

A world keeps state.CANVASES painted faces; when all are in use, the one farthest from the player makes room.
"""

from __future__ import annotations

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.motion import apart
from worldsim_envs.voxel.systems.change import cell_of
from worldsim_envs.voxel.tables import OPAQUE, SOLID

STROKE = 1.6  # radius of a touch of the brush in texels
RED = 6  # of items.DYES: the colour of a brush that was never dipped
_PAINTED = EVENT["painted"]


@inner
def canvas_for(w, key):
    """Return the row of a face's canvas, bare if it has none yet: a free one, or else the farthest one, wiped."""
    free = -1
    for row in range(s.CANVASES):
        if w.canvas_keys[row] == key:
            return row
        if free < 0 and w.canvas_keys[row] < 0:
            free = row
    return free if free >= 0 else farthest_wiped(w)


@inner
def farthest_wiped(w):
    """Return the row of the painted face that is farthest from the player, after wiping it bare."""
    nx, ny, nz = w.grid[0].shape
    found, most = 0, -1.0
    for row in range(s.CANVASES):
        cell = w.canvas_keys[row] // 6
        east = apart(w.body[s.X], cell // (ny * nz) + 0.5, nx)
        north = apart(w.body[s.Y], (cell // nz) % ny + 0.5, ny)
        up = cell % nz + 0.5 - w.body[s.Z]
        away = east * east + north * north + up * up
        if away > most:
            found, most = row, away
    w.canvas_keys[found] = -1
    w.canvas[found] = 0
    return found


@inner
def paint(w, events):
    """Touch the targeted face with the brush where the player looks. Return whether the face can be painted."""
    marks = w.marks
    x, y, z = marks[s.TARGET_X], marks[s.TARGET_Y], marks[s.TARGET_Z]
    block = int(w.grid[0][x, y, z])
    if not OPAQUE[block] or not SOLID[block]:
        return False
    key = 6 * cell_of(w.grid[0], x, y, z) + marks[s.TARGET_FACE]
    row = canvas_for(w, key)
    dye = w.inventory[marks[s.SLOT], s.WORN]
    dye = dye if dye > 0 else RED
    column, line = w.body[s.HIT_U] * s.CANVAS, (1.0 - w.body[s.HIT_V]) * s.CANVAS
    changed = False
    for i in range(s.CANVAS):
        for j in range(s.CANVAS):
            near = (i + 0.5 - line) ** 2 + (j + 0.5 - column) ** 2 < STROKE * STROKE
            if near and w.canvas[row, i, j] != dye:
                w.canvas[row, i, j] = dye
                changed = True
    if changed:
        w.canvas_keys[row] = key
        events[_PAINTED] += 1.0
    return True
