"""What makes the colour of a surface: texture by footprint, light of the cells in front of it, water and fog."""

from __future__ import annotations

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
def quarter_light(field, x, y, z, face, su, sv, dark):
    """Return the light of a field in the cell before a face, and what it changes by along u, beyond v and along both.

    A face's light lies between the four nearest cells in front of it, so each quarter of it (`su`, `sv` of -1 or 1 from
    its middle) has a bilinear patch of its own; cells of 0 count as `dark` of the first one. See `between`.
    """
    nx, ny, nz = field.shape
    side = 1 - 2 * (face & 1)
    across_x, across_y, flat = face < 2, 2 <= face < 4, face >= 4
    x += side if across_x else 0
    y += side if across_y else 0
    z += side if flat else 0
    x0, x1 = x & (nx - 1), (x + (0 if across_x else su)) & (nx - 1)
    y0, y1 = y & (ny - 1), (y + (su if across_x else (sv if flat else 0))) & (ny - 1)
    z0, z1 = min(max(z, 0), nz - 1), min(max(z + (0 if flat else sv), 0), nz - 1)
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
    veil = 1.0 - max(0.0, 1.0 - length / VIEW_UNDER_WATER) ** 3
    return (
        r * 0.75 + (scene[FOG_WATER] - r * 0.75) * veil,
        g * 0.85 + (scene[FOG_WATER + 1] - g * 0.85) * veil,
        b + (scene[FOG_WATER + 2] - b) * veil,
    )
