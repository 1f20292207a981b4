"""Whatever is done in whatever order, the world keeps its accounts: random sequences of acts, edits and copies.

The worlds are generated ones with every system on; `make test-slow` runs thousands of sequences and 10,000 ticks.
"""

import hashlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from worldsim_envs.voxel import blocks, physics, state
from worldsim_envs.voxel.controls import ACTION_INDEX
from worldsim_envs.voxel.events import EVENT, EVENT_NAMES
from worldsim_envs.voxel.items import IDS, ITEM_IDS
from worldsim_envs.voxel.kinds import KIND_IDS, KINDS
from worldsim_envs.voxel.life.spawn import spawn
from worldsim_envs.voxel.start import first_state
from worldsim_envs.voxel.state import VoxelState
from worldsim_envs.voxel.switches import SWITCHES
from worldsim_envs.voxel.systems.change import change
from worldsim_envs.voxel.tables import OPAQUE, STACK
from worldsim_envs.voxel.terrain import BIOMES, Terrain, generate

SIZE = (64, 64, 64)
ALL_ON = dict.fromkeys(SWITCHES, True)
THINGS = {"diamond_pickaxe": 1, "planks": 64, "water_bucket": 1, "flint_and_steel": 1, "brush": 1, "sand": 64,
          "oak_sapling": 8, "glass": 16, "lava_bucket": 1, "oak_log": 64, "cobblestone": 64, "door": 8, "bed": 1,
          "wheat_seeds": 16, "bread": 16, "torch": 16, "bucket": 4, "iron_ore": 8, "coal": 8}  # fmt: skip
EDITS = ("air", "sand", "water", "lava", "fire", "oak_log", "oak_leaves", "glass", "torch", "cake_7", "wheat_1",
         "snow_layer", "door_x_shut_lower", "furnace", "lamp", "tall_grass")  # fmt: skip
# Events that say that blocks of the world have changed.
CHANGES = [
    number for name, number in EVENT.items()
    if name.startswith(("mined_", "placed", "collected_water", "collected_lava"))
    or name in ("sand_fell", "sand_landed", "water_flowed", "lava_flowed", "lava_met_water", "fire_lit", "fire_spread",
                "fire_died", "crop_grew", "crop_ripened", "sapling_grew", "leaf_decayed", "door_opened", "door_shut",
                "glass_shattered", "cake_eaten", "soil_tilled", "fluid_receded", "uprooted", "snow_settled",
                "snow_melted")
]  # fmt: skip


@cache
def land(seed: int) -> Terrain:
    return generate(seed, SIZE)


def start(seed: int) -> VoxelState:
    """Return a world with everything on, its player with a bit of everything."""
    random = np.random.default_rng(seed)
    biome = BIOMES[int(random.integers(6))]
    world = first_state(land(seed % 3), seed % 3, random, biome, float(random.random()), 2400, ALL_ON, THINGS)
    world.marks[state.SKY_TICKS] = 50
    return world


def step(world: VoxelState, random: np.random.Generator, ticks: int = 2) -> np.ndarray:
    """Run one random action. Returns its events."""
    vector, events = np.zeros(25, np.float32), np.zeros(len(EVENT_NAMES), np.float32)
    vector[:] = random.random(25) < 0.15
    vector[[ACTION_INDEX["attack"], ACTION_INDEX["use"], ACTION_INDEX["forward"]]] = random.random(3) < 0.5
    vector[[ACTION_INDEX["cameraX"], ACTION_INDEX["cameraY"]]] = random.uniform(-1, 1, 2) * (1, 0.6)
    physics.advance(world.tick, vector, ticks, events)
    return events


def counts(world: VoxelState) -> np.ndarray:
    """Return how many cells each block has (256,), each level of a fluid by itself; a lit furnace is a furnace."""
    found = np.bincount(world.blocks.ravel(), minlength=256)
    found[blocks.BLOCK_IDS["furnace"]] += found[blocks.BLOCK_IDS["furnace_lit"]]
    found[blocks.BLOCK_IDS["furnace_lit"]] = 0
    return found


def edit(world: VoxelState, random: np.random.Generator) -> None:
    """Change a block near the player, bring in an entity, or move the clock."""
    x, y, z = (int(v) for v in world.body[:3] + random.integers(-5, 6, 3))
    kind = int(random.integers(3))
    if kind == 0:
        change(world.tick, x, y, min(SIZE[2] - 1, max(1, z)), blocks.BLOCK_IDS[str(random.choice(EDITS))])
    elif kind == 1:
        spawn(world.tick, int(random.integers(KIND_IDS["pig"], len(KINDS))), x + 0.5, y + 0.5, z + 3.0)
    else:
        world.marks[state.CLOCK] = int(random.integers(2400))
        world.marks[state.SKY] = int(random.integers(4))


def check(world: VoxelState) -> None:
    """Raise if the world's books do not balance."""
    fresh = world.clone()
    state.measure_world(fresh.grid, blocks.OPAQUE)
    for name in state.GRID_FIELDS:
        np.testing.assert_array_equal(getattr(world, name), getattr(fresh, name), err_msg=name)
    for name in ("body", "vitals", "entities", "weather"):
        assert np.isfinite(getattr(world, name)).all(), name
    assert 0 <= world.body[state.X] < SIZE[0] and 0 <= world.body[state.Y] < SIZE[1]
    items, numbers = world.inventory, world.kinds[world.kinds[:, state.KIND] > 0, state.NUMBER]
    assert (items[:, state.COUNT] >= 0).all() and (items[:, state.ITEM] < IDS).all()
    assert (items[:, state.COUNT] <= STACK[items[:, state.ITEM]]).all()
    assert len(set(numbers.tolist())) == len(numbers) and (world.kinds[:, state.KIND] < len(KINDS)).all()
    assert (world.pending[:, 0] <= state.PER_TICK).all() and world.blocks.max() < len(blocks.BLOCKS)
    painted = world.canvas_keys[world.canvas_keys >= 0]
    assert OPAQUE[world.blocks.ravel()[painted // 6]].all() and len(set(painted.tolist())) == len(painted)
    assert not world.canvas[world.canvas_keys < 0].any()


def sequence(seed: int, length: int = 30) -> None:
    """Play one random sequence; raises if an invariant breaks."""
    random = np.random.default_rng(seed)
    world = start(seed)
    kept, moves = world.clone(), []
    for _ in range(length):
        what = random.random()
        if what < 0.1:
            edit(world, random)
            moves = []
            kept = world.clone()
        elif what < 0.2 and moves:
            again = kept.clone()
            for generator_state in moves:
                replay = np.random.default_rng(0)
                replay.bit_generator.state = generator_state
                step(again, replay)
            assert again.equals(world)
        elif what < 0.25:
            kept, moves = world.clone(), []
            other = start(seed + 1)
            other.copy_from(world)
            assert other.equals(world)
        else:
            before = counts(world)
            moves.append(random.bit_generator.state)
            events = step(world, random)
            assert events[CHANGES].any() or (counts(world) == before).all(), [
                (blocks.BLOCKS[n].name, int(d)) for n, d in enumerate(counts(world) - before) if d
            ]
    check(world)


def test_random_sequences_keep_the_accounts() -> None:
    for seed in range(150):
        sequence(seed)


@pytest.mark.slow
def test_ten_thousand_random_sequences_keep_the_accounts() -> None:
    for seed in range(10_000):
        sequence(seed, length=12)


def lived(seed: int, steps: int) -> str:
    """Return a digest of a random life: all events and the last state."""
    world, random = start(seed), np.random.default_rng(seed)
    digest = hashlib.sha256()
    for number in range(steps):
        if number % 40 == 0:
            edit(world, random)
        digest.update(step(world, random).tobytes())
        if number % 500 == 499:
            digest.update(world.blocks.tobytes() + world.entities.tobytes())
    for name, value in vars(world).items():
        digest.update(name.encode() + value.tobytes())
    return digest.hexdigest()


def test_two_processes_live_the_same_life_with_everything_on() -> None:
    assert in_another_process(3, 400) == lived(3, 400)
    assert lived(3, 60) != lived(4, 60)


@pytest.mark.slow
def test_two_processes_live_the_same_ten_thousand_steps() -> None:
    assert in_another_process(5, 10_000) == lived(5, 10_000)


def in_another_process(seed: int, steps: int) -> str:
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    code += f"from test_properties import lived\nprint(lived({seed}, {steps}))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_every_thing_that_is_given_has_a_row() -> None:
    assert set(THINGS) <= set(ITEM_IDS) and set(EDITS) <= set(blocks.BLOCK_IDS)
