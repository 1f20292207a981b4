"""One env and one policy turned into episodes: `Job` says what to run, `Recorder` runs it.

Recording to disk and streaming into training both stand on this. Envs come as Gymnasium ids and policies as factories
or as strings, so that nothing here imports an env or an agent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from inspect import signature
from typing import Any, Literal, Protocol

import gymnasium as gym
import numpy as np

from worldsim.actions import ActionSpec
from worldsim.data.envs import RecordError, describe_env, is_voxel, open_env, pictures_of, read_events, text_of
from worldsim.data.episodes import Caption, DatasetInfo, Episode, spoken
from worldsim.data.frames import fitting_size, resize

__all__ = [
    "CAPTION_ROWS",
    "Job",
    "Policy",
    "RandomPolicy",
    "RecordError",
    "Recorder",
    "StickyPolicy",
    "default_policy",
    "make_policy",
]

CAPTION_ROWS = 16
SAID = 0.5  # how often what a policy says of its deeds takes the place of a short caption
HOLD = 0.75  # how likely a sticky policy takes the same action again
EXPLORE = "worldsim_agents.explore:mix"  # by name, as everything of the agents


class Policy(Protocol):
    """Who acts. May look into `env.unwrapped`; all its randomness comes from `rng`.

    A policy that changes the world itself may have a text `sentence` that says what it did: a caption or a part of one.
    """

    def reset(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        """A new episode has begun."""
        ...

    def act(self, env: gym.Env[Any, Any], observation: Any, rng: np.random.Generator) -> Any:
        """The next action, of the env's action space."""
        ...


class RandomPolicy:
    """Actions drawn evenly from the action space."""

    def reset(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        env.action_space.seed(int(rng.integers(2**31)))

    def act(self, env: gym.Env[Any, Any], observation: Any, rng: np.random.Generator) -> Any:
        return env.action_space.sample()


class StickyPolicy(RandomPolicy):
    """Random actions that are held for a while, four steps on average: they lead further than new ones each step."""

    def reset(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        super().reset(env, rng)
        self._held: Any = None

    def act(self, env: gym.Env[Any, Any], observation: Any, rng: np.random.Generator) -> Any:
        if self._held is None or rng.random() >= HOLD:
            self._held = env.action_space.sample()
        return self._held


POLICIES = {"random": RandomPolicy, "sticky": StickyPolicy}


def default_policy(env_id: str) -> str:
    """Who acts in an env when nobody says so: scripted exploration in the voxel world, else chance that holds on."""
    return EXPLORE if is_voxel(env_id) else "sticky"


@dataclass(frozen=True)
class Job:
    """What to run.

    Attributes:
        env_id: a Gymnasium id, or "module:id" for a module that registers it.
        policy: a function without arguments that makes a `Policy`, or "module:function" that names one, or "random", or
            "sticky".
        episode_length: most rows of an episode, the reset included. Cutting here is not the env's end: no flag is set.
        env_kwargs: keyword arguments for `gym.make`.
        seed: with the number of an episode, it decides everything random in that episode.
        size: (H, W) to bring frames to by area averages; "fit" takes `fitting_size`; None leaves them as they are.
        image_key: the picture's key in a Dict observation that has several; "render" takes what `render()` shows.
        reworded: share of captions in other than the usual words, where the env has such: `caption(detail, other)`.
    """

    env_id: str
    policy: str | Callable[[], Policy] = "random"
    episode_length: int = 512
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    size: tuple[int, int] | Literal["fit"] | None = None
    image_key: str | None = None
    reworded: float = 0.5

    def __post_init__(self) -> None:
        if self.episode_length < 2:
            raise RecordError(f"episode_length must be at least 2 rows, a reset and a step, got {self.episode_length}")
        if isinstance(self.size, tuple) and (len(self.size) != 2 or min(self.size) < 1):
            raise RecordError(f"size must be (height, width) in pixels, got {self.size}")

    @property
    def policy_name(self) -> str:
        """What the index calls the policy."""
        if isinstance(self.policy, str):
            return self.policy
        made: Any = self.policy.func if isinstance(self.policy, partial) else self.policy
        return f"{made.__module__}:{getattr(made, '__qualname__', type(made).__qualname__)}"

    def episode_seed(self, number: int) -> int:
        """What the env of episode `number` is reset with, in [0, 2³¹)."""
        return int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0] >> 1)


class Recorder:
    """An open env and a policy that make episodes of a `Job`; the same number gives the same episode."""

    def __init__(self, job: Job, env: gym.Env[Any, Any], policy: Policy) -> None:
        self.job = job
        self.env = env
        self.policy = policy
        self.spec = ActionSpec.from_env(env)
        self._event_names = tuple(getattr(env.unwrapped, "event_names", ()))
        self._picture = pictures_of(env, job.image_key)

    @classmethod
    def open(cls, job: Job) -> Recorder:
        """Make the env and the policy.

        Raises:
            RecordError: the env cannot be made or has no pictures, or the policy is not there.
            FrameError: an observation whose picture cannot be told.
        """
        policy = make_policy(job.policy)
        env = open_env(job.env_id, job.env_kwargs, job.image_key)
        try:
            return cls(job, env, policy)
        except BaseException:
            env.close()
            raise

    def info(self) -> DatasetInfo:
        """What a dataset of these episodes says about itself. Resets the env."""
        job = self.job
        observation, _ = self.env.reset(seed=job.episode_seed(0))
        shown, size = (picture.shape[:2] for picture in (self._picture(observation), self._frame(observation)))
        return describe_env(self.env, job.env_id, job.env_kwargs, size, shown, job.image_key)

    def episode(self, number: int, on_step: Callable[[], object] = lambda: None) -> Episode:
        """Reset, act until the env ends or the length is reached, and return what happened.

        Args:
            number: chooses the seed; see `Job.episode_seed`.
            on_step: called after every env step.

        Raises:
            RecordError: the env names events and does not give them.
        """
        job, env, policy = self.job, self.env, self.policy
        seed = job.episode_seed(number)
        rng = np.random.default_rng(seed)
        observation, _ = env.reset(seed=seed)
        policy.reset(env, rng)
        first = self._frame(observation)
        frames = np.empty((job.episode_length, *first.shape), np.uint8)
        frames[0] = first
        actions = np.zeros((job.episode_length, self.spec.width), np.float32)
        events = np.zeros((job.episode_length, 1 + len(self._event_names)), np.float32)
        terminated = truncated = False
        captions: list[Caption] = []
        texts = [text_of(observation)]
        row = 0
        while row + 1 < job.episode_length and not (terminated or truncated):
            row += 1
            action = policy.act(env, observation, rng)
            actions[row] = self.spec.encode(action)
            observation, reward, terminated, truncated, info = env.step(action)
            frames[row] = self._frame(observation)
            events[row, 0] = reward
            events[row, 1:] = read_events(info, self._event_names)
            texts.append(text_of(observation))
            if row % CAPTION_ROWS == CAPTION_ROWS // 2:
                captions += self._caption(len(captions), seed)
            on_step()
        rows = row + 1
        if len(captions) * CAPTION_ROWS < rows:
            captions += self._caption(len(captions), seed)
        captions = captions or list(spoken(texts))
        ends = np.zeros((2, rows), np.bool_)
        ends[:, -1] = terminated, truncated
        whole = Episode(frames, actions, events, *ends, captions=tuple(captions), seed=seed)
        return whole if rows == job.episode_length else whole.slice(0, rows)

    def close(self) -> None:
        self.env.close()

    def _frame(self, observation: Any) -> np.ndarray:
        """u8 (H, W, 3) at the job's size."""
        picture, size = self._picture(observation), self.job.size
        return picture if size is None else resize(picture, fitting_size(picture.shape[:2]) if size == "fit" else size)

    def _caption(self, interval: int, seed: int) -> list[Caption]:
        """What the env says is to be seen now, for the whole interval; nothing when it has no captions."""
        caption = getattr(self.env.unwrapped, "caption", None)
        if caption is None:
            return []
        start = interval * CAPTION_ROWS
        rng = np.random.default_rng([seed, interval])
        if rng.random() < self.job.reworded and "other" in signature(caption).parameters:
            caption = partial(caption, other=int(rng.integers(1, 2**31)))
        short, detailed = caption("short"), caption("detailed")
        if sentence := getattr(self.policy, "sentence", ""):
            short, detailed = (sentence if rng.random() < SAID else short), f"{detailed} . {sentence}"
        return [Caption(start, start + CAPTION_ROWS, short, detailed)]


def make_policy(policy: str | Callable[[], Policy]) -> Policy:
    """The policy of that name, or that a function makes. Raises `RecordError` when there is none."""
    if isinstance(policy, str) and policy in POLICIES:
        return POLICIES[policy]()
    if isinstance(policy, str):
        module, _, name = policy.partition(":")
        try:
            policy = getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise RecordError(
                f"policy must be 'random', 'sticky' or 'module:function' that makes a policy, got {policy!r}: {error}"
            ) from error
    try:
        made = policy()  # pyright: ignore[reportCallIssue]
    except TypeError as error:
        raise RecordError(f"policy must be callable without arguments, got {policy!r}: {error}") from error
    if not hasattr(made, "act") or not hasattr(made, "reset"):
        raise RecordError(f"a policy needs reset(env, rng) and act(env, observation, rng), got {type(made).__name__}")
    return made
