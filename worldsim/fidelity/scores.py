"""Scores of readings: F1 by class, macro averages over the classes that count, and N between chance and ceiling.

All of them follow from counts that add up over worlds, so that intervals come from drawing whole worlds.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import DegenerateDataWarning, bootstrap

from worldsim.fidelity.statistics import TAILS, Estimate, StatisticsError

__all__ = ["Outcome", "balanced", "f1", "f1_of_classes", "normalised", "over_worlds", "redrawn", "tallies"]


@dataclass(frozen=True)
class Outcome:
    """Labels and readings of one world, i64 (T,) each; labels below 0 are not known and do not count."""

    world: int
    labels: Sequence[int] | np.ndarray
    read: Sequence[int] | np.ndarray


def tallies(outcomes: Sequence[Outcome], classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts of each world f64 (W, 3, classes): hits, labels, readings; and the worlds (W,), sorted."""
    worlds = np.unique([outcome.world for outcome in outcomes])
    counts = np.zeros((len(worlds), 3, classes))
    for outcome in outcomes:
        labels, read = np.asarray(outcome.labels), np.asarray(outcome.read)
        labels, read = labels[labels >= 0], read[labels >= 0]
        row = counts[np.searchsorted(worlds, outcome.world)]
        for column, numbers in enumerate((labels[labels == read], labels, read)):
            row[column] += np.bincount(numbers, minlength=classes)
    return counts, worlds


def f1(counts: np.ndarray, chosen: Sequence[int]) -> np.ndarray:
    """Macro-F1 (...,) over chosen classes, of counts (..., 3, classes): 2·hits / (labels + readings), 0 for 0 / 0."""
    hits, labels, read = (counts[..., row, list(chosen)] for row in range(3))
    return (2 * hits / np.maximum(labels + read, 1e-9)).mean(-1)


def balanced(counts: np.ndarray, chosen: Sequence[int]) -> np.ndarray:
    """Balanced accuracy (...,): the mean over chosen classes of the share of their labels that were read right."""
    hits, labels = (counts[..., row, list(chosen)] for row in range(2))
    return (hits / np.maximum(labels, 1e-9)).mean(-1)


def f1_of_classes(labels: np.ndarray, read: np.ndarray, classes: int) -> np.ndarray:
    """F1 (classes,) of each class."""
    counts, _ = tallies([Outcome(0, labels, read)], classes)
    return np.array([f1(counts[0], [number]) for number in range(classes)])


def over_worlds(
    statistic: Callable[..., np.ndarray], *counts: np.ndarray,
    resamples: int = 10_000, seed: int = 0,
) -> Estimate:  # fmt: skip
    """A statistic of counts summed over worlds, with a percentile bootstrap interval over the worlds.

    Args:
        statistic: sums (..., K₁), (..., K₂), … → values (...,).
        counts: (W, K₁), (W, K₂), …: a row per world, the same worlds in each.
        resamples, seed: as in `statistics.ratio`.

    Raises:
        StatisticsError: fewer than two worlds, or a value that is not finite.
    """
    if len({len(one) for one in counts}) > 1:
        raise StatisticsError(f"counts must be of the same worlds, got {[*map(len, counts)]}")

    def of_weights(weights: np.ndarray) -> np.ndarray:
        return statistic(*(np.tensordot(weights, one, 1) for one in counts))

    return redrawn(of_weights, len(counts[0]), resamples=resamples, seed=seed)


def redrawn(
    statistic: Callable[[np.ndarray], np.ndarray], worlds: int, *,
    resamples: int = 10_000, seed: int = 0,
) -> Estimate:  # fmt: skip
    """A statistic of worlds, with a percentile bootstrap interval over them.

    Args:
        statistic: weights f64 (..., W), how often each world was drawn → values (...,).
        worlds: W.
        resamples, seed: as in `statistics.ratio`.

    Raises:
        StatisticsError: fewer than two worlds, or a value that is not finite.
    """
    if worlds < 2:
        raise StatisticsError(f"an interval needs at least 2 worlds, got {worlds}")
    value = float(statistic(np.ones(worlds)))

    def resampled(drawn: np.ndarray, axis: int) -> np.ndarray:
        places = drawn.reshape(-1, worlds)
        places = places + worlds * np.arange(len(places))[:, None]
        weights = np.bincount(places.ravel(), minlength=places.size)  # one row of W after another
        return statistic(weights.reshape(drawn.shape).astype(np.float64))

    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateDataWarning)  # all resamples alike: the interval is a point
        found = bootstrap(
            (np.arange(worlds),), resampled, n_resamples=resamples, batch=500, vectorized=True, axis=-1,
            method="percentile", rng=np.random.default_rng(seed),
        )  # fmt: skip
    spread = found.bootstrap_distribution[np.isfinite(found.bootstrap_distribution)]
    if not np.isfinite(value) or len(spread) < resamples / 2:
        raise StatisticsError("a score that is not finite; measure more worlds")
    low, high = np.percentile(spread, TAILS).tolist()
    return Estimate(value, low, high)


def normalised(score: np.ndarray, chance: np.ndarray, ceiling: np.ndarray) -> np.ndarray:
    """N = (S - c) / (K - c); not finite where the ceiling is no higher than chance."""
    room = ceiling - chance
    return np.where(room > 1e-6, (score - chance) / np.where(room > 1e-6, room, 1.0), np.nan)
