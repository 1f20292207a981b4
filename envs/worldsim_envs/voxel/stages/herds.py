"""Scenes with animals that stand still: how many are there after a while of resting, looking round or walking?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.kinds import FIRST_CREATURE, STILL
from worldsim_envs.voxel.stages.camera import APART, apart, views
from worldsim_envs.voxel.stages.ground import Ground, Moments, numbers
from worldsim_envs.voxel.stages.question import Frames, Play, Question, Scene, StageError

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

KINDS = ("pig", "sheep", "cow")
PLACES = ((3, -1), (3, 1), (4, 0), (4, -2), (4, 2), (6, -1), (6, 1))
MOST, STEPS = 5, 32
LONG = 100_000  # ticks for which an animal stands where it is
BESIDE = ((0, 1), (0, -1))  # where a second animal may have come from
_ASIDE = ("noop",) * 3
# What the player does meanwhile; the view is the first one again half-way and at the end, or a little farther ahead.
PROTOCOLS: dict[str, tuple[str, ...]] = {
    "rest": ("noop",) * STEPS,
    "slow pan": tuple(act for out, back in (("turn_left", "turn_right"), ("turn_right", "turn_left"))
                      for turn in (out, out, back, back) for act in (*_ASIDE, turn)),
    "corridor": (*("noop",) * 7, "forward") * 3 + ("noop",) * 8,
}  # fmt: skip
TOLD = 16  # pixels by which pictures of other counts must differ
WALLS = 3  # blocks to either side, of a corridor


def herds(env: VoxelEnv, seed: int, index: int, length: int = STEPS) -> Scene:
    """Up to five animals standing still: as many, fewer, or more after `length` frames, and half-way?

    Raises:
        StageError: the length is no multiple of 32, or an animal would come or go unseen.
    """
    if length < STEPS or length % STEPS:
        raise StageError(f"length must be a multiple of {STEPS}, got {length}")
    ground = Ground(env, seed, pitch=16.0)
    count = index % (MOST + 1)
    protocol = list(PROTOCOLS)[(index + index // (MOST + 1)) % len(PROTOCOLS)]
    farther = _walls(ground) if protocol == "corridor" else 0
    places = [(PLACES[i][0] + farther, PLACES[i][1]) for i in ground.random.permutation(len(PLACES))[: count + 1]]
    kind = str(ground.random.choice(KINDS))
    for place in places[:count]:
        _put(ground, kind, *place)
    frames, given = ground.given(["noop"] * 16)
    moments = Moments(env)
    more = ("noop",) * STEPS if protocol == "corridor" else PROTOCOLS[protocol]  # a corridor ends
    acts = numbers((*PROTOCOLS[protocol], *more * (length // STEPS - 1)))
    looks = (length // 2, length)
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
    names, drawn = _told(list(changes), views(env, worlds))
    apart(drawn, names, TOLD)
    counts = [count + {"more": 1, "fewer": -1}.get(name.partition(":")[0], 0) for name in names]
    question = Question("count", looks, names, drawn, 0, 0, values=counts)
    facts: dict[str, float | str] = {"animals": float(count), "frames": float(length), "protocol": protocol}
    return Scene(seed, frames, given, moments.start, [Play(f"{count} animals", acts, shown, [question])], facts)


def _told(names: list[str], drawn: Frames) -> tuple[list[str], Frames]:
    """Leave out animals that come or go behind others; one of each kind has to be seen."""
    here = drawn[:, 0, ..., :3].astype(np.int16)
    kept = [i for i in range(len(names)) if not i or (np.abs(here[i] - here[0]).max(-1) > APART).sum() >= TOLD]
    found = [names[i] for i in kept]
    if len({name.partition(":")[0] for name in found}) < len({name.partition(":")[0] for name in names}):
        raise StageError("an animal that comes or goes is hidden wherever it is; take another seed")
    return found, drawn[kept]


def _walls(ground: Ground) -> int:
    """Put up the walls of a corridor. Returns how much farther ahead animals stand in it."""
    for ahead in range(-2, 8):
        for side in (-WALLS, WALLS):
            for up in range(2):
                ground.put(ahead, side, up, "stone_bricks")
    return 1


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
