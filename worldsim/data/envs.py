"""A Gymnasium env as recordings and games need it: made by its id, its pictures, its events, what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import load_env_creator

from worldsim import __version__
from worldsim.actions import ActionSpec
from worldsim.data.episodes import DatasetInfo
from worldsim.data.frames import find_picture, render_picture

__all__ = ["RecordError", "describe_env", "make_env", "open_env", "pictures_of", "read_events", "takes"]


class RecordError(ValueError):
    """An env or a policy that cannot be recorded; says what was expected and what came."""


def make_env(env_id: str, env_kwargs: dict[str, Any]) -> gym.Env[Any, Any]:
    """`gym.make` without its checker. Raises `RecordError` when the env cannot be made."""
    try:
        return gym.make(env_id, disable_env_checker=True, **env_kwargs)
    except (gym.error.Error, ImportError, TypeError, ValueError) as error:
        raise RecordError(f"cannot make the env {env_id!r} with {env_kwargs}: {error}") from error


def takes(env_id: str, keyword: str) -> bool:
    """Whether the env's constructor has this keyword. Raises `RecordError` when there is no such env."""
    try:
        creator = load_env_creator(gym.spec(env_id).entry_point)  # pyright: ignore[reportArgumentType]
    except (gym.error.Error, ImportError, AttributeError) as error:
        raise RecordError(f"cannot find the env {env_id!r}: {error}") from error
    return keyword in signature(creator).parameters


def open_env(env_id: str, env_kwargs: dict[str, Any], image_key: str | None = None) -> gym.Env[Any, Any]:
    """Make an env with pictures: where its observations hold none, with `render_mode="rgb_array"`.

    Raises:
        RecordError: it cannot be made, or has neither.
        FrameError: an observation whose picture cannot be told.
    """
    env = make_env(env_id, env_kwargs)
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
    return make_env(env_id, {**env_kwargs, "render_mode": "rgb_array"})


def pictures_of(env: gym.Env[Any, Any], image_key: str | None = None) -> Callable[[Any], np.ndarray]:
    """The function observation → u8 (H, W, 3): its picture, or what the env's `render()` then shows."""
    return find_picture(env.observation_space, image_key) or (lambda _: render_picture(env))


def describe_env(env: gym.Env[Any, Any], env_id: str, env_kwargs: dict[str, Any], size: tuple[int, int]) -> DatasetInfo:
    """What episodes of an env have in common, in frames of this size (H, W)."""
    return DatasetInfo(
        env_id=env_id,
        env_kwargs=env_kwargs,
        fps=float(env.metadata.get("render_fps") or 10.0),
        size=size,
        actions=ActionSpec.from_env(env),
        event_names=("reward", *getattr(env.unwrapped, "event_names", ())),
        creator=__version__,
    )


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
