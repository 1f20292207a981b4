"""Stages of the voxel world: the same seed gives the same scene, and truth is told from all that is not."""

import gymnasium as gym
import numpy as np
import pytest

import worldsim
from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.stages import STAGES, StageError
from worldsim_envs.voxel.stages.camera import apart

SEED = 2**30 + 2**28 + 31
assert worldsim.__version__


@pytest.fixture(scope="module")
def env() -> VoxelEnv:
    made = gym.make("worldsim/Voxel-v0", disable_env_checker=True, max_episode_steps=-1).unwrapped
    assert isinstance(made, VoxelEnv)
    return made


@pytest.mark.parametrize("name", STAGES)
def test_a_scene_starts_where_its_past_ends_and_truth_plays_it(env: VoxelEnv, name: str) -> None:
    scene = STAGES[name](env, SEED, 1)
    assert scene.frames.shape == (16, 64, 64, 3) and len(scene.actions) == 16
    np.testing.assert_array_equal(env.restore_state(scene.start), scene.frames[-1])
    for play in scene.plays:
        env.restore_state(scene.start)
        np.testing.assert_array_equal(np.stack([env.step(act)[0] for act in play.actions]), play.frames)
        for question in play.questions:
            assert len(question.pictures) == len(question.answers) and question.pictures.shape[2] == len(question.looks)


def test_the_same_seed_gives_the_same_scene(env: VoxelEnv) -> None:
    one, two = (STAGES["absence"](env, SEED, 0) for _ in range(2))
    np.testing.assert_array_equal(one.plays[0].questions[1].pictures, two.plays[0].questions[1].pictures)
    np.testing.assert_array_equal(one.frames, two.frames)


def test_worlds_that_no_picture_tells_apart_are_refused() -> None:
    alike = np.zeros((2, 1, 1, 8, 8, 3), np.uint8)
    with pytest.raises(StageError, match="differ in 0 pixels"):
        apart(alike, ("one", "other"))
    apart(alike, ("same:1", "same:2"))


def test_stages_need_discrete_actions_and_the_picture_alone() -> None:
    with pytest.raises(StageError, match="discrete"):
        STAGES["pairs"](VoxelEnv(action_space="multidiscrete"), SEED, 0)
