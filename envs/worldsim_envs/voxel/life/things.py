"""Drops, falling blocks, fragments and arrows: they fly, fall, come to rest, are picked up, and vanish in time."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import AIR
from worldsim_envs.voxel.chance import chance
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.kinds import ARROW, DROP, FALLING, FRAGMENT
from worldsim_envs.voxel.life.spawn import drop_item, remove, spawn
from worldsim_envs.voxel.motion import apart, block_at, slide
from worldsim_envs.voxel.pack import take_in
from worldsim_envs.voxel.survival import harm
from worldsim_envs.voxel.systems.change import change
from worldsim_envs.voxel.systems.leaving import leave
from worldsim_envs.voxel.tables import FLUID, SIZES, SOLID, WASHED

DROP_TICKS, FRAGMENT_TICKS, ARROW_TICKS, FRAGMENTS = 2400, 40, 80, 8
PICK_UP = 1.0
_LANDED, _PICKED_UP = EVENT["sand_landed"], EVENT["picked_up"]


@inner
def fly(w, row, gravity):
    """Move a thing by its velocity, with gravity and drag. Return whether it was stopped, and lies on something."""
    blocks, e = w.grid[0], w.entities[row]
    half, height = SIZES[w.kinds[row, s.KIND], 0], SIZES[w.kinds[row, s.KIND], 1]
    if FLUID[block_at(blocks, e[s.X], e[s.Y], e[s.Z] + 0.1)] > 0 and w.kinds[row, s.KIND] == DROP:
        e[s.VZ] = min(0.06, e[s.VZ] + 0.03)
    else:
        e[s.VZ] -= gravity
    falls = e[s.VZ] < 0.0
    stopped_z = slide(blocks, SOLID, e, s.Z, e[s.VZ], half, height)
    stopped = slide(blocks, SOLID, e, s.X, e[s.VX], half, height)
    stopped = slide(blocks, SOLID, e, s.Y, e[s.VY], half, height) or stopped
    e[s.X], e[s.Y] = e[s.X] % blocks.shape[0], e[s.Y] % blocks.shape[1]
    lies = stopped_z and falls
    drag = 0.55 if lies else 0.98
    e[s.VX], e[s.VY] = e[s.VX] * drag, e[s.VY] * drag
    e[s.VZ] = 0.0 if stopped_z else e[s.VZ] * 0.98
    return stopped or stopped_z, lies


@inner
def lie_about(w, row, events):
    """Let a drop fall and turn, and the player pick it up."""
    fly(w, row, 0.04)
    w.entities[row, s.SPIN] = (w.entities[row, s.SPIN] + 3.0) % 360.0
    w.kinds[row, s.PAUSE] = max(0, w.kinds[row, s.PAUSE] - 1)
    nx, ny = w.grid[0].shape[0], w.grid[0].shape[1]
    away = w.body[s.Z] - w.entities[row, s.Z]
    if (
        w.kinds[row, s.PAUSE] == 0
        and abs(apart(w.entities[row, s.X], w.body[s.X], nx)) < PICK_UP
        and abs(apart(w.entities[row, s.Y], w.body[s.Y], ny)) < PICK_UP
        and -2.0 < away < 1.0
    ):
        left = take_in(w, w.kinds[row, s.CARRIES], w.kinds[row, s.AMOUNT], events)
        if left < w.kinds[row, s.AMOUNT]:
            events[_PICKED_UP] += 1.0
        w.kinds[row, s.AMOUNT] = left
        if left == 0:
            remove(w, row)


@inner
def come_down(w, row, events):
    """Let a block fall, and be a block again where it lands, or a drop where there is no room."""
    _, lies = fly(w, row, 0.04)
    if not lies:
        return
    block = int(w.kinds[row, s.CARRIES])
    x, y, z = int(w.entities[row, s.X]), int(w.entities[row, s.Y]), int(np.floor(w.entities[row, s.Z] + 0.01))
    remove(w, row)
    there = int(w.grid[0][x, y, z])
    events[_LANDED] += 1.0
    if there == AIR or FLUID[there] > 0 or WASHED[there]:
        if WASHED[there]:
            leave(w, there, x, y, z)
        change(w, x, y, z, block)
    else:
        leave(w, block, x, y, z)


@inner
def speed_on(w, row, events):
    """Let an arrow fly until it meets the player or a block."""
    e = w.entities[row]
    stopped, _ = fly(w, row, 0.02)
    e[s.YAW] = np.degrees(np.arctan2(e[s.VX], e[s.VY])) % 360.0
    nx, ny = w.grid[0].shape[0], w.grid[0].shape[1]
    if stopped:
        remove(w, row)
    elif (
        abs(apart(e[s.X], w.body[s.X], nx)) < 0.5
        and abs(apart(e[s.Y], w.body[s.Y], ny)) < 0.5
        and -0.3 < e[s.Z] - w.body[s.Z] < 2.0
    ):
        harm(w, 3.0, events)
        remove(w, row)


@inner
def move_thing(w, row, events):
    """Run one tick of an entity that is no creature."""
    kind = w.kinds[row, s.KIND]
    w.kinds[row, s.AGE] += 1
    age = w.kinds[row, s.AGE]
    if w.entities[row, s.Z] < -8.0:
        remove(w, row)
    elif kind == DROP:
        lie_about(w, row, events)
        if age > DROP_TICKS:
            remove(w, row)
    elif kind == FALLING:
        come_down(w, row, events)
    elif kind == FRAGMENT:
        fly(w, row, 0.05)
        w.entities[row, s.SPIN] = (w.entities[row, s.SPIN] + 20.0) % 360.0
        if age > FRAGMENT_TICKS:
            remove(w, row)
    elif kind == ARROW:
        speed_on(w, row, events)
        if age > ARROW_TICKS:
            remove(w, row)


@inner
def scatter(w, block, x, y, z):
    """Let fragments of a block fly apart from its cell, as many as find a row."""
    for piece in range(FRAGMENTS):
        dx, dy, dz = (piece & 1) - 0.5, ((piece >> 1) & 1) - 0.5, ((piece >> 2) & 1) - 0.5
        row = spawn(w, FRAGMENT, x + 0.5 + 0.5 * dx, y + 0.5 + 0.5 * dy, z + 0.4 + 0.5 * dz)
        if row < 0:
            return
        number = w.kinds[row, s.NUMBER]
        w.kinds[row, s.CARRIES] = block
        w.entities[row, s.VX] = 0.25 * dx * (0.5 + chance(w.random[0], number, 54))
        w.entities[row, s.VY] = 0.25 * dy * (0.5 + chance(w.random[0], number, 55))
        w.entities[row, s.VZ] = 0.1 + 0.2 * chance(w.random[0], number, 56)


@inner
def throw_item(w, item, count):
    """Throw items from the player's hand the way the player looks."""
    row = drop_item(w, item, count, w.body[s.X], w.body[s.Y], w.body[s.Z] + 1.3, 30)
    if row >= 0:
        yaw = np.radians(w.body[s.YAW])
        w.entities[row, s.VX], w.entities[row, s.VY] = 0.3 * np.sin(yaw), 0.3 * np.cos(yaw)
