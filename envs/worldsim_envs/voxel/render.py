"""Ray-cast pictures of a world: one ray per pixel, more where edges would alias, texture mips by footprint.

`draw` fills a frame from the state's arrays. Lighting is a small table per frame (`Scene`): time of day decides colours of
light, sky and fog. Everything is a plain function of arrays, exact and repeatable.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import AIR, CRACK_STAGES, FIRST_CRACK, TEXELS_PER_TEXTURE, WATER
from worldsim_envs.voxel.compiled import compiled, inlined
from worldsim_envs.voxel.physics import eye_height
from worldsim_envs.voxel.state import TILE

VIEW = 48.0
FOG_START = 0.5
FIELD_OF_VIEW = 70.0
CLOUD_HEIGHT = 96.0
CLOUD_CELL = 8.0
CLOUD_SPEED = 0.03
STAR_GRID = 128

# Fields of `scene`, float64: colours are three fields each.
(SUN_X, SUN_Y, SUN_Z, DAYLIGHT, GLOW, PIXEL, UNDER, DRIFT, CEILING) = range(9)
ZENITH, HORIZON, SUNSET, FACE_LIGHT, WATER_COLOUR, CLOUD_COLOUR, FOG_WATER = 9, 12, 15, 18, 36, 39, 42
SCENE_FIELDS = 48

_SKY, _FAR = -1, -2


def star_map() -> NDArray[np.float64]:
    """Return the brightness of the night sky (STAR_GRID, STAR_GRID) over the octahedral map of the upper half."""
    random = np.random.default_rng(5)
    stars = np.zeros((STAR_GRID, STAR_GRID))
    kernel = np.array([0.25, 1.0, 0.25])
    for _ in range(170):
        i, j = random.integers(2, STAR_GRID - 2, 2)
        stars[i - 1 : i + 2, j - 1 : j + 2] += (0.2 + 0.6 * random.random()) * np.outer(kernel, kernel)
    return np.minimum(stars, 1.0)


STARS = star_map()


@compiled
def _clamp(value):
    return min(1.0, max(0.0, value))


@compiled
def _smooth(low, high, value):
    t = min(1.0, max(0.0, (value - low) / (high - low)))
    return t * t * (3.0 - 2.0 * t)


@compiled
def _blend(scene, at, night, day, share):
    for channel in range(3):
        scene[at + channel] = night[channel] + (day[channel] - night[channel]) * share


@compiled
def set_scene(scene, marks, pixel, under_water):
    """Fill the colours of light, sky, fog and water for the time of day."""
    angle = 2.0 * np.pi * (marks[s.CLOCK] / marks[s.DAY_LENGTH])
    height = np.sin(angle)
    scene[SUN_X], scene[SUN_Y], scene[SUN_Z] = np.cos(angle), 0.0, height
    day = _smooth(-0.16, 0.26, height)
    glow = np.exp(-((height - 0.02) / 0.17) ** 2)
    scene[DAYLIGHT], scene[GLOW], scene[PIXEL] = day, glow, pixel
    scene[UNDER] = 1.0 if under_water else 0.0
    scene[DRIFT] = marks[s.TICK] * CLOUD_SPEED
    _blend(scene, ZENITH, (0.035, 0.050, 0.125), (0.400, 0.610, 0.960), day)
    _blend(scene, HORIZON, (0.115, 0.145, 0.255), (0.720, 0.840, 0.980), day)
    _blend(scene, CLOUD_COLOUR, (0.170, 0.200, 0.300), (0.980, 0.990, 1.000), day)
    _blend(scene, WATER_COLOUR, (0.055, 0.105, 0.240), (0.140, 0.330, 0.720), day)
    _blend(scene, FOG_WATER, (0.035, 0.075, 0.190), (0.100, 0.250, 0.600), day)
    scene[SUNSET], scene[SUNSET + 1], scene[SUNSET + 2] = 1.00, 0.50, 0.22
    for channel in range(3):
        warm = (1.0, 0.66, 0.42)[channel]
        light = (0.34, 0.39, 0.54)[channel] * (1.0 - day) + day
        tint = 1.0 - 0.55 * glow * (1.0 - warm) * _smooth(-0.2, 0.0, height)
        cloud = scene[CLOUD_COLOUR + channel]
        scene[CLOUD_COLOUR + channel] = cloud + (0.9 * warm * (0.35 + 0.65 * day) - cloud) * 0.55 * glow
        scene[HORIZON + channel] += (0.80 * warm - scene[HORIZON + channel]) * 0.30 * glow
        for face in range(6):
            shade = (0.70, 0.70, 0.84, 0.84, 1.00, 0.56)[face]
            facing = scene[SUN_X] * ((face == 0) - (face == 1))
            shade += 0.16 * day * max(0.0, facing)
            scene[FACE_LIGHT + 3 * face + channel] = shade * light * tint


@inlined
def sky_base(scene, dx, dy, dz):
    """Return the smooth colour of the sky, without sun, moon, stars and clouds; also the colour of fog."""
    rise = _clamp(dz * 2.2)
    rise = rise * (2.0 - rise)
    flat = np.sqrt(dx * dx + dy * dy) + 1e-9
    towards = max(0.0, 0.5 + 0.5 * dx / flat * (1.0 if scene[SUN_X] > 0 else -1.0))
    low = _clamp(1.0 - abs(dz) * 2.6)
    warm = scene[GLOW] * towards * towards * low * 0.85
    r = scene[HORIZON] + (scene[ZENITH] - scene[HORIZON]) * rise
    g = scene[HORIZON + 1] + (scene[ZENITH + 1] - scene[HORIZON + 1]) * rise
    b = scene[HORIZON + 2] + (scene[ZENITH + 2] - scene[HORIZON + 2]) * rise
    return (r + (scene[SUNSET] - r) * warm, g + (scene[SUNSET + 1] - g) * warm, b + (scene[SUNSET + 2] - b) * warm)


@compiled
def _disc(along, across, up, half, pixel):
    """Return the coverage of a square in the sky of half-width `half`, seen `along` its axis."""
    if along <= 0.1:
        return 0.0
    far = max(abs(across), abs(up)) / along
    return _clamp((half - far) / pixel + 0.5)


@inlined
def _starlight(stars, dx, dy, dz):
    norm = 1.0 / (abs(dx) + abs(dy) + abs(dz))
    u = ((dx + dy) * norm * 0.5 + 0.5) * (STAR_GRID - 2)
    v = ((dx - dy) * norm * 0.5 + 0.5) * (STAR_GRID - 2)
    i, j = int(u), int(v)
    fu, fv = u - i, v - j
    near = stars[i, j] + (stars[i, j + 1] - stars[i, j]) * fv
    far = stars[i + 1, j] + (stars[i + 1, j + 1] - stars[i + 1, j]) * fv
    return near + (far - near) * fu


@inlined
def _cloud_cover(clouds, scene, ox, oy, oz, dx, dy, dz):
    """Return the opacity of the cloud layer along a ray; edges are as wide as a pixel, far clouds fade out."""
    distance = (CLOUD_HEIGHT - oz) / dz
    if distance > 420.0:
        return 0.0
    u = (ox + dx * distance) / CLOUD_CELL - 0.5 + scene[DRIFT] / CLOUD_CELL
    v = (oy + dy * distance) / CLOUD_CELL - 0.5
    i, j = int(np.floor(u)), int(np.floor(v))
    width = min(1.0, max(0.12, distance * scene[PIXEL] / (CLOUD_CELL * dz)))
    fu, fv = _clamp((u - i - 0.5) / width + 0.5), _clamp((v - j - 0.5) / width + 0.5)
    nx, ny = clouds.shape
    i0, j0, i1, j1 = i % nx, j % ny, (i + 1) % nx, (j + 1) % ny
    low = clouds[i0, j0] + (clouds[i1, j0] - clouds[i0, j0]) * fu
    high = clouds[i0, j1] + (clouds[i1, j1] - clouds[i0, j1]) * fu
    return (low + (high - low) * fv) * 0.72 * (1.0 - _smooth(150.0, 420.0, distance))


@inlined
def sky(scene, stars, clouds, ox, oy, oz, dx, dy, dz):
    """Return the colour of the sky in a direction: gradient, stars, sun, moon, clouds."""
    r, g, b = sky_base(scene, dx, dy, dz)
    if dz <= 0.0:
        return r, g, b
    if scene[DAYLIGHT] < 0.38:
        light = _starlight(stars, dx, dy, dz) * _clamp(1.0 - 2.6 * scene[DAYLIGHT]) * _clamp(dz * 4.0)
        r, g, b = r + light * 0.85, g + light * 0.87, b + light * 0.9
    pixel = scene[PIXEL]
    along = dx * scene[SUN_X] + dz * scene[SUN_Z]
    across, up = dy, dx * scene[SUN_Z] - dz * scene[SUN_X]
    sun = _disc(along, across, up, 0.095, pixel)
    halo = 0.0
    if along > 0.0:
        halo = 0.45 * along**16 * (0.3 + 0.7 * scene[DAYLIGHT])
        r, g, b = r + (1.0 - r) * halo, g + (0.93 - g) * halo, b + (0.70 - b) * halo
        r, g, b = r + (1.0 - r) * sun, g + (0.97 - g) * sun, b + (0.78 - b) * sun
    moon = _disc(-along, across, up, 0.075, pixel) * (1.0 - 0.7 * scene[DAYLIGHT])
    if moon > 0.0:
        r, g, b = r + (0.86 - r) * moon, g + (0.89 - g) * moon, b + (0.96 - b) * moon
    if dz > 0.03 and oz < CLOUD_HEIGHT:
        cover = _cloud_cover(clouds, scene, ox, oy, oz, dx, dy, dz)
        r += (scene[CLOUD_COLOUR] - r) * cover
        g += (scene[CLOUD_COLOUR + 1] - g) * cover
        b += (scene[CLOUD_COLOUR + 2] - b) * cover
    return r, g, b


@inlined
def texel(texels, texture, u, v, footprint):
    """Return the colour of a texture at (u, v) in [0, 1), averaged over a square of width `footprint` (1 = the block).

    The mip is the finest whose texels are no smaller than the footprint; inside it the filter is an exact box.
    """
    base = texture * TEXELS_PER_TEXTURE
    if footprint < 0.0625:
        size, at = 16, 0
    elif footprint < 0.125:
        size, at = 8, 256
    elif footprint < 0.25:
        size, at = 4, 320
    elif footprint < 0.5:
        size, at = 2, 336
    else:
        packed = texels[base + 340]
        return (packed >> 42) / 255.0, ((packed >> 21) & 0x1FFFFF) / 255.0, (packed & 0x1FFFFF) / 255.0
    base += at
    x, y = u * size - 0.5, v * size - 0.5
    i, j = int(np.floor(x)), int(np.floor(y))
    sharp = 1.0 / max(footprint * size, 0.02)
    wx = int(64.0 * min(1.0, max(0.0, (x - i - 0.5) * sharp + 0.5)) + 0.5)
    wy = int(64.0 * min(1.0, max(0.0, (y - j - 0.5) * sharp + 0.5)) + 0.5)
    i0, j0, i1, j1 = max(i, 0), max(j, 0), min(i + 1, size - 1), min(j + 1, size - 1)
    row0, row1 = base + j0 * size, base + j1 * size
    mix0 = texels[row0 + i0] * (64 - wx) + texels[row0 + i1] * wx
    mix1 = texels[row1 + i0] * (64 - wx) + texels[row1 + i1] * wx
    packed = mix0 * (64 - wy) + mix1 * wy  # three lanes of 8 + 12 bits
    scale = 1.0 / (4096.0 * 255.0)
    return (packed >> 42) * scale, ((packed >> 21) & 0x1FFFFF) * scale, (packed & 0x1FFFFF) * scale


@inlined
def cast(grid, ox, oy, oz, dx, dy, dz, reach, start):
    """Follow a ray to the first block that is not air or water; whole tiles and columns below the ray are passed over.

    Returns distance (-1 for none), x, y, z of the block, face, the distances where a water body begins and ends
    (-1 where not; 0 for a start under water) and the axis of its surface. `start` is the block of the eye.
    """
    blocks, _, _, roofs, tiles = grid
    nx, ny, nz = blocks.shape
    mask_x, mask_y, tile_mask_x, tile_mask_y = nx - 1, ny - 1, tiles.shape[0] - 1, tiles.shape[1] - 1
    east, north, up = dx > 0, dy > 0, dz > 0
    si, sj, sk = (1 if east else -1), (1 if north else -1), (1 if up else -1)
    wi, wj = 1.0 / max(abs(dx), 1e-12), 1.0 / max(abs(dy), 1e-12)
    a, b = int(np.floor(ox)) // TILE, int(np.floor(oy)) // TILE
    next_a = (((a + 1) * TILE - ox) if east else (ox - a * TILE)) * wi
    next_b = (((b + 1) * TILE - oy) if north else (oy - b * TILE)) * wj
    t, z, axis = 0.0, oz, 2
    water_in, water_out, water_axis = (0.0 if start == WATER else -1.0), -1.0, 2
    while True:
        tile_end = min(min(next_a, next_b), reach)
        if min(z, oz + dz * tile_end) < tiles[a & tile_mask_x, b & tile_mask_y]:
            i = min(max(int(np.floor(ox + dx * t)), a * TILE), a * TILE + TILE - 1)
            j = min(max(int(np.floor(oy + dy * t)), b * TILE), b * TILE + TILE - 1)
            next_i = ((i + 1 - ox) if east else (ox - i)) * wi
            next_j = ((j + 1 - oy) if north else (oy - j)) * wj
            while True:
                end = min(min(next_i, next_j), tile_end)
                z_end = oz + dz * end
                x, y = i & mask_x, j & mask_y
                if min(z, z_end) < roofs[x, y]:
                    k, last = int(np.floor(z)), int(np.floor(z_end))
                    while True:
                        if 0 <= k < nz:
                            block = blocks[x, y, k]
                            if block == WATER:
                                if water_in < 0.0:
                                    water_in, water_axis = t, axis
                            elif block != AIR:
                                face = 2 * axis + (1 if (si, sj, sk)[axis] > 0 else 0)
                                return t, x, y, k, face, water_in, water_out, water_axis
                            elif water_in >= 0.0 and water_out < 0.0:
                                water_out = t
                        if k == last:
                            break
                        k += sk
                        t, axis = ((k if up else k + 1) - oz) / dz, 2
                elif water_in >= 0.0 and water_out < 0.0:
                    water_out = t
                t, z = end, z_end
                if end >= tile_end:
                    break
                if next_i < next_j:
                    i, next_i, axis = i + si, next_i + wi, 0
                else:
                    j, next_j, axis = j + sj, next_j + wj, 1
        elif water_in >= 0.0 and water_out < 0.0:
            water_out = t
        if tile_end >= reach:
            return -1.0, 0, 0, 0, 0, water_in, water_out, water_axis
        t, z = tile_end, oz + dz * tile_end
        if next_a < next_b:
            a, next_a, axis = a + si, next_a + TILE * wi, 0
        else:
            b, next_b, axis = b + sj, next_b + TILE * wj, 1


@compiled
def ceiling(tiles, ox, oy):
    """Return the height above which nothing is in view from a place."""
    highest = 0
    a, b, far = int(ox) // TILE, int(oy) // TILE, int(VIEW) // TILE + 1
    for i in range(a - far, a + far + 1):
        for j in range(b - far, b + far + 1):
            highest = max(highest, tiles[i % tiles.shape[0], j % tiles.shape[1]])
    return float(highest)


@inlined
def _open_light(light, x, y, z, centre):
    nx, ny, nz = light.shape
    if z >= nz:
        return 255.0
    if z < 0:
        return 0.0
    value = float(light[x & (nx - 1), y & (ny - 1), z])
    return value if value > 0.0 else 0.42 * centre


@inlined
def face_light(light, x, y, z, face, u, v):
    """Return the light 0…1 at point (u, v) of a face: bilinear over the open cells in front, dark where they are solid."""
    nx, ny, nz = light.shape
    axis, side = face >> 1, 1 - 2 * (face & 1)
    if axis == 0:
        x += side
    elif axis == 1:
        y += side
    else:
        z += side
    centre = 255.0 if z >= nz else (0.0 if z < 0 else float(light[x & (nx - 1), y & (ny - 1), z]))
    su, sv = (1 if u > 0.5 else -1), (1 if v > 0.5 else -1)
    fu, fv = abs(u - 0.5), abs(v - 0.5)
    if axis == 0:
        a, b, c = (_open_light(light, x, y + su, z, centre), _open_light(light, x, y, z + sv, centre),
                   _open_light(light, x, y + su, z + sv, centre))  # fmt: skip
    elif axis == 1:
        a, b, c = (_open_light(light, x + su, y, z, centre), _open_light(light, x, y, z + sv, centre),
                   _open_light(light, x + su, y, z + sv, centre))  # fmt: skip
    else:
        a, b, c = (_open_light(light, x + su, y, z, centre), _open_light(light, x, y + sv, z, centre),
                   _open_light(light, x + su, y + sv, z, centre))  # fmt: skip
    near = centre + (a - centre) * fu
    far = b + (c - b) * fu
    return (near + (far - near) * fv) / 255.0


@inlined
def surface(grid, looks, scene, marks, crack, px, py, pz, x, y, z, face, cosine, distance):
    """Return the lit colour of a point on a block's face; the targeted block has an outline and shows its cracks."""
    blocks, light = grid[0], grid[1]
    texels, faces, glow = looks[0], looks[1], looks[2]
    fx, fy, fz = px - np.floor(px), py - np.floor(py), pz - z
    if face < 2:
        u, v = fy, fz
    elif face < 4:
        u, v = fx, fz
    else:
        u, v = fx, fy
    block = blocks[x, y, z]
    root = np.sqrt(max(cosine, 0.04))
    footprint = distance * scene[PIXEL] / (root * np.sqrt(root))  # between the pixel's short and long side
    r, g, b = texel(texels, faces[block, face], u, 1.0 - v, footprint)
    shine = face_light(light, x, y, z, face, u, v)
    shine = 0.16 + 0.84 * shine
    shine += (1.0 - shine) * glow[block]
    at = FACE_LIGHT + 3 * face
    lamp = glow[block]
    r *= scene[at] * shine * (1.0 - lamp) + lamp
    g *= scene[at + 1] * shine * (1.0 - lamp) + lamp
    b *= scene[at + 2] * shine * (1.0 - lamp) + lamp
    if marks[s.TARGET] and x == marks[s.TARGET_X] and y == marks[s.TARGET_Y] and z == marks[s.TARGET_Z]:
        if crack >= 0:
            dark = texel(texels, FIRST_CRACK + crack, u, v, footprint)[0]
            r, g, b = r * dark, g * dark, b * dark
        r, g, b = r * 1.12 + 0.02, g * 1.12 + 0.02, b * 1.12 + 0.02
        thin = min(0.5, max(0.5 * footprint, distance * scene[PIXEL]))
        edge = min(min(u, 1.0 - u), min(v, 1.0 - v))
        line = 0.55 * _clamp((max(0.022, 0.55 * thin) - edge) / thin + 0.5)
        r, g, b = r * (1.0 - line), g * (1.0 - line), b * (1.0 - line)
    return r, g, b


@inlined
def _through_water(scene, r, g, b, length):
    """Return a colour seen through `length` of water."""
    veil = 1.0 - np.exp(-0.26 * length)
    return (
        r * 0.72 + (scene[WATER_COLOUR] - r * 0.72) * veil,
        g * 0.85 + (scene[WATER_COLOUR + 1] - g * 0.85) * veil,
        b + (scene[WATER_COLOUR + 2] - b) * veil,
    )


@inlined
def trace(grid, looks, scene, clouds, marks, crack, start, ox, oy, oz, dx, dy, dz):
    """Return red, green, blue of one ray and what it meets: a key of block and face, and the block's id."""
    reach = VIEW if scene[UNDER] == 0.0 else 24.0
    if dz > 0.0:
        reach = min(reach, max(0.0, (scene[CEILING] - oz) / dz))
    t, x, y, z, face, water_in, water_out, water_face = cast(grid, ox, oy, oz, dx, dy, dz, reach, start)
    seen, key = 0, -1
    fog_at = 0.0
    if t >= 0.0:
        axis = face >> 1
        cosine = abs(dx) if axis == 0 else (abs(dy) if axis == 1 else abs(dz))
        r, g, b = surface(grid, looks, scene, marks, crack, ox + dx * t, oy + dy * t,
                          oz + dz * t, x, y, z, face, cosine, t)  # fmt: skip
        seen = int(grid[0][x, y, z])
        key = face if z < 0 else ((x * 4096 + y) * 512 + z) * 8 + face
        fog_at = t
    else:
        r, g, b = sky(scene, looks[3], clouds, ox, oy, oz, dx, dy, dz)
    if water_in >= 0.0 and scene[UNDER] == 0.0:
        end = water_out if water_out >= 0.0 else (t if t >= 0.0 else reach)
        r, g, b = _through_water(scene, r, g, b, end - water_in)
        slope = abs(dz) if water_face == 2 else 0.7
        mirror = 0.10 + 0.62 * (1.0 - slope) ** 3
        mr, mg, mb = sky_base(scene, dx, dy, abs(dz))
        r, g, b = r + (mr - r) * mirror, g + (mg - g) * mirror, b + (mb - b) * mirror
        fog_at = water_in
        seen, key = WATER, -3 - water_face
    if scene[UNDER] > 0.0:
        length = water_out if water_out >= 0.0 else (t if t >= 0.0 else reach)
        veil = 1.0 - np.exp(-0.13 * length)
        r = r * 0.75 + (scene[FOG_WATER] - r * 0.75) * veil
        g = g * 0.85 + (scene[FOG_WATER + 1] - g * 0.85) * veil
        b = b + (scene[FOG_WATER + 2] - b) * veil
    elif fog_at > FOG_START * VIEW:
        veil = _smooth(FOG_START * VIEW, VIEW, fog_at)
        if veil > 0.0:
            fr, fg, fb = sky_base(scene, dx, dy, dz)
            r, g, b = r + (fr - r) * veil, g + (fg - g) * veil, b + (fb - b) * veil
    return r, g, b, key, seen


@compiled
def edge_pixels(colours, keys, edges, contrast):
    """Mark the pixels that meet another surface than a neighbour and differ from it in colour. Returns their number."""
    height, width = keys.shape
    edges[:, :] = 0
    for row in range(height):
        for column in range(width):
            for down, right in ((0, 1), (1, 0)):
                other_row, other_column = row + down, column + right
                if other_row >= height or other_column >= width or keys[row, column] == keys[other_row, other_column]:
                    continue
                difference = 0.0
                for channel in range(3):
                    gap = abs(colours[row, column, channel] - colours[other_row, other_column, channel])
                    difference = max(difference, gap)
                if difference > contrast:
                    edges[row, column] = 1
                    edges[other_row, other_column] = 1


@compiled
def draw(grid, looks, clouds, body, marks, hotbar, scene, colours, keys, edges, seen, hud, out):
    """Draw the world as the player sees it into `out` (H, W, 3) u8, and the block of each pixel into `seen` (H, W) u8."""
    height, width = seen.shape
    blocks = grid[0]
    nz = blocks.shape[2]
    focal = 0.5 * height / np.tan(np.radians(0.5 * FIELD_OF_VIEW))
    yaw, pitch = np.radians(body[s.YAW]), np.radians(body[s.PITCH])
    sy, cy, sp, cp = np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch)
    ox, oy, oz = body[s.X], body[s.Y], body[s.Z] + eye_height(marks)
    start = AIR
    if 0.0 <= oz < nz:
        start = int(blocks[int(ox) % blocks.shape[0], int(oy) % blocks.shape[1], int(oz)])
    set_scene(scene, marks, 1.0 / focal, start == WATER)
    scene[CEILING] = ceiling(grid[4], ox, oy)
    crack = -1
    if marks[s.MINE_TICKS] > 0:
        crack = min(CRACK_STAGES - 1, (marks[s.MINE_TICKS] * CRACK_STAGES) // max(1, marks[s.MINE_NEED]))

    for pass_ in range(2):  # one ray to each pixel, then four to those at edges
        rays = 1 if pass_ == 0 else 4
        for row in range(height):
            for column in range(width):
                if pass_ == 1 and edges[row, column] == 0:
                    continue
                sum_r, sum_g, sum_b = 0.0, 0.0, 0.0
                for ray in range(rays):
                    right = 0.0 if pass_ == 0 else (-0.125, 0.375, 0.125, -0.375)[ray]
                    down = 0.0 if pass_ == 0 else (-0.375, -0.125, 0.375, 0.125)[ray]
                    u = (column + 0.5 + right - 0.5 * width) / focal
                    v = (0.5 * height - row - 0.5 - down) / focal
                    unit = 1.0 / np.sqrt(1.0 + u * u + v * v)
                    flat = cp + v * sp
                    r, g, b, key, block = trace(grid, looks, scene, clouds, marks, crack, start, ox, oy, oz,
                                                (sy * flat + cy * u) * unit, (cy * flat - sy * u) * unit,
                                                (v * cp - sp) * unit)  # fmt: skip
                    sum_r, sum_g, sum_b = sum_r + r, sum_g + g, sum_b + b
                colours[row, column, 0] = sum_r / rays
                colours[row, column, 1] = sum_g / rays
                colours[row, column, 2] = sum_b / rays
                if pass_ == 0:
                    keys[row, column], seen[row, column] = key, block
        if pass_ == 0:
            edge_pixels(colours, keys, edges, 0.06)
    if hud:
        held_block(colours, looks, scene, grid[1], marks, hotbar, body)
        crosshair(colours)
    finish(colours, marks, out)


@compiled
def held_block(colours, looks, scene, light, marks, hotbar, body):
    """Draw the chosen block in the lower right corner, as a small cube that dips when the hand swings."""
    texels, faces, glow, _ = looks
    height, width = colours.shape[0], colours.shape[1]
    focal = 0.5 * height / np.tan(np.radians(0.5 * FIELD_OF_VIEW))
    slot = marks[s.SLOT]
    block = hotbar[slot, 0] if hotbar[slot, 1] > 0 else 255
    swing = np.sin(np.pi * marks[s.SWING] / 6.0)
    half = 0.15
    cx = min(0.95, 0.64 * width / height) - 0.22 * swing
    cy, cz = -0.58 - 0.04 * swing, 1.25 + 0.15 * swing
    turn, tilt = np.radians(45.0 + 25.0 * swing), np.radians(-24.0)
    ct, st, ci, si = np.cos(turn), np.sin(turn), np.cos(tilt), np.sin(tilt)
    nx, ny, nz = light.shape
    eye = min(nz - 1, max(0, int(body[s.Z] + 1.62)))
    shine = 0.16 + 0.84 * light[int(body[s.X]) % nx, int(body[s.Y]) % ny, eye] / 255.0
    reach = 2.0 * half / cz * focal
    row0 = max(0, int(0.5 * height - (cy / cz) * focal - reach))
    column0 = max(0, int(0.5 * width + (cx / cz) * focal - reach))
    column1 = min(width, int(0.5 * width + (cx / cz) * focal + reach) + 1)
    for row in range(row0, height):
        for column in range(column0, column1):
            cover, sr, sg, sb = 0, 0.0, 0.0, 0.0
            for corner in range(4):
                right = (-0.125, 0.375, 0.125, -0.375)[corner]
                down = (-0.375, -0.125, 0.375, 0.125)[corner]
                dx = (column + 0.5 + right - 0.5 * width) / focal
                dy = (0.5 * height - row - 0.5 - down) / focal
                # Into the cube's own axes: tilt about x, then turn about y.
                oy_, oz_ = -cy * ci + cz * si, -cz * ci - cy * si
                ey, ez = dy * ci - si, ci + dy * si
                ox_ = -cx
                ox2, oz2 = ox_ * ct - oz_ * st, ox_ * st + oz_ * ct
                ex2, ez2 = dx * ct - ez * st, dx * st + ez * ct
                near, far, axis = -1e9, 1e9, 0
                for a in range(3):
                    o = ox2 if a == 0 else (oy_ if a == 1 else oz2)
                    e = ex2 if a == 0 else (ey if a == 1 else ez2)
                    inverse = 1.0 / (e if abs(e) > 1e-9 else 1e-9)
                    t0, t1 = (-half - o) * inverse, (half - o) * inverse
                    if t0 > t1:
                        t0, t1 = t1, t0
                    if t0 > near:
                        near, axis = t0, a
                    far = min(far, t1)
                if near > far or near < 0.0:
                    continue
                hx, hy, hz = (ox2 + near * ex2) / half, (oy_ + near * ey) / half, (oz2 + near * ez2) / half
                if axis == 1:
                    u, v, face = hx * 0.5 + 0.5, hz * 0.5 + 0.5, 4
                elif axis == 0:
                    u, v, face = hz * 0.5 + 0.5, 0.5 - hy * 0.5, 0
                else:
                    u, v, face = hx * 0.5 + 0.5, 0.5 - hy * 0.5, 2
                r, g, b = texel(texels, faces[block, face], min(max(u, 0.0), 0.999), min(max(v, 0.0), 0.999),
                                1.25 / focal / (2.0 * half) * 1.3)  # fmt: skip
                shade = (1.0 if face == 4 else (0.84 if face == 2 else 0.68)) * shine
                lamp = glow[block]
                cover += 1
                sr += r * (scene[FACE_LIGHT + 12] * shade * (1.0 - lamp) + lamp)
                sg += g * (scene[FACE_LIGHT + 13] * shade * (1.0 - lamp) + lamp)
                sb += b * (scene[FACE_LIGHT + 14] * shade * (1.0 - lamp) + lamp)
            if cover > 0:
                rest = 1.0 - 0.25 * cover
                colours[row, column, 0] = colours[row, column, 0] * rest + 0.25 * sr
                colours[row, column, 1] = colours[row, column, 1] * rest + 0.25 * sg
                colours[row, column, 2] = colours[row, column, 2] * rest + 0.25 * sb


@compiled
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


@compiled
def finish(colours, marks, out):
    """Write colours 0…1 as bytes; a hurt player sees red for a moment."""
    red = 0.4 * marks[s.HURT] / 10.0
    if marks[s.DEAD]:
        red = 0.55
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            for channel in range(3):
                value = colours[row, column, channel]
                value += ((0.75 if channel == 0 else 0.05) - value) * red
                out[row, column, channel] = np.uint8(min(255.0, max(0.0, value * 255.0 + 0.5)))
