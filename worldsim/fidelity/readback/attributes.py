"""Attributes read from what prompts made: N of each on clips from noise, and what a change of prompt changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from worldsim.fidelity.probes.attributes import AttributeReading, EventReading, PromptReading, Values
from worldsim.fidelity.readback.validation import LEAST_ROOM, counted
from worldsim.fidelity.readers.reader import ReaderFacts
from worldsim.fidelity.scores import Outcome, balanced, f1, normalised, over_worlds, tallies
from worldsim.fidelity.statistics import mean, ratio

__all__ = ["events", "prompts"]

Figures = dict[str, Any]
Options = dict[str, int]


def prompts(
    facts: ReaderFacts, truth: Sequence[AttributeReading], trials: Sequence[PromptReading], passed: set[str],
    options: Options,
) -> Figures:  # fmt: skip
    """For each attribute the balanced accuracy of what clips from noise show; the ceiling's is taken as known."""
    figures: Figures = {"clips": len(trials)}
    for head in facts.labels.keys() & passed:
        names = facts.labels[head]
        model, _ = tallies([Outcome(one.world, [one.asked[head]], [one.read[head]]) for one in trials], len(names))
        ceiling, _ = tallies([Outcome(one.world, [one.labels[head]], [one.ceiling[head]]) for one in truth], len(names))
        chosen = counted(facts, head, model, ceiling)
        never = [name for number, name in enumerate(names) if model.sum(0)[1, number] == 0]
        if len(chosen) < 2:
            figures[head] = {"refused": "fewer than two values were asked for and are legible", "never_asked": never}
            continue
        top = float(balanced(ceiling.sum(0), chosen))

        def chance(sums: np.ndarray, chosen: list[int] = chosen) -> np.ndarray:
            """What readings in these shares get under shuffled prompts, in expectation."""
            return sums[..., 2, chosen].sum(-1) / np.maximum(sums[..., 2, :].sum(-1), 1) / len(chosen)

        if top - chance(model.sum(0)) < LEAST_ROOM:
            figures[head] = {"refused": "of truth itself hardly more is read than chance gives", "never_asked": never}
            continue

        def n(sums: np.ndarray, chosen: list[int] = chosen, top: float = top) -> np.ndarray:
            return normalised(balanced(sums, chosen), chance(sums), np.asarray(top))

        figures[head] = {
            "score": asdict(over_worlds(partial(balanced, chosen=chosen), model, **options)),
            "chance": float(chance(model.sum(0))),
            "ceiling": top,
            "n": asdict(over_worlds(n, model, **options)),
            "values": {names[number]: float(balanced(model.sum(0), [number])) for number in chosen},
            "never_asked": never,
        }
    return figures


def events(
    facts: dict[str, ReaderFacts], truth: Sequence[AttributeReading], trials: Sequence[EventReading], passed: set[str],
    options: Options, forks: Sequence[Values] | None = None,
) -> Figures:  # fmt: skip
    """Whether what a new prompt names comes, what else changes beside the twin, and whether actions bind as there.

    The ceiling is what is read of `forks`, one for each trial: truth in which the same change came, through the
    tokenizer. Without them it is how well truth in general is read where it shows what was named.
    """
    if forks is None:
        right: dict[tuple[str, int], list[bool]] = {}
        for one in truth:
            for name, value in one.labels.items():
                right.setdefault((name, value), []).append(one.ceiling[name] == value)
        tops = [float(np.mean(right.get((trial.attribute, trial.value), [0.0]))) for trial in trials]
    else:
        tops = [float(fork[one.attribute] == one.value) for one, fork in zip(trials, forks, strict=True)]
    figures: Figures = {"rollouts": len(trials), "each": {}}
    for name in ("all", *sorted({trial.attribute for trial in trials})):
        some = [(one, top) for one, top in zip(trials, tops, strict=True) if name in ("all", one.attribute)]
        worlds = [one.world for one, _ in some]
        if len(set(worlds)) < 2:
            continue
        came, before, top = (
            np.array(column, np.float64)
            for column in (
                [one.changed[one.attribute] == one.value for one, _ in some],
                [one.twin[one.attribute] == one.value for one, _ in some],
                [top for _, top in some],
            )
        )
        counts = np.stack([came, before, top], 1)
        places = np.array([counts[np.array(worlds) == world].sum(0) for world in np.unique(worlds)])
        figures["each"][name] = {
            "rollouts": len(some),
            "changed": asdict(mean(came, worlds, **options)),
            "chance": float(before.mean()),
            "ceiling": float(top.mean()),
            "n": asdict(over_worlds(lambda s: normalised(s[..., 0], s[..., 1], s[..., 2]), places, **options))
            if top.mean() > before.mean() else None,
        }  # fmt: skip
    worlds = [trial.world for trial in trials]
    others = [[trial.changed[name] == trial.twin[name] for name in passed & trial.changed.keys()
               if name != trial.attribute] for trial in trials]  # fmt: skip
    kept, among = (np.array([fold(row) for row in others], np.float64) for fold in (sum, len))
    if among.all():
        figures["others_kept"] = asdict(ratio(kept, among, worlds, **options))
        same = [[trial.again[name] == trial.twin[name] for name in passed & trial.again.keys()
                 if name != trial.attribute] for trial in trials]  # fmt: skip
        alike = np.array([sum(row) for row in same], np.float64)
        if all(len(row) for row in same):
            figures["others_alike"] = asdict(ratio(alike, among, worlds, **options))
    if "action" in passed and all(trial.actions for trial in trials):
        figures["actions"] = _unharmed(facts["actions"], trials, options)
    return figures


def _unharmed(facts: ReaderFacts, trials: Sequence[EventReading], options: Options) -> Figures | None:
    """Macro-F1 of the actions with and without the change of the prompt, and the one over the other."""
    classes = len(facts.labels["action"])
    changed, twin = (
        tallies([Outcome(one.world, one.actions, getattr(one, name)) for one in trials], classes)[0]
        for name in ("changed_actions", "twin_actions")
    )
    chosen = counted(facts, "action", twin)
    if not chosen or f1(twin.sum(0), chosen) == 0:
        return None

    def share(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return f1(one, chosen) / np.maximum(f1(other, chosen), 1e-3)

    return {
        "changed": asdict(over_worlds(partial(f1, chosen=chosen), changed, **options)),
        "twin": asdict(over_worlds(partial(f1, chosen=chosen), twin, **options)),
        "changed_over_twin": asdict(over_worlds(share, changed, twin, **options)),
    }
