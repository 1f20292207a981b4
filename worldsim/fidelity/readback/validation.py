"""Readers on raw truth of held-out worlds, before anything is made of what they read; and which classes count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import pearsonr

from worldsim.fidelity.probes.actions import ActionReading
from worldsim.fidelity.readers.lessons import CAMERA
from worldsim.fidelity.readers.reader import ReaderFacts
from worldsim.fidelity.scores import Outcome, f1, over_worlds, tallies

__all__ = ["AXES", "LEAST_ROOM", "PASS", "counted", "validation"]

Figures = dict[str, Any]

PASS = {"action": 0.6, "biome": 0.6, "time": 0.8, "weather": 0.8}  # macro-F1 on raw truth, or a reader is not used
OFTEN = {"action": 20, "biome": 5, "time": 5, "weather": 5}  # a class that comes less often does not count
LEAST_ROOM = 0.05  # between chance and ceiling, for what is scored between them to be told
AXES = dict(zip(CAMERA, ("yaw", "pitch"), strict=True))


def validation(facts: ReaderFacts, trials: Sequence[Any], options: dict[str, int]) -> Figures:
    """Each head on raw truth: macro-F1, accuracy, F1 of each class, and how well turns are read."""
    figures: Figures = {}
    for head, names in facts.labels.items():
        if head == "action":
            raw = [Outcome(trial.world, trial.actions, trial.raw) for trial in trials]
        else:
            raw = [Outcome(trial.world, [trial.labels[head]], [trial.raw[head]]) for trial in trials]
        counts, _ = tallies(raw, len(names))
        chosen = counted(facts, head, counts)
        sums = counts.sum(0)
        macro = asdict(over_worlds(partial(f1, chosen=chosen), counts, **options)) if chosen else None
        figures[head] = {
            "macro_f1": macro,
            "accuracy": float(sums[0].sum() / max(sums[1].sum(), 1)),
            "bar": PASS[head],
            "passed": macro is not None and macro["value"] >= PASS[head],
            "counted": [names[number] for number in chosen],
            "illegible": [name for number, name in enumerate(names) if number not in facts.legible[head]],
            "classes": {
                name: {"count": int(sums[1, number]), "f1": float(f1(sums, [number]))}
                for number, name in enumerate(names)
            },
        }
    if "action" in figures and trials[0].turns and trials[0].turns[0]:
        figures["action"]["turn_correlation"] = _correlations(trials)
    return figures


def _correlations(trials: Sequence[ActionReading]) -> Figures:
    """Pearson's r of the turn read from raw truth with the action's."""
    told, read = (np.concatenate([getattr(trial, name) for trial in trials]) for name in ("turns", "raw_turns"))
    varies = np.minimum(np.ptp(told, axis=0), np.ptp(read, axis=0)) > 0
    return {
        name: float(np.asarray(pearsonr(told[:, axis], read[:, axis]))[0]) if varies[axis] else None
        for axis, name in enumerate(AXES.values())
    }


def counted(facts: ReaderFacts, head: str, *counts: np.ndarray) -> list[int]:
    """The classes that count: legible, and often enough among the labels of each of these counts (W, 3, classes)."""
    often = [one.sum(0)[1] >= OFTEN[head] for one in counts]
    return [number for number in facts.legible[head] if all(column[number] for column in often)]
