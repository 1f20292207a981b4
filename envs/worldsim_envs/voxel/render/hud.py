"""What lies over the view: what the hand holds, the crosshair, the red of a hurt player; and the frame's bytes."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import BARE_HAND
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.render.camera import FIELD_OF_VIEW
from worldsim_envs.voxel.render.sky import clamp
from worldsim_envs.voxel.render.solids import cover_at
from worldsim_envs.voxel.render.surfaces import lit, texel

HANDS = 63  # pictures of the hand that are kept: nine items in each stage of a swing


@inner
def draw_hand(hand, height, width, looks, item, swing_ticks):
    """Draw what the hand holds into `hand` (H, W, 4): red, green, blue in full light, and cover 0…1.

    `hand` is the lower right quarter of a picture of `height` times `width`.
    """
    texels, covers, faces, glow = looks[0], looks[4], looks[11], looks[2]
    flat = looks[10][item] >= 0
    lamp = glow[item] if item < BARE_HAND else 0.0
    top, left = height // 2, width // 2
    hand[:, :, :] = 0.0
    focal = 0.5 * height / np.tan(np.radians(0.5 * FIELD_OF_VIEW))
    swing = np.sin(np.pi * swing_ticks / s.SWING_TICKS)
    half = 0.21 if flat else 0.15
    thin = 0.07 if flat else 1.0  # of its other sides
    cx, cy = min(0.95, 0.64 * width / height) - 0.22 * swing, -0.58 - 0.04 * swing
    cz = 1.25 + 0.15 * swing
    turn, tilt = np.radians(45.0 + 25.0 * swing), np.radians(-24.0)
    ct, st, ci, si = np.cos(turn), np.sin(turn), np.cos(tilt), np.sin(tilt)
    # The eye, seen from the cube: tilted about x, then turned about y.
    tilted = -cz * ci - cy * si
    o = (-cx * ct - tilted * st, -cy * ci + cz * si, (-cx * st + tilted * ct) / thin)
    reach = 1.75 * half / (cz - half) * focal
    middle_row, middle_column = 0.5 * height - (cy / cz) * focal, 0.5 * width + (cx / cz) * focal
    for row in range(max(top, int(middle_row - reach)), height):
        for column in range(max(left, int(middle_column - reach)), width):
            if (row + 0.5 - middle_row) ** 2 + (column + 0.5 - middle_column) ** 2 > reach * reach:
                continue
            for corner in range(4):
                right = (-0.125, 0.375, 0.125, -0.375)[corner]
                down = (-0.375, -0.125, 0.375, 0.125)[corner]
                dx = (column + 0.5 + right - 0.5 * width) / focal
                dy = (0.5 * height - row - 0.5 - down) / focal
                forward = ci + dy * si
                d = (dx * ct - forward * st, dy * ci - si, (dx * st + forward * ct) / thin)
                near, far, axis = -1e9, 1e9, 0
                for a in range(3):
                    inverse = 1.0 / (d[a] if abs(d[a]) > 1e-9 else 1e-9)
                    t0, t1 = (-half - o[a]) * inverse, (half - o[a]) * inverse
                    if min(t0, t1) > near:
                        near, axis = min(t0, t1), a
                    far = min(far, max(t0, t1))
                if near > far or near < 0.0:
                    continue
                x, y = (o[0] + near * d[0]) * 0.5 / half + 0.5, (o[1] + near * d[1]) * 0.5 / half + 0.5
                z = (o[2] + near * d[2]) * 0.5 / half + 0.5
                u, v, face = (z, 1.0 - y, 0) if axis == 0 else ((x, z, 4) if axis == 1 else (x, 1.0 - y, 2))
                texture, u, v, footprint = faces[item, face], clamp(u), clamp(v), 0.8 * cz / (focal * half)
                share = 0.25 * cover_at(covers, texture, u, v, 0.5 * footprint) if flat else 0.25
                r, g, b = texel(texels, texture, u, v, 0.5 * footprint if flat else footprint)
                shade = (0.68, 0.68, 0.84, 0.84, 1.0)[face] * (1.0 - lamp) + lamp
                hand[row - top, column - left, 0] += share * r * shade
                hand[row - top, column - left, 1] += share * g * shade
                hand[row - top, column - left, 2] += share * b * shade
                hand[row - top, column - left, 3] += share


@inner
def show_hand(colours, hands, held, looks, scene, grid, marks, inventory, body):
    """Lay the held item, or the bare hand, over the lower right quarter.

    `hands` keeps what was drawn: HANDS pictures, of which `held` says the item and the swing, -1 for none.
    """
    light, glow = grid[1], grid[5]
    height, width = colours.shape[0], colours.shape[1]
    top, left = height // 2, width // 2
    slot, swing = marks[s.SLOT], marks[s.SWING]
    item = inventory[slot, s.ITEM] if inventory[slot, s.COUNT] > 0 else BARE_HAND
    kept = (item * (s.SWING_TICKS + 1) + swing) % HANDS
    hand = hands[kept]
    if held[kept] != item * (s.SWING_TICKS + 1) + swing:
        draw_hand(hand, height, width, looks, item, swing)
        held[kept] = item * (s.SWING_TICKS + 1) + swing
    nx, ny, nz = light.shape
    eye = min(nz - 1, max(0, int(body[s.Z] + 1.62)))
    own = looks[2][item] if item < BARE_HAND else 0.0
    x, y = int(body[s.X]) % nx, int(body[s.Y]) % ny
    lr, lg, lb = lit(scene, 4, light[x, y, eye] / 255.0, glow[x, y, eye] / 15.0)
    lights = (lr * (1.0 - own) + own, lg * (1.0 - own) + own, lb * (1.0 - own) + own)
    for row in range(top, height):
        for column in range(left, width):
            rest = 1.0 - hand[row - top, column - left, 3]
            if rest < 1.0:
                for channel in range(3):
                    value = hand[row - top, column - left, channel] * lights[channel]
                    colours[row, column, channel] = colours[row, column, channel] * rest + value


@inner
def crosshair(colours):
    """Draw a small translucent cross in the middle."""
    height, width = colours.shape[0], colours.shape[1]
    thick = max(1.0, height / 180.0)
    arm = max(2.0, height / 45.0)
    for row in range(max(0, int(0.5 * height - arm - 1)), min(height, int(0.5 * height + arm + 2))):
        for column in range(max(0, int(0.5 * width - arm - 1)), min(width, int(0.5 * width + arm + 2))):
            y, x = abs(row + 0.5 - 0.5 * height), abs(column + 0.5 - 0.5 * width)
            if (x <= thick and y <= arm) or (y <= thick and x <= arm):
                bright = (colours[row, column, 0] + colours[row, column, 1] + colours[row, column, 2]) / 3.0
                mark = 1.0 if bright < 0.6 else 0.15
                for channel in range(3):
                    colours[row, column, channel] += (mark - colours[row, column, channel]) * 0.4


@inner
def finish(colours, marks, out):
    """Write colours (H * W * 3,) of 0…1 as bytes; a hurt player sees red for a moment."""
    red = 0.55 if marks[s.DEAD] else 0.4 * marks[s.HURT] / s.HURT_TICKS
    if red > 0.0:
        for place in range(colours.size):
            colours[place] += ((0.75 if place % 3 == 0 else 0.05) - colours[place]) * red
    top, half, none = np.float32(255.0), np.float32(0.5), np.float32(0.0)
    for place in range(colours.size):
        out[place] = np.uint8(min(top, max(none, colours[place] * top + half)))
