"""Block light loses one step from cell to cell, goes round corners, and follows every change exactly."""

import numpy as np
import pytest

from worldsim_envs.voxel import state
from worldsim_envs.voxel.blocks import BLOCK_IDS, OPAQUE


def world(size: tuple[int, int, int] = (16, 16, 32)) -> state.Grid:
    return state.empty_grid(size)


def put(grid: state.Grid, x: int, y: int, z: int, name: str) -> None:
    state.put_block(grid, OPAQUE, x, y, z, BLOCK_IDS[name])


def test_torch_lights_the_open_by_steps_and_round_the_torus() -> None:
    grid = world()
    put(grid, 1, 8, 10, "torch")
    glow = grid[5]
    assert [int(glow[(1 + step) % 16, 8, 10]) for step in range(8)] == [14, 13, 12, 11, 10, 9, 8, 7]
    assert glow[15, 8, 10] == 12 and glow[1, 8, 17] == 7 and glow[3, 9, 8] == 9


def test_walls_stop_light_and_corners_lengthen_its_way() -> None:
    grid = world()
    for y in range(16):
        for z in range(32):
            put(grid, 4, y, z, "stone")
            put(grid, 12, y, z, "stone")
    put(grid, 3, 8, 10, "torch")
    assert grid[5][5, 8, 10] == 0
    put(grid, 4, 8, 11, "air")
    assert grid[5][4, 8, 11] == 12 and grid[5][5, 8, 11] == 11 and grid[5][5, 8, 10] == 10
    put(grid, 4, 8, 11, "stone")
    assert not grid[5][5:12].any()


@pytest.mark.parametrize("seed", range(2))
def test_light_does_not_depend_on_the_order_of_changes(seed: int) -> None:
    grid, random = world((16, 16, 16)), np.random.default_rng(seed)
    for _ in range(40):
        x, y, z = (int(v) for v in random.integers(0, 16, 3))
        put(grid, x, y, z, str(random.choice(["air", "stone", "glass", "torch", "lamp", "furnace_lit", "lava_1"])))
    glow, queue = grid[5].copy(), grid[7]
    state.measure_world(grid, OPAQUE)
    np.testing.assert_array_equal(glow, grid[5])
    assert not queue.any() and glow.any()
