"""One tick of the world at 20 Hz: the player moves, swims, mines and places, and the clock goes on.

Speeds and jumps are Minecraft's: 4.3 m/s walking, 5.6 sprinting, 1.3 sneaking, jumps of 1.25 blocks, in one tick order:
look, choose slot, mine or place, accelerate, move, gravity. `advance` runs several ticks and sums their events.
"""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import AIR, WATER
from worldsim_envs.voxel.compiled import compiled
from worldsim_envs.voxel.events import EVENT

# Fields of the action vector, in the order of VPT and Open-Oasis.
ACTION_NAMES = (
    "inventory", "ESC", *(f"hotbar.{slot}" for slot in range(1, 10)), "forward", "back", "left", "right",
    "cameraX", "cameraY", "jump", "sneak", "sprint", "swapHands", "attack", "use", "pickItem", "drop",
)  # fmt: skip
ACTION_INDEX = {name: index for index, name in enumerate(ACTION_NAMES)}
(_HOTBAR, _FORWARD, _BACK, _LEFT, _RIGHT, _CAMERA_X, _CAMERA_Y, _JUMP, _SNEAK, _SPRINT, _ATTACK, _USE, _PICK, _DROP) = (
    ACTION_INDEX[name]
    for name in ("hotbar.1", "forward", "back", "left", "right", "cameraX", "cameraY", "jump", "sneak", "sprint",
                 "attack", "use", "pickItem", "drop")
)  # fmt: skip
CAMERA_DEGREES = 20.0

HALF_WIDTH, HEIGHT = 0.3, 1.8
DEADLY_FALL, HURTING_FALL = 12.0, 4.0
SWING_TICKS, HURT_TICKS, PLACE_PAUSE = 6, 10, 4
_EPS = 1e-6
AT_REST = -0.08 * 0.98  # velocity down of a player who stands: gravity of one tick, which the ground then stops

_PLACED, _JUMPED, _LANDED, _ENTERED_WATER, _LEFT_WATER, _HURT, _DIED, _BUMPED, _DAY, _NIGHT, _FIRST_BIOME = (
    EVENT[name]
    for name in ("placed", "jumped", "landed", "entered_water", "left_water", "hurt", "died", "bumped", "day_broke",
                 "night_fell", "entered_plains")
)  # fmt: skip


@compiled
def touches_solid(blocks, solid, x, y, z):
    """Return whether the player's box with feet at (x, y, z) overlaps a solid block."""
    nx, ny, nz = blocks.shape
    for i in range(int(np.floor(x - HALF_WIDTH)), int(np.floor(x + HALF_WIDTH)) + 1):
        for j in range(int(np.floor(y - HALF_WIDTH)), int(np.floor(y + HALF_WIDTH)) + 1):
            for k in range(max(0, int(np.floor(z))), min(nz - 1, int(np.floor(z + HEIGHT))) + 1):
                if solid[blocks[i % nx, j % ny, k]]:
                    return True
    return False


@compiled
def slide(blocks, solid, body, axis, distance):
    """Move the player along one axis until something solid stops it. Return whether it was stopped."""
    low = HALF_WIDTH if axis < 2 else 0.0
    high = HALF_WIDTH if axis < 2 else HEIGHT
    while distance != 0.0:
        step = min(0.9, max(-0.9, distance))
        distance -= step
        before = body[axis]
        body[axis] = before + step
        if touches_solid(blocks, solid, body[s.X], body[s.Y], body[s.Z]):
            if step > 0:
                stop = np.floor(before + step + high) - high - _EPS
                body[axis] = max(before, stop)
            else:
                stop = np.floor(before + step - low) + 1.0 + low + (_EPS if axis < 2 else 0.0)
                body[axis] = min(before, stop)
            return True
    return False


@compiled
def block_at(blocks, x, y, z):
    """Return the block that holds a point; air above and below the world."""
    nx, ny, nz = blocks.shape
    k = int(np.floor(z))
    if k < 0 or k >= nz:
        return AIR
    return int(blocks[int(np.floor(x)) % nx, int(np.floor(y)) % ny, k])


@compiled
def eye_height(marks):
    """Return the height of the eye above the feet."""
    return s.SNEAK_EYE if marks[s.SNEAKING] else s.EYE


@compiled
def aim(blocks, solid, body, marks):
    """Find the solid block in view within reach; write it and the face that is seen into `marks`."""
    nx, ny, nz = blocks.shape
    yaw, pitch = np.radians(body[s.YAW]), np.radians(body[s.PITCH])
    d = (np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), -np.sin(pitch))
    o = (body[s.X], body[s.Y], body[s.Z] + eye_height(marks))
    i, j, k = int(np.floor(o[0])), int(np.floor(o[1])), int(np.floor(o[2]))
    si, sj, sk = (1 if d[0] > 0 else -1), (1 if d[1] > 0 else -1), (1 if d[2] > 0 else -1)
    wi, wj, wk = 1.0 / abs(d[0]), 1.0 / abs(d[1]), 1.0 / abs(d[2])
    ti = ((i + 1 - o[0]) if si > 0 else (o[0] - i)) * wi if d[0] != 0 else 1e30
    tj = ((j + 1 - o[1]) if sj > 0 else (o[1] - j)) * wj if d[1] != 0 else 1e30
    tk = ((k + 1 - o[2]) if sk > 0 else (o[2] - k)) * wk if d[2] != 0 else 1e30
    marks[s.TARGET] = 0
    while True:
        if ti <= tj and ti <= tk:
            t, i, face = ti, i + si, (1 if si > 0 else 0)
            ti += wi
        elif tj <= tk:
            t, j, face = tj, j + sj, (3 if sj > 0 else 2)
            tj += wj
        else:
            t, k, face = tk, k + sk, (5 if sk > 0 else 4)
            tk += wk
        if t > s.REACH:
            return
        if 0 <= k < nz and solid[blocks[i % nx, j % ny, k]]:
            marks[s.TARGET], marks[s.TARGET_FACE] = 1, face
            marks[s.TARGET_X], marks[s.TARGET_Y], marks[s.TARGET_Z] = i % nx, j % ny, k
            return


@compiled
def look(body, action, ticks):
    """Turn the camera by its share of one env step."""
    body[s.YAW] = (body[s.YAW] + action[_CAMERA_X] * CAMERA_DEGREES / ticks) % 360.0
    body[s.PITCH] = min(90.0, max(-90.0, body[s.PITCH] + action[_CAMERA_Y] * CAMERA_DEGREES / ticks))


@compiled
def mine(grid, tables, marks, inventory, events):
    """Go on mining the targeted block; when it breaks it becomes air and its drop goes into the hotbar."""
    blocks = grid[0]
    _, opaque, hardness, kind, drop = tables
    if marks[s.SWING] == 0:
        marks[s.SWING] = SWING_TICKS
    x, y, z = marks[s.TARGET_X], marks[s.TARGET_Y], marks[s.TARGET_Z]
    block = blocks[x, y, z]
    if marks[s.TARGET] == 0 or hardness[block] < 0:
        marks[s.MINE_TICKS] = 0
        return
    if marks[s.MINE_X] != x or marks[s.MINE_Y] != y or marks[s.MINE_Z] != z:
        marks[s.MINE_X], marks[s.MINE_Y], marks[s.MINE_Z], marks[s.MINE_TICKS] = x, y, z, 0
    marks[s.MINE_NEED] = hardness[block]
    marks[s.MINE_TICKS] += 1
    if marks[s.MINE_TICKS] < hardness[block]:
        return
    marks[s.MINE_TICKS] = 0
    s.put_block(grid, opaque, x, y, z, AIR)
    events[kind[block]] += 1.0
    for slot in range(s.HOTBAR):
        if inventory[slot, 0] == drop[block]:
            inventory[slot, 1] += 1
            return


@compiled
def place(grid, tables, body, marks, inventory, events):
    """Put a block of the chosen slot against the targeted face, unless the player or a block is there."""
    blocks = grid[0]
    nx, ny, nz = blocks.shape
    slot, face = marks[s.SLOT], marks[s.TARGET_FACE]
    if marks[s.TARGET] == 0 or inventory[slot, 1] <= 0:
        return
    x = (marks[s.TARGET_X] + (face == 0) - (face == 1)) % nx
    y = (marks[s.TARGET_Y] + (face == 2) - (face == 3)) % ny
    z = marks[s.TARGET_Z] + (face == 4) - (face == 5)
    if z < 0 or z >= nz or tables[0][blocks[x, y, z]]:
        return
    away_x = abs((x + 0.5 - body[s.X] + nx / 2) % nx - nx / 2)
    away_y = abs((y + 0.5 - body[s.Y] + ny / 2) % ny - ny / 2)
    if away_x < 0.5 + HALF_WIDTH and away_y < 0.5 + HALF_WIDTH and z + 1 > body[s.Z] and z < body[s.Z] + HEIGHT:
        return
    s.put_block(grid, tables[1], x, y, z, inventory[slot, 0])
    inventory[slot, 1] -= 1
    marks[s.COOLDOWN], marks[s.SWING] = PLACE_PAUSE, SWING_TICKS
    events[_PLACED] += 1.0


@compiled
def handle(grid, tables, body, marks, inventory, action, events):
    """Act with the hands: choose a slot, pick, drop, mine, place."""
    blocks = grid[0]
    for slot in range(s.HOTBAR):
        if action[_HOTBAR + slot] > 0.5:
            marks[s.SLOT] = slot
    aim(blocks, tables[0], body, marks)
    if action[_PICK] > 0.5 and marks[s.TARGET]:
        wanted = blocks[marks[s.TARGET_X], marks[s.TARGET_Y], marks[s.TARGET_Z]]
        for slot in range(s.HOTBAR):
            if inventory[slot, 0] == wanted:
                marks[s.SLOT] = slot
    if action[_DROP] > 0.5:
        inventory[marks[s.SLOT], 1] = max(0, inventory[marks[s.SLOT], 1] - 1)
    marks[s.SWING] = max(0, marks[s.SWING] - 1)
    marks[s.COOLDOWN] = max(0, marks[s.COOLDOWN] - 1)
    if action[_ATTACK] > 0.5:
        mine(grid, tables, marks, inventory, events)
    else:
        marks[s.MINE_TICKS] = 0
    if action[_USE] > 0.5:
        if marks[s.COOLDOWN] == 0:
            place(grid, tables, body, marks, inventory, events)
    else:
        marks[s.COOLDOWN] = 0


@compiled
def accelerate(body, marks, action, in_water, events):
    """Add the player's own push to its velocity: walking, sprinting, sneaking, jumping, swimming."""
    forward = (1.0 if action[_FORWARD] > 0.5 else 0.0) - (1.0 if action[_BACK] > 0.5 else 0.0)
    right = (1.0 if action[_RIGHT] > 0.5 else 0.0) - (1.0 if action[_LEFT] > 0.5 else 0.0)
    sneak = action[_SNEAK] > 0.5
    sprint = action[_SPRINT] > 0.5 and forward > 0 and not sneak
    length = np.sqrt(forward * forward + right * right)
    share = 0.98 * (0.3 if sneak else 1.0) / max(1.0, length)
    yaw = np.radians(body[s.YAW])
    east, north = np.sin(yaw), np.cos(yaw)
    marks[s.JUMP_WAIT] = max(0, marks[s.JUMP_WAIT] - 1)
    if action[_JUMP] > 0.5:
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


@compiled
def move(blocks, solid, body, marks, in_water, sneak, events):
    """Move by the velocity, stop at solid blocks, apply gravity and drag, follow falls to their end."""
    nx, ny, nz = blocks.shape
    on_ground = marks[s.GROUND]
    wish_x, wish_y = body[s.VX], body[s.VY]
    if sneak and on_ground:  # never over an edge
        while wish_x != 0.0 and not touches_solid(blocks, solid, body[s.X] + wish_x, body[s.Y], body[s.Z] - 0.6):
            wish_x = 0.0 if abs(wish_x) < 0.05 else wish_x - np.sign(wish_x) * 0.05
        east = body[s.X] + wish_x
        while wish_y != 0.0 and not touches_solid(blocks, solid, east, body[s.Y] + wish_y, body[s.Z] - 0.6):
            wish_y = 0.0 if abs(wish_y) < 0.05 else wish_y - np.sign(wish_y) * 0.05
    fall, height = body[s.VZ], body[s.Z]
    stopped_z = slide(blocks, solid, body, s.Z, body[s.VZ])
    stopped_x = slide(blocks, solid, body, s.X, wish_x)
    stopped_y = slide(blocks, solid, body, s.Y, wish_y)
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
        east, north = body[s.X] + wish_x, body[s.Y] + wish_y
        if (stopped_x or stopped_y) and not touches_solid(blocks, solid, east, north, body[s.Z] + 0.9):
            body[s.VZ] = 0.3  # out of the water, onto the bank
        return
    if body[s.Z] < height:
        body[s.FALL] += height - body[s.Z]
    if marks[s.GROUND]:
        if body[s.FALL] > 0.6 and not on_ground:
            events[_LANDED] += 1.0
        if body[s.FALL] > DEADLY_FALL:
            marks[s.DEAD] = 1
        elif body[s.FALL] > HURTING_FALL:
            events[_HURT] += 1.0
            marks[s.HURT] = HURT_TICKS
        body[s.FALL] = 0.0
    if fall > 0.0:
        body[s.FALL] = 0.0
    drag = 0.546 if on_ground else 0.91
    body[s.VX], body[s.VY] = body[s.VX] * drag, body[s.VY] * drag
    body[s.VZ] = (body[s.VZ] - 0.08) * 0.98


@compiled
def notice(blocks, biomes, body, marks, was_in_water, events):
    """Note what the tick led to: water, biome, time of day, death below the world."""
    feet = block_at(blocks, body[s.X], body[s.Y], body[s.Z] + 0.4)
    marks[s.IN_WATER] = 1 if feet == WATER else 0
    if marks[s.IN_WATER] and not was_in_water:
        events[_ENTERED_WATER] += 1.0
        body[s.FALL] = 0.0
    if was_in_water and not marks[s.IN_WATER]:
        events[_LEFT_WATER] += 1.0
    biome = biomes[int(body[s.X]) % biomes.shape[0], int(body[s.Y]) % biomes.shape[1]]
    if biome != marks[s.BIOME]:
        marks[s.BIOME] = biome
        events[_FIRST_BIOME + biome] += 1.0
    marks[s.TICK] += 1
    marks[s.CLOCK] = (marks[s.CLOCK] + 1) % marks[s.DAY_LENGTH]
    if marks[s.CLOCK] == 0:
        events[_DAY] += 1.0
    if marks[s.CLOCK] == marks[s.DAY_LENGTH] // 2:
        events[_NIGHT] += 1.0
    if body[s.Z] < -8.0:
        marks[s.DEAD] = 1
    if marks[s.DEAD]:
        events[_DIED] += 1.0


@compiled
def advance(grid, biomes, tables, body, marks, inventory, action, ticks, events):
    """Run `ticks` ticks of one action (25,), add events (E,) of all of them; stops at death."""
    blocks = grid[0]
    for _ in range(ticks):
        if marks[s.DEAD]:
            return
        was_in_water = marks[s.IN_WATER]
        look(body, action, ticks)
        marks[s.SNEAKING] = 1 if action[_SNEAK] > 0.5 else 0
        handle(grid, tables, body, marks, inventory, action, events)
        accelerate(body, marks, action, was_in_water, events)
        move(blocks, tables[0], body, marks, was_in_water, action[_SNEAK] > 0.5, events)
        marks[s.HURT] = max(0, marks[s.HURT] - 1)
        notice(blocks, biomes, body, marks, was_in_water, events)
        aim(blocks, tables[0], body, marks)
