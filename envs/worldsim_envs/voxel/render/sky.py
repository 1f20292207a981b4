"""The colours that time of day and weather give to everything: `set_scene` once a frame.

A scene is a small table of numbers: place of the sun, colours of light by face, of sky, fog, clouds and water.
What stands in the sky is drawn in `heaven`.
"""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.compiled import inlined, inner

CLOUD_SPEED = 0.03  # blocks per tick

# Fields of a scene, float64; names of colours stand for three fields each, FACE_LIGHT for three to each of six faces.
(SUN_X, SUN_Y, SUN_Z, DAYLIGHT, GLOW, PIXEL, UNDER, DRIFT) = range(8)
ZENITH, HORIZON, SUNSET, FACE_LIGHT, WATER_COLOUR, CLOUD_COLOUR, FOG_WATER = 8, 11, 14, 17, 35, 38, 41
FACE_SHADE, OVERCAST, FOG_FROM, FOG_TO = 44, 50, 51, 52  # one to each face; 0…1; blocks, blocks
SCENE_FIELDS = 53
FLASH_GAP = 29  # lightning lights up one of so many fifths of a second of a thunderstorm
CLEAR_FROM, CLEAR_TO = 24.0, 48.0  # where fog begins and ends in clear weather


@inlined
def clamp(value):
    return min(1.0, max(0.0, value))


@inlined
def smooth(low, high, value):
    t = min(1.0, max(0.0, (value - low) / (high - low)))
    return t * t * (3.0 - 2.0 * t)


@inner
def _blend(scene, at, night, day, share):
    for channel in range(3):
        scene[at + channel] = night[channel] + (day[channel] - night[channel]) * share


@inner
def set_scene(scene, marks, weather, pixel, under_water):
    """Fill the colours of light, sky, fog and water for the time of day and the weather."""
    angle = 2.0 * np.pi * (marks[s.CLOCK] / marks[s.DAY_LENGTH])
    height = np.sin(angle)
    scene[SUN_X], scene[SUN_Y], scene[SUN_Z] = np.cos(angle), 0.0, height
    day = smooth(-0.16, 0.26, height)
    cover = clamp(max(weather[s.RAIN], weather[s.SNOWFALL]))
    storm = clamp(weather[s.THUNDER])
    flash = 0.55 * storm if ((marks[s.TICK] // 4 * 2654435761) >> 9) % FLASH_GAP == 7 else 0.0
    glow = np.exp(-(((height - 0.02) / 0.17) ** 2)) * (1.0 - 0.85 * cover)
    scene[DAYLIGHT], scene[GLOW], scene[PIXEL] = day, glow, pixel
    scene[UNDER] = 1.0 if under_water else 0.0
    scene[DRIFT] = marks[s.TICK] * CLOUD_SPEED
    scene[OVERCAST] = cover
    scene[FOG_FROM] = CLEAR_FROM * (1.0 - (0.65 if weather[s.SNOWFALL] > weather[s.RAIN] else 0.5) * cover)
    scene[FOG_TO] = CLEAR_TO * (1.0 - (0.25 if weather[s.SNOWFALL] > weather[s.RAIN] else 0.1) * cover)
    _blend(scene, ZENITH, (0.050, 0.072, 0.165), (0.400, 0.610, 0.960), day)
    _blend(scene, HORIZON, (0.145, 0.185, 0.310), (0.720, 0.840, 0.980), day)
    _blend(scene, CLOUD_COLOUR, (0.190, 0.225, 0.330), (0.980, 0.990, 1.000), day)
    _blend(scene, WATER_COLOUR, (0.075, 0.140, 0.300), (0.140, 0.330, 0.720), day)
    _blend(scene, FOG_WATER, (0.045, 0.095, 0.230), (0.100, 0.250, 0.600), day)
    scene[SUNSET], scene[SUNSET + 1], scene[SUNSET + 2] = 1.00, 0.50, 0.22
    for face in range(6):
        scene[FACE_SHADE + face] = (0.70, 0.70, 0.84, 0.84, 1.00, 0.56)[face]
    dim = 1.0 - 0.22 * cover - 0.18 * storm
    for channel in range(3):
        warm = (1.0, 0.66, 0.42)[channel]
        light = ((0.52, 0.59, 0.76)[channel] * (1.0 - day) + day) * dim
        tint = 1.0 - 0.55 * glow * (1.0 - warm) * smooth(-0.2, 0.0, height)
        cloud = scene[CLOUD_COLOUR + channel]
        scene[CLOUD_COLOUR + channel] = cloud + (0.9 * warm * (0.35 + 0.65 * day) - cloud) * 0.55 * glow
        scene[HORIZON + channel] += (0.80 * warm - scene[HORIZON + channel]) * 0.30 * glow
        gray = (0.19 + 0.41 * day) * (0.94, 0.99, 1.06)[channel] * (1.0 - 0.35 * storm)
        snowy = (0.20 + 0.56 * day) * (0.98, 1.00, 1.03)[channel]
        gray += (snowy - gray) * clamp(weather[s.SNOWFALL] - weather[s.RAIN])
        scene[ZENITH + channel] += (0.86 * gray - scene[ZENITH + channel]) * 0.92 * cover
        scene[HORIZON + channel] += (gray - scene[HORIZON + channel]) * 0.92 * cover
        scene[ZENITH + channel] += (1.0 - scene[ZENITH + channel]) * flash
        scene[HORIZON + channel] += (1.0 - scene[HORIZON + channel]) * flash
        light += (1.0 - light) * flash
        scene[WATER_COLOUR + channel] += (0.6 * gray - scene[WATER_COLOUR + channel]) * 0.35 * cover
        for face in range(6):
            shade = scene[FACE_SHADE + face]
            facing = scene[SUN_X] * ((face == 0) - (face == 1))
            shade += 0.16 * day * max(0.0, facing) * (1.0 - cover)
            scene[FACE_LIGHT + 3 * face + channel] = shade * light * tint


@inlined
def sky_base(scene, dx, dy, dz):
    """Return the smooth colour of the sky, without sun, moon, stars and clouds; also the colour of fog."""
    rise = clamp(dz * 2.2)
    rise = rise * (2.0 - rise)
    r = scene[HORIZON] + (scene[ZENITH] - scene[HORIZON]) * rise
    g = scene[HORIZON + 1] + (scene[ZENITH + 1] - scene[HORIZON + 1]) * rise
    b = scene[HORIZON + 2] + (scene[ZENITH + 2] - scene[HORIZON + 2]) * rise
    if scene[GLOW] > 0.003:
        towards = dx / np.sqrt(dx * dx + dy * dy + 1e-12) * (1.0 if scene[SUN_X] > 0 else -1.0)
        towards = max(0.0, 0.5 + 0.5 * towards)
        warm = scene[GLOW] * towards * towards * clamp(1.0 - abs(dz) * 2.6) * 0.85
        r, g, b = r + (scene[SUNSET] - r) * warm, g + (scene[SUNSET + 1] - g) * warm, b + (scene[SUNSET + 2] - b) * warm
    return r, g, b
