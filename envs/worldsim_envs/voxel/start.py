"""The first state of an episode: a world as it was generated, the player in it, and what the player carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import blocks as table
from worldsim_envs.voxel import state, terrain
from worldsim_envs.voxel.aim import aim
from worldsim_envs.voxel.chance import chance
from worldsim_envs.voxel.events import EVENT_NAMES
from worldsim_envs.voxel.items import STACK, item_id
from worldsim_envs.voxel.life.herds import meet_herds
from worldsim_envs.voxel.motion import AT_REST
from worldsim_envs.voxel.state import VoxelState
from worldsim_envs.voxel.switches import SWITCH, switched
from worldsim_envs.voxel.systems.change import schedule_all_growth
from worldsim_envs.voxel.systems.weather import CLEAR, RAINY, SNOWY, THUNDERY, sky_ticks

WET_STARTS, THUNDER_STARTS = 0.25, 0.06  # shares of episodes that begin in rain or snow, and of those in a storm
START_INVENTORY: dict[str, int] = dict.fromkeys(table.START_HOTBAR, table.HOTBAR_COUNT)


def ticks_of(share: float, day_length: int) -> int:
    """Return the tick of the day at a share 0…1 of it."""
    return int(share * day_length) % day_length


def filled(items: Mapping[str, int]) -> NDArray[np.int64]:
    """Return an inventory (INVENTORY, 3) that holds `items`, by name and count, from the first slot on."""
    inventory = np.zeros((state.INVENTORY, 3), np.int64)
    if len(items) > state.INVENTORY:
        raise ValueError(f"items must be at most {state.INVENTORY} kinds, got {len(items)}")
    for slot, (name, count) in enumerate(items.items()):
        if not 0 < count <= STACK[item_id(name)]:
            raise ValueError(f"items[{name!r}] must be in 1…{STACK[item_id(name)]}, got {count}")
        inventory[slot, : state.WORN] = item_id(name), count
    return inventory


def first_state(
    land: terrain.Terrain,
    world_seed: int,
    random: np.random.Generator,
    biome: str,
    time: float,
    day_length: int,
    switches: Mapping[str, bool] | None = None,
    items: Mapping[str, int] = START_INVENTORY,
) -> VoxelState:
    """Return the world at tick 0, its player at a place drawn by `random` in `biome`.

    Args:
        time: share of the day, 0 sunrise.
        switches: systems to turn on or off, beside the defaults of `SWITCHES`.
        items: what the player carries, by name and count.
    """
    x, y, z, yaw = terrain.find_spawn(land, random, biome)
    body, marks = np.zeros(state.BODY_FIELDS), np.zeros(state.MARK_FIELDS, np.int64)
    body[[state.X, state.Y, state.Z, state.VZ, state.YAW]] = x, y, z, AT_REST, yaw
    marks[state.CLOCK], marks[state.DAY_LENGTH] = ticks_of(time, day_length), day_length
    marks[state.GROUND], marks[state.BIOME], marks[state.NEXT_NUMBER] = 1, land.biomes[int(x), int(y)], 1
    marks[[state.HOME_X, state.HOME_Y, state.HOME_Z]] = int(x), int(y), int(z)
    grid: dict[str, Any] = {name: array.copy() for name, array in zip(state.GRID_FIELDS, land.grid, strict=False)}
    vitals = np.zeros(state.VITAL_FIELDS)
    vitals[[state.HEALTH, state.HUNGER, state.SATURATION]] = state.FULL, state.FULL, 5.0
    vitals[state.AIR_LEFT] = state.FULL_AIR
    episode, world = random.integers(2**63, dtype=np.uint64), np.random.SeedSequence(world_seed)
    first = VoxelState(
        **grid, biomes=land.biomes.copy(), clouds=land.clouds.copy(),
        body=body, marks=marks, inventory=filled(items), vitals=vitals,
        entities=np.zeros((state.MAX_ENTITIES, state.ENTITY_FIELDS)),
        kinds=np.zeros((state.MAX_ENTITIES, state.KIND_FIELDS), np.int64),
        canvas=np.zeros((state.CANVASES, state.CANVAS, state.CANVAS), np.uint8),
        canvas_keys=np.full(state.CANVASES, -1, np.int64),
        pending=np.zeros((state.RING, 1 + state.PER_TICK), np.int32),
        ovens=np.full((state.OVENS, state.OVEN_FIELDS), -1, np.int64),
        weather=np.zeros(state.WEATHER_FIELDS),
        switches=switched(switches),
        unlocked=np.zeros(len(EVENT_NAMES), np.uint8),
        random=np.array([episode, world.generate_state(1, np.uint64)[0]], np.uint64),
    )  # fmt: skip
    set_going(first)
    return first


def set_going(world: VoxelState) -> None:
    """Start what goes on from the first tick: the sky's clock, crops, the herds nearby; and aim."""
    tick = world.tick
    _begin_weather(world)
    schedule_all_growth(tick)
    if world.switches[SWITCH["animals"]]:
        meet_herds(tick, np.zeros(len(EVENT_NAMES), np.float32))
    aim(tick)


def _begin_weather(world: VoxelState) -> None:
    """Begin somewhere within a spell of weather, as if the world had been there before the player."""
    tick, biome = world.tick, terrain.BIOMES[int(world.marks[state.BIOME])]
    luck, passed = chance(world.random[0], 0, 34), chance(world.random[0], 0, 35)
    sky = CLEAR
    if world.switches[SWITCH["weather"]] and biome != "desert" and luck < WET_STARTS:
        sky = SNOWY if biome == "snow" else THUNDERY if luck < THUNDER_STARTS else RAINY
    world.marks[state.SKY] = sky
    world.marks[state.SKY_TICKS] = int((1.0 - passed) * sky_ticks(tick, sky, 0)) + 1
    world.weather[[state.RAIN, state.SNOWFALL, state.THUNDER]] = sky in (RAINY, THUNDERY), sky == SNOWY, sky == THUNDERY
