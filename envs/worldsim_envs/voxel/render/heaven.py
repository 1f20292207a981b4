"""The sky of a piece of a row of pixels: gradient and sunset, stars, sun and moon, clouds.

What every pixel needs is done in loops without branches over the whole piece, which become vector code: that is five
times as fast as pixel by pixel. Reading tables by place, for stars and clouds, stands in a loop of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.render.camera import EYE_X, EYE_Y, EYE_Z, PIXEL_SIZE
from worldsim_envs.voxel.render.sky import (
    CLOUD_COLOUR,
    DAYLIGHT,
    DRIFT,
    GLOW,
    HORIZON,
    OVERCAST,
    SUN_X,
    SUN_Z,
    SUNSET,
    ZENITH,
    clamp,
    smooth,
)

CLOUD_HEIGHT = 96.0
CLOUD_CELL = 8.0
STAR_GRID = 128
PIECE = 64  # pixels


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


@inner
def _fill_gradient(scene, dx, dy, dz, out):
    """Fill a piece with the smooth colour of the sky, as `sky_base` has it."""
    r0, g0, b0 = scene[HORIZON], scene[HORIZON + 1], scene[HORIZON + 2]
    r1, g1, b1 = scene[ZENITH] - r0, scene[ZENITH + 1] - g0, scene[ZENITH + 2] - b0
    r2, g2, b2 = scene[SUNSET], scene[SUNSET + 1], scene[SUNSET + 2]
    glow, side = (0.85 * scene[GLOW] if scene[GLOW] > 0.003 else 0.0), (0.5 if scene[SUN_X] > 0 else -0.5)
    for place in range(dx.shape[0]):
        east, north, up = dx[place], dy[place], dz[place]
        rise = clamp(up * 2.2)
        rise = rise * (2.0 - rise)
        r, g, b = r0 + r1 * rise, g0 + g1 * rise, b0 + b1 * rise
        towards = max(0.0, 0.5 + side * east / np.sqrt(east * east + north * north + 1e-12))
        warm = glow * towards * towards * clamp(1.0 - abs(up) * 2.6)
        at = 3 * place
        out[at], out[at + 1], out[at + 2] = r + (r2 - r) * warm, g + (g2 - g) * warm, b + (b2 - b) * warm


@inner
def _fetch(table, cells, work, spots):
    """Read the four fields about each open pixel from a table (I, J) whose sides are powers of two, going round it.

    `spots` says where, i << 16 | j of the first field; the fields go to the first four lines of `work`.
    """
    mask_i, mask_j = np.uint64(table.shape[0] - 1), np.uint64(table.shape[1] - 1)
    for place in range(cells.shape[0]):
        if cells[place] < 0:
            i, j = np.uint64(spots[place] >> 16), np.uint64(spots[place] & 0xFFFF)
            i1, j1 = (i + np.uint64(1)) & mask_i, (j + np.uint64(1)) & mask_j
            work[place], work[PIECE + place] = table[i, j], table[i, j1]
            work[2 * PIECE + place], work[3 * PIECE + place] = table[i1, j], table[i1, j1]


@inner
def _add_stars(scene, stars, dx, dy, dz, cells, work, spots, out):
    """Add the stars to a piece."""
    bright = clamp(1.0 - 2.6 * scene[DAYLIGHT]) * (1.0 - scene[OVERCAST])
    for place in range(cells.shape[0]):
        east, north, up = dx[place], dy[place], dz[place]
        norm = 1.0 / (abs(east) + abs(north) + abs(up))
        u = ((east + north) * norm * 0.5 + 0.5) * (STAR_GRID - 2)
        v = ((east - north) * norm * 0.5 + 0.5) * (STAR_GRID - 2)
        i, j = int(u), int(v)
        spots[place] = (i << 16) | j
        work[4 * PIECE + place], work[5 * PIECE + place] = u - i, v - j
    _fetch(stars, cells, work, spots)
    for place in range(cells.shape[0]):
        fu, fv = work[4 * PIECE + place], work[5 * PIECE + place]
        near = work[place] + (work[PIECE + place] - work[place]) * fv
        far = work[2 * PIECE + place] + (work[3 * PIECE + place] - work[2 * PIECE + place]) * fv
        light = (near + (far - near) * fu) * bright * clamp(dz[place] * 4.0)
        at = 3 * place
        out[at] += light * 0.85
        out[at + 1] += light * 0.87
        out[at + 2] += light * 0.9


@inner
def _lay_sun(scene, camera, dx, dy, dz, out):
    """Lay sun, moon and the sun's halo over a piece; both are squares."""
    clear, day, sun_x, sun_z = 1.0 - scene[OVERCAST], scene[DAYLIGHT], scene[SUN_X], scene[SUN_Z]
    shine, moonlight, sharp = 0.45 * (0.3 + 0.7 * day) * clear, (1.0 - 0.7 * day) * clear, 1.0 / camera[PIXEL_SIZE]
    for place in range(dx.shape[0]):
        east, north, up = dx[place], dy[place], dz[place]
        along = east * sun_x + up * sun_z
        beside = max(abs(north), abs(east * sun_z - up * sun_x)) / max(0.1, abs(along))
        power = along * along
        power *= power
        power *= power
        halo = shine * power * power if along > 0.3 else 0.0
        sun = clamp((0.095 - beside) * sharp + 0.5) * clear if along > 0.9 else 0.0
        moon = clamp((0.075 - beside) * sharp + 0.5) * moonlight if along < -0.9 else 0.0
        at = 3 * place
        r, g, b = float(out[at]), float(out[at + 1]), float(out[at + 2])
        r, g, b = r + (1.0 - r) * halo, g + (0.93 - g) * halo, b + (0.70 - b) * halo
        r, g, b = r + (1.0 - r) * sun, g + (0.97 - g) * sun, b + (0.78 - b) * sun
        out[at], out[at + 1], out[at + 2] = r + (0.86 - r) * moon, g + (0.89 - g) * moon, b + (0.96 - b) * moon


@inner
def _lay_clouds(scene, clouds, camera, dx, dy, dz, cells, work, spots, out):
    """Lay the clouds over a piece that rises; edges are as wide as a pixel, far clouds fade out."""
    ox, oy, rise, clear = camera[EYE_X], camera[EYE_Y], CLOUD_HEIGHT - camera[EYE_Z], 1.0 - scene[OVERCAST]
    drift, spread = scene[DRIFT] / CLOUD_CELL, camera[PIXEL_SIZE] / CLOUD_CELL
    r0, g0, b0 = scene[CLOUD_COLOUR], scene[CLOUD_COLOUR + 1], scene[CLOUD_COLOUR + 2]
    mask_x, mask_y = clouds.shape[0] - 1, clouds.shape[1] - 1
    for place in range(cells.shape[0]):
        steep = 1.0 / max(dz[place], 0.001)
        distance = rise * steep
        u, v = (ox + dx[place] * distance) / CLOUD_CELL - 0.5 + drift, (oy + dy[place] * distance) / CLOUD_CELL - 0.5
        i, j = int(np.floor(u)), int(np.floor(v))
        spots[place] = ((i & mask_x) << 16) | (j & mask_y)
        sharp = 1.0 / min(1.0, max(0.12, distance * spread * steep))
        work[4 * PIECE + place], work[5 * PIECE + place] = (
            clamp((u - i - 0.5) * sharp + 0.5), clamp((v - j - 0.5) * sharp + 0.5),
        )  # fmt: skip
        seen = 0.72 * (1.0 - smooth(150.0, 420.0, distance)) * clear
        work[6 * PIECE + place] = seen if dz[place] > 0.03 else 0.0
    _fetch(clouds, cells, work, spots)
    for place in range(cells.shape[0]):
        fu, fv = work[4 * PIECE + place], work[5 * PIECE + place]
        low = work[place] + (work[2 * PIECE + place] - work[place]) * fu
        high = work[PIECE + place] + (work[3 * PIECE + place] - work[PIECE + place]) * fu
        cover = (low + (high - low) * fv) * work[6 * PIECE + place]
        at = 3 * place
        out[at] += (r0 - out[at]) * cover
        out[at + 1] += (g0 - out[at + 1]) * cover
        out[at + 2] += (b0 - out[at + 2]) * cover


@inner
def fill_sky(scene, stars, clouds, camera, dx, dy, dz, cells, work, spots, out):
    """Fill the open pixels of a piece of a row with the sky; the others get some of it, too.

    Args:
        dx, dy, dz: rays of length 1, (n,) of at most PIECE pixels.
        cells: (n,), negative where a pixel is open.
        work, spots: room for lines of PIECE numbers, seven f64 and one i64.
        out: (3 * n,) float32.
    """
    _fill_gradient(scene, dx, dy, dz, out)
    if dz[0] <= 0.0 or scene[OVERCAST] >= 0.98:
        return
    if scene[DAYLIGHT] < 0.38:
        _add_stars(scene, stars, dx, dy, dz, cells, work, spots, out)
    _lay_sun(scene, camera, dx, dy, dz, out)
    if camera[EYE_Z] < CLOUD_HEIGHT:
        _lay_clouds(scene, clouds, camera, dx, dy, dz, cells, work, spots, out)
