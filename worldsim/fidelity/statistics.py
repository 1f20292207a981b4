"""Estimates with intervals: the bootstrap over clusters, and Wilson's interval for counts.

Windows of one world resemble each other, so whole worlds (clusters) are drawn with replacement, never single windows.
Trained agents are few: they are drawn, and within each its episodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

__all__ = ["TAILS", "Estimate", "StatisticsError", "mean", "median", "nested_mean", "ratio", "wilson"]

TAILS = (2.5, 97.5)  # percentiles between which an interval lies: all are of 95 %


class StatisticsError(ValueError):
    """Numbers of which no estimate with an interval can be made."""


@dataclass(frozen=True)
class Estimate:
    """A value and its interval [low, high]."""

    value: float
    low: float
    high: float


def ratio(
    numerator: np.ndarray, denominator: np.ndarray, clusters: Sequence[int] | np.ndarray, *,
    resamples: int = 10_000, seed: int = 0,
) -> Estimate:  # fmt: skip
    """Sum of the numerators over sum of the denominators, with a percentile bootstrap interval over clusters.

    Args:
        numerator, denominator: (N,) each.
        clusters: (N,), which cluster each pair belongs to.
        resamples: bootstrap samples.
        seed: decides the samples.

    Raises:
        StatisticsError: shapes that differ, fewer than two clusters, values that are not finite, or a zero denominator.
    """
    top, bottom = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    groups = np.asarray(clusters)
    if top.ndim != 1 or top.shape != bottom.shape or top.shape != groups.shape:
        raise StatisticsError(f"values and clusters must all be (N,), got {top.shape}, {bottom.shape}, {groups.shape}")
    if not (np.isfinite(top).all() and np.isfinite(bottom).all()):
        raise StatisticsError("values must be finite, got NaN or infinity")
    _, place = np.unique(groups, return_inverse=True)
    count = int(place.max(initial=-1)) + 1
    if count < 2:
        raise StatisticsError(f"an interval needs at least 2 clusters, got {count}; measure more worlds")
    tops, bottoms = np.bincount(place, top, count), np.bincount(place, bottom, count)
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    below = draws @ bottoms
    if bottoms.sum() == 0 or (below == 0).any():
        raise StatisticsError("the denominators of some clusters sum to zero; measure more worlds")
    low, high = np.percentile(draws @ tops / below, TAILS)
    return Estimate(float(tops.sum() / bottoms.sum()), float(low), float(high))


def mean(
    values: np.ndarray, clusters: Sequence[int] | np.ndarray, *,
    resamples: int = 10_000, seed: int = 0,
) -> Estimate:  # fmt: skip
    """Mean of values (N,) with a percentile bootstrap interval over clusters. Raises `StatisticsError` as `ratio`."""
    ones = np.ones(np.shape(values))
    return ratio(values, ones, clusters, resamples=resamples, seed=seed)


def nested_mean(
    values: np.ndarray, clusters: Sequence[int] | np.ndarray, *,
    resamples: int = 10_000, seed: int = 0,
) -> Estimate:  # fmt: skip
    """Mean of values (N,) with a percentile bootstrap interval: clusters are drawn, then values within each of these.

    For few clusters of many values; one cluster leaves the plain bootstrap of its values.

    Raises:
        StatisticsError: shapes that differ, fewer than two values, or values that are not finite.
    """
    values, groups = np.asarray(values, np.float64), np.asarray(clusters)
    if values.ndim != 1 or values.shape != groups.shape or not np.isfinite(values).all():
        raise StatisticsError(f"values and clusters must be (N,) and finite, got {values.shape} and {groups.shape}")
    if len(values) < 2:
        raise StatisticsError(f"an interval needs at least 2 values, got {len(values)}; measure more")
    _, sizes = np.unique(groups, return_counts=True)
    ordered, ends = values[np.argsort(groups, kind="stable")], np.cumsum(sizes)
    rng = np.random.default_rng(seed)
    sums, counts = np.zeros(resamples), np.zeros(resamples)
    for _ in sizes:  # as many clusters as there are
        drawn = rng.integers(len(sizes), size=resamples)
        size = sizes[drawn]
        place = (ends - sizes)[drawn, None] + (rng.random((resamples, sizes.max())) * size[:, None]).astype(np.int64)
        kept = np.arange(sizes.max()) < size[:, None]  # (resamples, values)
        sums += np.where(kept, ordered[np.minimum(place, len(values) - 1)], 0.0).sum(1)
        counts += size
    low, high = np.percentile(sums / counts, TAILS)
    return Estimate(float(values.mean()), float(low), float(high))


def median(
    values: np.ndarray, clusters: Sequence[int] | np.ndarray, *,
    resamples: int = 2_000, seed: int = 0,
) -> Estimate:  # fmt: skip
    """Median of values (N,) with a percentile bootstrap interval over clusters. Raises `StatisticsError` as `ratio`."""
    values, groups = np.asarray(values, np.float64), np.asarray(clusters)
    if values.ndim != 1 or values.shape != groups.shape or not np.isfinite(values).all():
        raise StatisticsError(f"values and clusters must be (N,) and finite, got {values.shape} and {groups.shape}")
    parts = [values[groups == name] for name in np.unique(groups)]
    if len(parts) < 2:
        raise StatisticsError(f"an interval needs at least 2 clusters, got {len(parts)}; measure more worlds")
    draws = np.random.default_rng(seed).integers(len(parts), size=(resamples, len(parts)))
    found = [np.median(np.concatenate([parts[i] for i in draw])) for draw in draws]
    low, high = np.percentile(found, TAILS)
    return Estimate(float(np.median(values)), float(low), float(high))


def wilson(successes: int, trials: int) -> Estimate:
    """A share and Wilson's score interval (1927).

    Raises:
        StatisticsError: no trials, or more successes than trials.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise StatisticsError(f"needs 0 <= successes <= trials and a trial, got {successes} of {trials}")
    z = float(norm.ppf(TAILS[1] / 100))
    share = successes / trials
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    return Estimate(share, max(0.0, float(middle - half)), min(1.0, float(middle + half)))
