"""What a reference env stages, as the study sees it: scenes, plays and questions, by the names of their fields.

An env offers stages by a method `stages()`, which returns functions (env, seed, index, **detail) → `Scene` by name.
The voxel world's are in `worldsim_envs.voxel.stages`; any other env may bring its own. An env whose questions have
labels gives lessons about them by `lesson(seed, pairs)`, and stages "faults".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

__all__ = ["Drawn", "Fates", "Play", "Question", "Scene", "Track", "Warp"]


class Drawn(Protocol):
    """Names and pictures that frames are compared with."""

    @property
    def answers(self) -> Sequence[str]: ...

    @property
    def pictures(self) -> np.ndarray: ...  # u8 (A, P, L, H, W, 3)


class Question(Protocol):
    """Which of several worlds do frames show? See `worldsim_envs.voxel.stages.question`."""

    name: str
    looks: Sequence[int]
    answers: Sequence[str]
    pictures: np.ndarray  # u8 (A, P, L, H, W, 3)
    labels: np.ndarray | None  # u8 (A, P, L, H, W, 3): block, depth and kind of entity; None where these are not known
    right: int
    still: int
    needs: str
    kind: str
    values: Sequence[float] | Sequence[tuple[float, ...]]


class Fates(Question, Protocol):
    """What may come of a past that chance goes on with. See `worldsim_envs.voxel.stages.question`."""

    forks: int
    points: np.ndarray  # f64 (A, D)
    chance: float


class Track(Protocol):
    """How far along its way is something, frame by frame? See `worldsim_envs.voxel.stages.question`."""

    name: str
    points: np.ndarray  # f64 (K + 1,)
    answers: Sequence[str]
    pictures: np.ndarray  # u8 (K + 1, P, 1, H, W, 3)


class Warp(Protocol):
    """Where one frame of a play shows what another shows. See `worldsim_envs.voxel.stages.question`."""

    steps: tuple[int, int]
    pixels: np.ndarray  # i16 (N, 4)


class Play(Protocol):
    """Actions from a scene's past on, what truth showed, what is asked; and a start of its own where chance decides."""

    name: str
    actions: Sequence[Any]
    frames: np.ndarray  # u8 (K, H, W, 3)
    questions: Sequence[Question]
    start: Any
    tracks: Sequence[Track]
    warps: Sequence[Warp]
    rests: bool


class Scene(Protocol):
    """A past, and what is played from it."""

    seed: int
    frames: np.ndarray  # u8 (T, H, W, 3)
    actions: Sequence[Any]
    start: Any
    plays: Sequence[Play]
    facts: Mapping[str, float | str]
