"""Scripted edits of a running world, each with its sentence: the data for events by text in the middle of a rollout.

`EDITS` maps a sentence to what the env has to do for it, placed as the player looks at that moment.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import SOLID
from worldsim_envs.voxel.events import CREATURES
from worldsim_envs.voxel.language.words import event_sentence

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

Edit = Callable[["VoxelEnv"], object]
AWAY = 4.0  # blocks from the player to where things appear

# Degrees to the right of the direction of sight.
WHERE = {"in front of you": 0.0, "on the right": 40.0, "behind you": 180.0, "on the left": -40.0}
# Blocks of a thing: (to the right, away, up) beside its place, and the block.
SHAPES: dict[str, tuple[tuple[tuple[int, int, int], str], ...]] = {
    "a tree": (
        *(((i, j, 3), "oak_leaves") for i in (-1, 0, 1) for j in (-1, 0, 1)),
        ((0, 0, 4), "oak_leaves"), *(((0, 0, k), "oak_log") for k in range(4)),
    ),
    "a wall": tuple(((i, 0, k), "brick") for i in (-1, 0, 1) for k in range(3)),
    "a tower": tuple(((0, 0, k), "stone_bricks") for k in range(6)),
    "a torch": (((0, 0, 0), "torch"),),
    "a fire": (((0, 0, 0), "fire"),),
    "a cake": (((0, 0, 0), "cake_7"),),
    "a chest": (((0, 0, 0), "chest"),),
    "a sign": (((0, 0, 0), "sign"),),
    "a flower": (((0, 0, 0), "poppy"),),
    "glass": tuple(((i, 0, k), "glass") for i in (0, 1) for k in range(2)),
}  # fmt: skip


def place_of(env: VoxelEnv, turn: float, away: float = AWAY) -> tuple[int, int, int]:
    """Return the free cell on the ground at a bearing from where the player looks, in degrees to the right."""
    blocks, body = env.state.blocks, env.state.body
    yaw = np.radians(body[s.YAW] + turn)
    x, y = (int(np.floor(v)) for v in (body[s.X] + away * np.sin(yaw), body[s.Y] + away * np.cos(yaw)))
    column = SOLID[blocks[x % blocks.shape[0], y % blocks.shape[1]]]
    feet = int(body[s.Z])
    low = next((z for z in range(feet, blocks.shape[2]) if not column[z]), feet)
    while low > 1 and not column[low - 1]:
        low -= 1
    return x % blocks.shape[0], y % blocks.shape[1], low


def _creature(kind: str, turn: float, env: VoxelEnv) -> None:
    x, y, z = place_of(env, turn)
    env.spawn(kind, x + 0.5, y + 0.5, float(z))


def _thing(name: str, turn: float, env: VoxelEnv) -> None:
    x, y, z = place_of(env, turn)
    for (right, ahead, up), block in SHAPES[name]:
        env.set_block(x + right, y + ahead, z + up, block)


def _nothing(env: VoxelEnv) -> None:
    """Change nothing, as a text may say."""


EDITS: dict[str, Edit] = {
    event_sentence("rain_began"): lambda env: env.set_weather("rain"),
    event_sentence("rain_ended"): lambda env: env.set_weather("clear"),
    event_sentence("snow_began"): lambda env: env.set_weather("snow"),
    event_sentence("snow_ended"): lambda env: env.set_weather("clear"),
    event_sentence("thunder_began"): lambda env: env.set_weather("thunder"),
    event_sentence("thunder_ended"): lambda env: env.set_weather("clear"),
    "the sun rises": lambda env: env.set_time(0.0),
    "day breaks": lambda env: env.set_time(0.05),
    "it is noon": lambda env: env.set_time(0.25),
    "the sun sets": lambda env: env.set_time(0.5),
    "night falls": lambda env: env.set_time(0.6),
    "it is midnight": lambda env: env.set_time(0.75),
    "nothing changes": _nothing,
    **{f"a {kind} appears {where}": partial(_creature, kind, turn) for kind in CREATURES
       for where, turn in WHERE.items()},
    **{f"{name} appears {where}": partial(_thing, name, turn) for name in SHAPES for where, turn in WHERE.items()},
}  # fmt: skip
SENTENCES: tuple[str, ...] = tuple(EDITS)
