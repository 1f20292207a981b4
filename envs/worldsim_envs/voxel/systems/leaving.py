"""What a block leaves behind when it breaks, by hand or by itself: drops that lie about, or things in the hand."""

from __future__ import annotations

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.chance import chance
from worldsim_envs.voxel.compiled import compiled
from worldsim_envs.voxel.life.spawn import drop_item
from worldsim_envs.voxel.switches import SWITCH
from worldsim_envs.voxel.systems.change import cell_of

_ON = SWITCH["drops"]


@compiled
def left_by(w, t, block, second, x, y, z):
    """Return item and count that a block leaves, its first or its second kind of drop; count 0 for nothing."""
    rows = t.leaves_second if second else t.leaves_first
    cell = cell_of(w.grid[0], x, y, z)
    if rows[block, 1] > 0 and chance(w.random[0], cell, w.marks[s.TICK] + 7 * second) < rows[block, 2]:
        return int(rows[block, 0]), int(rows[block, 1])
    return 0, 0


@compiled
def leave(w, t, block, x, y, z):
    """Let a block's drops lie where it was; a block broken by no hand leaves nothing while drops are switched off."""
    if not w.switches[_ON]:
        return
    for second in range(2):
        item, count = left_by(w, t, block, second, x, y, z)
        if count > 0:
            drop_item(w, t, item, count, x + 0.5, y + 0.5, z + 0.3, 10)
