"""What an episode begins with, and what it can go back to: kept worlds, draws, `Snapshot`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.judge import Memory
from worldsim_envs.voxel.language.story import Story
from worldsim_envs.voxel.state import VoxelState
from worldsim_envs.voxel.terrain import BIOMES, Terrain, generate

DRAWN_BIOMES = 6  # the first so many; the sea is no place to start


@dataclass(frozen=True)
class Snapshot:
    """A whole env at one step; `VoxelEnv.restore_state` takes it. Opaque to callers."""

    world: VoxelState
    generator: Mapping[str, Any]
    action: NDArray[np.float32]
    memory: Memory
    story: Story


class KeptWorlds:
    """Untouched worlds of level seeds: those used last, as many as some env of the process asked for."""

    def __init__(self) -> None:
        self._room, self._lock = 1, Lock()
        self._worlds: OrderedDict[tuple[int, tuple[int, int, int]], Terrain] = OrderedDict()

    def make_room(self, count: int) -> None:
        """Keep `count` worlds from now on, or more if more were asked for before."""
        self._room = max(self._room, count)

    def world(self, seed: int, size: tuple[int, int, int]) -> Terrain:
        """Return the world of a seed, which is generated unless it is kept."""
        with self._lock:
            if (seed, size) in self._worlds:
                self._worlds.move_to_end((seed, size))
                return self._worlds[seed, size]
        made = generate(seed, size)
        with self._lock:
            self._worlds[seed, size] = made
            while len(self._worlds) > self._room:
                self._worlds.popitem(last=False)
        return made


KEPT_WORLDS = KeptWorlds()


def drawn_start(random: np.random.Generator, biomes: tuple[str, ...] = ()) -> tuple[int, float, str]:
    """Return a world seed, a share of the day, mostly before sunset, and a biome, one of `biomes` if any are named."""
    seed, (half, share) = int(random.integers(2**31)), random.random(2)
    time = float(share * 0.5 if half < 0.75 else 0.5 + share * 0.5)
    biome = BIOMES[int(random.integers(DRAWN_BIOMES))]
    return seed, time, str(random.choice(biomes)) if biomes else biome
