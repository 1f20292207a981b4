"""What can be observed beside the picture, as a table: space, meaning, and how it is read from a state and a `View`.

`LABELS` holds one row per key. The env gives some as observations (a one-level Dict) and some in `info`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import BLOCK_IDS
from worldsim_envs.voxel.render.cast import VIEW
from worldsim_envs.voxel.render.picture import View
from worldsim_envs.voxel.state import VoxelState
from worldsim_envs.voxel.terrain import BIOMES

Size = tuple[int, int]
WorldSize = tuple[int, int, int]

CUBE = 11  # blocks along an edge of "voxels"
LAST_ITEM, MOST_ITEMS = 4095, 65_535


@dataclass(frozen=True)
class Label:
    """One thing that can be observed."""

    meaning: str
    space: Callable[[Size, WorldSize], spaces.Space[Any]]
    read: Callable[[VoxelState, View], Any]


def voxels(world: VoxelState, view: View) -> NDArray[np.uint8]:
    """Return the blocks around the player's feet (CUBE, CUBE, CUBE), east, north, up; bedrock below the world."""
    nx, ny, nz = world.blocks.shape
    feet = np.floor(world.body[[s.X, s.Y, s.Z]]).astype(np.int64)
    around = np.arange(CUBE) - CUBE // 2
    z = feet[2] + around
    cube = world.blocks[np.ix_((feet[0] + around) % nx, (feet[1] + around) % ny, np.clip(z, 0, nz - 1))].copy()
    cube[..., z < 0], cube[..., z >= nz] = BLOCK_IDS["bedrock"], BLOCK_IDS["air"]
    return cube


def _pose(world: VoxelState, view: View) -> NDArray[np.float32]:
    return world.body[[s.X, s.Y, s.Z, s.YAW, s.PITCH]].astype(np.float32)


def _pose_space(size: Size, world: WorldSize) -> spaces.Space[Any]:
    low = np.array([0, 0, -64, 0, -90], np.float32)
    return spaces.Box(low, np.array([world[0], world[1], world[2] + 64, 360, 90], np.float32), (5,), np.float32)


def _inventory_space(size: Size, world: WorldSize) -> spaces.Space[Any]:
    high = np.tile(np.array([LAST_ITEM, MOST_ITEMS, MOST_ITEMS], np.int32), (s.INVENTORY, 1))
    return spaces.Box(np.zeros_like(high), high, high.shape, np.int32)


def _inventory(world: VoxelState, view: View) -> NDArray[np.int32]:
    return np.clip(world.inventory, 0, [LAST_ITEM, MOST_ITEMS, MOST_ITEMS]).astype(np.int32)


def _time(world: VoxelState, view: View) -> NDArray[np.float32]:
    return np.array([world.marks[s.CLOCK] / world.marks[s.DAY_LENGTH]], np.float32)


def _vitals(world: VoxelState, view: View) -> NDArray[np.float32]:
    return np.clip(world.vitals[[s.HEALTH, s.HUNGER, s.AIR_LEFT]], 0.0, s.FULL_AIR).astype(np.float32)


def _rows(shape: tuple[int, ...], low: float, high: float, dtype: Any) -> Callable[[Size, WorldSize], Any]:
    return lambda size, world: spaces.Box(low, high, shape, dtype)


LABELS: dict[str, Label] = {
    "depth": Label(f"blocks along the ray of each pixel to the first solid thing, f32 (H, W); {VIEW:g} where none is",
                   lambda size, _: spaces.Box(0.0, VIEW, size, np.float32),
                   lambda world, view: np.minimum(view.depth, np.float32(VIEW))),
    "entity_ids": Label("row of `state.entities` + 1 that each pixel shows, u8 (H, W), 0 for none",
                        lambda size, _: spaces.Box(0, s.MAX_ENTITIES, size, np.uint8),
                        lambda world, view: view.entities.copy()),
    "block_ids": Label("block of each pixel, u8 (H, W), 0 in the sky",
                       lambda size, _: spaces.Box(0, 255, size, np.uint8), lambda world, view: view.seen.copy()),
    "voxels": Label(f"blocks around the feet, u8 ({CUBE}, {CUBE}, {CUBE}), east, north, up",
                    _rows((CUBE, CUBE, CUBE), 0, 255, np.uint8), voxels),
    "inventory": Label(f"item id, count and wear of each slot, i32 ({s.INVENTORY}, 3), the hotbar first",
                       _inventory_space, _inventory),
    "vitals": Label("health and hunger 0…20, air 0…300, f32 (3,)", _rows((3,), 0.0, s.FULL_AIR, np.float32), _vitals),
    "pose": Label("x, y, z of the feet in blocks, yaw and pitch in degrees, f32 (5,)", _pose_space, _pose),
    "biome": Label("where the player is, an index of terrain.BIOMES", lambda *_: spaces.Discrete(len(BIOMES)),
                   lambda world, view: np.int64(world.marks[s.BIOME])),
    "time": Label("share of the day, f32 (1,): 0 sunrise, 0.5 sunset", _rows((1,), 0.0, 1.0, np.float32), _time),
    "weather": Label("rain, snow, thunder and wind, f32 (4,) in 0…1", _rows((4,), 0.0, 1.0, np.float32),
                     lambda world, view: np.clip(world.weather[:4], 0.0, 1.0).astype(np.float32)),
}  # fmt: skip
OBSERVATIONS = ("rgb", *LABELS)


def observation_space(keys: tuple[str, ...], size: Size, world: WorldSize) -> spaces.Space[Any]:
    """Return the space of some observations: a Box for the picture alone, else a Dict."""
    picture = spaces.Box(0, 255, (*size, 3), np.uint8)
    if keys == ("rgb",):
        return picture
    return spaces.Dict({key: picture if key == "rgb" else LABELS[key].space(size, world) for key in keys})


def read_labels(keys: tuple[str, ...], world: VoxelState, view: View) -> dict[str, Any]:
    """Return new arrays of some labels; the view has just drawn the world."""
    return {key: LABELS[key].read(world, view) for key in keys}
