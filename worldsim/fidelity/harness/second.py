"""From lines to the figures of the second reader, the state decoder: its validation, and what it says beside the first.

A staged probe is scored by it as by the renderer, over those questions that labels decide; a probe whose second reader
fails is not. What it reads from single cells is told as it is: no probe stands on single cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import pearsonr

from worldsim.fidelity.harness.figures import Unit, read_figures, share, units
from worldsim.fidelity.scores import over_worlds
from worldsim.fidelity.statistics import StatisticsError, mean

__all__ = ["APART", "second_figures", "validation_figures"]

Figures = dict[str, Any]
Line = dict[str, Any]
APART = 0.05  # by which two readers' S may differ without a remark
AXES = ("yaw", "pitch", "ahead", "right")


def second_figures(lines: Sequence[Line], options: dict[str, int]) -> Figures | None:
    """S, c, K, N and validation of the second reader; and how far it lies from the first on the same questions.

    None where no question was put to it. "apart" says whether the two differ by more than `APART`.
    """
    decoded = [_decoded(line) for line in lines]
    if not any(play["questions"] for line in decoded for play in line["plays"]):
        return None
    figures = read_figures(decoded, options)
    figures["of"] = sum(question["kind"] == "score" for line in lines for play in line["plays"]
                        for question in play["questions"])  # fmt: skip
    if figures["reader"]["sound"]:
        first, second = (dict(_keyed(part)) for part in (lines, decoded))
        both = sorted(set(first) & set(second))
        gaps = [float(second[key].hit) - float(first[key].hit) for key in both]
        worlds = [first[key].world for key in both]
        figures["second - first"] = _mean(gaps, worlds, options) if gaps else None
        figures["apart"] = bool(gaps) and abs(float(np.mean(gaps))) > APART
    return figures


def _mean(gaps: Sequence[float], worlds: Sequence[int], options: dict[str, int]) -> Figures:
    try:
        return asdict(mean(np.array(gaps), worlds, **options))
    except StatisticsError:  # too few worlds for an interval
        return {"value": float(np.mean(gaps))}


def _keyed(lines: Sequence[Line]) -> Iterator[tuple[tuple[int, str, str], Unit]]:
    """All questions that count for the candidate, by trial, play and name."""
    for unit in units(lines, "candidate"):
        yield (unit.line["index"], unit.play["name"], unit.question["name"]), unit


def _decoded(line: Line) -> Line:
    """A line as the second reader alone would have written it: without what it was not asked."""
    plays = []
    for play in line["plays"]:
        asked = {question["name"]: {**question, **question["decoded"]}
                 for question in play["questions"] if "decoded" in question}  # fmt: skip
        kept = [one for one in asked.values() if not one["needs"] or one["needs"] in asked]
        plays.append({**play, "questions": kept})
    return {**line, "plays": plays}


def validation_figures(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """What the decoder tells of new worlds, raw and compressed: cells, entities, moves, and planted faults."""
    found: Figures = {"worlds": len(lines), "cells": {}, "moves": {}, "faults": {}}
    truth = np.concatenate([np.array(line["moves"]["truth"]) for line in lines])
    for who in ("raw", "compressed"):
        names = list(lines[0]["cells"][who])
        counts = np.array([[line["cells"][who][name] for name in names] for line in lines], np.float64)

        def ratio(over: str, under: str, names: list[str] = names, counts: np.ndarray = counts) -> Figures:
            rows = names.index(over), names.index(under)
            return asdict(over_worlds(partial(_ratio, rows=rows), counts, **options))

        found["cells"][who] = {
            "kind": ratio("kind right", "cells"), "depth": ratio("depth right", "cells"),
            "entities, recall": ratio("entities right", "entities"),
            "entities, precision": ratio("entities right", "entities told"),
        }  # fmt: skip
        read = np.concatenate([np.array(line["moves"][who]) for line in lines])
        found["moves"][who] = {
            axis: {"r": float(np.asarray(pearsonr(truth[:, i], read[:, i]))[0]),
                   "error": float(np.abs(truth[:, i] - read[:, i]).mean())}
            for i, axis in enumerate(AXES) if np.ptp(truth[:, i]) > 0 and np.ptp(read[:, i]) > 0
        }  # fmt: skip
        asked = [(fault["name"], line["seed"], fault[who]) for line in lines for fault in line["faults"]]
        names_of = dict.fromkeys(name for name, _, _ in asked)
        found["faults"][who] = {
            "as it is": share([bool(one[0]) for _, _, one in asked], [seed for _, seed, _ in asked], options),
            **{name: share([bool(one[1]) for other, _, one in asked if other == name],
                           [seed for other, seed, _ in asked if other == name], options) for name in names_of},
        }  # fmt: skip
    return found


def _ratio(sums: np.ndarray, rows: tuple[int, int]) -> np.ndarray:
    return sums[..., rows[0]] / np.maximum(sums[..., rows[1]], 1e-9)
