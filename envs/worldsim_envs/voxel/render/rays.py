"""Where each pixel's ray meets the world: one exact ray caster, and a frame that casts as few rays as it can.

A ray passes over whole tiles and columns that end below it. A ray between two others is cast only where they do not
already say what it meets.
"""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import CUBE, OPEN, T_FORM, WATER, WET
from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.render.sky import UNDER
from worldsim_envs.voxel.state import TILE

VIEW = 48.0
VIEW_UNDER_WATER = 16.0
RINGS, SECTORS = int(VIEW) // TILE, 32
DEEP = 11.0  # nothing is seen through more water than this
FIELD_OF_VIEW = 70.0  # degrees, from the lower to the upper edge

# Fields of a camera, float64.
(EYE_X, EYE_Y, EYE_Z, SIN_YAW, COS_YAW, SIN_PITCH, COS_PITCH, PIXEL_SIZE, HALF_WIDTH, HALF_HEIGHT) = range(10)
CAMERA_FIELDS = 10
# Fields of `hits`, float32, -1 where there is none; and of `places`, int32. A cell is packed: x << 18 | y << 8 | z; a
# plane is in sixteenths of a block, since slabs are lower than cubes.
DISTANCE, WATER_IN, WATER_OUT = range(3)
CELL, FACE, PLANE, WATER_AXIS = range(4)


@inlined
def cast(grid, ox, oy, oz, dx, dy, dz, begin, reach, start):
    """Follow a ray to the first cube or slab; whole tiles and columns below the ray are passed over.

    Returns distance (-1 for none), packed cell, face and the face's coordinate in sixteenths (in the endless world, not
    round the torus), and the distances where a water body begins and ends (-1 where not; 0 for a start under water)
    with the axis of its surface. The ray is known to be free up to the distance `begin`; `start` is WATER for an eye
    under water.
    """
    blocks, roofs, tiles, traits = grid[0], grid[3], grid[4], grid[8]
    nx, ny, nz = blocks.shape
    mask_x, mask_y, tile_mask_x, tile_mask_y = nx - 1, ny - 1, tiles.shape[0] - 1, tiles.shape[1] - 1
    east, north, up = dx > 0, dy > 0, dz > 0
    si, sj, sk = (1 if east else -1), (1 if north else -1), (1 if up else -1)
    wi, wj = 1.0 / max(abs(dx), 1e-12), 1.0 / max(abs(dy), 1e-12)
    a, b = int(np.floor(ox + dx * begin)) // TILE, int(np.floor(oy + dy * begin)) // TILE
    next_a = (((a + 1) * TILE - ox) if east else (ox - a * TILE)) * wi
    next_b = (((b + 1) * TILE - oy) if north else (oy - b * TILE)) * wj
    t, z, axis = begin, oz + dz * begin, 2
    water_in, water_out, water_axis = (0.0 if start == WATER else -1.0), -1.0, 2
    while True:
        tile_end = min(min(next_a, next_b), reach)
        if min(z, oz + dz * tile_end) < tiles[a & tile_mask_x, b & tile_mask_y]:
            i = min(max(int(np.floor(ox + dx * t)), a * TILE), a * TILE + TILE - 1)
            j = min(max(int(np.floor(oy + dy * t)), b * TILE), b * TILE + TILE - 1)
            next_i = ((i + 1 - ox) if east else (ox - i)) * wi
            next_j = ((j + 1 - oy) if north else (oy - j)) * wj
            while True:
                end = min(min(next_i, next_j), tile_end)
                z_end = oz + dz * end
                x, y = i & mask_x, j & mask_y
                if min(z, z_end) < roofs[x, y]:
                    k, last = int(np.floor(z)), int(np.floor(z_end))
                    while True:
                        if 0 <= k < nz:
                            form, face = int(traits[blocks[x, y, k], T_FORM]), -1
                            if form == OPEN:
                                if water_in >= 0.0 and water_out < 0.0:
                                    water_out = t
                            elif form == CUBE:
                                face = 0
                            elif form > CUBE:
                                if water_in < 0.0:
                                    level = k + (form - WET) / 16.0
                                    if form == WET + 16 or oz + dz * t < level:
                                        water_in, water_axis = t, axis
                                        reach = min(reach, t + DEEP)
                                    elif not up and oz + dz * end < level:
                                        water_in, water_axis = (level - oz) / dz, 2
                                        reach = min(reach, water_in + DEEP)
                            elif (axis == 2 and up) or oz + dz * t < k + form / 16.0:
                                face = 0
                            elif not up and oz + dz * end < k + form / 16.0:
                                t, face = (k + form / 16.0 - oz) / dz, 4
                            elif water_in >= 0.0 and water_out < 0.0:
                                water_out = t
                            if face >= 0:
                                if face == 4:
                                    plane = 16 * k + form
                                elif axis == 0:
                                    face, plane = (1, 16 * i) if east else (0, 16 * i + 16)
                                elif axis == 1:
                                    face, plane = (3, 16 * j) if north else (2, 16 * j + 16)
                                else:
                                    face, plane = (5, 16 * k) if up else (4, 16 * k + 16)
                                return t, (((x << 10) | y) << 8) | k, face, plane, water_in, water_out, water_axis
                        if (last - k) * sk <= 0:  # rounding at a tile's border may put `last` behind k
                            break
                        k += sk
                        t, axis = ((k if up else k + 1) - oz) / dz, 2
                elif water_in >= 0.0 and water_out < 0.0:
                    water_out = t
                t, z = end, z_end
                if end >= tile_end:
                    break
                if next_i < next_j:
                    i, next_i, axis = i + si, next_i + wi, 0
                else:
                    j, next_j, axis = j + sj, next_j + wj, 1
        elif water_in >= 0.0 and water_out < 0.0:
            water_out = t
        if tile_end >= reach:
            return -1.0, -1, -1, 0, water_in, water_out, water_axis
        t, z = tile_end, oz + dz * tile_end
        if next_a < next_b:
            a, next_a, axis = a + si, next_a + TILE * wi, 0
        else:
            b, next_b, axis = b + sj, next_b + TILE * wj, 1


@inlined
def _bearing(dx, dy):
    """Return a direction's bearing, 0…4 once round: not the angle, but growing with it, and cheaper."""
    share = dy / (abs(dx) + abs(dy) + 1e-30)
    return 1.0 + share if dx >= 0.0 else 3.0 - share


@inner
def find_ceilings(tiles, ox, oy, oz, ceilings):
    """Fill the highest roof in view by bearing and distance: `ceilings[sector, ring]`, rings TILE blocks wide."""
    ceilings[:, :] = 0.0
    a, b, far = int(ox) // TILE, int(oy) // TILE, RINGS + 1
    for i in range(a - far, a + far + 1):
        for j in range(b - far, b + far + 1):
            roof = float(tiles[i & (tiles.shape[0] - 1), j & (tiles.shape[1] - 1)])
            if roof <= oz:  # never met by a ray that rises
                continue
            west, south = i * TILE - ox, j * TILE - oy
            away_x, away_y = max(0.0, max(west, -west - TILE)), max(0.0, max(south, -south - TILE))
            reach_x, reach_y = max(abs(west), abs(west + TILE)), max(abs(south), abs(south + TILE))
            first_ring = int(np.sqrt(away_x * away_x + away_y * away_y) / TILE)
            last_ring = min(RINGS - 1, int(np.sqrt(reach_x * reach_x + reach_y * reach_y) / TILE))
            middle, low, high = _bearing(west + 0.5 * TILE, south + 0.5 * TILE), 0.0, 0.0
            for corner in range(4):
                turn = _bearing(west + TILE * (corner & 1), south + TILE * (corner >> 1)) - middle
                turn += 4.0 if turn < -2.0 else (-4.0 if turn > 2.0 else 0.0)
                low, high = min(low, turn), max(high, turn)
            first = int(np.floor((middle + low) * SECTORS / 4))
            last = int(np.floor((middle + high) * SECTORS / 4))
            if away_x == 0.0 and away_y == 0.0:
                first, last = 0, SECTORS - 1
            for sector in range(first, last + 1):
                for ring in range(first_ring, last_ring + 1):
                    ceilings[sector & (SECTORS - 1), ring] = max(ceilings[sector & (SECTORS - 1), ring], roof)


@inlined
def _rising_reach(ceilings, oz, dx, dy, dz):
    """Return how far a rising ray of length 1 may meet anything; it is above all roofs from there on."""
    flat = np.sqrt(dx * dx + dy * dy) + 1e-9
    slope = dz / flat
    sector = int(_bearing(dx, dy) * (SECTORS / 4)) & (SECTORS - 1)
    ring = RINGS - 1
    while ring >= 0 and oz + slope * (ring * TILE) >= ceilings[sector, ring]:
        ring -= 1
    return (ring + 1) * TILE / flat


@inlined
def ray(camera, row, column):
    """Return the direction of a pixel's ray, with a forward part of 1; times `units`, of length 1."""
    u = (column + 0.5 - camera[HALF_WIDTH]) * camera[PIXEL_SIZE]
    v = (camera[HALF_HEIGHT] - row - 0.5) * camera[PIXEL_SIZE]
    flat = camera[COS_PITCH] + v * camera[SIN_PITCH]
    return (
        camera[SIN_YAW] * flat + camera[COS_YAW] * u,
        camera[COS_YAW] * flat - camera[SIN_YAW] * u,
        v * camera[COS_PITCH] - camera[SIN_PITCH],
    )


@inner
def set_camera(camera, body, marks, height, width):
    """Write the eye's place and the picture's frame into `camera`."""
    yaw, pitch = np.radians(body[s.YAW]), np.radians(body[s.PITCH])
    camera[EYE_X], camera[EYE_Y], camera[EYE_Z] = body[s.X], body[s.Y], body[s.Z] + s.eye_height(marks)
    camera[SIN_YAW], camera[COS_YAW], camera[SIN_PITCH], camera[COS_PITCH] = (
        np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch))  # fmt: skip
    camera[PIXEL_SIZE] = 2.0 * np.tan(np.radians(0.5 * FIELD_OF_VIEW)) / height
    camera[HALF_WIDTH], camera[HALF_HEIGHT] = 0.5 * width, 0.5 * height


@inlined
def form_in(grid, x, y, z):
    """Return what rays meet at a point (T_FORM of its block), nothing above and below the world."""
    blocks, traits = grid[0], grid[8]
    nx, ny, nz = blocks.shape
    k = int(np.floor(z))
    if k < 0 or k >= nz:
        return OPEN
    return int(traits[blocks[int(np.floor(x)) & (nx - 1), int(np.floor(y)) & (ny - 1), k], T_FORM])


@inlined
def shows(form, face, plane):
    """Return whether a block of this form has a face, or its top, in a plane (in sixteenths) through its cell."""
    return form == (plane & 15) if face == 4 and (plane & 15) > 0 else form == CUBE


@inlined
def _same_surface(grid, hits, places, r0, c0, r1, c1, ox, oy, oz, dx, dy, dz, near):
    """Return distance and cell of the surface that a ray between two pixels meets, or a cell of -1 if that is not sure.

    Sure are rays between two hits of one face, and, near enough that nothing narrower than two pixels can stand in the
    way, rays between two hits of one plane, where the plane is solid at that point and open in front of it.
    """
    cell, face, plane = places[r0, c0, CELL], places[r0, c0, FACE], places[r0, c0, PLANE]
    if cell < 0 or face != places[r1, c1, FACE] or plane != places[r1, c1, PLANE]:
        return 0.0, -1
    origin, slope = (ox, dx) if face < 2 else ((oy, dy) if face < 4 else (oz, dz))
    t = (plane / 16.0 - origin) / slope
    if cell == places[r1, c1, CELL]:
        return t, cell
    if hits[r0, c0, DISTANCE] > near or hits[r1, c1, DISTANCE] > near:
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
    if ahead != OPEN:
        return 0.0, -1
    i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    return t, ((((i & (grid[0].shape[0] - 1)) << 10) | (j & (grid[0].shape[1] - 1))) << 8) | k


@inlined
def _water_level(grid, camera, units, hits, places, r0, c0, r1, c1, ox, oy, oz, dx, dy, dz, field, near):
    """Return where a ray crosses the level of water between two that both cross it and meet nothing; -1 if not sure.

    `field` is WATER_IN for rays into deep water and WATER_OUT for rays out of it, from an eye under water to the sky.
    """
    t0, t1 = hits[r0, c0, field], hits[r1, c1, field]
    if places[r0, c0, CELL] >= 0 or places[r1, c1, CELL] >= 0 or t0 <= 0.0 or t1 <= 0.0 or max(t0, t1) > near:
        return -1.0
    if field == WATER_IN:
        level = hits[r0, c0, WATER_OUT] < 0.0 and hits[r1, c1, WATER_OUT] < 0.0
        level = level and places[r0, c0, WATER_AXIS] == 2 and places[r1, c1, WATER_AXIS] == 2 and dz < 0.0
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
    t = hits[row, column, DISTANCE]
    water = hits[row, column, WATER_OUT] if under else hits[row, column, WATER_IN]
    return water if water >= 0.0 else (t if t >= 0.0 else 1e9)


@inlined
def _note(hits, places, row, column, t, water_in, water_out, water_axis, cell, face, plane):
    """Write what a pixel's ray meets."""
    hits[row, column, DISTANCE], hits[row, column, WATER_IN], hits[row, column, WATER_OUT] = t, water_in, water_out
    places[row, column, CELL], places[row, column, FACE] = cell, face
    places[row, column, PLANE], places[row, column, WATER_AXIS] = plane, water_axis


@inlined
def _between(grid, camera, units, hits, places, row, column, down, right, dx, dy, dz, near, under):
    """Return whether a pixel's two known neighbours say what it meets, which is noted, or else how far it is free."""
    ox, oy, oz = camera[EYE_X], camera[EYE_Y], camera[EYE_Z]
    r0, r1, c0, c1 = row - down, row + down, column - right, column + right
    calm0 = hits[r0, c0, WATER_OUT] < 0.0 if under else hits[r0, c0, WATER_IN] < 0.0
    calm1 = hits[r1, c1, WATER_OUT] < 0.0 if under else hits[r1, c1, WATER_IN] < 0.0
    if calm0 and calm1:
        t, cell = _same_surface(grid, hits, places, r0, c0, r1, c1, ox, oy, oz, dx, dy, dz, near)
        if cell >= 0:
            _note(hits, places, row, column, t, 0.0 if under else -1.0, -1.0, 2, cell, places[r0, c0, FACE],
                  places[r0, c0, PLANE])  # fmt: skip
            return True, 0.0
    elif not calm0 and not calm1:
        t = _water_level(grid, camera, units, hits, places, r0, c0, r1, c1, ox, oy, oz, dx, dy, dz,
                         WATER_OUT if under else WATER_IN, near)  # fmt: skip
        if t > 0.0:
            _note(hits, places, row, column, -1.0, 0.0 if under else t, t if under else -1.0, 2, -1, -1, 0)
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
    """Fill what each pixel's ray meets: `hits` (H, W, 3) distance, water; `places` (H, W, 4) cell, face, plane, axis.

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
                reach = min(whole, _rising_reach(ceilings, oz, dx, dy, dz)) if dz > 0.0 else whole
                if reach <= begin and not under:  # above all that is in view
                    _note(hits, places, row, column, -1.0, -1.0, -1.0, 2, -1, -1, 0)
                    continue
                t, cell, face, plane, water_in, water_out, water_axis = cast(
                    grid, ox, oy, oz, dx, dy, dz, begin, max(begin, reach), start)  # fmt: skip
                _note(hits, places, row, column, t, water_in, water_out, water_axis, cell, face, plane)
