"""Pictures are exact where they can be checked, and smooth: no aliasing far away, no flicker under small turns."""

import numpy as np
import pytest

from worldsim_envs.voxel import blocks, state, textures
from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.render import camera as camera_rays
from worldsim_envs.voxel.render import cast as caster
from worldsim_envs.voxel.render import rays, skyline, surfaces
from worldsim_envs.voxel.render.sky import UNDER


def plain(**kwargs: object) -> VoxelEnv:
    """Return an env above an endless plane of grass, at noon."""
    env = VoxelEnv(hud=False, frame_skip=1, world_size=(64, 64, 64), **kwargs)  # type: ignore[arg-type]
    env.reset(seed=0, options={"start_time": 0.25})
    env.state.blocks[...] = 0
    env.state.blocks[:, :, :30] = blocks.BLOCK_IDS["grass"]
    state.measure_world(env.state.grid, blocks.OPAQUE)
    env.teleport(32.5, 32.5, 30, yaw=0, pitch=0)
    return env


def look(env: VoxelEnv, **place: float) -> np.ndarray:
    """Return the frame from a place and direction."""
    body = env.state.body
    env.teleport(place.get("x", body[0]), place.get("y", body[1]), place.get("z", body[2]),
                 place.get("yaw"), place.get("pitch"))  # fmt: skip
    return env.restore_state(env.clone_state()).astype(np.float64)


def test_every_mip_keeps_the_mean_colour() -> None:
    for name, texture in textures.TEXTURES.items():
        for level in textures.mip_chain(texture):
            np.testing.assert_allclose(level.mean(axis=(0, 1)), texture.mean(axis=(0, 1)), atol=1e-12, err_msg=name)


def test_texture_is_exact_near_and_its_mean_far_away() -> None:
    number = textures.TEXTURE_IDS["brick"]
    texture = np.rint(textures.TEXTURES["brick"] * 255) / 255

    def colour(u: float, v: float, footprint: float) -> np.ndarray:
        return np.array(surfaces.texel.py_func(textures.TEXELS, number, u, v, footprint))  # type: ignore[attr-defined]

    for row in range(16):
        for column in range(16):
            near = colour((column + 0.5) / 16, (row + 0.5) / 16, 0.001)
            np.testing.assert_allclose(near, texture[row, column], atol=1e-6)
    assert np.ptp([colour(u, v, 0.6) for u in (0.1, 0.5, 0.9) for v in (0.1, 0.5, 0.9)], axis=0).max() == 0.0
    for footprint in (0.03, 0.07, 0.13, 0.3):  # an average over the footprint varies less the larger it is
        values = np.array([colour(u, 0.4, footprint) for u in np.linspace(0, 0.999, 400)])
        assert np.abs(np.diff(values, axis=0)).max() < 0.0025 / footprint * np.ptp(texture)


def test_far_ground_does_not_alias() -> None:
    env = plain(size=(64, 64))
    frame = look(env)
    far = frame[34:38]  # rows just below the horizon
    assert np.abs(np.diff(far, axis=1)).max() <= 5.0


@pytest.mark.parametrize("biome", ["plains", "forest", "desert"])
def test_pictures_are_nearer_to_sixteenfold_finer_ones_than_samples_of_those_and_flicker_less(biome: str) -> None:
    turned = {}
    for size in (64, 256):
        env = VoxelEnv(hud=False, size=(size, size))
        env.reset(seed=6, options={"biome": biome, "start_time": 0.2})
        yaw = float(env.state.body[state.YAW])
        turned[size] = np.stack([look(env, yaw=yaw + 0.25 * turn) for turn in range(9)])
    ideal = turned[256].reshape(9, 64, 4, 64, 4, 3).mean(axis=(2, 4))
    sampled = turned[256][:, 2::4, 2::4]  # one ray a pixel: it aliases

    def error(frames: np.ndarray) -> float:
        return float(np.abs(frames - ideal).mean())

    def flicker(frames: np.ndarray) -> float:
        return float(np.abs(np.diff(frames, n=2, axis=0)).mean())  # zero if every pixel changed at a steady rate

    assert error(turned[64]) < 0.75 * error(sampled)
    assert flicker(turned[64]) < 0.85 * flicker(sampled)


def test_shared_rays_meet_what_single_rays_meet() -> None:
    from worldsim_envs.voxel.render.picture import View, picture

    env = VoxelEnv(size=(64, 64), hud=False)
    wrong = 0
    for seed in range(4):
        env.reset(seed=seed)
        view = View((64, 64))
        picture(env.state, view, hud=False)
        scene, camera, _, units, _, hits, places, *_ = view.scratch
        grid = env.state.grid
        for row, column in np.random.default_rng(seed).integers(0, 64, (300, 2)):
            d = np.array(camera_rays.ray.py_func(camera, row, column)) * units[row, column]  # type: ignore[attr-defined]
            start = blocks.WATER if scene[UNDER] else blocks.AIR
            far = caster.VIEW_UNDER_WATER if scene[UNDER] else caster.VIEW
            t, cell, *_ = caster.cast.py_func(grid, *camera[:3], *d, 0.0, far, start)  # type: ignore[attr-defined]
            wrong += int(cell != places[rays.CELL, row, column] or abs(t - hits[rays.DISTANCE, row, column]) > 1e-4)
    assert wrong <= 6  # of 1,200: corners that poke between two pixels


@pytest.mark.parametrize("seed", range(3))
def test_rays_above_the_skyline_meet_nothing(seed: int) -> None:
    env, random = plain(size=(48, 64)), np.random.default_rng(seed)
    clear, below = 0, 0
    for x, y, z in random.integers((0, 0, 28), (64, 64, 44), (800, 3)):  # blocks in the air, too
        block = blocks.BLOCK_IDS["stone"] if random.random() < 0.7 else blocks.WATER
        state.put_block(env.state.grid, blocks.OPAQUE, x, y, z, block)
    for _ in range(6):
        look(env, x=64 * random.random(), y=64 * random.random(), z=30 + 4 * random.random(), yaw=360 * random.random(),
             pitch=30 * random.random() - 25)  # fmt: skip
        scratch, grid = env.view.scratch, env.state.grid
        camera, line, units, marked = scratch[1], scratch[2], scratch[3], scratch[-3]
        for row, column in random.integers(0, (24, 64), (60, 2)):
            d = np.array(camera_rays.ray.py_func(camera, row, column)) * units[row, column]  # type: ignore[attr-defined]
            if d[2] > 0.0 and not scratch[0][UNDER]:
                reach = skyline.rising_reach.py_func(line, *d)  # type: ignore[attr-defined]
                t, cell, *_ = caster.cast.py_func(grid, *camera[:3], *d, 0.0, caster.VIEW, 0)  # type: ignore[attr-defined]
                assert t <= reach and not (cell >= 0 and marked[row, column]), (row, column)
                clear, below = clear + int(marked[row, column]), below + int(cell >= 0)
    assert clear > 20 and below > 20, (clear, below)


def test_nothing_but_the_targeted_block_changes_when_it_breaks() -> None:
    env = plain(size=(64, 64))
    look(env, pitch=60)
    before = look(env)
    assert env.state.marks[state.TARGET] == 1
    x, y, z = (int(v) for v in env.state.marks[[state.TARGET_X, state.TARGET_Y, state.TARGET_Z]])
    env.set_block(x, y, z, "air")
    after = look(env)
    changed = np.abs(after - before).max(axis=2) > 12
    assert 20 < changed.sum() < 0.5 * changed.size
    assert changed[28:36, 28:36].any() and not changed[:4].any()


def test_mining_shows_in_stages() -> None:
    env = plain(size=(64, 64))
    look(env, pitch=60)
    frames = [env.step(14)[0].astype(float) for _ in range(10)]
    darkness = [255 - frame[24:40, 24:40].mean() for frame in frames]
    stages = np.diff(darkness) > 0.1
    assert 3 <= stages.sum() <= blocks.CRACK_STAGES and darkness[-1] > darkness[0] + 5


def test_night_is_darker_than_day_and_never_black() -> None:
    env = plain(size=(64, 64))
    means = {}
    for share in (0.0, 0.25, 0.5, 0.75):
        env.set_time(share)
        means[share] = look(env)[40:].mean()
    assert means[0.25] > means[0.0] > means[0.75] > 15
    assert means[0.25] > means[0.5] > means[0.75]


def test_hud_draws_over_a_corner_and_the_middle_only() -> None:
    env = plain(size=(64, 64))
    bare = look(env)
    env.hud = True
    changed = np.abs(look(env) - bare).max(axis=2) > 0
    assert changed[40:, 40:].any() and changed[30:34, 30:34].any()
    changed[32:, 32:] = changed[29:35, 29:35] = False
    assert not changed.any()


def test_frame_does_not_depend_on_what_was_drawn_before() -> None:
    one, other = plain(size=(48, 48)), plain(size=(48, 48))
    for pitch in (-80, 70, 10):
        look(one, pitch=pitch)
    np.testing.assert_array_equal(look(one, pitch=0), look(other, pitch=0))
