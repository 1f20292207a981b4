"""Contact sheets of the voxel world: each biome, time, weather, creature and dynamic, as PNGs for the docs.

    python benchmarks/pictures.py                 # docs/images/voxel-*.png
    python benchmarks/pictures.py --out out/sheets --only creatures

A sheet is a grid of frames, each from a world staged by hand; the same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from worldsim_envs.voxel import start, state, terrain
from worldsim_envs.voxel.blocks import BLOCK_IDS, OPAQUE
from worldsim_envs.voxel.items import ITEM_IDS
from worldsim_envs.voxel.kinds import KIND_IDS
from worldsim_envs.voxel.render.picture import View, picture
from worldsim_envs.voxel.state import VoxelState

Frame = NDArray[np.uint8]
SIZE, COLUMNS, COLOURS = (144, 240), 4, 255
SEED, VILLAGE_SEED, WORLD = 11, 1, (256, 256, 64)
FLAT, GROUND = 64, 20  # a stage: its width and the height of its floor


def started(biome: str, time: float = 0.2, seed: int = SEED, luck: int = 0) -> VoxelState:
    """Return a world whose player has just started in a biome."""
    land = terrain.generate(seed, WORLD)
    calm = {"weather": False}  # else a quarter of the starts would be in rain
    return start.first_state(land, seed, np.random.default_rng(luck), biome, time, 12_000, calm)


def stage(floor: str = "grass", time: float = 0.2) -> VoxelState:
    """Return an endless plane with the player at its middle, looking north and a little down."""
    grid = state.empty_grid((FLAT, FLAT, 48))
    grid[0][:, :, :GROUND] = BLOCK_IDS[floor]
    state.measure_world(grid, OPAQUE)
    land = terrain.Terrain(grid, np.zeros((FLAT, FLAT), np.uint8), np.zeros((FLAT // 8, FLAT // 8)))
    world = start.first_state(land, 0, np.random.default_rng(0), "plains", time, 12_000)
    world.body[[state.X, state.Y, state.Z, state.YAW, state.PITCH]] = 32.5, 28.0, GROUND, 0.0, 10.0
    world.marks[state.TARGET], world.kinds[...] = 0, 0  # nobody but who is put there
    return world


def put(world: VoxelState, x: int, y: int, z: int, block: str) -> None:
    """Put a block of a stage, counted from its middle and its floor."""
    state.put_block(world.grid, OPAQUE, 32 + x, 32 + y, GROUND + z, BLOCK_IDS[block])


def spawn(world: VoxelState, row: int, kind: str, x: float, y: float, z: float = 0.0, yaw: float = 180.0,
          limb: float = 1.2, carries: int = 0) -> None:  # fmt: skip
    """Put an entity on a stage, in the middle of its walk."""
    world.kinds[row, [state.KIND, state.CARRIES]] = KIND_IDS[kind], carries
    fields = [state.X, state.Y, state.Z, state.YAW, state.LIMB, state.LIMB_SPEED, state.GROWN, state.SPIN]
    world.entities[row, fields] = 32 + x, 32 + y, GROUND + z, yaw, limb, 0.8, 1.0, 40.0 * row


def biomes() -> Iterator[VoxelState]:
    """Yield a start in each biome, a village and a cave."""
    for biome in terrain.BIOMES:
        yield started(biome, luck=2)
    world = started("plains", seed=VILLAGE_SEED)
    x, y = terrain.generate(VILLAGE_SEED, WORLD).villages[0]
    world.body[[state.X, state.Y, state.Z]] = x - 3.5, y - 10.5, float(world.tops[x - 4, y - 11]) + 1.5
    world.body[[state.YAW, state.PITCH]] = 15.0, 8.0
    yield world
    for luck in (0, 3):
        yield _cave(started("plains"), luck)


def _cave(world: VoxelState, luck: int) -> VoxelState:
    """Move the player into a cave with a long view."""
    air, random = world.blocks == 0, np.random.default_rng(luck)
    nx, ny, _ = world.blocks.shape
    best, place = -1, (0, 0, 8, 0.0)
    for x, y, z in np.argwhere(air[:, :, 5:14])[random.permutation(int(air[:, :, 5:14].sum()))[:400]]:
        z += 5
        if not air[x, y, z : z + 2].all() or air[x, y, z - 1] or world.tops[x, y] < z + 5:
            continue
        for yaw in range(0, 360, 45):
            east, north = np.sin(np.radians(yaw)), np.cos(np.radians(yaw))
            way = [bool(air[int(x + 0.5 + east * s) % nx, int(y + 0.5 + north * s) % ny, z + 1]) for s in range(16)]
            free = way.index(False) if False in way else 16
            glow = int(world.glow[int(x + east * free * 0.7) % nx, int(y + north * free * 0.7) % ny, z])
            if free + glow > best and free < 16:
                best, place = free + glow, (int(x), int(y), int(z), float(yaw))
    world.body[[state.X, state.Y, state.Z]] = place[0] + 0.5, place[1] + 0.5, place[2]
    world.body[[state.YAW, state.PITCH]] = place[3], 12.0
    return world


def times() -> Iterator[VoxelState]:
    """Yield one view through the day."""
    for share in (0.0, 0.04, 0.12, 0.25, 0.45, 0.5, 0.56, 0.75):
        yield started("forest", share, luck=5)


def weathers() -> Iterator[VoxelState]:
    """Yield clear weather, rain, thunder and snow, by day and by night."""
    for time in (0.2, 0.72):
        for rain, snow, thunder in ((0, 0, 0), (1, 0, 0), (1, 0, 1), (0, 1, 0)):
            world = started("snow" if snow else "plains", time, luck=4)
            world.weather[[state.RAIN, state.SNOWFALL, state.THUNDER]] = rain, snow, thunder
            yield world


def creatures() -> Iterator[VoxelState]:
    """Yield each animal and monster near, and herds."""
    for kind in ("pig", "sheep", "cow", "chicken", "zombie", "skeleton", "spider"):
        world = stage(time=0.2 if kind in ("pig", "sheep", "cow", "chicken") else 0.62)
        spawn(world, 0, kind, -0.6, -1.2, yaw=150.0)
        spawn(world, 1, kind, 1.6, 0.6, yaw=250.0, limb=2.4)
        yield world
    world = stage()
    for row, kind in enumerate(("pig", "sheep", "cow", "chicken", "cow", "sheep", "pig", "chicken")):
        spawn(world, row, kind, 2.2 * (row % 4) - 3.3, 1.0 + 3.0 * (row // 4), yaw=60.0 * row, limb=float(row))
    yield world


def dynamics() -> Iterator[VoxelState]:
    """Yield one picture of each thing that happens."""
    for left in (7, 5, 3, 1):
        world = stage("planks")
        put(world, 0, -2, 0, f"cake_{left}")
        yield world
    for stage_of_mining in (0.1, 0.5, 0.9):
        world = stage()
        put(world, 0, -1, 0, "stone")
        put(world, 0, -1, 1, "stone")
        world.marks[[state.TARGET, state.TARGET_X, state.TARGET_Y, state.TARGET_Z]] = 1, 32, 31, GROUND + 1
        world.marks[[state.TARGET_FACE, state.MINE_TICKS, state.MINE_NEED]] = 3, int(24 * stage_of_mining), 24
        yield world
    world = stage()  # a pane shatters
    for x in (-1, 1):
        put(world, x, -1, 0, "glass")
        put(world, x, -1, 1, "glass")
    for row in range(10):
        random = np.random.default_rng(row)
        x, y, z = random.random(3) * (1.2, 0.8, 1.2) - (0.1, 0.2, 0.0)
        spawn(world, row, "fragment", x, y - 1.0, z, carries=BLOCK_IDS["glass"])
    yield world
    world = stage("sand")  # sand falls
    for x in range(-2, 3):
        put(world, x, 0, 0, "stone")
        put(world, x, 0, 3, "sand")
    spawn(world, 0, "falling", 0.5, 0.5, 1.4, carries=BLOCK_IDS["sand"])
    yield world
    world = stage("stone")  # water flows and meets lava
    for x in range(-4, 5):
        level = 7 - abs(x + 2)
        put(world, x, 1, 0, "obsidian" if x == 3 else f"water_{max(1, level)}" if x < 3 else "lava_3")
        put(world, x, 0, 0, f"water_{max(1, level - 1)}" if x < 2 else ("cobblestone" if x == 2 else "lava_2"))
        put(world, x, 2, 0, "stone")
    put(world, -2, 2, 1, "water")
    yield world
    world = stage("grass", 0.6)  # fire spreads
    for x in range(-2, 3):
        put(world, x, 1, 0, "oak_log")
        put(world, x, 1, 1, "oak_leaves")
        if x != 0:
            put(world, x, 1, 2, "fire")
    put(world, 0, 0, 0, "fire")
    yield world
    world = stage("farmland")  # crops ripen
    for x in range(-4, 5):
        for y in range(4):
            put(world, x, y, 0, "path" if x == 0 else f"wheat_{y}")
    yield world
    world = stage()  # a sign is painted
    put(world, 0, 0, 0, "oak_log")
    put(world, 0, 0, 1, "sign")
    cell = (32 * FLAT + 32) * 48 + GROUND + 1
    world.canvas_keys[0] = cell * 6 + 3
    row, column = np.mgrid[0:16, 0:16]
    world.canvas[0][np.hypot(row - 7.5, column - 7.5) < 6] = 8
    world.canvas[0][(np.abs(row - 6) < 1) & (np.abs(np.abs(column - 7.5) - 2.5) < 1)] = 4
    world.canvas[0][(np.abs(row - 11) < 1) & (np.abs(column - 7.5) < 3)] = 6
    yield world
    world = stage()  # drops lie about
    for row, name in enumerate(("cobblestone", "diamond", "apple", "oak_log", "iron_pickaxe", "poppy")):
        spawn(world, row, "drop", 0.8 * row - 2.0, -1.5 + 0.4 * (row % 2), carries=ITEM_IDS[name])
    yield world
    world = stage("planks", 0.75)  # a torch in the night
    for x in range(-5, 6):
        for z in range(4):
            put(world, x, 3, z, "stone_bricks")
    put(world, -1, 2, 0, "torch")
    put(world, 2, 2, 0, "furnace_lit")
    put(world, 4, 2, 0, "bed_head")
    put(world, -3, 2, 0, "chest")
    put(world, -4, 2, 0, "crafting_table")
    yield world
    world = stage()  # doors open
    for x, name in ((-1, "door_y_shut"), (1, "door_y_open")):
        for z, half in ((0, "lower"), (1, "upper")):
            put(world, x, 0, z, f"{name}_{half}")
    for x in (-2, 0, 2):
        for z in range(3):
            put(world, x, 0, z, "planks")
    yield world


SHEETS: dict[str, Callable[[], Iterator[VoxelState]]] = {
    "biomes": biomes, "times": times, "weather": weathers, "creatures": creatures, "dynamics": dynamics,
}  # fmt: skip


def sheet(worlds: Iterator[VoxelState], view: View) -> Frame:
    """Return the frames of some worlds in a grid."""
    frames = [picture(world, view) for world in worlds]
    frames += [np.zeros_like(frames[0])] * (-len(frames) % COLUMNS)
    rows = [np.concatenate(frames[at : at + COLUMNS], axis=1) for at in range(0, len(frames), COLUMNS)]
    return np.concatenate(rows, axis=0)


def main() -> None:
    """Draw the sheets and write them as PNGs of few colours."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--only", choices=list(SHEETS), help="one sheet instead of all")
    parser.add_argument("--size", type=int, nargs=2, default=SIZE, help="height and width of a frame")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    view = View(tuple(options.size))
    for name, worlds in SHEETS.items():
        if options.only in (None, name):
            image = Image.fromarray(sheet(worlds(), view)).quantize(COLOURS, dither=Image.Dither.NONE)
            image.save(options.out / f"voxel-{name}.png", optimize=True)
            print(f"written: {options.out / f'voxel-{name}.png'}")


if __name__ == "__main__":
    main()
