"""Where two views of one world show the same, by the engine's own depths and poses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.episodes import Snapshot
from worldsim_envs.voxel.render.camera import FIELD_OF_VIEW
from worldsim_envs.voxel.render.cast import VIEW
from worldsim_envs.voxel.stages.question import StageError, Warp

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

NEAR = 0.05  # share of the distance by which what both show may differ
AGREE = 24  # grey levels to within which truth's own two pixels agree
LEAST = 200  # pixels of 64×64 that both must show
Floats = NDArray[np.float64]


def warp(env: VoxelEnv, one: Snapshot, other: Snapshot, steps: tuple[int, int]) -> Warp:
    """Return which pixels of the second moment's view show what which pixels of the first one's show.

    Sky, what the other view hides, and what truth draws otherwise in the two (the hand, edges) is left out. The env is
    left in the second moment. Raises `StageError` where too little is shown by both.
    """
    eye, _, depth, before = _look(env, one)
    there, rays, far, after = _look(env, other)
    size = env.state.blocks.shape
    height, width = far.shape
    offset = there - eye
    offset[:2] -= np.round(offset[:2] / size[:2]) * size[:2]  # the land is a torus
    points = rays * far[..., None] + offset  # (H, W, 3), from the first eye
    right, ahead, up = (points @ axis for axis in _axes(one))
    scale = height / (2.0 * np.tan(np.radians(0.5 * FIELD_OF_VIEW)))
    ahead = np.maximum(ahead, 1e-6)
    row = np.floor(0.5 * height - scale * up / ahead)
    column = np.floor(0.5 * width + scale * right / ahead)
    inside = (far < VIEW) & (ahead > 0.1) & (row >= 0) & (row < height) & (column >= 0) & (column < width)
    i, j = np.nonzero(inside)
    k, m = row[inside].astype(int), column[inside].astype(int)
    distance = np.linalg.norm(points[inside], axis=1)
    same = np.abs(depth[k, m] - distance) < NEAR * distance
    agree = np.abs(after[i, j].astype(np.int16) - before[k, m]).max(-1) < AGREE
    pixels = np.stack([i, j, k, m], 1)[same & agree].astype(np.int16)  # (N, 4)
    if len(pixels) < LEAST:
        raise StageError(f"views at steps {steps[0]} and {steps[1]} share {len(pixels)} pixels, {LEAST} are needed")
    return Warp(steps, pixels)


def _axes(moment: Snapshot) -> tuple[Floats, Floats, Floats]:
    """Right, ahead and up of a moment's view: unit vectors of east, north, up."""
    body = moment.world.body
    yaw, pitch = np.radians(body[s.YAW]), np.radians(body[s.PITCH])
    right = np.array([np.cos(yaw), -np.sin(yaw), 0.0])
    ahead = np.array([np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), -np.sin(pitch)])
    up = np.array([np.sin(yaw) * np.sin(pitch), np.cos(yaw) * np.sin(pitch), np.cos(pitch)])
    return right, ahead, up


def _look(env: VoxelEnv, moment: Snapshot) -> tuple[Floats, Floats, Floats, NDArray[np.uint8]]:
    """The eye (3,), each pixel's ray of length 1 (H, W, 3), its depth in blocks (H, W), and the picture."""
    env.restore_state(moment)
    env.draw()
    body, depth = env.state.body, env.view.depth.astype(np.float64)
    height, width = depth.shape
    pixel = 2.0 * np.tan(np.radians(0.5 * FIELD_OF_VIEW)) / height
    u = (np.arange(width) + 0.5 - 0.5 * width) * pixel
    v = (0.5 * height - np.arange(height) - 0.5) * pixel
    right, ahead, up = _axes(moment)
    rays = ahead + u[None, :, None] * right + v[:, None, None] * up  # (H, W, 3)
    eye = np.array([body[s.X], body[s.Y], body[s.Z] + s.eye_height(env.state.marks)])
    return eye, rays / np.linalg.norm(rays, axis=-1, keepdims=True), depth, env.picture()
