"""`shade`: the colour of each pixel from what its ray meets.

A row is done in pieces of PIECE pixels. What every pixel needs (where on the face, how large its print, the texture's
colour) is done in loops without branches, which become vector code; what belongs to a face or a quarter of it is looked
up when it changes, since neighbours mostly show one face; paint, cracks, water and fog come last, where there are any.
"""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.blocks import AIR, CUBE, OPEN, T_FORM, WATER
from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.render.camera import EYE_X, EYE_Y, EYE_Z, PIXEL_SIZE
from worldsim_envs.voxel.render.cast import VIEW, VIEW_UNDER_WATER
from worldsim_envs.voxel.render.heaven import PIECE, fill_sky
from worldsim_envs.voxel.render.paint import PAINT_MARKS, painted
from worldsim_envs.voxel.render.rays import CELL, DISTANCE, SURFACE, WATER_AXIS, WATER_IN, WATER_OUT, face_of
from worldsim_envs.voxel.render.sky import (
    FACE_LIGHT,
    FACE_SHADE,
    FOG_FROM,
    FOG_WATER,
    UNDER,
    WATER_COLOUR,
    clamp,
    sky_base,
)
from worldsim_envs.voxel.render.surfaces import (
    GRAZING_STEPS,
    between,
    blended,
    drowned,
    drowned_in,
    fogged,
    front_of,
    lit_by,
    quarter_light,
    texel,
    texels_of,
    through_water,
)

NO_LIGHT = (0.0, 0.0, 0.0, 0.0)
# Lines of `work`, PIECE numbers each: place on the face, the pixel's print on it, the cosine of its slope, which
# quarter of which face, texture; colour of the texture; light on it.
(U, V, PRINT, COSINE, QUARTER, TEXTURE, RED, GREEN, BLUE, LIT_RED, LIT_GREEN, LIT_BLUE) = (
    PIECE * line for line in range(12)
)  # fmt: skip
WORK = 12 * PIECE


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
def _place(camera, dx, dy, dz, far, cells, surfaces, work):
    """Fill where on their faces the pixels of a piece lie, and how they lie to the eye; anything where there is none.

    `dx`, `dy`, `dz`, `far`, `cells`, `surfaces` are a piece of a row of `rays`, `hits` and `places`.
    """
    ox, oy, oz, pixel = camera[EYE_X], camera[EYE_Y], camera[EYE_Z], camera[PIXEL_SIZE]
    for place in range(cells.shape[0]):
        t, face, east, north, up = float(far[place]), face_of(surfaces[place]), dx[place], dy[place], dz[place]
        px, py, pz = ox + east * t, oy + north * t, oz + up * t
        px, py, pz = px - np.floor(px), py - np.floor(py), pz - np.floor(pz)
        u, v = (py if face < 2 else px), (py if face >= 4 else pz)
        work[COSINE + place] = abs(east) if face < 2 else (abs(north) if face < 4 else abs(up))
        work[U + place], work[V + place], work[PRINT + place] = u, v, t * pixel
        work[QUARTER + place] = cells[place] * 32.0 + face * 4.0 + (2.0 if u > 0.5 else 0.0) + (1.0 if v > 0.5 else 0.0)


@inner
def _weave(texels, work, spots, count):
    """Fill the colour of the texture of each pixel of a piece; `spots` (4 * PIECE,) is room for texels."""
    for place in range(count):
        at, right, low, corner, wx, wy = texels_of(int(work[TEXTURE + place]), work[U + place], 1.0 - work[V + place],
                                                   work[PRINT + place])  # fmt: skip
        spots[place], spots[PIECE + place], spots[2 * PIECE + place], spots[3 * PIECE + place] = at, right, low, corner
        work[RED + place], work[GREEN + place] = wx, wy
    for place in range(count):  # what reads a table by place is no vector code
        spots[place], spots[PIECE + place] = texels[np.uint64(spots[place])], texels[np.uint64(spots[PIECE + place])]
        spots[2 * PIECE + place], spots[3 * PIECE + place] = (
            texels[np.uint64(spots[2 * PIECE + place])], texels[np.uint64(spots[3 * PIECE + place])],
        )  # fmt: skip
    for place in range(count):
        work[RED + place], work[GREEN + place], work[BLUE + place] = blended(
            spots[place], spots[PIECE + place], spots[2 * PIECE + place], spots[3 * PIECE + place],
            int(work[RED + place]), int(work[GREEN + place]))  # fmt: skip


@inner
def _fill_drowned(scene, far, water_ends, cells, work, out):
    """Fill the colours of a piece that an eye under water sees; where the sky shows, `out` (3 * n,) has its colour."""
    water = (scene[WATER_COLOUR], scene[WATER_COLOUR + 1], scene[WATER_COLOUR + 2])
    fog = (scene[FOG_WATER], scene[FOG_WATER + 1], scene[FOG_WATER + 2])
    for place in range(cells.shape[0]):
        at, t, end, solid = 3 * place, float(far[place]), float(water_ends[place]), cells[place] >= 0
        sky = end >= 0.0
        r = work[RED + place] * work[LIT_RED + place] if solid else (float(out[at]) if sky else water[0])
        g = work[GREEN + place] * work[LIT_GREEN + place] if solid else (float(out[at + 1]) if sky else water[1])
        b = work[BLUE + place] * work[LIT_BLUE + place] if solid else (float(out[at + 2]) if sky else water[2])
        length = end if sky else (t if t >= 0.0 else VIEW_UNDER_WATER)
        out[at], out[at + 1], out[at + 2] = drowned_in(fog, r, g, b, length)


@inner
def shade(grid, looks, paint, scene, clouds, camera, units, rays, grazing, target, crack, hits, places, work, spots,
          later, colours, seen):  # fmt: skip
    """Fill `colours` (H * W * 3,) with the colour of each pixel and `seen` (H, W) with the block it shows."""
    blocks, light, glow = grid[0], grid[1], grid[5]
    texels, faces, glows, stars = looks[0], looks[1], looks[2], looks[3]
    height, width = units.shape
    under, pixel, fog_from = scene[UNDER] > 0.0, camera[PIXEL_SIZE], scene[FOG_FROM]
    reach = VIEW_UNDER_WATER if under else VIEW
    last_cell, last_face, last_quarter = -1, -1, -1.0
    x, y, z, block, texture, lamp, marked = 0, 0, 0, 0, 0.0, 0.0, False
    open_sky, lamps = NO_LIGHT, NO_LIGHT
    face_light, least = (0.0, 0.0, 0.0), 0.0
    for row in range(height):
        for first in range(0, width, PIECE):
            end = min(width, first + PIECE)
            dx, dy, dz = rays[0, row, first:end], rays[1, row, first:end], rays[2, row, first:end]
            cells, surfaces = places[CELL, row, first:end], places[SURFACE, row, first:end]
            far, water_begins, water_ends = (
                hits[DISTANCE, row, first:end], hits[WATER_IN, row, first:end], hits[WATER_OUT, row, first:end],
            )  # fmt: skip
            out, shown = colours[3 * (width * row + first) : 3 * (width * row + end)], seen[row, first:end]
            if _any_open(cells):
                fill_sky(scene, stars, clouds, camera, dx, dy, dz, cells, work, spots, out)
            _place(camera, dx, dy, dz, far, cells, surfaces, work)
            special, count = 0, end - first
            for place in range(count):
                cell, quarter = cells[place], work[QUARTER + place]
                if cell < 0:
                    work[TEXTURE + place], shown[place] = 0.0, AIR
                    later[special] = place
                    special += water_begins[place] >= 0.0 and not under
                    continue
                u, v = work[U + place], work[V + place]
                if quarter != last_quarter:
                    last_quarter, face = quarter, face_of(surfaces[place])
                    if cell != last_cell or face != last_face:
                        last_cell, last_face = cell, face
                        x, y, z = cell >> 18, (cell >> 8) & 1023, cell & 255
                        block = int(blocks[x, y, z])
                        texture, lamp = float(faces[block, face]), glows[block]
                        marked = paint[2][(x * 7 + y * 13 + z * 29) & (PAINT_MARKS - 1)] > 0 or cell == target
                        at = FACE_LIGHT + 3 * face
                        face_light, least = (scene[at], scene[at + 1], scene[at + 2]), scene[FACE_SHADE + face]
                        x, y, z = front_of(blocks.shape, x, y, z, face)
                    su, sv = (1 if u > 0.5 else -1), (1 if v > 0.5 else -1)
                    open_sky = quarter_light(light, x, y, z, face, su, sv, 0.42)
                    lamps = quarter_light(glow, x, y, z, face, su, sv, 0.7) if glow[x, y, z] > 0 else NO_LIGHT
                # Between the short and the long side of the pixel's print on the surface: cosine to the power of -0.75.
                work[PRINT + place] *= grazing[np.uint64(int(work[COSINE + place] * GRAZING_STEPS))]
                fu, fv = abs(u - 0.5), abs(v - 0.5)
                bright = between(lamps, fu, fv) * (1.0 / 15.0) if lamps[0] > 0.0 else 0.0
                lr, lg, lb = lit_by(face_light, least, between(open_sky, fu, fv) * (1.0 / 255.0), bright)
                if lamp > 0.0:
                    lr, lg, lb = lr * (1.0 - lamp) + lamp, lg * (1.0 - lamp) + lamp, lb * (1.0 - lamp) + lamp
                work[LIT_RED + place], work[LIT_GREEN + place], work[LIT_BLUE + place] = lr, lg, lb
                work[TEXTURE + place], shown[place] = texture, block
                later[special] = place
                special += marked or (not under and (water_begins[place] >= 0.0 or far[place] > fog_from))
            _weave(texels, work, spots, count)
            if under:
                _fill_drowned(scene, far, water_ends, cells, work, out)
            for place in range(0 if under else count):
                if cells[place] >= 0:
                    at = 3 * place
                    out[at] = work[RED + place] * work[LIT_RED + place]
                    out[at + 1] = work[GREEN + place] * work[LIT_GREEN + place]
                    out[at + 2] = work[BLUE + place] * work[LIT_BLUE + place]
            for number in range(special):
                place = later[number]
                cell, t, at, water_in = cells[place], far[place], 3 * place, water_begins[place]
                fog_at = 0.0
                if cell >= 0:
                    face, i, j, k = face_of(surfaces[place]), cell >> 18, (cell >> 8) & 1023, cell & 255
                    u, v, footprint = work[U + place], work[V + place], work[PRINT + place]
                    r, g, b = work[RED + place], work[GREEN + place], work[BLUE + place]
                    if paint[2][(i * 7 + j * 13 + k * 29) & (PAINT_MARKS - 1)] > 0:
                        r, g, b = painted(paint, looks, ((i * blocks.shape[1] + j) * blocks.shape[2] + k) * 6 + face,
                                          u, 1.0 - v, footprint, r, g, b)  # fmt: skip
                    r, g, b = r * work[LIT_RED + place], g * work[LIT_GREEN + place], b * work[LIT_BLUE + place]
                    if cell == target:
                        r, g, b = _outlined(looks, int(grid[8][blocks[i, j, k], T_FORM]), crack, u, v, face, footprint,
                                            t * pixel, r, g, b)  # fmt: skip
                    fog_at = float(t)
                elif water_ends[place] < 0.0:  # nothing but water
                    r, g, b = scene[WATER_COLOUR], scene[WATER_COLOUR + 1], scene[WATER_COLOUR + 2]
                else:  # the sky beyond water
                    r, g, b = float(out[at]), float(out[at + 1]), float(out[at + 2])
                if water_in >= 0.0:
                    water_out = water_ends[place]
                    length = (water_out if water_out >= 0.0 else (t if t >= 0.0 else reach)) - water_in
                    if under:
                        r, g, b = drowned(scene, r, g, b, length)
                    else:
                        r, g, b = through_water(scene, r, g, b, length)
                        slope = abs(dz[place]) if places[WATER_AXIS, row, first + place] == 2 else 0.7
                        mirror = 0.10 + 0.62 * (1.0 - slope) ** 3
                        mr, mg, mb = sky_base(scene, dx[place], dy[place], abs(dz[place]))
                        r, g, b = r + (mr - r) * mirror, g + (mg - g) * mirror, b + (mb - b) * mirror
                        shown[place], fog_at = WATER, float(water_in)
                if fog_at > fog_from and not under:
                    r, g, b = fogged(scene, r, g, b, dx[place], dy[place], dz[place], fog_at)
                out[at], out[at + 1], out[at + 2] = r, g, b
