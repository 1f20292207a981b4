"""Slabs, boxes, sprites and creatures are where they should be: depth, labels and coverage of staged pictures."""

from itertools import pairwise

import numpy as np
import pytest

from worldsim_envs.voxel import start, state, terrain
from worldsim_envs.voxel.blocks import BLOCK_IDS, OPAQUE
from worldsim_envs.voxel.kinds import KIND_IDS
from worldsim_envs.voxel.render import camera as camera_rays
from worldsim_envs.voxel.render import cast as caster
from worldsim_envs.voxel.render import rays
from worldsim_envs.voxel.render.picture import View, picture
from worldsim_envs.voxel.state import VoxelState

GROUND = 20


def stage(floor: str = "grass", pitch: float = 0.0, time: float = 0.25) -> VoxelState:
    """Return an endless plane with the player at its middle, looking north."""
    grid = state.empty_grid((64, 64, 48))
    grid[0][:, :, :GROUND] = BLOCK_IDS[floor]
    state.measure_world(grid, OPAQUE)
    land = terrain.Terrain(grid, np.zeros((64, 64), np.uint8), np.zeros((8, 8)))
    world = start.first_state(land, 0, np.random.default_rng(0), "plains", time, 12_000)
    world.body[[state.X, state.Y, state.Z, state.YAW, state.PITCH]] = 32.5, 28.5, GROUND, 0.0, pitch
    world.marks[state.TARGET], world.kinds[...] = 0, 0  # nobody but who is put there
    return world


def put(world: VoxelState, x: int, y: int, z: int, block: str) -> None:
    state.put_block(world.grid, OPAQUE, 32 + x, 32 + y, GROUND + z, BLOCK_IDS[block])


def spawn(world: VoxelState, row: int, kind: str, x: float, y: float, z: float = 0.0) -> None:
    world.kinds[row, state.KIND] = KIND_IDS[kind]
    world.entities[row, [state.X, state.Y, state.Z, state.YAW, state.GROWN]] = 32 + x, 32 + y, GROUND + z, 180.0, 1.0


def seen(world: VoxelState, size: tuple[int, int] = (64, 64)) -> tuple[np.ndarray, View]:
    view = View(size)
    return picture(world, view, hud=False).astype(np.float64), view


@pytest.mark.parametrize(("block", "high"), [("snow_layer", 2), ("bed_foot", 9), ("path", 15), ("lava_2", 8)])
def test_slab_is_met_at_its_height(block: str, high: int) -> None:
    world = stage(pitch=35.0)
    for x in range(-4, 5):
        for y in range(-4, 5):
            put(world, x, y, 0, block)
    _, view = seen(world, (64, 64))
    depth, down = float(view.depth[32, 32]), np.sin(np.radians(35.0 + 0.5 * 70.0 / 64))
    assert depth * down == pytest.approx(1.62 - high / 16, abs=0.03)
    assert view.seen[32, 32] == BLOCK_IDS[block]


def test_flowing_water_is_met_at_its_level_and_seen_through() -> None:
    world = stage("sand", pitch=40.0)
    dry, _ = seen(world)
    for x in range(-4, 5):
        for y in range(-4, 5):
            put(world, x, y, 0, "water_4")
    wet, view = seen(world)
    water = view.scratch[5][rays.WATER_IN, 32, 32]
    assert water * np.sin(np.radians(40.5)) == pytest.approx(1.62 - 0.5, abs=0.03)
    assert view.depth[32, 32] > water and view.seen[32, 32] == BLOCK_IDS["water"]
    assert (wet[32, 32] - dry[32, 32])[2] > (wet[32, 32] - dry[32, 32])[0] + 10


def test_shared_rays_meet_what_single_rays_meet_among_slabs_and_water() -> None:
    world, random = stage("stone", pitch=20.0), np.random.default_rng(0)
    for x in range(-12, 13):
        for y in range(-2, 16):
            if random.random() < 0.5:
                put(world, x, y, 0, str(random.choice(["snow_layer", "path", "water_3", "water", "stone", "bed_head"])))
    _, view = seen(world)
    _, camera, _, units, _, hits, places, *_ = view.scratch
    wrong = 0
    for row, column in random.integers(0, 64, (500, 2)):
        d = np.array(camera_rays.ray.py_func(camera, row, column)) * units[row, column]  # type: ignore[attr-defined]
        t, cell, _, plane, water, *_ = caster.cast.py_func(  # type: ignore[attr-defined]
            world.grid, *camera[:3], *d, 0.0, caster.VIEW, BLOCK_IDS["air"]
        )
        same = cell == places[rays.CELL, row, column] and abs(t - hits[rays.DISTANCE, row, column]) < 1e-4
        wrong += not (same and abs(water - hits[rays.WATER_IN, row, column]) < 1e-4)
    assert wrong <= 5


def test_models_stand_in_front_of_blocks_and_behind_them() -> None:
    world = stage()
    put(world, 0, 0, 0, "cake_7")
    put(world, 0, 3, 0, "stone")
    _, view = seen(world)
    assert (view.seen == BLOCK_IDS["cake_7"]).sum() > 10
    put(world, 0, -2, 0, "stone")
    put(world, 0, -2, 1, "stone")
    _, view = seen(world)
    assert (view.seen == BLOCK_IDS["cake_7"]).sum() == 0


def test_a_cake_gets_smaller_slice_by_slice() -> None:
    areas = []
    for left in range(7, 0, -1):
        world = stage(pitch=25.0)
        put(world, 0, -2, 0, f"cake_{left}")
        areas.append(int((seen(world)[1].seen == BLOCK_IDS[f"cake_{left}"]).sum()))
    assert all(more > less for more, less in pairwise(areas))


def test_sprites_fade_with_distance_and_never_flicker() -> None:
    changes = []
    for away in (2, 8, 20):
        world = stage()
        bare, _ = seen(world)
        put(world, 0, away - 4, 0, "poppy")
        changes.append(np.abs(seen(world)[0] - bare).sum())
    assert changes[0] > 4 * changes[1] > 16 * changes[2] >= 0
    world = stage()
    for x in range(-8, 9):
        for y in range(6, 14):
            put(world, x, y, 0, "tall_grass")
    frames = []
    for turn in range(7):
        world.body[state.YAW] = 0.25 * turn
        frames.append(seen(world)[0])
    assert np.abs(np.diff(np.stack(frames), n=2, axis=0)).mean() < 2.5


def test_creatures_are_labelled_and_hidden_by_walls() -> None:
    world = stage()
    spawn(world, 3, "cow", 0.0, 1.0)
    spawn(world, 5, "pig", 2.0, 1.0)
    frame, view = seen(world)
    assert set(np.unique(view.entities)) == {0, 4, 6}
    cow = view.entities == 4
    assert 40 < cow.sum() < 800 and 3.5 < view.depth[cow].mean() < 5.0
    for x in range(-3, 4):
        for z in range(3):
            put(world, x, -1, z, "stone")
    assert not seen(world)[1].entities.any()


def test_limbs_move_and_pain_is_red() -> None:
    world = stage()
    spawn(world, 0, "zombie", 0.5, -0.5)
    world.entities[0, state.LIMB_SPEED] = 1.0
    still, view = seen(world)
    world.entities[0, state.LIMB] = 1.5
    assert np.abs(seen(world)[0] - still).max() > 20
    world.entities[0, state.LIMB], world.kinds[0, state.PAIN] = 0.0, 5
    hurt, own = seen(world)[0], view.entities == 1
    assert hurt[own][:, 0].mean() > still[own][:, 0].mean() + 20


def test_torches_light_the_night_and_caves_stay_legible() -> None:
    dark, _ = seen(stage("stone", 20.0, time=0.75))
    world = stage("stone", 20.0, time=0.75)
    put(world, 2, 0, 0, "torch")
    assert seen(world)[0][40:].mean() > dark[40:].mean() + 15
    world = stage("stone", 20.0, time=0.75)
    world.light[:, :, GROUND : GROUND + 4] = 1
    assert seen(world)[0][40:].mean() > 12


def test_weather_greys_the_sky_and_is_stopped_by_roofs() -> None:
    world = stage()
    clear, _ = seen(world)
    world.weather[state.RAIN] = 1.0
    wet, _ = seen(world)
    assert np.ptp(wet[:20].mean(axis=(0, 1))) < 0.5 * np.ptp(clear[:20].mean(axis=(0, 1)))
    world.marks[state.TICK] += 1
    falling = np.abs(seen(world)[0] - wet).max(axis=2) > 6
    assert falling.sum() > 20
    for x in range(-16, 17):
        for y in range(-20, 17):
            put(world, x, y, 5, "stone")
    dry, _ = seen(world)
    world.marks[state.TICK] += 1
    np.testing.assert_array_equal(seen(world)[0], dry)


def test_paint_shows_on_its_face_alone() -> None:
    world = stage()
    put(world, 0, -2, 1, "sign")
    bare, _ = seen(world)
    world.canvas_keys[0] = (((32 * 64) + 30) * 48 + GROUND + 1) * 6 + 3
    world.canvas[0, :8] = 6
    painted, view = seen(world)
    changed = np.abs(painted - bare).max(axis=2) > 5
    assert changed.any() and (view.seen[changed] == BLOCK_IDS["sign"]).mean() > 0.9
    rows = np.nonzero((view.seen == BLOCK_IDS["sign"]).any(axis=1))[0]
    middle = int(rows.mean())
    assert painted[rows[0] + 1, 32, 0] > 1.5 * painted[rows[0] + 1, 32, 2]
    np.testing.assert_array_equal(painted[middle + 2 : rows[-1]], bare[middle + 2 : rows[-1]])
