"""Small worlds for tests of the study: a dot that walks on a ring, exact, forgetful or frozen; no voxel engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np

SIZE, PLACES = 32, 8
NOOP, LEFT, RIGHT = range(3)


@dataclass(frozen=True)
class Question:
    name: str
    looks: tuple[int, ...]
    answers: tuple[str, ...]
    pictures: np.ndarray
    right: int
    still: int = -1
    needs: str = ""
    kind: str = "score"
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Play:
    name: str
    actions: tuple[int, ...]
    frames: np.ndarray
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True)
class Scene:
    seed: int
    frames: np.ndarray
    actions: tuple[int, ...]
    start: int
    plays: tuple[Play, ...]
    facts: dict[str, Any] = field(default_factory=dict)


def drawn(place: int) -> np.ndarray:
    """The ring as a row of places, the dot bright in its own."""
    frame = np.full((SIZE, SIZE, 3), 40, np.uint8)
    frame[8:24, 4 * place : 4 * place + 4] = 220
    return frame


class Ring(gym.Env[np.ndarray, int]):
    """A dot on a ring; every step to the right that brings it to place 0 pays 1."""

    event_names = ("came round",)
    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(0, 255, (SIZE, SIZE, 3), np.uint8)
        self.action_space = gym.spaces.Discrete(3)
        self.place = 0

    def get_action_meanings(self) -> list[str]:
        return ["noop", "left", "right"]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.place = int(self.np_random.integers(PLACES))
        return drawn(self.place), {"events": np.zeros(1, np.float32)}

    def restore_state(self, state: int) -> np.ndarray:
        self.place = state
        return drawn(state)

    def moved(self, action: int) -> int:
        return (self.place + {NOOP: 0, LEFT: -1, RIGHT: 1}[int(action)]) % PLACES

    def step(self, action: int):
        before, self.place = self.place, self.moved(action)
        came = self.place == 0 and before == PLACES - 1
        return drawn(self.place), float(came), False, False, {"events": np.array([came], np.float32)}

    def stages(self):
        return {"sides": sides}


class Mirrored(Ring):
    """Left is right."""

    def moved(self, action: int) -> int:
        return super().moved({NOOP: NOOP, LEFT: RIGHT, RIGHT: LEFT}[int(action)])


class FromFrames(gym.Wrapper):
    """The ring behind the interface of a learned world: it starts from frames, and reads its place off the last."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        observation, info = self.env.reset(seed=seed)
        if options:
            ring: Any = self.env.unwrapped
            bright = options["frames"][-1][16, ::4, 0] > 100
            ring.place = int(np.argmax(bright))
            observation = drawn(ring.place) if bright.any() else options["frames"][-1]
        return observation, info

    @property
    def unwrapped(self) -> Any:
        return self

    event_names = ("came round",)

    def get_action_meanings(self) -> list[str]:
        return ["noop", "left", "right"]


def sides(env: Ring, seed: int, index: int) -> Scene:
    start = 2 + seed % (PLACES - 4)
    ways = {"left": (LEFT, NOOP), "right": (RIGHT, NOOP)}
    ends = [drawn(start - 1), drawn(start + 1)]
    pictures = np.stack(ends)[:, None, None]
    plays = tuple(
        Play(name, acts, np.stack([ends[right]] * 2), (Question("side", (2,), ("left", "right"), pictures, right),))
        for right, (name, acts) in enumerate(ways.items())
    )
    return Scene(seed, np.stack([drawn(start)] * 4), (NOOP,) * 4, start, plays)
