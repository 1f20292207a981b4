"""Raw trials on disk: one line of JSON each, from which every figure of a report can be computed again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from worldsim.fidelity.heldout import FidelityError
from worldsim.fidelity.probes.actions import ActionReading, DriftReading
from worldsim.fidelity.probes.attributes import AttributeReading, EventReading, PromptReading
from worldsim.fidelity.probes.next_frame import NextFrame
from worldsim.fidelity.probes.rollout import Rollout
from worldsim.fidelity.probes.stamina import Stretch
from worldsim.fidelity.readers.reader import ReaderFacts
from worldsim.files import replacing_file

__all__ = ["Trial", "read_trials", "write_trials"]

Trial = (
    NextFrame | Rollout | Stretch | ReaderFacts | ActionReading | DriftReading | AttributeReading | PromptReading
    | EventReading
)  # fmt: skip
KINDS: dict[str, type[Trial]] = {
    "next_frame": NextFrame, "rollout": Rollout, "stretch": Stretch, "reader": ReaderFacts, "actions": ActionReading,
    "drift": DriftReading, "attributes": AttributeReading, "prompt": PromptReading, "event": EventReading,
}  # fmt: skip
NAMES = {kind: name for name, kind in KINDS.items()}


def write_trials(path: Path, trials: Iterable[Trial]) -> Path:
    """Write trials as lines."""
    lines = (json.dumps({"probe": NAMES[type(trial)], **asdict(trial)}, allow_nan=False) + "\n" for trial in trials)
    with replacing_file(path) as temporary:
        temporary.write_text("".join(lines))
    return path


def read_trials(path: Path) -> list[Trial]:
    """The inverse of `write_trials`. Raises `FidelityError` naming the line that is no trial."""
    trials: list[Trial] = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            data = json.loads(line)
            trials.append(KINDS[data.pop("probe")](**data))
        except (KeyError, TypeError, ValueError) as error:
            raise FidelityError(f"{path}: line {number} is no trial: {error!r}") from error
    return trials
