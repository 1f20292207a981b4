"""All figures that follow from readings, and the bars of them.

Each score S stands beside chance c, the ceiling K (truth through the tokenizer) and N = (S - c) / (K - c). A reader
that fails its validation is named and not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from worldsim.fidelity.bars import bar
from worldsim.fidelity.probes.actions import ActionReading, DriftReading
from worldsim.fidelity.probes.attributes import AttributeReading, EventReading, PromptReading
from worldsim.fidelity.readback.actions import WINDOW, actions, drift
from worldsim.fidelity.readback.attributes import events, prompts
from worldsim.fidelity.readback.validation import PASS, validation
from worldsim.fidelity.readers.reader import ReaderFacts

__all__ = ["readback_bars", "readback_figures"]

Figures = dict[str, Any]


def readback_figures(trials: Sequence[Any], options: dict[str, int]) -> Figures:
    """All figures that follow from readings; `options` are those of the bootstrap.

    Raises:
        StatisticsError: readings of fewer than two worlds.
    """
    facts = {trial.kind: trial for trial in trials if isinstance(trial, ReaderFacts)}
    acted = [trial for trial in trials if isinstance(trial, ActionReading)]
    drifted = [trial for trial in trials if isinstance(trial, DriftReading)]
    truth = [trial for trial in trials if isinstance(trial, AttributeReading)]
    asked = [trial for trial in trials if isinstance(trial, PromptReading)]
    changed = [trial for trial in trials if isinstance(trial, EventReading)]
    figures: Figures = {}
    for kind in facts:
        read = acted if kind == "actions" else truth
        figures.setdefault("readers", {}).update(validation(facts[kind], read, options) if read else {})
    passed = {head for head, found in figures.get("readers", {}).items() if found["passed"]}
    if "action" in passed:
        figures["actions"] = actions(facts["actions"], acted, options)
        if drifted:
            figures["drift"] = drift(facts["actions"], drifted, options)
    if asked:
        figures["prompts"] = prompts(facts["attributes"], truth, asked, passed, options)
    if changed := [trial for trial in changed if trial.attribute in passed]:
        figures["events"] = events(facts, truth, changed, passed, options)
    return figures


def readback_bars(figures: Figures) -> list[Figures]:
    """The bars of all that was read."""
    bars = []
    for head, found in figures.get("readers", {}).items():
        if found["macro_f1"] is not None:
            bars.append(bar(f"reader of {head}: macro-F1 at least {PASS[head]}", found["macro_f1"], PASS[head], 1))
    if found := figures.get("actions"):
        bars.append(bar("action readback: N at least 0.9", found["n"], 0.9, 1))
        for axis, gain in found["turn_gain"].items():
            inside = 0.9 <= gain["value"] <= 1.1
            sure = gain["low"] >= 0.9 and gain["high"] <= 1.1
            bars.append({"bar": f"gain of {axis} between 0.9 and 1.1", **gain, "met": inside, "sure": sure})
    if kept := figures.get("drift", {}).get("last_over_first"):
        bars.append(bar(f"{figures['drift']['frames']} frames: N of the last {WINDOW} at least 0.7 x the first's", kept,
                        0.7, 1))  # fmt: skip
    for head, found in figures.get("prompts", {}).items():
        if isinstance(found, dict) and "n" in found:
            bars.append(bar(f"prompts, {head}: N at least 0.85", found["n"], 0.85, 1))
    if found := figures.get("events"):
        if "all" in found["each"]:
            bars.append(bar("text events: named change in at least 80 %", found["each"]["all"]["changed"], 0.8, 1))
        if "others_kept" in found:
            bars.append(bar("text events: other attributes kept in at least 90 %", found["others_kept"], 0.9, 1))
        if found.get("actions"):
            bars.append(bar("text events: action readback at least 0.95 x the twin's",
                            found["actions"]["changed_over_twin"], 0.95, 1))  # fmt: skip
    return bars
