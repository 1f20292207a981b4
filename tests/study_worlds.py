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
    labels: np.ndarray | None = None


@dataclass(frozen=True)
class Fates(Question):
    forks: int = 0
    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    chance: float = 0.0


@dataclass(frozen=True)
class Play:
    name: str
    actions: tuple[int, ...]
    frames: np.ndarray
    questions: tuple[Question, ...] = ()
    start: Any = None
    tracks: tuple[Any, ...] = ()
    warps: tuple[Any, ...] = ()
    rests: bool = False


@dataclass(frozen=True)
class Scene:
    seed: int
    frames: np.ndarray
    actions: tuple[int, ...]
    start: Any
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


class Tossed(Ring):
    """The dot takes a step to either side, or none, by chance alone; a state is a place and a luck."""

    steps: tuple[int, ...] = (-1, 0, 1)
    luck = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        found = super().reset(seed=seed, options=options)
        self.luck = int(self.np_random.integers(2**31))
        return found

    def restore_state(self, state: tuple[int, int]) -> np.ndarray:
        self.place, self.luck = state
        return drawn(self.place)

    def moved(self, action: int) -> int:
        luck, self.luck = self.luck, 0
        return (self.place + (self.steps[luck % len(self.steps)] if luck else 0)) % PLACES

    def stages(self):
        return {"fates": fates}


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


def fates(env: Tossed, seed: int, index: int, rollouts: int = 4) -> Scene:
    """Sixteen forks of the dot, and the whole ring beside them."""
    rng, start, forks = np.random.default_rng(seed), seed % PLACES, 16
    lucks = rng.integers(1, 2**31, forks + rollouts).tolist()
    ends = [(start + Tossed.steps[luck % 3]) % PLACES for luck in lucks]
    places = [*ends[:forks], *range(PLACES)]
    names = tuple(f"{'true' if place in ends[:forks] else 'other'}:{number}" for number, place in enumerate(places))
    points = np.array([[(place - start + PLACES // 2) % PLACES - PLACES // 2] for place in places], np.float64)
    question = Fates("fate", (2,), names, np.stack([drawn(place) for place in places])[:, None, None], 0, forks + start,
                     forks=forks, points=points, chance=len(set(ends[:forks])) / PLACES)  # fmt: skip
    plays = tuple(Play("rollout", (NOOP, NOOP), np.stack([drawn(end)] * 2), (question,), (start, luck))
                  for end, luck in zip(ends[forks:], lucks[forks:], strict=True))  # fmt: skip
    return Scene(seed, np.stack([drawn(start)] * 4), (NOOP,) * 4, (start, 0), plays)
