"""`shade`: the colour of each pixel from what its ray meets.

Neighbours in a row mostly show one face, so what belongs to a face or a quarter of it is looked up when it changes.
"""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.blocks import AIR, CUBE, OPEN, T_FORM, WATER
from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.render.camera import (
    COS_YAW,
    EYE_X,
    EYE_Y,
    EYE_Z,
    HALF_WIDTH,
    PIXEL_SIZE,
    SIN_YAW,
    row_ray,
)
from worldsim_envs.voxel.render.cast import VIEW, VIEW_UNDER_WATER
from worldsim_envs.voxel.render.heaven import fill_sky
from worldsim_envs.voxel.render.paint import PAINT_MARKS, painted
from worldsim_envs.voxel.render.rays import CELL, DISTANCE, FACE, WATER_AXIS, WATER_IN, WATER_OUT
from worldsim_envs.voxel.render.sky import (
    FACE_LIGHT,
    FACE_SHADE,
    FOG_FROM,
    UNDER,
    WATER_COLOUR,
    clamp,
    sky_base,
)
from worldsim_envs.voxel.render.surfaces import (
    GRAZING_STEPS,
    between,
    drowned,
    fogged,
    lit_by,
    quarter_light,
    texel,
    through_water,
)

NO_LIGHT = (0.0, 0.0, 0.0, 0.0)


@inlined
def _outlined(looks, form, crack, u, v, face, footprint, width, r, g, b):
    """Return the colour of the block in view: brighter, its cracks, and a line along its edges; `width` of a pixel."""
    if crack >= 0:
        dark = texel(looks[0], crack, u, v, footprint)[0]
        r, g, b = r * dark, g * dark, b * dark
    r, g, b = r * 1.12 + 0.02, g * 1.12 + 0.02, b * 1.12 + 0.02
    thin = min(0.5, max(0.5 * footprint, width))
    high = form / 16.0 if face < 4 and OPEN < form < CUBE else 1.0
    edge = min(min(u, 1.0 - u), min(v, high - v))
    line = 1.0 - 0.55 * clamp((max(0.022, 0.55 * thin) - edge) / thin + 0.5)
    return r * line, g * line, b * line


@inlined
def _any_open(cells):
    """Return whether a row has a pixel whose ray meets no block."""
    lowest = 0
    for column in range(cells.shape[0]):
        lowest = min(lowest, cells[column])
    return lowest < 0


@inner
def shade(grid, looks, paint, scene, clouds, camera, units, grazing, target, crack, hits, places, colours, seen):
    """Fill `colours` (H * W * 3,) with the colour of each pixel and `seen` (H, W) with the block it shows."""
    blocks, light, glow = grid[0], grid[1], grid[5]
    texels, faces, glows, stars = looks[0], looks[1], looks[2], looks[3]
    ox, oy, oz = camera[EYE_X], camera[EYE_Y], camera[EYE_Z]
    height, width = units.shape
    under, pixel = scene[UNDER] > 0.0, camera[PIXEL_SIZE]
    reach = VIEW_UNDER_WATER if under else VIEW
    for row in range(height):
        aim_x, aim_y, aim_z = row_ray(camera, row)
        far, water_begins, water_ends = hits[DISTANCE, row], hits[WATER_IN, row], hits[WATER_OUT, row]
        cells, sides = places[CELL, row], places[FACE, row]
        out, shown = colours[3 * width * row : 3 * width * (row + 1)], seen[row]
        if _any_open(cells):
            fill_sky(scene, stars, clouds, camera, units[row], cells, row, out)
        last_cell, last_face, last_su, last_sv = -1, -1, 0, 0
        x, y, z, block, texture, lamp, marked = 0, 0, 0, 0, 0, 0.0, False
        open_sky, lamps = NO_LIGHT, NO_LIGHT
        face_light, least = (0.0, 0.0, 0.0), 0.0
        for column in range(width):
            cell, water_in = cells[column], water_begins[column]
            if cell < 0 and water_in < 0.0:
                shown[column] = AIR
                continue
            across, unit = (column + 0.5 - camera[HALF_WIDTH]) * pixel, units[row, column]
            dx, dy, dz = (
                (aim_x + camera[COS_YAW] * across) * unit, (aim_y - camera[SIN_YAW] * across) * unit, aim_z * unit,
            )  # fmt: skip
            t, face, at = far[column], sides[column], 3 * column
            seen_block, fog_at = AIR, 0.0
            if cell >= 0:
                if cell != last_cell or face != last_face:
                    last_cell, last_face, last_su = cell, face, 0
                    x, y, z = cell >> 18, (cell >> 8) & 1023, cell & 255
                    block = int(blocks[x, y, z])
                    texture, lamp = faces[block, face], glows[block]
                    marked = paint[2][(x * 7 + y * 13 + z * 29) & (PAINT_MARKS - 1)] > 0
                    first = FACE_LIGHT + 3 * face
                    face_light, least = (scene[first], scene[first + 1], scene[first + 2]), scene[FACE_SHADE + face]
                px, py, pz = ox + dx * t, oy + dy * t, oz + dz * t
                u = py - np.floor(py) if face < 2 else px - np.floor(px)
                v = py - np.floor(py) if face >= 4 else pz - np.floor(pz)
                su, sv = (1 if u > 0.5 else -1), (1 if v > 0.5 else -1)
                if su != last_su or sv != last_sv:
                    last_su, last_sv = su, sv
                    open_sky = quarter_light(light, x, y, z, face, su, sv, 0.42)
                    lamps = quarter_light(glow, x, y, z, face, su, sv, 0.7)
                # Between the short and the long side of the pixel's print on the surface: cosine to the power of -0.75.
                cosine = abs(dx) if face < 2 else (abs(dy) if face < 4 else abs(dz))
                footprint = t * pixel * grazing[int(cosine * GRAZING_STEPS)]
                r, g, b = texel(texels, texture, u, 1.0 - v, footprint)
                if marked:
                    r, g, b = painted(paint, looks, ((x * blocks.shape[1] + y) * blocks.shape[2] + z) * 6 + face, u,
                                      1.0 - v, footprint, r, g, b)  # fmt: skip
                fu, fv = abs(u - 0.5), abs(v - 0.5)
                bright = between(lamps, fu, fv) * (1.0 / 15.0) if lamps[0] > 0.0 else 0.0
                lr, lg, lb = lit_by(face_light, least, between(open_sky, fu, fv) * (1.0 / 255.0), bright)
                if lamp > 0.0:
                    lr, lg, lb = lr * (1.0 - lamp) + lamp, lg * (1.0 - lamp) + lamp, lb * (1.0 - lamp) + lamp
                r, g, b = r * lr, g * lg, b * lb
                if cell == target:
                    r, g, b = _outlined(looks, int(grid[8][block, T_FORM]), crack, u, v, face, footprint, t * pixel,
                                        r, g, b)  # fmt: skip
                seen_block, fog_at = block, float(t)
            elif water_ends[column] < 0.0:  # nothing but water
                r, g, b = scene[WATER_COLOUR], scene[WATER_COLOUR + 1], scene[WATER_COLOUR + 2]
            else:  # the sky beyond water
                r, g, b = float(out[at]), float(out[at + 1]), float(out[at + 2])
            if water_in >= 0.0:
                water_out = water_ends[column]
                length = (water_out if water_out >= 0.0 else (t if t >= 0.0 else reach)) - water_in
                if under:
                    r, g, b = drowned(scene, r, g, b, length)
                else:
                    r, g, b = through_water(scene, r, g, b, length)
                    slope = abs(dz) if places[WATER_AXIS, row, column] == 2 else 0.7
                    mirror = 0.10 + 0.62 * (1.0 - slope) ** 3
                    mr, mg, mb = sky_base(scene, dx, dy, abs(dz))
                    r, g, b = r + (mr - r) * mirror, g + (mg - g) * mirror, b + (mb - b) * mirror
                    seen_block, fog_at = WATER, float(water_in)
            if fog_at > scene[FOG_FROM] and not under:
                r, g, b = fogged(scene, r, g, b, dx, dy, dz, fog_at)
            out[at], out[at + 1], out[at + 2] = r, g, b
            shown[column] = seen_block
