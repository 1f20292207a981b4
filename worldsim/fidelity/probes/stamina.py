"""Stamina: many free-running steps under random actions, and whether the pictures still look as the true world's do.

No frame can be compared with truth then, so statistics of frames are compared with the range that truth shows, at best
under the same kind of actions (`Sticky` plays them in the true world): who turns at random mostly sees sky and ground.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from einops import rearrange

from worldsim.actions import ActionSpec
from worldsim.data.episodes import Dataset
from worldsim.fidelity.heldout import Windows
from worldsim.fidelity.probes.rollout import OpenWorld, roll

__all__ = ["LAST", "STATISTICS", "Sticky", "Stretch", "frame_statistics", "stamina", "sticky_actions", "true_stretches"]

CHANGE = 0.2  # probability that a sticky action gives way to a new one
STATISTICS = ("mean", "spread", "sharpness", "motion")
DIGITS = 6
LAST = 100  # frames at a long rollout's end that are looked at
PLACE = 4  # a place is known by its mean colours in so many parts of a frame each way


@dataclass(frozen=True)
class Stretch:
    """Statistics of the frames 1 … T-1 of an episode or a rollout, of grey levels in [0, 1].

    Attributes:
        kind: which world.
        world: the seed of the true world, from which a learned stretch started.
        mean, spread: mean and standard deviation over a frame's pixels.
        sharpness: mean absolute difference between neighbouring pixels.
        motion: mean absolute difference from the frame before.
        place: where it ends: mean colours of its last `LAST` frames in 4 × 4 parts, (48,).
    """

    kind: Literal["true", "learned"]
    world: int
    mean: list[float]
    spread: list[float]
    sharpness: list[float]
    motion: list[float]
    place: list[float]


def stamina(
    open_world: OpenWorld, spec: ActionSpec, windows: Windows, context: int, steps: int, rng: np.random.Generator
) -> tuple[list[Stretch], np.ndarray, np.ndarray]:
    """Roll out `steps` steps under sticky random actions, from the first `context` frames of each window.

    Returns:
        A stretch per window, the frames u8 (N, steps, H, W, 3), and the actions f32 (N, steps, A).
    """
    frames, actions = windows.clip.frames[:, :context], windows.clip.actions[:, :context]
    future = np.stack([sticky_actions(spec, steps, rng) for _ in windows.worlds])
    seeds = rng.integers(2**62, size=len(frames)).tolist()
    shown = roll(open_world, frames, actions, future, seeds, desc="stamina")
    return [_stretch("learned", world, one) for world, one in zip(windows.worlds, shown, strict=True)], shown, future


def true_stretches(dataset: Dataset) -> list[Stretch]:
    """A stretch for each episode of at least two frames."""
    episodes = (dataset.read(number) for number in range(len(dataset)))
    return [_stretch("true", episode.seed, episode.frames) for episode in episodes if episode.length > 1]


def sticky_actions(spec: ActionSpec, steps: int, rng: np.random.Generator) -> np.ndarray:
    """f32 (steps, A): actions drawn evenly from the space, each kept until, with probability `CHANGE`, the next."""
    space = copy.deepcopy(spec.space)
    space.seed(int(rng.integers(2**31)))
    vectors = np.empty((steps, spec.width), np.float32)
    for t, changes in enumerate(rng.random(steps) < CHANGE):
        vectors[t] = spec.encode(space.sample()) if changes or t == 0 else vectors[t - 1]
    return vectors


class Sticky:
    """The same kind of actions as a policy, for the true world."""

    def reset(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        """Begin an episode."""
        env.action_space.seed(int(rng.integers(2**31)))
        self.held = env.action_space.sample()

    def act(self, env: gym.Env[Any, Any], observation: Any, rng: np.random.Generator) -> Any:
        """The action held, or a new one."""
        if rng.random() < CHANGE:
            self.held = env.action_space.sample()
        return self.held


def frame_statistics(frames: np.ndarray) -> dict[str, np.ndarray]:
    """Each of `STATISTICS` as f64 (T-1,), of frames u8 (T, H, W, 3), T > 1, without the first."""
    grey = frames @ np.array([0.299, 0.587, 0.114]) / 255  # (T, H, W)
    across, down = np.abs(np.diff(grey, axis=2)), np.abs(np.diff(grey, axis=1))
    columns = (
        grey.mean((1, 2))[1:],
        grey.std((1, 2))[1:],
        (across.mean((1, 2)) + down.mean((1, 2)))[1:] / 2,
        np.abs(np.diff(grey, axis=0)).mean((1, 2)),
    )
    return dict(zip(STATISTICS, columns, strict=True))


def _stretch(kind: Literal["true", "learned"], world: int, frames: np.ndarray) -> Stretch:
    found = {name: column.round(DIGITS).tolist() for name, column in frame_statistics(frames).items()}
    height, width = (side // PLACE * PLACE for side in frames.shape[1:3])
    last = frames[-LAST:, :height, :width].mean(0) / 255  # (H, W, 3)
    place = rearrange(last, "(h p) (w q) c -> h w c (p q)", h=PLACE, w=PLACE).mean(-1)
    return Stretch(kind, world, **found, place=place.ravel().round(DIGITS).tolist())
