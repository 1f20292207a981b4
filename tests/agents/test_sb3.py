"""The vector env in stable-baselines3's terms, against its own wrapper of single envs."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from fakes import CounterWorld
from tiny import save_tiny_checkpoint
from worldsim_agents.sb3 import AdapterError, SB3VecEnv
from worldsim_envs.learned import LearnedEnv, LearnedVectorEnv

ENDS = {"end_at": 104, "starts": 4}  # an episode lasts one to four steps, by its start
LIMIT = 3


def batch(**kwargs) -> SB3VecEnv:
    world = CounterWorld(3, **ENDS)
    return SB3VecEnv(LearnedVectorEnv(3, world, autoreset_mode="SameStep", max_episode_steps=LIMIT, **kwargs))


def single() -> gym.Env:
    return gym.wrappers.TimeLimit(LearnedEnv(CounterWorld(1, **ENDS)), LIMIT)


def test_it_does_what_stable_baselines3s_own_does_with_single_envs() -> None:
    mine, theirs = batch(), DummyVecEnv([single] * 3)
    mine.seed(3)
    theirs.seed(3)
    assert np.array_equal(mine.reset(), theirs.reset())
    for actions in np.random.default_rng(0).integers(0, 3, (12, 3)):
        left, right = mine.step(actions), theirs.step(actions)
        for a, b in zip(left[:3], right[:3], strict=True):
            assert a.dtype == b.dtype and np.array_equal(a, b)
        for a, b in zip(left[3], right[3], strict=True):
            assert set(a) == set(b)
            assert all(np.allclose(a[key], b[key]) for key in a)
        for a, b in zip(mine.reset_infos, theirs.reset_infos, strict=True):
            assert set(a) == set(b)


def test_the_batch_is_asked_as_a_whole() -> None:
    envs = batch(render_mode="rgb_array", prompt="begun from noise, far from any end")
    envs.reset()
    assert envs.get_attr("fps") == [10.0] * 3 and envs.get_attr("fps", [0]) == [10.0]
    envs.env_method("set_prompt", "lake")
    assert envs.step(np.zeros(3, int))[0][:, 0, 2, 0].tolist() == [4] * 3
    envs.set_attr("threshold", 0.05)
    assert envs.step(np.zeros(3, int))[2].all()
    assert len(envs.get_images()) == 3 and not any(envs.env_is_wrapped(VecMonitor))
    with pytest.raises(AdapterError, match="whole batch of 3 rows"):
        envs.set_attr("threshold", 1.0, indices=[0])
    envs.close()


def test_options_reach_the_whole_batch_at_the_next_reset_and_no_other() -> None:
    envs = batch()
    envs.set_options({"prompt": ["a", "bb", "ccc"]})
    envs.reset()
    assert envs.step(np.zeros(3, int))[0][:, 0, 2, 0].tolist() == [1, 2, 3]
    envs.reset()
    assert envs.step(np.zeros(3, int))[0][:, 0, 2, 0].tolist() == [0, 0, 0]
    for options in ([{}, {"prompt": "a"}, {}], [{"prompt": "a"}, {}, {}]):
        envs.set_options(options)
        with pytest.raises(AdapterError, match="one dict for all rows"):
            envs.reset()


def test_an_env_that_resets_in_the_next_step_is_refused() -> None:
    with pytest.raises(AdapterError, match="SameStep"):
        SB3VecEnv(LearnedVectorEnv(2, CounterWorld(2)))


def test_ppo_learns_in_the_voxel_world() -> None:
    from stable_baselines3 import PPO

    envs = gym.make_vec(
        "worldsim/ChopTreeDense-v0", 2, autoreset_mode="SameStep", size=(36, 36), world_size=(64, 64, 64)
    )
    model = PPO("CnnPolicy", VecMonitor(SB3VecEnv(envs)), n_steps=4, batch_size=8, n_epochs=1, seed=0, device="cpu")
    assert model.learn(16).num_timesteps == 16
    envs.close()


def test_ppo_takes_the_single_env_by_its_id_unchanged() -> None:
    from stable_baselines3 import PPO

    kwargs = {"size": (36, 36), "world_size": (64, 64, 64)}
    envs = make_vec_env("worldsim/ChopTree-v0", n_envs=2, seed=0, env_kwargs=kwargs)
    model = PPO("CnnPolicy", envs, n_steps=4, batch_size=8, n_epochs=1, seed=0, device="cpu")
    before = model.policy.action_net.weight.detach().clone()
    assert model.learn(16).num_timesteps == 16 and not (model.policy.action_net.weight == before).all()
    assert envs.action_space.contains(model.predict(envs.reset())[0][0])
    envs.close()


def test_ppo_learns_in_a_learned_world(tmp_path: Path) -> None:
    from stable_baselines3 import PPO

    checkpoint = str(save_tiny_checkpoint(tmp_path / "tiny"))
    envs = gym.make_vec("worldsim/Learned-v0", num_envs=2, checkpoint=checkpoint, autoreset_mode="SameStep")
    model = PPO("CnnPolicy", VecMonitor(SB3VecEnv(envs)), n_steps=4, batch_size=8, n_epochs=1, seed=0, device="cpu")
    before = model.policy.action_net.weight.detach().clone()
    model.learn(16)
    assert model.num_timesteps == 16 and not (model.policy.action_net.weight == before).all()
