"""Sand and gravel: with nothing under it a block becomes an entity that falls, and a block again where it lands."""

from __future__ import annotations

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import AIR
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.kinds import FALLING
from worldsim_envs.voxel.life.spawn import spawn
from worldsim_envs.voxel.systems.change import change
from worldsim_envs.voxel.tables import FLUID, WASHED

_FELL = EVENT["sand_fell"]


@inner
def gives_way(block):
    """Return whether a falling block goes through, or into the place of, a block."""
    return block == AIR or FLUID[block] > 0 or WASHED[block] > 0


@inner
def fall(w, x, y, z, events):
    """Let the block at a cell go if nothing holds it; without a free entity it drops straight down."""
    blocks = w.grid[0]
    if z == 0 or not gives_way(blocks[x, y, z - 1]):
        return
    block = int(blocks[x, y, z])
    events[_FELL] += 1.0
    row = spawn(w, FALLING, x + 0.5, y + 0.5, float(z))
    change(w, x, y, z, AIR)
    if row >= 0:
        w.kinds[row, s.CARRIES] = block
        return
    while z > 0 and gives_way(blocks[x, y, z - 1]):
        z -= 1
    change(w, x, y, z, block)
