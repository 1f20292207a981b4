"""How boxes move among blocks, and how the player walks, swims, jumps and falls at 20 Hz.

Speeds and jumps are Minecraft's: 4.3 m/s walking, 5.6 sprinting, 1.3 sneaking, jumps of 1.25 blocks. A box is its
middle at the feet, half its width and its height; a row of `entities` and the player's `body` begin alike.
"""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import controls as c
from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import AIR
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.events import EVENT

HALF_WIDTH, HEIGHT = 0.3, 1.8
AT_REST = -0.08 * 0.98  # velocity down of a player who stands: gravity of one tick, which the ground then stops
_EPS = 1e-6
_JUMPED, _LANDED, _BUMPED = (EVENT[name] for name in ("jumped", "landed", "bumped"))


@inner
def touches_solid(blocks, solid, x, y, z, half, height):
    """Return whether a box with feet at (x, y, z) overlaps a solid block."""
    nx, ny, nz = blocks.shape
    for i in range(int(np.floor(x - half)), int(np.floor(x + half)) + 1):
        for j in range(int(np.floor(y - half)), int(np.floor(y + half)) + 1):
            for k in range(max(0, int(np.floor(z))), min(nz - 1, int(np.floor(z + height))) + 1):
                if solid[blocks[i % nx, j % ny, k]]:
                    return True
    return False


@inner
def slide(blocks, solid, body, axis, distance, half, height):
    """Move a box along one axis until something solid stops it. Return whether it was stopped."""
    low = half if axis < 2 else 0.0
    high = half if axis < 2 else height
    while distance != 0.0:
        step = min(0.9, max(-0.9, distance))
        distance -= step
        before = body[axis]
        body[axis] = before + step
        if touches_solid(blocks, solid, body[s.X], body[s.Y], body[s.Z], half, height):
            if step > 0:
                stop = np.floor(before + step + high) - high - _EPS
                body[axis] = max(before, stop)
            else:
                stop = np.floor(before + step - low) + 1.0 + low + (_EPS if axis < 2 else 0.0)
                body[axis] = min(before, stop)
            return True
    return False


@inner
def block_at(blocks, x, y, z):
    """Return the block that holds a point; air above and below the world."""
    nx, ny, nz = blocks.shape
    k = int(np.floor(z))
    if k < 0 or k >= nz:
        return AIR
    return int(blocks[int(np.floor(x)) % nx, int(np.floor(y)) % ny, k])


@inner
def apart(from_, to, size):
    """Return the shorter way from one coordinate to another round a torus of `size`, with its sign."""
    return (to - from_ + 0.5 * size) % size - 0.5 * size


@inner
def look(body, action, ticks):
    """Turn the camera by its share of one env step."""
    body[s.YAW] = (body[s.YAW] + action[c.CAMERA_X] * c.CAMERA_DEGREES / ticks) % 360.0
    body[s.PITCH] = min(90.0, max(-90.0, body[s.PITCH] + action[c.CAMERA_Y] * c.CAMERA_DEGREES / ticks))


@inner
def accelerate(body, marks, action, in_water, events):
    """Add the player's own push to its velocity: walking, sprinting, sneaking, jumping, swimming."""
    forward = (1.0 if action[c.FORWARD] > 0.5 else 0.0) - (1.0 if action[c.BACK] > 0.5 else 0.0)
    right = (1.0 if action[c.RIGHT] > 0.5 else 0.0) - (1.0 if action[c.LEFT] > 0.5 else 0.0)
    sneak = action[c.SNEAK] > 0.5
    sprint = action[c.SPRINT] > 0.5 and forward > 0 and not sneak
    length = np.sqrt(forward * forward + right * right)
    share = 0.98 * (0.3 if sneak else 1.0) / max(1.0, length)
    yaw = np.radians(body[s.YAW])
    east, north = np.sin(yaw), np.cos(yaw)
    marks[s.JUMP_WAIT] = max(0, marks[s.JUMP_WAIT] - 1)
    if action[c.JUMP] > 0.5:
        if in_water:
            body[s.VZ] += 0.04
        elif marks[s.GROUND] and marks[s.JUMP_WAIT] == 0:
            body[s.VZ] = 0.42
            marks[s.JUMP_WAIT] = 10
            events[_JUMPED] += 1.0
            if sprint:
                body[s.VX] += 0.2 * east
                body[s.VY] += 0.2 * north
    else:
        marks[s.JUMP_WAIT] = 0
    if in_water:
        push = 0.02
    elif marks[s.GROUND]:
        push = 0.1
    else:
        push = 0.02
    push *= 1.3 if sprint else 1.0
    body[s.VX] += push * share * (forward * east + right * north)
    body[s.VY] += push * share * (forward * north - right * east)


@inner
def move(blocks, solid, body, marks, in_water, sneak, events):
    """Move by the velocity, stop at solid blocks, apply gravity and drag. Return how far a fall that ended was."""
    nx, ny = blocks.shape[0], blocks.shape[1]
    on_ground = marks[s.GROUND]
    wish_x, wish_y = body[s.VX], body[s.VY]
    if sneak and on_ground:  # never over an edge
        below = body[s.Z] - 0.6
        while wish_x != 0.0 and not touches_solid(
            blocks, solid, body[s.X] + wish_x, body[s.Y], below, HALF_WIDTH, HEIGHT
        ):
            wish_x = 0.0 if abs(wish_x) < 0.05 else wish_x - np.sign(wish_x) * 0.05
        east = body[s.X] + wish_x
        while wish_y != 0.0 and not touches_solid(
            blocks, solid, east, body[s.Y] + wish_y, below, HALF_WIDTH, HEIGHT
        ):
            wish_y = 0.0 if abs(wish_y) < 0.05 else wish_y - np.sign(wish_y) * 0.05
    fall, height = body[s.VZ], body[s.Z]
    stopped_z = slide(blocks, solid, body, s.Z, body[s.VZ], HALF_WIDTH, HEIGHT)
    stopped_x = slide(blocks, solid, body, s.X, wish_x, HALF_WIDTH, HEIGHT)
    stopped_y = slide(blocks, solid, body, s.Y, wish_y, HALF_WIDTH, HEIGHT)
    speed = np.sqrt(body[s.VX] ** 2 + body[s.VY] ** 2)
    bumped = (stopped_x and abs(wish_x) > 0.08) or (stopped_y and abs(wish_y) > 0.08)
    if bumped and marks[s.BUMP] == 0:
        events[_BUMPED] += 1.0
    marks[s.BUMP] = 5 if (stopped_x or stopped_y) and speed > 0.02 else max(0, marks[s.BUMP] - 1)
    body[s.VX] = 0.0 if stopped_x else wish_x
    body[s.VY] = 0.0 if stopped_y else wish_y
    if stopped_z:
        body[s.VZ] = 0.0
    marks[s.GROUND] = 1 if stopped_z and fall < 0.0 else 0
    body[s.X], body[s.Y] = body[s.X] % nx, body[s.Y] % ny

    if in_water:
        body[s.FALL] = 0.0
        body[s.VX], body[s.VY] = body[s.VX] * 0.8, body[s.VY] * 0.8
        body[s.VZ] = body[s.VZ] * 0.8 - 0.02
        east, north, bank = body[s.X] + wish_x, body[s.Y] + wish_y, body[s.Z] + 0.9
        if (stopped_x or stopped_y) and not touches_solid(blocks, solid, east, north, bank, HALF_WIDTH, HEIGHT):
            body[s.VZ] = 0.3  # out of the water, onto the bank
        return 0.0
    fallen = 0.0
    if body[s.Z] < height:
        body[s.FALL] += height - body[s.Z]
    if marks[s.GROUND]:
        fallen = body[s.FALL]
        if fallen > 0.6 and not on_ground:
            events[_LANDED] += 1.0
        body[s.FALL] = 0.0
    if fall > 0.0:
        body[s.FALL] = 0.0
    drag = 0.546 if on_ground else 0.91
    body[s.VX], body[s.VY] = body[s.VX] * drag, body[s.VY] * drag
    body[s.VZ] = (body[s.VZ] - 0.08) * 0.98
    return fallen
