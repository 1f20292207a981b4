"""Action readback: what a reader says was done, in frames that a learned world made under known actions.

In free-running windows it is held against truth through the tokenizer; in long rollouts it shows how control fades.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from worldsim.actions import ActionSpec
from worldsim.data.episodes import Dataset
from worldsim.fidelity.heldout import Windows
from worldsim.fidelity.readers.lessons import CAMERA, action_classes, through
from worldsim.fidelity.readers.reader import Reader, Reading
from worldsim.model.tokenizer import Tokenizer

__all__ = ["ActionReading", "DriftReading", "drift_of_rollouts", "drift_of_truth", "read_actions"]

DIGITS = 4


@dataclass(frozen=True)
class ActionReading:
    """One window under the actions that truth took, without its last step (a reading needs the frame after it).

    Attributes:
        world, start: where the window lies.
        actions: the class of each action, -1 where it is none of the space's.
        model, ceiling, raw: what is read from the learned world, from truth through the tokenizer, and from truth.
        frozen: what is read where the last given frame stands still.
        turns: yaw and pitch of each action, in units of the camera fields; empty lists without such fields.
        model_turns, ceiling_turns, raw_turns: as read.
    """

    world: int
    start: int
    actions: list[int]
    model: list[int]
    ceiling: list[int]
    raw: list[int]
    frozen: int
    turns: list[list[float]]
    model_turns: list[list[float]]
    ceiling_turns: list[list[float]]
    raw_turns: list[list[float]]


@dataclass(frozen=True)
class DriftReading:
    """A long stretch under sticky actions, without its first and its last frame.

    Attributes:
        kind: which world; true frames are read after the tokenizer.
        world: the seed of the true world, from which a learned stretch started.
        actions, read: the class of each action, and what is read.
        frozen: what is read where the first frame stands still.
    """

    kind: Literal["true", "learned"]
    world: int
    actions: list[int]
    read: list[int]
    frozen: int


def read_actions(
    reader: Reader, spec: ActionSpec, tokenizer: Tokenizer, windows: Windows, context: int, shown: np.ndarray
) -> list[ActionReading]:
    """Read each window of a free-running probe.

    Args:
        reader: of actions.
        spec: of the actions.
        tokenizer: for the ceiling.
        windows: truth, `context` + K rows each.
        context: true frames given.
        shown: u8 (N, K, H, W, 3), what the learned world made of them; K at least 2.
    """
    cameras = [spec.names.index(name) for name in CAMERA if name in spec.names]
    trials = []
    for row, (world, start) in enumerate(zip(windows.worlds, windows.starts, strict=True)):
        truth, actions = windows.clip.frames[row, context - 1 :], windows.clip.actions[row, context:-1]
        copies = through(tokenizer, truth)
        given = copies[:1]
        model, ceiling, raw = (
            reader.read_clip(clip) for clip in (np.concatenate([given, shown[row]]), copies, truth)
        )
        turns = actions[:, cameras].tolist() if len(cameras) == len(CAMERA) else [[] for _ in actions]
        trials.append(
            ActionReading(
                world, start, action_classes(spec, actions).tolist(), _classes(model), _classes(ceiling), _classes(raw),
                _frozen(reader, given[0]), turns, _turns(model), _turns(ceiling), _turns(raw),
            )
        )  # fmt: skip
    return trials


def drift_of_rollouts(
    reader: Reader, spec: ActionSpec, worlds: Sequence[int], shown: np.ndarray, actions: np.ndarray
) -> list[DriftReading]:
    """Read long rollouts u8 (N, T, H, W, 3) under actions f32 (N, T, A), from starts in these worlds."""
    return [
        _drift(reader, spec, "learned", world, clip, taken)
        for world, clip, taken in zip(worlds, shown, actions, strict=True)
    ]


def drift_of_truth(reader: Reader, spec: ActionSpec, tokenizer: Tokenizer, dataset: Dataset) -> list[DriftReading]:
    """Read true episodes of at least three frames, after the tokenizer."""
    episodes = (dataset.read(number) for number in range(len(dataset)))
    return [
        _drift(reader, spec, "true", episode.seed, through(tokenizer, episode.frames), episode.actions)
        for episode in episodes
        if episode.length > 2
    ]


def _drift(
    reader: Reader, spec: ActionSpec, kind: Literal["true", "learned"], world: int, clip: np.ndarray, taken: np.ndarray
) -> DriftReading:
    classes = action_classes(spec, taken[1:-1]).tolist()
    return DriftReading(kind, world, classes, _classes(reader.read_clip(clip)), _frozen(reader, clip[0]))


def _frozen(reader: Reader, frame: np.ndarray) -> int:
    return int(reader.read(frame[None], np.zeros((1, 3), np.int64)).best("action")[0])


def _classes(reading: Reading) -> list[int]:
    return reading.best("action").tolist()


def _turns(reading: Reading) -> list[list[float]]:
    return reading.turns.astype(np.float64).round(DIGITS).tolist()
