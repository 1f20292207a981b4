"""Scenes in which a rule of the world does not hold, beside truth: nothing falls, or what was mined comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.editor import aim_again
from worldsim_envs.voxel.stages.dynamics import ledge
from worldsim_envs.voxel.stages.ground import Ground, Moments, numbers
from worldsim_envs.voxel.stages.question import Frames, Play, Scene, StageError

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

HEIGHT, STEPS = 3, 10
Rule = Callable[["VoxelEnv"], None]


def altered(env: VoxelEnv, seed: int, index: int) -> Scene:
    """Truth's play first, then one of the same actions in which a rule does not hold; by its name."""
    ground = Ground(env, seed, pitch=8.0)
    if index % 2:
        name, acts, rule = "blocks revert", ("attack",) * STEPS, _block(ground)
    else:
        ledge(HEIGHT)(ground)
        name, acts, rule = "gravity off", ("forward",) * STEPS, _floor(ground)
    frames, given = ground.given(["noop"] * 16)
    moments, told = Moments(env), numbers(acts)
    shown, _, _ = moments.play(told)
    other = _played(moments, told, rule)
    if (shown == other).all():
        raise StageError(f"{name} shows in no frame; take another seed")
    return Scene(seed, frames, given, moments.start, [Play("truth", told, shown), Play(name, told, other)],
                 {"altered": name})  # fmt: skip


def _played(moments: Moments, acts: Sequence[int], rule: Rule) -> Frames:
    """Frames u8 (K, H, W, 3) of a play in which a rule mends the world after each step."""
    env, frames = moments.env, []
    env.restore_state(moments.start)
    for act in acts:
        env.step(act)
        rule(env)
        aim_again(env.state)
        env.draw()
        frames.append(env.picture())
    return np.stack(frames)


def _floor(ground: Ground) -> Rule:
    """Nobody comes below the height that the player stands at now."""
    height = float(ground.world.body[s.Z])

    def hold(env: VoxelEnv) -> None:
        body = env.state.body
        if body[s.Z] < height:
            body[s.Z], body[s.VZ] = height, 0.0

    return hold


def _block(ground: Ground) -> Rule:
    """A block before the player is there again after each step."""
    ground.put(2, 0, 0, "dirt")
    ground.put(2, 0, 1, "dirt")
    ground.aim(1.5, 1.4)
    return lambda env: env.set_block(*ground.cell(2, 0, 1), "dirt")
