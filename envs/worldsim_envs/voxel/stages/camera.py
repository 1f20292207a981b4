"""Views of a state from poses near the player's, and whether the pictures of several worlds can be told apart.

A view is u8 (H, W, 6): the picture, then for each pixel its block, its depth as `DEPTH_STEPS · log2(1 + blocks)`, and
the kind of the entity that it shows, 0 for none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.editor import aim_again
from worldsim_envs.voxel.episodes import Snapshot
from worldsim_envs.voxel.render.cast import VIEW
from worldsim_envs.voxel.stages.question import Frames, StageError

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

Pose = tuple[float, float, float, float]  # yaw, pitch in degrees; forward, right in blocks, beside the player's

HERE: tuple[Pose, ...] = ((0.0, 0.0, 0.0, 0.0),)
NEAR: tuple[Pose, ...] = (
    *HERE,
    *((yaw, pitch, 0.0, 0.0) for yaw in (-4.0, 0.0, 4.0) for pitch in (-4.0, 0.0, 4.0) if yaw or pitch),
    *((yaw, 0.0, 0.0, 0.0) for yaw in (-8.0, 8.0)),
    *((0.0, 0.0, ahead, 0.0) for ahead in (-0.4, 0.4)),
    *((0.0, 0.0, 0.0, aside) for aside in (-0.4, 0.4)),
)
DEPTH_STEPS = 32.0  # numbers of the depth channel for each doubling
APART, PIXELS = 24, 24  # grey levels that two worlds must differ by, and in how many pixels of all looks


def seen(env: VoxelEnv, moment: Snapshot, poses: Sequence[Pose] = NEAR) -> Frames:
    """Return views u8 (P, H, W, 6) of a moment from poses near the player's. The env is left in that moment."""
    env.restore_state(moment)
    world, found = env.state, []
    body = world.body.copy()
    for yaw, pitch, ahead, aside in poses:
        angle = np.radians(body[s.YAW])
        world.body[s.X] = (body[s.X] + ahead * np.sin(angle) + aside * np.cos(angle)) % world.blocks.shape[0]
        world.body[s.Y] = (body[s.Y] + ahead * np.cos(angle) - aside * np.sin(angle)) % world.blocks.shape[1]
        world.body[s.YAW] = (body[s.YAW] + yaw) % 360.0
        world.body[s.PITCH] = np.clip(body[s.PITCH] + pitch, -90.0, 90.0)
        env.draw()
        found.append(view(env))
    world.body[:] = body
    aim_again(world)
    env.draw()
    return np.stack(found)


def view(env: VoxelEnv) -> Frames:
    """Return the view u8 (H, W, 6) of what the env last drew."""
    drawn = env.view
    kinds = np.concatenate([np.zeros(1, np.uint8), env.state.kinds[:, s.KIND].astype(np.uint8)])
    depth = np.minimum(drawn.depth, np.float32(VIEW))
    steps = np.round(DEPTH_STEPS * np.log2(1.0 + depth)).astype(np.uint8)
    return np.concatenate([env.picture(), np.stack([drawn.seen, steps, kinds[drawn.entities]], -1)], -1)


def views(env: VoxelEnv, worlds: Sequence[Sequence[Snapshot]], poses: Sequence[Pose] = NEAR) -> Frames:
    """Return views u8 (A, P, L, H, W, 6) of A worlds, each at L moments."""
    return np.stack([np.stack([seen(env, moment, poses) for moment in world], axis=1) for world in worlds])


def apart(drawn: Frames, names: Sequence[str], pixels: int = PIXELS) -> None:
    """Raise `StageError` unless all worlds of views (A, P, L, H, W, 6) with other names differ where they are."""
    kinds = [name.partition(":")[0] for name in names]
    here = drawn[:, 0, ..., :3].astype(np.int16)
    for a in range(len(here)):
        for b in range(a):
            if kinds[a] == kinds[b]:
                continue
            differ = int((np.abs(here[a] - here[b]).max(-1) > APART).sum())
            if differ < pixels:
                raise StageError(f"worlds {names[b]!r} and {names[a]!r} differ in {differ} pixels, {pixels} are needed")
