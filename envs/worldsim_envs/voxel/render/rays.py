"""What each pixel's ray meets, by a frame that casts as few rays as it can.

A ray between two others is cast only where they do not already say what it meets. Of each row, what they say by
meeting one face of one block is written first, in a loop without branches; only the rest is looked at one by one.
"""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.blocks import OPEN, WET
from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.render.camera import EYE_X, EYE_Y, EYE_Z, PIXEL_SIZE
from worldsim_envs.voxel.render.cast import VIEW, VIEW_UNDER_WATER, cast, form_in, shows
from worldsim_envs.voxel.render.sky import UNDER
from worldsim_envs.voxel.render.skyline import find_clear, rising_reach

# Fields of `hits`, float32, -1 where there is none; and of `places`, int32. A cell is packed: x << 18 | y << 8 | z, and
# so is a surface: plane << 4 | face << 1 | wet. A plane is in sixteenths of a block, since slabs are lower than cubes;
# wet is a ray that goes into water, or out of it from an eye under water. The axis of water is known for wet rays only.
DISTANCE, WATER_IN, WATER_OUT = range(3)
CELL, SURFACE, WATER_AXIS = range(3)
NOTHING = -(1 << 24)  # a surface where there is none
# For each turn: first row and how many on to the next, the same of columns, how far down and right the known ones are.
TURNS = tuple(
    tuple(np.uint64(number) for number in turn)
    for turn in ((0, 4, 0, 4, 0, 0), (2, 4, 0, 4, 2, 0), (0, 2, 2, 4, 0, 2), (1, 2, 0, 2, 1, 0), (0, 1, 1, 2, 0, 1))
)


@inlined
def face_of(surface):
    """Return the face of a packed surface."""
    return (surface >> 1) & 7


@inlined
def _same_surface(grid, hits, places, r0, c0, r1, c1, ox, oy, oz, dx, dy, dz, near, before):
    """Return distance and cell of the surface that a ray between two pixels meets, or a cell of -1 if that is not sure.

    Sure are rays between two hits of one face, and, near enough that nothing narrower than two pixels can stand in the
    way, rays between two hits of one plane, where the plane is solid at that point and `before` stands in front of it:
    OPEN, or full water.
    """
    cell, surface = places[CELL, r0, c0], places[SURFACE, r0, c0] >> 1
    if cell < 0 or surface != places[SURFACE, r1, c1] >> 1:
        return 0.0, -1
    face, plane = surface & 7, surface >> 3
    origin, slope = (ox, dx) if face < 2 else ((oy, dy) if face < 4 else (oz, dz))
    t = (plane / 16.0 - origin) / slope
    if cell == places[CELL, r1, c1]:
        return t, cell
    if hits[DISTANCE, r0, c0] > near or hits[DISTANCE, r1, c1] > near:
        return 0.0, -1
    inside = 0.03125 if face & 1 else -0.03125
    x = ox + dx * t + (inside if face < 2 else 0.0)
    y = oy + dy * t + (inside if 2 <= face < 4 else 0.0)
    z = oz + dz * t + (inside if face >= 4 else 0.0)
    front = -1.0 if face & 1 else 1.0
    if not shows(form_in(grid, x, y, z), face, plane):
        return 0.0, -1
    ahead = form_in(grid, x + (front if face < 2 else 0.0), y + (front if 2 <= face < 4 else 0.0),
                    z + (front if face >= 4 else 0.0))  # fmt: skip
    if ahead != before:
        return 0.0, -1
    i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    return t, ((((i & (grid[0].shape[0] - 1)) << 10) | (j & (grid[0].shape[1] - 1))) << 8) | k


@inlined
def _water_level(grid, rays, hits, places, r0, c0, r1, c1, ox, oy, oz, dx, dy, dz, field, near):
    """Return where a ray crosses the level of water between two that both cross it; -1 if that is not sure.

    `field` is WATER_IN for rays into deep water and WATER_OUT for rays out of it, from an eye under water to the sky.
    """
    t0, t1 = hits[field, r0, c0], hits[field, r1, c1]
    if t0 <= 0.0 or t1 <= 0.0 or max(t0, t1) > near:
        return -1.0
    if field == WATER_IN:
        level = hits[WATER_OUT, r0, c0] < 0.0 and hits[WATER_OUT, r1, c1] < 0.0
        level = level and places[WATER_AXIS, r0, c0] == 2 and places[WATER_AXIS, r1, c1] == 2 and dz < 0.0
    else:
        level = near >= VIEW_UNDER_WATER and dz > 0.0
    if not level:
        return -1.0
    met = oz + t0 * rays[2, r0, c0]
    level0, level1 = np.rint(met), np.rint(oz + t1 * rays[2, r1, c1])
    t = (level0 - oz) / dz
    x, y = ox + dx * t, oy + dy * t
    if level0 != level1 or abs(met - level0) > 0.01:  # flowing water is not level
        return -1.0
    if form_in(grid, x, y, level0 - 0.5) != WET + 16 or form_in(grid, x, y, level0 + 0.5) != OPEN:
        return -1.0
    return t


@inlined
def _free_way(hits, places, row, column, under):
    """Return how far a pixel's ray goes through air alone, or, from an eye under water, through water alone."""
    if places[SURFACE, row, column] & 1:
        return hits[WATER_OUT, row, column] if under else hits[WATER_IN, row, column]
    return hits[DISTANCE, row, column] if places[CELL, row, column] >= 0 else 1e9


@inlined
def _note(hits, places, row, column, t, water_in, water_out, water_axis, cell, face, plane, under):
    """Write what a pixel's ray meets."""
    wet = 1 if (water_out >= 0.0 if under else water_in >= 0.0) else 0
    hits[DISTANCE, row, column], places[CELL, row, column] = t, cell
    places[SURFACE, row, column] = ((plane << 4) | (face << 1) if cell >= 0 else NOTHING) | wet
    if wet:
        hits[WATER_IN, row, column], hits[WATER_OUT, row, column] = water_in, water_out
        places[WATER_AXIS, row, column] = water_axis


@inlined
def _between(grid, camera, rays, hits, places, row, column, down, right, dx, dy, dz, near, under):
    """Return whether a pixel's two known neighbours say what it meets, which is noted, or else how far it is free."""
    ox, oy, oz = camera[EYE_X], camera[EYE_Y], camera[EYE_Z]
    r0, r1, c0, c1 = row - down, row + down, column - right, column + right
    wet0, wet1 = places[SURFACE, r0, c0] & 1, places[SURFACE, r1, c1] & 1
    deep0, deep1 = places[CELL, r0, c0] < 0, places[CELL, r1, c1] < 0
    sure, water_in, water_out = not wet0 and not wet1 and not deep0, (0.0 if under else -1.0), -1.0
    if wet0 and wet1 and deep0 == deep1 and (deep0 or not under):
        level = _water_level(grid, rays, hits, places, r0, c0, r1, c1, ox, oy, oz, dx, dy, dz,
                             WATER_OUT if under else WATER_IN, near)  # fmt: skip
        sure = level > 0.0
        water_in, water_out = (0.0, level) if under else (level, -1.0)
        if sure and deep0:
            _note(hits, places, row, column, -1.0, water_in, water_out, 2, -1, 0, 0, under)
            return True, 0.0
    if sure:
        t, cell = _same_surface(grid, hits, places, r0, c0, r1, c1, ox, oy, oz, dx, dy, dz, near,
                                WET + 16 if water_in >= 0.0 else OPEN)  # fmt: skip
        if cell >= 0:
            surface = places[SURFACE, r0, c0]
            _note(hits, places, row, column, t, water_in, water_out, 2, cell, face_of(surface), surface >> 4, under)
            return True, 0.0
    begin = min(near, min(_free_way(hits, places, r0, c0, under), _free_way(hits, places, r1, c1, under))) - 1.0
    if begin < 2.0:
        return False, 0.0
    form = form_in(grid, ox + dx * begin, oy + dy * begin, oz + dz * begin)
    if form != (WET + 16 if under else OPEN):
        begin = 0.0
    return False, begin


@inlined
def _fill_known(camera, rays, hits, places, clear, row, first, step, down, right, todo):
    """Write all pixels of a row between two dry rays that meet one face of one block.

    The others get something, too; those not in `clear` (W,) are listed in `todo`. Returns how many they are. `first`
    and `step` say which of the row are asked for. The eye's place is the camera's first three numbers.
    """
    above, below, count = row - down, row + down, 0
    cells0, cells1, surfaces0, surfaces1 = (
        places[CELL, above], places[CELL, below], places[SURFACE, above], places[SURFACE, below],
    )  # fmt: skip
    cells, surfaces, distances = places[CELL, row], places[SURFACE, row], hits[DISTANCE, row]
    for column in range(first, np.uint64(rays.shape[2]) - right, step):
        cell, surface = cells0[column - right], surfaces0[column - right]
        axis = np.uint64((surface >> 2) & 3)
        same = (cell == cells1[column + right]) & (surface == surfaces1[column + right])
        sure = same & (cell >= 0) & ((surface & 1) == 0)
        distance, free = np.float32(((surface >> 4) * 0.0625 - camera[axis]) / rays[axis, row, column]), clear[column]
        distances[column] = np.float32(-1.0) if free else distance
        cells[column], surfaces[column] = (np.int32(-1) if free else cell), (np.int32(NOTHING) if free else surface)
        todo[count] = column
        count += 0 if sure or free else 1
    return count


@inner
def find_surfaces(grid, scene, camera, skyline, clear, clears, rays, start, todo, hits, places):
    """Fill what each pixel's ray meets: `hits` (3, H, W) distance, water; `places` (3, H, W) cell, surface, axis.

    Every fourth pixel of every fourth row is cast, then those halfway in the column, then those halfway in the row;
    then the same again with half the gap. A ray between two others need not be followed where they meet one surface,
    and not through the near space that both found empty: what is nearer than `near` is wider than the gap.
    Rays above the skyline are not followed: `clear` (H, W) are these, `clears` (H,) how many of a row.
    """
    height, width = np.uint64(rays.shape[1]), np.uint64(rays.shape[2])  # unsigned: see `cast`
    ox, oy, oz = camera[EYE_X], camera[EYE_Y], camera[EYE_Z]
    under = scene[UNDER] > 0.0
    whole = VIEW_UNDER_WATER if under else VIEW
    hits[WATER_IN, :, :], hits[WATER_OUT, :, :] = np.float32(0.0 if under else -1.0), np.float32(-1.0)
    for row in range(height):
        clear[row, :], clears[row] = False, 0
        if not under and rays[2, row, 0] > np.float32(0.0):
            clears[row] = find_clear(skyline, rays[0, row], rays[1, row], rays[2, row], clear[row])
            hits[DISTANCE, row, :] = np.float32(-1.0)
            places[CELL, row, :], places[SURFACE, row, :] = np.int32(-1), np.int32(NOTHING)
    for turn in range(5):
        row0, rows, column0, columns, down, right = TURNS[turn]
        near = 0.45 / (camera[PIXEL_SIZE] * (2 if turn < 3 else 1))
        for row in range(row0, height, rows):
            if clears[row] == width:
                continue
            free = clear[row]
            between, count = turn > 0 and row + down < height, 0
            if between:
                count = _fill_known(camera, rays, hits, places, free, row, column0, columns, down, right, todo)
            paired = count
            alone = column0
            while between and alone + right < width:
                alone += columns
            for column in range(alone, width, columns):  # those without two neighbours
                todo[count] = column
                count += 0 if free[column] else 1
            for place in range(count):
                column = todo[place]
                dx, dy, dz = rays[0, row, column], rays[1, row, column], rays[2, row, column]
                known, begin = False, 0.0
                if place < paired:
                    known, begin = _between(grid, camera, rays, hits, places, row, column, down, right, dx, dy, dz,
                                            near, under)  # fmt: skip
                if known:
                    continue
                reach = min(whole, rising_reach(skyline, dx, dy, dz)) if dz > 0.0 else whole
                if reach <= begin and not under:  # above all that is in view
                    _note(hits, places, row, column, -1.0, -1.0, -1.0, 2, -1, 0, 0, under)
                    continue
                t, cell, face, plane, water_in, water_out, water_axis = cast(
                    grid, ox, oy, oz, dx, dy, dz, begin, max(begin, reach), start)  # fmt: skip
                _note(hits, places, row, column, t, water_in, water_out, water_axis, cell, face, plane, under)
