"""`View`: what a script may know of the voxel world, read from the engine's own state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gymnasium as gym
import numpy as np

from worldsim_envs.voxel import state as voxel
from worldsim_envs.voxel.blocks import BLOCK_IDS, BOUNDS, SOLID, WATER
from worldsim_envs.voxel.items import ITEM_IDS
from worldsim_envs.voxel.judge import GOAL_X, GOAL_Z
from worldsim_envs.voxel.kinds import FIRST_CREATURE

TURN, TILT = 15.0, 10.0  # degrees of one turning and one looking action
ARM = 4.0  # blocks that surely lie within reach


class View:
    """What a script may know: the player's pose, what touches it, and the blocks around."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        self._raw: Any = env.unwrapped
        self.actions: list[str] = self._raw.get_action_meanings()

    @property
    def yaw(self) -> float:
        """Degrees clockwise from north."""
        return float(self._raw.state.body[voxel.YAW])

    @property
    def pitch(self) -> float:
        """Degrees, positive looking down."""
        return float(self._raw.state.body[voxel.PITCH])

    @property
    def eye(self) -> np.ndarray:
        """f64 (3,): where the eye is, in blocks."""
        return self._raw.state.body[:3] + np.array([0.0, 0.0, voxel.EYE])

    @property
    def in_water(self) -> bool:
        return bool(self._raw.state.marks[voxel.IN_WATER])

    @property
    def under_water(self) -> bool:
        """Whether the eye is in water."""
        blocks, eye = self._raw.state.blocks, self.eye
        x, y, z = int(eye[0]) % blocks.shape[0], int(eye[1]) % blocks.shape[1], int(eye[2])
        return 0 <= z < blocks.shape[2] and blocks[x, y, z] == WATER

    @property
    def bumped(self) -> bool:
        """Whether something solid stopped the player a moment ago."""
        return bool(self._raw.state.marks[voxel.BUMP])

    @property
    def target(self) -> tuple[int, int, int] | None:
        """The block within reach at the crosshair."""
        marks = self._raw.state.marks
        if not marks[voxel.TARGET]:
            return None
        return int(marks[voxel.TARGET_X]), int(marks[voxel.TARGET_Y]), int(marks[voxel.TARGET_Z])

    def room(self, turn: float) -> int:
        """Free blocks at the eye's height, 0 … 10, in the direction `turn` degrees to the right."""
        blocks, eye = self._raw.state.blocks, self.eye
        yaw = np.radians(self.yaw + turn)
        height = min(int(eye[2]), blocks.shape[2] - 1)
        for step in range(1, 11):
            x, y = int(eye[0] + step * np.sin(yaw)), int(eye[1] + step * np.cos(yaw))
            if SOLID[blocks[x % blocks.shape[0], y % blocks.shape[1], height]]:
                return step - 1
        return 10

    def shore(self) -> float | None:
        """Degrees to turn towards the nearest land, of 24 directions; None when there is none within 60 blocks."""
        state = self._raw.state
        turns, away = np.arange(-165.0, 181.0, TURN), np.arange(1.0, 60.0)
        yaw = np.radians(self.yaw + turns)[:, None]
        x = np.floor(self.eye[0] + away * np.sin(yaw)).astype(int) % state.blocks.shape[0]  # (24, 59)
        y = np.floor(self.eye[1] + away * np.cos(yaw)).astype(int) % state.blocks.shape[1]
        land = state.blocks[x, y, np.minimum(state.tops[x, y], state.blocks.shape[2] - 1)] != WATER
        first = np.where(land.any(axis=1), land.argmax(axis=1), len(away))
        return float(turns[first.argmin()]) if first.min() < len(away) else None

    def reachable(self) -> tuple[np.ndarray, np.ndarray]:
        """The solid blocks near the eye that have a free side: offsets from the eye f64 (N, 3), and ids u8 (N,)."""
        blocks, eye = self._raw.state.blocks, self.eye
        base, reach = np.floor(eye).astype(int), 5
        x, y = (np.arange(base[i] - reach, base[i] + reach + 1) % blocks.shape[i] for i in range(2))
        z = np.clip(np.arange(base[2] - reach, base[2] + reach + 1), 0, blocks.shape[2] - 1)
        near = blocks[np.ix_(x, y, z)]  # (11, 11, 11)
        solid = SOLID[near].astype(bool)
        free = np.zeros_like(solid)
        for axis in range(3):
            free |= ~np.roll(solid, 1, axis) | ~np.roll(solid, -1, axis)
        cells = np.argwhere(solid & free)
        offsets = cells - reach + 0.5 + base - eye
        kept = (np.square(offsets).sum(axis=1) < ARM**2) & ~((cells == 0) | (cells == 2 * reach)).any(axis=1)
        return offsets[kept], near[tuple(cells[kept].T)]

    def nearest(self, names: Iterable[str], radius: int = 10) -> np.ndarray | None:
        """The offset f64 (3,) from the eye to the middle of the nearest of some blocks, None when there is none."""
        blocks, eye = self._raw.state.blocks, self.eye
        base, ids = np.floor(eye).astype(int), [BLOCK_IDS[name] for name in names]
        x, y = (np.arange(base[i] - radius, base[i] + radius + 1) % blocks.shape[i] for i in range(2))
        low = max(0, base[2] - 3)
        z = np.arange(low, min(blocks.shape[2], base[2] + 4))
        near = blocks[np.ix_(x, y, z)]
        found = np.argwhere(np.isin(near, ids))
        if len(found) == 0:
            return None
        bounds = BOUNDS[near[tuple(found.T)]]  # (N, 6): a cake that is half eaten has its middle elsewhere
        offsets = found + [base[0] - radius, base[1] - radius, low] + (bounds[:, :3] + bounds[:, 3:]) / 2 - eye
        return offsets[np.square(offsets).sum(axis=1).argmin()]

    def creature(self, sight: float = 16.0) -> np.ndarray | None:
        """The offset f64 (3,) from the eye to the nearest animal or monster, None when there is none in sight."""
        state = self._raw.state
        rows = np.flatnonzero(state.kinds[:, voxel.KIND] >= FIRST_CREATURE)
        torus = np.array([*state.blocks.shape[:2], 1e9])
        offsets = state.entities[rows, :3] + [0.0, 0.0, 0.5] - self.eye
        offsets = (offsets + torus / 2) % torus - torus / 2
        away = np.sqrt(np.square(offsets).sum(axis=1))
        return offsets[away.argmin()] if len(rows) and away.min() < sight else None

    @property
    def goal(self) -> np.ndarray:
        """The offset f64 (3,) from the eye to the place that the episode's task leads to."""
        offset = self._raw.memory[GOAL_X : GOAL_Z + 1] - self.eye
        torus = np.array(self._raw.state.blocks.shape[:2])
        offset[:2] = (offset[:2] + torus / 2) % torus - torus / 2
        return offset

    def slot(self, names: Iterable[str]) -> str | None:
        """The action that takes one of some items into the hand; None where no such slot can be chosen."""
        wanted = {ITEM_IDS[name] for name in names}
        inventory = self._raw.state.inventory
        for slot in range(voxel.HOTBAR):
            action = f"hotbar.{slot + 1}"
            if action in self.actions and inventory[slot, voxel.COUNT] and int(inventory[slot, voxel.ITEM]) in wanted:
                return action
        return None
