"""Villages and ruins: houses with doors, glass, beds and torches, a well, paths and fields; broken walls in the wild.

Plain Python that writes a few thousand cells; a `Site` knows the torus and the ground.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.blocks import BLOCK_IDS as B
from worldsim_envs.voxel.terrain.biomes import DESERT, FOREST, MOUNTAINS, PLAINS, SAVANNA, SNOWFIELD

VILLAGES, RUINS = 2, 5  # at most, to a world of 256 × 256 blocks
VILLAGE_RADIUS = 18
# Walls, corners, floor and roof by biome.
STYLES: dict[int, tuple[str, str, str, str]] = {
    PLAINS: ("planks", "oak_log", "planks", "brick"),
    SAVANNA: ("planks", "acacia_log", "planks", "hay"),
    DESERT: ("sandstone", "sandstone", "sandstone", "sandstone"),
    SNOWFIELD: ("cobblestone", "spruce_log", "planks", "planks"),
    FOREST: ("planks", "birch_log", "planks", "stone_bricks"),
}
# Places of houses about the well: east, north, half width, half depth.
PLOTS = ((-12, 4, 3, 3), (-12, -6, 3, 2), (0, 12, 3, 3), (11, 5, 2, 3), (11, -6, 3, 3), (-1, -13, 3, 3))
FIELDS = ((-9, 12), (9, -14))


@dataclass
class Site:
    """The blocks and heights of a world, written by coordinates that go round the torus."""

    blocks: NDArray[np.uint8]
    heights: NDArray[np.int16]
    random: np.random.Generator

    def put(self, x: int, y: int, z: int, name: str) -> None:
        """Put a block."""
        nx, ny, nz = self.blocks.shape
        if 0 < z < nz:
            self.blocks[x % nx, y % ny, z] = B[name]

    def ground(self, x: int, y: int) -> int:
        """Return the first cell above the land."""
        return int(self.heights[x % self.blocks.shape[0], y % self.blocks.shape[1]])

    def level(self, x0: int, x1: int, y0: int, y1: int, z: int, floor: str, rise: int) -> None:
        """Make a floor below height z, on a foundation, and clear `rise` cells above it."""
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                for below in range(min(self.ground(x, y), z - 1), z - 1):
                    self.put(x, y, below, "cobblestone" if floor != "sandstone" else "sandstone")
                self.put(x, y, z - 1, floor)
                for above in range(z, z + rise):
                    self.put(x, y, above, "air")
                nx, ny = self.heights.shape
                self.heights[x % nx, y % ny] = z


def _mean_ground(site: Site, x0: int, x1: int, y0: int, y1: int) -> int:
    return int(np.median([site.ground(x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)]))


def build_house(
    site: Site, x: int, y: int, half_x: int, half_y: int, style: tuple[str, str, str, str]
) -> tuple[int, int]:
    """Build one house about (x, y), its door to the south; return the cell in front of the door."""
    wall, corner, floor, roof = style
    x0, x1, y0, y1 = x - half_x, x + half_x, y - half_y, y + half_y
    z = _mean_ground(site, x0, x1, y0, y1)
    site.level(x0 - 1, x1 + 1, y0 - 1, y1 + 1, z, floor, 8)
    for i in range(x0, x1 + 1):
        for j in range(y0, y1 + 1):
            if i in (x0, x1) or j in (y0, y1):
                post = i in (x0, x1) and j in (y0, y1)
                for k in range(3):
                    window = k == 1 and not post and (abs(i - x) == 1 if j in (y0, y1) else abs(j - y) <= 1)
                    lower = "cobblestone" if k == 0 and wall == "planks" else wall
                    site.put(i, j, z + k, corner if post else ("glass" if window else lower))
    for step in range(min(half_x, half_y) + 2):  # a roof of steps
        i0, i1, j0, j1 = x0 - 1 + step, x1 + 1 - step, y0 - 1 + step, y1 + 1 - step
        for i in range(i0, i1 + 1):
            for j in range(j0, j1 + 1):
                if i in (i0, i1) or j in (j0, j1):
                    site.put(i, j, z + 3 + step, roof)
    site.put(x, y0, z, "door_y_shut_lower")
    site.put(x, y0, z + 1, "door_y_shut_upper")
    site.put(x, y0, z + 2, wall)
    site.put(x1 - 1, y1 - 1, z, "bed_head")
    site.put(x1 - 1, y1 - 2, z, "bed_foot")
    site.put(x0 + 1, y1 - 1, z, str(site.random.choice(["crafting_table", "furnace", "chest"])))
    site.put(x0 + 1, y0 + 1, z, "torch")
    site.put(x - 1, y0 - 1, z, "torch")
    return x, y0 - 1


def build_field(site: Site, x: int, y: int) -> None:
    """Lay out a field of wheat about a channel of water, with a bale of hay."""
    z = _mean_ground(site, x - 3, x + 3, y - 2, y + 2)
    site.level(x - 3, x + 3, y - 2, y + 2, z, "oak_log", 4)
    for i in range(x - 2, x + 3):
        for j in range(y - 1, y + 2):
            if i == x:
                site.put(i, j, z - 1, "water")
            else:
                site.put(i, j, z - 1, "farmland")
                site.put(i, j, z, f"wheat_{site.random.integers(4)}")
    site.put(x + 3, y + 2, z, "hay")


def lay_path(site: Site, x0: int, y0: int, x1: int, y1: int, sandy: bool) -> None:
    """Lay a path from place to place, first along x and then along y, over land as it lies."""
    cells = [(x, y0 + side) for x in range(min(x0, x1), max(x0, x1) + 1) for side in (0, 1)]
    cells += [(x1 + side, y) for y in range(min(y0, y1), max(y0, y1) + 1) for side in (0, 1)]
    nx, ny, _ = site.blocks.shape
    soils = (B["grass"], B["savanna_grass"], B["forest_grass"], B["snowy_grass"], B["sand"], B["dirt"])
    for x, y in cells:
        z = site.ground(x, y)
        if site.blocks[x % nx, y % ny, z - 1] in soils and site.blocks[x % nx, y % ny, z] == 0:
            site.put(x, y, z - 1, "sandstone" if sandy else "path")


def build_well(site: Site, x: int, y: int) -> None:
    """Build a well: water in a ring of stone under a roof, with torches."""
    z = _mean_ground(site, x - 2, x + 2, y - 2, y + 2)
    site.level(x - 2, x + 2, y - 2, y + 2, z, "path", 6)
    for i in range(-1, 2):
        for j in range(-1, 2):
            edge = i != 0 or j != 0
            site.put(x + i, y + j, z - 1, "cobblestone" if edge else "water")
            site.put(x + i, y + j, z, "cobblestone" if edge else "water")
            site.put(x + i, y + j, z + 3, "stone_bricks")
            if i and j:
                for k in (1, 2):
                    site.put(x + i, y + j, z + k, "oak_log")
    for i, j in ((-2, -2), (2, 2)):
        site.put(x + i, y + j, z, "torch")


def build_villages(
    blocks: NDArray[np.uint8], heights: NDArray[np.int16], biomes: NDArray[np.uint8], key: int, sea: int
) -> tuple[tuple[int, int], ...]:
    """Build up to VILLAGES villages on the flattest land that is far enough apart; return their middles."""
    nx, ny, _ = blocks.shape
    random = np.random.default_rng([key & 0xFFFFFFFF, 1])
    site = Site(blocks, heights, random)
    spots = []
    for _ in range(60 * nx * ny // 65536):
        x, y = int(random.integers(nx)), int(random.integers(ny))
        around_x = np.arange(x - VILLAGE_RADIUS, x + VILLAGE_RADIUS + 1, 3) % nx
        around_y = np.arange(y - VILLAGE_RADIUS, y + VILLAGE_RADIUS + 1, 3) % ny
        land = heights[np.ix_(around_x, around_y)]
        if biomes[x, y] in STYLES and (land >= sea).mean() > 0.97:
            spots.append((float(land.std()) + (0.6 if biomes[x, y] in (DESERT, SNOWFIELD) else 0.0), x, y))
    middles: list[tuple[int, int]] = []
    for rough, x, y in sorted(spots):
        near = any(max(abs((x - a + nx // 2) % nx - nx // 2), abs((y - b + ny // 2) % ny - ny // 2)) < 60
                   for a, b in middles)  # fmt: skip
        if len(middles) < max(1, VILLAGES * nx * ny // 65536) and rough < 2.2 and not near:
            middles.append((x, y))
            style = STYLES[int(biomes[x, y])]
            build_well(site, x, y)
            doors = [build_house(site, x + i, y + j, wide, deep, style) for i, j, wide, deep in PLOTS]
            for i, j in FIELDS:
                build_field(site, x + i, y + j)
            for door_x, door_y in doors:
                lay_path(site, x + 3, y - 2, door_x, door_y, sandy=style[0] == "sandstone")
    return tuple(middles)


def build_ruins(
    blocks: NDArray[np.uint8], heights: NDArray[np.int16], biomes: NDArray[np.uint8], key: int, sea: int
) -> None:
    """Build broken rings of mossy walls, each with a chest, where no village would stand."""
    nx, ny, _ = blocks.shape
    random = np.random.default_rng([key & 0xFFFFFFFF, 2])
    site = Site(blocks, heights, random)
    left = max(1, RUINS * nx * ny // 65536)
    for _ in range(40):
        x, y = int(random.integers(nx)), int(random.integers(ny))
        if left == 0 or heights[x, y] < sea or biomes[x, y] not in (FOREST, DESERT, MOUNTAINS, SNOWFIELD):
            continue
        left -= 1
        stones = ("sandstone",) if biomes[x, y] == DESERT else ("stone_bricks", "moss", "cobblestone")
        for i in range(-4, 5):
            for j in range(-3, 4):
                z = site.ground(x + i, y + j)
                if abs(i) == 4 or abs(j) == 3:
                    pillar = abs(i) == 4 and abs(j) == 3
                    for k in range(int(random.integers(3, 5)) if pillar else int(random.integers(-1, 4))):
                        site.put(x + i, y + j, z + k, str(random.choice(stones)))
                elif random.random() < 0.6:
                    site.put(x + i, y + j, z - 1, str(random.choice(stones)))
        site.put(x + 1, y, site.ground(x + 1, y), "chest")
