"""What stands between a world and a learner, in stable-baselines3's terms: shaping, latents, rows of two worlds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from worldsim.actions import ActionSpec
from worldsim.sampling.world import World
from worldsim_agents.rl.actions import Choices
from worldsim_agents.sb3 import AdapterError
from worldsim_envs.learned.vector import LATENT_LIMIT

__all__ = ["Chosen", "Joined", "Latents", "Shaped", "happened"]


def happened(info: Mapping[str, Any]) -> np.ndarray:
    """Which events a step's info tells of, bool (E,): what a learned world decided, or what the true one counted."""
    return np.asarray(info["happened"] if "happened" in info else info["events"]) > 0


class Shaped(VecEnvWrapper):
    """Pays for events on the way, each a few times in an episode; `infos[row]["task_reward"]` is what the task paid.

    Args:
        envs: whose infos hold events.
        event_names: E names.
        bonus: what an event pays.
        most: how often in an episode.

    Raises:
        AdapterError: an event that is not among the names.
    """

    def __init__(self, envs: VecEnv, event_names: Sequence[str], bonus: Mapping[str, float], most: int) -> None:
        super().__init__(envs)
        if unknown := sorted(set(bonus) - set(event_names)):
            raise AdapterError(f"shaping pays for events that this world does not have: {', '.join(unknown)}")
        self._columns = np.array([list(event_names).index(name) for name in bonus], np.int64)
        self._bonus, self._most = np.array(list(bonus.values()), np.float64), most
        self._paid = np.zeros((self.num_envs, len(bonus)), np.int64)

    def reset(self) -> Any:
        self._paid[:] = 0
        return self.venv.reset()

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        observations, rewards, dones, infos = self.venv.step_wait()
        rewards = np.array(rewards, np.float64)
        for row, info in enumerate(infos):
            info["task_reward"] = float(rewards[row])
            pays = happened(info)[self._columns] & (self._paid[row] < self._most)
            self._paid[row] += pays
            rewards[row] += float(self._bonus @ pays)
        self._paid[dones] = 0
        return observations, rewards.astype(np.float32), dones, infos


class Latents(VecEnvWrapper):
    """Shows the frames of a true world as the latents f32 (C, h, w) that a learned world with obs="latent" shows."""

    def __init__(self, envs: VecEnv, world: World) -> None:
        shape = tuple(world.cache.last.shape[1:])
        super().__init__(envs, observation_space=spaces.Box(-LATENT_LIMIT, LATENT_LIMIT, shape, np.float32))
        self._world = world

    def reset(self) -> np.ndarray:
        return self._seen(np.asarray(self.venv.reset()))

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        observations, rewards, dones, infos = self.venv.step_wait()
        for row in np.flatnonzero(dones).tolist():
            last = np.asarray(infos[row]["terminal_observation"])
            infos[row]["terminal_observation"] = self._seen(last[None])[0]
        return self._seen(np.asarray(observations)), rewards, dones, infos

    def _seen(self, frames: np.ndarray) -> np.ndarray:
        return np.clip(self._world.latents(frames), -LATENT_LIMIT, LATENT_LIMIT)


class Chosen(VecEnvWrapper):
    """Takes actions as learners choose them: numbered from 0, or in [-1, 1]; see `actions.Choices`.

    Raises:
        AdapterError: actions in several parts, of which learners have no policy.
    """

    def __init__(self, envs: VecEnv) -> None:
        self._choices = Choices(ActionSpec.from_space(envs.action_space))
        super().__init__(envs, action_space=self._choices.space)

    def step_async(self, actions: np.ndarray) -> None:
        self.venv.step_async(self._choices.actions(actions))

    def reset(self) -> Any:
        return self.venv.reset()

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        return self.venv.step_wait()


class Joined(VecEnv):
    """Rows of two worlds as one batch, those of the first before those of the second.

    Raises:
        AdapterError: their spaces differ.
    """

    def __init__(self, first: VecEnv, second: VecEnv) -> None:
        for name in ("observation_space", "action_space"):
            one, other = getattr(first, name), getattr(second, name)
            if one != other:
                raise AdapterError(f"worlds to join must have one {name}, got {one} and {other}")
        self.parts = (first, second)
        super().__init__(first.num_envs + second.num_envs, first.observation_space, first.action_space)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        rows = self.parts[0].num_envs
        return [*self.parts[0].seed(seed), *self.parts[1].seed(None if seed is None else seed + rows)]

    def reset(self) -> np.ndarray:
        found = [np.asarray(part.reset()) for part in self.parts]
        self.reset_infos = [info for part in self.parts for info in part.reset_infos]
        return np.concatenate(found)

    def step_async(self, actions: np.ndarray) -> None:
        rows = self.parts[0].num_envs
        self.parts[0].step_async(actions[:rows])
        self.parts[1].step_async(actions[rows:])

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        one, other = (part.step_wait() for part in self.parts)
        self.reset_infos = [info for part in self.parts for info in part.reset_infos]
        joined = [np.concatenate([np.asarray(one[i]), np.asarray(other[i])]) for i in range(3)]
        return joined[0], joined[1], joined[2], [*one[3], *other[3]]

    def close(self) -> None:
        for part in self.parts:
            part.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        found = [value for part in self.parts for value in part.get_attr(attr_name)]
        return [found[row] for row in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        for part in self.parts:
            part.set_attr(attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        return [value for part in self.parts for value in part.env_method(method_name, *args, **kwargs)]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * len(list(self._get_indices(indices)))
