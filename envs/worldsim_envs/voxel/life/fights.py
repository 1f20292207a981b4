"""Blows: what a strike does to a creature, what it leaves when it dies."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.chance import chance
from worldsim_envs.voxel.compiled import compiled
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.kinds import FIRST_CREATURE, FIRST_MONSTER, FLEE
from worldsim_envs.voxel.life.spawn import drop_item, remove
from worldsim_envs.voxel.motion import apart
from worldsim_envs.voxel.pack import in_hand, wear
from worldsim_envs.voxel.switches import SWITCH
from worldsim_envs.voxel.tables import DAMAGE, SPOILS

PAIN_TICKS, FLEE_TICKS = 10, 100
_KILLED = EVENT["killed_pig"]
_HURT_ANIMAL, _HURT_MONSTER, _HUNTED, _DEFEATED, _ANIMAL_DIED, _MONSTER_LEFT = (
    EVENT[name] for name in ("hurt_animal", "hurt_monster", "hunted", "defeated", "animal_died", "monster_left")
)
_DROPS = SWITCH["drops"]


@compiled
def lose_hearts(w, row, half_hearts, by_player, events):
    """Take half hearts from a creature; one that has none left dies and leaves its spoils."""
    kind = w.kinds[row, s.KIND]
    monster = kind >= FIRST_MONSTER
    w.kinds[row, s.HEARTS] -= half_hearts
    w.kinds[row, s.PAIN] = PAIN_TICKS
    if w.kinds[row, s.HEARTS] > 0:
        return
    x, y, z, number = w.entities[row, s.X], w.entities[row, s.Y], w.entities[row, s.Z], w.kinds[row, s.NUMBER]
    remove(w, row)
    events[_MONSTER_LEFT if monster else _ANIMAL_DIED] += 1.0
    if by_player:
        events[_DEFEATED if monster else _HUNTED] += 1.0
        events[_KILLED + kind - FIRST_CREATURE] += 1.0
    if not w.switches[_DROPS]:
        return
    for place in range(2):
        item, most = int(SPOILS[kind, place, 0]), int(SPOILS[kind, place, 1])
        if most > 0:
            count = 1 + int(chance(w.random[0], number, 81 + place) * most)
            drop_item(w, item, count, x, y, z + 0.4, 10)


@compiled
def strike(w, row, events):
    """Strike a creature with what is in the hand, unless the last blow still hurts."""
    if w.kinds[row, s.PAIN] > 0:
        return
    monster = w.kinds[row, s.KIND] >= FIRST_MONSTER
    nx, ny = w.grid[0].shape[0], w.grid[0].shape[1]
    dx, dy = apart(w.body[s.X], w.entities[row, s.X], nx), apart(w.body[s.Y], w.entities[row, s.Y], ny)
    length = max(0.1, np.sqrt(dx * dx + dy * dy))
    w.entities[row, s.VX] += 0.4 * dx / length
    w.entities[row, s.VY] += 0.4 * dy / length
    w.entities[row, s.VZ] = 0.36
    if not monster:
        w.kinds[row, s.MODE], w.kinds[row, s.TIMER] = FLEE, FLEE_TICKS
    events[_HURT_MONSTER if monster else _HURT_ANIMAL] += 1.0
    blow = DAMAGE[in_hand(w)]
    wear(w, events)
    lose_hearts(w, row, blow, True, events)
