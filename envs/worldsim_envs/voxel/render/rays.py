"""What each pixel's ray meets, by a frame that casts as few rays as it can.

A ray between two others is cast only where they do not already say what it meets.
"""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.blocks import OPEN, WET
from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.render.camera import EYE_X, EYE_Y, EYE_Z, PIXEL_SIZE, ray
from worldsim_envs.voxel.render.cast import VIEW, VIEW_UNDER_WATER, cast, form_in, shows
from worldsim_envs.voxel.render.ceilings import rising_reach
from worldsim_envs.voxel.render.sky import UNDER

# Fields of `hits`, float32, -1 where there is none; and of `places`, int32. A cell is packed: x << 18 | y << 8 | z; a
# plane is in sixteenths of a block, since slabs are lower than cubes.
DISTANCE, WATER_IN, WATER_OUT = range(3)
CELL, FACE, PLANE, WATER_AXIS = range(4)


@inlined
def _same_surface(grid, hits, places, r0, c0, r1, c1, ox, oy, oz, dx, dy, dz, near, before):
    """Return distance and cell of the surface that a ray between two pixels meets, or a cell of -1 if that is not sure.

    Sure are rays between two hits of one face, and, near enough that nothing narrower than two pixels can stand in the
    way, rays between two hits of one plane, where the plane is solid at that point and `before` stands in front of it:
    OPEN, or full water.
    """
    cell, face, plane = places[CELL, r0, c0], places[FACE, r0, c0], places[PLANE, r0, c0]
    if cell < 0 or face != places[FACE, r1, c1] or plane != places[PLANE, r1, c1]:
        return 0.0, -1
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
def _water_level(grid, camera, units, hits, places, r0, c0, r1, c1, ox, oy, oz, dx, dy, dz, field, near):
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
    met = oz + t0 * units[r0, c0] * ray(camera, r0, c0)[2]
    level0, level1 = np.rint(met), np.rint(oz + t1 * units[r1, c1] * ray(camera, r1, c1)[2])
    t = (level0 - oz) / dz
    x, y = ox + dx * t, oy + dy * t
    if level0 != level1 or abs(met - level0) > 0.01:  # flowing water is not level
        return -1.0
    if form_in(grid, x, y, level0 - 0.5) != WET + 16 or form_in(grid, x, y, level0 + 0.5) != OPEN:
        return -1.0
    return t


@inlined
def _free_way(hits, row, column, under):
    """Return how far a pixel's ray goes through air alone, or, from an eye under water, through water alone."""
    t = hits[DISTANCE, row, column]
    water = hits[WATER_OUT, row, column] if under else hits[WATER_IN, row, column]
    return water if water >= 0.0 else (t if t >= 0.0 else 1e9)


@inlined
def _note(hits, places, row, column, t, water_in, water_out, water_axis, cell, face, plane):
    """Write what a pixel's ray meets."""
    hits[DISTANCE, row, column], hits[WATER_IN, row, column], hits[WATER_OUT, row, column] = t, water_in, water_out
    places[CELL, row, column], places[FACE, row, column] = cell, face
    places[PLANE, row, column], places[WATER_AXIS, row, column] = plane, water_axis


@inlined
def _between(grid, camera, units, hits, places, row, column, down, right, dx, dy, dz, near, under):
    """Return whether a pixel's two known neighbours say what it meets, which is noted, or else how far it is free."""
    ox, oy, oz = camera[EYE_X], camera[EYE_Y], camera[EYE_Z]
    r0, r1, c0, c1 = row - down, row + down, column - right, column + right
    calm0 = hits[WATER_OUT, r0, c0] < 0.0 if under else hits[WATER_IN, r0, c0] < 0.0
    calm1 = hits[WATER_OUT, r1, c1] < 0.0 if under else hits[WATER_IN, r1, c1] < 0.0
    deep0, deep1 = places[CELL, r0, c0] < 0, places[CELL, r1, c1] < 0
    sure, water_in, water_out = calm0 and calm1 and not deep0, (0.0 if under else -1.0), -1.0
    if not calm0 and not calm1 and deep0 == deep1 and (deep0 or not under):
        level = _water_level(grid, camera, units, hits, places, r0, c0, r1, c1, ox, oy, oz, dx, dy, dz,
                             WATER_OUT if under else WATER_IN, near)  # fmt: skip
        sure = level > 0.0
        water_in, water_out = (0.0, level) if under else (level, -1.0)
        if sure and deep0:
            _note(hits, places, row, column, -1.0, water_in, water_out, 2, -1, -1, 0)
            return True, 0.0
    if sure:
        t, cell = _same_surface(grid, hits, places, r0, c0, r1, c1, ox, oy, oz, dx, dy, dz, near,
                                WET + 16 if water_in >= 0.0 else OPEN)  # fmt: skip
        if cell >= 0:
            _note(hits, places, row, column, t, water_in, water_out, 2, cell, places[FACE, r0, c0],
                  places[PLANE, r0, c0])  # fmt: skip
            return True, 0.0
    begin = min(near, min(_free_way(hits, r0, c0, under), _free_way(hits, r1, c1, under))) - 1.0
    if begin < 2.0:
        return False, 0.0
    form = form_in(grid, ox + dx * begin, oy + dy * begin, oz + dz * begin)
    if form != (WET + 16 if under else OPEN):
        begin = 0.0
    return False, begin


@inner
def find_surfaces(grid, scene, camera, ceilings, units, start, hits, places):
    """Fill what each pixel's ray meets: `hits` (3, H, W) distance, water; `places` (4, H, W) cell, face, plane, axis.

    Every fourth pixel of every fourth row is cast, then those halfway in the column, then those halfway in the row;
    then the same again with half the gap. A ray between two others need not be followed where they meet one surface,
    and not through the near space that both found empty: what is nearer than `near` is wider than the gap.
    """
    height, width = units.shape
    ox, oy, oz = camera[EYE_X], camera[EYE_Y], camera[EYE_Z]
    under = scene[UNDER] > 0.0
    whole = VIEW_UNDER_WATER if under else VIEW
    for turn in range(5):
        gap = 2 if turn < 3 else 1  # pixels to the two that are known
        row0, rows, column0, columns = ((0, 4, 0, 4), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))[turn]
        down, right = ((0, 0), (gap, 0), (0, gap), (gap, 0), (0, gap))[turn]
        near = 0.45 / (camera[PIXEL_SIZE] * gap)
        for row in range(row0, height, rows):
            for column in range(column0, width, columns):
                dx, dy, dz = ray(camera, row, column)
                unit = units[row, column]
                dx, dy, dz = dx * unit, dy * unit, dz * unit
                known, begin = False, 0.0
                if turn > 0 and row + down < height and column + right < width:
                    known, begin = _between(grid, camera, units, hits, places, row, column, down, right, dx, dy, dz,
                                            near, under)  # fmt: skip
                if known:
                    continue
                reach = min(whole, rising_reach(ceilings, oz, dx, dy, dz)) if dz > 0.0 else whole
                if reach <= begin and not under:  # above all that is in view
                    _note(hits, places, row, column, -1.0, -1.0, -1.0, 2, -1, -1, 0)
                    continue
                t, cell, face, plane, water_in, water_out, water_axis = cast(
                    grid, ox, oy, oz, dx, dy, dz, begin, max(begin, reach), start)  # fmt: skip
                _note(hits, places, row, column, t, water_in, water_out, water_axis, cell, face, plane)
