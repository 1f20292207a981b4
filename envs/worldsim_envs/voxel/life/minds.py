"""What creatures want: to wander and graze, to flee when hurt, to hunt the player in the dark; and how they walk.

Choices hang on a creature's number and the tick, so the same world lives the same way in every replay.
"""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.chance import chance
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.kinds import ARROW, FIRST_MONSTER, FLEE, GRAZE, HUNT, KIND_IDS, STILL, WANDER
from worldsim_envs.voxel.life.fights import lose_hearts
from worldsim_envs.voxel.life.spawn import CREATURES, spawn
from worldsim_envs.voxel.motion import apart, block_at, slide
from worldsim_envs.voxel.survival import harm
from worldsim_envs.voxel.tables import FLUID, SIZES, SOLID, SPEEDS

AWAKE = 64.0  # blocks from the player beyond which creatures stand still
SIGHT, STRIKE, SHOT = 16.0, 1.4, 12.0
STRIKE_PAUSE, SHOT_PAUSE = 20, 40
TURN = 12.0  # degrees per tick
_SKELETON, _SPIDER, _CHICKEN = KIND_IDS["skeleton"], KIND_IDS["spider"], KIND_IDS["chicken"]
_BLOWS = 3.0
_ATTACKED, _SHOT = EVENT["attacked"], EVENT["arrow_shot"]


@inner
def is_day(w):
    """Return whether the sun is up."""
    return w.marks[s.CLOCK] < w.marks[s.DAY_LENGTH] // 2


@inner
def choose(w, row, distance):
    """Choose what a creature does next, when it has come to the end of what it did or the player is near."""
    kind, mode = w.kinds[row, s.KIND], w.kinds[row, s.MODE]
    w.kinds[row, s.TIMER] -= 1
    if kind >= FIRST_MONSTER:
        hunts = distance < SIGHT and (kind != _SPIDER or not is_day(w) or w.kinds[row, s.PAIN] > 0)
        if hunts:
            w.kinds[row, s.MODE], w.kinds[row, s.TIMER] = HUNT, 20
            return
    if w.kinds[row, s.TIMER] > 0:
        return
    number, now = w.kinds[row, s.NUMBER], w.marks[s.TICK]
    luck = chance(w.random[0] + np.uint64(61), number, now)
    mode = WANDER if luck < 0.5 else (GRAZE if luck < 0.7 and kind < FIRST_MONSTER else STILL)
    w.kinds[row, s.MODE] = mode
    w.kinds[row, s.TIMER] = 30 + int(90 * chance(w.random[0] + np.uint64(62), number, now))
    if mode == WANDER:
        w.kinds[row, s.GOAL_X] = int(360 * chance(w.random[0] + np.uint64(63), number, now))


@inner
def turn_to(e, field, goal, most):
    """Turn an angle of a creature towards a goal by at most so many degrees."""
    e[field] = (e[field] + min(most, max(-most, apart(e[field], goal, 360.0)))) % 360.0


@inner
def is_steep(w, e, yaw):
    """Return whether a step ahead leads down more than three blocks, or into lava."""
    x, y = e[s.X] + 0.9 * np.sin(yaw), e[s.Y] + 0.9 * np.cos(yaw)
    for down in range(4):
        block = block_at(w.grid[0], x, y, e[s.Z] - down + 0.1)
        if FLUID[block] == 2:
            return True
        if SOLID[block] or FLUID[block] > 0:
            return False
    return True


@inner
def walk(w, row, push, events):
    """Push a creature the way it looks; it jumps at walls, swims, falls, and moves its limbs as fast as it goes."""
    blocks, e = w.grid[0], w.entities[row]
    kind = w.kinds[row, s.KIND]
    half, height = SIZES[kind, 0], SIZES[kind, 1]
    yaw = np.radians(e[s.YAW])
    swims = FLUID[block_at(blocks, e[s.X], e[s.Y], e[s.Z] + 0.4)] > 0
    stands = w.kinds[row, s.STANDS] > 0
    if push > 0.0 and stands and not swims and is_steep(w, e, yaw):
        push = 0.0
        w.kinds[row, s.GOAL_X] = (w.kinds[row, s.GOAL_X] + 120) % 360
    share = push * (0.3 if swims or not stands else 1.0)
    e[s.VX] += share * np.sin(yaw)
    e[s.VY] += share * np.cos(yaw)
    fall, was = e[s.VZ], e[s.Z]
    stopped_z = slide(blocks, SOLID, e, s.Z, e[s.VZ], half, height)
    stopped = slide(blocks, SOLID, e, s.X, e[s.VX], half, height)
    stopped = slide(blocks, SOLID, e, s.Y, e[s.VY], half, height) or stopped
    e[s.X], e[s.Y] = e[s.X] % blocks.shape[0], e[s.Y] % blocks.shape[1]
    stands = stopped_z and fall < 0.0
    w.kinds[row, s.STANDS], w.kinds[row, s.SWIMS] = 1 if stands else 0, 1 if swims else 0
    e[s.FALL] = 0.0 if swims or fall > 0.0 else e[s.FALL] + max(0.0, was - e[s.Z])
    if stands:
        if e[s.FALL] > 3.5 and kind != _CHICKEN:
            lose_hearts(w, row, int(e[s.FALL] - 3.0), False, events)
        e[s.FALL] = 0.0
    speed = np.sqrt(e[s.VX] ** 2 + e[s.VY] ** 2)
    e[s.LIMB_SPEED] += (min(1.0, 8.0 * speed) - e[s.LIMB_SPEED]) * 0.3
    e[s.LIMB] = (e[s.LIMB] + 0.6662 * e[s.LIMB_SPEED] * 0.9) % (2.0 * np.pi)
    if swims:
        e[s.VX], e[s.VY], e[s.VZ] = 0.8 * e[s.VX], 0.8 * e[s.VY], 0.8 * e[s.VZ] + 0.02
        if stopped:
            e[s.VZ] = 0.3
        return
    if stopped_z:
        e[s.VZ] = 0.0
    drag = 0.546 if stands else 0.91
    e[s.VX], e[s.VY] = e[s.VX] * drag, e[s.VY] * drag
    e[s.VZ] = (e[s.VZ] - 0.08) * 0.98
    if kind == _CHICKEN and e[s.VZ] < -0.1:
        e[s.VZ] = -0.1
    if stopped and stands and push > 0.0:
        e[s.VZ] = 0.42


@inner
def keep_apart(w, row):
    """Push a creature away from others and from the player where they overlap."""
    nx, ny = w.grid[0].shape[0], w.grid[0].shape[1]
    e, half = w.entities[row], SIZES[w.kinds[row, s.KIND], 0]
    for other in range(-1, CREATURES):
        if other == row or (other >= 0 and w.kinds[other, s.KIND] == 0):
            continue
        x, y = (w.body[s.X], w.body[s.Y]) if other < 0 else (w.entities[other, s.X], w.entities[other, s.Y])
        z = w.body[s.Z] if other < 0 else w.entities[other, s.Z]
        reach = half + (0.3 if other < 0 else SIZES[w.kinds[other, s.KIND], 0])
        dx, dy = apart(x, e[s.X], nx), apart(y, e[s.Y], ny)
        if abs(dx) < reach and abs(dy) < reach and abs(e[s.Z] - z) < 1.8:
            length = max(0.05, np.sqrt(dx * dx + dy * dy))
            e[s.VX] += 0.03 * dx / length
            e[s.VY] += 0.03 * dy / length


@inner
def hunt(w, row, distance, dx, dy, events):
    """Let a monster strike the player, or shoot, when near enough."""
    e = w.entities[row]
    dz = w.body[s.Z] - e[s.Z]
    if w.kinds[row, s.PAUSE] > 0:
        return
    if w.kinds[row, s.KIND] == _SKELETON:
        if 2.0 < distance < SHOT:
            arrow = spawn(w, ARROW, e[s.X] + 0.6 * dx / distance, e[s.Y] + 0.6 * dy / distance, e[s.Z] + 1.5)
            if arrow >= 0:
                flight = distance / 0.9
                w.entities[arrow, s.VX], w.entities[arrow, s.VY] = 0.9 * dx / distance, 0.9 * dy / distance
                w.entities[arrow, s.VZ] = dz / flight + 0.01 * flight
                events[_SHOT] += 1.0
            w.kinds[row, s.PAUSE] = SHOT_PAUSE
    elif distance < STRIKE and abs(dz) < 2.0:
        w.kinds[row, s.PAUSE] = STRIKE_PAUSE
        if harm(w, _BLOWS, events):
            events[_ATTACKED] += 1.0
            away = max(0.1, distance)
            w.body[s.VX] += 0.35 * dx / away
            w.body[s.VY] += 0.35 * dy / away


@inner
def smoulder(w, row, events):
    """Burn a zombie or a skeleton that stands in the sun."""
    e, nz = w.entities[row], w.grid[0].shape[2]
    z = min(nz - 1, max(0, int(e[s.Z] + 1.5)))
    lit = w.grid[1][int(e[s.X]) % w.grid[0].shape[0], int(e[s.Y]) % w.grid[0].shape[1], z] > 200
    burns = is_day(w) and lit and w.kinds[row, s.SWIMS] == 0 and w.weather[s.RAIN] < 0.3
    w.kinds[row, s.ALIGHT] = w.kinds[row, s.ALIGHT] + 1 if burns else 0
    if w.kinds[row, s.ALIGHT] > 0 and w.kinds[row, s.ALIGHT] % 20 == 0:
        lose_hearts(w, row, 2, False, events)


@inner
def live(w, row, events):
    """Run one tick of a creature."""
    nx, ny = w.grid[0].shape[0], w.grid[0].shape[1]
    e, kind = w.entities[row], w.kinds[row, s.KIND]
    dx, dy = apart(e[s.X], w.body[s.X], nx), apart(e[s.Y], w.body[s.Y], ny)
    distance = np.sqrt(dx * dx + dy * dy)
    w.kinds[row, s.AGE] += 1
    w.kinds[row, s.PAIN] = max(0, w.kinds[row, s.PAIN] - 1)
    w.kinds[row, s.PAUSE] = max(0, w.kinds[row, s.PAUSE] - 1)
    if distance > AWAKE:
        return
    choose(w, row, distance)
    mode = w.kinds[row, s.MODE]
    to_player = np.degrees(np.arctan2(dx, dy)) % 360.0
    push = 0.0
    if mode == WANDER:
        turn_to(e, s.YAW, float(w.kinds[row, s.GOAL_X]), TURN)
        push = SPEEDS[kind]
    elif mode == FLEE:
        turn_to(e, s.YAW, (to_player + 180.0) % 360.0, 3.0 * TURN)
        push = 2.0 * SPEEDS[kind]
    elif mode == HUNT:
        turn_to(e, s.YAW, to_player, 2.0 * TURN)
        push = 0.0 if distance < 1.0 or (kind == _SKELETON and distance < 6.0) else 1.6 * SPEEDS[kind]
        hunt(w, row, distance, dx, dy, events)
    turn_to(e, s.HEAD_YAW, to_player if mode == STILL and distance < 6.0 else e[s.YAW], TURN)
    e[s.PITCH] += ((50.0 if mode == GRAZE else 0.0) - e[s.PITCH]) * 0.2
    keep_apart(w, row)
    walk(w, row, push, events)
    if kind >= FIRST_MONSTER and kind != _SPIDER and w.kinds[row, s.KIND] == kind:
        smoulder(w, row, events)
