"""What makes the colour of a surface: texture by footprint, light of the cells in front of it, water and fog."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.blocks import TEXELS_PER_TEXTURE
from worldsim_envs.voxel.compiled import inlined
from worldsim_envs.voxel.render.cast import DEEP, VIEW_UNDER_WATER
from worldsim_envs.voxel.render.sky import (
    FACE_LIGHT,
    FACE_SHADE,
    FOG_FROM,
    FOG_TO,
    FOG_WATER,
    WATER_COLOUR,
    sky_base,
    smooth,
)

DARKEST = 0.16  # share of the sky's light where no sky reaches
AMBIENT = 0.21  # light where there is none, so that caves and nights stay legible
GRAZING_STEPS = 256


@inlined
def texels_of(texture, u, v, footprint):
    """Return where the four texels about (u, v) in [0, 1] are, and the share of the second column and row, 0…64.

    Colours are averaged over a square of width `footprint` (1 = the block): the mip is the finest whose texels are no
    smaller; inside it the filter is an exact box. Nothing branches, so that a loop over pixels becomes vector code.
    """
    mip = (footprint >= 0.0625) + (footprint >= 0.125) + (footprint >= 0.25) + (footprint >= 0.5)
    size = 16 >> mip
    x, y = u * size - 0.5, v * size - 0.5
    i, j = int(x + 1.0) - 1, int(y + 1.0) - 1
    sharp = 1.0 / max(footprint * size, 0.02)
    wx = int(64.0 * min(1.0, max(0.0, (x - i - 0.5) * sharp + 0.5)) + 0.5)
    wy = int(64.0 * min(1.0, max(0.0, (y - j - 0.5) * sharp + 0.5)) + 0.5)
    base = texture * TEXELS_PER_TEXTURE + TEXELS_PER_TEXTURE - (TEXELS_PER_TEXTURE >> (2 * mip))  # MIP_OFFSETS[mip]
    i0, i1 = max(i, 0), min(i + 1, size - 1)
    row0, row1 = base + (max(j, 0) << (4 - mip)), base + (min(j + 1, size - 1) << (4 - mip))
    return row0 + i0, row0 + i1, row1 + i0, row1 + i1, wx, wy


@inlined
def blended(upper0, upper1, lower0, lower1, wx, wy):
    """Return the red, green and blue of four texels by their shares."""
    upper, lower = upper0 * (64 - wx) + upper1 * wx, lower0 * (64 - wx) + lower1 * wx
    packed, scale = upper * (64 - wy) + lower * wy, 1.0 / (4096.0 * 255.0)  # three lanes of 8 + 12 bits
    return (packed >> 42) * scale, ((packed >> 21) & 0x1FFFFF) * scale, (packed & 0x1FFFFF) * scale


@inlined
def texel(texels, texture, u, v, footprint):
    """Return the colour of a texture at (u, v), averaged as `texels_of` says."""
    at, right, low, corner, wx, wy = texels_of(texture, u, v, footprint)
    return blended(texels[np.uint64(at)], texels[np.uint64(right)], texels[np.uint64(low)], texels[np.uint64(corner)],
                   wx, wy)  # fmt: skip


@inlined
def front_of(shape, x, y, z, face):
    """Return the cell before a face of a cell, in a world of `shape`."""
    side = 1 - 2 * (face & 1)
    x, y = x + (side if face < 2 else 0), y + (side if 2 <= face < 4 else 0)
    return x & (shape[0] - 1), y & (shape[1] - 1), min(max(z + (side if face >= 4 else 0), 0), shape[2] - 1)


@inlined
def quarter_light(field, x, y, z, face, su, sv, dark):
    """Return the light of the cell `front_of` a face, and what it changes by along u, beyond v and along both.

    A face's light lies between the four nearest cells in front of it, so each quarter of it (`su`, `sv` of -1 or 1 from
    its middle) has a bilinear patch of its own; cells of 0 count as `dark` of the first one. See `between`.
    """
    nx, ny, nz = field.shape
    across_x, flat = face < 2, face >= 4
    x0, x1 = np.uint64(x), np.uint64((x + (0 if across_x else su)) & (nx - 1))
    y0, y1 = np.uint64(y), np.uint64((y + (su if across_x else (sv if flat else 0))) & (ny - 1))
    z0, z1 = np.uint64(z), np.uint64(min(max(z + (0 if flat else sv), 0), nz - 1))
    # u runs along x, except on faces across x, where it runs along y; v along z, except on flat faces (y).
    centre = float(field[x0, y0, z0])
    along_u = float(field[x0, y1, z0] if across_x else field[x1, y0, z0])
    along_v = float(field[x0, y1, z0] if flat else field[x0, y0, z1])
    corner = float(field[x1, y1, z1])
    dark *= centre
    along_u = along_u if along_u > 0.0 else dark
    along_v = along_v if along_v > 0.0 else dark
    corner = corner if corner > 0.0 else dark
    return centre, along_u - centre, along_v, corner - along_v


@inlined
def between(quarter, fu, fv):
    """Return the light at (fu, fv) from the middle of a face, 0…0.5 each, of one of its quarters."""
    near, far = quarter[0] + quarter[1] * fu, quarter[2] + quarter[3] * fu
    return near + (far - near) * fv


@inlined
def lit_by(face_light, face_shade, open_sky, lamps):
    """Return the red, green and blue of a face with that light and shade under shares of sky and block light, 0…1."""
    shine, least = DARKEST + (1.0 - DARKEST) * open_sky, AMBIENT * face_shade
    r, g, b = max(least, face_light[0] * shine), max(least, face_light[1] * shine), max(least, face_light[2] * shine)
    if lamps > 0.0:  # warm, and never more than daylight
        warm = lamps * (0.45 + 0.55 * lamps) * (0.4 + 0.6 * face_shade)
        r += 1.00 * warm * max(0.0, 1.0 - r)
        g += 0.86 * warm * max(0.0, 1.0 - g)
        b += 0.62 * warm * max(0.0, 1.0 - b)
    return r, g, b


@inlined
def lit(scene, face, open_sky, lamps):
    """Return the red, green and blue that fall on a face under a share of sky light and of block light, 0…1 each."""
    at = FACE_LIGHT + 3 * face
    return lit_by((scene[at], scene[at + 1], scene[at + 2]), scene[FACE_SHADE + face], open_sky, lamps)


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
    return drowned_in((scene[FOG_WATER], scene[FOG_WATER + 1], scene[FOG_WATER + 2]), r, g, b, length)


@inlined
def drowned_in(water, r, g, b, length):
    """Return a colour that an eye under water of some colour sees through `length` of it."""
    veil = 1.0 - max(0.0, 1.0 - length / VIEW_UNDER_WATER) ** 3
    return (
        r * 0.75 + (water[0] - r * 0.75) * veil, g * 0.85 + (water[1] - g * 0.85) * veil, b + (water[2] - b) * veil,
    )  # fmt: skip
