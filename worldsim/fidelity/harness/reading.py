"""Render and discriminate: which of the worlds that an engine has drawn do frames show? Nothing is learned.

The pose is the one whose pictures are nearest to the whole frame, whichever world they show. At that pose only the
pixels in which the worlds differ are compared. Pixels are averages of 2×2, since a learned world's frames are soft.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from worldsim.fidelity.harness.scenes import Drawn

__all__ = ["Reading", "RenderReader", "groups", "planted"]

APART = 12.0  # grey levels of an averaged pixel by which worlds must differ there
NOISE = 6.0  # grey levels of noise on planted pictures


@dataclass(frozen=True)
class Reading:
    """Which answer frames are nearest to, how much nearer than to the next, and in how many pixels they were compared.

    Attributes:
        answer: i.
        margin: grey levels between the error of the nearest answer and that of the nearest one of another name.
        pixels: of the averaged frames, in which the worlds differ.
    """

    answer: int
    margin: float
    pixels: int


def groups(answers: list[str]) -> list[str]:
    """What counts of each answer's name: all before a colon."""
    return [name.partition(":")[0] for name in answers]


class RenderReader:
    """Reads one question, any number of times."""

    def __init__(self, question: Drawn) -> None:
        self.question = question
        self.names = groups(list(question.answers))
        self.pictures = halved(question.pictures)  # (A, P, L, h, w, 3)

    def read(self, frames: np.ndarray) -> Reading:
        """Read frames u8 (L, H, W, 3), one for each look."""
        shown = halved(frames)
        errors = np.abs(self.pictures - shown).mean((-3, -2, -1))  # (A, P, L)
        poses = errors.min(0).argmin(0)  # (L,)
        looks = np.arange(len(poses))
        chosen = self.pictures[:, poses, looks]  # (A, L, h, w, 3)
        differ = (chosen.max(0) - chosen.min(0)).max(-1) > APART  # (L, h, w)
        pixels = int(differ.sum())
        if not pixels:
            return Reading(int(errors.mean((1, 2)).argmin()), 0.0, 0)
        gaps = (np.abs(chosen - shown).mean(-1) * differ).sum((1, 2, 3)) / pixels  # (A,)
        answer = int(gaps.argmin())
        rest = [gap for gap, name in zip(gaps, self.names, strict=True) if name != self.names[answer]]
        return Reading(answer, float(min(rest, default=gaps[answer]) - gaps[answer]), pixels)

    def planted(self, rng: np.random.Generator) -> list[list[int]]:
        """Read worlds whose answer is known, one of each name, with noise and from another pose: [planted, read]."""
        return planted(self.question, self.names, self.read, rng)


def planted(question: Drawn, names: Sequence[str], read: Callable[[np.ndarray], Reading],
            rng: np.random.Generator) -> list[list[int]]:  # fmt: skip
    """What a reader tells of one world of each name but "", with noise and from another pose: [planted, read]."""
    found = []
    for name in dict.fromkeys(filter(None, names)):
        answer = int(rng.choice([i for i, other in enumerate(names) if other == name]))
        pose = int(rng.integers(question.pictures.shape[1]))
        clean = question.pictures[answer, pose]
        noisy = np.clip(clean + rng.normal(0.0, NOISE, clean.shape), 0, 255).astype(np.uint8)
        found.append([answer, read(noisy).answer])
    return found


def halved(frames: np.ndarray) -> np.ndarray:
    """Averages of 2×2 pixels: u8 (..., H, W, 3) → f32 (..., H/2, W/2, 3); an odd last row or column is left out."""
    height, width = (side - side % 2 for side in frames.shape[-3:-1])
    even = frames[..., :height, :width, :].astype(np.float32)
    rows = even[..., 0::2, :, :] + even[..., 1::2, :, :]
    return (rows[..., 0::2, :] + rows[..., 1::2, :]) / 4.0
