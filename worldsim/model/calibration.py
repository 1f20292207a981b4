"""`Calibration`: from which probability on each event counts as having happened, and what is a surprise, as measured.

Rare events seldom reach 0.5, so one threshold for all would never see them. `worldsim agent calibrate` measures the
table on worlds that training never saw and writes it beside the weights as `events.json`; it holds for those weights.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from worldsim.files import write_json
from worldsim.model import refiner
from worldsim.model.card import CheckpointError, read_card

__all__ = [
    "END",
    "FILE",
    "Calibration",
    "EventScore",
    "end_threshold",
    "played_fingerprint",
    "read_calibration",
    "write_calibration",
]

FILE = "events.json"
END = "end"  # the row of the end of an episode, beside those of the events
VERSION = 1
UNMEASURED = 0.5  # the threshold of what no recording showed
TELLING_END = 0.5  # F1 from which the measured threshold of the end is used: false alarms would cut every rollout short


@dataclass(frozen=True)
class EventScore:
    """How one event is told from its probability.

    Attributes:
        threshold: it counts as happened from this probability on, in (0, 1].
        precision, recall, f1: at that threshold, on worlds other than those that chose it, within two frames.
        seen: how often it happened there.
    """

    threshold: float = UNMEASURED
    precision: float = 0.0
    recall: float = 0.0
    f1: float = 0.0
    seen: int = 0


@dataclass(frozen=True)
class Calibration:
    """What was measured of one set of weights.

    Attributes:
        events: by name; `END` is the end of an episode. Events that the model does not tell are left out.
        surprise: by kind of surprise, its quantiles on the first frames after true ones: "0.5", "0.95", "0.99".
        weights: `played_fingerprint` of what it was measured with.
        measured: on how many frames and worlds, how, and how often events happened there that are left out.
    """

    events: Mapping[str, EventScore] = field(default_factory=dict)
    surprise: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    weights: str = ""
    measured: Mapping[str, Any] = field(default_factory=dict)

    def threshold(self, event: str) -> float:
        """From which probability on an event counts as happened; 0.5 for one that was never measured."""
        return self.events[event].threshold if event in self.events else UNMEASURED

    @property
    def passes(self) -> int | None:
        """Denoising passes per frame that it was measured in; None where the table does not say."""
        found = self.measured.get("passes")
        return found if isinstance(found, int) else None

    def fits(self, passes: int) -> bool:
        """Whether it was measured in so many passes, as far as it says. In others surprise is of another size; the
        thresholds of events are still nearer than 0.5, which a rare one hardly ever reaches."""
        return self.passes in (None, passes)


def end_threshold(found: Calibration | None) -> float:
    """From which probability on an episode has ended: as measured, where F1 is at least 0.5 there, else 0.5."""
    end = EventScore() if found is None else found.events.get(END, EventScore())
    return end.threshold if end.f1 >= TELLING_END else UNMEASURED


def played_fingerprint(folder: Path) -> str:
    """What tells one player from another: a hash of its dynamics network, of its refiner where it has one, which
    changes the frames that events are told from, of whether they are foretold, and of which are drawn again."""
    card = read_card(folder)
    found = blake2b((b"foretells" if card.foretells else b"") + " ".join(card.redraws).encode(), digest_size=8)
    for name in ("dynamics.safetensors", refiner.FILE):
        if (folder / name).is_file():
            with (folder / name).open("rb") as file:
                while chunk := file.read(1 << 20):
                    found.update(chunk)
    return found.hexdigest()


def write_calibration(folder: Path, found: Calibration) -> Path:
    """Write `events.json` into the folder of a checkpoint; returns its path."""
    write_json(folder / FILE, {"version": VERSION, **asdict(found)})
    return folder / FILE


def read_calibration(folder: Path, refined: bool = True) -> Calibration | None:
    """The calibration beside a checkpoint; None where there is none, or with a warning where it is of other weights.

    It is measured with the refiner that is there: None, too, for a world played without it (not `refined`).

    Raises:
        CheckpointError: not JSON, or not as `write_calibration` writes it.
    """
    path = folder / FILE
    if not path.is_file() or ((folder / refiner.FILE).is_file() and not refined):
        return None
    try:
        data = json.loads(path.read_text())
        if data["version"] != VERSION:
            raise ValueError(f"version must be {VERSION}, got {data['version']!r}")
        events = {str(name): EventScore(**row) for name, row in data["events"].items()}
        surprise = {kind: {q: float(v) for q, v in row.items()} for kind, row in data["surprise"].items()}
        found = Calibration(events, surprise, str(data["weights"]), dict(data["measured"]))
        if wrong := [name for name, row in events.items() if not 0 < row.threshold <= 1]:
            raise ValueError(f"thresholds must be in (0, 1], those of {wrong} are not")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(
            f"{path}: not a calibration: {error}; write it anew with worldsim agent calibrate"
        ) from error
    if found.weights != played_fingerprint(folder):
        warnings.warn(
            f"{path} was measured with other weights and is left out; "
            f"run worldsim agent calibrate --checkpoint {folder}",
            stacklevel=2,
        )
        return None
    return found
