"""What a block leaves behind when it breaks, by hand or by itself: drops that lie about, or things in the hand."""

from __future__ import annotations

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.chance import chance
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.life.spawn import drop_item
from worldsim_envs.voxel.switches import SWITCH
from worldsim_envs.voxel.systems.change import cell_of
from worldsim_envs.voxel.tables import LEAVES_FIRST, LEAVES_SECOND

_ON = SWITCH["drops"]


@inner
def left_by(w, block, second, x, y, z):
    """Return item and count that a block leaves, its first or its second kind of drop; count 0 for nothing."""
    rows = LEAVES_SECOND if second else LEAVES_FIRST
    cell = cell_of(w.grid[0], x, y, z)
    if rows[block, 1] > 0 and chance(w.random[0], cell, w.marks[s.TICK] + 7 * second) < rows[block, 2]:
        return int(rows[block, 0]), int(rows[block, 1])
    return 0, 0


@inner
def leave(w, block, x, y, z):
    """Let a block's drops lie where it was; a block broken by no hand leaves nothing while drops are switched off."""
    if not w.switches[_ON]:
        return
    for second in range(2):
        item, count = left_by(w, block, second, x, y, z)
        if count > 0:
            drop_item(w, item, count, x + 0.5, y + 0.5, z + 0.3, 10)
