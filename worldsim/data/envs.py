"""A Gymnasium env as recordings and games need it: made by its id, its pictures, texts and events, and what it is.

An id may name the module that registers it, "module:id", as in `gym.make`; for well-known families that is not needed.
Among an env's keyword arguments, "wrappers" is ours: the wrappers to put around it, in turn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from inspect import signature
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import load_env_creator

from worldsim import __version__
from worldsim.actions import ActionSpec
from worldsim.data.episodes import DatasetInfo
from worldsim.data.frames import find_picture, render_picture

__all__ = [
    "RecordError",
    "describe_env",
    "drawn_at",
    "full_id",
    "is_voxel",
    "make_env",
    "open_env",
    "pictures_of",
    "read_events",
    "text_of",
]

FAMILIES = {  # how the ids of a family begin -> the module that registers them, and the package that brings it
    "ALE/": ("ale_py", "ale-py"),
    "MiniGrid-": ("minigrid", "minigrid"),
    "BabyAI-": ("minigrid", "minigrid"),
    "MiniWorld-": ("miniworld", "miniworld"),
    "Vizdoom": ("vizdoom.gymnasium_wrapper", "vizdoom"),
}
USUAL_FPS = 10.0  # of an env that does not say how fast it runs


class RecordError(ValueError):
    """An env or a policy that cannot be recorded; says what was expected and what came."""


def full_id(env_id: str, module: str = "") -> str:
    """The id with the module that registers it, "module:id", where one is given or the family is known."""
    if ":" in env_id:
        return env_id
    family = next((home for start, (home, _) in FAMILIES.items() if env_id.startswith(start)), "")
    module = module or ("" if env_id in gym.registry else family)
    return f"{module}:{env_id}" if module else env_id


def is_voxel(env_id: str) -> bool:
    """Whether an id is of the true voxel world, which has tasks, levels and scripted players."""
    name = env_id.rpartition(":")[2]
    return name.startswith("worldsim/") and not name.startswith("worldsim/Learned")


def make_env(env_id: str, env_kwargs: dict[str, Any], bare: bool = False) -> gym.Env[Any, Any]:
    """`gym.make` without its checker, inside the wrappers of `env_kwargs["wrappers"]`.

    Args:
        env_id: a Gymnasium id, or "module:id".
        env_kwargs: keyword arguments of the env. "wrappers" lists "module:Class", or ["module:Class", {arguments}].
        bare: without the layers of `gym.make`, such as the time limit; those of "wrappers" stay.

    Raises:
        RecordError: the env or a wrapper cannot be made.
    """
    env_id = full_id(env_id)
    own = {name: value for name, value in env_kwargs.items() if name != "wrappers"}
    try:
        env = gym.make(env_id, disable_env_checker=True, **own)
        env = env.unwrapped if bare else env
    except (gym.error.Error, ImportError, TypeError, ValueError) as error:
        family = env_id.rpartition(":")[2]
        package = next((name for start, (_, name) in FAMILIES.items() if family.startswith(start)), "")
        hint = f"; is it installed? pip install {package}" if package and isinstance(error, ImportError) else ""
        hint = "; the voxel world is worldsim/Voxel-v0" if "voxel" in env_id.lower() and "/" not in env_id else hint
        reason = " ".join(str(error).split())  # one line
        told = {name: value for name, value in own.items() if (name, value) != ("max_episode_steps", -1)}
        raise RecordError(f"cannot make the env {env_id!r} with {told}: {reason}{hint}") from error
    try:
        for wrapper in env_kwargs.get("wrappers", ()):
            env = _wrapped(env, wrapper)
    except BaseException:
        env.close()
        raise
    return env


def _wrapped(env: gym.Env[Any, Any], wrapper: Any) -> gym.Env[Any, Any]:
    """The env inside a wrapper: "module:Class", or ["module:Class", {arguments}]."""
    name, arguments = (wrapper, {}) if isinstance(wrapper, str) else (*wrapper, {})[:2]
    module, _, kind = str(name).partition(":")
    try:
        made = getattr(import_module(module), kind)(env, **arguments)
    except Exception as error:  # a wrapper may refuse an env with whatever it likes, AssertionError above all
        reason = f"{error or type(error).__name__}; expected 'module:Class' that wraps an env"
        raise RecordError(f"cannot put the wrapper {name!r} around {env}: {reason}") from error
    if not isinstance(made, gym.Env):
        raise RecordError(f"a wrapper must be 'module:Class' that makes an env of an env, got {name!r}")
    return made


def drawn_at(env_id: str, env_kwargs: dict[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    """The keyword arguments with which the env draws its pictures at (H, W); as given where it takes no such size.

    Raises:
        RecordError: there is no such env.
    """
    try:
        spec = gym.spec(full_id(env_id))
        entry = spec.entry_point
        creator = entry if callable(entry) else load_env_creator(str(entry))
    except (gym.error.Error, ImportError, AttributeError) as error:
        raise RecordError(f"cannot find the env {env_id!r}: {error}") from error
    taken = signature(creator).parameters.get("size")
    usual = None if taken is None else {"size": taken.default, **spec.kwargs, **env_kwargs}["size"]
    if not isinstance(usual, list | tuple) or len(usual) != 2:  # a MiniGrid's size is its number of cells
        return env_kwargs
    return {**env_kwargs, "size": list(size)}


def open_env(
    env_id: str, env_kwargs: dict[str, Any], image_key: str | None = None, bare: bool = False
) -> gym.Env[Any, Any]:
    """Make an env with pictures: where its observations hold none, with `render_mode="rgb_array"`.

    Args:
        env_id: see `make_env`.
        env_kwargs: see `make_env`.
        image_key: which entry of a Dict observation is the picture, or "render" for what `render()` shows.
        bare: see `make_env`.

    Raises:
        RecordError: it cannot be made, or has neither.
        FrameError: an observation whose picture cannot be told.
    """
    env = make_env(env_id, env_kwargs, bare)
    try:
        if find_picture(env.observation_space, image_key) is not None:
            return env
        if "rgb_array" not in env.metadata.get("render_modes", ()):
            raise RecordError(
                f"{env_id} has neither image observations ({env.observation_space}) nor render_mode='rgb_array'; "
                "wrap it so that it has one"
            )
    except BaseException:
        env.close()
        raise
    env.close()
    return make_env(env_id, {**env_kwargs, "render_mode": "rgb_array"}, bare)


def pictures_of(env: gym.Env[Any, Any], image_key: str | None = None) -> Callable[[Any], np.ndarray]:
    """The function observation → u8 (H, W, 3): its picture, or what the env's `render()` then shows."""
    return find_picture(env.observation_space, image_key) or (lambda _: render_picture(env))


def text_of(observation: Any) -> str:
    """What an observation says in words, such as a mission: itself, or its entries that are text, in turn."""
    if isinstance(observation, str):
        return observation
    parts = observation.values() if isinstance(observation, dict) else ()
    return ", ".join(text for text in map(text_of, parts) if text)


def describe_env(
    env: gym.Env[Any, Any],
    env_id: str,
    env_kwargs: dict[str, Any],
    size: tuple[int, int],
    shown: tuple[int, int] | None = None,
    image_key: str | None = None,
) -> DatasetInfo:
    """What episodes of an env have in common, in frames of `size` (H, W); `shown` is the size of its own pictures."""
    return DatasetInfo(
        env_id=full_id(env_id),
        env_kwargs=env_kwargs,
        fps=_fps(env.metadata.get("render_fps")),
        size=size,
        actions=ActionSpec.from_env(env),
        event_names=("reward", *getattr(env.unwrapped, "event_names", ())),
        creator=__version__,
        shown=None if shown == size else shown,
        image_key=image_key,
    )


def _fps(told: Any) -> float:
    """Frames per second as an env's metadata tells them; many tell none."""
    usable = isinstance(told, int | float | np.number) and math.isfinite(told) and told > 0
    return float(told) if usable else USUAL_FPS


def read_events(info: dict[str, Any], names: tuple[str, ...]) -> np.ndarray:
    """What the info of a step says about the events that an env names: f32 (E,), without the reward.

    Raises:
        RecordError: `info["events"]` is missing, or is not one number per name.
    """
    if not names:
        return np.zeros(0, np.float32)
    expected = f"an env with event_names {names} must give info['events'] of shape ({len(names)},) in every step"
    if "events" not in info:
        raise RecordError(f"{expected}, got an info with {sorted(map(str, info)) or 'nothing'}")
    try:
        events = np.asarray(info["events"], np.float32)
    except (TypeError, ValueError) as error:
        raise RecordError(f"{expected}, got {info['events']!r}") from error
    if events.shape != (len(names),):
        raise RecordError(f"{expected}, got {events.shape}")
    return events
