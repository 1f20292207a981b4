"""What the probes share: errors between pictures, and which window lends another its actions."""

from __future__ import annotations

import numpy as np

__all__ = ["elsewhere", "grey_levels", "psnr", "squared_error"]

ROUNDING = 1 / 12  # squared error that rounding to whole grey levels makes; two equal pictures are no closer than that


def squared_error(frames: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """f64 (...,): mean squared error of u8 frames (..., H, W, 3)."""
    return np.square(frames.astype(np.float64) - truth).mean(axis=(-3, -2, -1))


def grey_levels(frames: np.ndarray, other: np.ndarray) -> float:
    """Mean distance of u8 pictures of one shape in grey levels."""
    return float(np.abs(frames.astype(np.float64) - other).mean())


def psnr(error: np.ndarray) -> np.ndarray:
    """Squared errors of pixels 0 … 255 → decibels; equal pictures get 58.9, the accuracy of 8 bits, not infinity."""
    return 10 * np.log10(255**2 / np.maximum(error, ROUNDING))


def elsewhere(count: int, rng: np.random.Generator) -> np.ndarray:
    """i64 (count,): a random permutation that leaves nobody in place."""
    order = rng.permutation(count)
    lent = np.empty(count, np.int64)
    lent[order] = np.roll(order, 1)
    return lent
