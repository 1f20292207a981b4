"""What a trial measures beside questions: ways followed frame by frame, cells that changed, views warped by depth.

Each is measured of the candidate, of truth, of truth through the candidate's own compression ("ceiling"), and of the
last given frame over and over ("copy").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from worldsim.fidelity.harness.reading import RenderReader, halved
from worldsim.fidelity.harness.scenes import Track, Warp

__all__ = ["changed_cells", "tracked", "warped"]

CHANGED = 24.0  # grey levels of an averaged pixel from which on it has changed
FLAT = 1.0  # grey levels added to error and contrast, so that a picture without contrast fits nothing
Line = dict[str, Any]
Shown = Mapping[str, np.ndarray]  # frames u8 (K, H, W, 3) by who shows them


def tracked(track: Track, shown: Shown, rng: np.random.Generator) -> Line:
    """Read each frame as one of truth's moments."""
    reader = RenderReader(track)
    return {
        "name": track.name,
        "points": [round(float(point), 3) for point in track.points],
        "read": {who: [reader.read(frame[None]).answer for frame in frames] for who, frames in shown.items()},
        "planted": reader.planted(rng),
    }  # fmt: skip


def changed_cells(shown: Shown, before: np.ndarray, drawn: np.ndarray) -> dict[str, list[int]]:
    """Cells of 2×2 pixels that changed from the past's last frame to the end: in both, in theirs, in truth, of all.

    Args:
        shown: everybody's frames; the last one counts.
        before: u8 (H, W, 3), the past's last frame as truth drew it.
        drawn: the same through the candidate's compression, as the candidate's frames are.
    """
    truth = _changed(shown["truth"][-1], before)
    found = {}
    for who, frames in shown.items():
        mine = _changed(frames[-1], before if who == "truth" else drawn)
        found[who] = [int((mine & truth).sum()), int(mine.sum()), int(truth.sum()), truth.size]
    return found


def _changed(frame: np.ndarray, before: np.ndarray) -> np.ndarray:
    return np.abs(halved(frame) - halved(before)).max(-1) > CHANGED


def warped(warp: Warp, shown: Shown) -> Line:
    """How badly one frame, warped into the view of another by truth's depths and poses, fits that other.

    Told is the mean difference as a share of that of pixels paired by chance, so that softness is no merit. A copy is
    the first frame shown from both poses.
    """
    one, other = (step - 1 for step in warp.steps)
    read = {who: _misfit(warp, frames[one], frames[other]) for who, frames in shown.items() if who != "copy"}
    truth = shown["truth"][one]
    read["copy"] = _misfit(warp, truth, truth)
    return {"steps": list(warp.steps), "pixels": len(warp.pixels), "read": read}


def _misfit(warp: Warp, first: np.ndarray, second: np.ndarray) -> float:
    row, column, there, across = warp.pixels.T.astype(np.int64)
    mine, expected = second[row, column].astype(np.float64), first[there, across].astype(np.float64)  # (N, 3)
    chance = np.random.default_rng(0).permutation(len(mine))
    error, contrast = (np.abs(mine - part).mean() for part in (expected, expected[chance]))
    return round(float((error + FLAT) / (contrast + FLAT)), 4)
