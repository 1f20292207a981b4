"""Creatures and the player's body: they wander, flee, hunt, burn and die at the ticks that the rules say."""

import numpy as np
import pytest

from voxel_scenes import FLOOR, SIZE, Scene
from worldsim_envs.voxel import blocks, state
from worldsim_envs.voxel.kinds import FIRST_CREATURE, FIRST_MONSTER, FLEE, HUNT, KIND_IDS, KINDS
from worldsim_envs.voxel.life.fights import lose_hearts, strike
from worldsim_envs.voxel.life.herds import HERDS, MONSTER_WAIT, MONSTERS
from worldsim_envs.voxel.life.spawn import CREATURES, spawn
from worldsim_envs.voxel.start import set_going
from worldsim_envs.voxel.survival import SLEEP_TICKS

ANIMALS = [kind.name for kind in KINDS if kind.animal]
NIGHT = 9000


def add(scene: Scene, kind: str, x: float, y: float, z: float = FLOOR) -> int:
    """Bring a creature into a scene. Returns its row."""
    return int(spawn(scene.state.tick, KIND_IDS[kind], x, y, z))


def place_of(scene: Scene, row: int) -> np.ndarray:
    return scene.state.entities[row, :3].copy()


def distance(scene: Scene, row: int) -> float:
    away = np.abs(place_of(scene, row)[:2] - scene.state.body[:2])
    return float(np.hypot(*np.minimum(away, SIZE[0] - away)))


@pytest.mark.parametrize("kind", ANIMALS)
def test_animals_wander_on_the_ground_and_move_their_limbs_only_then(kind: str) -> None:
    scene = Scene()
    row = add(scene, kind, 8.5, 8.5)
    before, moved, still = place_of(scene, row), 0.0, []
    for _ in scene.ticks(400):
        place, entity = place_of(scene, row), scene.state.entities[row]
        step = float(np.hypot(*(place - before)[:2]))
        if step < 1e-3:
            still.append(entity[state.LIMB_SPEED])
        moved, before = moved + min(step, 1.0), place
        assert FLOOR - 1e-6 <= place[2] < FLOOR + 1.3
    assert moved > 2.0 and min(still) < 0.05
    assert scene.state.entities[row, state.LIMB] > 0.0


def test_a_struck_animal_flees_and_a_dead_one_leaves_its_meat() -> None:
    scene = Scene("drops")
    row = add(scene, "pig", 16.5, 18.5)
    scene.look(0, 30)
    assert scene.state.marks[state.TARGET_ENTITY] == row + 1
    assert scene.act("attack") == {"hurt_animal": 1}
    assert scene.state.kinds[row, state.HEARTS] == 8 and scene.state.kinds[row, state.MODE] == FLEE
    near = distance(scene, row)
    for _ in scene.ticks(60):
        pass
    assert distance(scene, row) > near + 3.0
    events = np.zeros(200, np.float32)
    lose_hearts(scene.state.tick, row, 20, True, events)
    assert scene.state.kinds[row, state.KIND] == 0
    assert scene.state.kinds[CREATURES:, state.CARRIES].any()


def test_blows_are_counted_once_in_ten_ticks() -> None:
    scene = Scene()
    row = add(scene, "cow", 16.5, 18.0)
    scene.act()
    tick, events = scene.state.tick, np.zeros(200, np.float32)
    for _ in range(3):
        strike(tick, row, events)
    assert scene.state.kinds[row, state.HEARTS] == 8


def test_zombies_hunt_by_night_and_strike() -> None:
    scene = Scene("health")
    scene.state.marks[state.CLOCK] = NIGHT
    row = add(scene, "zombie", 16.5, 26.5)
    struck = scene.when("attacked", 200)
    assert scene.state.kinds[row, state.MODE] == HUNT and len(struck) >= 1
    assert scene.state.vitals[state.HEALTH] < 20.0


def test_skeletons_shoot_arrows_that_hurt() -> None:
    scene = Scene("health")
    scene.state.marks[state.CLOCK] = NIGHT
    add(scene, "skeleton", 16.5, 24.5)
    seen = [events for _, events in scene.ticks(120)]
    assert any("arrow_shot" in events for events in seen) and any("hurt" in events for events in seen)


def test_zombies_burn_in_the_sun_and_not_under_a_roof() -> None:
    scene = Scene()
    zombie = add(scene, "zombie", 4.5, 4.5)
    for x in range(22, 31):
        for y in range(22, 31):
            scene.put(x, y, FLOOR + 4, "stone")
    for x in (22, 30):
        for y in range(22, 31):
            for z in range(4):
                scene.put(x, y, FLOOR + z, "stone")
                scene.put(y, x, FLOOR + z, "stone")
    sheltered = add(scene, "zombie", 26.5, 26.5)
    died = scene.when("monster_left", 250)
    assert died == [200]  # two half hearts every twenty ticks, of twenty
    assert scene.state.kinds[zombie, state.KIND] == 0 and scene.state.kinds[sheltered, state.HEARTS] == 20


def test_animals_swim_and_do_not_walk_off_cliffs() -> None:
    scene = Scene("fluids")
    scene.state.blocks[:12, :12, 2:FLOOR] = blocks.WATER
    state.measure_world(scene.state.grid, blocks.OPAQUE)
    row = add(scene, "cow", 5.5, 5.5, FLOOR - 4)
    for _ in scene.ticks(100):
        pass
    assert scene.state.entities[row, state.Z] > FLOOR - 2.0
    scene = Scene()
    scene.state.blocks[...] = 0
    scene.state.blocks[4:10, 4:10, FLOOR - 1] = blocks.BLOCK_IDS["stone"]
    scene.state.blocks[14:19, 14:19, FLOOR - 1] = blocks.BLOCK_IDS["stone"]
    state.measure_world(scene.state.grid, blocks.OPAQUE)
    rows = [add(scene, kind, 6.5 + n / 4, 6.5) for n, kind in enumerate(("cow", "pig"))]
    for _ in scene.ticks(600):
        pass
    assert [scene.state.kinds[row, state.KIND] > 0 for row in rows] == [True, True]


def test_creatures_do_not_stand_in_one_another() -> None:
    scene = Scene()
    rows = [add(scene, "sheep", 8.5 + 0.1 * n, 8.5) for n in range(4)]
    for _ in scene.ticks(60):
        pass
    places = np.array([place_of(scene, row)[:2] for row in rows])
    gaps = np.abs(places[:, None] - places[None, :]).max(axis=2) + np.eye(4) * 9
    assert gaps.min() > 0.5


def test_herds_belong_to_the_seed_and_come_once() -> None:
    def herds(key: int) -> list[tuple[int, ...]]:
        scene = Scene("animals")
        scene.state.random[1] = key
        scene.state.blocks[:, :, FLOOR - 1] = blocks.BLOCK_IDS["grass"]
        state.measure_world(scene.state.grid, blocks.OPAQUE)
        set_going(scene.state)
        assert scene.state.marks[state.MET] == (1 << HERDS * HERDS) - 1
        count = int((scene.state.kinds[:, state.KIND] > 0).sum())
        for _, events in scene.ticks(50):
            assert "animal_born" not in events
        assert int((scene.state.kinds[:, state.KIND] > 0).sum()) == count
        return [tuple(row[:3]) for row in scene.state.kinds[scene.state.kinds[:, state.KIND] > 0]]

    worlds = {key: herds(key) for key in range(8)}
    assert herds(3) == worlds[3]
    assert any(worlds.values()) and len({str(world) for world in worlds.values()}) > 3
    kinds_seen = {row[0] for world in worlds.values() for row in world}
    assert all(FIRST_CREATURE <= kind < FIRST_MONSTER for kind in kinds_seen) and len(kinds_seen) >= 2


def test_monsters_come_at_night_only_and_stay_few() -> None:
    scene = Scene("monsters")
    assert scene.when("monster_came", 200) == []
    scene.state.marks[state.CLOCK] = NIGHT
    came = scene.when("monster_came", 20 * MONSTER_WAIT)
    assert len(came) >= 3 and all((tick + 199) % MONSTER_WAIT == 0 for tick in came)
    assert (scene.state.kinds[:, state.KIND] >= FIRST_MONSTER).sum() <= MONSTERS


@pytest.mark.parametrize("lamp", [False, True])
def test_monsters_come_in_caves_by_day_unless_it_is_lit(lamp: bool) -> None:
    scene = Scene("monsters")
    world = scene.state
    world.blocks[:, :, FLOOR + 4 : FLOOR + 10] = blocks.BLOCK_IDS["stone"]
    if lamp:
        world.blocks[:, :, FLOOR + 4] = blocks.BLOCK_IDS["lamp"]
    state.measure_world(world.grid, blocks.OPAQUE)
    assert (len(scene.when("monster_came", 10 * MONSTER_WAIT)) > 0) != lamp


def test_the_number_of_entities_is_bounded_and_numbers_are_never_used_twice() -> None:
    scene = Scene()
    rows = [add(scene, "chicken", 4.5 + n % 8, 4.5 + n // 8) for n in range(40)]
    assert rows[:CREATURES] == list(range(CREATURES)) and set(rows[CREATURES:]) == {-1}
    numbers = scene.state.kinds[:CREATURES, state.NUMBER]
    assert len(set(numbers.tolist())) == CREATURES


@pytest.mark.parametrize(("height", "hearts"), [(3, 0), (6, 3), (10, 7)])
def test_falls_take_a_half_heart_for_each_block_beyond_three(height: int, hearts: int) -> None:
    scene = Scene("fall_damage", "health")
    scene.state.body[state.Z] = FLOOR + height
    fell = scene.when("fell", 40)
    assert len(fell) == (hearts > 0)
    assert scene.state.vitals[state.HEALTH] == 20.0 - hearts


def test_the_drowning_have_fifteen_seconds() -> None:
    scene = Scene("health")
    scene.state.blocks[...] = blocks.WATER
    scene.state.blocks[:, :, 0] = blocks.BLOCK_IDS["stone"]
    scene.state.body[state.Z] = 2.0
    assert scene.when("drowned", 345) == [320, 340]


def test_lava_burns_and_water_puts_it_out() -> None:
    scene = Scene("health")
    scene.put(16, 16, FLOOR, "lava")
    assert "burned" in scene.act()
    assert scene.state.vitals[state.BURNING] > 0
    scene.put(16, 16, FLOOR, "water")
    scene.act()
    scene.act()
    assert scene.state.vitals[state.BURNING] == 0.0


def test_hunger_heals_the_full_and_starves_the_empty() -> None:
    scene = Scene("health", "hunger")
    scene.state.vitals[state.HEALTH] = 15.0
    assert scene.when("healed", 170) == [80, 160]
    scene.state.vitals[[state.HUNGER, state.SATURATION]] = 0.0
    assert scene.when("starved", 85) == [70]  # 170 ticks have gone by


def test_the_dead_come_back_at_home_where_respawn_is_on() -> None:
    scene = Scene("health", "respawn", player=(10.5, 10.5))
    scene.state.body[:2] = 20.5, 20.5
    scene.state.vitals[state.HEALTH] = 1.0
    scene.put(20, 20, FLOOR, "lava")
    events = scene.act()
    assert events["died"] == events["respawned"] == 1
    assert scene.state.body[:2].tolist() == [10.5, 10.5] and scene.state.vitals[state.HEALTH] == 20.0
    scene = Scene("health")
    scene.state.vitals[state.HEALTH] = 1.0
    scene.put(16, 16, FLOOR, "lava")
    assert "respawned" not in scene.act() and scene.state.marks[state.DEAD] == 1


def test_sleep_holds_the_player_still() -> None:
    scene = Scene()
    scene.state.marks[state.SLEEPING] = SLEEP_TICKS
    before = scene.state.body.copy()
    for _ in scene.ticks(SLEEP_TICKS - 1, "forward"):
        pass
    np.testing.assert_array_equal(scene.state.body, before)
