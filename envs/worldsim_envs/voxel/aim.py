"""What the player looks at: the first block or creature within reach along the line of sight."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.compiled import compiled, inner
from worldsim_envs.voxel.kinds import FIRST_CREATURE
from worldsim_envs.voxel.motion import apart
from worldsim_envs.voxel.tables import AIMED, BOUNDS, SIZES

_WHOLE = 0.999


@inner
def sight(body, marks):
    """Return where the eye is and the direction of its sight: x, y, z, dx, dy, dz."""
    yaw, pitch = np.radians(body[s.YAW]), np.radians(body[s.PITCH])
    return (body[s.X], body[s.Y], body[s.Z] + s.eye_height(marks),
            np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), -np.sin(pitch))  # fmt: skip


@inner
def meet_box(line, west, south, low, east, north, high):
    """Return the distance at which a line meets a box from outside and the face that it meets; -1, 0 for none."""
    near, far, face = -1e30, 1e30, 0
    for axis in range(3):
        o, d = line[axis], line[axis + 3]
        first, last = (west, south, low)[axis], (east, north, high)[axis]
        if abs(d) < 1e-12:
            if o < first or o > last:
                return -1.0, 0
            continue
        a, b = (first - o) / d, (last - o) / d
        if min(a, b) > near:
            near, face = min(a, b), 2 * axis + (1 if d > 0 else 0)
        far = min(far, max(a, b))
    if near > far or near < 0.0:
        return -1.0, 0
    return near, face


@inner
def trace(blocks, picked, bounds, line):
    """Return distance, cell and face of the first block of a `picked` kind within reach; distance -1 for none."""
    nx, ny, nz = blocks.shape
    ox, oy, oz, dx, dy, dz = line
    i, j, k = int(np.floor(ox)), int(np.floor(oy)), int(np.floor(oz))
    si, sj, sk = (1 if dx > 0 else -1), (1 if dy > 0 else -1), (1 if dz > 0 else -1)
    wi, wj, wk = 1.0 / abs(dx), 1.0 / abs(dy), 1.0 / abs(dz)
    ti = ((i + 1 - ox) if si > 0 else (ox - i)) * wi if dx != 0 else 1e30
    tj = ((j + 1 - oy) if sj > 0 else (oy - j)) * wj if dy != 0 else 1e30
    tk = ((k + 1 - oz) if sk > 0 else (oz - k)) * wk if dz != 0 else 1e30
    distance, face, first = 0.0, 0, True
    while True:
        block = blocks[i % nx, j % ny, k] if 0 <= k < nz else 0
        if picked[block]:
            b = bounds[block]
            if b[5] - b[2] > _WHOLE and b[3] - b[0] > _WHOLE and b[4] - b[1] > _WHOLE:
                if not first:
                    return distance, i % nx, j % ny, k, face
            else:
                met, side = meet_box(line, i + b[0], j + b[1], k + b[2], i + b[3], j + b[4], k + b[5])
                if 0.0 <= met <= s.REACH:
                    return met, i % nx, j % ny, k, side
        first = False
        if ti <= tj and ti <= tk:
            distance, i, face = ti, i + si, (1 if si > 0 else 0)
            ti += wi
        elif tj <= tk:
            distance, j, face = tj, j + sj, (3 if sj > 0 else 2)
            tj += wj
        else:
            distance, k, face = tk, k + sk, (5 if sk > 0 else 4)
            tk += wk
        if distance > s.REACH:
            return -1.0, 0, 0, 0, 0


@compiled
def aim(w):
    """Write into `marks` the block (and the face of it) or the creature in view within reach, whichever is nearer."""
    blocks, body, marks = w.grid[0], w.body, w.marks
    line = sight(body, marks)
    distance, x, y, z, face = trace(blocks, AIMED, BOUNDS, line)
    marks[s.TARGET] = 1 if distance >= 0.0 else 0
    marks[s.TARGET_ENTITY] = 0
    if distance >= 0.0:
        marks[s.TARGET_FACE], marks[s.TARGET_X], marks[s.TARGET_Y], marks[s.TARGET_Z] = face, x, y, z
        px, py, pz = line[0] + distance * line[3], line[1] + distance * line[4], line[2] + distance * line[5]
        body[s.HIT_U] = py - np.floor(py) if face < 2 else px - np.floor(px)
        body[s.HIT_V] = py - np.floor(py) if face >= 4 else pz - np.floor(pz)
    nearest = distance if distance >= 0.0 else s.REACH
    nx, ny = blocks.shape[0], blocks.shape[1]
    for row in range(s.MAX_ENTITIES):
        kind = w.kinds[row, s.KIND]
        if kind < FIRST_CREATURE:
            continue
        x, y = line[0] + apart(line[0], w.entities[row, s.X], nx), line[1] + apart(line[1], w.entities[row, s.Y], ny)
        half, z = SIZES[kind, 0] + 0.1, w.entities[row, s.Z]
        met, _ = meet_box(line, x - half, y - half, z, x + half, y + half, z + SIZES[kind, 1] + 0.1)
        if 0.0 <= met < nearest:
            nearest = met
            marks[s.TARGET], marks[s.TARGET_ENTITY] = 0, row + 1
