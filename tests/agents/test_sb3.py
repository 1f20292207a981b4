"""The vector env in stable-baselines3's terms, against its own wrapper of single envs."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from fakes import CounterWorld
from tiny import save_tiny_checkpoint
from worldsim_agents import to_sb3
from worldsim_agents.sb3 import AdapterError, SB3VecEnv
from worldsim_envs.learned import LearnedEnv, LearnedVectorEnv

ENDS = {"end_at": 104, "starts": 4}  # an episode lasts one to four steps, by its start
LIMIT = 3


def batch(mode: AutoresetMode = AutoresetMode.SAME_STEP, **kwargs) -> SB3VecEnv:
    world = CounterWorld(3, **ENDS)
    return to_sb3(LearnedVectorEnv(3, world, autoreset_mode=mode, max_episode_steps=LIMIT, **kwargs))


def single() -> gym.Env:
    return gym.wrappers.TimeLimit(LearnedEnv(CounterWorld(1, **ENDS)), LIMIT)


@pytest.mark.parametrize("mode", AutoresetMode)
def test_it_does_what_stable_baselines3s_own_does_with_single_envs(mode: AutoresetMode) -> None:
    mine, theirs = batch(mode), DummyVecEnv([single] * 3)
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


class Walk(gym.Env):
    """Its observation counts steps from ten times its seed on; at the third it dies, or is cut off if that is even."""

    observation_space, action_space = gym.spaces.Box(0, 99, (1,), np.float32), gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.first = 10 * (seed if seed is not None else self.first // 10 + 2)
        self.count = self.first
        return self._seen(), {"first": self.first}

    def step(self, action):
        self.count += 1
        over = self.count == self.first + 3
        odd = self.first // 10 % 2 == 1
        return self._seen(), float(action), over and odd, over and not odd, {"count": self.count}

    def _seen(self):
        return np.array([self.count], np.float32)


@pytest.mark.parametrize("mode", AutoresetMode)
def test_the_last_frame_the_reason_and_the_next_reset_are_each_where_they_belong(mode: AutoresetMode) -> None:
    envs = to_sb3(gym.vector.SyncVectorEnv([Walk, Walk], autoreset_mode=mode))
    envs.seed(1)  # rows get 1 and 2: the first dies, the second is cut off
    assert envs.reset().tolist() == [[10], [20]] and [info["first"] for info in envs.reset_infos] == [10, 20]
    for step in (1, 2):
        seen, rewards, dones, infos = envs.step(np.array([0, 1]))
        assert seen.tolist() == [[10 + step], [20 + step]] and rewards.tolist() == [0, 1] and not dones.any()
        assert [info["count"] for info in infos] == [10 + step, 20 + step]
    seen, rewards, dones, infos = envs.step(np.array([1, 0]))
    assert dones.all() and rewards.tolist() == [1, 0]
    assert seen.tolist() == [[30], [40]], "the observation is the next episode's first"
    assert [info["terminal_observation"].tolist() for info in infos] == [[13], [23]]
    assert [info["TimeLimit.truncated"] for info in infos] == [False, True]
    assert [info["count"] for info in infos] == [13, 23] and [info["first"] for info in envs.reset_infos] == [30, 40]
    seen, _, dones, _ = envs.step(np.array([0, 0]))
    assert seen.tolist() == [[31], [41]] and not dones.any(), "no step is lost between two episodes"


@pytest.mark.parametrize("mode", AutoresetMode)
def test_infos_within_infos_reach_the_rows_that_they_speak_of(mode: AutoresetMode) -> None:
    class Telling(Walk):
        """The second row alone tells more of a step, in an info of infos."""

        def step(self, action):
            *rest, info = super().step(action)
            if self.first == 20:
                info |= {"place": {"x": self.count, "below": {"y": -self.count}}}
            return *rest, info

    envs = to_sb3(gym.vector.SyncVectorEnv([Telling, Telling], autoreset_mode=mode))
    envs.seed(1)
    envs.reset()
    for count in (21, 22, 23):
        _, _, dones, infos = envs.step(np.array([0, 0]))
        assert infos[1]["place"] == {"x": count, "below": {"y": -count}} and "place" not in infos[0]
    assert dones.all() and all("place" not in info for info in envs.reset_infos)


def test_a_batch_that_does_not_say_how_it_resets_is_refused() -> None:
    envs = LearnedVectorEnv(2, CounterWorld(2))
    envs.metadata = {}
    with pytest.raises(AdapterError, match="must be one of NEXT_STEP"):
        to_sb3(envs)


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
