"""Fire: it looks around every FIRE_WAIT ticks, eats what burns beside it, leaps to free cells, and dies out.

Chances hang on cell and tick alone, so the same fire burns the same way in every replay.
"""

from __future__ import annotations

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import AIR, BLOCK_IDS
from worldsim_envs.voxel.chance import chance
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.switches import SWITCH
from worldsim_envs.voxel.systems.change import FIRE_WAIT, REACT, cell_of, change, schedule
from worldsim_envs.voxel.tables import FLAMMABLE, SOLID

FIRE = BLOCK_IDS["fire"]
DIES_FED, DIES_UNFED, DIES_IN_RAIN = 0.06, 0.35, 0.6
EATS, LEAPS = 0.25, 0.5
_LIT, _SPREAD, _DIED = (EVENT[name] for name in ("fire_lit", "fire_spread", "fire_died"))
_ON = SWITCH["fire"]


@inner
def side_of(side, x, y, z, nx, ny):
    """Return one of six neighbours of a cell; z may be outside the world."""
    return (
        (x + (side == 0) - (side == 1)) % nx,
        (y + (side == 2) - (side == 3)) % ny,
        z + (side == 4) - (side == 5),
    )


@inner
def catches(w, x, y, z):
    """Return whether something beside a cell can burn."""
    nx, ny, nz = w.grid[0].shape
    for side in range(6):
        i, j, k = side_of(side, x, y, z, nx, ny)
        if 0 <= k < nz and FLAMMABLE[w.grid[0][i, j, k]]:
            return True
    return False


@inner
def light_fire(w, x, y, z, events):
    """Set a free cell on fire. Return whether it burns now."""
    if not w.switches[_ON] or w.grid[0][x, y, z] != AIR:
        return False
    change(w, x, y, z, FIRE)
    events[_LIT] += 1.0
    return True


@inner
def burn(w, x, y, z, events):
    """Let the fire at a cell eat, leap and perhaps die; one that goes on looks again after FIRE_WAIT ticks."""
    blocks = w.grid[0]
    nx, ny, nz = blocks.shape
    cell, now = cell_of(blocks, x, y, z), w.marks[s.TICK]
    key = w.random[0]
    fed = catches(w, x, y, z)
    dies = DIES_FED if fed else DIES_UNFED
    if w.weather[s.RAIN] > 0.3 and w.grid[2][x, y] <= z:
        dies = DIES_IN_RAIN
    held = z > 0 and SOLID[blocks[x, y, z - 1]] > 0
    if (not fed and not held) or chance(key, cell, now) < dies:
        change(w, x, y, z, AIR)
        events[_DIED] += 1.0
        return
    for side in range(6):
        i, j, k = side_of(side, x, y, z, nx, ny)
        if 0 <= k < nz and FLAMMABLE[blocks[i, j, k]] and chance(key, cell + side + 1, now) < EATS:
            change(w, i, j, k, FIRE)
            events[_SPREAD] += 1.0
    if fed and chance(key, cell, now + 1) < LEAPS:
        i = (x + int(chance(key, cell, now + 2) * 3) - 1) % nx
        j = (y + int(chance(key, cell, now + 3) * 3) - 1) % ny
        k = z + int(chance(key, cell, now + 4) * 4) - 1
        if 0 <= k < nz and blocks[i, j, k] == AIR and catches(w, i, j, k):
            change(w, i, j, k, FIRE)
            events[_SPREAD] += 1.0
    schedule(w, x, y, z, FIRE_WAIT, REACT)
