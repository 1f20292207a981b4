"""Scenes with animals that stand still: how many are there after a while in which nothing is done?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.kinds import FIRST_CREATURE, STILL
from worldsim_envs.voxel.stages.camera import apart, views
from worldsim_envs.voxel.stages.ground import Ground, Moments, numbers
from worldsim_envs.voxel.stages.question import Play, Question, Scene

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

KINDS = ("pig", "sheep", "cow")
PLACES = ((3, -1), (3, 1), (4, 0), (4, -2), (4, 2))
MOST, STEPS = 3, 32
LONG = 100_000  # ticks for which an animal stands where it is
BESIDE = ((0, 1), (0, -1))  # where a second animal may have come from


def herds(env: VoxelEnv, seed: int, index: int) -> Scene:
    """Up to three animals standing still: as many, fewer, or more after 32 frames without an action?"""
    ground = Ground(env, seed, pitch=16.0)
    count = index % (MOST + 1)
    places = [PLACES[i] for i in ground.random.permutation(len(PLACES))[: count + 1]]
    kind = str(ground.random.choice(KINDS))
    for place in places[:count]:
        _put(ground, kind, *place)
    frames, given = ground.given(["noop"] * 16)
    moments = Moments(env)
    acts = numbers(("noop",) * STEPS)
    looks = (STEPS // 2, STEPS)
    shown, kept, _ = moments.play(acts, looks)
    changes = {"as many": None, f"more:{places[count]}": lambda env: _put(ground, kind, *places[count])}
    for number, place in enumerate(places[:count]):
        for ahead, right in BESIDE:
            beside = (place[0] + ahead, place[1] + right)
            changes[f"more:beside {number} {right}"] = lambda env, at=beside: _put(ground, kind, *at)
        changes[f"fewer:{number}"] = lambda env, number=number: _take(env, number)
    worlds = [
        [kept[look] if change is None else moments.edited(kept[look], change) for look in looks]
        for change in changes.values()
    ]
    drawn = views(env, worlds)
    apart(drawn, list(changes), 16)
    question = Question("count", looks, list(changes), drawn, 0, 0)
    facts: dict[str, float | str] = {"animals": float(count), "frames": float(STEPS)}
    return Scene(seed, frames, given, moments.start, [Play(f"{count} animals", acts, shown, [question])], facts)


def _put(ground: Ground, kind: str, ahead: int, right: int) -> None:
    """Put an animal there that stands and looks at the player's side."""
    x, y, z = ground.cell(ahead, right, 0)
    world = ground.world
    row = ground.env.spawn(kind, x + 0.5, y + 0.5, float(z))
    world.entities[row, s.YAW] = world.body[s.YAW] + 90.0
    world.kinds[row, [s.MODE, s.TIMER]] = STILL, LONG


def _take(env: VoxelEnv, number: int) -> None:
    """Take the animal of this number out of the world."""
    rows = np.flatnonzero(env.state.kinds[:, s.KIND] >= FIRST_CREATURE)
    env.remove(int(rows[number]))
