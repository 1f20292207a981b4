"""The panel at the lower edge of pictures of 96 rows or more: hotbar with pictures and counts, hearts, hunger."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.render.sky import clamp
from worldsim_envs.voxel.render.solids import cover_at
from worldsim_envs.voxel.render.surfaces import texel

PANEL_ROWS = 96  # smaller pictures have no panel: nothing on it could be read
# Digits of three by five dots, a bit each, from the upper left.
DIGITS = (31599, 9362, 29671, 29391, 23497, 31183, 31215, 29257, 31727, 31695)


@inlined
def _mix(colours, row, column, r, g, b, share):
    if 0 <= row < colours.shape[0] and 0 <= column < colours.shape[1]:
        colours[row, column, 0] += (r - colours[row, column, 0]) * share
        colours[row, column, 1] += (g - colours[row, column, 1]) * share
        colours[row, column, 2] += (b - colours[row, column, 2]) * share


@inner
def _icon(colours, looks, texture, top, left, size, part):
    """Draw a texture into a square of pixels; `part` is how much of its width is drawn, from the left."""
    rows = int(np.ceil(size))
    for row in range(rows):
        for column in range(int(np.ceil(size * part))):
            u, v = clamp((column + 0.5) / size), clamp((row + 0.5) / size)
            cover = cover_at(looks[4], texture, u, v, 1.0 / size)
            if cover > 0.0:
                r, g, b = texel(looks[0], texture, u, v, 1.0 / size)
                _mix(colours, top + row, left + column, r, g, b, cover)


@inner
def _number(colours, count, bottom, right, dot):
    """Write a count, its last digit ending at a corner, in white with a shadow."""
    column = right - 3 * dot
    while count > 0:
        bits = DIGITS[count % 10]
        for place in range(15):
            if (bits >> (14 - place)) & 1:
                for i in range(dot):
                    for j in range(dot):
                        row, at = bottom - 5 * dot + (place // 3) * dot + i, column + (place % 3) * dot + j
                        _mix(colours, row + dot, at + dot, 0.05, 0.05, 0.05, 0.6)
        for place in range(15):
            if (bits >> (14 - place)) & 1:
                for i in range(dot):
                    for j in range(dot):
                        row, at = bottom - 5 * dot + (place // 3) * dot + i, column + (place % 3) * dot + j
                        _mix(colours, row, at, 1.0, 1.0, 1.0, 1.0)
        count //= 10
        column -= 4 * dot


@inner
def draw_panel(colours, looks, marks, inventory, vitals):
    """Draw the hotbar, and above it hearts and hunger."""
    height, width = colours.shape[0], colours.shape[1]
    if height < PANEL_ROWS or width < height:
        return
    slot = int(0.085 * height + 0.5)
    dot = max(1, height // 180)
    left, top = (width - s.HOTBAR * slot) // 2, height - slot - 1
    for number in range(s.HOTBAR):
        chosen = number == marks[s.SLOT]
        for row in range(slot):
            for column in range(slot):
                edge = min(min(row, slot - 1 - row), min(column, slot - 1 - column)) < dot
                bright = (1.0 if chosen else 0.16) if edge else 0.22
                _mix(colours, top + row, left + number * slot + column, bright, bright, bright,
                     (0.95 if chosen else 0.7) if edge else 0.45)  # fmt: skip
        item, count = inventory[number, s.ITEM], inventory[number, s.COUNT]
        if count > 0:
            _icon(colours, looks, looks[11][item, 2], top + 1 + dot // 2, left + number * slot + 1 + dot // 2,
                  slot - 2.0 - dot // 2 * 2, 1.0)  # fmt: skip
            if count > 1 and slot >= 15:
                _number(colours, count, top + slot - dot, left + (number + 1) * slot - dot, dot)
    size = 0.45 * slot
    for number in range(10):
        for side in range(2):
            value = vitals[s.HEALTH] if side == 0 else vitals[s.HUNGER]
            share = clamp(0.5 * value - number)
            start = left + number * size if side == 0 else left + s.HOTBAR * slot - (number + 1) * size
            at, over = int(start), int(top - size - dot)
            _icon(colours, looks, looks[15][2 * side + 1], over, at, size, 1.0)
            if share > 0.0:
                _icon(colours, looks, looks[15][2 * side], over, at, size, 1.0 if share > 0.75 else 0.5)
