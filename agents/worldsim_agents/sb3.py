"""`SB3VecEnv`: any Gymnasium `VectorEnv` as the vector env that stable-baselines3 takes, one batch and no processes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.vec_env import VecEnv

__all__ = ["AdapterError", "SB3VecEnv"]


class AdapterError(ValueError):
    """A vector env that stable-baselines3 cannot use as it is."""


class SB3VecEnv(VecEnv):
    """A Gymnasium vector env in stable-baselines3's terms.

    Where an episode ended, the observation is already the next episode's first; the last one of the old episode is
    `infos[row]["terminal_observation"]`, and `infos[row]["TimeLimit.truncated"]` says whether to bootstrap from it.

    Args:
        envs: B envs in one batch, which reset in the step that ends an episode.

    Raises:
        AdapterError: they reset otherwise.

    Example:
        envs = gym.make_vec("worldsim/Learned-v0", num_envs=8, autoreset_mode="SameStep")
        PPO("CnnPolicy", SB3VecEnv(envs)).learn(100_000)
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any]) -> None:
        mode = envs.metadata.get("autoreset_mode")
        if mode is not AutoresetMode.SAME_STEP:
            raise AdapterError(f"autoreset_mode must be SAME_STEP, got {mode}; make it with autoreset_mode='SameStep'")
        self.envs = envs
        self._actions: np.ndarray | None = None
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> Any:
        """Begin all episodes, with what was given to `seed()` and `set_options()`; returns the observations.

        Raises:
            AdapterError: options that differ from row to row.
        """
        seeds, options = list(self._seeds), self._options[0]
        if any(other is not options and (other or options) for other in self._options):
            raise AdapterError("options belong to the whole batch; give set_options one dict for all rows")
        seed = None if all(s is None for s in seeds) else seeds
        observations, infos = self.envs.reset(seed=seed, options=options or None)  # type: ignore
        self.reset_infos = self._split(infos)
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions: np.ndarray) -> None:
        """Take the actions of the next `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Observations, rewards f32 (B,), dones bool (B,) and one info per row."""
        observations, rewards, terminated, truncated, vector_infos = self.envs.step(self._actions)
        dones = terminated | truncated
        infos = self._split(vector_infos)
        last = self._split(vector_infos.get("final_info", {}))
        for row in np.flatnonzero(dones):
            self.reset_infos[row] = infos[row]
            infos[row] = {**last[row], "terminal_observation": vector_infos["final_obs"][row]}
        for row, info in enumerate(infos):
            info["TimeLimit.truncated"] = bool(truncated[row] and not terminated[row])
        return observations, rewards.astype(np.float32), dones, infos

    def close(self) -> None:
        """Close the batch."""
        self.envs.close()

    def get_images(self) -> Sequence[np.ndarray | None]:
        """The current frames, or None for each row of a batch without a render mode."""
        frames = self.envs.render()
        return [None] * self.num_envs if frames is None else list(frames)  # type: ignore

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The attribute of the batch, once per row asked for."""
        return [getattr(self.envs, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of the batch. Raises `AdapterError` for a part of the rows: they share one."""
        self._check_all(indices, attr_name)
        setattr(self.envs, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Call a method of the batch once; its result stands for each row. Raises `AdapterError` for a part of them."""
        self._check_all(indices, method_name)
        return [getattr(self.envs, method_name)(*args, **kwargs)] * self.num_envs

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Never: a batch has no wrappers around its rows."""
        return [False] * len(list(self._get_indices(indices)))

    def _check_all(self, indices: Any, name: str) -> None:
        rows: Iterable[int] = self._get_indices(indices)
        if len(list(rows)) != self.num_envs:
            raise AdapterError(f"{name} belongs to the whole batch of {self.num_envs} rows; leave indices out")

    def _split(self, infos: dict[str, Any]) -> list[dict[str, Any]]:
        """A vector info as one dict per row, with what its masks name."""
        rows: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for key, values in infos.items():
            if key.startswith("_") or key in ("final_obs", "final_info"):
                continue
            for row in np.flatnonzero(infos.get(f"_{key}", np.ones(self.num_envs, np.bool_))):
                rows[row][key] = values[row]
        return rows
