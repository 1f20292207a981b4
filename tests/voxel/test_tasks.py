"""Tasks: their table and ids agree, rewards are what the table says, and scripts show that each can be done."""

import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_for_sb3

import worldsim  # noqa: F401  registers the ids
from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.events import EVENT, EVENT_NAMES
from worldsim_envs.voxel.judge import FIRST_DISTANCE, GOAL_X, GOAL_Z, achieved, score
from worldsim_envs.voxel.tasks import ACHIEVEMENTS, DENSE_THRESHOLD, PROMPTED, SPARSE_THRESHOLD, TASKS

SMALL: dict[str, Any] = {"size": (16, 16), "world_size": (64, 64, 64)}


def made(task: str, seed: int = 0, **kwargs: Any) -> VoxelEnv:
    env = VoxelEnv(task=task, **{**SMALL, **kwargs})
    env.reset(seed=seed)
    return env


def goal(env: VoxelEnv) -> np.ndarray:
    return env.memory[GOAL_X : GOAL_Z + 1].copy()


def facing(env: VoxelEnv, place: np.ndarray) -> tuple[float, float, float]:
    """Distance over ground, yaw and pitch from the eye to a place."""
    torus = np.array(env.world_size[:2])
    gap = (place[:2] - env.state.body[:2] + torus / 2) % torus - torus / 2
    away = float(np.hypot(*gap))
    return away, float(np.degrees(np.arctan2(*gap))), float(np.degrees(np.arctan2(env.state.body[2] + 1.62 - place[2],
                                                                                  away)))  # fmt: skip


def stand_before(env: VoxelEnv, place: np.ndarray, away: float = 1.6) -> None:
    """Put the player before a place, looking at it, on ground of its own."""
    _, yaw, _ = facing(env, place)
    back = np.radians(yaw)
    x, y = place[0] - away * np.sin(back), place[1] - away * np.cos(back)
    z = int(place[2])
    for i in range(-1, 2):
        for j in range(-1, 2):
            cell = int(np.floor(x)) + i, int(np.floor(y)) + j
            if cell != (int(np.floor(place[0])), int(np.floor(place[1]))):
                env.set_block(*cell, z - 1, "stone")
                for k in range(2):
                    env.set_block(*cell, z + k, "air")
    env.teleport(x, y, z)
    away, yaw, pitch = facing(env, place + np.array([0, 0, 0.5]))
    env.teleport(x, y, z, yaw, pitch)


def play(env: VoxelEnv, names: Iterator[str] | list[str], most: int = 200) -> tuple[float, int, bool]:
    """Act by name until the episode ends; returns the return, the steps and success."""
    meanings, total = env.get_action_meanings(), 0.0
    for step, name in enumerate(names, 1):
        _, reward, terminated, _, info = env.step(meanings.index(name))
        total += reward
        if terminated or step == most:
            return total, step, info["success"]
    raise AssertionError("the script ended before the episode")


def test_ids_are_those_of_the_table() -> None:
    for name in PROMPTED:
        for kind, threshold in (("", SPARSE_THRESHOLD), ("Dense", DENSE_THRESHOLD)):
            spec = gym.spec(f"worldsim/{name}{kind}-v0")
            assert spec.max_episode_steps == TASKS[name].steps and spec.reward_threshold == threshold
            assert spec.kwargs == {"task": name, **({"dense": True} if kind else {})}
    survival = gym.spec("worldsim/Survival-v0")
    assert (survival.max_episode_steps, survival.reward_threshold) == (TASKS["Survival"].steps, 12.0)
    assert len(PROMPTED) >= 11 and gym.spec("worldsim/Voxel-v0").kwargs == {}


@pytest.mark.parametrize("env_id", sorted(i for i in gym.registry if i.startswith("worldsim/") and "Learned" not in i))
def test_checkers_have_nothing_to_say_to_any_id(env_id: str) -> None:
    env = gym.make(env_id, render_mode="rgb_array", size=(36, 36), world_size=(64, 64, 64), num_levels=1).unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env)
        check_for_sb3(env)


def test_survival_has_thirty_achievements() -> None:
    assert len(ACHIEVEMENTS) == len(set(ACHIEVEMENTS)) == 30 and set(ACHIEVEMENTS) <= set(EVENT_NAMES)
    assert score(np.ones(30)) == pytest.approx(100.0) and score(np.zeros(30)) == 0.0
    assert score(np.array([0.0, 1.0])) == pytest.approx(np.sqrt(101.0) - 1.0)


def test_an_achievement_pays_once() -> None:
    env = made("Survival")
    memory = env.memory[None]
    events = np.zeros((1, len(EVENT_NAMES)), np.float32)
    events[0, EVENT["collected_wood"]] = 2.0
    world = env.state
    arrays = world.unlocked[None], world.body[None], world.entities[None], world.kinds[None]
    assert env.judge.step(memory, events, *arrays)[0] == 1.0
    assert env.judge.step(memory, events, *arrays)[0] == 0.0
    assert [name for name, done in achieved(world.unlocked).items() if done] == ["collected_wood"]


@pytest.mark.parametrize("name", PROMPTED)
def test_every_task_starts_undone_with_its_goal_in_reach(name: str) -> None:
    env = made(name, seed=3)
    assert env.goal == TASKS[name].goal
    assert env.memory[FIRST_DISTANCE] < 64 and (not TASKS[name].seek or env.memory[FIRST_DISTANCE] > 0)
    _, reward, terminated, _, info = env.step(0)
    assert (reward, terminated, info["success"]) == (0.0, False, False)


def test_the_beacon_is_reached_by_going_there() -> None:
    for dense, best in ((False, 1.0), (True, 2.0)):
        env = made("Navigate", dense=dense)
        away = facing(env, goal(env))[0]
        x, y, z = (int(v) for v in goal(env))
        for back in range(1, 6):
            for up, block in ((-1, "stone"), (0, "air"), (1, "air"), (2, "air")):
                env.set_block(x, y - back, z + up, block)
        env.teleport(x + 0.5, y - 4.5, z, yaw=0.0, pitch=0.0)
        total, steps, success = play(env, ["forward"] * 40)
        assert success and 2 <= steps <= 8 and away > 10
        assert total == pytest.approx(best, abs=0.3 if dense else 0)


def test_dense_rewards_pay_progress_once() -> None:
    env = made("Navigate", dense=True)
    place = goal(env)
    env.teleport(place[0] - 10, place[1], place[2] + 12)
    first = env.step(0)[1]
    env.teleport(place[0] - 16, place[1], place[2] + 12)
    back = env.step(0)[1]
    env.teleport(place[0] - 10, place[1], place[2] + 12)
    assert first > 0.1 and back == 0.0 and env.step(0)[1] < 0.05


def test_a_tree_is_chopped() -> None:
    env = made("ChopTree")
    stand_before(env, np.floor(goal(env)) + np.array([0.5, 0.5, 0]))
    total, _, success = play(env, ["attack"] * 100)
    assert success and total == 1.0


def test_a_tower_is_built_by_jumping_and_placing() -> None:
    env = made("BuildTower")
    x, y, z = (int(v) for v in env.state.body[:3])
    for k in range(9):
        for i in range(-1, 2):
            for j in range(-1, 2):
                env.set_block(x + i, y + j, z + k, "air")
    env.teleport(x + 0.5, y + 0.5, z, pitch=90)
    total, _, success = play(env, ["noop"] * 3 + ["jump", "jump", "jump", "use", "noop", "noop", "noop", "noop"] * 12)
    assert success and total == 1.0


def test_the_water_is_crossed() -> None:
    env = made("CrossWater", seed=1)
    place = goal(env)
    away, yaw, _ = facing(env, place)
    env.teleport(*env.state.body[:3], yaw=yaw, pitch=0)
    total, _, success = play(env, ["forward+jump"] * 150, 150)
    assert success and total == 1.0


def test_the_night_is_survived_by_staying_alive() -> None:
    env = made("SurviveNight", switches={"monsters": False})
    x, y = (int(v) for v in env.state.body[:2])
    for i in range(-1, 2):
        for j in range(-1, 2):
            for k in range(4):
                env.set_block(x + i, y + j, 55 + k, "stone" if (i, j) != (0, 0) or k in (0, 3) else "air")
    env.teleport(x + 0.5, y + 0.5, 56)
    total, steps, success = play(env, ["noop"] * 650, 650)
    assert success and total == 1.0 and steps == 600


def test_success_is_remembered_by_snapshots() -> None:
    env = made("Navigate")
    before = env.clone_state()
    env.teleport(*goal(env))
    assert env.step(0)[4]["success"]
    env.restore_state(before)
    assert not env.step(0)[4]["success"]
    assert env.state.marks[s.DEAD] == 0
