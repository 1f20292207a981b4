"""One tick of the hands: choose a slot, pick, drop, craft, then strike or mine, then use."""

from __future__ import annotations

from worldsim_envs.voxel import controls as c
from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.aim import aim
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.hands.crafting import choose_next, craft
from worldsim_envs.voxel.hands.mining import mine
from worldsim_envs.voxel.hands.using import use
from worldsim_envs.voxel.life.fights import strike
from worldsim_envs.voxel.life.things import throw_item
from worldsim_envs.voxel.pack import in_hand
from worldsim_envs.voxel.switches import SWITCH
from worldsim_envs.voxel.tables import EQUIPPED

_DROPPED = EVENT["dropped"]
_CRAFTING, _DROPS = SWITCH["crafting"], SWITCH["drops"]


@inner
def pressed(w, action, field, held):
    """Return whether a key went down at this tick; `held` is the mark that remembers it."""
    down = action[field] > 0.5
    new = down and w.marks[held] == 0
    w.marks[held] = 1 if down else 0
    return new


@inner
def choose_slot(w, action, events):
    """Choose the slot whose key is held, or the one that holds the block in view."""
    before = in_hand(w)
    for slot in range(s.HOTBAR):
        if action[c.HOTBAR + slot] > 0.5:
            w.marks[s.SLOT] = slot
    aim(w)
    if action[c.PICK] > 0.5 and w.marks[s.TARGET]:
        wanted = int(w.grid[0][w.marks[s.TARGET_X], w.marks[s.TARGET_Y], w.marks[s.TARGET_Z]])
        for slot in range(s.HOTBAR):
            if w.inventory[slot, s.ITEM] == wanted:
                w.marks[s.SLOT] = slot
    item = in_hand(w)
    if item != before and EQUIPPED[item] >= 0:
        events[EQUIPPED[item]] += 1.0


@inner
def drop_one(w, events):
    """Throw one of the things in the hand away."""
    item = in_hand(w)
    if item == 0:
        return
    w.inventory[w.marks[s.SLOT], s.COUNT] -= 1
    events[_DROPPED] += 1.0
    if w.switches[_DROPS]:
        throw_item(w, item, 1)


@inner
def handle(w, action, events):
    """Run one tick of the hands."""
    choose_slot(w, action, events)
    if pressed(w, action, c.DROP, s.DROP_HELD):
        drop_one(w, events)
    chooses, makes = pressed(w, action, c.SWAP_HANDS, s.SWAP_HELD), pressed(w, action, c.INVENTORY, s.CRAFT_HELD)
    if w.switches[_CRAFTING]:
        if chooses:
            choose_next(w)
        if makes:
            craft(w, events)
    w.marks[s.SWING] = max(0, w.marks[s.SWING] - 1)
    w.marks[s.COOLDOWN] = max(0, w.marks[s.COOLDOWN] - 1)
    if action[c.ATTACK] > 0.5 and w.marks[s.TARGET_ENTITY] > 0:
        w.marks[s.MINE_TICKS] = 0
        if w.marks[s.SWING] == 0:
            w.marks[s.SWING] = s.SWING_TICKS
        strike(w, w.marks[s.TARGET_ENTITY] - 1, events)
    elif action[c.ATTACK] > 0.5:
        mine(w, events)
    else:
        w.marks[s.MINE_TICKS] = 0
    if action[c.USE] > 0.5:
        if w.marks[s.COOLDOWN] == 0:
            use(w, events)
    else:
        w.marks[s.COOLDOWN] = 0
