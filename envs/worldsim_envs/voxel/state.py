"""`VoxelState`: everything that decides the future of a world, as plain arrays that compiled code reads and writes.

Axes: x east, y north, z up; blocks are (X, Y, Z) and the world is a torus in x and y. Yaw is in degrees clockwise from
north, pitch in degrees, positive looking down. Light and column tops follow from the blocks and are kept beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.blocks import OPEN, T_FORM, T_MODEL, TRAITS
from worldsim_envs.voxel.compiled import compiled, inner
from worldsim_envs.voxel.lights import QUEUE, light_changed, light_world

# Fields of `body`, float64. A row of `entities` begins with the same nine.
X, Y, Z, VX, VY, VZ, YAW, PITCH, FALL = range(9)
HIT_U, HIT_V = 9, 10  # where on the targeted face the player looks, 0…1
BODY_FIELDS = 16

# Further fields of a row of `entities`, float64: phase of the limbs in radians, how far they swing 0…1, where the head
# looks in degrees, size beside a grown one 0…1, spin of a fragment or a drop in degrees.
LIMB, LIMB_SPEED, HEAD_YAW, GROWN, SPIN = range(9, 14)
ENTITY_FIELDS, MAX_ENTITIES = 16, 48

# Fields of a row of `kinds`, int64. KIND is an index of kinds.KINDS, 0 for a free row; NUMBER is never used twice;
# HEARTS is health in half hearts; MODE is one of kinds.MODES; CARRIES is the item of a drop or the block that falls.
(KIND, NUMBER, AGE, HEARTS, MODE, TIMER, GOAL_X, GOAL_Y, PAIN, STANDS, SWIMS, CARRIES, AMOUNT, ALIGHT, PAUSE,
 WEAR) = range(16)  # fmt: skip
KIND_FIELDS = 16

# Fields of `vitals`, float64: health, hunger and saturation 0…20, air and fire in ticks, exhaustion 0…4.
HEALTH, HUNGER, SATURATION, AIR_LEFT, BURNING, EXHAUSTION, REGROWTH = range(7)
VITAL_FIELDS = 16
FULL, FULL_AIR = 20.0, 300.0

# Fields of `weather`, float64 0…1: how strongly it rains and snows here, thunder, wind.
RAIN, SNOWFALL, THUNDER, WIND = range(4)
WEATHER_FIELDS = 8

# Fields of `marks`, int64. CLOCK is the tick of the day: 0 sunrise, a quarter noon, half sunset. SKY is the weather
# that reigns, an index of systems.weather.SKIES, until SKY_TICKS have run down. TARGET is 1 where a block is in view
# and in reach; TARGET_ENTITY is the row of a nearer creature + 1, and TARGET then 0.
(TICK, CLOCK, DAY_LENGTH, SLOT, MINE_X, MINE_Y, MINE_Z, MINE_TICKS, MINE_NEED, TARGET, TARGET_X, TARGET_Y, TARGET_Z,
 TARGET_FACE, GROUND, IN_WATER, HURT, SWING, COOLDOWN, BIOME, DEAD, BUMP, JUMP_WAIT, SNEAKING, TARGET_ENTITY, SKY,
 SKY_TICKS, NEXT_NUMBER, HOME_X, HOME_Y, HOME_Z, SLEEPING, RECIPE, CRAFT_HELD, SWAP_HELD, DROP_HELD, IN_LAVA, MET,
 IN_CAVE, VILLAGE) = range(40)  # fmt: skip
MARK_FIELDS = 64

# Fields of a row of `inventory`, int64; the first HOTBAR rows are the hotbar.
ITEM, COUNT, WORN = range(3)
INVENTORY, HOTBAR = 36, 9

# Painted faces: key is cell * 6 + face, texels are indices of blocks' dyes, 0 for bare.
CANVASES, CANVAS = 128, 16
# Scheduled ticks of blocks: a ring of ticks, each with a count and as many cells.
RING, PER_TICK = 1024, 95
# Ovens at work: cell, item that is in, count, fuel ticks left, ticks done, item that is out, count.
OVENS, OVEN_FIELDS = 16, 8

REACH = 4.5
EYE, SNEAK_EYE = 1.62, 1.50
HURT_TICKS, SWING_TICKS = 10, 6  # how long a hurt and a stroke of the hand show
LIGHT_RADIUS = 2
TILE = 8


Bytes: TypeAlias = NDArray[np.uint8]
# Blocks, light, tops, roofs, tiles, glow, models, queue (see VoxelState), and the table TRAITS of blocks.
Grid: TypeAlias = tuple[Bytes, Bytes, Bytes, Bytes, Bytes, Bytes, Bytes, NDArray[np.int64], Bytes]
GRID_FIELDS = ("blocks", "light", "tops", "roofs", "tiles", "glow", "models", "queue")


class Tick(NamedTuple):
    """The arrays of a `VoxelState` under the same names, as compiled code gets them."""

    grid: Grid
    biomes: NDArray[np.uint8]
    body: NDArray[np.float64]
    marks: NDArray[np.int64]
    inventory: NDArray[np.int64]
    vitals: NDArray[np.float64]
    entities: NDArray[np.float64]
    kinds: NDArray[np.int64]
    canvas: NDArray[np.uint8]
    canvas_keys: NDArray[np.int64]
    pending: NDArray[np.int32]
    ovens: NDArray[np.int64]
    weather: NDArray[np.float64]
    switches: NDArray[np.uint8]
    random: NDArray[np.uint64]


@dataclass
class VoxelState:
    """One world at one tick. Every field is an array, so a copy of the arrays is a copy of the world."""

    blocks: NDArray[np.uint8]  # (X, Y, Z)
    light: NDArray[np.uint8]  # (X, Y, Z), share of open sky 1…255, 0 in opaque blocks
    tops: NDArray[np.uint8]  # (X, Y), height of the first cell above all opaque blocks
    roofs: NDArray[np.uint8]  # (X, Y), height of the first cell above all that rays meet
    tiles: NDArray[np.uint8]  # (X / TILE, Y / TILE), highest roof of a square of columns
    glow: NDArray[np.uint8]  # (X, Y, Z), block light 0…15
    models: NDArray[np.uint8]  # (X, Y, 2), lowest model's cell and the first above the highest; 0, 0 without models
    queue: NDArray[np.int64]  # (QUEUE,), room to work in, zero at rest
    biomes: NDArray[np.uint8]  # (X, Y)
    clouds: NDArray[np.float64]  # (X / 8, Y / 8), density 0…1
    body: NDArray[np.float64]  # (BODY_FIELDS,)
    marks: NDArray[np.int64]  # (MARK_FIELDS,)
    inventory: NDArray[np.int64]  # (INVENTORY, 3), item id, count, wear
    vitals: NDArray[np.float64]  # (VITAL_FIELDS,)
    entities: NDArray[np.float64]  # (MAX_ENTITIES, ENTITY_FIELDS)
    kinds: NDArray[np.int64]  # (MAX_ENTITIES, KIND_FIELDS)
    canvas: NDArray[np.uint8]  # (CANVASES, CANVAS, CANVAS), dyes of painted faces, row 0 at the top
    canvas_keys: NDArray[np.int64]  # (CANVASES,), cell * 6 + face, -1 for a free canvas
    pending: NDArray[np.int32]  # (RING, 1 + PER_TICK), scheduled block ticks: count, cells
    ovens: NDArray[np.int64]  # (OVENS, OVEN_FIELDS)
    weather: NDArray[np.float64]  # (WEATHER_FIELDS,)
    switches: NDArray[np.uint8]  # one for each row of switches.SWITCHES
    unlocked: NDArray[np.uint8]  # (E,), events seen in this episode
    random: NDArray[np.uint64]  # (2,), keys of the episode's and of the world's own random numbers; never change

    @property
    def grid(self) -> Grid:
        """The blocks and what follows from them, as compiled code takes them."""
        return (self.blocks, self.light, self.tops, self.roofs, self.tiles, self.glow, self.models, self.queue,
                TRAITS)  # fmt: skip

    @property
    def tick(self) -> Tick:
        """The arrays that a tick of the world reads and writes."""
        return Tick(
            self.grid, self.biomes, self.body, self.marks, self.inventory, self.vitals, self.entities, self.kinds,
            self.canvas, self.canvas_keys, self.pending, self.ovens, self.weather, self.switches, self.random,
        )  # fmt: skip

    def clone(self) -> VoxelState:
        """Return an independent copy."""
        return VoxelState(**{field.name: getattr(self, field.name).copy() for field in fields(self)})

    def copy_from(self, other: VoxelState) -> None:
        """Take over all values of `other`, which has the same shapes."""
        for field in fields(self):
            getattr(self, field.name)[...] = getattr(other, field.name)

    def equals(self, other: VoxelState) -> bool:
        """Return whether every value is the same, bit by bit."""
        return all(getattr(self, f.name).tobytes() == getattr(other, f.name).tobytes() for f in fields(self))


def empty_grid(size: tuple[int, int, int]) -> Grid:
    """Return the arrays of a world of air, (east, north, up) blocks; `measure_world` brings them up to date."""
    nx, ny, nz = size
    columns = np.zeros((2, nx, ny), np.uint8)
    return (
        np.zeros(size, np.uint8), np.full(size, 255, np.uint8), columns[0], columns[1],
        np.zeros((nx // TILE, ny // TILE), np.uint8), np.zeros(size, np.uint8), np.zeros((nx, ny, 2), np.uint8),
        np.zeros(QUEUE, np.int64), TRAITS,
    )  # fmt: skip


@compiled
def eye_height(marks):
    """Return the height of the eye above the feet."""
    return SNEAK_EYE if marks[SNEAKING] else EYE


@inner
def measure_column(grid, opaque, x, y):
    """Write the top, the roof and the models of a column."""
    blocks, _, tops, roofs, _, _, models, _, traits = grid
    tops[x, y], roofs[x, y], models[x, y, 0], models[x, y, 1] = 0, 0, 0, 0
    for z in range(blocks.shape[2] - 1, -1, -1):
        block = blocks[x, y, z]
        if traits[block, T_FORM] != OPEN and roofs[x, y] == 0:
            roofs[x, y] = z + 1
        if traits[block, T_MODEL]:
            models[x, y, 0] = z
            models[x, y, 1] = max(models[x, y, 1], z + 1)
        if opaque[block] and tops[x, y] == 0:
            tops[x, y] = z + 1


@inner
def measure_tile(roofs, tiles, a, b):
    """Write the highest roof of a tile."""
    highest = 0
    for x in range(a * TILE, (a + 1) * TILE):
        for y in range(b * TILE, (b + 1) * TILE):
            highest = max(highest, roofs[x, y])
    tiles[a, b] = highest


@inner
def light_columns(blocks, light, tops, opaque, x0, x1, y0, y1):
    """Fill the light of the columns x0…x1-1, y0…y1-1 (taken round the torus) from the tops of their neighbours.

    The light of an open cell is the weighted share of the (5, 5) columns around it that are open to the sky there.
    """
    nx, ny, nz = blocks.shape
    for xx in range(x0, x1):
        for yy in range(y0, y1):
            x, y = xx % nx, yy % ny
            low, high = nz, 0
            for i in range(-LIGHT_RADIUS, LIGHT_RADIUS + 1):
                for j in range(-LIGHT_RADIUS, LIGHT_RADIUS + 1):
                    top = tops[(x + i) % nx, (y + j) % ny]
                    low, high = min(low, top), max(high, top)
            for z in range(nz):
                if opaque[blocks[x, y, z]]:
                    light[x, y, z] = 0
                elif z >= high:
                    light[x, y, z] = 255
                elif z < low:
                    light[x, y, z] = 1
                else:
                    open_weight, weight = 0, 0
                    for i in range(-LIGHT_RADIUS, LIGHT_RADIUS + 1):
                        for j in range(-LIGHT_RADIUS, LIGHT_RADIUS + 1):
                            share = (3 - abs(i)) * (3 - abs(j))
                            weight += share
                            if tops[(x + i) % nx, (y + j) % ny] <= z:
                                open_weight += share
                    light[x, y, z] = max(1, (255 * open_weight) // weight)


@compiled
def put_block(grid, opaque, x, y, z, block):
    """Set one block, and bring all that follows from the blocks up to date."""
    blocks, light, tops, roofs, tiles, glow, _, queue, traits = grid
    nx, ny = blocks.shape[0], blocks.shape[1]
    x, y = x % nx, y % ny
    blocks[x, y, z] = block
    top, roof = tops[x, y], roofs[x, y]
    measure_column(grid, opaque, x, y)
    if roofs[x, y] != roof:
        measure_tile(roofs, tiles, x // TILE, y // TILE)
    if tops[x, y] != top:
        light_columns(blocks, light, tops, opaque, x - LIGHT_RADIUS, x + LIGHT_RADIUS + 1,
                      y - LIGHT_RADIUS, y + LIGHT_RADIUS + 1)  # fmt: skip
    else:
        light_columns(blocks, light, tops, opaque, x, x + 1, y, y + 1)
    light_changed(blocks, glow, queue, traits, x, y, z)


@compiled
def measure_world(grid, opaque):
    """Fill tops, roofs, tiles, light, models and glow of a whole world from its blocks."""
    blocks, light, tops, roofs, tiles, glow, _, queue, traits = grid
    for x in range(blocks.shape[0]):
        for y in range(blocks.shape[1]):
            measure_column(grid, opaque, x, y)
    for a in range(tiles.shape[0]):
        for b in range(tiles.shape[1]):
            measure_tile(roofs, tiles, a, b)
    light_columns(blocks, light, tops, opaque, 0, blocks.shape[0], 0, blocks.shape[1])
    light_world(blocks, glow, queue, traits)
