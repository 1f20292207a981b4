"""Where episodes of a learned world begin: in noise or a stored start, in a recording, or in the true world itself.

An origin is asked for some rows, with a generator and perhaps a seed each, and answers with frames and the actions
that led to them. What belongs to the true world is reached by Gymnasium id alone.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from worldsim.actions import ActionSpec
from worldsim.data.envs import RecordError, open_env, pictures_of
from worldsim.data.episodes import Dataset
from worldsim.data.frames import resize
from worldsim.data.rollout import Policy, make_policy
from worldsim.data.truth import env_of
from worldsim.model.card import WorldCard
from worldsim_envs.learned.starts import EnvError, Start

__all__ = ["Origin", "Place", "Recorded", "TrueWorld", "Twin", "origin_of"]

FRAMES = 8  # true frames of a start, where nobody says how many
TRIES = 20  # resets of a true world whose episode ends before enough frames were seen


@dataclass(frozen=True)
class Place:
    """Where a start left the true world.

    Attributes:
        seed: of the env's reset.
        actions: what was done since.
        observation, picture: what the env then shows, its own and as u8 (h, w, 3).
        state: what `clone_state` gave there, where the env has it; else None.
    """

    seed: int
    actions: tuple[Any, ...]
    observation: Any
    picture: np.ndarray
    state: Any


class Twin(gym.Wrapper[Any, Any, Any, Any]):
    """A true env of which every reset leads back to one place: by its state, or by what was done since the reset.

    Raises:
        EnvError: at a reset, where the env does not repeat itself under one seed and keeps no states.
    """

    def __init__(self, env: gym.Env[Any, Any], place: Place, image_key: str | None = None) -> None:
        super().__init__(env)
        self._place, self._picture = place, pictures_of(env, image_key)
        self._there = False  # a reset of the true world may take long

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        self._there = False
        return self.env.step(action)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        if not self._there:
            self._go_back()
            self._there = True
        return copy.deepcopy(self._place.observation), {}

    def _go_back(self) -> None:
        place = self._place
        observation, _ = self.env.reset(seed=place.seed)
        if place.state is not None:
            self.env.unwrapped.restore_state(place.state)  # pyright: ignore[reportAttributeAccessIssue]
            return
        for action in place.actions:
            observation = self.env.step(action)[0]
        if not np.array_equal(self._picture(observation), place.picture):
            raise EnvError(
                f"{self.env.unwrapped} shows another picture after the same seed and actions, and has no clone_state "
                "and restore_state, so no true world can go on from here"
            )


class Origin(Protocol):
    """Draws what some rows begin from."""

    def draw(self, random: list[np.random.Generator], seeds: list[int | None]) -> tuple[Start, list[Any]]:
        """A start for each generator, and of each the place in the true world of its last frame, or None."""
        ...

    def close(self) -> None:
        """Let go of what is open; the next draw opens it again."""
        ...


class Recorded:
    """Begins anywhere in the episodes of a dataset, but where one has just ended.

    Raises:
        EnvError: frames or actions are not those of the card, or no episode is long enough.
    """

    def __init__(self, folder: Path, card: WorldCard, frames: int) -> None:
        self.dataset, self.frames = Dataset.open(folder), frames
        info = self.dataset.info
        for name, found, expected in (
            ("frames", tuple(info.size), tuple(card.size)),
            ("actions", info.actions.names, card.action_spec.names),
        ):
            if found != expected:
                raise EnvError(f"{folder}: {name} must be {expected} to start this world, got {found}")
        self._room = np.maximum(self.dataset.lengths - frames, 0)  # the last row may be an end
        if not self._room.sum():
            raise EnvError(f"{folder} has no episode of more than {frames} frames; record longer ones")

    def draw(self, random: list[np.random.Generator], seeds: list[int | None]) -> tuple[Start, list[Any]]:
        spans = []
        for generator in random:
            place = int(generator.integers(self._room.sum()))
            episode = int(np.searchsorted(self._room.cumsum(), place, side="right"))
            first = place - int(self._room[:episode].sum())
            spans.append((episode, first, first + self.frames))
        clip = self.dataset.clip(spans)
        return Start(clip.frames, clip.actions, [""] * len(random)), [None] * len(random)

    def close(self) -> None:
        pass


class TrueWorld:
    """Begins in the true world: resets it, plays a few frames, and remembers where the last of them was.

    Args:
        env_id, env_kwargs: of the true world, with the wrappers that it was recorded in.
        card: of the learned world; what it says is the picture of an observation.
        frames: how many a start has, the reset's included.
        policy: who plays them: "noop", "random", or "module:function"; see `worldsim.data.rollout`.
    """

    def __init__(self, env_id: str, env_kwargs: dict[str, Any], card: WorldCard, frames: int, policy: str) -> None:
        self.env_id, self.env_kwargs, self.frames = env_id, env_kwargs, frames
        self.spec, self.size, self.image_key = card.action_spec, card.size, card.env.get("image_key")
        self._env: Any = None
        self._policy: Policy = _Still(self.spec) if policy == "noop" else make_policy(policy)

    def draw(self, random: list[np.random.Generator], seeds: list[int | None]) -> tuple[Start, list[Any]]:
        drawn = [self._one(generator, seed) for generator, seed in zip(random, seeds, strict=True)]
        frames, actions, places = zip(*drawn, strict=True)
        return Start(np.stack(frames), np.stack(actions), [""] * len(random)), list(places)

    def twin(self, place: Place) -> Twin:
        """A true env of its own in a remembered place, inside the wrappers of the recording alone.

        Raises:
            EnvError: it keeps no states and does not repeat itself either.
        """
        env = Twin(open_env(self.env_id, self.env_kwargs, self.image_key, bare=True), place, self.image_key)
        try:
            env.reset()
        except BaseException:
            env.close()
            raise
        return env

    def close(self) -> None:
        """Close the true env; the next draw makes another."""
        if self._env is not None:
            self._env.close()
        self._env = None

    def _one(self, random: np.random.Generator, seed: int | None) -> tuple[np.ndarray, np.ndarray, Place]:
        """Frames u8 (T, H, W, 3), vectors f32 (T, A), and the place in the true world, of one start."""
        if self._env is None:
            self._env = open_env(self.env_id, self.env_kwargs, self.image_key, bare=True)
        env, picture = self._env, pictures_of(self._env, self.image_key)
        seed = int(random.integers(2**31)) if seed is None else seed
        for turn in range(TRIES):
            rng = np.random.default_rng([seed, turn])
            observation, _ = env.reset(seed=seed + turn)
            self._policy.reset(env, rng)
            frames, vectors, over = [picture(observation)], [np.zeros(self.spec.width, np.float32)], False
            taken: list[Any] = []
            while len(frames) < self.frames and not over:
                action = self._policy.act(env, observation, rng)
                observation, _, terminated, truncated, _ = env.step(action)
                over = terminated or truncated
                frames.append(picture(observation))
                vectors.append(self.spec.encode(action))
                taken.append(copy.deepcopy(action))
            if not over:
                raw = env.unwrapped
                state = raw.clone_state() if hasattr(raw, "clone_state") and hasattr(raw, "restore_state") else None
                place = Place(seed + turn, tuple(taken), copy.deepcopy(observation), frames[-1].copy(), state)
                return resize(np.stack(frames), self.size), np.stack(vectors), place
        raise EnvError(
            f"{self.env_id} ended within {self.frames} frames {TRIES} times in a row; give fewer start_frames"
        )


class _Still:
    """Does nothing, where the action space has something that is nothing."""

    def __init__(self, spec: ActionSpec) -> None:
        meanings = [meaning.lower() for meaning in spec.meanings]
        if "noop" in meanings:
            self._action: Any = meanings.index("noop") + int(getattr(spec.space, "start", 0))
        elif isinstance(spec.space, spaces.Discrete):
            known = spec.meanings or spec.space
            raise EnvError(f"none of the actions {known} is called noop; use start_policy='random'")
        else:
            self._action = spec.decode(np.zeros(spec.width, np.float32))

    def reset(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        pass

    def act(self, env: gym.Env[Any, Any], observation: Any, rng: np.random.Generator) -> Any:
        return self._action


def origin_of(
    start: str | Path, card: WorldCard, task: str | None, frames: int | None, policy: str, kwargs: dict[str, Any]
) -> Origin | None:
    """What a `start` means: "true" the card's env, or a task of it; a folder the recordings in it; "" no origin.

    Raises:
        EnvError: another word, frames out of range, or an origin that does not fit the card.
    """
    if not isinstance(start, str | Path):
        raise EnvError(f'start must be "", "true" (a text) or the folder of a recording, got {start!r}')
    if not str(start):
        return None
    if str(start) != "true" and not Path(start).is_dir():
        raise EnvError(f'start must be "true" or the folder of a recording, got {str(start)!r}')
    frames = min(FRAMES, card.window) if frames is None else frames
    if not 1 <= frames <= card.window:
        raise EnvError(f"start_frames must be from 1 to {card.window}, what this world remembers, got {frames}")
    if str(start) == "true":
        try:
            env_id, settings, _ = env_of(card)
        except RecordError as error:
            raise EnvError(f"{error} to start in; give the folder of a recording instead") from error
        if task is not None:
            settings.pop("task", None)
            env_id = env_id if task == "Explore" else f"worldsim/{task}-v0"
        return TrueWorld(env_id, {**settings, **kwargs}, card, frames, policy)
    return Recorded(Path(start), card, frames)
