"""The player's body: harm, air, fire, hunger, healing, sleep, death and coming back, each as its switch says.

Without `health` harm only shows (a red flash, the event), and only deadly falls and the void kill.
"""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import BLOCK_IDS
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.motion import AT_REST, block_at
from worldsim_envs.voxel.switches import SWITCH
from worldsim_envs.voxel.tables import FLUID

DEADLY_FALL, HURTING_FALL = 12.0, 4.0
SLEEP_TICKS, BURN_TICKS = 20, 60
_FIRE, _CACTUS = BLOCK_IDS["fire"], BLOCK_IDS["cactus"]
_HURT, _DIED, _HEALED, _STARVED, _DROWNED, _BURNED, _FELL, _RESPAWNED, _WOKE, _DAY = (
    EVENT[name] for name in ("hurt", "died", "healed", "starved", "drowned", "burned", "fell", "respawned", "woke",
                             "day_broke")
)  # fmt: skip
_HEALTH, _HUNGER, _RESPAWN, _FALLS, _CLOCK = (
    SWITCH[name] for name in ("health", "hunger", "respawn", "fall_damage", "day_cycle")
)


@inner
def harm(w, half_hearts, events):
    """Hurt the player; a player just hurt is safe for state.HURT_TICKS. Return whether it took."""
    if w.marks[s.HURT] > 0:
        return False
    w.marks[s.HURT] = s.HURT_TICKS
    w.marks[s.SLEEPING] = 0
    events[_HURT] += 1.0
    if w.switches[_HEALTH]:
        w.vitals[s.HEALTH] -= half_hearts
        w.vitals[s.EXHAUSTION] += 0.1
        if w.vitals[s.HEALTH] <= 0.0:
            w.marks[s.DEAD] = 1
    return True


@inner
def land(w, fallen, events):
    """Hurt the player for a fall of so many blocks."""
    if not w.switches[_FALLS]:
        return
    if w.switches[_HEALTH]:
        if fallen > HURTING_FALL and harm(w, np.floor(fallen - 3.0), events):
            events[_FELL] += 1.0
    elif fallen > DEADLY_FALL:
        w.marks[s.DEAD] = 1
    elif fallen > HURTING_FALL:
        w.marks[s.HURT] = 0
        harm(w, 0.0, events)
        events[_FELL] += 1.0


@inner
def breathe(w, events):
    """Use up air while the eyes are under water."""
    under = FLUID[block_at(w.grid[0], w.body[s.X], w.body[s.Y], w.body[s.Z] + s.EYE)] == 1
    w.vitals[s.AIR_LEFT] = w.vitals[s.AIR_LEFT] - 1.0 if under else min(s.FULL_AIR, w.vitals[s.AIR_LEFT] + 4.0)
    if w.vitals[s.AIR_LEFT] <= -20.0:
        w.vitals[s.AIR_LEFT] = 0.0
        if w.switches[_HEALTH] and harm(w, 2.0, events):
            events[_DROWNED] += 1.0


@inner
def scorch(w, events):
    """Burn in fire and lava, and for a while after; water puts it out."""
    feet = block_at(w.grid[0], w.body[s.X], w.body[s.Y], w.body[s.Z] + 0.2)
    w.marks[s.IN_LAVA] = 1 if FLUID[feet] == 2 else 0
    if w.marks[s.IN_LAVA] or feet == _FIRE:
        w.vitals[s.BURNING] = BURN_TICKS * (3.0 if w.marks[s.IN_LAVA] else 1.0)
        if harm(w, 4.0 if w.marks[s.IN_LAVA] else 1.0, events):
            events[_BURNED] += 1.0
    elif w.vitals[s.BURNING] > 0.0:
        w.vitals[s.BURNING] = 0.0 if w.marks[s.IN_WATER] else w.vitals[s.BURNING] - 1.0
        if w.vitals[s.BURNING] % 20.0 == 1.0 and harm(w, 1.0, events):
            events[_BURNED] += 1.0
    x, y, z = w.body[s.X], w.body[s.Y], w.body[s.Z] + 0.5
    if (
        block_at(w.grid[0], x + 0.31, y, z) == _CACTUS
        or block_at(w.grid[0], x - 0.31, y, z) == _CACTUS
        or block_at(w.grid[0], x, y + 0.31, z) == _CACTUS
        or block_at(w.grid[0], x, y - 0.31, z) == _CACTUS
    ):
        harm(w, 1.0, events)


@inner
def digest(w, sprints, events):
    """Grow hungry by what was done, heal when full, starve when empty."""
    if not w.switches[_HUNGER]:
        return
    speed = np.sqrt(w.body[s.VX] ** 2 + w.body[s.VY] ** 2)
    w.vitals[s.EXHAUSTION] += speed * (0.1 if sprints else 0.01) + 0.0005
    if w.vitals[s.EXHAUSTION] >= 4.0:
        w.vitals[s.EXHAUSTION] -= 4.0
        if w.vitals[s.SATURATION] > 0.0:
            w.vitals[s.SATURATION] = max(0.0, w.vitals[s.SATURATION] - 1.0)
        else:
            w.vitals[s.HUNGER] = max(0.0, w.vitals[s.HUNGER] - 1.0)
    w.vitals[s.REGROWTH] += 1.0
    if w.vitals[s.REGROWTH] >= 80.0:
        w.vitals[s.REGROWTH] = 0.0
        if w.vitals[s.HUNGER] >= 18.0 and w.vitals[s.HEALTH] < s.FULL:
            w.vitals[s.HEALTH] = min(s.FULL, w.vitals[s.HEALTH] + 1.0)
            w.vitals[s.EXHAUSTION] += 1.5
            events[_HEALED] += 1.0
        elif w.vitals[s.HUNGER] <= 0.0 and w.vitals[s.HEALTH] > 1.0 and harm(w, 1.0, events):
            events[_STARVED] += 1.0


@inner
def sleep(w, events):
    """Lie in bed for SLEEP_TICKS; then it is morning."""
    if w.marks[s.SLEEPING] == 0:
        return
    w.marks[s.SLEEPING] -= 1
    if w.marks[s.SLEEPING] == 0:
        events[_WOKE] += 1.0
        if w.switches[_CLOCK]:
            w.marks[s.CLOCK] = 0
            events[_DAY] += 1.0


@inner
def survive(w, sprints, events):
    """Run one tick of the player's body."""
    w.marks[s.HURT] = max(0, w.marks[s.HURT] - 1)
    breathe(w, events)
    scorch(w, events)
    digest(w, sprints, events)
    sleep(w, events)


@inner
def die(w, events):
    """Count a death; with `respawn` the player stands at home again, in good health."""
    if not w.marks[s.DEAD]:
        return
    events[_DIED] += 1.0
    if not w.switches[_RESPAWN]:
        return
    w.marks[s.DEAD] = 0
    w.body[s.X], w.body[s.Y], w.body[s.Z] = w.marks[s.HOME_X] + 0.5, w.marks[s.HOME_Y] + 0.5, float(w.marks[s.HOME_Z])
    w.body[s.VX], w.body[s.VY], w.body[s.VZ], w.body[s.FALL] = 0.0, 0.0, AT_REST, 0.0
    w.vitals[s.HEALTH], w.vitals[s.HUNGER], w.vitals[s.SATURATION] = s.FULL, s.FULL, 5.0
    w.vitals[s.AIR_LEFT], w.vitals[s.BURNING] = s.FULL_AIR, 0.0
    w.marks[s.HURT], w.marks[s.MINE_TICKS] = 0, 0
    events[_RESPAWNED] += 1.0
