"""The colour of what a ray meets: texture by footprint, light of the cells in front, cracks, outline, water and fog."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.blocks import AIR, TEXELS_PER_TEXTURE, WATER
from worldsim_envs.voxel.compiled import compiled, inlined
from worldsim_envs.voxel.render.rays import (
    CELL,
    DEEP,
    DISTANCE,
    EYE_X,
    EYE_Y,
    EYE_Z,
    FACE,
    VIEW,
    VIEW_UNDER_WATER,
    WATER_AXIS,
    WATER_IN,
    WATER_OUT,
    ray,
)  # fmt: skip
from worldsim_envs.voxel.render.sky import (
    FACE_LIGHT,
    FOG_WATER,
    PIXEL,
    UNDER,
    WATER_COLOUR,
    clamp,
    sky,
    sky_base,
    smooth,
)

FOG_START = 0.5  # share of VIEW
DARKEST = 0.16  # light where no sky reaches
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
def face_light(light, x, y, z, face, u, v):
    """Return the light 0…1 at (u, v) of a face: bilinear over the four nearest cells in front, dark where solid."""
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
    centre = float(light[x0, y0, z0])
    # u runs along x, except on faces across x, where it runs along y; v along z, except on flat faces (y).
    along_u = float(light[x0, y1, z0] if across_x else light[x1, y0, z0])
    along_v = float(light[x0, y1, z0] if flat else light[x0, y0, z1])
    corner = float(light[x1, y1, z1])
    dark = 0.42 * centre
    along_u = along_u if along_u > 0.0 else dark
    along_v = along_v if along_v > 0.0 else dark
    corner = corner if corner > 0.0 else dark
    fu, fv = abs(u - 0.5), abs(v - 0.5)
    near = centre + (along_u - centre) * fu
    far = along_v + (corner - along_v) * fu
    return (near + (far - near) * fv) * (1.0 / 255.0)


@inlined
def surface(grid, looks, scene, grazing, target, crack, px, py, pz, cell, face, cosine, distance):
    """Return the lit colour of a point on a block's face; the targeted block has an outline and shows its cracks."""
    blocks, light = grid[0], grid[1]
    texels, faces, glow = looks[0], looks[1], looks[2]
    x, y, z = cell >> 18, (cell >> 8) & 1023, cell & 255
    u = py - np.floor(py) if face < 2 else px - np.floor(px)
    v = py - np.floor(py) if face >= 4 else pz - np.floor(pz)
    block = blocks[x, y, z]
    # Between the short and the long side of the pixel's print on the surface: cosine to the power of -0.75.
    footprint = distance * scene[PIXEL] * grazing[int(cosine * GRAZING_STEPS)]
    r, g, b = texel(texels, faces[block, face], u, 1.0 - v, footprint)
    lamp = glow[block]
    shine = (DARKEST + (1.0 - DARKEST) * face_light(light, x, y, z, face, u, v)) * (1.0 - lamp)
    at = FACE_LIGHT + 3 * face
    r *= scene[at] * shine + lamp
    g *= scene[at + 1] * shine + lamp
    b *= scene[at + 2] * shine + lamp
    if cell == target:
        if crack >= 0:
            dark = texel(texels, crack, u, v, footprint)[0]
            r, g, b = r * dark, g * dark, b * dark
        r, g, b = r * 1.12 + 0.02, g * 1.12 + 0.02, b * 1.12 + 0.02
        thin = min(0.5, max(0.5 * footprint, distance * scene[PIXEL]))
        edge = min(min(u, 1.0 - u), min(v, 1.0 - v))
        line = 1.0 - 0.55 * clamp((max(0.022, 0.55 * thin) - edge) / thin + 0.5)
        r, g, b = r * line, g * line, b * line
    return r, g, b


@inlined
def _through_water(scene, r, g, b, length):
    """Return a colour seen through `length` of water."""
    veil = 1.0 - max(0.0, 1.0 - length / DEEP) ** 3
    return (
        r * 0.72 + (scene[WATER_COLOUR] - r * 0.72) * veil,
        g * 0.85 + (scene[WATER_COLOUR + 1] - g * 0.85) * veil,
        b + (scene[WATER_COLOUR + 2] - b) * veil,
    )


@compiled
def shade(grid, looks, scene, clouds, camera, units, grazing, target, crack, hits, places, colours, seen):
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
                r, g, b = surface(grid, looks, scene, grazing, target, crack, ox + dx * t, oy + dy * t, oz + dz * t,
                                  cell, face, cosine, t)  # fmt: skip
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
                    r, g, b = _through_water(scene, r, g, b, length)
                    slope = abs(dz) if places[row, column, WATER_AXIS] == 2 else 0.7
                    mirror = 0.10 + 0.62 * (1.0 - slope) ** 3
                    mr, mg, mb = sky_base(scene, dx, dy, abs(dz))
                    r, g, b = r + (mr - r) * mirror, g + (mg - g) * mirror, b + (mb - b) * mirror
                    fog_at, block = water_in, WATER
                else:
                    veil = 1.0 - max(0.0, 1.0 - length / VIEW_UNDER_WATER) ** 3
                    r = r * 0.75 + (scene[FOG_WATER] - r * 0.75) * veil
                    g = g * 0.85 + (scene[FOG_WATER + 1] - g * 0.85) * veil
                    b = b + (scene[FOG_WATER + 2] - b) * veil
            if fog_at > FOG_START * VIEW and scene[UNDER] == 0.0:
                veil = smooth(FOG_START * VIEW, VIEW, fog_at)
                fr, fg, fb = sky_base(scene, dx, dy, dz)
                r, g, b = r + (fr - r) * veil, g + (fg - g) * veil, b + (fb - b) * veil
            colours[row, column, 0], colours[row, column, 1], colours[row, column, 2] = r, g, b
            seen[row, column] = block
