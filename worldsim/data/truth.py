"""The true world behind a checkpoint: the env that its card names, shown as the learned world shows itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from worldsim.data.envs import RecordError, open_env, pictures_of
from worldsim.data.frames import resize
from worldsim.model.card import WorldCard, read_card
from worldsim.model.checkpoint import find

__all__ = ["Pictured", "env_of", "shown_env", "true_env"]


class Pictured(gym.ObservationWrapper[np.ndarray, Any, Any]):
    """An env whose observations are its pictures, u8 (H, W, 3), brought to one size.

    Args:
        env: with pictures, as `open_env` makes them.
        size: (H, W).
        image_key: as in `open_env`.
    """

    def __init__(self, env: gym.Env[Any, Any], size: tuple[int, int], image_key: str | None = None) -> None:
        super().__init__(env)
        self.observation_space = spaces.Box(0, 255, (*size, 3), np.uint8)
        self.picture, self._size = pictures_of(env, image_key), size

    def observation(self, observation: Any) -> np.ndarray:
        return resize(self.picture(observation), self._size)


def env_of(card: WorldCard) -> tuple[str, dict[str, Any], str | None]:
    """Id, keyword arguments and image key of the env that a card names, as `open_env` takes them.

    Raises:
        RecordError: it names none.
    """
    if not card.env["id"]:
        raise RecordError(
            f"checkpoint {card.name!r} was learned from imported data: it names no env, so it has no true world"
        )
    return card.env["id"], dict(card.env["kwargs"]), card.env.get("image_key")


def shown_env(card: WorldCard, env_id: str, env_kwargs: Mapping[str, Any]) -> gym.Env[np.ndarray, Any]:
    """An env with the frames and the actions of a learned world.

    Raises:
        RecordError, FrameError: it cannot be made, has no pictures, or takes other actions.
    """
    image_key = card.env.get("image_key")
    env = open_env(env_id, dict(env_kwargs), image_key)
    if env.action_space != card.action_spec.space:
        env.close()
        raise RecordError(
            f"{env_id} must take the actions that checkpoint {card.name!r} was learned with, {card.action_spec.space}, "
            f"got {env.action_space}; is it the version that was recorded?"
        )
    return Pictured(env, card.size, image_key)


def true_env(
    checkpoint: str | Path | WorldCard = "overworld-small", env_kwargs: Mapping[str, Any] | None = None
) -> gym.Env[np.ndarray, Any]:
    """The env that a checkpoint was learned from, in its wrappers and under its time limit, shown as the learned world.

    Observations are pictures u8 (H, W, 3) of the checkpoint's size, actions those of the env: an agent of one world
    plays in the other.

    Args:
        checkpoint: name of a shipped checkpoint, a folder, or a card.
        env_kwargs: keyword arguments of the env, over those of the recording.

    Raises:
        CheckpointError: no such checkpoint.
        RecordError, FrameError: it names no env, its package is not installed, or the env is another by now.
    """
    card = read_card(find(checkpoint)) if isinstance(checkpoint, str | Path) else checkpoint
    env_id, kwargs, _ = env_of(card)
    return shown_env(card, env_id, {**kwargs, **(env_kwargs or {})})
