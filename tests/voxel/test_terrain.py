"""Worlds hold what they promise: caves with ores and lava, villages, trees on soil, small plants in patches."""

import numpy as np
import pytest

from worldsim_envs.voxel.blocks import BLOCK_IDS, BLOCKS, OPAQUE
from worldsim_envs.voxel.terrain import Terrain, generate, sea_level

SEEDS = (123, 4)


@pytest.fixture(scope="module", params=SEEDS)
def land(request: pytest.FixtureRequest) -> Terrain:
    return generate(request.param, (256, 256, 64))


def count(land: Terrain, name: str) -> int:
    return int((land.grid[0] == BLOCK_IDS[name]).sum())


def test_caves_wind_under_the_land_and_show_ores(land: Terrain) -> None:
    blocks, tops = land.grid[0], land.grid[2]
    below = np.arange(64)[None, None, :] < tops[:, :, None].astype(int) - 3
    hollow = (blocks == 0) & below
    assert 5_000 < hollow.sum() < 0.08 * below.sum()
    beside = np.zeros_like(hollow)
    for axis in range(3):
        for step in (-1, 1):
            beside |= np.roll(hollow, step, axis)
    for ore, least in (("coal_ore", 60), ("iron_ore", 60), ("gold_ore", 5), ("diamond_ore", 1)):
        assert (beside & (blocks == BLOCK_IDS[ore])).sum() >= least, ore
    assert count(land, "lava") > 0 and not (blocks[:, :, 8:] == BLOCK_IDS["lava"]).any()


def test_no_cave_opens_into_the_sea(land: Terrain) -> None:
    blocks = land.grid[0]
    water = blocks == BLOCK_IDS["water"]
    under = np.roll(water, -1, axis=2)
    under[:, :, -1] = False
    leaks = (blocks == 0) & under
    assert leaks.sum() <= 6  # a channel in a field beside a slope


def test_a_village_has_houses_fields_and_paths(land: Terrain) -> None:
    assert 1 <= len(land.villages) <= 2
    x, y = land.villages[0]
    around = np.ix_(np.arange(x - 20, x + 21) % 256, np.arange(y - 20, y + 21) % 256, np.arange(64))
    held = np.bincount(land.grid[0][around].ravel(), minlength=256)
    for name, least in (("door_y_shut_lower", 6), ("bed_head", 6), ("torch", 10), ("glass", 20), ("farmland", 20),
                        ("hay", 2), ("water", 5)):  # fmt: skip
        assert held[BLOCK_IDS[name]] >= least, name
    assert held[BLOCK_IDS["path"]] + held[BLOCK_IDS["sandstone"]] > 40
    assert held[BLOCK_IDS["door_y_shut_lower"]] == held[BLOCK_IDS["door_y_shut_upper"]]


def test_what_grows_stands_on_something(land: Terrain) -> None:
    blocks = land.grid[0]
    rooted = [n for n, b in enumerate(BLOCKS) if b.shape == "cross" or b.name in ("cactus", "pumpkin")]
    floor = np.roll(blocks, 1, axis=2)
    grows = np.isin(blocks, rooted)
    assert grows.sum() > 1_000
    assert (floor[grows] != 0).all()
    logs = np.isin(blocks, [n for n, b in enumerate(BLOCKS) if b.name.endswith("_log")])
    assert not (logs & (np.roll(blocks, 1, axis=2) == BLOCK_IDS["water"])).any()


def test_every_kind_of_plant_and_tree_occurs(land: Terrain) -> None:
    plants = ("tall_grass", "fern", "dead_bush", "dandelion", "poppy", "cornflower", "mushroom", "lily_pad", "cactus")
    for name in (*plants, "acacia_log", "birch_log", "spruce_log", "oak_log", "savanna_grass", "swamp_grass"):
        assert count(land, name) > 0, name


def test_block_light_of_a_new_world_comes_from_its_lamps(land: Terrain) -> None:
    blocks, glow = land.grid[0], land.grid[5]
    given = np.array([b.light for b in BLOCKS])[blocks]
    assert (glow >= given).all() and (glow[given > 0] > 0).all()
    dark = (glow == 0) & (OPAQUE[blocks] == 0)
    assert dark.mean() > 0.3
    assert sea_level(64) == 22
