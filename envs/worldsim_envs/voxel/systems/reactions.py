"""The scheduled block ticks of one tick: each cell reacts by what stands there now, unless its system is off."""

from __future__ import annotations

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.switches import SWITCH
from worldsim_envs.voxel.systems.change import GROW
from worldsim_envs.voxel.systems.falling import fall
from worldsim_envs.voxel.systems.fire import burn
from worldsim_envs.voxel.systems.fluids import flow
from worldsim_envs.voxel.systems.growth import grow
from worldsim_envs.voxel.systems.plants import check_roots, decay
from worldsim_envs.voxel.tables import BURNS, DECAYS, FALLS, FLOWS, REACTS, ROOTED

_FALLING, _FLUIDS, _FIRE, _GROWTH = (SWITCH[name] for name in ("falling_blocks", "fluids", "fire", "growth"))


@inner
def react(w, events):
    """Run all that is due at this tick."""
    slot = w.marks[s.TICK] % s.RING
    count = w.pending[slot, 0]
    if count == 0:
        return
    blocks = w.grid[0]
    ny, nz = blocks.shape[1], blocks.shape[2]
    for place in range(1, count + 1):
        entry = int(w.pending[slot, place])
        cell = entry >> 1
        x, y, z = cell // (ny * nz), (cell // nz) % ny, cell % nz
        if entry & 1 == GROW:
            if w.switches[_GROWTH]:
                grow(w, x, y, z, events)
            continue
        reaction = REACTS[blocks[x, y, z]]
        if reaction == FALLS and w.switches[_FALLING]:
            fall(w, x, y, z, events)
        elif reaction == FLOWS and w.switches[_FLUIDS]:
            flow(w, x, y, z, events)
        elif reaction == BURNS and w.switches[_FIRE]:
            burn(w, x, y, z, events)
        elif reaction == DECAYS:
            decay(w, x, y, z, events)
        elif reaction == ROOTED:
            check_roots(w, x, y, z, events)
    w.pending[slot, :] = 0
