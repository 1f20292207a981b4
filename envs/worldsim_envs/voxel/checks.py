"""What callers may pass to the voxel world, checked once at its door; every mistake is a `VoxelError`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from worldsim_envs.voxel import terrain


class VoxelError(ValueError):
    """The voxel world was made, started, stepped or edited with something that it does not accept."""


class VoxelTypeError(VoxelError, TypeError):
    """Something of the wrong type; catch it as `VoxelError`, `ValueError` or `TypeError`."""


def checked_count(name: str, value: Any, low: int, high: int) -> int:
    """Return an integer low…high."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise VoxelTypeError(f"{name} must be an integer, got {value!r} of type {type(value).__name__}")
    if not low <= value <= high:
        raise VoxelError(f"{name} must be in {low}…{high}, got {value}")
    return int(value)


def checked_number(name: str, value: Any, low: float, high: float) -> float:
    """Return a finite number low…high."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise VoxelTypeError(f"{name} must be a number in [{low:g}, {high:g}], got {value!r}")
    if not low <= value <= high:  # also for not a number
        raise VoxelError(f"{name} must be in [{low:g}, {high:g}], got {value}")
    return float(value)


def checked_choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """Return one of some words."""
    known = tuple(choices)
    if not isinstance(value, str) or value not in known:
        raise VoxelError(f"{name} must be one of {known}, got {value!r}")
    return value


def checked_choices(name: str, values: Any, choices: Iterable[str]) -> tuple[str, ...]:
    """Return some of some words, each once."""
    known = tuple(choices)
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise VoxelTypeError(f"{name} must be a list of some of {known}, got {values!r}")
    chosen = tuple(values)
    if not set(chosen) <= set(known) or len(set(chosen)) != len(chosen):
        raise VoxelError(f"{name} must be different ones of {known}, got {chosen}")
    return chosen


def checked_size(name: str, size: Any) -> tuple[int, int]:
    """Return a height and a width in pixels."""
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise VoxelError(f"{name} must be (height, width) in pixels, got {size!r}")
    height, width = size
    return checked_count(f"{name} height", height, 16, 2160), checked_count(f"{name} width", width, 16, 4096)


def checked_world_size(size: Any) -> tuple[int, int, int]:
    """Return the blocks of a world east, north and up."""
    if not isinstance(size, (tuple, list)) or len(size) != 3:
        raise VoxelError(f"world_size must be (east, north, up) in blocks, got {size!r}")
    east, north = (checked_count("world_size", value, 64, 1024) for value in size[:2])
    if east & (east - 1) or north & (north - 1):
        raise VoxelError(f"world_size east and north must be powers of two (the world is a torus), got {east}, {north}")
    return east, north, checked_count("world_size up", size[2], 48, 248)


def checked_time(share: Any) -> float | None:
    """Return a share of the day, or None."""
    if share is None:
        return None
    if isinstance(share, bool) or not isinstance(share, (int, float, np.integer, np.floating)):
        raise VoxelTypeError(f"start_time must be None or a number in [0, 1], got {share!r}")
    if not 0.0 <= share <= 1.0:
        raise VoxelError(f"start_time must be in [0, 1] (0 sunrise, 0.5 sunset), got {share}")
    return float(share)


def checked_biome(biome: Any) -> str | None:
    """Return the name of a biome, or None."""
    if biome is not None and biome not in terrain.BIOMES:
        raise VoxelError(f"biome must be None or one of {terrain.BIOMES}, got {biome!r}")
    return biome
