"""From the lines of a staged probe to its figures: S, c, K and N with intervals, the reader's validation, baselines.

S is the share of questions answered as truth does; c is chance; K is what truth scores through the candidate's own
compression; N = (S - c) / (K - c). Worlds are drawn, never single questions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from worldsim.fidelity.harness.reading import groups
from worldsim.fidelity.scores import over_worlds
from worldsim.fidelity.statistics import StatisticsError, mean, wilson

__all__ = ["BASELINES", "PLANTED", "RAW", "Unit", "read_figures", "share", "staged_figures", "units"]

Figures = dict[str, Any]
Line = dict[str, Any]
RAW, PLANTED = 0.98, 0.95  # what a reader has to tell of raw truth, and of planted worlds
BASELINES = ("copy", "still", "shuffled")
ROOM = 0.15  # by which the ceiling must lie above chance, or N says nothing


@dataclass(frozen=True)
class Unit:
    """One question of one trial as one reader answered it."""

    world: int
    hit: bool
    chance: float
    question: dict[str, Any]
    play: dict[str, Any]
    line: Line


def named(question: dict[str, Any], answer: int) -> str:
    """What counts of an answer's name."""
    return groups(question["answers"])[answer]


def hit(question: dict[str, Any], who: str) -> bool:
    """Whether somebody's answer is the right one."""
    answer = question["read"][who]
    return answer >= 0 and named(question, answer) == named(question, question["right"])


def units(lines: Sequence[Line], who: str, kinds: Sequence[str] = ("score",)) -> Iterator[Unit]:
    """All questions that count for somebody: those whose condition, if they have one, that one's own answer meets."""
    for line in lines:
        for play in line["plays"]:
            asked = {question["name"]: question for question in play["questions"]}
            for question in play["questions"]:
                answered = question["read"][who] >= 0
                needed = question["needs"]
                if question["kind"] in kinds and answered and (not needed or hit(asked[needed], who)):
                    yield Unit(line["seed"], hit(question, who), question["chance"], question, play, line)


def share(hits: Sequence[bool], worlds: Sequence[int], options: dict[str, int]) -> Figures | None:
    """A share with its interval: Wilson's where each world has one trial, else over worlds; None of nothing."""
    if not len(hits):
        return None
    if len(set(worlds)) == len(worlds):
        return asdict(wilson(int(np.sum(hits)), len(hits)))
    if len(set(worlds)) < 2:
        return {"value": float(np.mean(hits)), "low": 0.0, "high": 1.0}
    return asdict(mean(np.asarray(hits, np.float64), worlds, **options))


def staged_figures(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """All that staged probes have in common.

    Args:
        lines: of one probe.
        options: `resamples` and `seed` of the bootstrap.
    """
    figures = read_figures(lines, options)
    if figures["reader"]["sound"]:
        figures["baselines"] = {who: _scores(lines, who, options) for who in BASELINES}
        figures["all"] = _all(lines, options)
        figures["by"] = _by(lines, options)
    return figures


def read_figures(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """What one reader tells: its validation, and where that is passed S, c, K and N of the candidate."""
    truth, planted = list(units(lines, "truth", ("score", "gate"))), list(_planted(lines))
    raw = share([unit.hit for unit in truth], [unit.world for unit in truth], options)
    found = share([same for _, same in planted], [world for world, _ in planted], options)
    sound = raw is not None and found is not None and raw["value"] >= RAW and found["value"] >= PLANTED
    asked = sum(question["kind"] == "score" for line in lines for play in line["plays"]
                for question in play["questions"])  # fmt: skip
    figures: Figures = {
        "trials": len(lines), "worlds": len({line["seed"] for line in lines}), "asked": asked,
        "reader": {"sound": sound, "raw truth": raw, "planted": found},
    }  # fmt: skip
    return figures | _scores(lines, "candidate", options) if sound else figures


def _planted(lines: Sequence[Line]) -> Iterator[tuple[int, bool]]:
    for line in lines:
        for play in line["plays"]:
            for question in play["questions"]:
                if question["kind"] == "score":
                    yield from ((line["seed"], named(question, put) == named(question, read))
                                for put, read in question["planted"])  # fmt: skip


def _scores(lines: Sequence[Line], who: str, options: dict[str, int]) -> Figures:
    """S, c, K and N of somebody."""
    mine, best = list(units(lines, who)), list(units(lines, "ceiling"))
    if not mine or not best:
        return {"S": None, "c": None, "K": None, "N": None, "questions": len(mine)}
    worlds = sorted({unit.world for unit in [*mine, *best]})
    place = {world: row for row, world in enumerate(worlds)}
    counts = np.zeros((len(worlds), 6))  # hits, chances, questions; the same of the ceiling
    for first, part in ((0, mine), (3, best)):
        for unit in part:
            counts[place[unit.world], first : first + 3] += unit.hit, unit.chance, 1.0

    def score(sums: np.ndarray) -> np.ndarray:
        s, c = (sums[..., i] / np.maximum(sums[..., 2], 1e-9) for i in (0, 1))
        k, d = (sums[..., i] / np.maximum(sums[..., 5], 1e-9) for i in (3, 4))
        return (s - c) / np.where(k - d > 1e-6, k - d, np.nan)

    total = counts.sum(0)
    if total[3] / total[5] - total[4] / total[5] < ROOM:  # the candidate's own compression hides what is asked
        return {**_share(mine, best, options), "c": float(total[1] / total[2]), "N": None, "questions": len(mine)}
    try:
        normal = asdict(over_worlds(score, counts, **options))
    except StatisticsError:  # too few worlds for an interval
        normal = {"value": float((total[0] - total[1]) / total[2] / ((total[3] - total[4]) / total[5]))}
    return {**_share(mine, best, options), "c": float(total[1] / total[2]), "N": normal, "questions": len(mine)}


def _share(mine: Sequence[Unit], best: Sequence[Unit], options: dict[str, int]) -> Figures:
    """S and K."""
    return {name: share([unit.hit for unit in part], [unit.world for unit in part], options)
            for name, part in (("S", mine), ("K", best))}  # fmt: skip


def _all(lines: Sequence[Line], options: dict[str, int]) -> Figures | None:
    """The share of scenes in which every play's question was answered as truth does, where scenes have several."""
    kept = [line for line in lines if len(line["plays"]) > 1]
    right, worlds, chances = [], [], []
    for line in kept:
        asked = [question for play in line["plays"] for question in play["questions"] if question["kind"] == "score"]
        if len(asked) > 1:
            right.append(all(hit(question, "candidate") for question in asked))
            worlds.append(line["seed"])
            chances.append(float(np.prod([question["chance"] for question in asked])))
    found = share(right, worlds, options)
    return None if found is None else {**found, "chance": float(np.mean(chances))}


def _by(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """Shares by question, by play and by each fact of the scenes."""
    keys: dict[str, Callable[[Unit], Any]] = {
        "question": lambda unit: unit.question["name"],
        "play": lambda unit: unit.play["name"],
        **{fact: lambda unit, fact=fact: unit.line["facts"].get(fact)
           for fact in sorted({fact for line in lines for fact in line["facts"]})},
    }  # fmt: skip
    found: Figures = {}
    for name, key in keys.items():
        parts: dict[Any, list[Unit]] = defaultdict(list)
        for unit in units(lines, "candidate"):
            parts[key(unit)].append(unit)
        if len(parts) > 1:
            found[name] = {
                str(value): {**(share([u.hit for u in part], [u.world for u in part], options) or {}), "n": len(part)}
                for value, part in sorted(parts.items(), key=lambda item: (str(type(item[0])), item[0]))
            }
    return found
