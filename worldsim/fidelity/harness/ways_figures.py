"""From what trials measured beside their questions to figures: ways in time, changed cells, warps, poses at returns.

Truth is what the candidate's own compression leaves of it: a figure "candidate - truth" is 0 for truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from worldsim.fidelity.harness.figures import units
from worldsim.fidelity.scores import over_worlds
from worldsim.fidelity.statistics import mean, ratio

__all__ = ["beside", "cells", "closure", "collateral", "reprojection", "ways"]

Figures = dict[str, Any]
Line = dict[str, Any]
BEGUN = 0.1  # share of a whole way from which on something has begun


def beside(name: str, mine: Sequence[float], best: Sequence[float], worlds: Sequence[int],
           options: dict[str, int]) -> Figures:  # fmt: skip
    """A mean of the candidate's, and of its differences from truth's."""
    one, other = (np.array(part, np.float64) for part in (mine, best))
    gap = asdict(mean(one - other, worlds, **options))
    return {name: asdict(mean(one, worlds, **options)), f"{name}, candidate - truth": {**gap, "truth": 0.0}}


def ways(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """When what happens begins and ends, in frames off truth; and how far off it is on its way, in whole ways."""
    tracks = [(line["seed"], track) for line in lines for play in line["plays"] for track in play.get("tracks", [])]
    tracks = [(world, track) for world, track in tracks if max(track["points"]) > min(track["points"])]
    worlds = [world for world, _ in tracks]
    mine, best = ([way(track, who) for _, track in tracks] for who in ("candidate", "ceiling"))
    found: Figures = {}
    for number, name in enumerate(("onset error, frames", "arrival error, frames", "path error, share of the way")):
        found |= beside(name, [one[number] for one in mine], [one[number] for one in best], worlds, options)
    seen = [abs(track["points"][put] - track["points"][read]) / float(np.ptp(track["points"]))
            for _, track in tracks for put, read in track["planted"]]  # fmt: skip
    where = [world for world, track in tracks for _ in track["planted"]]
    return {**found, "path error of the reader itself, planted": asdict(mean(np.array(seen), where, **options))}


def way(track: Line, who: str) -> tuple[float, float, float]:
    """How many frames off it begins and ends, and how far off it is on average, as a share of the whole way.

    What never begins, or never comes to its end, does so after the last frame.
    """
    points = np.array(track["points"])
    true, read = points[1:], points[track["read"][who]]
    whole = float(np.ptp(points))

    def first(along: np.ndarray) -> int:
        return int(np.append(np.abs(along - points[0]) > BEGUN * whole, True).argmax())

    def last(along: np.ndarray) -> int:
        away = np.flatnonzero(np.abs(along - points[-1]) > BEGUN * whole)
        return int(away[-1]) + 1 if len(away) else 0

    return (float(abs(first(read) - first(true))), float(abs(last(read) - last(true))),
            float(np.abs(read - true).mean() / whole))  # fmt: skip


def cells(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """F1 of the cells of a picture that changed, where the view rests; 1 for truth that no compression has touched."""
    rows = [(line["seed"], play["changed"]) for line in lines for play in line["plays"] if "changed" in play]
    worlds = sorted({world for world, _ in rows})
    counts = np.zeros((len(worlds), 2, 3))  # of the candidate and of truth: both, told, true
    for world, changed in rows:
        counts[worlds.index(world)] += [changed[who][:3] for who in ("candidate", "ceiling")]

    def score(sums: np.ndarray) -> np.ndarray:
        return sums[..., 0] / np.maximum((sums[..., 1] + sums[..., 2]) / 2.0, 1e-9)

    gap = over_worlds(lambda sums: score(sums[..., 0, :]) - score(sums[..., 1, :]), counts, **options)
    return {"changed-cell F1": asdict(over_worlds(score, counts[:, 0], **options)),
            "changed-cell F1, candidate - truth": {**asdict(gap), "truth": 0.0}}  # fmt: skip


def reprojection(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """How well frames of one play fit each other when warped by true depths: 1 for truth, 0 for an unmoved copy."""
    rows = [(line["seed"], warp["read"]) for line in lines for play in line["plays"] for warp in play.get("warps", [])]
    worlds = [world for world, _ in rows]
    top = np.array([read["copy"] - read["candidate"] for _, read in rows])
    bottom = np.array([read["copy"] - read["ceiling"] for _, read in rows])
    return {"depth reprojection": {**asdict(ratio(top, bottom, worlds, **options)), "truth": 1.0}}


def closure(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """How far the pose read at the return is from the one commanded, given that the view was left."""
    asked = list(units(lines, "candidate", ("pose",)))
    worlds = [unit.world for unit in asked]
    found: Figures = {}
    for number, name in enumerate(("pose closure, degrees", "pose closure, blocks")):
        mine, best = ([unit.question["values"][unit.question["read"][who]][number] for unit in asked]
                      for who in ("candidate", "ceiling"))  # fmt: skip
        found |= beside(name, mine, best, worlds, options)
    return found


def collateral(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """How often what stands beside a deed, and that nobody touched, is read as changed."""
    asked = list(units(lines, "candidate", ("beside",)))
    mine, best = ([float(unit.question["read"][who] != unit.question["right"]) for unit in asked]
                  for who in ("candidate", "ceiling"))  # fmt: skip
    return beside("collateral changes", mine, best, [unit.world for unit in asked], options)
