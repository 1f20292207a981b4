"""One tick of the world at 20 Hz, in one order: look, hands, motion, body, block ticks, ovens, entities, weather, time.

`advance` runs the ticks of one action and sums their events; each step of the order has its own module.
"""

from __future__ import annotations

from worldsim_envs.voxel import controls as c
from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.aim import aim
from worldsim_envs.voxel.blocks import BLOCK_IDS
from worldsim_envs.voxel.compiled import compiled, inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.hands.act import handle
from worldsim_envs.voxel.hands.ovens import smelt
from worldsim_envs.voxel.life.move import move_entities
from worldsim_envs.voxel.motion import accelerate, block_at, look, move
from worldsim_envs.voxel.survival import die, land, survive
from worldsim_envs.voxel.switches import SWITCH
from worldsim_envs.voxel.systems.reactions import react
from worldsim_envs.voxel.systems.weather import meet_biome, pass_weather, settle
from worldsim_envs.voxel.tables import FLUID, SOLID

_ENTERED_WATER, _LEFT_WATER, _DAY, _NIGHT, _IN_CAVE, _OUT_OF_CAVE = (
    EVENT[name] for name in ("entered_water", "left_water", "day_broke", "night_fell", "entered_cave", "left_cave")
)
_ENTERED = tuple(
    EVENT[f"entered_{biome}"]
    for biome in ("plains", "forest", "desert", "snow", "mountains", "beach", "ocean", "savanna", "swamp")
)
_ENTERED_VILLAGE, _PATH = EVENT["entered_village"], BLOCK_IDS["path"]
_DAY_CYCLE = SWITCH["day_cycle"]
CAVE_DEPTH, CAVE_LIGHT = 3, 60
VILLAGE_TICKS = 600  # off its paths until a village counts as left


@inner
def notice(w, was_in_water, events):
    """Note what the tick led to: water, biome, cave, time of day, death below the world."""
    blocks, body, marks = w.grid[0], w.body, w.marks
    feet = block_at(blocks, body[s.X], body[s.Y], body[s.Z] + 0.4)
    marks[s.IN_WATER] = 1 if FLUID[feet] == 1 else 0
    if marks[s.IN_WATER] and not was_in_water:
        events[_ENTERED_WATER] += 1.0
        body[s.FALL] = 0.0
    if was_in_water and not marks[s.IN_WATER]:
        events[_LEFT_WATER] += 1.0
    x, y = int(body[s.X]) % blocks.shape[0], int(body[s.Y]) % blocks.shape[1]
    biome = w.biomes[x, y]
    if biome != marks[s.BIOME]:
        marks[s.BIOME] = biome
        events[_ENTERED[biome]] += 1.0
        meet_biome(w, biome, events)
    z = min(blocks.shape[2] - 1, max(0, int(body[s.Z] + 1.0)))
    cave = 1 if w.grid[2][x, y] > z + CAVE_DEPTH and w.grid[1][x, y, z] < CAVE_LIGHT else 0
    if cave != marks[s.IN_CAVE]:
        marks[s.IN_CAVE] = cave
        events[_IN_CAVE if cave else _OUT_OF_CAVE] += 1.0
    on_path = block_at(blocks, body[s.X], body[s.Y], body[s.Z] - 0.3) == _PATH
    if on_path and marks[s.VILLAGE] == 0:
        events[_ENTERED_VILLAGE] += 1.0
    marks[s.VILLAGE] = VILLAGE_TICKS if on_path else max(0, marks[s.VILLAGE] - 1)
    marks[s.TICK] += 1
    if w.switches[_DAY_CYCLE]:
        marks[s.CLOCK] = (marks[s.CLOCK] + 1) % marks[s.DAY_LENGTH]
        if marks[s.CLOCK] == 0:
            events[_DAY] += 1.0
        if marks[s.CLOCK] == marks[s.DAY_LENGTH] // 2:
            events[_NIGHT] += 1.0
    if body[s.Z] < -8.0:
        marks[s.DEAD] = 1


@inner
def act(w, action, ticks, events):
    """Let the player look, use the hands and move; a sleeper does nothing."""
    if w.marks[s.SLEEPING] > 0:
        return
    was_in_water, sneaks = w.marks[s.IN_WATER], action[c.SNEAK] > 0.5
    look(w.body, action, ticks)
    w.marks[s.SNEAKING] = 1 if sneaks else 0
    handle(w, action, events)
    accelerate(w.body, w.marks, action, was_in_water, events)
    land(w, move(w.grid[0], SOLID, w.body, w.marks, was_in_water, sneaks, events), events)


@compiled
def advance(w, action, ticks, events):
    """Run `ticks` ticks of one action (25,), add events (E,) of all of them; stops at death."""
    for _ in range(ticks):
        if w.marks[s.DEAD]:
            return
        was_in_water = w.marks[s.IN_WATER]
        act(w, action, ticks, events)
        survive(w, action[c.SPRINT] > 0.5, events)
        react(w, events)
        smelt(w, events)
        move_entities(w, events)
        pass_weather(w, events)
        settle(w, events)
        notice(w, was_in_water, events)
        die(w, events)
        aim(w)
