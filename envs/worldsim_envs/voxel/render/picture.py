"""One frame of a world: find what the rays meet, shade it, smooth the edges, lay the hand over it.

`draw` is a plain function of arrays, exact and repeatable; `picture` is it for a state and a `View`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import AIR, CRACK_STAGES, GLOW, WATER
from worldsim_envs.voxel.compiled import compiled
from worldsim_envs.voxel.render.edges import blend_edges, smooth_edges
from worldsim_envs.voxel.render.hud import crosshair, finish, show_hand
from worldsim_envs.voxel.render.rays import (
    CAMERA_FIELDS,
    EYE_Z,
    FIELD_OF_VIEW,
    PIXEL_SIZE,
    RINGS,
    SECTORS,
    find_ceilings,
    find_surfaces,
    set_camera,
)
from worldsim_envs.voxel.render.sky import SCENE_FIELDS, STARS, set_scene
from worldsim_envs.voxel.render.surfaces import GRAZING_STEPS, shade
from worldsim_envs.voxel.state import VoxelState
from worldsim_envs.voxel.textures import FACES, TEXELS

LOOKS = (TEXELS, FACES, GLOW, STARS)


class View:
    """A picture's size (height, width), the arrays that `draw` works in, and the block that each pixel last showed."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.scratch = _scratch(size)
        self.seen = np.zeros(size, np.uint8)  # (H, W)


def picture(world: VoxelState, view: View, hud: bool = True) -> NDArray[np.uint8]:
    """Return what the player sees, a new array (H, W, 3) u8; `view.seen` then holds the blocks in the picture."""
    out = np.empty((*view.size, 3), np.uint8)
    draw(world.grid, LOOKS, world.clouds, world.body, world.marks, world.inventory, view.scratch, view.seen, hud,
         out.reshape(-1))  # fmt: skip
    return out


def _scratch(size: tuple[int, int]) -> tuple[NDArray[Any], ...]:
    """Return the work arrays of `draw` for pictures of (height, width)."""
    height, width = size
    pixel = 2.0 * np.tan(np.radians(0.5 * FIELD_OF_VIEW)) / height
    right = (np.arange(width) + 0.5 - 0.5 * width) * pixel
    down = (np.arange(height) + 0.5 - 0.5 * height) * pixel
    units = 1.0 / np.sqrt(1.0 + right[None, :] ** 2 + down[:, None] ** 2)  # (H, W)
    grazing = 1.0 / np.maximum(np.arange(GRAZING_STEPS + 1) / GRAZING_STEPS, 0.04) ** 0.75
    smooth = np.zeros((*size, 3), np.float32)
    return (
        np.zeros(SCENE_FIELDS), np.zeros(CAMERA_FIELDS), np.zeros((SECTORS, RINGS)), units, grazing,
        np.zeros((*size, 3), np.float32), np.zeros((*size, 4), np.int32), np.zeros((*size, 3), np.float32), smooth,
        smooth.reshape(-1), np.zeros(size, np.float32), np.zeros(size, np.int8), np.zeros((*size, 4), np.float32),
        np.full(2, -1),
    )  # fmt: skip


@compiled
def draw(grid, looks, clouds, body, marks, inventory, scratch, seen, hud, out):
    """Draw what the player sees into `out` (H * W * 3,) u8, and the block of each pixel into `seen` (H, W) u8."""
    scene, camera, ceilings, units, grazing, hits, places, colours, smooth, flat, shares, sides, hand, held = scratch
    height, width = seen.shape
    blocks = grid[0]
    set_camera(camera, body, marks, height, width)
    start = AIR
    if 0.0 <= camera[EYE_Z] < blocks.shape[2]:
        start = int(blocks[int(body[s.X]) % blocks.shape[0], int(body[s.Y]) % blocks.shape[1], int(camera[EYE_Z])])
    set_scene(scene, marks, camera[PIXEL_SIZE], start == WATER)
    find_ceilings(grid[4], body[s.X], body[s.Y], camera[EYE_Z], ceilings)
    crack, target = -1, -2
    if marks[s.TARGET]:
        target = (((marks[s.TARGET_X] << 10) | marks[s.TARGET_Y]) << 8) | marks[s.TARGET_Z]
    if marks[s.MINE_TICKS] > 0:
        crack = min(CRACK_STAGES - 1, (marks[s.MINE_TICKS] * CRACK_STAGES) // max(1, marks[s.MINE_NEED]))
    find_surfaces(grid, scene, camera, ceilings, units, start, hits, places)
    shade(grid, looks, scene, clouds, camera, units, grazing, target, crack, hits, places, colours, seen)
    smooth_edges(blocks, camera, units, hits, places, colours, shares, sides)
    blend_edges(colours, shares, sides, smooth)
    if hud:
        show_hand(smooth, hand, held, looks, scene, grid[1], marks, inventory, body)
        crosshair(smooth)
    finish(flat, marks, out)
