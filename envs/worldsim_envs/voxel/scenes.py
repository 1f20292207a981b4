"""How tasks start: each scene puts a few things into a fresh world, near the player, and says where the goal is.

A `Stage` finds places that can be walked to and puts things there; it draws from the env's own random numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import editor
from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import BLOCK_IDS, LIQUID, SOLID
from worldsim_envs.voxel.checks import VoxelError
from worldsim_envs.voxel.state import VoxelState

Place = tuple[float, float, float]
Scene = Callable[["Stage"], Place | None]


class Stage:
    """A world that is being staged."""

    def __init__(self, world: VoxelState, random: np.random.Generator) -> None:
        self.world, self.random = world, random
        self.shape = world.blocks.shape

    def top(self, x: int, y: int) -> int:
        """Return the height of the first cell above all solid blocks of a column."""
        column = self.world.blocks[x % self.shape[0], y % self.shape[1]]
        return int(np.flatnonzero(SOLID[column])[-1]) + 1

    def line(self, yaw: float, distance: float) -> NDArray[np.int64]:
        """Return the columns (distance, 2) that lie ahead of the player in a direction, in degrees."""
        steps = np.arange(1, int(distance) + 1)
        ahead = np.outer(steps, [np.sin(np.radians(yaw)), np.cos(np.radians(yaw))])
        return np.floor(self.world.body[:2] + ahead).astype(np.int64)

    def roughness(self, columns: NDArray[np.int64]) -> float:
        """Return how hard a line of columns is to walk: 0 for flat dry ground, 1 for each step, 4 for each obstacle."""
        tops = np.array([int(self.world.body[s.Z]), *(self.top(x, y) for x, y in columns)])
        rises = np.abs(np.diff(tops))
        wet = sum(bool(LIQUID[self.world.blocks[x % self.shape[0], y % self.shape[1], t]])
                  for (x, y), t in zip(columns, tops[1:], strict=True))  # fmt: skip
        return float((rises == 1).sum() + 4.0 * (rises > 1).sum() + 4.0 * wet)

    def spot(self, nearest: float, farthest: float, ahead: bool = False) -> tuple[int, int, int]:
        """Return a cell on the ground, at a distance and where the way is easiest of 24 tries.

        Args:
            ahead: within 40 degrees of where the player looks.
        """
        spread = 40.0 if ahead else 180.0
        tries = []
        for _ in range(24):
            yaw = float(self.world.body[s.YAW]) + float(self.random.uniform(-spread, spread))
            columns = self.line(yaw, float(self.random.uniform(nearest, farthest)))
            tries.append((self.roughness(columns), len(tries), columns[-1]))
        x, y = min(tries, key=lambda t: t[:2])[2]
        return int(x) % self.shape[0], int(y) % self.shape[1], self.top(int(x), int(y))

    def put(self, x: int, y: int, z: int, block: str) -> None:
        """Put a block, unless it is outside the world or where the player stands."""
        px, py, pz = (int(v) for v in self.world.body[:3])
        x, y = x % self.shape[0], y % self.shape[1]
        if 0 < z < self.shape[2] and not (x == px and y == py and pz <= z <= pz + 1):
            editor.set_block(self.world, x, y, z, block)

    def fill(self, x: range, y: range, z: range, block: str) -> None:
        """Put one block into each cell of a box."""
        for i in x:
            for j in y:
                for k in z:
                    self.put(i, j, k, block)

    def spawn(self, kind: str, nearest: float, farthest: float, ahead: bool = False) -> None:
        """Put a creature on the ground at a distance, unless the world is full of them."""
        x, y, z = self.spot(nearest, farthest, ahead)
        with suppress(VoxelError):
            editor.spawn(self.world, kind, x + 0.5, y + 0.5, float(z))

    def nearest(self, names: Iterable[str], radius: int = 24, height: int = 3) -> Place | None:
        """Return the middle of the nearest of some blocks, at most `height` above or below the feet; None if none."""
        ids = [BLOCK_IDS[name] for name in names]
        feet = np.floor(self.world.body[:3]).astype(np.int64)
        x, y = (feet[i] + np.arange(-radius, radius + 1) for i in range(2))
        z = np.arange(max(0, feet[2] - height), min(self.shape[2], feet[2] + height + 1))
        found = np.argwhere(np.isin(self.world.blocks[np.ix_(x % self.shape[0], y % self.shape[1], z)], ids))
        if len(found) == 0:
            return None
        cells = np.stack([x[found[:, 0]], y[found[:, 1]], z[found[:, 2]]], axis=1) + 0.5
        cell = cells[np.square(cells - self.world.body[:3]).sum(axis=1).argmin()]
        return float(cell[0] % self.shape[0]), float(cell[1] % self.shape[1]), float(cell[2])


def _middle(x: int, y: int, z: int) -> Place:
    return x + 0.5, y + 0.5, float(z)


def _beacon(stage: Stage) -> Place:
    """A beacon on a post, 16…32 blocks away."""
    x, y, z = stage.spot(16, 32)
    stage.put(x, y, z, "stone_bricks")
    stage.put(x, y, z + 1, "beacon")
    return _middle(x, y, z)


def _tree(stage: Stage) -> Place:
    """The nearest trunk; one is planted 5…9 blocks away where there is none."""
    place = stage.nearest(("oak_log", "birch_log", "spruce_log"))
    if place is not None:
        return place
    x, y, z = stage.spot(5, 9)
    stage.fill(range(x - 1, x + 2), range(y - 1, y + 2), range(z + 3, z + 5), "oak_leaves")
    stage.fill(range(x, x + 1), range(y, y + 1), range(z, z + 4), "oak_log")
    return _middle(x, y, z)


def _sand(stage: Stage) -> Place:
    """The nearest sand; a heap is laid 3…6 blocks away where there is none."""
    place = stage.nearest(("sand",))
    if place is not None:
        return place
    x, y, z = stage.spot(3, 6)
    stage.fill(range(x, x + 2), range(y, y + 2), range(z - 1, z + 1), "sand")
    return _middle(x, y, z)


def _iron(stage: Stage) -> Place:
    """An outcrop of stone with iron in it, 4…8 blocks away."""
    x, y, z = stage.spot(4, 8)
    stage.fill(range(x - 1, x + 2), range(y - 1, y + 2), range(z, z + 3), "stone")
    for i, j in ((-1, 0), (1, 0), (0, -1), (0, 1), (0, 0)):
        stage.put(x + i, y + j, z + 1, "iron_ore")
    return _middle(x, y, z + 1)


def _water(stage: Stage) -> Place:
    """A channel seven blocks wide and two deep, level banks on the way to it and from it, and a beacon beyond."""
    yaw = min((float(stage.world.body[s.YAW]) + turn for turn in range(0, 360, 15)),
              key=lambda yaw: stage.roughness(stage.line(yaw, 18)))  # fmt: skip
    across = np.array([np.cos(np.radians(yaw)), -np.sin(np.radians(yaw))])
    level = int(stage.world.body[s.Z]) - 1
    columns = stage.line(yaw, 18)

    def strip(first: int, last: int, half: float) -> list[tuple[int, int]]:
        """Return the columns between two distances, up to `half` to either side of the line."""
        sides = np.arange(-half, half + 0.5, 0.5)
        found = {tuple(np.floor(columns[step] + side * across).astype(int).tolist())
                 for step in range(first, last) for side in sides}  # fmt: skip
        return sorted(found)

    channel, banks = strip(3, 10, 9.0), strip(0, 3, 1.5) + strip(10, 18, 1.5)
    rim = sorted({(x + i, y + j) for x, y in channel for i in (-1, 0, 1) for j in (-1, 0, 1)} - set(channel))
    for x, y in (*channel, *rim, *banks):
        stage.fill(range(x, x + 1), range(y, y + 1), range(level + 1, max(level + 2, stage.top(x, y) + 2)), "air")
    for x, y in (*rim, *banks):
        stage.fill(range(x, x + 1), range(y, y + 1), range(min(level - 1, stage.top(x, y)), level + 1), "stone")
    for x, y in channel:
        stage.fill(range(x, x + 1), range(y, y + 1), range(level - 2, level - 1), "stone")
        stage.fill(range(x, x + 1), range(y, y + 1), range(level - 1, level + 1), "water")
    x, y = (int(v) for v in columns[15])
    stage.put(x, y, level + 1, "beacon")
    return _middle(x % stage.shape[0], y % stage.shape[1], level + 1)


def _night(stage: Stage) -> None:
    """Two zombies, 12…20 blocks away."""
    for _ in range(2):
        stage.spawn("zombie", 12, 20)


def _herd(stage: Stage) -> None:
    """A pig, a cow and a sheep, 4…10 blocks ahead."""
    for kind in ("pig", "cow", "sheep"):
        stage.spawn(kind, 4, 10, ahead=True)


def _cave(stage: Stage) -> Place:
    """A stairway into the ground, 8…14 blocks away, northwards down to a dark room; the goal is its mouth."""
    x, y, z = stage.spot(8, 14)
    depth = min(8, z - 4)
    for step in range(depth):
        stage.fill(
            range(x, x + 2), range(y + step, y + step + 1), range(z - step, z + 3 if step < 2 else z - step + 3), "air"
        )
    bottom = z - depth
    stage.fill(range(x - 2, x + 4), range(y + depth, y + depth + 6), range(bottom, bottom + 3), "air")
    return float(x + 1), y + 0.5, float(z)


def _ahead(stage: Stage, block: str, nearest: float, farthest: float) -> tuple[int, int, int]:
    """Put a block on the ground ahead of the player."""
    x, y, z = stage.spot(nearest, farthest, ahead=True)
    stage.put(x, y, z, block)
    return x, y, z


def _sign(stage: Stage) -> Place:
    """A sign two blocks high, 3…5 blocks ahead."""
    x, y, z = _ahead(stage, "sign", 3, 5)
    stage.put(x, y, z + 1, "sign")
    return _middle(x, y, z)


def _cake(stage: Stage) -> Place:
    """A whole cake, 3…5 blocks ahead."""
    return _middle(*_ahead(stage, "cake_7", 3, 5))


def _glass(stage: Stage) -> Place:
    """A pane of glass two blocks high, 3…5 blocks ahead."""
    x, y, z = _ahead(stage, "glass", 3, 5)
    stage.put(x, y, z + 1, "glass")
    return _middle(x, y, z)


def _hut(stage: Stage) -> Place:
    """A hut of planks with a shut door, 5…8 blocks ahead; the door faces the player."""
    x, y, z = stage.spot(5, 8, ahead=True)
    dx = (x + 0.5 - stage.world.body[s.X] + stage.shape[0] / 2) % stage.shape[0] - stage.shape[0] / 2
    dy = (y + 0.5 - stage.world.body[s.Y] + stage.shape[1] / 2) % stage.shape[1] - stage.shape[1] / 2
    axis = "x" if abs(dx) > abs(dy) else "y"
    back = (int(np.sign(dx)), 0) if axis == "x" else (0, int(np.sign(dy)))
    cx, cy = x + 2 * back[0], y + 2 * back[1]
    stage.fill(range(cx - 2, cx + 3), range(cy - 2, cy + 3), range(z, z + 4), "planks")
    stage.fill(range(cx - 1, cx + 2), range(cy - 1, cy + 2), range(z, z + 3), "air")
    stage.put(x, y, z, f"door_{axis}_shut_lower")
    stage.put(x, y, z + 1, f"door_{axis}_shut_upper")
    return _middle(x, y, z)


def _workshop(stage: Stage) -> None:
    """A hut with a door, and round it what can be eaten, shattered, painted, picked, dug and herded."""
    _hut(stage)
    for block in ("cake_7", "torch", "poppy", "chest", "crafting_table", "furnace"):
        stage.put(*stage.spot(2, 7), block)
    _glass(stage)
    _sign(stage)
    x, y, z = stage.spot(3, 7)
    stage.fill(range(x, x + 2), range(y, y + 1), range(z, z + 3), "sand")
    x, y, z = stage.spot(4, 8)
    stage.fill(range(x, x + 3), range(y, y + 1), range(z - 1, z), "farmland")
    stage.fill(range(x, x + 3), range(y, y + 1), range(z, z + 1), "wheat_1")
    for kind in ("pig", "sheep", "chicken"):
        stage.spawn(kind, 3, 9)


SCENES: dict[str, Scene] = {
    "beacon": _beacon, "tree": _tree, "sand": _sand, "iron": _iron, "water": _water, "night": _night, "herd": _herd,
    "cave": _cave, "sign": _sign, "cake": _cake, "glass": _glass, "hut": _hut,
    "workshop": _workshop,
}  # fmt: skip


def set_scene(name: str, world: VoxelState, random: np.random.Generator) -> Place | None:
    """Stage a scene of SCENES in a fresh world; returns the goal's place, None where it has none."""
    return SCENES[name](Stage(world, random)) if name else None
