"""The player's inventory: taking in, counting, using up and wearing out."""

from __future__ import annotations

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.compiled import compiled, inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.tables import COLLECTED, GROUP, STACK, USES

_BROKE = EVENT["tool_broke"]


@compiled
def take_in(w, item, count, events):
    """Put items into the inventory, onto their like first. Return how many found no room."""
    left = count
    for slot in range(s.INVENTORY):
        room = STACK[item] - w.inventory[slot, s.COUNT]
        if w.inventory[slot, s.ITEM] == item and w.inventory[slot, s.COUNT] > 0 and room > 0 and left > 0:
            more = min(room, left)
            w.inventory[slot, s.COUNT] += more
            left -= more
    for slot in range(s.INVENTORY):
        if w.inventory[slot, s.COUNT] == 0 and left > 0:
            more = min(STACK[item], left)
            w.inventory[slot, s.ITEM], w.inventory[slot, s.COUNT], w.inventory[slot, s.WORN] = item, more, 0
            left -= more
    if COLLECTED[item] >= 0 and left < count:
        events[COLLECTED[item]] += 1.0
    return left


@inner
def held_count(w, item):
    """Return how many of an item, or of what serves as it, the inventory holds."""
    count = 0
    for slot in range(s.INVENTORY):
        if w.inventory[slot, s.COUNT] > 0 and GROUP[w.inventory[slot, s.ITEM]] == GROUP[item]:
            count += w.inventory[slot, s.COUNT]
    return count


@inner
def use_up(w, item, count):
    """Take `count` of an item, or of what serves as it, out of an inventory that holds enough; last slots first."""
    for back in range(s.INVENTORY):
        slot = s.INVENTORY - 1 - back
        if count > 0 and w.inventory[slot, s.COUNT] > 0 and GROUP[w.inventory[slot, s.ITEM]] == GROUP[item]:
            less = min(count, w.inventory[slot, s.COUNT])
            w.inventory[slot, s.COUNT] -= less
            count -= less


@inner
def in_hand(w):
    """Return the id of the item in the hand, 0 (air) for none."""
    slot = w.marks[s.SLOT]
    return w.inventory[slot, s.ITEM] if w.inventory[slot, s.COUNT] > 0 else 0


@inner
def wear(w, events):
    """Wear the tool in the hand by one use; a worn-out tool is gone."""
    slot, item = w.marks[s.SLOT], in_hand(w)
    if USES[item] > 0:
        w.inventory[slot, s.WORN] += 1
        if w.inventory[slot, s.WORN] >= USES[item]:
            w.inventory[slot, s.COUNT] = 0
            w.inventory[slot, s.WORN] = 0
            events[_BROKE] += 1.0
