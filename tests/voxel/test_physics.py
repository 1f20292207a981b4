"""The player moves, mines and places as in Minecraft, and every event comes at its step."""

import numpy as np
import pytest

from worldsim_envs.voxel import blocks, state
from worldsim_envs.voxel.env import VoxelEnv

FLOOR = 30


@pytest.fixture
def env() -> VoxelEnv:
    """A flat stone plane under an open sky, one tick per step, the player in its middle looking north."""
    env = VoxelEnv(size=(32, 32), frame_skip=1, world_size=(64, 64, 64), action_space="multidiscrete")
    env.reset(seed=0, options={"start_time": 0.2})
    world = env.state
    world.blocks[...] = 0
    world.blocks[:, :, :FLOOR] = blocks.BLOCK_IDS["stone"]
    world.biomes[...] = 0
    world.marks[state.BIOME] = 0
    world.kinds[...] = 0
    state.measure_world(world.grid, blocks.OPAQUE)
    env.teleport(32.5, 32.5, FLOOR, yaw=0, pitch=0)
    env.step(act())
    return env


def act(*held: str, turn: int = 5, tilt: int = 5) -> np.ndarray:
    """Return the multidiscrete action of held keys; 5 is the middle of the camera's bins."""
    from worldsim_envs.voxel.controls import ACTION_INDEX

    action = np.zeros(25, np.int64)
    action[[ACTION_INDEX[name] for name in held]] = 1
    action[ACTION_INDEX["cameraX"]], action[ACTION_INDEX["cameraY"]] = turn, tilt
    return action


def events_of(env: VoxelEnv, action: np.ndarray) -> dict[str, float]:
    """Return the events of a step, of those that are as old as the world; the rules' own tests have the others."""
    events = env.step(action)[4]["events"][: env.event_names.index("mined_coal")]
    return {name: float(value) for name, value in zip(env.event_names, events, strict=False) if value}


@pytest.mark.parametrize(
    ("held", "speed"), [(("forward",), 4.317), (("forward", "sprint"), 5.612), (("forward", "sneak"), 1.295)]
)
def test_speeds_are_those_of_minecraft(env: VoxelEnv, held: tuple[str, ...], speed: float) -> None:
    for _ in range(20):
        env.step(act(*held))
    before = env.state.body[:3].copy()
    for _ in range(20):
        env.step(act(*held))
    moved = env.state.body[:3] - before
    assert moved[1] == pytest.approx(speed, abs=0.01)
    assert moved[0] == moved[2] == 0.0


@pytest.mark.parametrize(("key", "x", "y"), [("forward", 0, 1), ("back", 0, -1), ("left", -1, 0), ("right", 1, 0)])
def test_keys_move_where_they_say(env: VoxelEnv, key: str, x: int, y: int) -> None:
    before = env.state.body[:2].copy()
    for _ in range(10):
        env.step(act(key))
    moved = env.state.body[:2] - before
    assert np.sign(np.round(moved, 9)).tolist() == [x, y]


def test_jump_rises_one_and_a_quarter_block(env: VoxelEnv) -> None:
    heights, seen = [], []
    for tick in range(16):
        seen.append(events_of(env, act("jump") if tick == 0 else act()))
        heights.append(env.state.body[state.Z] - FLOOR)
    assert max(heights) == pytest.approx(1.2522, abs=1e-3)
    assert seen[0] == {"jumped": 1.0}
    landings = [tick for tick, events in enumerate(seen) if "landed" in events]
    assert landings == [heights.index(0.0)]


def test_camera_turns_right_and_down_by_degrees(env: VoxelEnv) -> None:
    env.step(act(turn=10))
    assert env.state.body[state.YAW] == pytest.approx(20.0)
    env.step(act(tilt=10))
    assert env.state.body[state.PITCH] == pytest.approx(20.0)
    for _ in range(10):
        env.step(act(tilt=0))
    assert env.state.body[state.PITCH] == -90.0


def test_walls_stop_the_player_and_say_so_once(env: VoxelEnv) -> None:
    for x in range(28, 37):
        for z in (FLOOR, FLOOR + 1):
            env.set_block(x, 35, z, "stone")
    bumps = [events_of(env, act("forward")).get("bumped", 0.0) for _ in range(40)]
    assert sum(bumps) == 1.0
    assert env.state.body[state.Y] == pytest.approx(35.0 - 0.3, abs=1e-5)


def test_mining_takes_its_time_and_one_block(env: VoxelEnv) -> None:
    env.teleport(32.5, 32.5, FLOOR, pitch=60)
    before = env.state.blocks.copy()
    ticks = int(blocks.HARDNESS[blocks.BLOCK_IDS["stone"]])
    seen = [events_of(env, act("attack")) for _ in range(ticks)]
    assert seen[:-1] == [{}] * (ticks - 1)
    assert seen[-1] == {"mined_stone": 1.0}
    changed = np.argwhere(before != env.state.blocks)
    assert len(changed) == 1
    assert env.state.blocks[tuple(changed[0])] == blocks.AIR
    assert changed[0].tolist() == [32, 33, FLOOR - 1]


def test_letting_go_starts_mining_anew(env: VoxelEnv) -> None:
    env.teleport(32.5, 32.5, FLOOR, pitch=60)
    ticks = int(blocks.HARDNESS[blocks.BLOCK_IDS["stone"]])
    for _ in range(ticks - 1):
        env.step(act("attack"))
    env.step(act())
    assert events_of(env, act("attack")) == {}


def test_placing_puts_the_chosen_block_against_the_face(env: VoxelEnv) -> None:
    env.teleport(32.5, 32.5, FLOOR, pitch=45)
    before = env.state.blocks.copy()
    count = int(env.state.inventory[2, 1])
    assert events_of(env, act("use", "hotbar.3")) == {"placed": 1.0}
    changed = np.argwhere(before != env.state.blocks)
    assert changed.tolist() == [[32, 34, FLOOR]]
    assert env.state.blocks[32, 34, FLOOR] == blocks.BLOCK_IDS["planks"]
    assert env.state.inventory[2, 1] == count - 1


def test_nothing_is_placed_inside_the_player(env: VoxelEnv) -> None:
    env.teleport(32.5, 32.5, FLOOR, pitch=90)
    before = env.state.blocks.copy()
    assert events_of(env, act("use")) == {}
    np.testing.assert_array_equal(before, env.state.blocks)


def test_water_is_entered_swum_and_left(env: VoxelEnv) -> None:
    env.state.blocks[28:37, 34:40, FLOOR - 4 : FLOOR] = blocks.WATER
    state.measure_world(env.state.grid, blocks.OPAQUE)
    seen: list[str] = []
    for _ in range(60):
        seen += events_of(env, act("forward"))
    assert "entered_water" in seen and env.state.body[state.Z] < FLOOR
    for _ in range(120):
        seen += events_of(env, act("forward", "jump"))
    assert "left_water" in seen and env.state.body[state.Y] > 40.0


@pytest.mark.parametrize(("height", "outcome"), [(3, set()), (6, {"hurt"}), (14, {"died"})])
def test_falls_hurt_and_long_ones_end_the_episode(env: VoxelEnv, height: int, outcome: set[str]) -> None:
    env.teleport(32.5, 32.5, FLOOR + height)
    seen: set[str] = set()
    for _ in range(40):
        _, _, terminated, _, info = env.step(act())
        seen |= {name for name, value in zip(env.event_names, info["events"], strict=True) if value}
        if terminated:
            break
    assert seen & {"hurt", "died"} == outcome
    assert terminated == ("died" in outcome)


def test_day_and_night_come_at_their_tick() -> None:
    env = VoxelEnv(size=(16, 16), frame_skip=1, world_size=(64, 64, 64), day_length=100, start_time=0.45)
    env.reset(seed=0)
    seen = [env.step(0)[4]["events"] for _ in range(60)]
    names = env.event_names
    assert [tick + 1 for tick, e in enumerate(seen) if e[names.index("night_fell")]] == [5]
    assert [tick + 1 for tick, e in enumerate(seen) if e[names.index("day_broke")]] == [55]


def test_sneaking_never_falls_over_an_edge(env: VoxelEnv) -> None:
    env.state.blocks[:, 34:, FLOOR - 6 : FLOOR] = blocks.AIR
    state.measure_world(env.state.grid, blocks.OPAQUE)
    for _ in range(80):
        env.step(act("forward", "sneak"))
    assert env.state.body[state.Z] == FLOOR
    for _ in range(40):
        env.step(act("forward"))
    assert env.state.body[state.Z] < FLOOR


def test_the_world_is_round(env: VoxelEnv) -> None:
    env.teleport(32.5, 63.9, FLOOR)
    for _ in range(10):
        env.step(act("forward"))
    assert 0.0 < env.state.body[state.Y] < 3.0


def test_first_times_are_rewarded_once(env: VoxelEnv) -> None:
    env.teleport(32.5, 32.5, FLOOR, pitch=45)
    first = env.step(act("use"))[1]
    env.step(act())
    env.teleport(32.5, 32.5, FLOOR, yaw=180, pitch=45)
    second = env.step(act("use"))
    assert second[4]["events"][env.event_names.index("placed")] == 1.0
    assert (first, second[1]) == (1.0, 0.0)
