"""From the lines of strolls and of level A to their figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import rankdata

from worldsim.fidelity.scores import over_worlds, redrawn
from worldsim.fidelity.statistics import StatisticsError, mean, ratio

__all__ = ["alone_figures", "clips_figures", "events_figures", "ranking_figures", "surprise_figures"]

Figures = dict[str, Any]
Line = dict[str, Any]
PERMUTATIONS = 10_000
TOP = 0.25  # share of courses that count as best paid


def alone_figures(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """Means of the candidate and of the reference, each over seeds; N is their ratio where truth's is above zero."""
    found: Figures = {"trials": len(lines), "worlds": len({line["seed"] for line in lines})}
    for who in ("candidate", "truth"):
        rows = [(line["seed"], line[who]) for line in lines if line.get(who) is not None]
        if len({world for world, _ in rows}) > 1:
            worlds, values = (np.array(column, np.float64) for column in zip(*rows, strict=True))
            found["S" if who == "candidate" else "K"] = asdict(mean(values, worlds, **options))
        found[f"{who} means"] = next((line[f"{who} means"] for line in lines if f"{who} means" in line), None)
    both = [(line["seed"], line["candidate"], line["truth"]) for line in lines
            if line.get("truth") is not None and line.get("candidate") is not None]  # fmt: skip
    if len({row[0] for row in both}) > 1 and abs(np.mean([row[2] for row in both])) > 0.05:
        worlds, mine, true = (np.array(column, np.float64) for column in zip(*both, strict=True))
        found["N"] = _or_none(lambda: ratio(mine, true, worlds, **options))
    if len({row[0] for row in both}) > 1:
        gaps = np.array([row[1] - row[2] for row in both])
        gap = asdict(mean(gaps, np.array([row[0] for row in both]), **options))
        found["extras"] = {"candidate - truth": {**gap, "truth": 0.0}}
    return found


def events_figures(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """F1 of events within two frames, precision, recall, Brier score, returns."""
    worlds = np.array([line["seed"] for line in lines])
    counts = {who: np.array([line["matched"][who] for line in lines], np.float64) for who in ("candidate", "shuffled")}

    def score(name: str) -> Callable[[np.ndarray], np.ndarray]:
        def of(sums: np.ndarray) -> np.ndarray:
            hits, happened, told = (sums[..., i] for i in range(3))
            below = {"F1": (happened + told) / 2, "precision": told, "recall": happened}[name]
            return hits / np.maximum(below, 1e-9)

        return of

    def estimate(name: str, who: str) -> Figures | None:
        return _or_none(lambda: over_worlds(score(name), counts[who], **options))

    def normal(sums: np.ndarray, other: np.ndarray) -> np.ndarray:
        mine, chance = score("F1")(sums), score("F1")(other)
        return (mine - chance) / np.maximum(1.0 - chance, 1e-9)

    chance = estimate("F1", "shuffled")
    returns = np.array([line["returns"] for line in lines], np.float64)
    briers = np.array([line["brier"] for line in lines], np.float64)
    gap, error = returns[:, 1] - returns[:, 0], np.abs(returns[:, 1] - returns[:, 0])
    return {
        "trials": len(lines), "worlds": len(set(worlds)), "S": estimate("F1", "candidate"),
        "c": chance["value"] if chance else None, "K": {"value": 1.0, "low": 1.0, "high": 1.0},
        "N": _or_none(lambda: over_worlds(normal, counts["candidate"], counts["shuffled"], **options)),
        "extras": {
            "precision": estimate("precision", "candidate"),
            "recall": estimate("recall", "candidate"),
            "Brier score": {**asdict(ratio(briers[:, 0], briers[:, 2], worlds, **options)), "truth": 0.0},
            "return, candidate - truth": {**asdict(mean(gap, worlds, **options)), "truth": 0.0},
            "return error": {**asdict(mean(error, worlds, **options)), "truth": 0.0},
            "return of truth": asdict(mean(returns[:, 0], worlds, **options)),
            "hack gap": {**asdict(redrawn(partial(_hacked, returns[:, 0], returns[:, 1]), len(lines), **options)),
                         "truth": 0.0},
        },
    }  # fmt: skip


def _hacked(true: np.ndarray, mine: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What the quarter of courses (N,) that the candidate pays best earns there more than in truth: (..., N) → (...).

    Of courses that it pays alike all count alike, so that the order of trials does not matter.
    """
    order = np.argsort(-mine, kind="stable")
    drawn, levels = weights[..., order], np.unique(-mine, return_inverse=True)[1][order]
    sums = np.zeros((*weights.shape[:-1], int(levels.max()) + 1, 2))  # of each payment: weight, gap
    for level in range(sums.shape[-2]):
        inside = levels == level
        sums[..., level, 0] = drawn[..., inside].sum(-1)
        sums[..., level, 1] = drawn[..., inside] @ (mine - true)[order][inside]
    quarter = TOP * drawn.sum(-1)[..., None]
    before = np.cumsum(sums[..., 0], -1) - sums[..., 0]
    share = np.clip(quarter - before, 0.0, sums[..., 0]) / np.maximum(sums[..., 0], 1e-9)
    return (share * sums[..., 1]).sum(-1) / quarter[..., 0]


def clips_figures(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """Polynomial MMD² to truth of the candidate and of spoilt truth, in features scaled by truth's spread."""
    features = {name: np.array([line["features"][name] for line in lines]) for name in lines[0]["features"]}
    middle, spread = features["truth"].mean(0), features["truth"].std(0) + 1e-3
    scaled = {name: (part - middle) / spread for name, part in features.items()}
    pairs = {name: _pairs(scaled["truth"], part) for name, part in scaled.items() if name != "truth"}

    def value(name: str, weights: np.ndarray) -> np.ndarray:
        top = (weights @ pairs[name] * weights).sum(-1)
        bottom = np.square(weights.sum(-1)) - np.square(weights).sum(-1)
        return top / np.maximum(bottom, 1e-9)

    def normal(weights: np.ndarray) -> np.ndarray:
        mine, best, frozen = (value(name, weights) for name in ("candidate", "ceiling", "frozen"))
        return 1.0 - (mine - best) / np.maximum(frozen - best, 1e-9)

    found = {name: asdict(redrawn(partial(value, name), len(lines), **options)) for name in pairs}
    worse = {name: asdict(redrawn(lambda weights, name=name: value(name, weights) - value("ceiling", weights),
                                  len(lines), **options)) for name in ("frozen", "shuffled")}  # fmt: skip
    told = all(part["low"] > 0.0 for part in worse.values())  # the features know spoilt clips
    return {
        "trials": len(lines), "worlds": len({line["seed"] for line in lines}), "S": found["candidate"],
        "K": found["ceiling"], "c": found["frozen"]["value"],
        "N": asdict(redrawn(normal, len(lines), **options)) if told else None,
        "extras": {**{f"MMD², {name}": {**part, **({"truth": 0.0} if name == "candidate" else {})}
                      for name, part in found.items()},
                   **{f"MMD², {name} - ceiling": part for name, part in worse.items()}},
    }  # fmt: skip


def _pairs(true: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """The terms (n, n) whose mean off the diagonal is the unbiased MMD² of two samples (n, d) paired by row."""

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / a.shape[1] + 1.0) ** 3

    terms = kernel(true, true) + kernel(mine, mine) - kernel(true, mine) - kernel(mine, true)
    np.fill_diagonal(terms, 0.0)
    return terms


def ranking_figures(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """Do policies rank alike? Spearman, Pearson, MMRV, regret of the top choice, and a permutation null."""
    policies = sorted({line["policy"] for line in lines})
    worlds = sorted({line["seed"] for line in lines})
    table = np.full((len(worlds), len(policies), 2), np.nan)
    for line in lines:
        table[worlds.index(line["seed"]), policies.index(line["policy"])] = line["returns"]
    table = table[~np.isnan(table).any((1, 2))]  # whole rounds
    found: Figures = {"trials": len(lines), "worlds": len(worlds), "policies": len(policies)}
    if len(table) < 2 or len(policies) < 3:
        return found

    def ranks(sums: np.ndarray) -> np.ndarray:
        true, mine = np.moveaxis(sums, -1, 0)  # (..., policies)
        return _correlation(rankdata(true, axis=-1), rankdata(mine, axis=-1))

    def hacked(sums: np.ndarray) -> np.ndarray:
        """What the policy that the candidate pays best earns there more than in truth, per start."""
        true, mine = np.moveaxis(sums, -1, 0)
        best = mine.argmax(-1)[..., None]
        return np.take_along_axis(mine - true, best, -1)[..., 0] / len(table)

    estimate = asdict(over_worlds(ranks, table, **options))
    true, mine = np.moveaxis(table.mean(0), -1, 0)
    rng = np.random.default_rng(options["seed"])
    shuffled = rankdata(np.stack([rng.permutation(mine) for _ in range(PERMUTATIONS)]), axis=-1)
    worse = float((_correlation(rankdata(true), shuffled) >= estimate["value"] - 1e-9).mean())
    return {**found, "S": estimate, "c": 0.0, "K": {"value": 1.0, "low": 1.0, "high": 1.0}, "N": estimate, "extras": {
        "Pearson": {"value": float(_correlation(true, mine))},
        "MMRV": {"value": mmrv(true, mine), "truth": 0.0},
        "regret of the top choice": {"value": float(true.max() - true[mine.argmax()]), "truth": 0.0},
        "hack gap": {**asdict(over_worlds(hacked, table, **options)), "truth": 0.0},
        "permutation p": {"value": worse},
    }}  # fmt: skip


def mmrv(true: np.ndarray, mine: np.ndarray) -> float:
    """Mean maximum rank violation (SIMPLER, arXiv 2405.05941): the worst gap in truth of a pair ranked wrongly."""
    wrong = (mine[:, None] < mine) != (true[:, None] < true)
    return float((np.abs(true[:, None] - true) * wrong).max(1).mean())


def _correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    a, b = (part - part.mean(-1, keepdims=True) for part in (one, other))
    below = np.sqrt(np.square(a).sum(-1) * np.square(b).sum(-1))
    return (a * b).sum(-1) / np.maximum(below, 1e-9)


def surprise_figures(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """AUC of the candidate's own surprise: altered truth against truth, over all pairs of trials that have both."""
    names = list(dict.fromkeys(name for line in lines for name in line["surprise"]))

    def auc(name: str) -> Callable[[np.ndarray], np.ndarray]:
        here = np.array([name in line["surprise"] for line in lines])
        altered, true = np.array([line["surprise"][name] for line in lines if name in line["surprise"]]).T
        wins = (altered[:, None] > true) + 0.5 * (altered[:, None] == true)

        def of(weights: np.ndarray) -> np.ndarray:
            drawn = weights[..., here]
            return (drawn @ wins * drawn).sum(-1) / np.maximum(np.square(drawn.sum(-1)), 1e-9)

        return of

    score = asdict(redrawn(lambda weights: np.mean([auc(name)(weights) for name in names], 0), len(lines), **options))
    normal = {key: 2.0 * value - 1.0 for key, value in score.items()}
    extras = {f"AUC, {name}": asdict(redrawn(auc(name), len(lines), **options)) for name in names}
    return {"trials": len(lines), "worlds": len({line["seed"] for line in lines}), "S": score, "c": 0.5,
            "K": {"value": 1.0, "low": 1.0, "high": 1.0}, "N": normal, "extras": extras}  # fmt: skip


def _or_none(make: Callable[[], Any]) -> Figures | None:
    try:
        return asdict(make())
    except StatisticsError:
        return None
