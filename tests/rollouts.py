"""Rollouts of tiny worlds to compare: rows, seeds, prompts and actions that several tests share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from networks import SIZE
from worldsim.sampling.world import Step, World

ROWS, STEPS = 4, 10
SEEDS = (11, 12, 13, 14)
PROMPTS = ("", "snow on high hills", "", "a desert at night")
TOLERANCE = 1  # grey levels of 256


def actions(rows: int = ROWS, length: int = STEPS, seed: int = 0) -> np.ndarray:
    """f32 (T, B, A) in [-1, 1]."""
    return np.random.default_rng(seed).uniform(-1, 1, (length, rows, 5)).astype(np.float32)


def given(rows: int = ROWS, length: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Frames u8 (B, T, H, W, 3) and the actions that led to them."""
    frames = np.random.default_rng(seed).integers(0, 256, (rows, length, *SIZE, 3), dtype=np.uint8)
    return frames, actions(rows, length, seed).swapaxes(0, 1)


def roll(world: World, plan: np.ndarray, before: Callable[[int], object] = lambda t: None) -> list[Step]:
    steps = []
    for t, taken in enumerate(plan):
        before(t)
        steps.append(world.imagine(taken))
    return steps


def frames_of(steps: list[Step]) -> np.ndarray:
    """i64 (T, B, H, W, 3), so that differences can be taken."""
    return np.stack([step.frames for step in steps]).astype(np.int64)


def assert_same(first: list[Step], second: list[Step], rows: slice | list[int] = slice(None)) -> None:
    for mine, theirs in zip(first, second, strict=True):
        assert np.array_equal(mine.frames[rows], theirs.frames[rows])
        assert np.array_equal(mine.events[rows], theirs.events[rows])
        assert np.array_equal(mine.ended[rows], theirs.ended[rows])
