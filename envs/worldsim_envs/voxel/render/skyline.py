"""The skyline: from which slope on rays of a bearing pass over all roofs in view, so that they need not be followed.

A roof stands for all sectors and rings that its column, or square of columns, reaches into, so the skyline is never too
low: what it calls clear is clear.
"""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.render.camera import (
    COS_PITCH,
    COS_YAW,
    EYE_X,
    EYE_Y,
    EYE_Z,
    HALF_HEIGHT,
    HALF_WIDTH,
    PIXEL_SIZE,
    SIN_PITCH,
    SIN_YAW,
)
from worldsim_envs.voxel.render.cast import VIEW
from worldsim_envs.voxel.state import TILE

RING = 8  # blocks
RINGS, SECTORS = int(VIEW) // RING, 128
FINE = 12.0  # blocks; roofs further away are taken four at a time
STEEP = np.float32(1e30)  # a slope that no ray has
# Rounding in rays and in what follows is far below these, by which the skyline is too high and sectors are too wide.
HIGHER, NEARER, WIDER = np.float32(1.00001), np.float32(1e-4), np.float32(0.02)  # share, blocks, sectors
COLUMNS = TILE * TILE
ROOF, SLOPE, FIRST, LAST, FAR = (COLUMNS * line for line in range(5))  # lines of `room`
ROOM = 5 * COLUMNS
_PER_TURN = np.float32(SECTORS / 4)
_0, _HALF, _1, _2, _3, _4 = (np.float32(number) for number in (0.0, 0.5, 1.0, 2.0, 3.0, 4.0))


@inlined
def _bearing(dx, dy):
    """Return a direction's bearing, 0…4 once round: not the angle, but growing with it, and cheaper."""
    share = dy / (abs(dx) + abs(dy) + np.float32(1e-30))
    return _1 + share if dx >= _0 else _3 - share


@inlined
def _turn(dx, dy, middle):
    """Return by how much a direction's bearing differs from another one's, -2…2."""
    turn = _bearing(dx, dy) - middle
    return turn + _4 if turn < -_2 else (turn - _4 if turn > _2 else turn)


@inlined
def _sector(dx, dy):
    return np.int32(_bearing(dx, dy) * _PER_TURN) & np.int32(SECTORS - 1)


@inner
def _measure(room, bits, size, west, south, oz):
    """Fill slope, first and last sector, and ring of a tile's squares of columns, `size` wide, 1 << `bits` to a line.

    `west`, `south` is the tile's corner from the eye.
    """
    half, last = _HALF * size, (1 << bits) - 1
    for place in range(1 << (2 * bits)):
        x, y = west + size * np.float32(place >> bits), south + size * np.float32(place & last)
        mx, my = x + half, y + half
        middle = _bearing(mx, my)
        t0, t1 = _turn(x, y, middle), _turn(x + size, y, middle)
        t2, t3 = _turn(x, y + size, middle), _turn(x + size, y + size, middle)
        low, high = min(min(t0, t1), min(t2, t3)), max(max(t0, t1), max(t2, t3))
        away_x, away_y = max(_0, abs(mx) - half), max(_0, abs(my) - half)
        near = np.sqrt(away_x * away_x + away_y * away_y)
        about = near < np.float32(0.01)  # the eye
        slope = (room[ROOF + place] - oz + NEARER) / (near - NEARER) * HIGHER
        room[SLOPE + place] = STEEP if about else slope
        room[FIRST + place] = _0 if about else (middle + low) * _PER_TURN - WIDER
        room[LAST + place] = np.float32(SECTORS - 1) if about else (middle + high) * _PER_TURN + WIDER
        room[FAR + place] = min(np.float32(RINGS - 1), (near + np.float32(1.4143) * size) * np.float32(1.0 / RING))


@inner
def find_skyline(grid, camera, view, room, skyline):
    """Fill `skyline` (RINGS, SECTORS) f32: the slope from which rising rays pass over all from a ring up to `view`.

    `room` is for ROOM numbers f32. Only what may be in the picture counts.
    """
    roofs, tiles = grid[3], grid[4]
    ox, oy, oz = camera[EYE_X], camera[EYE_Y], camera[EYE_Z]
    wide, high = camera[HALF_WIDTH] * camera[PIXEL_SIZE], camera[HALF_HEIGHT] * camera[PIXEL_SIZE]
    least = camera[COS_PITCH] + high * min(0.0, camera[SIN_PITCH])  # how far ahead rising rays go, for `wide` aside
    slack = 0.7072 * TILE * (wide + abs(least))
    skyline[:, :] = _0
    a, b, around = int(np.floor(ox)) // TILE, int(np.floor(oy)) // TILE, int(view) // TILE + 1
    for i in range(a - around, a + around + 1):
        for j in range(b - around, b + around + 1):
            ta, tb = i & (tiles.shape[0] - 1), j & (tiles.shape[1] - 1)
            if tiles[ta, tb] <= oz:  # never met by a ray that rises
                continue
            west, south = i * TILE - ox, j * TILE - oy
            mx, my = west + 0.5 * TILE, south + 0.5 * TILE
            ahead, aside = mx * camera[SIN_YAW] + my * camera[COS_YAW], abs(mx * camera[COS_YAW] - my * camera[SIN_YAW])
            if least > 0.0 and aside * least > ahead * wide + slack:
                continue
            away_x, away_y = max(0.0, abs(mx) - 0.5 * TILE), max(0.0, abs(my) - 0.5 * TILE)
            away = away_x * away_x + away_y * away_y
            if away > view * view:
                continue
            size, bits = (1, 3) if away < FINE * FINE else (2, 2)
            for place in range(1 << (2 * bits)):
                x, y = TILE * ta + size * (place >> bits), TILE * tb + size * (place & ((1 << bits) - 1))
                roof = roofs[x, y]
                if size == 2:
                    roof = max(max(roof, roofs[x + 1, y]), max(roofs[x, y + 1], roofs[x + 1, y + 1]))
                room[ROOF + place] = roof
            _measure(room, bits, np.float32(size), np.float32(west), np.float32(south), np.float32(oz))
            for place in range(1 << (2 * bits)):
                if room[ROOF + place] > oz:
                    line, slope = skyline[int(room[FAR + place])], room[SLOPE + place]
                    for sector in range(int(np.floor(room[FIRST + place])), int(np.floor(room[LAST + place])) + 1):
                        line[sector & (SECTORS - 1)] = max(line[sector & (SECTORS - 1)], slope)
    for ring in range(RINGS - 2, -1, -1):
        line, beyond = skyline[ring], skyline[ring + 1]
        for sector in range(SECTORS):
            line[sector] = max(line[sector], beyond[sector])


@inlined
def rising_reach(skyline, dx, dy, dz):
    """Return how far a rising ray of length 1 may meet anything; it is above all roofs from there on."""
    flat = np.sqrt(dx * dx + dy * dy) + 1e-9
    slope, sector, ring = dz / flat, _sector(np.float32(dx), np.float32(dy)), RINGS
    while ring > 0 and slope >= skyline[ring - 1, sector]:
        ring -= 1
    return ring * RING / flat


@inner
def find_clear(skyline, dx, dy, dz, clear):
    """Mark the rays of a rising row that meet nothing: `clear` (W,). Returns how many they are."""
    top, count = skyline[0], 0
    for column in range(dx.shape[0]):
        east, north = dx[column], dy[column]
        flat = np.sqrt(east * east + north * north) + np.float32(1e-9)
        free = dz[column] >= top[_sector(east, north)] * flat
        clear[column] = free
        count += free
    return count
