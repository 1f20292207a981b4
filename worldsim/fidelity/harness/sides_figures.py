"""From the lines of "sides in words" to its figures: both of a pair right, given that the thing shows in both.

The reader of sights is validated first, thing by thing, on raw truth; things that it does not tell are not scored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from worldsim.fidelity.harness.figures import ROOM, share
from worldsim.fidelity.harness.sides import AXES
from worldsim.fidelity.readers.sights import THINGS
from worldsim.fidelity.scores import over_worlds
from worldsim.fidelity.statistics import StatisticsError, mean

__all__ = ["sides_figures"]

Figures = dict[str, Any]
Line = dict[str, Any]
CHANCE = 0.25  # both of a pair right
THERE, RIGHT, PLANTED = 0.8, 0.95, 0.95  # F1 of being there, shares of sides and of mirrored sides, on raw truth
CLEAR = (0.38, 0.62)  # views whose thing's middle lies between are of no side
TRUE_SHARE, TRUE_MIDDLE, SHARE, MIDDLE = range(4)  # columns of views


def sides_figures(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """Both of a pair right, given that the thing shows in both; bias; by axis and by thing; and what shows at all."""
    reader = _validated(lines, options)
    scored = [line for line in lines if line["thing"] in reader["things"]]
    figures: Figures = {"trials": len(lines), "worlds": len({line["seed"] for line in lines}), "reader": reader}
    if not reader["sound"]:
        return figures
    figures |= _score(scored, options)
    figures["baselines"] = {
        "frozen": {"S": _pairs(scored, options, lambda clips: [clips[0], clips[0]])},
        "sides exchanged": {"S": _pairs(scored, options, lambda clips: clips[::-1])},
    }
    clips = [(line, clip) for line in scored for clip in line["clips"] if _there(line, clip, "candidate")]
    extras: Figures = {}
    for who in ("candidate", "ceiling"):
        shows = [_there(line, clip, who) for line in scored for clip in line["clips"]]
        extras[f"shown at all, {who}"] = share(shows, [line["seed"] for line in scored for _ in line["clips"]], options)
    flat = [(line["seed"], _first(clip, "candidate") - (number == 0)) for line in scored
            if line["axis"] == "left/right" for number, clip in enumerate(line["clips"])
            if _there(line, clip, "candidate")]  # fmt: skip
    if len({world for world, _ in flat}) > 1:
        worlds, gaps = (np.array(column, np.float64) for column in zip(*flat, strict=True))
        extras["bias to the left"] = {**asdict(mean(gaps, worlds, **options)), "truth": 0.0}
    extras["each right"] = share([_first(clip, "candidate") == (clip["side"] == next(iter(AXES[line["axis"]])))
                                  for line, clip in clips], [line["seed"] for line, _ in clips], options)  # fmt: skip
    figures["extras"] = {name: value for name, value in extras.items() if value is not None}
    figures["by"] = _by(scored, options)
    return figures


def _there(line: Line, clip: Line, who: str) -> bool:
    return clip["read"][who][0] >= line["least"][line["thing"]]


def _first(clip: Line, who: str) -> bool:
    """Whether the thing is read on the first side of its axis."""
    return clip["read"][who][1] < 0.0


def _hits(line: Line, who: str, swap: Any = list) -> bool | None:
    """Whether both of a pair are right; None where the thing does not show in both."""
    clips = swap(line["clips"])
    if not all(_there(line, clip, who) for clip in line["clips"]):
        return None
    return _first(clips[0], who) and not _first(clips[1], who)


def _pairs(lines: Sequence[Line], options: dict[str, int], swap: Any = list, who: str = "candidate") -> Figures | None:
    found = [(line["seed"], hit) for line in lines if (hit := _hits(line, who, swap)) is not None]
    return _shared(found, options)


def _score(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """S, c, K and N."""
    worlds = sorted({line["seed"] for line in lines})
    counts = np.zeros((len(worlds), 4))  # both right and asked, of the candidate and of the ceiling
    for line in lines:
        for first, who in ((0, "candidate"), (2, "ceiling")):
            if (right := _hits(line, who)) is not None:
                counts[worlds.index(line["seed"]), first : first + 2] += right, 1.0
    total = counts.sum(0)
    told: Figures = {"S": _pairs(lines, options), "c": CHANCE, "K": _pairs(lines, options, who="ceiling"), "N": None,
                     "questions": int(total[1])}  # fmt: skip

    def normal(sums: np.ndarray) -> np.ndarray:
        s, k = (sums[..., i] / np.where(sums[..., i + 1] > 0, sums[..., i + 1], np.nan) for i in (0, 2))
        return (s - CHANCE) / np.where(k - CHANCE > 1e-6, k - CHANCE, np.nan)

    if total[1] and total[3] and total[2] / total[3] - CHANCE >= ROOM:
        try:
            told["N"] = asdict(over_worlds(normal, counts, **options))
        except StatisticsError:  # too few worlds for an interval
            told["N"] = {"value": float(normal(total))}
    return told


def _by(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    found: Figures = {}
    for name in ("axis", "thing"):
        parts: dict[str, list[Line]] = defaultdict(list)
        for line in lines:
            parts[line[name]].append(line)
        told = {key: _pairs(part, options) for key, part in sorted(parts.items())}
        found[name] = {key: {**value, "n": sum(_hits(line, "candidate") is not None for line in parts[key])}
                       for key, value in told.items() if value is not None}  # fmt: skip
    return {name: part for name, part in found.items() if len(part) > 1}


def _validated(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """The reader on raw truth, thing by thing: is what is there found, is its side right, and also in a mirror."""
    told: Figures = {}
    sides, planted = list[tuple[int, bool]](), list[tuple[int, bool]]()
    for word in THINGS:
        f1, views, right = _of_views(lines, word)
        mine = [(line, number, clip) for line in lines if line["thing"] == word
                for number, clip in enumerate(line["clips"])]  # fmt: skip
        right += [(line["seed"], _first(clip, "truth") == (number == 0))
                  for line, number, clip in mine if _there(line, clip, "truth")]  # fmt: skip
        side = _shared(right, options)
        passed = side is not None and side["value"] >= RIGHT and f1 >= THERE
        told[word] = {"there, F1": f1, "views": views, "side": side, "passed": passed}
        if passed:
            sides += right
            planted += [(line["seed"], _first(clip, "planted") == (number == 1)) for line, number, clip in mine
                        if "planted" in clip["read"] and _there(line, clip, "planted")]  # fmt: skip
    found, things = _shared(planted, options), [word for word, part in told.items() if part["passed"]]
    sound = bool(things) and found is not None and found["value"] >= PLANTED
    return {"sound": sound, "raw truth": _shared(sides, options), "planted": found, "things": things,
            "bars": [THERE, RIGHT, PLANTED], "each": told}  # fmt: skip


def _of_views(lines: Sequence[Line], word: str) -> tuple[float, int, list[tuple[int, bool]]]:
    """F1 of a thing's being there, views in which it is, and for those on a side whether that was read."""
    absent, sure = THINGS[word]
    rows = [(line["seed"], line["least"][word], view) for line in lines for view in line["views"][word]]
    known = [row for row in rows if row[2][TRUE_SHARE] < absent or row[2][TRUE_SHARE] >= sure]
    there = np.array([view[TRUE_SHARE] >= sure for _, _, view in known])
    found = np.array([view[SHARE] >= least for _, least, view in known])
    both = [known[i] for i in np.flatnonzero(there & found)]
    sides = [(world, (view[MIDDLE] < 0.5) == (view[TRUE_MIDDLE] < 0.5)) for world, _, view in both
             if not CLEAR[0] <= view[TRUE_MIDDLE] <= CLEAR[1]]  # fmt: skip
    return float(2 * len(both) / max(there.sum() + found.sum(), 1)), int(there.sum()), sides


def _shared(rows: Sequence[tuple[int, bool]], options: dict[str, int]) -> Figures | None:
    return share([hit for _, hit in rows], [world for world, _ in rows], options)
