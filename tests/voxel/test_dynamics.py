"""Each system alone: what it does to blocks, at the exact tick, and nothing when it is switched off."""

import numpy as np
import pytest

from voxel_scenes import FLOOR, Scene
from worldsim_envs.voxel import blocks, state
from worldsim_envs.voxel.chance import chance, pick
from worldsim_envs.voxel.systems import change as c
from worldsim_envs.voxel.systems import fire


def landing_tick(drop: float) -> int:
    """Return after how many ticks of Minecraft's gravity a fall of `drop` blocks has ended."""
    speed, fallen, tick = 0.0, 0.0, 0
    while fallen < drop:
        tick += 1
        speed -= 0.04
        fallen -= speed
        speed *= 0.98
    return tick


def test_sand_falls_two_ticks_after_its_ground_is_gone_and_lies_again() -> None:
    scene = Scene("falling_blocks")
    scene.put(5, 5, FLOOR + 4, "stone")
    scene.put(5, 5, FLOOR + 5, "sand")
    for _, events in scene.ticks(10):
        assert events == {}
    scene.put(5, 5, FLOOR + 4, "air")
    seen = dict(scene.ticks(40))
    # Scheduled before the first of these ticks: it is due when two have gone by.
    assert [t for t, e in seen.items() if "sand_fell" in e] == [3]
    assert [t for t, e in seen.items() if "sand_landed" in e] == [2 + landing_tick(5)]
    assert scene.block(5, 5, FLOOR) == "sand" and scene.block(5, 5, FLOOR + 5) == "air"


def test_a_pile_of_sand_stays_a_pile_in_number() -> None:
    scene = Scene("falling_blocks")
    scene.put(5, 5, FLOOR + 2, "stone")
    for z in range(6):
        scene.put(5, 5, FLOOR + 3 + z, "gravel" if z % 2 else "sand")
    scene.put(5, 5, FLOOR + 2, "air")
    for _ in scene.ticks(60):
        pass
    assert [scene.block(5, 5, FLOOR + z) for z in range(6)] == ["sand", "gravel"] * 3


def test_water_spreads_a_cell_every_five_ticks_and_seven_far() -> None:
    scene = Scene("fluids")
    scene.put(5, 5, FLOOR, "water")
    reached = {}
    for tick, events in scene.ticks(60):
        for step in range(1, 10):
            if step not in reached and scene.block(5 + step, 5, FLOOR).startswith("water"):
                reached[step] = tick
                assert events["water_flowed"] >= 1
    assert reached == {step: 5 * step + 1 for step in range(1, 8)}
    assert [scene.block(5 + step, 5, FLOOR) for step in range(1, 8)] == [f"water_{8 - step}" for step in range(1, 8)]


def test_water_recedes_when_its_source_is_gone() -> None:
    scene = Scene("fluids")
    scene.put(5, 5, FLOOR, "water")
    for _ in scene.ticks(60):
        pass
    scene.put(5, 5, FLOOR, "air")
    seen = [events for _, events in scene.ticks(200)]
    assert not (blocks.LIQUID[scene.state.blocks] > 0).any()
    assert any("fluid_receded" in events for events in seen)
    assert not scene.state.pending[:, 0].any()


def test_water_falls_before_it_spreads() -> None:
    scene = Scene("fluids")
    for x in range(3, 8):
        scene.put(x, 5, FLOOR + 3, "stone")
    scene.put(3, 5, FLOOR + 4, "stone")
    scene.put(7, 5, FLOOR + 4, "water")
    for _ in scene.ticks(30):
        pass
    assert scene.block(8, 5, FLOOR + 4) == "water_7" and scene.block(8, 5, FLOOR + 3) == "water_7"
    assert scene.block(9, 5, FLOOR + 4) == "air"


def test_water_that_rises_says_so_though_it_comes_into_no_new_cell() -> None:
    scene = Scene("fluids")
    pit = ((5, 5), (6, 5))
    for x in range(4, 8):
        for y in range(4, 7):
            scene.put(x, y, FLOOR, "air" if (x, y) in pit else "stone")
    scene.state.pending[...] = 0
    scene.put(5, 5, FLOOR, "water_3")
    scene.put(6, 5, FLOOR, "water")
    seen = {tick: events for tick, events in scene.ticks(30) if events}
    assert seen == {6: {"water_flowed": 1}} and scene.block(5, 5, FLOOR) == "water_7"


def test_two_sources_make_a_third() -> None:
    scene = Scene("fluids")
    for x, y in ((4, 5), (8, 5), (5, 4), (6, 4), (7, 4), (5, 6), (6, 6), (7, 6)):
        scene.put(x, y, FLOOR, "stone")
    scene.put(5, 5, FLOOR, "water")
    scene.put(7, 5, FLOOR, "water")
    for _ in scene.ticks(15):
        pass
    assert scene.block(6, 5, FLOOR) == "water"


@pytest.mark.parametrize(("lava", "stone"), [("lava", "obsidian"), ("lava_3", "cobblestone")])
def test_lava_turns_to_stone_where_water_comes(lava: str, stone: str) -> None:
    scene = Scene("fluids")
    scene.put(5, 5, FLOOR, "water")
    scene.put(6, 5, FLOOR, lava)
    assert scene.when("lava_met_water", 5) == [2]
    assert scene.block(6, 5, FLOOR) == stone


def test_lava_flows_slower_than_water_and_less_far() -> None:
    scene = Scene("fluids")
    scene.put(10, 10, FLOOR, "lava")
    reached = {}
    for tick, _ in scene.ticks(120):
        for step in range(1, 6):
            if step not in reached and scene.block(10 + step, 10, FLOOR).startswith("lava"):
                reached[step] = tick
    assert reached == {step: c.LAVA_WAIT * step + 1 for step in range(1, 4)}


def test_fire_on_bare_stone_dies_when_chance_says() -> None:
    scene = Scene("fire")
    scene.put(5, 5, FLOOR, "fire")
    cell = c.cell_of(scene.state.blocks, 5, 5, FLOOR)
    key = scene.state.random[0]
    looks = range(c.FIRE_WAIT, 400, c.FIRE_WAIT)
    dies = next(tick for tick in looks if chance(key, cell, tick) < fire.DIES_UNFED)
    assert scene.when("fire_died", dies + 5) == [dies + 1]


def test_fire_eats_wood_and_burns_out() -> None:
    scene = Scene("fire")
    for x in range(3, 8):
        for y in range(3, 8):
            scene.put(x, y, FLOOR, "planks")
    scene.put(6, 5, FLOOR + 1, "fire")
    spread = scene.when("fire_spread", 1500)
    left = np.isin(scene.state.blocks, [blocks.BLOCK_IDS["planks"]]).sum()
    assert len(spread) > 3 and left < 20
    assert not (scene.state.blocks == blocks.BLOCK_IDS["fire"]).any()
    assert all(tick % c.FIRE_WAIT == 1 for tick in spread[:2])


def test_wheat_ripens_at_its_own_turns_and_nobody_has_to_look() -> None:
    scene = Scene("growth")
    scene.put(5, 5, FLOOR - 1, "farmland")
    scene.put(5, 5, FLOOR, "wheat_0")
    seen = {tick: events for tick, events in scene.ticks(3 * c.CROP_WAIT + 1) if events}
    grew = [tick for tick, events in seen.items() if "crop_grew" in events]
    ripe = [tick for tick, events in seen.items() if "crop_ripened" in events]
    assert len(grew) == 2 and len(ripe) == 1
    assert grew[0] <= c.CROP_WAIT + 1 and [grew[1] - grew[0], ripe[0] - grew[1]] == [c.CROP_WAIT] * 2
    assert scene.block(5, 5, FLOOR) == "wheat_3"


@pytest.mark.parametrize("tree", ["oak", "birch", "spruce"])
def test_a_sapling_becomes_a_tree_of_its_kind(tree: str) -> None:
    scene = Scene("growth")
    scene.put(9, 9, FLOOR - 1, "dirt")
    scene.put(9, 9, FLOOR, f"{tree}_sapling")
    assert len(scene.when("sapling_grew", c.TREE_WAIT + 1)) == 1
    assert scene.block(9, 9, FLOOR) == f"{tree}_log"
    assert (scene.state.blocks == blocks.BLOCK_IDS[f"{tree}_leaves"]).sum() > 20


def test_leaves_decay_away_from_logs_and_others_stay() -> None:
    scene = Scene("decay")
    for x in (5, 20):
        for z in range(4):
            scene.put(x, 9, FLOOR + z, "oak_log")
        scene.put(x + 1, 9, FLOOR + 3, "oak_leaves")
        scene.put(x + 2, 9, FLOOR + 3, "oak_leaves")
    for z in range(4):
        scene.put(5, 9, FLOOR + z, "air")
    cells = [c.cell_of(scene.state.blocks, x, 9, FLOOR + 3) for x in (6, 7)]
    waits = [c.LEAF_WAIT + pick(scene.state.random[1], cell, 72, c.LEAF_SPREAD) for cell in cells]
    assert scene.when("leaf_decayed", 100) == sorted(wait + 1 for wait in set(waits))
    assert scene.block(6, 9, FLOOR + 3) == "air" and scene.block(21, 9, FLOOR + 3) == "oak_leaves"


def test_what_grows_on_the_ground_goes_with_it() -> None:
    scene = Scene("drops")
    for x, block in ((3, "poppy"), (5, "torch"), (7, "snow_layer"), (9, "cake_7")):
        scene.put(x, 5, FLOOR, block)
    for x in (3, 5, 7, 9):
        scene.put(x, 5, FLOOR - 1, "air")
    assert scene.when("uprooted", 5) == [2]
    assert {scene.block(x, 5, FLOOR) for x in (3, 5, 7, 9)} == {"air"}


def test_snow_settles_while_it_snows_and_melts_after() -> None:
    scene = Scene("snow")
    scene.state.marks[state.SKY] = 2
    settled = scene.when("snow_settled", 400)
    lying = (scene.state.blocks == blocks.BLOCK_IDS["snow_layer"]).sum()
    assert 30 < settled[0] < 60 and lying > 50
    scene.state.marks[state.SKY] = 0
    melted = sum(events.get("snow_melted", 0) for _, events in scene.ticks(800))
    assert melted > 30
    assert (scene.state.blocks == blocks.BLOCK_IDS["snow_layer"]).sum() < lying


def test_weather_comes_and_goes_by_its_own_clock() -> None:
    scene = Scene("weather")
    scene.state.marks[state.SKY_TICKS] = 10
    first = next((tick, events) for tick, events in scene.ticks(20) if events)
    assert first[0] == 10 and set(first[1]) <= {"rain_began", "thunder_began"}
    for _ in scene.ticks(61):
        pass
    assert scene.state.weather[state.RAIN] == 1.0
    scene.state.marks[state.SKY_TICKS] = 1
    assert set(scene.act()) <= {"rain_ended", "thunder_ended"}
    for _ in scene.ticks(61):
        pass
    assert scene.state.weather[state.RAIN] == 0.0


def test_nothing_moves_where_all_is_switched_off() -> None:
    scene = Scene()
    scene.put(3, 3, FLOOR + 3, "sand")
    scene.put(6, 6, FLOOR, "water")
    scene.put(9, 9, FLOOR, "planks")
    scene.put(9, 9, FLOOR + 1, "fire")
    scene.put(12, 3, FLOOR, "wheat_1")
    scene.put(12, 3, FLOOR - 1, "farmland")
    scene.put(20, 20, FLOOR, "oak_log")
    scene.put(21, 20, FLOOR, "oak_leaves")
    scene.put(20, 20, FLOOR, "air")
    before = scene.state.blocks.copy()
    for _, events in scene.ticks(500):
        assert events == {}
    np.testing.assert_array_equal(before, scene.state.blocks)
