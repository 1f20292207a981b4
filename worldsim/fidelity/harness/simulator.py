"""`Simulator`: any Gymnasium env as a study plays it, from its own resets or from a given past.

It takes the reference's actions, through a map where the spaces differ, and gives frames of the reference's size. An
episode that ends stands still from there on, since nothing more can be asked of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from worldsim.data.envs import open_env, pictures_of
from worldsim.data.frames import resize
from worldsim.fidelity.harness.scenes import Scene
from worldsim.fidelity.heldout import FidelityError

__all__ = ["ActionMap", "FrameMap", "Make", "Played", "Simulator", "meanings", "open_simulator"]

Make = str | Callable[[], gym.Env[Any, Any]]
ActionMap = Mapping[Any, Any] | Callable[[Any], Any]
FrameMap = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Played:
    """What K steps brought.

    Attributes:
        first: u8 (H, W, 3), the frame before them.
        frames: u8 (K, H, W, 3).
        rewards: f64 (K,).
        events: f64 (K, E), by the names of the simulator's `event_names`.
        steps: how many of them were played before the episode ended.
    """

    first: np.ndarray
    frames: np.ndarray
    rewards: np.ndarray
    events: np.ndarray
    steps: int


class Simulator:
    """An open env, and what has to be done to play it as the reference is played.

    Args:
        env: whose observations are pictures, or that renders them.
        name: for the report.
        actions: from the reference's actions to the env's; None where they are the same.
        frames: from the env's frames to the reference's.
        kwargs: what it was made with, for the report.
    """

    def __init__(self, env: gym.Env[Any, Any], name: str, actions: ActionMap | None = None,
                 frames: FrameMap | None = None, kwargs: dict[str, Any] | None = None) -> None:  # fmt: skip
        self.env, self.name, self.kwargs = env, name, dict(kwargs or {})
        self.size: tuple[int, int] | None = None  # (H, W) to bring frames to
        self.fingerprint = str(getattr(env.unwrapped, "fingerprint", ""))  # others never share a run
        self._actions, self._frames = actions, frames
        self._picture = pictures_of(env)
        self.event_names: tuple[str, ...] = tuple(getattr(env.unwrapped, "event_names", ()))
        self.starts = ""  # how a given past is taken: "frames", "state" or not at all
        self.opened = False

    def action(self, action: Any) -> Any:
        """The env's action for one of the reference's."""
        if self._actions is None:
            return action
        return self._actions(action) if callable(self._actions) else self._actions[action]

    def frame(self, observation: Any) -> np.ndarray:
        """The picture u8 (H, W, 3) of an observation, as the reference would show it."""
        picture = self._picture(observation)
        picture = picture if self._frames is None else self._frames(picture)
        return picture if self.size is None else resize(picture, self.size)

    def alone(self, seed: int, actions: Sequence[Any]) -> Played:
        """Play actions of the env itself from its own reset."""
        observation, _ = self.env.reset(seed=seed)
        self.opened = True
        return self._go(self.frame(observation), actions)

    def play(self, scene: Scene, actions: Sequence[Any], seed: int, start: Any = None) -> Played:
        """Play the reference's actions from a scene's past."""
        first = self.begin(scene, seed, start=start)
        return self._go(first, [self.action(action) for action in actions])

    def begin(self, scene: Scene, seed: int, prompt: str = "", start: Any = None) -> np.ndarray:
        """Take a scene's past. Returns the frame shown.

        Args:
            scene: whose past.
            seed: of whatever chance comes after it.
            prompt: under which it is taken.
            start: the true state after the past, the scene's by default, for whoever starts from states.

        Raises:
            FidelityError: no past is taken.
        """
        if self.starts == "state":
            if not self.opened:
                self.env.reset(seed=0)
                self.opened = True
            return self.frame(self.env.get_wrapper_attr("restore_state")(scene.start if start is None else start))
        if self.starts != "frames":
            raise FidelityError(f"{self.name} cannot start from given frames (level B)")
        options: dict[str, Any] = {
            "frames": np.asarray(scene.frames),
            "actions": np.array([self.action(action) for action in scene.actions]),
        }
        observation, _ = self.env.reset(seed=seed, options={**options, **({"prompt": prompt} if prompt else {})})
        self.opened = True
        return self.frame(observation)

    def _go(self, first: np.ndarray, actions: Sequence[Any]) -> Played:
        count = len(actions)
        frames = np.empty((count, *first.shape), np.uint8)
        rewards, events = np.zeros(count), np.zeros((count, len(self.event_names)))
        shown, steps = first, count
        for step, action in enumerate(actions):
            observation, reward, terminated, _, info = self.env.step(action)
            shown = self.frame(observation)
            frames[step], rewards[step] = shown, float(reward)
            told = info.get("events")
            if told is not None and np.shape(told) == (len(self.event_names),):
                events[step] = np.asarray(told, np.float64)
            if terminated:
                frames[step + 1 :], steps = shown, step + 1
                break
        return Played(first, frames, rewards, events, steps)

    def round_trip(self, frames: np.ndarray) -> np.ndarray:
        """What the simulator can show at best of frames u8 (F, H, W, 3): through its own compression and back."""
        through = getattr(self.env.unwrapped, "round_trip", None)
        return frames if through is None else resize(through(frames), frames.shape[1:3])

    def close(self) -> None:
        """Close the env."""
        self.env.close()


def open_simulator(make: Make, kwargs: dict[str, Any] | None = None, actions: ActionMap | None = None,
                   frames: FrameMap | None = None) -> Simulator:  # fmt: skip
    """Open an env by its Gymnasium id, or by a function that makes it. Raises `RecordError`."""
    if isinstance(make, str):
        env = open_env(make, {"max_episode_steps": -1, **(kwargs or {})})
        return Simulator(env, make, actions, frames, kwargs)
    return Simulator(make(), getattr(make, "__qualname__", type(make).__name__), actions, frames)


def meanings(env: gym.Env[Any, Any]) -> tuple[str, ...]:
    """What the actions of a Discrete env are called, () where it does not say."""
    tell = getattr(env.unwrapped, "get_action_meanings", None)
    return tuple(map(str, tell())) if tell is not None and isinstance(env.action_space, gym.spaces.Discrete) else ()
