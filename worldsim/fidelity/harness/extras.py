"""What single probes tell beside S and N: turn gain, bias of sides, effect of actions, half-life, fading of colours.

Each function takes a probe's lines and the options of the bootstrap and returns estimates by name, with what truth
would have in "truth": an interval that leaves it out is a departure that the score alone may not show.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from worldsim.fidelity.harness.fates import calibration, spreads
from worldsim.fidelity.harness.figures import hit, named, share, units
from worldsim.fidelity.harness.ways_figures import beside, cells, closure, collateral, reprojection, ways
from worldsim.fidelity.scores import Outcome, f1, over_worlds, tallies
from worldsim.fidelity.statistics import StatisticsError, mean, ratio

__all__ = ["EXTRAS"]

Figures = dict[str, Any]
Line = dict[str, Any]
HALF = 0.5


def actions(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """Macro-F1 over the actions, for S, the ceiling and the shuffled."""
    asked = [question for line in lines for play in line["plays"] for question in play["questions"]]
    names = sorted({name for question in asked for name in question["answers"]})
    found: Figures = {}
    for who in ("candidate", "ceiling", "shuffled"):
        outcomes = [Outcome(unit.world, [names.index(named(unit.question, unit.question["right"]))],
                            [names.index(named(unit.question, unit.question["read"][who]))])
                    for unit in units(lines, who)]  # fmt: skip
        counts, worlds = tallies(outcomes, len(names))
        if len(worlds) > 1:
            estimate = asdict(over_worlds(lambda sums: f1(sums.reshape(*sums.shape[:-1], 3, -1), range(len(names))),
                                          counts.reshape(len(worlds), -1), **options))  # fmt: skip
            found[f"macro-F1, {who}"] = {**estimate, **({"truth": 1.0} if who == "candidate" else {})}
    return found


def angles(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """Gain, bias and error of turns, in degrees read by the renderer: 1, 0 and 0 for truth."""
    rows = [(line["seed"], q["values"][q["right"]], q["values"][q["read"]["candidate"]])
            for line in lines for play in line["plays"] for q in play["questions"] if q["values"]]  # fmt: skip
    worlds, asked, read = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    gain = asdict(ratio(asked * read, asked * asked, worlds, **options))
    bias, error = (asdict(mean(values, worlds, **options)) for values in (read - asked, np.abs(read - asked)))
    return {"gain of turns": {**gain, "truth": 1.0}, "bias of turns, degrees": {**bias, "truth": 0.0},
            "error of turns, degrees": {**error, "truth": 0.0}}  # fmt: skip


def bias(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """How much oftener left is shown than right, as a share: 0 for truth."""
    rows = [(unit.world, 1.0 if named(unit.question, unit.question["read"]["candidate"]) == "left" else -1.0)
            for unit in units(lines, "candidate")]  # fmt: skip
    worlds, values = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    return {"left rather than right": {**asdict(mean(values, worlds, **options)), "truth": 0.0}}


def effect(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """How far branches part beside how far they part in truth."""
    rows = [(line["seed"], *line["effect"]) for line in lines if line["effect"] and line["effect"][1] > 0]
    worlds, mine, true = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    return {"effect ratio": {**asdict(ratio(mine, true, worlds, **options)), "truth": 1.0}}


def memory(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """Revisit minus control: how much oftener a view is known again than one that was never seen is guessed."""
    revisits = {line["seed"]: [unit.hit for unit in units([line], "candidate")] for line in lines}
    controls = {line["seed"]: [unit.hit for unit in units([line], "candidate", ("extra",))] for line in lines}
    gains = {world: np.mean(hits) - np.mean(controls[world])
             for world, hits in revisits.items() if hits and controls[world]}  # fmt: skip
    found = asdict(mean(np.array(list(gains.values())), np.array(list(gains)), **options))
    control = list(units(lines, "candidate", ("extra",)))
    seen = share([unit.hit for unit in control], [unit.world for unit in control], options)
    return {"memory gain": found, "control, never seen": seen}


def windows(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """S at each look, the half-life of N, the share of trials lost at the end, and the fading of colours."""
    hits: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    chance = 0.0
    for unit in units(lines, "candidate"):
        hits[int(unit.question["name"].split()[-1])].append((unit.world, unit.hit))
        chance = unit.chance
    curve = {str(step): share([right for _, right in rows], [world for world, _ in rows], options)
             for step, rows in sorted(hits.items())}  # fmt: skip
    levels = {int(step): (part["value"] - chance) / (1.0 - chance) for step, part in curve.items() if part}
    first = levels[min(levels)] if levels else 0.0
    half = next((step for step, level in levels.items() if level < HALF * first), None)
    ends = [(line["seed"], not all(hit(question, "candidate") for question in line["plays"][0]["questions"][-2:]))
            for line in lines]  # fmt: skip
    lost = share([gone for _, gone in ends], [world for world, _ in ends], options)
    return {"curve": curve, "half-life, frames": half, "share lost at the end": {**(lost or {}), "truth": 0.0},
            **colour(lines, options)}  # fmt: skip


def colour(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """How much brighter than truth the picture becomes in 32 frames, in percent; 0 for truth."""
    slopes, worlds = [], []
    for line in lines:
        for play in line["plays"]:
            looks = play["looks"]
            if len(looks) > 1:
                slopes.append(3200.0 * float(np.polyfit(looks, play["colour"], 1)[0]))
                worlds.append(line["seed"])
    found = asdict(mean(np.array(slopes), np.array(worlds), **options))
    return {"brighter, percent in 32 frames": {**found, "truth": 0.0}}


def outcomes(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """Which answers were read, as shares of all."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for unit in units(lines, "candidate"):
        counts[unit.question["name"]][named(unit.question, unit.question["read"]["candidate"])] += 1
    return {"read": {name: {answer: count / sum(part.values()) for answer, count in sorted(part.items())}
                     for name, part in counts.items()}}  # fmt: skip


def births(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """Animals too many and too few per 1,000 frames, how wrong the count is, and how often it grows."""
    rows = list(units(lines, "candidate"))
    worlds = [unit.world for unit in rows]
    frames = np.array([unit.line["facts"]["frames"] for unit in rows])
    more = {who: np.array([unit.question["values"][unit.question["read"][who]]
                           - unit.question["values"][unit.question["right"]] for unit in rows], np.float64)
            for who in ("candidate", "ceiling")}  # fmt: skip
    found: Figures = {}
    for name, sign in (("births per 1,000 frames", 1.0), ("deaths per 1,000 frames", -1.0)):
        happened = 1000.0 * np.maximum(sign * more["candidate"], 0.0)
        found[name] = {**asdict(ratio(happened, frames, worlds, **options)), "truth": 0.0}
    off, grown = ({who: measure(part).tolist() for who, part in more.items()}
                  for measure in (np.abs, lambda part: (part > 0).astype(np.float64)))  # fmt: skip
    return {**found, **beside("count error, animals", off["candidate"], off["ceiling"], worlds, options),
            **beside("P(count grows)", grown["candidate"], grown["ceiling"], worlds, options)}  # fmt: skip


def safely(function: Any) -> Any:
    """The function, giving nothing where there are too few worlds for an interval."""

    def wrapped(lines: Sequence[Line], options: dict[str, int]) -> Figures:
        try:
            return function(lines, options)
        except StatisticsError:
            return {}

    return wrapped


EXTRAS = {
    "action control": [actions], "turns": [angles], "left and right": [bias], "counterfactual pairs": [effect],
    "3-D consistency": [memory, reprojection, closure], "drift": [windows], "permanence": [outcomes],
    "persistence": [collateral, outcomes], "physics": [ways, cells, outcomes],
    "stochastic truth": [calibration, spreads], "births and deaths": [births, outcomes],
}  # fmt: skip
