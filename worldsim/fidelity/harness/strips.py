"""Film strips on disk: truth above, the candidate below, the frame in which they part marked red."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from worldsim.fidelity.harness.bench import Strip
from worldsim.video import contact_sheet, write_png

__all__ = ["slug", "strips_of", "write_strips"]

RED, EDGE = (220, 30, 30), 2
FOLDER = "strips"


def slug(probe: str) -> str:
    """A probe's name as part of a file name."""
    return "".join(letter if letter.isalnum() else "-" for letter in probe.lower())


def write_strips(folder: Path, probe: str, index: int, strips: Sequence[Strip]) -> None:
    """Write the strips of a trial."""
    for number, strip in enumerate(strips):
        shown = strip.shown.copy()
        later = [column for column, step in enumerate(strip.steps) if strip.parted and step >= strip.parted]
        if later:
            _frame(shown[later[0]])
        columns = ["given", *(f"+{step}" for step in strip.steps[1:])]
        sheet = contact_sheet([strip.truth, shown], strip.names, columns)
        write_png(folder / FOLDER / f"{slug(probe)}.{index}.{number}.png", sheet)


def strips_of(folder: Path, probe: str) -> list[Path]:
    """The strips of a probe that are there."""
    return sorted((folder / FOLDER).glob(f"{slug(probe)}.*.png"))


def _frame(image: np.ndarray) -> None:
    """Draw a red edge into an image u8 (H, W, 3)."""
    for part in (image[:EDGE], image[-EDGE:], image[:, :EDGE], image[:, -EDGE:]):
        part[...] = RED
