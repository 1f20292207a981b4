"""Both worlds as one kind of game, stepped with action vectors: `TrueGame` is a Gymnasium env, `LearnedGame` a World.

A game knows nothing of keys, windows or files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import gymnasium as gym
import numpy as np

from worldsim import __version__
from worldsim.data.envs import RecordError, describe_env, open_env, pictures_of, read_events
from worldsim.data.episodes import DatasetInfo
from worldsim.data.frames import FrameError
from worldsim.data.truth import Pictured, env_of
from worldsim.model.calibration import end_threshold
from worldsim.model.card import WorldCard
from worldsim.model.prompts import left_out
from worldsim.play.controls import Controls
from worldsim.sampling.world import Step, World

__all__ = ["Game", "LearnedGame", "PlayError", "Shown", "TrueGame"]


OPENING = 8  # true frames that an episode begins with where there are no stored starts


class PlayError(ValueError):
    """Something that a player asked for and that this world, or this machine, cannot do."""


@dataclass(frozen=True)
class Shown:
    """What a step shows: frame u8 (H, W, 3), events f32 (E,) with the reward first, and whether the episode ended."""

    frame: np.ndarray
    events: np.ndarray
    terminated: bool = False
    truncated: bool = False


class Game(Protocol):
    """A world to play in. `info` says what its frames, actions and events are."""

    info: DatasetInfo

    def reset(self, seed: int, prompt: str = "") -> Shown:
        """Begin anew."""
        ...

    def step(self, vector: np.ndarray) -> Shown:
        """One frame on under an action vector f32 (A,)."""
        ...

    def set_prompt(self, text: str) -> str:
        """Steer with text from the next frame on.

        Returns:
            What of it the world leaves out, in words; "" for nothing.

        Raises:
            ValueError: it cannot be steered with this.
        """
        ...

    def close(self) -> None:
        """Give back what the world holds; it cannot be played in any more."""
        ...


class TrueGame:
    """A Gymnasium env: the voxel world through keys and camera, any other through the action nearest to the vector."""

    def __init__(self, env: Pictured, info: DatasetInfo, act: Callable[[np.ndarray], Any]) -> None:
        self.info = info
        self._env = env
        self._act = act

    @classmethod
    def open(
        cls, env_id: str, env_kwargs: dict[str, Any], image_key: str | None = None,
        size: tuple[int, int] | None = None,
    ) -> TrueGame:  # fmt: skip
        """Make the env.

        Args:
            env_id, env_kwargs, image_key: as in `worldsim.data.envs.open_env`.
            size: (H, W) to bring its pictures to; None leaves them as they are.

        Raises:
            PlayError: the env cannot be made, or shows no pictures.
        """
        try:
            return cls._open(env_id, env_kwargs, image_key, size)
        except (RecordError, FrameError) as error:
            raise PlayError(str(error)) from error

    @classmethod
    def from_card(cls, card: WorldCard) -> TrueGame:
        """The true env that a checkpoint was learned from, in frames of its size.

        Raises:
            PlayError: the env cannot be made here, or there is none: the data was imported.
        """
        try:
            return cls._open(*env_of(card), card.size)
        except (RecordError, FrameError) as error:
            raise PlayError(str(error)) from error

    @classmethod
    def _open(
        cls, env_id: str, env_kwargs: dict[str, Any], image_key: str | None, size: tuple[int, int] | None
    ) -> TrueGame:
        env = open_env(env_id, env_kwargs, image_key)
        try:
            info = describe_env(env, env_id, env_kwargs, size=(0, 0), image_key=image_key)
            names, act = info.actions.names, info.actions.decode
            if "cameraX" in names and hasattr(env.unwrapped, "action_vector") and "action_space" not in env_kwargs:
                env.close()
                env = open_env(env_id, {**env_kwargs, "action_space": "dict"}, image_key)
                act = _keys_and_camera(env, names)
            height, width, _ = pictures_of(env, image_key)(env.reset(seed=0)[0]).shape
        except BaseException:
            env.close()
            raise
        shown = (height, width)
        info = replace(info, size=size or shown, shown=None if size in (None, shown) else shown)
        return cls(Pictured(env, info.size, image_key), info, act)

    def reset(self, seed: int, prompt: str = "") -> Shown:
        """Begin in the world of this seed; the true world knows no prompts."""
        frame, _ = self._env.reset(seed=seed)
        return Shown(frame, np.zeros(len(self.info.event_names), np.float32))

    def step(self, vector: np.ndarray) -> Shown:
        """One env step under an action vector f32 (A,). Raises `PlayError` when its named events are missing."""
        frame, reward, terminated, truncated, info = self._env.step(self._act(vector))
        events = np.zeros(len(self.info.event_names), np.float32)
        events[0] = reward
        try:
            events[1:] = read_events(info, self.info.event_names[1:])
        except RecordError as error:
            raise PlayError(str(error)) from error
        return Shown(frame, events, terminated, truncated)

    def set_prompt(self, text: str) -> str:
        """Raises `PlayError`: only the learned world reads."""
        raise PlayError("the true world takes no prompts; switch to the learned one with Tab")

    def close(self) -> None:
        """Close the env."""
        self._env.close()


class LearnedGame:
    """A World of one row.

    Args:
        world: where to play.
        opening: makes a true game of frames of the same size, in which episodes without a prompt begin where the world
            has no stored starts; without it they begin from noise.
    """

    def __init__(self, world: World, opening: Callable[[], Game] | None = None) -> None:
        if world.rows != 1:
            raise PlayError(f"a game needs a World of one row, got {world.rows}")
        card = world.card
        kwargs = {"checkpoint": card.name, "size": list(card.size)}
        self.info = DatasetInfo(
            "worldsim/Learned-v0", kwargs, card.fps, card.size, card.action_spec, card.event_names, __version__,
            card.shown,
        )  # fmt: skip
        self._world = world
        self._over = end_threshold(world.calibration)  # as in the learned env
        self._opening = opening
        self._true: Game | None = None

    @property
    def window(self) -> int:
        """How many frames of the past the world can use."""
        return self._world.card.window

    def reset(self, seed: int, prompt: str = "") -> Shown:
        """Begin from a stored start that the seed draws, or in the true world of that seed; under a prompt from noise.

        Raises:
            PlayError: the true world cannot be made.
        """
        stored = self._world.starts
        if prompt or (stored is None and self._opening is None):
            return self._shown(self._world.reset(None, None, [prompt], [seed]))
        if stored is None:
            return self.go_on(*self._opened(seed), seed)
        row = int(np.random.default_rng(seed).integers(stored.rows))
        return self.go_on(stored.frames[row], stored.actions[row], seed)

    def go_on(self, frames: np.ndarray, vectors: np.ndarray, seed: int, prompt: str = "") -> Shown:
        """Go on from what another world showed: frames u8 (T, H, W, 3), vectors f32 (T, A)."""
        return self._shown(self._world.reset(frames[None], vectors[None], [prompt], [seed]))

    def step(self, vector: np.ndarray) -> Shown:
        """Imagine one frame under an action vector f32 (A,)."""
        return self._shown(self._world.imagine(vector[None]))

    def dream(self) -> tuple[Shown, np.ndarray]:
        """Imagine one frame that nobody acts in but the world, and the action vector f32 (A,) that it imagined."""
        step = self._world.imagine(None)
        return self._shown(step), step.actions[0]

    def set_prompt(self, text: str) -> str:
        """Steer with text from the next frame on; returns which of its words the model does not know.

        Raises:
            PromptError: it is too long for the model.
        """
        self._world.set_prompt(text)
        return left_out(text, self._world.vocabulary)

    def close(self) -> None:
        """Close the true game that episodes begin in; the World is its maker's."""
        if self._true is not None:
            self._true.close()
        self._true = None

    def _opened(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """What the true world of a seed shows while nobody acts: frames u8 (T, H, W, 3), vectors f32 (T, A)."""
        if self._true is None:
            assert self._opening is not None
            self._true = self._opening()
        still = Controls(self.info.actions).vector(())
        frames = [self._true.reset(seed).frame]
        while len(frames) < min(OPENING, self.window):
            shown = self._true.step(still)
            if shown.terminated or shown.truncated:
                break
            frames.append(shown.frame)
        return np.stack(frames), np.stack([np.zeros_like(still), *[still] * (len(frames) - 1)])

    def _shown(self, step: Step) -> Shown:
        return Shown(step.frames[0], step.events[0], bool(step.ended[0] >= self._over))


def _keys_and_camera(env: gym.Env[Any, Any], names: tuple[str, ...]) -> Callable[[np.ndarray], dict[str, Any]]:
    """How a vector reads as an action of a Dict space with one key per field, and a camera (pitch, yaw) in degrees."""
    space = env.action_space
    assert isinstance(space, gym.spaces.Dict)
    across, down = names.index("cameraX"), names.index("cameraY")
    still = {name: np.int64(0) for name in names if not name.startswith("camera")}
    one = {**still, "camera": np.ones(2, np.float32)}
    encoded = env.unwrapped.action_vector(one)  # type: ignore[attr-defined]
    degrees = 1.0 / np.array([encoded[down], encoded[across]])  # of a full field, as the env itself scales it

    def act(vector: np.ndarray) -> dict[str, Any]:
        keys = {name: np.int64(vector[i] > 0.5) for i, name in enumerate(names) if name in still}
        return {**keys, "camera": (vector[[down, across]] * degrees).astype(np.float32)}

    return act
