"""Edits of a world from outside: what a study stages before it watches. Each checks its arguments, then writes arrays.

`Editable` gives an env all of them as methods.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from worldsim_envs.voxel import blocks as table
from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.aim import aim
from worldsim_envs.voxel.checks import VoxelError, checked_choice, checked_count, checked_number, checked_time
from worldsim_envs.voxel.items import ITEM_IDS, STACK
from worldsim_envs.voxel.kinds import FIRST_CREATURE, KIND_IDS, KINDS
from worldsim_envs.voxel.life import spawn as births
from worldsim_envs.voxel.motion import AT_REST
from worldsim_envs.voxel.start import ticks_of
from worldsim_envs.voxel.state import VoxelState
from worldsim_envs.voxel.systems.change import change
from worldsim_envs.voxel.systems.weather import SKIES

CREATURES = tuple(kind.name for kind in KINDS[FIRST_CREATURE:])
LONG = 1_000_000  # ticks that a sky set by hand lasts


def set_block(world: VoxelState, x: int, y: int, z: int, block: str | int) -> None:
    """Put a block, by name or id, at a cell; light follows."""
    number = table.BLOCK_IDS.get(block, -1) if isinstance(block, str) else int(block)
    if not 0 <= number < len(table.BLOCKS):
        raise VoxelError(f"block must be one of {sorted(table.BLOCK_IDS)} or its id, got {block!r}")
    height = world.blocks.shape[2]
    if not 0 <= z < height:
        raise VoxelError(f"z must be in 0…{height - 1}, got {z}")
    change(world.tick, int(x) % world.blocks.shape[0], int(y) % world.blocks.shape[1], int(z), number)


def set_time(world: VoxelState, share: float) -> None:
    """Set the time of day: 0 sunrise, 0.25 noon, 0.5 sunset, 0.75 midnight."""
    world.marks[s.CLOCK] = ticks_of(checked_time(share) or 0.0, int(world.marks[s.DAY_LENGTH]))


def set_weather(world: VoxelState, sky: str, now: bool = True) -> None:
    """Set the weather, which then stays: "clear", "rain", "snow" or "thunder".

    Args:
        now: at full strength at once; otherwise it comes by itself over the next seconds.
    """
    world.marks[s.SKY], world.marks[s.SKY_TICKS] = SKIES.index(checked_choice("sky", sky, SKIES)), LONG
    if now:
        world.weather[[s.RAIN, s.SNOWFALL, s.THUNDER]] = sky in ("rain", "thunder"), sky == "snow", sky == "thunder"


def teleport(world: VoxelState, x: float, y: float, z: float, yaw: float | None = None,
             pitch: float | None = None) -> None:  # fmt: skip
    """Put the player's feet at a place, at rest; yaw in degrees clockwise from north, pitch positive down."""
    body, (nx, ny, _) = world.body, world.blocks.shape
    x, y, z = (checked_number(name, value, -1e6, 1e6) for name, value in zip("xyz", (x, y, z), strict=True))
    body[[s.X, s.Y, s.Z]] = x % nx, y % ny, z
    body[[s.VX, s.VY, s.VZ, s.FALL]] = 0.0, 0.0, AT_REST, 0.0
    body[s.YAW] = body[s.YAW] if yaw is None else checked_number("yaw", yaw, -1e6, 1e6) % 360.0
    body[s.PITCH] = body[s.PITCH] if pitch is None else min(90.0, max(-90.0, checked_number("pitch", pitch, -1e6, 1e6)))
    world.marks[s.GROUND] = 0
    aim_again(world)


def aim_again(world: VoxelState) -> None:
    """Bring what stands at the crosshair up to date after an edit."""
    aim(world.tick)


def spawn(world: VoxelState, kind: str, x: float, y: float, z: float) -> int:
    """Put a creature's feet at a place; returns its row of `entities`. Raises when all rows are taken."""
    number = KIND_IDS[checked_choice("kind", kind, CREATURES)]
    nx, ny, _ = world.blocks.shape
    x, y, z = (checked_number(name, value, -1e6, 1e6) for name, value in zip("xyz", (x, y, z), strict=True))
    row = int(births.spawn(world.tick, number, x % nx, y % ny, z))
    if row < 0:
        raise VoxelError(f"a world holds {births.CREATURES} creatures at most, and has them; remove some first")
    return row


def remove(world: VoxelState, row: int) -> None:
    """Take an entity out of the world, by its row of `entities`."""
    world.kinds[checked_count("row", row, 0, s.MAX_ENTITIES - 1)] = 0


def give(world: VoxelState, item: str, count: int = 1) -> None:
    """Put items into the inventory: on top of the same, then into free slots. Raises when there is no room."""
    number = ITEM_IDS[checked_choice("item", item, ITEM_IDS)]
    most = int(STACK[number])
    left, held = checked_count("count", count, 1, most * s.INVENTORY), world.inventory.copy()
    same, free = held[:, s.ITEM] == number, held[:, s.COUNT] == 0
    for slot in (*np.flatnonzero(same & ~free), *np.flatnonzero(free)):
        added = max(0, min(left, most - int(held[slot, s.COUNT])))
        if added:
            held[slot] = number, held[slot, s.COUNT] + added, held[slot, s.WORN] if same[slot] else 0
        left -= added
    if left:
        raise VoxelError(f"the inventory has no room for {left} of {count} {item}; make it smaller")
    world.inventory[...] = held


class Editable:
    """An env whose world can be edited: the functions above as methods."""

    _frame: Any
    state: Any

    def _edited(self) -> VoxelState:
        """Return the world for an edit; the frame at hand is out of date then."""
        self._frame = None
        return self.state

    def set_block(self, x: int, y: int, z: int, block: str | int) -> None:
        """Put a block, by name or id, at a cell; light follows."""
        set_block(self._edited(), x, y, z, block)

    def set_time(self, share: float) -> None:
        """Set the time of day: 0 sunrise, 0.25 noon, 0.5 sunset, 0.75 midnight."""
        set_time(self._edited(), share)

    def set_weather(self, sky: str, now: bool = True) -> None:
        """Set the weather: "clear", "rain", "snow" or "thunder"; at once, or as it comes by itself."""
        set_weather(self._edited(), sky, now)

    def spawn(self, kind: str, x: float, y: float, z: float) -> int:
        """Put a creature's feet at a place; returns its row of `state.entities`."""
        return spawn(self._edited(), kind, x, y, z)

    def remove(self, row: int) -> None:
        """Take an entity out of the world, by its row of `state.entities`."""
        remove(self._edited(), row)

    def give(self, item: str, count: int = 1) -> None:
        """Put items into the player's inventory."""
        give(self._edited(), item, count)

    def teleport(self, x: float, y: float, z: float, yaw: float | None = None, pitch: float | None = None) -> None:
        """Put the player's feet at a place, at rest; yaw in degrees clockwise from north, pitch positive down."""
        teleport(self._edited(), x, y, z, yaw, pitch)
