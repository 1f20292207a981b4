"""A counter world: `World`'s interface without a network, in which every off-by-one shows.

The frame of step t shows t in its first pixel, the action that led to it in the second, and the length of the prompt
in the third; the rest is noise of the row's own seed. Events hold the same numbers.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np

from worldsim.actions import ActionSpec
from worldsim.clip import Clip

SIZE = (8, 10)
MEANINGS = ("noop", "forward", "back")


@dataclass
class Card:
    action_spec: ActionSpec
    name: str = "counter"
    size: tuple[int, int] = SIZE
    fps: float = 10.0
    event_names: tuple[str, ...] = ("reward", "action", "prompt")
    env: dict = field(default_factory=lambda: {"id": "CartPole-v1", "kwargs": {}})
    window: int = 4
    shown: tuple[int, int] | None = None


@dataclass
class Step:
    frames: np.ndarray
    events: np.ndarray
    ended: np.ndarray
    actions: np.ndarray | None = None


class AllWords:
    """A vocabulary that lacks no word."""

    def unknown(self, text: str) -> list[str]:
        return []


class CounterWorld:
    """B counters. The reward of step t is t; the episode ends, with probability 0.9, at step `end_at`."""

    def __init__(self, rows: int = 1, spec: ActionSpec | None = None, end_at: int = 1000, starts: int = 0) -> None:
        names, table = ("forward", "back"), np.array([[0, 0], [1, 0], [0, 1]], np.float32)
        if spec is None:
            from gymnasium.spaces import Discrete

            spec = ActionSpec(Discrete(3), names, table, meanings=MEANINGS)
        self.card, self.rows, self.end_at = Card(spec), rows, end_at
        self.calibration, self.vocabulary = None, AllWords()
        self.starts = _counting_starts(starts, spec.width) if starts else None
        self.count = np.zeros(rows, np.int64)
        self.prompts: tuple[str, ...] = ("",) * rows
        self.random = [np.random.default_rng(0) for _ in range(rows)]
        self.shown = np.zeros((rows, *SIZE, 3), np.uint8)
        self.imagined, self.steps = 0, 2

    def reset(self, frames=None, actions=None, prompts=None, seeds=(), rows=None) -> Step:
        rows = list(range(self.rows)) if rows is None else rows
        assert len(seeds) == len(rows) and (prompts is None or len(prompts) == len(rows))
        for i, row in enumerate(rows):
            self.random[row] = np.random.default_rng(seeds[i])
            self.set_prompt("" if prompts is None else prompts[i], [row])
            if frames is None:
                self.count[row] = 0
                self.shown[row] = self._draw(row, 0.0)
            else:
                assert frames.shape == (len(rows), frames.shape[1], *SIZE, 3)
                self.count[row] = frames[i, -1, 0, 0, 0]
                self.shown[row] = frames[i, -1]
                if actions is not None:
                    assert actions.shape == (*frames.shape[:2], self.card.action_spec.width)
                    self.shown[row, 0, 1, 0] = 10 * self._number(actions[i, -1])
        width = len(self.card.event_names)
        return Step(self.shown[rows].copy(), np.zeros((len(rows), width), np.float32), np.zeros(len(rows), np.float32))

    def check_prompt(self, text: str) -> None: ...

    def observe(self, frames: np.ndarray, actions: np.ndarray) -> Step:
        self.count[:] = frames[:, -1, 0, 0, 0]
        self.shown = frames[:, -1].copy()
        width = len(self.card.event_names)
        return Step(self.shown.copy(), np.zeros((self.rows, width), np.float32), np.zeros(self.rows, np.float32))

    def imagine(self, actions: np.ndarray | None, passes: int | None = None) -> Step:
        """By itself it goes back."""
        if actions is None:
            actions = np.tile(np.float32([0, 1]), (self.rows, 1))
        assert actions.shape == (self.rows, self.card.action_spec.width) and actions.dtype == np.float32
        self.imagined += 1
        self.count += 1
        numbers = [self._number(vector) for vector in actions]
        self.shown = np.stack([self._draw(row, numbers[row]) for row in range(self.rows)])
        lengths = [len(prompt) for prompt in self.prompts]
        events = np.stack([self.count, numbers, lengths], axis=1).astype(np.float32)
        ended = np.where(self.count >= self.end_at, 0.9, 0.1).astype(np.float32)
        return Step(self.shown.copy(), events, ended, actions.copy())

    def set_prompt(self, prompt, rows=None) -> None:
        rows = list(range(self.rows)) if rows is None else rows
        texts = [prompt] * len(rows) if isinstance(prompt, str) else prompt
        now = list(self.prompts)
        for row, text in zip(rows, texts, strict=True):
            now[row] = text
        self.prompts = tuple(now)

    def fork(self) -> CounterWorld:
        return copy.deepcopy(self)

    def snapshot(self) -> object:
        return copy.deepcopy((self.count, self.prompts, self.random, self.shown))

    def restore(self, snapshot) -> None:
        self.count, self.prompts, self.random, self.shown = copy.deepcopy(snapshot)

    def _number(self, vector: np.ndarray) -> float:
        return float((vector * np.arange(1, len(vector) + 1)).sum())

    def _draw(self, row: int, number: float) -> np.ndarray:
        frame = self.random[row].integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        frame[0, :3, 0] = self.count[row], 10 * number, len(self.prompts[row])
        return frame


def _counting_starts(count: int, width: int) -> Clip:
    """Start s is three frames that count up to 100 + s."""
    frames = np.zeros((count, 3, *SIZE, 3), np.uint8)
    frames[:, :, 0, 0, 0] = np.arange(98, 101) + np.arange(count)[:, None]
    flags = np.zeros((count, 3), np.bool_)
    actions, events = np.zeros((count, 3, width), np.float32), np.zeros((count, 3, 3), np.float32)
    return Clip(frames, actions, events, flags, flags, ~flags)
