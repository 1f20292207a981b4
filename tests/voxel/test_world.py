"""The voxel world is the same for everyone: seeds, processes, snapshots, forks."""

import hashlib
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from worldsim_envs.voxel.compiled import Notice
from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.state import VoxelState, measure_world
from worldsim_envs.voxel.terrain import BIOMES, find_spawn, generate, sea_level

SMALL = (64, 64, 64)


def played(seed: int, steps: int = 120) -> str:
    """Return a digest of frames, rewards, events and the final state of a random play."""
    env = VoxelEnv(size=(32, 32), world_size=SMALL)
    frame, info = env.reset(seed=seed)
    digest = hashlib.sha256(frame.tobytes())
    for action in np.random.default_rng(seed).integers(0, 21, steps):
        frame, reward, terminated, _, info = env.step(int(action))
        digest.update(frame.tobytes() + info["events"].tobytes() + repr((reward, terminated)).encode())
    for array in env.state.grid:
        digest.update(array.tobytes())
    return digest.hexdigest()


def test_two_processes_play_the_same_bytes() -> None:
    code = f"import sys; sys.path.insert(0, {str(__import__('pathlib').Path(__file__).parent)!r})\n"
    code += "from test_world import played\nprint(played(7))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == played(7)


def test_seeds_decide_the_world() -> None:
    assert played(1, steps=5) == played(1, steps=5)
    assert played(1, steps=5) != played(2, steps=5)


def test_reset_without_seed_goes_on_to_another_world() -> None:
    env = VoxelEnv(size=(32, 32), world_size=SMALL)
    first, _ = env.reset(seed=3)
    second, _ = env.reset()
    assert not np.array_equal(first, second)


def test_world_seed_names_the_world_whatever_the_seed() -> None:
    env = VoxelEnv(size=(32, 32), world_size=SMALL)
    env.reset(seed=1, options={"world_seed": 5})
    blocks = env.state.blocks.copy()
    env.reset(seed=2, options={"world_seed": 5})
    np.testing.assert_array_equal(blocks, env.state.blocks)


def test_snapshot_brings_back_frames_state_and_randomness() -> None:
    env = VoxelEnv(size=(32, 32), world_size=SMALL)
    env.reset(seed=11)
    for action in (1, 1, 14, 14, 8):
        env.step(action)
    snapshot, before = env.clone_state(), env.state.clone()
    actions = np.random.default_rng(0).integers(0, 21, 80)
    first = [env.step(int(action))[0] for action in actions]
    end, draw = env.state.clone(), env.np_random.random()
    assert not end.equals(before)
    env.restore_state(snapshot)
    assert env.state.equals(before)
    second = [env.step(int(action))[0] for action in actions]
    np.testing.assert_array_equal(first, second)
    assert env.state.equals(end)
    assert env.np_random.random() == draw


def test_snapshot_moves_to_another_env() -> None:
    one, other = (VoxelEnv(size=(32, 32), world_size=SMALL) for _ in range(2))
    one.reset(seed=4)
    other.reset(seed=5)
    other.restore_state(one.clone_state())
    np.testing.assert_array_equal(one.step(1)[0], other.step(1)[0])


def test_editing_one_episode_leaves_the_cached_world_alone() -> None:
    env = VoxelEnv(size=(32, 32), world_size=SMALL)
    env.reset(seed=1, options={"world_seed": 9})
    block = int(env.state.blocks[3, 3, 40])
    env.set_block(3, 3, 40, "brick")
    env.reset(seed=1, options={"world_seed": 9})
    assert env.state.blocks[3, 3, 40] == block


def test_every_large_world_has_every_biome_and_sea() -> None:
    land = generate(123, (256, 256, 64))
    shares = np.bincount(land.biomes.ravel(), minlength=len(BIOMES)) / land.biomes.size
    assert (shares > 0.02).all(), dict(zip(BIOMES, shares.round(3), strict=True))


@pytest.mark.parametrize("biome", BIOMES)
def test_spawn_is_on_dry_land_of_the_wished_biome(biome: str) -> None:
    land = generate(123, (256, 256, 64))
    x, y, z, _ = find_spawn(land, np.random.default_rng(0), biome)
    blocks = land.grid[0]
    assert z >= sea_level(64)
    assert blocks[int(x), int(y), int(z) - 1] != 0
    assert not blocks[int(x), int(y), int(z) : int(z) + 2].any()
    if biome != "ocean":  # there the player stands at its shore
        assert BIOMES[land.biomes[int(x), int(y)]] == biome


def test_light_tops_and_tiles_follow_every_edit() -> None:
    env = VoxelEnv(size=(32, 32), world_size=SMALL)
    env.reset(seed=2)
    random = np.random.default_rng(0)
    kinds = ("air", "stone", "water", "oak_leaves", "lamp", "torch", "lava_2", "path", "tall_grass")
    for _ in range(90):
        x, y, z = (int(v) for v in random.integers(0, 64, 3))
        env.set_block(x, y, z, str(random.choice(kinds)))
    state: VoxelState = env.state
    fresh = state.clone()
    from worldsim_envs.voxel.blocks import OPAQUE

    measure_world(fresh.grid, OPAQUE)
    for kept, measured in zip(state.grid, fresh.grid, strict=True):
        np.testing.assert_array_equal(kept, measured)


def test_a_first_start_says_once_that_it_compiles(capsys: pytest.CaptureFixture[str]) -> None:
    notice = Notice()
    for function in (np.mean, measure_world, measure_world):  # of others it says nothing
        notice.on_start(SimpleNamespace(data={"dispatcher": SimpleNamespace(py_func=function)}))
    assert capsys.readouterr().err.count("compiling the voxel world") == 1
