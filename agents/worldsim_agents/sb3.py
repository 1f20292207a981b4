"""`to_sb3`: any Gymnasium `VectorEnv` as the vector env that stable-baselines3 takes, one batch and no processes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.vec_env import VecEnv

__all__ = ["AdapterError", "SB3VecEnv", "to_sb3"]


class AdapterError(ValueError):
    """A vector env that stable-baselines3 cannot use as it is."""


class SB3VecEnv(VecEnv):
    """A Gymnasium vector env in stable-baselines3's terms.

    Where an episode ended, the observation is already the next episode's first; the last one of the old episode is
    `infos[row]["terminal_observation"]`, and `infos[row]["TimeLimit.truncated"]` says whether to bootstrap from it.
    What the resets said is in `reset_infos`. Any autoreset mode will do: where the batch does not reset in the step
    that ends an episode, this resets just those rows then, with Gymnasium's `reset_mask`.

    Args:
        envs: B envs in one batch.

    Raises:
        AdapterError: a batch that does not say how it resets.

    Example:
        envs = gym.make_vec("worldsim/Learned-ChopTree-v0", num_envs=8)
        PPO("CnnPolicy", to_sb3(envs)).learn(100_000)
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any]) -> None:
        mode = envs.metadata.get("autoreset_mode")
        try:
            self._mode = AutoresetMode(mode)
        except ValueError as error:
            modes = ", ".join(mode.name for mode in AutoresetMode)
            said = "metadata['autoreset_mode'] of the batch"
            raise AdapterError(f"{said} must be one of {modes}, got {mode!r}") from error
        self.envs = envs
        self._actions: np.ndarray | None = None
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)
        self.metadata = dict(envs.metadata)

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
        if dones.any():
            if self._mode is AutoresetMode.SAME_STEP:
                last, fresh = vector_infos["final_obs"], infos
                ended = self._split(vector_infos.get("final_info", {}))
            else:
                last, ended = _rows_of(observations, self.num_envs), infos
                observations, reset_infos = self.envs.reset(options={"reset_mask": dones.copy()})
                fresh = self._split(reset_infos)
            infos = list(infos)
            for row in np.flatnonzero(dones):
                self.reset_infos[row] = fresh[row]
                infos[row] = {**ended[row], "terminal_observation": last[row]}
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
            values = self._split(values) if isinstance(values, dict) else values  # Gymnasium stacks dicts key by key
            for row in np.flatnonzero(infos.get(f"_{key}", np.ones(self.num_envs, np.bool_))):
                rows[row][key] = values[row]
        return rows


def to_sb3(envs: VectorEnv[Any, Any, Any]) -> SB3VecEnv:
    """A Gymnasium vector env, of any autoreset mode, as stable-baselines3 takes it. Raises `AdapterError`."""
    return SB3VecEnv(envs)


def _rows_of(observations: Any, rows: int) -> list[Any]:
    """Each row's observation, in memory of its own, of a batch of arrays, dicts or tuples of them."""
    if isinstance(observations, dict):
        parts = {key: _rows_of(part, rows) for key, part in observations.items()}
        return [{key: part[row] for key, part in parts.items()} for row in range(rows)]
    if isinstance(observations, tuple):
        columns = [_rows_of(part, rows) for part in observations]
        return [tuple(column[row] for column in columns) for row in range(rows)]
    return [np.array(observations[row]) for row in range(rows)]
