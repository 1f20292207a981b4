"""Ray-cast pictures of a world: one ray per pixel, more where edges would alias, texture mips by footprint.

`draw` fills a frame from the state's arrays. Lighting is a small table per frame (`Scene`): time of day decides colours of
light, sky and fog. Everything is a plain function of arrays, exact and repeatable.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import AIR, BARE_HAND, CRACK_STAGES, FIRST_CRACK, MIP_OFFSETS, TEXELS_PER_TEXTURE, WATER
from worldsim_envs.voxel.compiled import compiled, inlined
from worldsim_envs.voxel.physics import eye_height
from worldsim_envs.voxel.state import TILE

VIEW = 48.0
VIEW_UNDER_WATER = 16.0
FOG_START = 0.5
FIELD_OF_VIEW = 70.0
DEEP = 11.0
CLOUD_HEIGHT = 96.0
CLOUD_CELL = 8.0
CLOUD_SPEED = 0.03
STAR_GRID = 128

# Fields of `scene`, float64: colours are three fields each.
(SUN_X, SUN_Y, SUN_Z, DAYLIGHT, GLOW, PIXEL, UNDER, DRIFT, CEILING) = range(9)
ZENITH, HORIZON, SUNSET, FACE_LIGHT, WATER_COLOUR, CLOUD_COLOUR, FOG_WATER = 9, 12, 15, 18, 36, 39, 42
SCENE_FIELDS = 48

# Fields of `camera`, float64.
(EYE_X, EYE_Y, EYE_Z, SIN_YAW, COS_YAW, SIN_PITCH, COS_PITCH, PIXEL_SIZE, HALF_WIDTH, HALF_HEIGHT) = range(10)
CAMERA_FIELDS = 10
# Fields of `places`, int64.
CELL, FACE, PLANE, WATER_AXIS = range(4)
# Fields of `hits`, float64; -1 where there is none.
DISTANCE, WATER_IN, WATER_OUT = range(3)
EDGE_CONTRAST = 0.05
GRAZING_STEPS = 256


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


def scratch(size: tuple[int, int]) -> tuple[NDArray[Any], ...]:
    """Return the work arrays of `draw` for pictures of (height, width)."""
    height, width = size
    pixel = 2.0 * np.tan(np.radians(0.5 * FIELD_OF_VIEW)) / height
    right = (np.arange(width) + 0.5 - 0.5 * width) * pixel
    down = (np.arange(height) + 0.5 - 0.5 * height) * pixel
    units = 1.0 / np.sqrt(1.0 + right[None, :] ** 2 + down[:, None] ** 2)  # (H, W)
    grazing = 1.0 / np.maximum(np.arange(GRAZING_STEPS + 1) / GRAZING_STEPS, 0.04) ** 0.75
    return (
        np.zeros(SCENE_FIELDS), np.zeros(CAMERA_FIELDS), units, grazing, np.zeros((*size, 3)),
        np.zeros((*size, 4), np.int64), np.zeros((*size, 3), np.float32), np.zeros((*size, 3), np.float32),
        np.zeros(size, np.float32), np.zeros(size, np.int8), np.zeros((*size, 4), np.float32), np.full(2, -1),
    )  # fmt: skip


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
    """Return the colour of a texture at (u, v) in [0, 1], averaged over a square of width `footprint` (1 = the block).

    The mip is the finest whose texels are no smaller than the footprint; inside it the filter is an exact box.
    """
    mip = (footprint >= 0.0625) + (footprint >= 0.125) + (footprint >= 0.25) + (footprint >= 0.5)
    size = 16 >> mip
    x, y = u * size - 0.5, v * size - 0.5
    i, j = int(x + 1.0) - 1, int(y + 1.0) - 1
    sharp = 1.0 / max(footprint * size, 0.02)
    wx = int(64.0 * min(1.0, max(0.0, (x - i - 0.5) * sharp + 0.5)) + 0.5)
    wy = int(64.0 * min(1.0, max(0.0, (y - j - 0.5) * sharp + 0.5)) + 0.5)
    base = texture * TEXELS_PER_TEXTURE + MIP_OFFSETS[mip]
    i0, i1 = max(i, 0), min(i + 1, size - 1)
    row0, row1 = base + max(j, 0) * size, base + min(j + 1, size - 1) * size
    mix0 = texels[row0 + i0] * (64 - wx) + texels[row0 + i1] * wx
    mix1 = texels[row1 + i0] * (64 - wx) + texels[row1 + i1] * wx
    packed = mix0 * (64 - wy) + mix1 * wy  # three lanes of 8 + 12 bits
    scale = 1.0 / (4096.0 * 255.0)
    return (packed >> 42) * scale, ((packed >> 21) & 0x1FFFFF) * scale, (packed & 0x1FFFFF) * scale


@inlined
def cast(grid, ox, oy, oz, dx, dy, dz, begin, reach, start):
    """Follow a ray to the first block that is not air or water; whole tiles and columns below the ray are passed over.

    Returns distance (-1 for none), packed cell, face and its coordinate (on the endless plane, not round the torus), and
    the distances where a water body begins and ends (-1 where not; 0 for a start under water) with the axis of its
    surface. The ray is known to be free up to the distance `begin`; `start` is the block it is in there.
    """
    blocks, _, _, roofs, tiles = grid
    nx, ny, nz = blocks.shape
    mask_x, mask_y, tile_mask_x, tile_mask_y = nx - 1, ny - 1, tiles.shape[0] - 1, tiles.shape[1] - 1
    east, north, up = dx > 0, dy > 0, dz > 0
    si, sj, sk = (1 if east else -1), (1 if north else -1), (1 if up else -1)
    wi, wj = 1.0 / max(abs(dx), 1e-12), 1.0 / max(abs(dy), 1e-12)
    a, b = int(np.floor(ox + dx * begin)) // TILE, int(np.floor(oy + dy * begin)) // TILE
    next_a = (((a + 1) * TILE - ox) if east else (ox - a * TILE)) * wi
    next_b = (((b + 1) * TILE - oy) if north else (oy - b * TILE)) * wj
    t, z, axis = begin, oz + dz * begin, 2
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
                                    reach = min(reach, t + DEEP)
                            elif block != AIR:
                                if axis == 0:
                                    face, plane = (1, i) if east else (0, i + 1)
                                elif axis == 1:
                                    face, plane = (3, j) if north else (2, j + 1)
                                else:
                                    face, plane = (5, k) if up else (4, k + 1)
                                return t, (((x << 12) | y) << 9) | k, face, plane, water_in, water_out, water_axis
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
            return -1.0, -1, -1, 0, water_in, water_out, water_axis
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
            highest = max(highest, tiles[i & (tiles.shape[0] - 1), j & (tiles.shape[1] - 1)])
    return float(highest)


@inlined
def face_light(light, x, y, z, face, u, v):
    """Return the light 0…1 at (u, v) of a face: bilinear over the four nearest cells in front, dark where they are solid."""
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
    x, y, z = cell >> 21, (cell >> 9) & 4095, cell & 511
    u, v = (py - np.floor(py) if face < 2 else px - np.floor(px)), (py - np.floor(py) if face >= 4 else pz - np.floor(pz))
    block = blocks[x, y, z]
    footprint = distance * scene[PIXEL] * grazing[int(cosine * GRAZING_STEPS)]  # between the pixel's short and long side
    r, g, b = texel(texels, faces[block, face], u, 1.0 - v, footprint)
    lamp = glow[block]
    shine = (0.16 + 0.84 * face_light(light, x, y, z, face, u, v)) * (1.0 - lamp)
    at = FACE_LIGHT + 3 * face
    r *= scene[at] * shine + lamp
    g *= scene[at + 1] * shine + lamp
    b *= scene[at + 2] * shine + lamp
    if cell == target:
        if crack >= 0:
            dark = texel(texels, FIRST_CRACK + crack, u, v, footprint)[0]
            r, g, b = r * dark, g * dark, b * dark
        r, g, b = r * 1.12 + 0.02, g * 1.12 + 0.02, b * 1.12 + 0.02
        thin = min(0.5, max(0.5 * footprint, distance * scene[PIXEL]))
        edge = min(min(u, 1.0 - u), min(v, 1.0 - v))
        line = 1.0 - 0.55 * _clamp((max(0.022, 0.55 * thin) - edge) / thin + 0.5)
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


@inlined
def _ray(camera, row, column):
    """Return the direction of a pixel's ray, with a forward part of 1; times `units`, of length 1."""
    u = (column + 0.5 - camera[HALF_WIDTH]) * camera[PIXEL_SIZE]
    v = (camera[HALF_HEIGHT] - row - 0.5) * camera[PIXEL_SIZE]
    flat = camera[COS_PITCH] + v * camera[SIN_PITCH]
    return (
        camera[SIN_YAW] * flat + camera[COS_YAW] * u,
        camera[COS_YAW] * flat - camera[SIN_YAW] * u,
        v * camera[COS_PITCH] - camera[SIN_PITCH],
    )


@compiled
def set_camera(camera, body, marks, height, width):
    """Write the eye's place and the picture's frame into `camera`."""
    yaw, pitch = np.radians(body[s.YAW]), np.radians(body[s.PITCH])
    camera[EYE_X], camera[EYE_Y], camera[EYE_Z] = body[s.X], body[s.Y], body[s.Z] + eye_height(marks)
    camera[SIN_YAW], camera[COS_YAW], camera[SIN_PITCH], camera[COS_PITCH] = (
        np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch))  # fmt: skip
    camera[PIXEL_SIZE] = 2.0 * np.tan(np.radians(0.5 * FIELD_OF_VIEW)) / height
    camera[HALF_WIDTH], camera[HALF_HEIGHT] = 0.5 * width, 0.5 * height


@inlined
def _block_in(blocks, x, y, z):
    """Return the block at a point, air above and below the world."""
    nx, ny, nz = blocks.shape
    k = int(np.floor(z))
    return int(blocks[int(np.floor(x)) & (nx - 1), int(np.floor(y)) & (ny - 1), k]) if 0 <= k < nz else AIR


@inlined
def _same_surface(blocks, hits, places, r0, c0, r1, c1, ox, oy, oz, dx, dy, dz, near):
    """Return distance and cell of the surface that a ray meets between two pixels, or a cell of -1 where that is not sure.

    Sure are rays between two hits of one face, and, near enough that nothing narrower than two pixels can stand in the
    way, rays between two hits of one plane, where the plane is solid at that point and open in front of it.
    """
    cell, face, plane = places[r0, c0, CELL], places[r0, c0, FACE], places[r0, c0, PLANE]
    if cell < 0 or face != places[r1, c1, FACE] or plane != places[r1, c1, PLANE]:
        return 0.0, -1
    origin, slope = (ox, dx) if face < 2 else ((oy, dy) if face < 4 else (oz, dz))
    t = (plane - origin) / slope
    if cell == places[r1, c1, CELL]:
        return t, cell
    if r0 != r1 or hits[r0, c0, DISTANCE] > near or hits[r1, c1, DISTANCE] > near:
        return 0.0, -1
    x, y, z = ox + dx * t, oy + dy * t, oz + dz * t
    inside = 0.5 if face & 1 else -0.5
    ax, ay, az = (inside if face < 2 else 0.0), (inside if 2 <= face < 4 else 0.0), (inside if face >= 4 else 0.0)
    block = _block_in(blocks, x + ax, y + ay, z + az)
    if block == AIR or block == WATER or _block_in(blocks, x - ax, y - ay, z - az) != AIR:
        return 0.0, -1
    i, j, k = int(np.floor(x + ax)), int(np.floor(y + ay)), int(np.floor(z + az))
    return t, ((((i & (blocks.shape[0] - 1)) << 12) | (j & (blocks.shape[1] - 1))) << 9) | k


@inlined
def _deep_water(blocks, camera, units, hits, places, r0, c0, r1, c1, ox, oy, oz, dx, dy, dz, near):
    """Return the distance of the water's surface for a ray between two that both meet nothing but deep water, or -1."""
    if places[r0, c0, CELL] >= 0 or places[r1, c1, CELL] >= 0 or dz >= 0.0:
        return -1.0
    t0, t1 = hits[r0, c0, WATER_IN], hits[r1, c1, WATER_IN]
    if t0 <= 0.0 or t1 <= 0.0 or max(t0, t1) > near or max(hits[r0, c0, WATER_OUT], hits[r1, c1, WATER_OUT]) >= 0.0:
        return -1.0
    level0 = np.rint(oz + t0 * units[r0, c0] * _ray(camera, r0, c0)[2])
    level1 = np.rint(oz + t1 * units[r1, c1] * _ray(camera, r1, c1)[2])
    t = (level0 - oz) / dz
    x, y = ox + dx * t, oy + dy * t
    if level0 != level1 or places[r0, c0, WATER_AXIS] != 2 or places[r1, c1, WATER_AXIS] != 2:
        return -1.0
    if _block_in(blocks, x, y, level0 - 0.5) != WATER or _block_in(blocks, x, y, level0 + 0.5) != AIR:
        return -1.0
    return t


@inlined
def _free_way(hits, row, column):
    """Return how far a pixel's ray goes before it meets anything, 1e9 for the sky."""
    t, water_in = hits[row, column, DISTANCE], hits[row, column, WATER_IN]
    return water_in if water_in >= 0.0 else (t if t >= 0.0 else 1e9)


@compiled
def find_surfaces(grid, scene, camera, units, start, hits, places):
    """Fill what each pixel's ray meets: `hits` (H, W, 3) distance and water, `places` (H, W, 4) cell, face, plane, axis.

    Every second pixel of every second row is cast, then those between in the column, then those between in the row. A ray
    between two others need not be followed where they meet one surface, and not through the near space that both found
    empty: what is nearer than `near` is wider than the two pixels between them.
    """
    height, width = units.shape
    ox, oy, oz = camera[EYE_X], camera[EYE_Y], camera[EYE_Z]
    under = scene[UNDER] > 0.0
    whole = VIEW_UNDER_WATER if under else VIEW
    near = 0.45 / camera[PIXEL_SIZE]
    for turn in range(3):
        for row in range(1 if turn == 1 else 0, height, 2 if turn < 2 else 1):
            for column in range(1 if turn == 2 else 0, width, 2):
                dx, dy, dz = _ray(camera, row, column)
                unit = units[row, column]
                dx, dy, dz = dx * unit, dy * unit, dz * unit
                r0, r1 = (row - 1, row + 1) if turn == 1 else (row, row)
                c0, c1 = (column - 1, column + 1) if turn == 2 else (column, column)
                begin = 0.0
                if turn > 0 and r1 < height and c1 < width:
                    calm0 = hits[r0, c0, WATER_OUT] < 0.0 if under else hits[r0, c0, WATER_IN] < 0.0
                    calm1 = hits[r1, c1, WATER_OUT] < 0.0 if under else hits[r1, c1, WATER_IN] < 0.0
                    if calm0 and calm1:
                        t, cell = _same_surface(grid[0], hits, places, r0, c0, r1, c1, ox, oy, oz, dx, dy, dz, near)
                        if cell >= 0:
                            hits[row, column, DISTANCE], hits[row, column, WATER_OUT] = t, -1.0
                            hits[row, column, WATER_IN] = 0.0 if under else -1.0
                            places[row, column, CELL], places[row, column, FACE] = cell, places[r0, c0, FACE]
                            places[row, column, PLANE] = places[r0, c0, PLANE]
                            continue
                    if not under:
                        t = _deep_water(grid[0], camera, units, hits, places, r0, c0, r1, c1, ox, oy, oz, dx, dy, dz, near)
                        if t > 0.0:
                            hits[row, column, DISTANCE], hits[row, column, WATER_IN] = -1.0, t
                            hits[row, column, WATER_OUT] = -1.0
                            places[row, column, CELL], places[row, column, FACE] = -1, -1
                            places[row, column, PLANE], places[row, column, WATER_AXIS] = 0, 2
                            continue
                        begin = min(near, min(_free_way(hits, r0, c0), _free_way(hits, r1, c1))) - 1.0
                        if begin < 2.0 or _block_in(grid[0], ox + dx * begin, oy + dy * begin, oz + dz * begin) != AIR:
                            begin = 0.0
                reach = min(whole, max(begin, (scene[CEILING] - oz) / dz)) if dz > 0.0 else whole
                t, cell, face, plane, water_in, water_out, water_axis = cast(grid, ox, oy, oz, dx, dy, dz, begin, reach,
                                                                             start)  # fmt: skip
                hits[row, column, DISTANCE], hits[row, column, WATER_IN] = t, water_in
                hits[row, column, WATER_OUT] = water_out
                places[row, column, CELL], places[row, column, FACE] = cell, face
                places[row, column, PLANE], places[row, column, WATER_AXIS] = plane, water_axis


@compiled
def shade(grid, looks, scene, clouds, camera, units, grazing, target, crack, hits, places, colours, seen):
    """Fill the colour of each pixel and the block it shows from what its ray meets."""
    ox, oy, oz = camera[EYE_X], camera[EYE_Y], camera[EYE_Z]
    reach = VIEW if scene[UNDER] == 0.0 else VIEW_UNDER_WATER
    for row in range(colours.shape[0]):
        for column in range(colours.shape[1]):
            dx, dy, dz = _ray(camera, row, column)
            unit = units[row, column]
            dx, dy, dz = dx * unit, dy * unit, dz * unit
            t, water_in = hits[row, column, DISTANCE], hits[row, column, WATER_IN]
            cell, face = places[row, column, CELL], places[row, column, FACE]
            block, fog_at = AIR, 0.0
            if cell >= 0:
                cosine = abs(dx) if face < 2 else (abs(dy) if face < 4 else abs(dz))
                r, g, b = surface(grid, looks, scene, grazing, target, crack, ox + dx * t, oy + dy * t, oz + dz * t, cell, face,
                                  cosine, t)  # fmt: skip
                block = int(grid[0][cell >> 21, (cell >> 9) & 4095, cell & 511])
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
                veil = _smooth(FOG_START * VIEW, VIEW, fog_at)
                fr, fg, fb = sky_base(scene, dx, dy, dz)
                r, g, b = r + (fr - r) * veil, g + (fg - g) * veil, b + (fb - b) * veil
            colours[row, column, 0], colours[row, column, 1], colours[row, column, 2] = r, g, b
            seen[row, column] = block


@inlined
def _leaves_face(o, d, e, plane, axis, low):
    """Return the share of the way from direction `d` to `e` at which a ray leaves a unit face, along one axis of it."""
    first = 2.0
    for border in range(2):
        slope = (low + border - o[axis[1]]) / (plane - o[axis[0]])
        below = (e[axis[1]] - d[axis[1]]) - slope * (e[axis[0]] - d[axis[0]])
        share = (slope * d[axis[0]] - d[axis[1]]) / (below if below != 0.0 else 1e-30)
        if 0.0 <= share < first:
            first = share
    return first


@compiled
def smooth_edges(camera, units, hits, places, colours, shares, sides):
    """Find how far each pixel's neighbour reaches into it: `shares` (H, W) 0…0.5 and `sides` (H, W), 0 right … 3 up.

    Where two neighbours differ, the nearer one's face ends between them at a place known exactly, and the pixel that it
    divides takes its share of the other colour. (After "geometry buffer anti-aliasing", E. Persson, 2011.)
    """
    height, width = shares.shape
    shares[:, :] = 0.0
    o = (camera[EYE_X], camera[EYE_Y], camera[EYE_Z])
    for row in range(height):
        for column in range(width):
            for side in range(2):
                row1, column1 = row + side, column + 1 - side
                if row1 >= height or column1 >= width:
                    continue
                if places[row, column, FACE] == places[row1, column1, FACE] and places[row, column, CELL] == places[row1, column1, CELL]:
                    continue
                gap = max(abs(colours[row, column, 0] - colours[row1, column1, 0]),
                          max(abs(colours[row, column, 1] - colours[row1, column1, 1]),
                              abs(colours[row, column, 2] - colours[row1, column1, 2])))  # fmt: skip
                if gap < EDGE_CONTRAST:
                    continue
                swap = places[row, column, CELL] < 0 or (
                    places[row1, column1, CELL] >= 0 and hits[row1, column1, DISTANCE] < hits[row, column, DISTANCE])  # fmt: skip
                near_row, near_column = (row1, column1) if swap else (row, column)
                far_row, far_column = (row, column) if swap else (row1, column1)
                d, e = _ray(camera, near_row, near_column), _ray(camera, far_row, far_column)
                face, plane = places[near_row, near_column, FACE], float(places[near_row, near_column, PLANE])
                t = hits[near_row, near_column, DISTANCE] * units[near_row, near_column]
                a, b, c = (0, 1, 2) if face < 2 else ((1, 0, 2) if face < 4 else (2, 0, 1))
                share = min(_leaves_face(o, d, e, plane, (a, b), np.floor(o[b] + t * d[b])),
                            _leaves_face(o, d, e, plane, (a, c), np.floor(o[c] + t * d[c])))  # fmt: skip
                if share < 0.5:
                    share = 0.5 - share
                    if share > shares[near_row, near_column]:
                        shares[near_row, near_column] = share
                        sides[near_row, near_column] = side + (2 if swap else 0)
                elif share < 1.0:
                    share -= 0.5
                    if share > shares[far_row, far_column]:
                        shares[far_row, far_column] = share
                        sides[far_row, far_column] = side + (0 if swap else 2)


@compiled
def blend_edges(colours, shares, sides, out):
    """Write colours into `out` (H, W, 3) float32, those of divided pixels mixed with their neighbour's."""
    height, width = shares.shape
    for row in range(height):
        for column in range(width):
            share, side = shares[row, column], sides[row, column]
            if share > 0.0:
                row1 = row + (1 if side == 1 else (-1 if side == 3 else 0))
                column1 = column + (1 if side == 0 else (-1 if side == 2 else 0))
                for channel in range(3):
                    own = colours[row, column, channel]
                    out[row, column, channel] = own + (colours[row1, column1, channel] - own) * share
            else:
                for channel in range(3):
                    out[row, column, channel] = colours[row, column, channel]


@compiled
def draw(grid, looks, clouds, body, marks, hotbar, scratch, seen, hud, out):
    """Draw the world as the player sees it into `out` (H, W, 3) u8, and the block of each pixel into `seen` (H, W) u8."""
    scene, camera, units, grazing, hits, places, colours, smooth, shares, sides, hand, held = scratch
    height, width = seen.shape
    blocks = grid[0]
    set_camera(camera, body, marks, height, width)
    start = AIR
    if 0.0 <= camera[EYE_Z] < blocks.shape[2]:
        start = int(blocks[int(body[s.X]) % blocks.shape[0], int(body[s.Y]) % blocks.shape[1], int(camera[EYE_Z])])
    set_scene(scene, marks, camera[PIXEL_SIZE], start == WATER)
    scene[CEILING] = ceiling(grid[4], body[s.X], body[s.Y])
    crack, target = -1, -2
    if marks[s.TARGET]:
        target = (((marks[s.TARGET_X] << 12) | marks[s.TARGET_Y]) << 9) | marks[s.TARGET_Z]
    if marks[s.MINE_TICKS] > 0:
        crack = min(CRACK_STAGES - 1, (marks[s.MINE_TICKS] * CRACK_STAGES) // max(1, marks[s.MINE_NEED]))
    find_surfaces(grid, scene, camera, units, start, hits, places)
    shade(grid, looks, scene, clouds, camera, units, grazing, target, crack, hits, places, colours, seen)
    smooth_edges(camera, units, hits, places, colours, shares, sides)
    blend_edges(colours, shares, sides, smooth)
    if hud:
        show_hand(smooth, hand, held, looks, scene, grid[1], marks, hotbar, body)
        crosshair(smooth)
    finish(smooth, marks, out)


@compiled
def draw_hand(hand, looks, block, swing_ticks):
    """Draw a block as held in the hand into `hand` (H, W, 4): red, green, blue in full light, and cover 0…1."""
    texels, faces, glow, _ = looks
    height, width = hand.shape[0], hand.shape[1]
    hand[:, :, :] = 0.0
    focal = 0.5 * height / np.tan(np.radians(0.5 * FIELD_OF_VIEW))
    swing = np.sin(np.pi * swing_ticks / 6.0)
    half = 0.15
    cx, cy = min(0.95, 0.64 * width / height) - 0.22 * swing, -0.58 - 0.04 * swing
    cz = 1.25 + 0.15 * swing
    turn, tilt = np.radians(45.0 + 25.0 * swing), np.radians(-24.0)
    ct, st, ci, si = np.cos(turn), np.sin(turn), np.cos(tilt), np.sin(tilt)
    # The eye, seen from the cube: tilted about x, then turned about y.
    tilted = -cz * ci - cy * si
    o = (-cx * ct - tilted * st, -cy * ci + cz * si, -cx * st + tilted * ct)
    reach = 1.75 * half / (cz - half) * focal
    middle_row, middle_column = 0.5 * height - (cy / cz) * focal, 0.5 * width + (cx / cz) * focal
    for row in range(max(0, int(middle_row - reach)), height):
        for column in range(max(0, int(middle_column - reach)), width):
            if (row + 0.5 - middle_row) ** 2 + (column + 0.5 - middle_column) ** 2 > reach * reach:
                continue
            for corner in range(4):
                right = (-0.125, 0.375, 0.125, -0.375)[corner]
                down = (-0.375, -0.125, 0.375, 0.125)[corner]
                dx = (column + 0.5 + right - 0.5 * width) / focal
                dy = (0.5 * height - row - 0.5 - down) / focal
                forward = ci + dy * si
                d = (dx * ct - forward * st, dy * ci - si, dx * st + forward * ct)
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
                r, g, b = texel(texels, faces[block, face], _clamp(u), _clamp(v), 0.8 * cz / (focal * half))
                shade = (0.68, 0.68, 0.84, 0.84, 1.0)[face] * (1.0 - glow[block]) + glow[block]
                hand[row, column, 0] += 0.25 * r * shade
                hand[row, column, 1] += 0.25 * g * shade
                hand[row, column, 2] += 0.25 * b * shade
                hand[row, column, 3] += 0.25


@compiled
def show_hand(colours, hand, held, looks, scene, light, marks, hotbar, body):
    """Lay the held block, or the bare hand, over the lower right corner; `held` (2,) says what `hand` holds drawn."""
    height, width = colours.shape[0], colours.shape[1]
    slot, swing = marks[s.SLOT], marks[s.SWING]
    block = hotbar[slot, 0] if hotbar[slot, 1] > 0 else BARE_HAND
    if held[0] != block or held[1] != swing:
        draw_hand(hand, looks, block, swing)
        held[0], held[1] = block, swing
    nx, ny, nz = light.shape
    eye = min(nz - 1, max(0, int(body[s.Z] + 1.62)))
    lamp = looks[2][block]
    shine = (0.16 + 0.84 * light[int(body[s.X]) % nx, int(body[s.Y]) % ny, eye] / 255.0) * (1.0 - lamp)
    for row in range(height // 2, height):
        for column in range(width // 2, width):
            rest = 1.0 - hand[row, column, 3]
            if rest < 1.0:
                for channel in range(3):
                    lit = hand[row, column, channel] * (scene[FACE_LIGHT + 12 + channel] * shine + lamp)
                    colours[row, column, channel] = colours[row, column, channel] * rest + lit


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
