"""The colour of what a ray meets: texture by footprint, light of the cells in front, cracks, outline, water and fog."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.blocks import AIR, CUBE, OPEN, T_FORM, TEXELS_PER_TEXTURE, WATER
from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.render.camera import EYE_X, EYE_Y, EYE_Z, ray
from worldsim_envs.voxel.render.cast import DEEP, VIEW, VIEW_UNDER_WATER
from worldsim_envs.voxel.render.paint import PAINT_MARKS, painted
from worldsim_envs.voxel.render.rays import CELL, DISTANCE, FACE, WATER_AXIS, WATER_IN, WATER_OUT
from worldsim_envs.voxel.render.sky import (
    FACE_LIGHT,
    FACE_SHADE,
    FOG_FROM,
    FOG_TO,
    FOG_WATER,
    PIXEL,
    UNDER,
    WATER_COLOUR,
    clamp,
    sky,
    sky_base,
    smooth,
)

DARKEST = 0.16  # share of the sky's light where no sky reaches
AMBIENT = 0.21  # light where there is none, so that caves and nights stay legible
GRAZING_STEPS = 256


@inlined
def texel(texels, texture, u, v, footprint):
    """Return the colour of a texture at (u, v) in [0, 1], averaged over a square of width `footprint` (1 = the block).

    The mip is the finest whose texels are no smaller than the footprint; inside it the filter is an exact box.
    """
    scale = 1.0 / (4096.0 * 255.0)
    if footprint >= 0.5:
        packed = texels[texture * TEXELS_PER_TEXTURE + TEXELS_PER_TEXTURE - 1] << 12
        return (packed >> 42) * scale, ((packed >> 21) & 0x1FFFFF) * scale, (packed & 0x1FFFFF) * scale
    mip = (footprint >= 0.0625) + (footprint >= 0.125) + (footprint >= 0.25)
    size = 16 >> mip
    x, y = u * size - 0.5, v * size - 0.5
    i, j = int(x + 1.0) - 1, int(y + 1.0) - 1
    sharp = 1.0 / max(footprint * size, 0.02)
    wx = int(64.0 * min(1.0, max(0.0, (x - i - 0.5) * sharp + 0.5)) + 0.5)
    wy = int(64.0 * min(1.0, max(0.0, (y - j - 0.5) * sharp + 0.5)) + 0.5)
    base = texture * TEXELS_PER_TEXTURE + TEXELS_PER_TEXTURE - (TEXELS_PER_TEXTURE >> (2 * mip))  # MIP_OFFSETS[mip]
    i0, i1 = max(i, 0), min(i + 1, size - 1)
    row0, row1 = base + max(j, 0) * size, base + min(j + 1, size - 1) * size
    mix0 = texels[row0 + i0] * (64 - wx) + texels[row0 + i1] * wx
    mix1 = texels[row1 + i0] * (64 - wx) + texels[row1 + i1] * wx
    packed = mix0 * (64 - wy) + mix1 * wy  # three lanes of 8 + 12 bits
    return (packed >> 42) * scale, ((packed >> 21) & 0x1FFFFF) * scale, (packed & 0x1FFFFF) * scale


@inlined
def _bilinear(field, x0, x1, y0, y1, z0, z1, across_x, flat, dark, fu, fv):
    """Return a field of cells at a point between four of them; cells of 0 count as `dark` of the first one."""
    centre = float(field[x0, y0, z0])
    # u runs along x, except on faces across x, where it runs along y; v along z, except on flat faces (y).
    along_u = float(field[x0, y1, z0] if across_x else field[x1, y0, z0])
    along_v = float(field[x0, y1, z0] if flat else field[x0, y0, z1])
    corner = float(field[x1, y1, z1])
    dark *= centre
    along_u = along_u if along_u > 0.0 else dark
    along_v = along_v if along_v > 0.0 else dark
    corner = corner if corner > 0.0 else dark
    near = centre + (along_u - centre) * fu
    far = along_v + (corner - along_v) * fu
    return near + (far - near) * fv


@inlined
def face_light(light, glow, x, y, z, face, u, v):
    """Return sky light and block light, 0…1 each, at (u, v) of a face: between the four nearest cells in front."""
    nx, ny, nz = light.shape
    side = 1 - 2 * (face & 1)
    across_x, across_y, flat = face < 2, 2 <= face < 4, face >= 4
    x += side if across_x else 0
    y += side if across_y else 0
    z += side if flat else 0
    su, sv = (1 if u > 0.5 else -1), (1 if v > 0.5 else -1)
    x0, x1 = x & (nx - 1), (x + (0 if across_x else su)) & (nx - 1)
    y0, y1 = y & (ny - 1), (y + (su if across_x else (sv if flat else 0))) & (ny - 1)
    z0, z1 = min(max(z, 0), nz - 1), min(max(z + (0 if flat else sv), 0), nz - 1)
    fu, fv = abs(u - 0.5), abs(v - 0.5)
    open_sky = _bilinear(light, x0, x1, y0, y1, z0, z1, across_x, flat, 0.42, fu, fv) * (1.0 / 255.0)
    lamps = 0.0
    if glow[x0, y0, z0] > 0:
        lamps = _bilinear(glow, x0, x1, y0, y1, z0, z1, across_x, flat, 0.7, fu, fv) * (1.0 / 15.0)
    return open_sky, lamps


@inlined
def lit(scene, face, open_sky, lamps):
    """Return the red, green and blue that fall on a face under a share of sky light and of block light, 0…1 each."""
    at, shine = FACE_LIGHT + 3 * face, DARKEST + (1.0 - DARKEST) * open_sky
    least = AMBIENT * scene[FACE_SHADE + face]
    r, g, b = max(least, scene[at] * shine), max(least, scene[at + 1] * shine), max(least, scene[at + 2] * shine)
    if lamps > 0.0:  # warm, and never more than daylight
        warm = lamps * (0.45 + 0.55 * lamps) * (0.4 + 0.6 * scene[FACE_SHADE + face])
        r += 1.00 * warm * max(0.0, 1.0 - r)
        g += 0.86 * warm * max(0.0, 1.0 - g)
        b += 0.62 * warm * max(0.0, 1.0 - b)
    return r, g, b


@inlined
def surface(grid, looks, paint, scene, grazing, target, crack, px, py, pz, cell, face, cosine, distance):
    """Return the lit colour of a point on a block's face; the targeted block has an outline and shows its cracks."""
    blocks = grid[0]
    texels, faces, glow = looks[0], looks[1], looks[2]
    x, y, z = cell >> 18, (cell >> 8) & 1023, cell & 255
    u = py - np.floor(py) if face < 2 else px - np.floor(px)
    v = py - np.floor(py) if face >= 4 else pz - np.floor(pz)
    block = blocks[x, y, z]
    # Between the short and the long side of the pixel's print on the surface: cosine to the power of -0.75.
    footprint = distance * scene[PIXEL] * grazing[int(cosine * GRAZING_STEPS)]
    r, g, b = texel(texels, faces[block, face], u, 1.0 - v, footprint)
    if paint[2][(x * 7 + y * 13 + z * 29) & (PAINT_MARKS - 1)]:
        r, g, b = painted(paint, looks, ((x * blocks.shape[1] + y) * blocks.shape[2] + z) * 6 + face, u, 1.0 - v,
                          footprint, r, g, b)  # fmt: skip
    lamp = glow[block]
    open_sky, lamps = face_light(grid[1], grid[5], x, y, z, face, u, v)
    lr, lg, lb = lit(scene, face, open_sky, lamps)
    r *= lr * (1.0 - lamp) + lamp
    g *= lg * (1.0 - lamp) + lamp
    b *= lb * (1.0 - lamp) + lamp
    if cell == target:
        if crack >= 0:
            dark = texel(texels, crack, u, v, footprint)[0]
            r, g, b = r * dark, g * dark, b * dark
        r, g, b = r * 1.12 + 0.02, g * 1.12 + 0.02, b * 1.12 + 0.02
        thin = min(0.5, max(0.5 * footprint, distance * scene[PIXEL]))
        form = int(grid[8][block, T_FORM])
        high = form / 16.0 if face < 4 and OPEN < form < CUBE else 1.0
        edge = min(min(u, 1.0 - u), min(v, high - v))
        line = 1.0 - 0.55 * clamp((max(0.022, 0.55 * thin) - edge) / thin + 0.5)
        r, g, b = r * line, g * line, b * line
    return r, g, b


@inlined
def fogged(scene, r, g, b, dx, dy, dz, distance):
    """Return a colour seen through the air that lies before it."""
    if distance > scene[FOG_FROM]:
        veil = smooth(scene[FOG_FROM], scene[FOG_TO], distance)
        fr, fg, fb = sky_base(scene, dx, dy, dz)
        r, g, b = r + (fr - r) * veil, g + (fg - g) * veil, b + (fb - b) * veil
    return r, g, b


@inlined
def through_water(scene, r, g, b, length):
    """Return a colour seen through `length` of water."""
    veil = 1.0 - max(0.0, 1.0 - length / DEEP) ** 3
    return (
        r * 0.72 + (scene[WATER_COLOUR] - r * 0.72) * veil,
        g * 0.85 + (scene[WATER_COLOUR + 1] - g * 0.85) * veil,
        b + (scene[WATER_COLOUR + 2] - b) * veil,
    )


@inlined
def drowned(scene, r, g, b, length):
    """Return a colour that an eye under water sees through `length` of it."""
    veil = 1.0 - max(0.0, 1.0 - length / VIEW_UNDER_WATER) ** 3
    return (
        r * 0.75 + (scene[FOG_WATER] - r * 0.75) * veil,
        g * 0.85 + (scene[FOG_WATER + 1] - g * 0.85) * veil,
        b + (scene[FOG_WATER + 2] - b) * veil,
    )


@inner
def shade(grid, looks, paint, scene, clouds, camera, units, grazing, target, crack, hits, places, colours, seen):
    """Fill the colour of each pixel and the block it shows from what its ray meets."""
    ox, oy, oz = camera[EYE_X], camera[EYE_Y], camera[EYE_Z]
    reach = VIEW if scene[UNDER] == 0.0 else VIEW_UNDER_WATER
    for row in range(colours.shape[0]):
        for column in range(colours.shape[1]):
            dx, dy, dz = ray(camera, row, column)
            unit = units[row, column]
            dx, dy, dz = dx * unit, dy * unit, dz * unit
            t, water_in = hits[row, column, DISTANCE], hits[row, column, WATER_IN]
            cell, face = places[row, column, CELL], places[row, column, FACE]
            block, fog_at = AIR, 0.0
            if cell >= 0:
                cosine = abs(dx) if face < 2 else (abs(dy) if face < 4 else abs(dz))
                r, g, b = surface(grid, looks, paint, scene, grazing, target, crack, ox + dx * t, oy + dy * t,
                                  oz + dz * t, cell, face, cosine, t)  # fmt: skip
                block = int(grid[0][cell >> 18, (cell >> 8) & 1023, cell & 255])
                fog_at = t
            elif water_in >= 0.0 and hits[row, column, WATER_OUT] < 0.0:  # nothing but water
                r, g, b = scene[WATER_COLOUR], scene[WATER_COLOUR + 1], scene[WATER_COLOUR + 2]
            else:
                r, g, b = sky(scene, looks[3], clouds, ox, oy, oz, dx, dy, dz)
            if water_in >= 0.0:
                water_out = hits[row, column, WATER_OUT]
                length = (water_out if water_out >= 0.0 else (t if t >= 0.0 else reach)) - water_in
                if scene[UNDER] == 0.0:
                    r, g, b = through_water(scene, r, g, b, length)
                    slope = abs(dz) if places[row, column, WATER_AXIS] == 2 else 0.7
                    mirror = 0.10 + 0.62 * (1.0 - slope) ** 3
                    mr, mg, mb = sky_base(scene, dx, dy, abs(dz))
                    r, g, b = r + (mr - r) * mirror, g + (mg - g) * mirror, b + (mb - b) * mirror
                    fog_at, block = water_in, WATER
                else:
                    r, g, b = drowned(scene, r, g, b, length)
            if scene[UNDER] == 0.0:
                r, g, b = fogged(scene, r, g, b, dx, dy, dz, fog_at)
            colours[row, column, 0], colours[row, column, 1], colours[row, column, 2] = r, g, b
            seen[row, column] = block
