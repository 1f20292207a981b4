"""`TaskJudge`: rewards and success of the voxel world's tasks, from the events that a learned world predicts.

It reads the same table as the true world's judge (`worldsim_envs.voxel.tasks`). Frames do not tell where a beacon is or
how high the player stands, so tasks with such a goal succeed with the event "reached_goal", which the true judge sets
at that very moment, and dense rewards that pay for nearness are refused.
"""

from __future__ import annotations

import copy
import warnings

import numpy as np

from worldsim.model.calibration import Calibration
from worldsim_envs.learned.starts import EnvError
from worldsim_envs.voxel.tasks import TASKS, Task

__all__ = ["TaskJudge"]

GOAL = "reached_goal"


class TaskJudge:
    """Keeps the score of one task for B rows.

    Args:
        name: of a row of `worldsim_envs.voxel.tasks.TASKS`.
        event_names: E names, what the columns of the probabilities are.
        calibration: from which probability on an event counts; without one 0.5 does, and a warning says so.
        rows: B.
        dense: pay progress in events too; only where the task's dense form pays for nothing else.

    Raises:
        EnvError: no such task, events of it that the world does not predict, or a dense form that frames cannot give.
    """

    def __init__(
        self, name: str, event_names: tuple[str, ...], calibration: Calibration | None, rows: int, dense: bool = False
    ) -> None:
        if name not in TASKS:
            raise EnvError(
                f"task must be one of {', '.join(TASKS)}, or none (None, or --task \"\") for the reward that the world "
                f"predicts, got {name!r}"
            )
        task = TASKS[name]
        self.name, self.task, self.dense = name, task, dense
        parts = _parts(task)
        if missing := [event for event in {**parts, **task.first} if event not in event_names]:
            raise EnvError(
                f"task {name} needs events that this world does not predict: {', '.join(missing)}; without a task "
                '(None, or --task "") it pays the reward that it learned'
            )
        unseen = "the way to a place or an animal" if task.seek else "the height climbed" if task.climb else ""
        if dense and (unseen or not task.has_goal):
            why = f"the dense form of {name} pays for {unseen}, which frames do not tell" if unseen else (
                f"{name} has no dense form")  # fmt: skip
            raise EnvError(f"{why}; leave out dense, or pay for events on the way (docs/agents.md)")
        self.goal = task.goal
        self.has_goal = task.has_goal
        index = {event: column for column, event in enumerate(event_names)}
        self._thresholds = _thresholds(name, {**parts, **task.first}, event_names, calibration)
        self._first = np.array([task.first.get(event, 0.0) for event in event_names])
        self._columns = np.array([index[event] for event in parts], np.int64)
        self._often = np.array(list(parts.values()), np.float64)
        self._required = np.array([event in task.needs or event == GOAL for event in parts], np.bool_)
        self._counts = np.zeros((rows, len(parts)))
        self._unlocked = np.zeros((rows, len(event_names)), np.bool_)
        self._best = np.zeros(rows)

    def begin(self, rows: np.ndarray) -> None:
        """New episodes begin in these rows."""
        self._counts[rows], self._unlocked[rows], self._best[rows] = 0.0, False, 0.0

    def step(self, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return rewards f64 (B,), success bool (B,) and what happened bool (B, E), of probabilities f32 (B, E)."""
        happened = probabilities >= self._thresholds
        fresh = happened & ~self._unlocked
        self._unlocked |= fresh
        rewards = fresh @ self._first
        if not self.has_goal:
            return rewards, np.zeros(len(rewards), np.bool_), happened
        np.minimum(self._counts + happened[:, self._columns], self._often, out=self._counts)
        success = np.asarray((self._counts >= self._often)[:, self._required].all(axis=1))
        rewards = rewards + success
        if self.dense:
            progress = np.where(success, 1.0, (self._counts / self._often).mean(axis=1))
            rewards += np.maximum(progress - self._best, 0.0)
            self._best = np.maximum(progress, self._best)
        return rewards, success, happened

    def copy(self) -> TaskJudge:
        """A judge that goes on from here by itself."""
        twin = copy.copy(self)
        twin._counts, twin._unlocked, twin._best = self._counts.copy(), self._unlocked.copy(), self._best.copy()
        return twin


def _parts(task: Task) -> dict[str, int]:
    """The events that a task counts in a learned world, and how often each is needed."""
    return {GOAL: 1} if task.near or task.climb else {**task.hints, **task.needs}


def _thresholds(
    name: str, events: dict[str, float], event_names: tuple[str, ...], calibration: Calibration | None
) -> np.ndarray:
    """From which probability on each event counts, f32 (E,); warns of events of the task that are not told."""
    known = Calibration() if calibration is None else calibration
    if missing := sorted(set(events) - set(known.events)):
        warnings.warn(
            f"task {name}: this world was not measured to tell {', '.join(missing)}, so 0.5 is the threshold; "
            "see worldsim agent calibrate",
            stacklevel=4,
        )
    return np.array([known.threshold(event) for event in event_names], np.float32)
