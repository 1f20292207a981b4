"""Frames that say in their first pixels what they show, and a reader that makes no mistakes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from worldsim.fidelity.readers.reader import ReaderFacts, Reading
from worldsim.fidelity.readers.words import ATTRIBUTES, prompt
from worldsim.model.text import Vocabulary

SIZE = 8
START = {"biome": "plains", "time": "day", "weather": "clear"}
PLAIN: Any = SimpleNamespace(mean=torch.zeros(1), encode=lambda x: x, decode=lambda x: x)  # a tokenizer without loss
COUNTS = [len(values) for values in ATTRIBUTES.values()]
EVERY = [dict(zip(ATTRIBUTES, (b, t, w), strict=True)) for b in ATTRIBUTES["biome"] for t in ATTRIBUTES["time"]
         for w in ATTRIBUTES["weather"]]  # fmt: skip
VOCABULARY = Vocabulary.collect([prompt(values) for values in EVERY])


def paint(action: int, turn: np.ndarray, values: dict[str, str]) -> np.ndarray:
    """A frame u8 (8, 8, 3): the action, the turns and the attributes in its first pixels."""
    frame = np.zeros((SIZE, SIZE, 3), np.uint8)
    frame[0, 0, 0] = action
    frame[0, 0, 1:] = np.rint(128 + 100 * turn)
    frame[0, 1] = [list(ATTRIBUTES[name]).index(values[name]) for name in ATTRIBUTES]
    return frame


class ExactReader:
    """Reads what `paint` wrote."""

    combinations = tuple(tuple(values.values()) for values in EVERY)

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.apart = 1 if kind == "actions" else 2
        self.heads = {"action": 6} if kind == "actions" else dict(zip(ATTRIBUTES, COUNTS, strict=True))
        labels = {"action": list("nfrlud")} if kind == "actions" else {n: list(v) for n, v in ATTRIBUTES.items()}
        self.facts = ReaderFacts(kind, labels, {name: list(range(count)) for name, count in self.heads.items()})

    def read(self, frames: np.ndarray, triples: np.ndarray) -> Reading:
        middle = frames[triples[:, 1]].astype(np.int64)
        shown = {"action": middle[:, 0, 0, 0]} | dict(zip(ATTRIBUTES, middle[:, 0, 1].T, strict=True))
        shares = {name: np.eye(count, dtype=np.float32)[shown[name]] for name, count in self.heads.items()}
        return Reading(shares, (middle[:, 0, 0, 1:] - 128) / 100)

    def read_clip(self, frames: np.ndarray) -> Reading:
        return self.read(frames, np.arange(self.apart, len(frames) - self.apart)[:, None] + np.zeros(3, np.int64))


ACTIONS, SKIES = ExactReader("actions"), ExactReader("attributes")
