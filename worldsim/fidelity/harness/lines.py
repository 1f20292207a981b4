"""Trials on disk: a line of JSON each, written as soon as it is measured, so that a killed run goes on after it.

`run.json` beside them says what was asked; lines of another question are never mixed with these.
"""

from __future__ import annotations

import json
import os
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from worldsim.fidelity.heldout import FidelityError
from worldsim.files import replacing_file, write_json

__all__ = ["Lines", "frames_hash", "read_lines"]

Line = dict[str, Any]
TRIALS, RUN = "trials.jsonl", "run.json"


class Lines:
    """The trials of a run: what is there already, and a way to add one.

    Args:
        folder: of the run.
        asked: what decides the trials; a folder that was begun with anything else is refused.

    Raises:
        FidelityError: the folder holds another run, or lines that are no trials.
    """

    def __init__(self, folder: Path, asked: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        run = folder / RUN
        asked = json.loads(json.dumps(asked))
        if run.exists():
            before = json.loads(run.read_text())["asked"]
            if before != asked:
                differ = sorted(key for key in {*before, *asked} if before.get(key) != asked.get(key))
                raise FidelityError(f"{folder} holds a run with other {', '.join(differ)}; take another --out")
        else:
            write_json(run, {"asked": asked})
        self.path = folder / TRIALS
        lines = read_lines(folder) if self.path.exists() else []
        with replacing_file(self.path) as temporary:  # without what a kill left of a last line
            temporary.write_text("".join(json.dumps(line) + "\n" for line in lines))
        self.done = {(line["probe"], line["index"]) for line in lines}

    def add(self, line: Line) -> None:
        """Write one trial; it is on disk when this returns."""
        with self.path.open("a") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.done.add((line["probe"], line["index"]))


def read_lines(folder: Path) -> list[Line]:
    """All whole trials in a folder, by probe and index, each once. Raises `FidelityError` for a line that is none."""
    path, found = folder / TRIALS, {}
    if not path.exists():
        raise FidelityError(f"{folder} holds no trials; run worldsim fidelity run --out {folder} first")
    text = path.read_text().split("\n")
    for number, row in enumerate(text, 1):
        if not row:
            continue
        try:
            line = json.loads(row)
            found[(line["probe"], line["index"])] = line
        except (KeyError, TypeError, ValueError) as error:
            if number == len(text):  # cut short by a kill
                break
            raise FidelityError(f"{path}: line {number} is no trial: {error!r}") from error
    return [found[key] for key in sorted(found)]


def frames_hash(frames: np.ndarray) -> str:
    """A short hash of frames."""
    return blake2b(np.ascontiguousarray(frames).tobytes(), digest_size=8).hexdigest()
