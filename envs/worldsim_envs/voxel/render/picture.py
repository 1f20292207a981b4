"""One frame of a world: find what the rays meet, shade it, smooth the edges, lay the hand over it.

`draw` is a plain function of arrays, exact and repeatable; `picture` is it for a state and a `View`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import AIR, BLOCK_IDS, CRACK_STAGES, LIQUID, T_FORM, WATER, WET
from worldsim_envs.voxel.compiled import compiled
from worldsim_envs.voxel.render.bodies import BODY_TABLES
from worldsim_envs.voxel.render.camera import (
    CAMERA_FIELDS,
    EYE_Z,
    FIELD_OF_VIEW,
    PIXEL_SIZE,
    row_ray,
    set_camera,
    set_rays,
)
from worldsim_envs.voxel.render.cast import VIEW, VIEW_UNDER_WATER
from worldsim_envs.voxel.render.edges import blend_edges, smooth_edges
from worldsim_envs.voxel.render.heaven import PIECE
from worldsim_envs.voxel.render.hud import HANDS, crosshair, finish, show_hand
from worldsim_envs.voxel.render.looks import LOOKS
from worldsim_envs.voxel.render.paint import PAINT_MARKS, mark_paint
from worldsim_envs.voxel.render.panel import draw_panel
from worldsim_envs.voxel.render.precipitation import draw_weather
from worldsim_envs.voxel.render.rays import DISTANCE, find_surfaces
from worldsim_envs.voxel.render.shading import WORK, shade
from worldsim_envs.voxel.render.sky import SCENE_FIELDS, set_scene
from worldsim_envs.voxel.render.skyline import RINGS, ROOM, SECTORS, find_skyline
from worldsim_envs.voxel.render.solids import BOX_FIELDS
from worldsim_envs.voxel.render.surfaces import GRAZING_STEPS
from worldsim_envs.voxel.render.things import THINGS, draw_things
from worldsim_envs.voxel.state import VoxelState

LAVA = int(LIQUID[BLOCK_IDS["lava"]])


class View:
    """A picture's size (height, width), the arrays that `draw` works in, and what each pixel last showed."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.scratch = _scratch(size)
        self.seen = np.zeros(size, np.uint8)  # (H, W), blocks
        self.depth = np.zeros(size, np.float32)  # (H, W), blocks along the ray to the first solid thing; VIEW for none
        self.entities = np.zeros(size, np.uint8)  # (H, W), row of the entity + 1; 0 for none


def picture(world: VoxelState, view: View, hud: bool = True) -> NDArray[np.uint8]:
    """Return what the player sees, a new array (H, W, 3) u8; `view` then holds blocks, depth and entities of it."""
    out = np.empty((*view.size, 3), np.uint8)
    draw(
        world.grid, LOOKS, BODY_TABLES, LIQUID, world.clouds, world.body, world.marks, world.inventory, world.vitals,
        world.weather, world.entities, world.kinds, (world.canvas, world.canvas_keys), view.scratch, view.seen,
        view.depth, view.entities, hud, out.reshape(-1),
    )  # fmt: skip
    return out


def _scratch(size: tuple[int, int]) -> tuple[NDArray[Any], ...]:
    """Return the work arrays of `draw` for pictures of (height, width)."""
    height, width = size
    pixel = 2.0 * np.tan(np.radians(0.5 * FIELD_OF_VIEW)) / height
    right = (np.arange(width) + 0.5 - 0.5 * width) * pixel
    down = (np.arange(height) + 0.5 - 0.5 * height) * pixel
    units = 1.0 / np.sqrt(1.0 + right[None, :] ** 2 + down[:, None] ** 2)  # (H, W)
    grazing = 1.0 / np.maximum(np.arange(GRAZING_STEPS + 1) / GRAZING_STEPS, 0.04) ** 0.75
    smooth, marks = np.zeros((*size, 3), np.float32), np.zeros(-(-width // 8) * 8, np.uint8)
    return (
        np.zeros(SCENE_FIELDS), np.zeros(CAMERA_FIELDS), np.zeros((RINGS, SECTORS), np.float32), units, grazing,
        np.zeros((3, *size), np.float32), np.zeros((3, *size), np.int32), np.zeros((3, *size)),
        np.zeros(WORK), np.zeros(4 * PIECE, np.int64), np.zeros(PIECE, np.int64), np.zeros(width, np.uint64),
        smooth, smooth.reshape(-1), np.zeros(size, np.float32), np.zeros(size, np.int8),
        marks, marks.view(np.uint64), np.zeros(2 * height * width + 2, np.int64), np.zeros(height * width, np.int64),
        np.zeros(3 * height * width, np.float32),
        np.zeros((HANDS, height - height // 2, width - width // 2, 4), np.float32), np.full(HANDS, -1),
        np.zeros(BOX_FIELDS), np.zeros(THINGS), np.zeros(THINGS, np.int64),
        np.zeros(PAINT_MARKS, np.uint8), np.zeros(size, np.bool_), np.zeros(height, np.int64),
        np.zeros(ROOM, np.float32),
    )  # fmt: skip


@compiled
def draw(grid, looks, bodies, liquid, clouds, body, marks, inventory, vitals, weather, entities, kinds, canvases,
         scratch, seen, depth, owners, hud, out):  # fmt: skip
    """Draw what the player sees into `out` (H * W * 3,) u8; blocks, distances and rows of entities + 1 into (H, W)."""
    (scene, camera, skyline, units, grazing, hits, places, rays, work, spots, later, todo, smooth, flat, shares,
     sides, mark_row, words, edges, divided, mixed, hands, held, box, far, what, paint_marks, clear, clears,
     room) = scratch  # fmt: skip
    height, width = seen.shape
    blocks = grid[0]
    set_camera(camera, body, marks, height, width)
    start, in_lava = AIR, False
    if 0.0 <= camera[EYE_Z] < blocks.shape[2]:
        eye_in = blocks[int(body[s.X]) % blocks.shape[0], int(body[s.Y]) % blocks.shape[1], int(camera[EYE_Z])]
        form = int(grid[8][eye_in, T_FORM])
        start = WATER if form >= WET and camera[EYE_Z] % 1.0 < (form - WET) / 16.0 else AIR
        in_lava = liquid[eye_in] == LAVA
    set_scene(scene, marks, weather, camera[PIXEL_SIZE], start == WATER)
    if row_ray(camera, 0)[2] > 0.0:  # rays that rise
        find_skyline(grid, camera, VIEW_UNDER_WATER if start == WATER else VIEW, room, skyline)
    crack, target = -1, -2
    if marks[s.TARGET] == 1:
        target = (((marks[s.TARGET_X] << 10) | marks[s.TARGET_Y]) << 8) | marks[s.TARGET_Z]
    if marks[s.MINE_TICKS] > 0:
        crack = min(CRACK_STAGES - 1, (marks[s.MINE_TICKS] * CRACK_STAGES) // max(1, marks[s.MINE_NEED]))
    paint = (canvases[0], canvases[1], paint_marks)
    mark_paint(paint, blocks.shape)
    set_rays(camera, units, rays)
    find_surfaces(grid, scene, camera, skyline, clear, clears, rays, start, todo, hits, places)
    shade(grid, looks, paint, scene, clouds, camera, units, rays, grazing, target, crack, hits, places, work, spots,
          later, flat, seen)  # fmt: skip
    count = smooth_edges(grid, camera, units, hits, places, flat, shares, sides, mark_row, words, edges,
                         divided)  # fmt: skip
    blend_edges(flat, shares, sides, divided, count, mixed)
    view = np.float32(VIEW)
    for row in range(height):
        distances, known = hits[DISTANCE, row], depth[row]
        for column in range(width):
            known[column] = distances[column] if distances[column] >= np.float32(0.0) else view
    owners[:, :] = np.uint8(0)
    frame = (smooth, depth, owners, seen, hits)
    draw_things(frame, grid, looks, bodies, scene, camera, units, grazing, box, far, what, entities, kinds, marks,
                target, crack)  # fmt: skip
    draw_weather(frame, grid[2], camera, scene, weather, marks[s.TICK])
    if in_lava:
        for place in range(flat.size):
            flat[place] += ((0.95, 0.36, 0.06)[place % 3] - flat[place]) * 0.82
    if hud:
        show_hand(smooth, hands, held, looks, scene, grid, marks, inventory, body)
        crosshair(smooth)
        draw_panel(smooth, looks, marks, inventory, vitals)
    finish(flat, marks, out)
