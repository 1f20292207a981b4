"""Boxes and crossed sprites drawn into a picture that rays have filled: any place, any turn, smooth edges, exact depth.

What is drawn far is drawn first. A box takes four samples to a pixel; a sprite's cover comes from its mips, so that it
fades with distance. A frame is (colours, depth, entities, seen, hits): see `picture`.
"""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.blocks import TEXELS_PER_TEXTURE
from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.render.camera import (
    COS_PITCH,
    COS_YAW,
    HALF_HEIGHT,
    HALF_WIDTH,
    PIXEL_SIZE,
    SIN_PITCH,
    SIN_YAW,
    ray,
)
from worldsim_envs.voxel.render.rays import WATER_IN
from worldsim_envs.voxel.render.sky import UNDER, clamp
from worldsim_envs.voxel.render.surfaces import GRAZING_STEPS, drowned, fogged, lit, texel, through_water

# Fields of a box, float64: its centre from the eye; half its sides; its three axes; where its centre is in its texture
# and texture widths per block, along each axis; sky light and block light on it; own glow; fade; red of pain.
CENTRE, HALF, AXES, MIDDLE, SCALE = 0, 3, 6, 15, 18
SKY, LAMPS, SHINE, FADE, PAIN = 21, 22, 23, 24, 25
BOX_FIELDS = 26
NEAREST = 0.04
FAR = 1e30


@inlined
def hit_box(o, d, low, high):
    """Return the distance at which a ray from `o` along `d` enters a box, and by which face; -1, -1 if it does not.

    Faces count +x, -x, +y, -y, +z, -z. A ray that starts inside the box does not enter it.
    """
    near, far, face = -FAR, FAR, -1
    for axis in range(3):
        inverse = 1.0 / (d[axis] if abs(d[axis]) > 1e-12 else 1e-12)
        begin, end = (low[axis] - o[axis]) * inverse, (high[axis] - o[axis]) * inverse
        first, last = min(begin, end), max(begin, end)
        if first > near:
            near, face = first, 2 * axis + (1 if d[axis] > 0.0 else 0)
        far = min(far, last)
    if near > far or near <= 0.0:
        return -1.0, -1
    return near, face


@inlined
def passes(o, d, half):
    """Return whether a ray from `o` along `d` goes through a box of half sides about zero; it may start inside."""
    near, far = 0.0, FAR
    for axis in range(3):
        inverse = 1.0 / (d[axis] if abs(d[axis]) > 1e-12 else 1e-12)
        begin, end = (-half[axis] - o[axis]) * inverse, (half[axis] - o[axis]) * inverse
        near, far = max(near, min(begin, end)), min(far, max(begin, end))
    return near <= far


@inlined
def cover_at(covers, texture, u, v, footprint):
    """Return how much of a texture is there at (u, v), averaged as `texel` does."""
    if footprint >= 0.5:
        return float(covers[texture * TEXELS_PER_TEXTURE + TEXELS_PER_TEXTURE - 1])
    mip = (footprint >= 0.0625) + (footprint >= 0.125) + (footprint >= 0.25)
    size = 16 >> mip
    x, y = u * size - 0.5, v * size - 0.5
    i, j = int(x + 1.0) - 1, int(y + 1.0) - 1
    sharp = 1.0 / max(footprint * size, 0.02)
    wx, wy = clamp((x - i - 0.5) * sharp + 0.5), clamp((y - j - 0.5) * sharp + 0.5)
    base = texture * TEXELS_PER_TEXTURE + TEXELS_PER_TEXTURE - (TEXELS_PER_TEXTURE >> (2 * mip))
    i0, i1 = max(i, 0), min(i + 1, size - 1)
    row0, row1 = base + max(j, 0) * size, base + min(j + 1, size - 1) * size
    upper = covers[row0 + i0] * (1.0 - wx) + covers[row0 + i1] * wx
    lower = covers[row1 + i0] * (1.0 - wx) + covers[row1 + i1] * wx
    return upper * (1.0 - wy) + lower * wy


@inlined
def basis(camera):
    """Return the camera's axes: forward, right, up."""
    return (
        (camera[SIN_YAW] * camera[COS_PITCH], camera[COS_YAW] * camera[COS_PITCH], -camera[SIN_PITCH]),
        (camera[COS_YAW], -camera[SIN_YAW], 0.0),
        (camera[SIN_YAW] * camera[SIN_PITCH], camera[COS_YAW] * camera[SIN_PITCH], camera[COS_PITCH]),
    )


@inlined
def dot(a, b):
    """Return the scalar product of two triples."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@inlined
def glowing(light, shine):
    """Return the light of a surface that shines by itself by some share."""
    return light + (1.0 - light) * shine


@inlined
def _print_of(camera, o, a, b, c, height, width):
    """Return the first and last row and column that a box centred at `o` with half axes a, b, c may touch."""
    forward, right, up = basis(camera)
    left, far_right, top, low = 1e9, -1e9, 1e9, -1e9
    behind = 0
    for corner in range(8):
        sa, sb, sc = 2.0 * (corner & 1) - 1.0, float(corner & 2) - 1.0, 0.5 * float(corner & 4) - 1.0
        q = (o[0] + sa * a[0] + sb * b[0] + sc * c[0], o[1] + sa * a[1] + sb * b[1] + sc * c[1],
             o[2] + sa * a[2] + sb * b[2] + sc * c[2])  # fmt: skip
        depth = dot(q, forward)
        if depth < NEAREST:
            behind += 1
            continue
        scale = 1.0 / (depth * camera[PIXEL_SIZE])
        x, y = camera[HALF_WIDTH] + dot(q, right) * scale, camera[HALF_HEIGHT] - dot(q, up) * scale
        left, far_right, top, low = min(left, x), max(far_right, x), min(top, y), max(low, y)
    if behind == 8:
        return 0, -1, 0, -1
    if behind > 0:
        return 0, height - 1, 0, width - 1
    first, last = int(max(0.0, top - 0.5)), int(min(height - 1.0, low + 0.5))
    return first, last, int(max(0.0, left - 0.5)), int(min(width - 1.0, far_right + 0.5))


@inlined
def _through_air_and_water(scene, hits, row, column, direction, unit, distance, r, g, b):
    """Return a colour as it looks from the eye: behind water, under water, in fog."""
    if scene[UNDER] > 0.0:
        return drowned(scene, r, g, b, distance)
    water = hits[WATER_IN, row, column]
    if 0.0 <= water < distance:
        r, g, b = through_water(scene, r, g, b, distance - water)
    return fogged(scene, r, g, b, direction[0] * unit, direction[1] * unit, direction[2] * unit, distance)


@inlined
def _lay(frame, row, column, r, g, b, cover, distance, owner, block):
    """Lay a colour, already times `cover`, over a pixel; what covers most of it is what the pixel shows."""
    colours, depth, entities, seen, _ = frame
    colours[row, column, 0] = colours[row, column, 0] * (1.0 - cover) + r
    colours[row, column, 1] = colours[row, column, 1] * (1.0 - cover) + g
    colours[row, column, 2] = colours[row, column, 2] * (1.0 - cover) + b
    if cover > 0.5:
        depth[row, column], entities[row, column], seen[row, column] = distance, owner, block


@inner
def draw_box(frame, camera, units, looks, scene, box, textures, owner, block, aimed, crack):
    """Draw one box with its six textures (6,); `owner` and `block` are what its pixels then show."""
    texels, covers, holes = looks[0], looks[4], looks[6]
    depth, hits = frame[1], frame[4]
    height, width = units.shape
    centre = (box[CENTRE], box[CENTRE + 1], box[CENTRE + 2])
    half = (box[HALF], box[HALF + 1], box[HALF + 2])
    a = (box[AXES], box[AXES + 1], box[AXES + 2])
    b = (box[AXES + 3], box[AXES + 4], box[AXES + 5])
    c = (box[AXES + 6], box[AXES + 7], box[AXES + 8])
    first, last, left, far_right = _print_of(
        camera, centre, (a[0] * half[0], a[1] * half[0], a[2] * half[0]),
        (b[0] * half[1], b[1] * half[1], b[2] * half[1]), (c[0] * half[2], c[1] * half[2], c[2] * half[2]),
        height, width)  # fmt: skip
    low = (-half[0], -half[1], -half[2])
    o = (-dot(centre, a), -dot(centre, b), -dot(centre, c))
    # The camera's axes as the box has them: a ray is forward, some of right and some of up.
    forward, right, up = basis(camera)
    forward, right, up = (
        (dot(forward, a), dot(forward, b), dot(forward, c)), (dot(right, a), dot(right, b), dot(right, c)),
        (dot(up, a), dot(up, b), dot(up, c)),
    )  # fmt: skip
    pixel, shine = camera[PIXEL_SIZE], box[SHINE]
    # No sample of a pixel meets the box where it is hidden whole, nor where its middle passes a box that is larger by
    # how far a sample is from there.
    away, radius = np.sqrt(dot(centre, centre)), np.sqrt(dot(half, half))
    room = 0.6 * pixel * (away + radius)
    larger = (half[0] + room, half[1] + room, half[2] + room)
    last_face, lr, lg, lb = -1, 0.0, 0.0, 0.0
    for row in range(first, last + 1):
        for column in range(left, far_right + 1):
            unit = units[row, column]
            nearest = depth[row, column] * unit
            if away - radius > depth[row, column] + 0.001:
                continue
            across, rise = (column + 0.5 - camera[HALF_WIDTH]) * pixel, (camera[HALF_HEIGHT] - row - 0.5) * pixel
            d = (forward[0] + right[0] * across + up[0] * rise, forward[1] + right[1] * across + up[1] * rise,
                 forward[2] + right[2] * across + up[2] * rise)  # fmt: skip
            if not passes(o, d, larger):
                continue
            cover, r, g, blue, met = 0.0, 0.0, 0.0, 0.0, 0.0
            for corner in range(4):
                across = (column + 0.5 + (-0.125, 0.375, 0.125, -0.375)[corner] - camera[HALF_WIDTH]) * pixel
                rise = (camera[HALF_HEIGHT] - row - 0.5 - (-0.375, -0.125, 0.375, 0.125)[corner]) * pixel
                d = (forward[0] + right[0] * across + up[0] * rise, forward[1] + right[1] * across + up[1] * rise,
                     forward[2] + right[2] * across + up[2] * rise)  # fmt: skip
                t, face = hit_box(o, d, low, half)
                if t < NEAREST or t >= nearest:
                    continue
                p = (o[0] + t * d[0], o[1] + t * d[1], o[2] + t * d[2])
                i, j = (1, 2) if face < 2 else ((0, 2) if face < 4 else (0, 1))
                u = clamp(box[MIDDLE + i] + p[i] * box[SCALE + i])
                v = 1.0 - clamp(box[MIDDLE + j] + p[j] * box[SCALE + j])
                texture = textures[face]
                footprint = 0.7 * t * pixel * box[SCALE + i]
                share = 0.25 * (cover_at(covers, texture, u, v, footprint) if holes[texture] else 1.0)
                if share <= 0.0:
                    continue
                tr, tg, tb = texel(texels, texture, u, v, footprint)
                if face != last_face:
                    last_face = face
                    lr, lg, lb = lit(scene, face, box[SKY], box[LAMPS])
                    lr, lg, lb = glowing(lr, shine), glowing(lg, shine), glowing(lb, shine)
                tr, tg, tb = tr * lr, tg * lg, tb * lb
                if aimed:
                    if crack >= 0:
                        dark = texel(texels, crack, u, v, footprint)[0]
                        tr, tg, tb = tr * dark, tg * dark, tb * dark
                    thin = max(0.6 * t * pixel, 0.012)
                    edge = min(half[i] - abs(p[i]), half[j] - abs(p[j]))
                    line = 1.12 - 0.55 * clamp((0.5 * thin - edge) / thin + 0.5)
                    tr, tg, tb = tr * line + 0.02, tg * line + 0.02, tb * line + 0.02
                r, g, blue = r + share * tr, g + share * tg, blue + share * tb
                cover, met = cover + share, met + share * t
            if cover > 0.0:
                distance = met / (cover * unit)
                r, g, blue = r / cover, g / cover, blue / cover
                r, g, blue = r + (0.9 - r) * box[PAIN], g * (1.0 - 0.7 * box[PAIN]), blue * (1.0 - 0.7 * box[PAIN])
                r, g, blue = _through_air_and_water(scene, hits, row, column, ray(camera, row, column), unit, distance,
                                                    r, g, blue)  # fmt: skip
                cover *= box[FADE]
                _lay(frame, row, column, r * cover, g * cover, blue * cover, cover, distance, owner, block)


@inner
def draw_cross(frame, camera, units, grazing, looks, scene, box, texture, owner, block, aimed):
    """Draw two crossed sprites that stand at the box's centre, as wide and high as the box says."""
    texels, covers = looks[0], looks[4]
    depth, hits = frame[1], frame[4]
    height, width = units.shape
    foot = (box[CENTRE], box[CENTRE + 1], box[CENTRE + 2])
    wide, high = box[HALF], box[HALF + 2]
    first, last, left, far_right = _print_of(
        camera, (foot[0], foot[1], foot[2] + 0.5 * high), (wide, 0.0, 0.0), (0.0, wide, 0.0), (0.0, 0.0, 0.5 * high),
        height, width)  # fmt: skip
    lr, lg, lb = lit(scene, 4, box[SKY], box[LAMPS])
    shine, bright = box[SHINE], 1.15 if aimed else 0.96
    lr, lg, lb = glowing(lr, shine) * bright, glowing(lg, shine) * bright, glowing(lb, shine) * bright
    for row in range(first, last + 1):
        for column in range(left, far_right + 1):
            d, unit = ray(camera, row, column), units[row, column]
            even, odd = d[0] - d[1], d[0] + d[1]
            t0 = (foot[0] - foot[1]) / (even if abs(even) > 1e-9 else 1e-9)
            t1 = (foot[0] + foot[1]) / (odd if abs(odd) > 1e-9 else 1e-9)
            cover, r, g, b, met = 0.0, 0.0, 0.0, 0.0, 0.0
            for turn in range(2):
                t = min(t0, t1) if turn == 0 else max(t0, t1)
                if t < NEAREST or t / unit >= depth[row, column]:
                    continue
                across, rise = d[0] * t - foot[0], d[2] * t - foot[2]
                if abs(across) > wide or rise < 0.0 or rise > high:
                    continue
                slope = abs(even if t == t0 else odd) * 0.70710678 * unit
                footprint = 1.3 * t * camera[PIXEL_SIZE] * grazing[int(min(1.0, slope) * GRAZING_STEPS)]
                u, v = 0.5 + 0.5 * across / wide, 1.0 - clamp(rise / box[SCALE + 2])
                own = cover_at(covers, texture, u, v, footprint) * (1.0 - cover)
                if own <= 0.0:
                    continue
                tr, tg, tb = texel(texels, texture, u, v, footprint)
                r, g, b, cover = r + own * tr * lr, g + own * tg * lg, b + own * tb * lb, cover + own
                met += own * t / unit
            if cover > 0.004:
                distance = met / cover
                r, g, b = _through_air_and_water(scene, hits, row, column, d, unit, distance,
                                                 r / cover, g / cover, b / cover)  # fmt: skip
                cover *= box[FADE]
                _lay(frame, row, column, r * cover, g * cover, b * cover, cover, distance, owner, block)
