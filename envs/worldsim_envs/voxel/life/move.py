"""One tick of all entities, row by row."""

from __future__ import annotations

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.kinds import FIRST_CREATURE
from worldsim_envs.voxel.life.herds import populate
from worldsim_envs.voxel.life.minds import live
from worldsim_envs.voxel.life.things import move_thing


@inner
def move_entities(w, events):
    """Let creatures live, things fly, and new creatures come."""
    for row in range(s.MAX_ENTITIES):
        kind = w.kinds[row, s.KIND]
        if kind >= FIRST_CREATURE:
            live(w, row, events)
        elif kind > 0:
            move_thing(w, row, events)
    populate(w, events)
