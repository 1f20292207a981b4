"""The sky of a row of pixels: gradient and sunset, stars, sun and moon, clouds.

What every pixel needs is done in loops without branches over the whole row, which become vector code: that is five
times as fast as pixel by pixel. What reads tables by place, stars and clouds, is done for open pixels alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.render.camera import COS_YAW, EYE_X, EYE_Y, EYE_Z, HALF_WIDTH, PIXEL_SIZE, SIN_YAW, row_ray
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


@inlined
def _direction(camera, units, aims, column):
    """Return the direction of length 1 of a pixel of a row."""
    across, unit = (column + 0.5 - camera[HALF_WIDTH]) * camera[PIXEL_SIZE], units[column]
    return (
        (aims[0] + camera[COS_YAW] * across) * unit, (aims[1] - camera[SIN_YAW] * across) * unit, aims[2] * unit,
    )  # fmt: skip


@inner
def _fill_gradient(scene, camera, units, row, out):
    """Fill a row with the smooth colour of the sky, as `sky_base` has it."""
    aims = row_ray(camera, row)
    r0, g0, b0 = scene[HORIZON], scene[HORIZON + 1], scene[HORIZON + 2]
    r1, g1, b1 = scene[ZENITH] - r0, scene[ZENITH + 1] - g0, scene[ZENITH + 2] - b0
    r2, g2, b2 = scene[SUNSET], scene[SUNSET + 1], scene[SUNSET + 2]
    glow, side = (0.85 * scene[GLOW] if scene[GLOW] > 0.003 else 0.0), (0.5 if scene[SUN_X] > 0 else -0.5)
    for column in range(units.shape[0]):
        dx, dy, dz = _direction(camera, units, aims, column)
        rise = clamp(dz * 2.2)
        rise = rise * (2.0 - rise)
        r, g, b = r0 + r1 * rise, g0 + g1 * rise, b0 + b1 * rise
        towards = max(0.0, 0.5 + side * dx / np.sqrt(dx * dx + dy * dy + 1e-12))
        warm = glow * towards * towards * clamp(1.0 - abs(dz) * 2.6)
        at = 3 * column
        out[at], out[at + 1], out[at + 2] = r + (r2 - r) * warm, g + (g2 - g) * warm, b + (b2 - b) * warm


@inner
def _add_stars(scene, stars, camera, units, cells, row, out):
    """Add the stars to the open pixels of a row."""
    aims = row_ray(camera, row)
    bright = clamp(1.0 - 2.6 * scene[DAYLIGHT]) * (1.0 - scene[OVERCAST])
    for column in range(units.shape[0]):
        if cells[column] >= 0:
            continue
        dx, dy, dz = _direction(camera, units, aims, column)
        norm = 1.0 / (abs(dx) + abs(dy) + abs(dz))
        u = ((dx + dy) * norm * 0.5 + 0.5) * (STAR_GRID - 2)
        v = ((dx - dy) * norm * 0.5 + 0.5) * (STAR_GRID - 2)
        i, j = int(u), int(v)
        fu, fv = u - i, v - j
        near = stars[i, j] + (stars[i, j + 1] - stars[i, j]) * fv
        far = stars[i + 1, j] + (stars[i + 1, j + 1] - stars[i + 1, j]) * fv
        light = (near + (far - near) * fu) * bright * clamp(dz * 4.0)
        at = 3 * column
        out[at] += light * 0.85
        out[at + 1] += light * 0.87
        out[at + 2] += light * 0.9


@inner
def _lay_sun(scene, camera, units, row, out):
    """Lay sun, moon and the sun's halo over a row; both are squares."""
    aims = row_ray(camera, row)
    clear, day, sun_x, sun_z = 1.0 - scene[OVERCAST], scene[DAYLIGHT], scene[SUN_X], scene[SUN_Z]
    shine, moonlight, sharp = 0.45 * (0.3 + 0.7 * day) * clear, (1.0 - 0.7 * day) * clear, 1.0 / camera[PIXEL_SIZE]
    for column in range(units.shape[0]):
        dx, dy, dz = _direction(camera, units, aims, column)
        along = dx * sun_x + dz * sun_z
        beside = max(abs(dy), abs(dx * sun_z - dz * sun_x)) / max(0.1, abs(along))
        power = along * along
        power *= power
        power *= power
        halo = shine * power * power if along > 0.3 else 0.0
        sun = clamp((0.095 - beside) * sharp + 0.5) * clear if along > 0.9 else 0.0
        moon = clamp((0.075 - beside) * sharp + 0.5) * moonlight if along < -0.9 else 0.0
        at = 3 * column
        r, g, b = float(out[at]), float(out[at + 1]), float(out[at + 2])
        r, g, b = r + (1.0 - r) * halo, g + (0.93 - g) * halo, b + (0.70 - b) * halo
        r, g, b = r + (1.0 - r) * sun, g + (0.97 - g) * sun, b + (0.78 - b) * sun
        out[at], out[at + 1], out[at + 2] = r + (0.86 - r) * moon, g + (0.89 - g) * moon, b + (0.96 - b) * moon


@inner
def _lay_clouds(scene, clouds, camera, units, cells, row, out):
    """Lay the clouds over the open pixels of a row; edges are as wide as a pixel, far clouds fade out."""
    aims = row_ray(camera, row)
    ox, oy, rise, clear = camera[EYE_X], camera[EYE_Y], CLOUD_HEIGHT - camera[EYE_Z], 1.0 - scene[OVERCAST]
    drift, spread = scene[DRIFT] / CLOUD_CELL, camera[PIXEL_SIZE] / CLOUD_CELL
    r0, g0, b0 = scene[CLOUD_COLOUR], scene[CLOUD_COLOUR + 1], scene[CLOUD_COLOUR + 2]
    mask_x, mask_y = clouds.shape[0] - 1, clouds.shape[1] - 1  # as many cells as a power of two
    for column in range(units.shape[0]):
        if cells[column] >= 0:
            continue
        dx, dy, dz = _direction(camera, units, aims, column)
        if dz <= 0.03:
            continue
        steep = 1.0 / dz
        distance = rise * steep
        if distance > 420.0:
            continue
        u, v = (ox + dx * distance) / CLOUD_CELL - 0.5 + drift, (oy + dy * distance) / CLOUD_CELL - 0.5
        i, j = int(np.floor(u)), int(np.floor(v))
        i0, j0, i1, j1 = i & mask_x, j & mask_y, (i + 1) & mask_x, (j + 1) & mask_y
        sharp = 1.0 / min(1.0, max(0.12, distance * spread * steep))
        fu, fv = clamp((u - i - 0.5) * sharp + 0.5), clamp((v - j - 0.5) * sharp + 0.5)
        low = clouds[i0, j0] + (clouds[i1, j0] - clouds[i0, j0]) * fu
        high = clouds[i0, j1] + (clouds[i1, j1] - clouds[i0, j1]) * fu
        cover = (low + (high - low) * fv) * 0.72 * (1.0 - smooth(150.0, 420.0, distance)) * clear
        at = 3 * column
        out[at] += (r0 - out[at]) * cover
        out[at + 1] += (g0 - out[at + 1]) * cover
        out[at + 2] += (b0 - out[at + 2]) * cover


@inner
def fill_sky(scene, stars, clouds, camera, units, cells, row, out):
    """Fill the open pixels of a row with the sky; the others get some of it, too.

    `units` (W,) makes rays of length 1, `cells` (W,) is negative where a pixel is open, `out` is (3 * W,) float32.
    """
    _fill_gradient(scene, camera, units, row, out)
    if row_ray(camera, row)[2] <= 0.0 or scene[OVERCAST] >= 0.98:
        return
    if scene[DAYLIGHT] < 0.38:
        _add_stars(scene, stars, camera, units, cells, row, out)
    _lay_sun(scene, camera, units, row, out)
    if camera[EYE_Z] < CLOUD_HEIGHT:
        _lay_clouds(scene, clouds, camera, units, cells, row, out)
