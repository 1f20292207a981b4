"""The weather: clear sky, rain, snow and thunder by their own clock; snow settles near the player, and melts.

What reigns is a mark; how strongly it is seen rises and falls over RAMP ticks. Where it is cold rain falls as snow.
"""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import AIR, BLOCK_IDS
from worldsim_envs.voxel.chance import chance, pick
from worldsim_envs.voxel.compiled import compiled, inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.switches import SWITCH
from worldsim_envs.voxel.systems.change import change
from worldsim_envs.voxel.tables import LEAF, OPAQUE

SKIES = ("clear", "rain", "snow", "thunder")
CLEAR, RAINY, SNOWY, THUNDERY = range(len(SKIES))
CLEAR_TICKS, WET_TICKS, RAMP = (2400, 9600), (1200, 3600), 60
SETTLES, REACH = 3, 24  # columns tried a tick, and how far from the player
_DESERT, _SNOWFIELD = 2, 3  # of terrain.BIOMES
_LAYER, _ICE = BLOCK_IDS["snow_layer"], BLOCK_IDS["ice"]
_RAIN_BEGAN, _RAIN_ENDED, _SNOW_BEGAN, _SNOW_ENDED, _THUNDER_BEGAN, _THUNDER_ENDED, _SETTLED, _MELTED = (
    EVENT[name] for name in ("rain_began", "rain_ended", "snow_began", "snow_ended", "thunder_began", "thunder_ended",
                             "snow_settled", "snow_melted")
)  # fmt: skip
_ON, _SNOW_ON = SWITCH["weather"], SWITCH["snow"]


@compiled
def set_sky(w, sky, events):
    """Let another weather reign, and say what ended and began."""
    old = w.marks[s.SKY]
    if old == sky:
        return
    if old == RAINY:
        events[_RAIN_ENDED] += 1.0
    elif old == SNOWY:
        events[_SNOW_ENDED] += 1.0
    elif old == THUNDERY:
        events[_THUNDER_ENDED] += 1.0
    if sky == RAINY:
        events[_RAIN_BEGAN] += 1.0
    elif sky == SNOWY:
        events[_SNOW_BEGAN] += 1.0
    elif sky == THUNDERY:
        events[_THUNDER_BEGAN] += 1.0
    w.marks[s.SKY] = sky


@compiled
def sky_ticks(w, sky, now):
    """Return how long a weather that begins now will reign."""
    low, high = CLEAR_TICKS if sky == CLEAR else WET_TICKS
    return low + int(chance(w.random[1], now, 31) * (high - low))


@inner
def pass_weather(w, events):
    """Let the weather's clock go on, and bring rain, snow and thunder nearer to what reigns."""
    now, biome = w.marks[s.TICK], w.marks[s.BIOME]
    if w.switches[_ON]:
        w.marks[s.SKY_TICKS] -= 1
        if w.marks[s.SKY_TICKS] <= 0:
            sky = CLEAR
            if w.marks[s.SKY] == CLEAR and biome != _DESERT:
                luck = chance(w.random[1], now, 32)
                sky = SNOWY if biome == _SNOWFIELD else (THUNDERY if luck < 0.25 else RAINY)
            set_sky(w, sky, events)
            w.marks[s.SKY_TICKS] = sky_ticks(w, sky, now)
    sky = w.marks[s.SKY]
    approach(w.weather, s.RAIN, 1.0 if sky == RAINY or sky == THUNDERY else 0.0)
    approach(w.weather, s.SNOWFALL, 1.0 if sky == SNOWY else 0.0)
    approach(w.weather, s.THUNDER, 1.0 if sky == THUNDERY else 0.0)
    phase = now / 20.0 + 6.0 * chance(w.random[1], 0, 33)
    w.weather[s.WIND] = 0.5 + 0.3 * np.sin(phase * 0.13) + 0.2 * np.sin(phase * 0.41)


@inner
def meet_biome(w, biome, events):
    """Turn rain to snow, or snow to rain, for a player who comes into a colder or warmer biome."""
    if not w.switches[_ON]:
        return
    if biome == _SNOWFIELD and (w.marks[s.SKY] == RAINY or w.marks[s.SKY] == THUNDERY):
        set_sky(w, SNOWY, events)
    elif biome != _SNOWFIELD and w.marks[s.SKY] == SNOWY:
        set_sky(w, RAINY, events)


@inner
def approach(weather, field, goal):
    """Move one field of the weather towards a goal by one tick's share."""
    step = 1.0 / RAMP
    weather[field] += min(step, max(-step, goal - weather[field]))


@inner
def settle(w, events):
    """Let snow come to lie on a few columns near the player while it snows, or melt where it is not cold."""
    if not w.switches[_SNOW_ON] or (w.marks[s.SKY] != SNOWY and w.marks[s.TICK] % 4 != 0):
        return
    blocks, roofs = w.grid[0], w.grid[3]
    nx, ny, nz = blocks.shape
    for try_ in range(SETTLES):
        x = (int(w.body[s.X]) + pick(w.random[0], w.marks[s.TICK], 41 + try_, 2 * REACH) - REACH) % nx
        y = (int(w.body[s.Y]) + pick(w.random[0], w.marks[s.TICK], 45 + try_, 2 * REACH) - REACH) % ny
        z = int(roofs[x, y])
        if z == 0 or z >= nz:
            continue
        top = int(blocks[x, y, z - 1])
        if top == _LAYER:
            if w.marks[s.SKY] != SNOWY and w.biomes[x, y] != _SNOWFIELD:
                change(w, x, y, z - 1, AIR)
                events[_MELTED] += 1.0
        elif w.weather[s.SNOWFALL] > 0.5 and blocks[x, y, z] == AIR and top != _ICE and (OPAQUE[top] or LEAF[top]):
            change(w, x, y, z, _LAYER)
            events[_SETTLED] += 1.0
