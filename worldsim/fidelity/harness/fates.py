"""Stochastic truth: scenes that chance goes on with. Is what becomes of them among what may, and as often?

The candidate plays each scene several times, by other noise each time. Every outcome is read as one of many that the
engine has drawn: those that forks of truth came to, places all around, nothing there, two instead of one. Coverage is
the share of outcomes that forks came near; calibration compares where they lie with where the forks do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

import numpy as np

from worldsim.fidelity.harness.bench import Bench, Trial
from worldsim.fidelity.harness.lines import frames_hash
from worldsim.fidelity.harness.reading import RenderReader
from worldsim.fidelity.harness.scenes import Fates
from worldsim.fidelity.harness.staged import strip_of
from worldsim.fidelity.statistics import mean, ratio

__all__ = ["calibration", "fates_trial", "spreads"]

Figures = dict[str, Any]
Line = dict[str, Any]


def fates_trial(bench: Bench, probe: str, index: int, rollouts: int) -> Trial:
    """Stage a scene, play it `rollouts` times, read each. Raises `FidelityError` where it cannot be staged or started.

    Readings are those of a staged trial, but "truth" is what a fork showed, which the reader must know; "ceiling" is
    truth by a luck of its own through the candidate's compression, and "held out" the same raw.
    """
    scene = bench.scene(probe, "fates", index, {"rollouts": rollouts})
    fates = cast(Fates, scene.plays[0].questions[0])
    reader, rng, look = RenderReader(fates), bench.draws(probe, index, 1000), fates.looks[0]
    last = reader.read(scene.frames[-1:]).answer
    shown, plays = [], []
    for number, play in enumerate(scene.plays):
        played = bench.candidate.play(scene, play.actions, int(rng.integers(2**31)), play.start)
        shown.append(played.frames)
        truth = play.frames[look - 1 : look]
        mine = reader.read(played.frames[look - 1 : look])
        read = {
            "candidate": mine.answer,
            "truth": reader.read(fates.pictures[number % fates.forks, 0]).answer,
            "ceiling": reader.read(bench.candidate.round_trip(truth)).answer,
            "held out": reader.read(truth).answer,
            "copy": last,
            "still": fates.still,
            "shuffled": -1,
        }
        question = {
            "name": fates.name, "kind": fates.kind, "needs": "", "answers": list(fates.answers), "right": fates.right,
            "chance": fates.chance, "values": [], "read": read, "margin": round(mine.margin, 2), "mask": mine.pixels,
            "planted": reader.planted(rng),
        }  # fmt: skip
        plays.append({"name": play.name, "hash": frames_hash(played.frames), "steps": played.steps,
                      "questions": [question]})  # fmt: skip
    payload = {"facts": dict(scene.facts), "forks": fates.forks, "still": fates.still,
               "points": np.asarray(fates.points).tolist(), "plays": plays}  # fmt: skip
    strips = tuple(strip_of(scene, play, frames) for play, frames in zip(scene.plays[:2], shown, strict=False))
    return Trial(scene.seed, payload, strips)


def calibration(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """Whether outcomes come as often as in truth: rank and energy distance, each beside truth's through compression.

    The rank of how far things went is counted among the forks; by truth's own luck it is even in [0, 1] (a probability
    integral transform). The energy distance is unbiased, in the unit of the points.
    """
    worlds = [line["seed"] for line in lines]
    mine, best, raw = ([np.array([statistic(line, who) for line in lines]) for statistic in (rank, energy)]
                       for who in ("candidate", "ceiling", "held out"))  # fmt: skip
    return {
        "rank of how far it went, candidate": asdict(mean(mine[0], worlds, **options)),
        "rank of how far it went, truth": asdict(mean(raw[0], worlds, **options)),
        "rank, candidate - truth": {**asdict(mean(mine[0] - best[0], worlds, **options)), "truth": 0.0},
        "energy distance of outcomes, truth from truth": asdict(mean(raw[1], worlds, **options)),
        "energy distance, candidate - truth": {**asdict(mean(mine[1] - best[1], worlds, **options)), "truth": 0.0},
    }


def spreads(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """How far outcomes of one scene lie apart, beside truth's read as they are: below 1 they are too much alike."""
    worlds, mine, best = zip(*((line["seed"], spread(line, "candidate"), spread(line, "ceiling")) for line in lines),
                             strict=True)  # fmt: skip
    found = asdict(ratio(np.array(mine), np.array(best), worlds, **options))
    return {"spread of outcomes, candidate / truth": {**found, "truth": 1.0}}


def outcomes(line: Line, who: str) -> tuple[np.ndarray, np.ndarray]:
    """Where outcomes (R, D) of somebody and of truth's forks (F, D) lie, from where nothing happened."""
    points = np.array(line["points"]) - np.array(line["points"][line["still"]])
    read = [play["questions"][0]["read"][who] for play in line["plays"]]
    return points[read], points[: line["forks"]]


def rank(line: Line, who: str) -> float:
    """The mean rank in [0, 1] of how far somebody's outcomes went among the forks'; ties count half."""
    mine, forks = (np.linalg.norm(points, axis=1) for points in outcomes(line, who))
    return float(((forks < mine[:, None]).mean() + (forks <= mine[:, None]).mean()) / 2)


def energy(line: Line, who: str) -> float:
    """The energy distance (Székely and Rizzo), without bias, of somebody's outcomes from the forks'."""
    mine, forks = outcomes(line, who)
    return 2.0 * float(_distances(mine, forks).mean()) - _within(mine) - _within(forks)


def spread(line: Line, who: str) -> float:
    """How far two outcomes of somebody lie apart on average."""
    return _within(outcomes(line, who)[0])


def _distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.linalg.norm(one[:, None] - other, axis=-1)


def _within(points: np.ndarray) -> float:
    count = len(points)
    return float(_distances(points, points).sum()) / max(count * (count - 1), 1)
