"""What the player's hands do: tools and tiers, drops, placing, crafting, smelting, eating, doors, buckets, paint."""

import numpy as np
import pytest

from voxel_scenes import FLOOR, Scene
from worldsim_envs.voxel import blocks, kinds, recipes, state
from worldsim_envs.voxel.items import DYES, ITEM_IDS, MATERIALS
from worldsim_envs.voxel.recipes import SMELT_TICKS
from worldsim_envs.voxel.systems.change import cell_of
from worldsim_envs.voxel.tables import LEAVES_FIRST

AHEAD = (16, 18)  # the column two blocks before the player


def facing(block: str, *systems: str, height: int = 1) -> Scene:
    """Return a scene whose player looks straight at a block two cells ahead, at the height of the eye by default."""
    scene = Scene(*systems)
    scene.put(*AHEAD, FLOOR + height - 1, "stone")
    scene.put(*AHEAD, FLOOR + height, block)
    scene.act()
    return scene


def mined_after(scene: Scene, event: str) -> int:
    return scene.when(event, 300, "attack")[0]


@pytest.mark.parametrize("material", list(MATERIALS))
def test_better_pickaxes_mine_stone_faster(material: str) -> None:
    scene = facing("stone", "tools")
    bare = mined_after(scene, "mined_stone")
    assert bare == blocks.HARDNESS[blocks.BLOCK_IDS["stone"]]
    scene = facing("stone", "tools")
    scene.give(**{f"{material}_pickaxe": 1})
    assert mined_after(scene, "mined_stone") == int(np.ceil(bare / MATERIALS[material][1]))
    assert scene.state.inventory[0, state.WORN] == 1


def test_the_wrong_tool_is_a_bare_hand() -> None:
    scene = facing("stone", "tools")
    scene.give(diamond_axe=1)
    assert mined_after(scene, "mined_stone") == blocks.HARDNESS[blocks.BLOCK_IDS["stone"]]


@pytest.mark.parametrize(
    ("block", "tool", "left"),
    [("stone", "", 0), ("stone", "wooden_pickaxe", 1), ("iron_ore", "wooden_pickaxe", 0),
     ("iron_ore", "stone_pickaxe", 1), ("diamond_ore", "stone_pickaxe", 0), ("diamond_ore", "iron_pickaxe", 1),
     ("dirt", "", 1)],
)  # fmt: skip
def test_hard_blocks_leave_something_only_to_the_right_tier(block: str, tool: str, left: int) -> None:
    scene = facing(block, "tools", "drops")
    if tool:
        scene.give(**{tool: 1})
    for _, events in scene.ticks(60, "attack"):
        if any(name.startswith("mined") for name in events):
            break
    drops = scene.state.kinds[scene.state.kinds[:, state.KIND] == kinds.DROP]
    assert len(drops) == left
    if left:
        assert drops[0, state.CARRIES] == LEAVES_FIRST[blocks.BLOCK_IDS[block], 0]


def test_drops_fall_and_are_picked_up_by_walking_over_them() -> None:
    scene = facing("dirt", "drops")
    mined_after(scene, "mined_dirt")
    assert scene.holds("dirt") == 0
    picked = [events for _, events in scene.ticks(60, "forward") if "picked_up" in events]
    assert len(picked) == 1 and picked[0]["collected_dirt"] == 1
    assert scene.holds("dirt") == 1 and not scene.state.kinds[:, state.KIND].any()


def test_without_drops_the_block_goes_straight_to_the_inventory() -> None:
    scene = facing("dirt")
    events = next(events for _, events in scene.ticks(60, "attack") if "mined_dirt" in events)
    assert events["collected_dirt"] == 1 and scene.holds("dirt") == 1


def test_worn_out_tools_break() -> None:
    scene = facing("dirt", "tools")
    scene.give(wooden_shovel=1)
    scene.state.inventory[0, state.WORN] = MATERIALS["wooden"][2] - 1
    seen = [events for _, events in scene.ticks(20, "attack") if events]
    assert "tool_broke" in seen[-1] and scene.holds("wooden_shovel") == 0


def test_mining_cracks_in_stages() -> None:
    scene = facing("stone")
    assert len(scene.when("cracked", 23, "attack")) == blocks.CRACK_STAGES - 1


def test_one_key_leads_from_logs_to_an_iron_pickaxe() -> None:
    scene = Scene("crafting")
    scene.give(oak_log=8, cobblestone=20, iron_ore=5, coal=4)
    made: list[str] = []

    def press() -> None:
        made.extend(name for name in scene.act("inventory") if name.startswith("crafted"))
        scene.act()

    for _ in range(12):
        press()
    assert "crafted_crafting_table" in made and "crafted_wooden_pickaxe" not in made
    scene.put(16, 18, FLOOR, "crafting_table")
    for _ in range(12):
        press()
    assert {"crafted_stone_pickaxe", "crafted_stone_sword"} <= set(made)
    assert made.index("crafted_planks") < made.index("crafted_stone_pickaxe")
    scene.state.inventory[20, :2] = ITEM_IDS["iron_ingot"], 3
    press()
    assert made[-1] == "crafted_iron_pickaxe"
    assert scene.holds("iron_pickaxe") == 1 and scene.holds("iron_ingot") == 0


def test_crafting_takes_what_the_recipe_says_and_needs_its_table() -> None:
    scene = Scene("crafting")
    scene.give(planks=3, stick=4)
    assert scene.act("inventory") == {}
    scene.put(15, 16, FLOOR, "crafting_table")
    scene.act()
    assert scene.act("inventory") == {"crafted_wooden_pickaxe": 1}
    assert (scene.holds("planks"), scene.holds("stick"), scene.holds("wooden_pickaxe")) == (0, 2, 1)
    assert scene.act("inventory") == {}  # the key is still held


def test_the_next_recipe_can_be_chosen() -> None:
    scene = Scene("crafting")
    scene.give(oak_log=2, bone=1)
    names = [recipe.product for recipe in recipes.RECIPES]
    scene.act("swapHands")
    assert scene.state.marks[state.RECIPE] == names.index("bone_meal") + 1
    scene.act()
    scene.act("swapHands")
    assert scene.state.marks[state.RECIPE] == names.index("planks") + 1
    assert scene.act("inventory") == {"crafted_planks": 1, "collected_wood": 1}


def test_a_furnace_smelts_over_time_and_shows_it() -> None:
    scene = facing("furnace", "crafting")
    scene.give(iron_ore=2, coal=1)
    scene.act("use")
    assert (scene.holds("iron_ore"), scene.holds("coal")) == (0, 0)
    assert scene.block(*AHEAD, FLOOR + 1) == "furnace_lit"
    assert scene.when("smelted_iron", 2 * SMELT_TICKS + 20) == [SMELT_TICKS - 1, 2 * SMELT_TICKS - 1]
    assert scene.block(*AHEAD, FLOOR + 1) == "furnace"
    events = scene.act("use")
    assert scene.holds("iron_ingot") == 2 and events == {}


def test_doors_open_and_shut_with_both_halves() -> None:
    scene = Scene("doors")
    scene.look(0, 45)
    scene.give(door=1)
    assert scene.act("use") == {"placed": 1, "placed_door": 1}
    assert [scene.block(16, 18, FLOOR + z) for z in (0, 1)] == ["door_y_shut_lower", "door_y_shut_upper"]
    scene.look(0, 10)
    scene.act()
    assert scene.act("use") == {"door_opened": 1}
    assert [scene.block(16, 18, FLOOR + z) for z in (0, 1)] == ["door_y_open_lower", "door_y_open_upper"]
    scene.act()
    scene.look(0, 45)
    for _ in scene.ticks(20, "forward"):
        pass
    assert scene.state.body[state.Y] > 18.0


def test_mining_one_half_of_a_door_takes_both_and_leaves_one_door() -> None:
    scene = Scene("drops")
    scene.put(16, 18, FLOOR, "door_y_shut_lower")
    scene.put(16, 18, FLOOR + 1, "door_y_shut_upper")
    scene.act()
    assert mined_after(scene, "mined_wood") > 1
    for _ in scene.ticks(5):
        pass
    assert not scene.state.blocks[16, 18, FLOOR:].any()
    drops = scene.state.kinds[scene.state.kinds[:, state.KIND] == kinds.DROP]
    assert drops[:, state.AMOUNT].tolist() == [1] and drops[0, state.CARRIES] == ITEM_IDS["door"]


def test_glass_shatters_at_the_first_stroke() -> None:
    scene = facing("glass", "glass")
    assert scene.act("attack") == {"glass_shattered": 1, "mined_other": 1, "mined_glass": 1}
    pieces = scene.state.kinds[:, state.KIND] == kinds.FRAGMENT
    assert pieces.sum() == 8 and scene.block(*AHEAD, FLOOR + 1) == "air"
    for _ in scene.ticks(45):
        pass
    assert not scene.state.kinds[:, state.KIND].any()


def test_a_cake_is_eaten_in_seven_slices() -> None:
    scene = facing("cake_7", "cake", height=1)
    scene.look(11, 8)  # at its eastern end, which is eaten last
    left = []
    for _ in range(7):
        events = scene.act("use")
        assert events["cake_eaten"] == events["ate"] == 1
        left.append(scene.block(*AHEAD, FLOOR + 1))
        scene.act()
    assert left == [f"cake_{n}" for n in range(6, 0, -1)] + ["air"]


def test_food_stills_hunger_and_is_used_up() -> None:
    scene = Scene("hunger")
    scene.give(bread=2)
    scene.state.vitals[state.HUNGER] = 10
    assert scene.act("use") == {"ate": 1}
    assert scene.holds("bread") == 1 and scene.state.vitals[state.HUNGER] == pytest.approx(15, abs=0.01)


def test_buckets_carry_water() -> None:
    scene = facing("stone", height=1)
    scene.put(*AHEAD, FLOOR + 1, "water")
    scene.look(0, 5)
    scene.give(bucket=1)
    assert scene.act("use") == {"collected_water": 1}
    assert scene.block(*AHEAD, FLOOR + 1) == "air" and scene.holds("water_bucket") == 1
    scene.act()
    scene.look(0, 25)
    assert scene.act("use") == {"placed": 1, "placed_water": 1}
    assert (scene.state.blocks == blocks.WATER).sum() == 1 and scene.holds("bucket") == 1


def test_flint_and_steel_sets_fire() -> None:
    scene = Scene("fire")
    scene.look(0, 45)
    scene.give(flint_and_steel=1)
    assert scene.act("use") == {"fire_lit": 1}
    assert scene.block(16, 18, FLOOR) == "fire"


def test_farming_goes_from_soil_to_bread() -> None:
    scene = Scene("crafting", "growth", "drops", pitch=45)
    scene.put(16, 18, FLOOR - 1, "dirt")
    scene.give(wooden_shovel=1, wheat_seeds=1, bone_meal=3)
    scene.look(0, 45)
    assert scene.act("use") == {"soil_tilled": 1}
    assert scene.block(16, 18, FLOOR - 1) == "farmland"
    scene.act()
    assert scene.act("use", "hotbar.2") == {"placed": 1, "placed_seeds": 1}
    grown = []
    for _ in range(3):
        scene.act()
        grown += list(scene.act("use", "hotbar.3"))
    assert grown == ["crop_grew", "crop_grew", "crop_ripened"]


def test_strokes_of_paint_stay_and_add_up_until_the_block_goes() -> None:
    scene = facing("sign", "paint")
    scene.give(brush=1)
    world = scene.state
    assert scene.act("use") == {"painted": 1}
    first = world.canvas[0].copy()
    assert 4 <= (first > 0).sum() <= 12 and set(np.unique(first)) == {0, DYES.index("red")}
    assert scene.act("use") == {}  # the same place again
    scene.look(4, 0)
    scene.act("swapHands")
    assert scene.act("use") == {"painted": 1}
    second = world.canvas[0]
    assert (second > 0).sum() > (first > 0).sum() and (world.canvas_keys >= 0).sum() == 1
    scene.put(*AHEAD, FLOOR + 1, "air")
    assert (world.canvas_keys == -1).all() and not world.canvas.any()


def test_paint_goes_where_the_player_looks() -> None:
    scene = facing("sign", "paint")
    scene.give(brush=1)
    scene.look(10, 6)  # right of the middle and below it
    scene.act("use")
    rows, columns = np.nonzero(scene.state.canvas[0])
    height = FLOOR + 1.62 - 1.5 / np.cos(np.radians(10)) * np.tan(np.radians(6)) - (FLOOR + 1)
    assert columns.mean() + 0.5 == pytest.approx(16 * (0.5 + 1.5 * np.tan(np.radians(10))), abs=1.0)
    assert rows.mean() + 0.5 == pytest.approx(16 * (1 - height), abs=1.0)


def test_when_all_canvases_are_in_use_the_face_farthest_from_the_player_makes_room() -> None:
    scene = facing("sign", "paint")
    scene.give(brush=1)
    world = scene.state
    keys = [6 * cell_of(world.blocks, x, y, FLOOR - 1) + 4 for x in range(32) for y in range(20, 24)]
    assert len(keys) == state.CANVASES
    world.canvas_keys[:], world.canvas[...] = keys, 1
    assert scene.act("use") == {"painted": 1}
    gone = set(keys) - set(world.canvas_keys.tolist())
    assert gone == {6 * cell_of(world.blocks, 0, 23, FLOOR - 1) + 4}  # 16 blocks west and 6 north, round the torus
    fresh = world.canvas[~np.isin(world.canvas_keys, keys)]
    assert fresh.shape[0] == 1 and 4 <= (fresh > 0).sum() <= 12


def test_a_bed_skips_the_night_and_becomes_home() -> None:
    scene = Scene("day_cycle")
    scene.look(0, 45)
    scene.give(bed=1)
    assert scene.act("use") == {"placed": 1, "placed_bed": 1}
    scene.act()
    assert scene.act("use") == {}  # by day it is only home
    assert scene.state.marks[[state.HOME_X, state.HOME_Y]].tolist() == [16, 18]
    scene.act()
    scene.state.marks[state.CLOCK] = 9000
    assert scene.act("use") == {"slept": 1}
    assert scene.when("woke", 40) == [19]
    assert scene.state.marks[state.CLOCK] < 60


def test_things_thrown_away_lie_on_the_ground() -> None:
    scene = Scene("drops")
    scene.give(apple=3)
    assert scene.act("drop") == {"dropped": 1}
    assert scene.act("drop") == {}  # held
    assert scene.holds("apple") == 2
    row = int(np.flatnonzero(scene.state.kinds[:, state.KIND] == kinds.DROP)[0])
    assert scene.state.kinds[row, state.CARRIES] == ITEM_IDS["apple"]
