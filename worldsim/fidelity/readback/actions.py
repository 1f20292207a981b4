"""Actions read from generated frames: S, chance, ceiling and N; the gain of turns; and N along long rollouts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from worldsim.fidelity.probes.actions import ActionReading, DriftReading
from worldsim.fidelity.readback.validation import AXES, LEAST_ROOM, counted
from worldsim.fidelity.readers.reader import ReaderFacts
from worldsim.fidelity.scores import Outcome, f1, normalised, over_worlds, tallies
from worldsim.fidelity.statistics import ratio

__all__ = ["WINDOW", "actions", "drift"]

Figures = dict[str, Any]
Options = dict[str, int]

WINDOW = 64  # frames of drift's windows
LEAST_WORLDS = 8  # in which the camera turned, for a gain to have an interval


def actions(facts: ReaderFacts, trials: Sequence[ActionReading], options: Options) -> Figures:
    """Macro-F1 of the actions read from generated frames, and the gain of turns."""
    names = facts.labels["action"]
    lent = _lent([trial.world for trial in trials])
    outcomes = {
        "model": [Outcome(trial.world, trial.actions, trial.model) for trial in trials],
        "ceiling": [Outcome(trial.world, trial.actions, trial.ceiling) for trial in trials],
        "shuffled": [Outcome(one.world, trials[i].actions, one.model) for i, one in zip(lent, trials, strict=True)],
        "frozen": [Outcome(trial.world, trial.actions, [trial.frozen] * len(trial.actions)) for trial in trials],
    }
    counts = {name: tallies(each, len(names))[0] for name, each in outcomes.items()}
    chosen = counted(facts, "action", counts["model"])
    found = scored(partial(f1, chosen=chosen), counts, options)
    sums = {name: counts[name].sum(0) for name in ("model", "ceiling")}
    found |= {
        "readings": int(sums["model"][1].sum()),
        "worlds": len(counts["model"]),
        "classes": {
            names[number]: {name: float(f1(each, [number])) for name, each in sums.items()} for number in chosen
        },
        "turn_gain": _gains(trials, options),
    }
    return found


def _gains(trials: Sequence[ActionReading], options: Options) -> Figures:
    """Slope of the turn read from generated frames on that read from truth's, with the action as the instrument.

    A plain slope is too flat when the readings have noise of their own; products with the known action average it out.
    """
    worlds, gains = [trial.world for trial in trials], {}
    for axis, name in enumerate(AXES.values()):
        if not all(len(turn) > axis for trial in trials for turn in trial.turns):
            continue
        told, model, ceiling = (
            [np.array(getattr(trial, field))[:, axis] for trial in trials]
            for field in ("turns", "model_turns", "ceiling_turns")
        )
        over, under = (
            np.array([(turn * read).sum() for turn, read in zip(told, each, strict=True)]) for each in (model, ceiling)
        )
        if len({world for world, turn in zip(worlds, told, strict=True) if turn.any()}) >= LEAST_WORLDS:
            gains[name] = asdict(ratio(over, under, worlds, **options))
    return gains


def _lent(worlds: Sequence[int]) -> list[int]:
    """For each trial another one, of another world where there are several."""
    order = np.argsort(worlds, kind="stable")
    lent = np.empty(len(worlds), np.int64)
    lent[order] = np.roll(order, max(Counter(worlds).values()))
    return lent.tolist()


def drift(facts: ReaderFacts, trials: Sequence[DriftReading], options: Options) -> Figures:
    """N of each window of long rollouts; chance and ceiling are those of all frames, taken as known."""
    classes = len(facts.labels["action"])
    learned, true = ([trial for trial in trials if trial.kind == kind] for kind in ("learned", "true"))
    lent = _lent([trial.world for trial in learned])
    counts = {
        "shuffled": [Outcome(one.world, learned[i].actions, one.read) for i, one in zip(lent, learned, strict=True)],
        "frozen": [Outcome(one.world, one.actions, [one.frozen] * len(one.actions)) for one in learned],
        "ceiling": [Outcome(one.world, one.actions, one.read) for one in true],
        "all": [Outcome(one.world, one.actions, one.read) for one in learned],
    }
    tallied = {name: tallies(each, classes)[0] for name, each in counts.items()}
    chosen = counted(facts, "action", tallied["all"], tallied["ceiling"])
    scores = {name: float(f1(each.sum(0), chosen)) if chosen else 0.0 for name, each in tallied.items()}
    chance, ceiling = max(scores["shuffled"], scores["frozen"]), scores["ceiling"]
    length = min(len(trial.actions) for trial in learned)
    starts = [*range(0, length - WINDOW + 1, WINDOW)]
    told: Figures = {"rollouts": len(learned), "frames": length, "window": WINDOW, "counted": len(chosen),
                     "chance": chance, "ceiling": ceiling}  # fmt: skip
    if len(starts) < 2 or ceiling - chance < LEAST_ROOM:
        return told | {"refused": "fewer than two windows, or the reader tells truth under such actions from chance by "
                                  f"less than {LEAST_ROOM}"}  # fmt: skip

    def of_window(start: int) -> np.ndarray:
        part = slice(start, start + WINDOW)
        return tallies([Outcome(one.world, one.actions[part], one.read[part]) for one in learned], classes)[0]

    def n(sums: np.ndarray) -> np.ndarray:
        present = sums[..., 1, chosen] > 0  # a class that a window lacks does not count there
        each = 2 * sums[..., 0, chosen] / np.maximum(sums[..., 1, chosen] + sums[..., 2, chosen], 1)
        macro = (each * present).sum(-1) / np.maximum(present.sum(-1), 1)
        return (macro - chance) / (ceiling - chance)

    first, last = of_window(0), of_window(length - WINDOW)
    curve = [asdict(over_worlds(n, of_window(start), **options)) for start in starts]
    below = [start for start, one in zip(starts, curve, strict=True) if one["value"] < curve[0]["value"] / 2]
    kept = over_worlds(lambda early, late: n(late) / np.maximum(n(early), 1e-3), first, last, **options)
    return told | {
        "n_per_window": curve,
        "first": curve[0],
        "last": asdict(over_worlds(n, last, **options)),
        "last_over_first": asdict(kept),
        "half_life": below[0] + WINDOW // 2 if below else None,
    }


def scored(score: Callable[..., np.ndarray], counts: dict[str, np.ndarray], options: Options) -> Figures:
    """S, c, K and N of counts by name; each of (W, 3, classes), the same worlds. `score` is of "model" and "ceiling".

    Chance is the higher of the scores of all other names, in each resample.
    """
    others = [name for name in counts if name not in ("model", "ceiling")]

    def chance(*sums: np.ndarray) -> np.ndarray:
        return np.max([score(one) for one in sums], axis=0)

    def n(model: np.ndarray, ceiling: np.ndarray, *rest: np.ndarray) -> np.ndarray:
        return normalised(score(model), chance(*rest), score(ceiling))

    rest = [counts[name] for name in others]
    return {
        "score": asdict(over_worlds(score, counts["model"], **options)),
        "chance": {name: float(score(counts[name].sum(0))) for name in others},
        "ceiling": asdict(over_worlds(score, counts["ceiling"], **options)),
        "n": asdict(over_worlds(n, counts["model"], counts["ceiling"], *rest, **options)),
    }
