"""Lessons for readers that learn what pictures show: pairs of views in worlds of their own; and faults to find.

A lesson's world is a clearing full of blocks and animals, or open land. Some things in it fall, flow or are mined.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import BLOCKS
from worldsim_envs.voxel.editor import CREATURES
from worldsim_envs.voxel.items import ITEM_IDS
from worldsim_envs.voxel.kinds import STILL
from worldsim_envs.voxel.stages.camera import HERE, Pose, apart, seen, views
from worldsim_envs.voxel.stages.ground import NUMBERS, Ground, Moments
from worldsim_envs.voxel.stages.question import Frames, Play, Question, Scene

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

Edit = Callable[["VoxelEnv"], None]
Cell = tuple[int, int, int]

PLAIN = ("planks", "stone", "brick", "oak_log", "birch_log", "pumpkin", "hay", "snow", "stone_bricks", "dirt", "clay",
         "cobblestone", "sand", "sandstone", "glass")  # fmt: skip
ODD = tuple(block.name for block in BLOCKS if block.name not in ("air", "lava", "fire", "bedrock"))
CHANGING = (*(f"cake_{slices}" for slices in range(7, 0, -1)), "water", "sand", "glass")
KINDS_SHARES = (0.6, 0.15, 0.25)  # of the blocks put up: plain, changing, odd ones
NEAREST, FARTHEST = 2.5, 7.5  # blocks away from the player
COUNT = (8, 41)  # blocks put up
FLOODED, FLOOD = 0.3, 16  # how often water flows among them, and for how many steps
PAIRS_OF_ONE = 6  # pairs of views of the same blocks
ACTS = ("noop", "attack", "attack", "use", "jump")
HELD = tuple(ITEM_IDS)
FAULTS = ("delete", "swap", "recolour", "shift")


@dataclass(frozen=True)
class Lesson:
    """N pairs of views in one world.

    Attributes:
        views: u8 (N, 2, H, W, 6); see `camera` for the channels.
        moves: f32 (N, 4), from the first of a pair to the second: yaw and pitch in degrees, blocks ahead and right.
    """

    views: Frames
    moves: NDArray[np.float32]


def lesson(env: VoxelEnv, seed: int, pairs: int = 24) -> Lesson:
    """Pairs of views of one world: furnished anew every few pairs, from poses all around, now and then in motion."""
    ground = Ground(env, seed, level=seed % 5 > 0)
    random, start = ground.random, ground.world.body.copy()
    put: list[Cell] = []
    found, moves = [], []
    for number in range(pairs):
        if number % PAIRS_OF_ONE == 0:
            for cell in put:
                env.set_block(*cell, "air")
            put = _furnish(ground)
        _stand(ground, start)
        if random.random() < 0.4:
            act = NUMBERS[str(random.choice(ACTS))]
            for _ in range(int(random.integers(1, 13))):
                env.step(act)
        move = _move(random)
        found.append(seen(env, env.clone_state(), (*HERE, move)))
        moves.append(move)
    return Lesson(np.stack(found), np.array(moves, np.float32))


def faults(env: VoxelEnv, seed: int, index: int) -> Scene:
    """One block of several is gone, exchanged with another, of another kind, or a cell further: is that told?"""
    ground = Ground(env, seed, pitch=12.0)
    kinds = ground.random.permutation(PLAIN[:12]).tolist()
    places = [(4, -2), (4, 1), (5, 3), (6, -1), (3, 0), (5, -4)]
    for (ahead, right), kind in zip(places, kinds, strict=False):
        ground.put(ahead, right, 0, kind)
    frames, given = ground.given()
    moments = Moments(env)
    shown, kept, _ = moments.play([0], (1,))
    (ahead, right), kind = places[index % 2], kinds[index % 2]
    (there, aside), second = places[2 + index % 3], kinds[2 + index % 3]

    def cells(*changes: tuple[int, int, str]) -> Edit:
        def edit(env: VoxelEnv) -> None:
            for a, r, block in changes:
                env.set_block(*ground.cell(a, r, 0), block)

        return edit

    edits = {
        "delete": cells((ahead, right, "air")),
        "swap": cells((ahead, right, second), (there, aside, kind)),
        "recolour": cells((ahead, right, kinds[6])),
        "shift": cells((ahead, right, "air"), (ahead, right + (1 if right < 0 else -1), kind)),
    }
    questions = []
    for name in FAULTS:
        drawn = views(env, [[kept[1]], [moments.edited(kept[1], edits[name])]])
        apart(drawn, ("as it is", name), 16)
        questions.append(Question(name, (1,), ("as it is", name), drawn, 0, 0))
    return Scene(seed, frames, given, moments.start, [Play("a block", [0], shown, questions)])


def _furnish(ground: Ground) -> list[Cell]:
    """Put up blocks and animals all around, and something in the hand. Returns the cells."""
    env, random = ground.env, ground.random
    cells: list[Cell] = []
    world = env.state
    world.kinds[:, s.KIND] = 0
    world.inventory[:] = 0
    for _ in range(int(random.integers(*COUNT))):
        far, angle = random.uniform(NEAREST, FARTHEST), random.uniform(0.0, 2.0 * np.pi)
        kind = str(random.choice((PLAIN, CHANGING, ODD)[int(random.choice(3, p=KINDS_SHARES))]))
        up = int(random.choice((0, 0, 0, 0, 1, 1, 2, 3)))
        cell = ground.cell(round(far * np.cos(angle)), round(far * np.sin(angle)), up)
        env.set_block(*cell, kind)
        cells.append(cell)
    if random.random() < FLOODED:
        for number in random.permutation(len(cells))[:3]:  # beside a block, or in its place
            x, y, z = cells[number]
            spring = x + int(random.integers(-1, 2)), y + int(random.integers(-1, 2)), z
            env.set_block(*spring, "water")
            cells.append(spring)
        for _ in range(FLOOD):
            env.step(NUMBERS["noop"])
    for _ in range(int(random.integers(0, 7))):
        far, angle = random.uniform(NEAREST, FARTHEST), random.uniform(0.0, 2.0 * np.pi)
        x, y, z = ground.cell(0, 0, 0)
        kind = str(random.choice(("pig", "sheep", "cow", *CREATURES)))
        row = env.spawn(kind, x + 0.5 + far * np.cos(angle), y + 0.5 + far * np.sin(angle), z)
        world.entities[row, s.YAW] = random.uniform(0.0, 360.0)
        world.kinds[row, s.MODE] = STILL
    if random.random() < 0.3:
        env.give(str(random.choice(HELD)), 1)
    return cells


def _stand(ground: Ground, start: NDArray[np.float64]) -> None:
    """Put the player near where it was at first, looking along an axis, some turns away from it, or anywhere."""
    random, axes = ground.random, float(start[s.YAW] + 90.0 * ground.random.integers(4))
    x, y = (float(start[axis] + random.normal(0.0, 0.5)) for axis in (s.X, s.Y))
    up = float(random.choice((0.0, 0.0, 0.0, 0.0, 1.0, 3.0)))
    yaw = axes + float(random.choice((0.0, 0.0, 15.0 * random.integers(-3, 4), random.uniform(-45.0, 45.0))))
    ground.env.teleport(x, y, float(start[s.Z]) + up, yaw % 360.0, float(random.uniform(-15.0, 45.0)))


def _move(random: np.random.Generator) -> Pose:
    """A move of a few steps: turning, tilting, walking, any of them or none."""
    yaw, pitch = random.uniform(-18.0, 18.0), random.uniform(-12.0, 12.0)
    ahead, right = random.uniform(-0.5, 0.5, 2)
    some = random.random(3) < 0.6
    return float(yaw * some[0]), float(pitch * some[1]), float(ahead * some[2]), float(right * some[2])
