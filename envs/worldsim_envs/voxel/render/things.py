"""What rays do not meet: models of blocks (torches, doors, cakes, glass, plants, fire) and entities, far ones first."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import BLOCK_IDS, SHAPES, T_MODEL
from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.render.bodies import draw_entity
from worldsim_envs.voxel.render.camera import EYE_X, EYE_Y, EYE_Z, HALF_HEIGHT, HALF_WIDTH, PIXEL_SIZE
from worldsim_envs.voxel.render.cast import VIEW
from worldsim_envs.voxel.render.sky import smooth
from worldsim_envs.voxel.render.solids import (
    AXES,
    CENTRE,
    FADE,
    HALF,
    LAMPS,
    MIDDLE,
    PAIN,
    SCALE,
    SHINE,
    SKY,
    basis,
    dot,
    draw_box,
    draw_cross,
)

THINGS = 512
MODEL_VIEW = 28  # blocks; models fade out over the last six
_CROSS, _FIRE = SHAPES.index("cross"), BLOCK_IDS["fire"]
CROSS_HALF = 0.45  # of a sprite's width, along each axis


@inlined
def around(away, size):
    """Return a difference of coordinates as the shortest way round the torus."""
    return away - size if away > 0.5 * size else (away + size if away < -0.5 * size else away)


@inlined
def in_view(camera, x, y, z, radius):
    """Return whether a ball at a place from the eye may be in the picture."""
    forward, right, up = basis(camera)
    q = (x, y, z)
    depth = dot(q, forward)
    wide, high = camera[HALF_WIDTH] * camera[PIXEL_SIZE], camera[HALF_HEIGHT] * camera[PIXEL_SIZE]
    return (
        depth > -radius
        and abs(dot(q, right)) < max(0.0, depth) * wide + 2.0 * radius
        and abs(dot(q, up)) < max(0.0, depth) * high + 2.0 * radius
    )


@inner
def gather(grid, camera, entities, kinds, far, what):
    """List what may be in view, by falling distance: `what` (THINGS,) is a packed cell, or -1 - row of an entity."""
    blocks, models, traits = grid[0], grid[6], grid[8]
    nx, ny = blocks.shape[0], blocks.shape[1]
    ox, oy, oz = camera[EYE_X], camera[EYE_Y], camera[EYE_Z]
    count = 0
    for row in range(kinds.shape[0]):
        if kinds[row, s.KIND] > 0:
            x, y = around(entities[row, s.X] - ox, nx), around(entities[row, s.Y] - oy, ny)
            z = entities[row, s.Z] + 0.5 - oz
            if x * x + y * y < VIEW * VIEW and in_view(camera, x, y, z, 1.3):
                far[count], what[count] = x * x + y * y + z * z, -1 - row
                count += 1
    i0, j0 = int(np.floor(ox)), int(np.floor(oy))
    for i in range(i0 - MODEL_VIEW, i0 + MODEL_VIEW + 1):
        x, away_x = i & (nx - 1), abs(i + 0.5 - ox)
        reach = int(np.sqrt(MODEL_VIEW * MODEL_VIEW - min(away_x, float(MODEL_VIEW)) ** 2)) + 1
        columns = models[x]
        for j in range(j0 - reach, j0 + reach + 1):
            column = np.uint64(j & (ny - 1))  # unsigned: see `cast`
            if columns[column, 1] == 0:
                continue
            y = int(column)
            for z in range(columns[column, 0], columns[column, 1]):
                if count == THINGS or not traits[blocks[x, y, z], T_MODEL]:
                    continue
                ax, ay, az = i + 0.5 - ox, j + 0.5 - oy, z + 0.5 - oz
                away = ax * ax + ay * ay + az * az
                if away < MODEL_VIEW * MODEL_VIEW and in_view(camera, ax, ay, az, 0.87):
                    far[count], what[count] = away, (((x << 10) | y) << 8) | z
                    count += 1
    for place in range(1, count):
        distance, thing, at = far[place], what[place], place
        while at > 0 and far[at - 1] < distance:
            far[at], what[at] = far[at - 1], what[at - 1]
            at -= 1
        far[at], what[at] = distance, thing
    return count


@inner
def draw_model(frame, grid, looks, scene, camera, units, grazing, box, cell, target, crack, tick):
    """Draw the model in one cell."""
    blocks, light, glow = grid[0], grid[1], grid[5]
    faces, shines, bounds, shapes = looks[1], looks[2], looks[7], looks[8]
    x, y, z = cell >> 18, (cell >> 8) & 1023, cell & 255
    block = blocks[x, y, z]
    west, south = around(x + 0.5 - camera[EYE_X] % blocks.shape[0], blocks.shape[0]) - 0.5, around(
        y + 0.5 - camera[EYE_Y] % blocks.shape[1], blocks.shape[1]) - 0.5
    low = z - camera[EYE_Z]
    distance = np.sqrt((west + 0.5) ** 2 + (south + 0.5) ** 2 + (low + 0.5) ** 2)
    box[SKY], box[LAMPS] = light[x, y, z] / 255.0, glow[x, y, z] / 15.0
    box[SHINE], box[PAIN] = shines[block], 0.0
    box[FADE] = 1.0 - smooth(MODEL_VIEW - 6.0, float(MODEL_VIEW), distance)
    if shapes[block] == _CROSS:
        texture = faces[block, 4]
        if block == _FIRE and (tick // 4 + x + y) % 2:
            texture = looks[9]
        box[CENTRE], box[CENTRE + 1], box[CENTRE + 2] = west + 0.5, south + 0.5, low
        box[HALF], box[HALF + 2], box[SCALE + 2] = CROSS_HALF, bounds[block, 5], 1.0
        draw_cross(frame, camera, units, grazing, looks, scene, box, texture, 0, block, cell == target)
        return
    for axis in range(3):
        first, last = bounds[block, axis], bounds[block, axis + 3]
        corner = west if axis == 0 else (south if axis == 1 else low)
        box[MIDDLE + axis], box[HALF + axis] = 0.5 * (first + last), 0.5 * (last - first)
        box[CENTRE + axis], box[SCALE + axis] = corner + 0.5 * (first + last), 1.0
        for other in range(3):
            box[AXES + 3 * axis + other] = 1.0 if axis == other else 0.0
    draw_box(frame, camera, units, looks, scene, box, faces[block], 0, block, cell == target, crack)


@inner
def draw_things(frame, grid, looks, bodies, scene, camera, units, grazing, box, far, what, entities, kinds, marks,
                target, crack):  # fmt: skip
    """Draw all models and entities in view over the picture."""
    count = gather(grid, camera, entities, kinds, far, what)
    for number in range(count):
        if what[number] >= 0:
            draw_model(frame, grid, looks, scene, camera, units, grazing, box, what[number], target, crack,
                       marks[s.TICK])  # fmt: skip
        else:
            row = -1 - what[number]
            draw_entity(frame, grid, looks, bodies, scene, camera, units, grazing, box, entities[row], kinds[row], row)
