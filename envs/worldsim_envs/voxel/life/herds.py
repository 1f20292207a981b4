"""Where creatures come from: herds that belong to the world's seed, met once each, and monsters that come in the dark.

The world is cut into HERDS × HERDS fields. A field's herd (kind, place, number) follows from the seed and comes into
the world when the player first comes near; `marks[MET]` remembers, so the same animals live wherever the way leads.
"""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import AIR
from worldsim_envs.voxel.chance import chance, mixed
from worldsim_envs.voxel.compiled import compiled, inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.kinds import FIRST_CREATURE, FIRST_MONSTER, KINDS
from worldsim_envs.voxel.life.minds import is_day
from worldsim_envs.voxel.life.spawn import CREATURES, remove, spawn
from worldsim_envs.voxel.motion import apart
from worldsim_envs.voxel.switches import SWITCH
from worldsim_envs.voxel.tables import GROUND, LEAF, SOLID, WASHED

HERDS = 7
NEAR, FAR = 40.0, 56.0  # a herd comes into the world, a monster goes out of it
BLOCKS_PER_HERD = 1200.0
MONSTERS, MONSTER_WAIT, MONSTER_NEAR, MONSTER_FAR = 6, 60, 14.0, 28.0
DARK_GLOW, DARK_LIGHT, CAVE_SEARCH = 8, 40, 12
_ANIMAL_KINDS = FIRST_MONSTER - FIRST_CREATURE
_MONSTER_KINDS = len(KINDS) - FIRST_MONSTER
_BORN, _DIED, _CAME, _LEFT = (EVENT[name] for name in ("animal_born", "animal_died", "monster_came", "monster_left"))
_ANIMALS_ON, _MONSTERS_ON = SWITCH["animals"], SWITCH["monsters"]


@inner
def surface_for(w, x, y, grass):
    """Return the height at which a creature can stand on a column under the sky, -1 if it cannot."""
    blocks, tops, roofs = w.grid[0], w.grid[2], w.grid[3]
    z = int(tops[x, y])
    if z <= 0 or z + 3 >= blocks.shape[2]:
        return -1
    below = int(blocks[x, y, z - 1])
    if LEAF[below] or (grass and not GROUND[below]) or not SOLID[below]:
        return -1
    clear = roofs[x, y] <= z or (roofs[x, y] == z + 1 and WASHED[blocks[x, y, z]] > 0)
    return z if clear else -1


@compiled
def meet_herds(w, events):
    """Bring in the herds of the fields that the player has come near for the first time."""
    nx, ny = w.grid[0].shape[0], w.grid[0].shape[1]
    wide, deep = nx / HERDS, ny / HERDS
    for field in range(HERDS * HERDS):
        if (w.marks[s.MET] >> field) & 1:
            continue
        x, y = (field // HERDS + 0.5) * wide, (field % HERDS + 0.5) * deep
        if max(abs(apart(w.body[s.X], x, nx)), abs(apart(w.body[s.Y], y, ny))) > NEAR:
            continue
        w.marks[s.MET] |= 1 << field
        key = mixed(w.random[1], field, 91)
        if chance(key, 0, 0) < wide * deep / BLOCKS_PER_HERD:
            kind = FIRST_CREATURE + int(chance(key, 1, 0) * _ANIMAL_KINDS)
            place_herd(w, kind, key, x, y, wide, deep, events)


@inner
def place_herd(w, kind, key, x, y, wide, deep, events):
    """Put two to four animals near a place of a field, where there is grass."""
    nx, ny = w.grid[0].shape[0], w.grid[0].shape[1]
    x, y = x + (chance(key, 2, 0) - 0.5) * wide, y + (chance(key, 3, 0) - 0.5) * deep
    wished = 2 + int(chance(key, 4, 0) * 3)
    for animal in range(2 * wished):
        i = int(x + 8.0 * chance(key, 5, animal) - 4.0) % nx
        j = int(y + 8.0 * chance(key, 6, animal) - 4.0) % ny
        z = surface_for(w, i, j, True)
        if z >= 0 and wished > 0 and spawn(w, kind, i + 0.5, j + 0.5, float(z)) >= 0:
            events[_BORN] += 1.0
            wished -= 1


@inner
def is_dark(w, x, y, z):
    """Return whether a cell is dark enough for monsters: far from lamps, and under rock or at night."""
    return w.grid[5][x, y, z] < DARK_GLOW and (w.grid[1][x, y, z] < DARK_LIGHT or not is_day(w))


@inner
def cave_for(w, x, y, z):
    """Return the height at which a monster can stand in a cave at a column, from z downwards; -1 if it cannot."""
    blocks = w.grid[0]
    for k in range(min(z, blocks.shape[2] - 3), max(1, z - CAVE_SEARCH), -1):
        if SOLID[blocks[x, y, k - 1]] and blocks[x, y, k] == AIR and blocks[x, y, k + 1] == AIR:
            return k
    return -1


@inner
def send_monsters(w, events):
    """Every MONSTER_WAIT ticks try one dark place near the player for a monster: under the sky, or in the same cave."""
    now, cave = w.marks[s.TICK], w.marks[s.IN_CAVE] > 0
    if now % MONSTER_WAIT != 0 or (is_day(w) and not cave):
        return
    count = 0
    for row in range(CREATURES):
        count += w.kinds[row, s.KIND] >= FIRST_MONSTER
    if count >= MONSTERS:
        return
    nx, ny = w.grid[0].shape[0], w.grid[0].shape[1]
    angle = 2.0 * np.pi * chance(w.random[1], now, 92)
    distance = MONSTER_NEAR + (MONSTER_FAR - MONSTER_NEAR) * chance(w.random[1], now, 93)
    distance *= 0.6 if cave else 1.0
    x = int(np.floor(w.body[s.X] + distance * np.sin(angle))) % nx
    y = int(np.floor(w.body[s.Y] + distance * np.cos(angle))) % ny
    z = cave_for(w, x, y, int(w.body[s.Z]) + CAVE_SEARCH // 2) if cave else surface_for(w, x, y, False)
    if z >= 0 and is_dark(w, x, y, z):
        kind = FIRST_MONSTER + int(chance(w.random[1], now, 94) * _MONSTER_KINDS)
        if spawn(w, kind, x + 0.5, y + 0.5, float(z)) >= 0:
            events[_CAME] += 1.0


@inner
def send_away(w, events):
    """Take monsters that are far away out of the world, and whatever has fallen below it."""
    nx, ny = w.grid[0].shape[0], w.grid[0].shape[1]
    for row in range(CREATURES):
        monster = w.kinds[row, s.KIND] >= FIRST_MONSTER
        dx = abs(apart(w.entities[row, s.X], w.body[s.X], nx))
        dy = abs(apart(w.entities[row, s.Y], w.body[s.Y], ny))
        if (monster and max(dx, dy) > FAR) or w.entities[row, s.Z] < -8.0:
            remove(w, row)
            events[_LEFT if monster else _DIED] += 1.0


@inner
def populate(w, events):
    """Bring in herds and monsters as the place and the hour have it."""
    if w.switches[_ANIMALS_ON] and w.marks[s.TICK] % 10 == 0:
        meet_herds(w, events)
    if w.switches[_MONSTERS_ON]:
        send_monsters(w, events)
    if w.marks[s.TICK] % 20 == 0:
        send_away(w, events)
