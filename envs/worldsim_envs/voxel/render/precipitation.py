"""Rain and snow as seen: a few dozen streaks or flakes about the eye, smooth-edged, hidden by roofs and near things.

Each has a place in a box that goes with the eye round a torus of its own, so that it stays put while the eye moves.
"""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.render.camera import EYE_X, EYE_Y, EYE_Z, HALF_HEIGHT, HALF_WIDTH, PIXEL_SIZE
from worldsim_envs.voxel.render.sky import DAYLIGHT, UNDER, clamp
from worldsim_envs.voxel.render.solids import basis, dot

STREAKS, FLAKES = 150, 220
ACROSS, TALL = 14.0, 10.0  # blocks, sides of the box that goes with the eye
RAIN_SPEED, SNOW_SPEED = 0.9, 0.09  # blocks per tick
STREAK, RAIN_WIDTH, FLAKE = 0.8, 0.028, 0.065  # blocks
THINNEST = 0.8  # pixels


@inlined
def _scattered(number, salt):
    """Return a number 0…1 that differs from drop to drop."""
    bits = (number * 2654435761 + salt * 40503) & 0xFFFFFFFF
    bits = ((bits ^ (bits >> 15)) * 2246822519) & 0xFFFFFFFF
    return ((bits ^ (bits >> 13)) & 0xFFFF) / 65536.0


@inlined
def _wrapped(value, size):
    return value - size * np.floor(value / size + 0.5)


@inner
def _stroke(colours, depth, x0, y0, x1, y1, width, distance, r, g, b, alpha):
    """Lay a line of some width over the picture, each pixel by its share of it."""
    height, wide = depth.shape
    steps = max(1, int(np.ceil(max(abs(x1 - x0), abs(y1 - y0)))))
    for step in range(steps):
        x, y = x0 + (x1 - x0) * (step + 0.5) / steps, y0 + (y1 - y0) * (step + 0.5) / steps
        tall = max(width, abs(y1 - y0) / steps)
        broad = max(width, abs(x1 - x0) / steps)
        for row in range(int(np.floor(y - 0.5 * tall)), int(np.floor(y + 0.5 * tall)) + 1):
            share_y = min(row + 1.0, y + 0.5 * tall) - max(float(row), y - 0.5 * tall)
            for column in range(int(np.floor(x - 0.5 * broad)), int(np.floor(x + 0.5 * broad)) + 1):
                if 0 <= row < height and 0 <= column < wide and distance < depth[row, column]:
                    share_x = min(column + 1.0, x + 0.5 * broad) - max(float(column), x - 0.5 * broad)
                    cover = alpha * max(0.0, share_x) * max(0.0, share_y)
                    colours[row, column, 0] += (r - colours[row, column, 0]) * cover
                    colours[row, column, 1] += (g - colours[row, column, 1]) * cover
                    colours[row, column, 2] += (b - colours[row, column, 2]) * cover


@inner
def draw_weather(frame, tops, camera, scene, weather, tick):
    """Draw what falls from the sky."""
    if scene[UNDER] > 0.0:
        return
    colours, depth = frame[0], frame[1]
    forward, right, up = basis(camera)
    ox, oy, oz = camera[EYE_X], camera[EYE_Y], camera[EYE_Z]
    nx, ny = tops.shape
    bright = 0.42 + 0.58 * scene[DAYLIGHT]
    for kind in range(2):
        snow = kind == 1
        strength = clamp(weather[s.SNOWFALL] if snow else weather[s.RAIN])
        for number in range(int(strength * (FLAKES if snow else STREAKS))):
            fall = tick * (SNOW_SPEED * (0.7 + 0.6 * _scattered(number, 4)) if snow else RAIN_SPEED)
            x, y = _scattered(number, 1) * ACROSS, _scattered(number, 2) * ACROSS
            if snow:
                x, y = x + 0.5 * np.sin(0.06 * tick + number), y + 0.5 * np.cos(0.05 * tick + 2.0 * number)
            q = (_wrapped(x - ox, ACROSS), _wrapped(y - oy, ACROSS),
                 _wrapped(_scattered(number, 3) * TALL - fall - oz, TALL) + 1.0)  # fmt: skip
            away = dot(q, forward)
            if away < 0.8 or oz + q[2] < tops[int(np.floor(ox + q[0])) % nx, int(np.floor(oy + q[1])) % ny]:
                continue
            scale = 1.0 / (away * camera[PIXEL_SIZE])
            x0, y0 = camera[HALF_WIDTH] + dot(q, right) * scale, camera[HALF_HEIGHT] - dot(q, up) * scale
            end = (q[0], q[1], q[2] + (0.0 if snow else STREAK))
            away1 = max(0.5, dot(end, forward))
            scale1 = 1.0 / (away1 * camera[PIXEL_SIZE])
            x1, y1 = camera[HALF_WIDTH] + dot(end, right) * scale1, camera[HALF_HEIGHT] - dot(end, up) * scale1
            if max(abs(x0 - camera[HALF_WIDTH]), abs(x1 - camera[HALF_WIDTH])) > 2.0 * camera[HALF_WIDTH]:
                continue
            if max(abs(y0 - camera[HALF_HEIGHT]), abs(y1 - camera[HALF_HEIGHT])) > 3.0 * camera[HALF_HEIGHT]:
                continue
            width = (FLAKE if snow else RAIN_WIDTH) * scale
            distance = np.sqrt(dot(q, q))
            if snow:
                alpha = 0.9 * min(1.0, (width / THINNEST) ** 2 + 0.15)
                _stroke(colours, depth, x0, y0, x0, y0, max(width, THINNEST), distance, 0.97 * bright, 0.98 * bright,
                        bright, alpha)  # fmt: skip
            else:
                alpha = 0.6 * min(1.0, width / THINNEST + 0.15)
                _stroke(colours, depth, x0, y0, x1, y1, max(width, THINNEST), distance, 0.66 * bright, 0.75 * bright,
                        0.92 * bright, alpha)  # fmt: skip
