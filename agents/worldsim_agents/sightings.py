"""How well events are told: F1 within a few frames, and the threshold that makes the most of it."""

from __future__ import annotations

import numpy as np

from worldsim.model.calibration import EventScore

__all__ = ["NEAR", "best_threshold", "hits", "score"]

NEAR = 2  # frames by which an event may be told early or late
CANDIDATES = 32
LEAST = 5  # events from which a threshold can be told


def hits(told: np.ndarray, happened: np.ndarray) -> tuple[int, int, int]:
    """(hits, false alarms, misses) of what was told against what happened, bool (N, T) each: N stretches of T frames.

    Each telling stands for one event at most, the earliest within `NEAR` frames that no other stands for.
    """
    hit = 0
    for row in np.flatnonzero(told.any(axis=1) & happened.any(axis=1)):
        waiting = np.flatnonzero(happened[row]).tolist()
        for frame in np.flatnonzero(told[row]).tolist():
            match = next((event for event in waiting if abs(event - frame) <= NEAR), None)
            if match is not None:
                waiting.remove(match)
                hit += 1
    return hit, int(told.sum()) - hit, int(happened.sum()) - hit


def score(probabilities: np.ndarray, happened: np.ndarray, threshold: float) -> EventScore:
    """How well one event is told from its probabilities (N, T) at a threshold, on what happened, bool (N, T)."""
    hit, alarms, missed = hits(probabilities >= threshold, happened)
    precision, recall = hit / max(hit + alarms, 1), hit / max(hit + missed, 1)
    f1 = 2 * hit / max(2 * hit + alarms + missed, 1)
    return EventScore(threshold, round(precision, 4), round(recall, 4), round(f1, 4), int(happened.sum()))


def best_threshold(probabilities: np.ndarray, happened: np.ndarray) -> float:
    """The threshold with the highest F1 on these stretches; the highest of equals; 0.5 where too few events tell it.

    Candidates are the highest probabilities near each true event, where recall changes; so rare events, whose
    probability stays low, are found as well as frequent ones.
    """
    if happened.sum() < LEAST:
        return 0.5
    padded = np.pad(probabilities, ((0, 0), (NEAR, NEAR)))
    length = probabilities.shape[1]
    nearby = np.max([padded[:, shift : shift + length] for shift in range(2 * NEAR + 1)], axis=0)
    candidates = np.unique(np.quantile(nearby[happened], np.linspace(0, 1, CANDIDATES), method="lower"))
    found = [(score(probabilities, happened, float(at)).f1, float(at)) for at in candidates.clip(1e-4, 1.0)]
    best = max(found)
    return max(float(np.floor(best[1] * 1e4)) / 1e4, 1e-4) if best[0] > 0 else 0.5
