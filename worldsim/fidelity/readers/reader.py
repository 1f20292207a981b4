"""`Reader`: what three frames show, from a trained network with its validation; made once, then kept on disk.

A reader belongs to an env, a frame size and a tokenizer: other ones have a file of their own. `reader_for` trains one
that is not there yet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch

from worldsim.fidelity.heldout import FidelityError
from worldsim.fidelity.readers.lessons import (
    APART,
    FIRST_LESSON,
    Lessons,
    action_lessons,
    attribute_lessons,
    half_copied,
    join,
    record_turns,
    record_varied,
)  # fmt: skip
from worldsim.fidelity.readers.network import ReaderConfig, ReaderNetwork, fit
from worldsim.fidelity.readers.words import ATTRIBUTES
from worldsim.fidelity.scores import f1_of_classes
from worldsim.files import write_json
from worldsim.model.card import WorldCard
from worldsim.model.tensors import load_weights, read_tensors, write_tensors
from worldsim.model.tokenizer import Tokenizer

__all__ = ["Reader", "ReaderFacts", "Reading", "Training", "is_kept", "reader_key", "reader_names", "readers_for"]

LEGIBLE = 0.5  # F1 on held-out lessons from which on a class counts as one that frames tell at all
FORMAT = 1


@dataclass(frozen=True)
class Training:
    """How readers are made; other settings make other readers."""

    worlds: int = 112
    """Worlds recorded under changing skies."""
    rows: int = 161
    """Rows of each."""
    turning: int = 24
    """Worlds recorded with fine turns."""
    turning_rows: int = 65
    """Rows of each."""
    heldout: float = 0.2
    """Share of the worlds that choose which classes count as legible, and are not trained on."""
    steps: tuple[int, int] = (400, 300)
    """Training steps of the readers of actions and of attributes."""
    batch: int = 128
    """Triples in a step."""
    rate: float = 0.002
    """Highest learning rate."""
    seed: int = 0
    """Decides worlds, first weights and batches."""


@dataclass(frozen=True)
class Reading:
    """What N triples show.

    Attributes:
        shares: for each head f32 (N, classes), probabilities.
        turns: f32 (N, 2), yaw and pitch in units of the camera fields.
    """

    shares: dict[str, np.ndarray]
    turns: np.ndarray

    def best(self, head: str) -> np.ndarray:
        """i64 (N,): the most probable class."""
        return self.shares[head].argmax(1)


@dataclass(frozen=True)
class ReaderFacts:
    """What figures need to know of a reader: kind, names of each head's classes, and which of them are legible."""

    kind: str
    labels: dict[str, list[str]]
    legible: dict[str, list[int]]


@dataclass(frozen=True)
class Reader:
    """A trained network and what is known of it.

    Attributes:
        kind: "actions" or "attributes".
        network: it.
        labels: the names of each head's classes.
        legible: the classes of each head that it tells on held-out lessons, F1 at least `LEGIBLE`.
        combinations: values of all attributes that came together in its lessons; empty for actions.
    """

    kind: str
    network: ReaderNetwork
    labels: dict[str, tuple[str, ...]]
    legible: dict[str, tuple[int, ...]]
    combinations: tuple[tuple[str, ...], ...] = ()

    @property
    def apart(self) -> int:
        """Rows between the frames that it sees."""
        return APART[self.kind]

    @property
    def facts(self) -> ReaderFacts:
        """What its figures need."""
        labels = {name: list(classes) for name, classes in self.labels.items()}
        return ReaderFacts(self.kind, labels, {name: list(numbers) for name, numbers in self.legible.items()})

    @torch.no_grad()
    def read(self, frames: np.ndarray, triples: np.ndarray, rows: int = 256) -> Reading:
        """Read triples i64 (N, 3) of frames u8 (F, H, W, 3)."""
        parts = [
            self.network(torch.from_numpy(frames[triples[first : first + rows]]))
            for first in range(0, len(triples), rows)
        ]
        shares = {name: torch.cat([part[0][name].softmax(1) for part in parts]).numpy() for name in self.labels}
        return Reading(shares, torch.cat([part[1] for part in parts]).numpy())

    def read_clip(self, frames: np.ndarray) -> Reading:
        """Read a clip u8 (T, H, W, 3) around its rows `apart` … T-1-`apart`, one triple each."""
        middles = np.arange(self.apart, len(frames) - self.apart)
        return self.read(frames, middles[:, None] + self.apart * np.array([-1, 0, 1]))


def reader_names(card: WorldCard) -> dict[str, dict[str, tuple[str, ...]]]:
    """The heads of the readers that can be made for a world, and their classes: kind → head → names.

    Only a Discrete action space has actions to tell apart.
    """
    spec = card.action_spec
    names: dict[str, dict[str, tuple[str, ...]]] = {}
    if spec.table is not None:
        meanings = spec.meanings if len(spec.meanings) == len(spec.table) else map(str, range(len(spec.table)))
        names["actions"] = {"action": tuple(meanings)}
    names["attributes"] = {name: tuple(values) for name, values in ATTRIBUTES.items()}
    return names


def readers_for(
    kinds: Sequence[str], card: WorldCard, tokenizer: Tokenizer, folder: Path, training: Training, workers: int = 1
) -> dict[str, Reader]:
    """Readers of the asked kinds that this world can have, from `folder`, or else trained and written there.

    Raises:
        RecordError: the true env cannot be recorded.
        CheckpointError: a file of an earlier reader is damaged.
    """
    possible = reader_names(card)
    paths = {kind: folder / f"{kind}-{reader_key(card, tokenizer, training, possible[kind])}" for kind in kinds
             if kind in possible}  # fmt: skip
    readers = {kind: _load(path, kind, possible[kind]) for kind, path in paths.items() if is_kept(path)}
    missing = [kind for kind in paths if kind not in readers]
    if not missing:
        return readers
    varied = record_varied(card, training.worlds, training.rows, FIRST_LESSON + training.seed, workers)
    varied = half_copied(tokenizer, varied)
    for kind in missing:
        if kind == "actions":
            lessons = action_lessons(card.action_spec, varied, edited=True)
            seed = FIRST_LESSON + 2**20 + training.seed
            if fine := record_turns(card, training.turning, training.turning_rows, seed):
                fine = half_copied(tokenizer, fine)
                lessons = join(lessons, action_lessons(card.action_spec, fine, edited=False))
        else:
            lessons = attribute_lessons(varied)
        if len(lessons):  # captions may be without attributes
            readers[kind] = _train(kind, possible[kind], lessons, training)
            _save(paths[kind], readers[kind], training)
    return readers


def _train(kind: str, labels: dict[str, tuple[str, ...]], lessons: Lessons, training: Training) -> Reader:
    """Train on most of the worlds; the others say which classes are legible."""
    rng = np.random.default_rng(training.seed)
    worlds = rng.permutation(np.unique(lessons.worlds))
    apart = np.isin(lessons.worlds, worlds[: max(1, round(training.heldout * len(worlds)))])
    config = ReaderConfig({name: len(classes) for name, classes in labels.items()}, motion=kind == "actions")
    steps = training.steps[kind == "attributes"]
    network = fit(config, lessons.of(~apart), steps, training.batch, training.rate, training.seed)
    reader = Reader(kind, network, labels, {}, _combinations(lessons) if kind == "attributes" else ())
    held = lessons.of(apart)
    reading = reader.read(held.frames, held.triples)
    legible = {}
    for name, classes in labels.items():
        scores = f1_of_classes(held.classes[name], reading.best(name), len(classes))
        legible[name] = tuple(int(number) for number in np.flatnonzero(scores >= LEGIBLE))
    return Reader(kind, network, labels, legible, reader.combinations)


def _combinations(lessons: Lessons) -> tuple[tuple[str, ...], ...]:
    """The values that came together, by name, in the order of `ATTRIBUTES`."""
    together = np.unique(np.stack([lessons.classes[name] for name in ATTRIBUTES], 1), axis=0)
    names = [list(values) for values in ATTRIBUTES.values()]
    return tuple(tuple(column[i] for column, i in zip(names, row, strict=True)) for row in together.tolist())


# -- on disk ---------------------------------------------------------------------------------------------------------


def reader_key(card: WorldCard, tokenizer: Tokenizer, training: Any, labels: Mapping[str, Any]) -> str:
    """A hash of all that a reader depends on; `training` is a dataclass of settings."""
    told = {
        "format": FORMAT, "env": card.env, "size": card.size, "actions": card.action_spec.to_json(),
        "labels": labels, "training": asdict(training),
    }  # fmt: skip
    digest = blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=6)
    for tensor in tokenizer.state_dict().values():
        digest.update(tensor.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()


def is_kept(path: Path) -> bool:
    """Whether both files of a reader are there, path.json and path.safetensors."""
    return path.with_suffix(".json").is_file() and path.with_suffix(".safetensors").is_file()


def _save(path: Path, reader: Reader, training: Training) -> None:
    write_tensors(path.with_suffix(".safetensors"), reader.network.state_dict())
    told = {
        "format": FORMAT, "kind": reader.kind, "network": asdict(reader.network.config), "labels": reader.labels,
        "legible": reader.legible, "combinations": reader.combinations, "training": asdict(training),
    }  # fmt: skip
    write_json(path.with_suffix(".json"), told)


def _load(path: Path, kind: str, labels: dict[str, tuple[str, ...]]) -> Reader:
    file = path.with_suffix(".json")
    try:
        told = json.loads(file.read_text())
        sizes = told["network"]
        config = ReaderConfig(dict(sizes["heads"]), sizes["motion"], tuple(sizes["widths"]), sizes["hidden"])
        legible = {name: tuple(numbers) for name, numbers in told["legible"].items()}
        combinations = tuple(tuple(row) for row in told["combinations"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FidelityError(f"{file} is no reader: {error!r}; remove it, and it is trained again") from error
    network = ReaderNetwork(config)
    load_weights(network, read_tensors(path.with_suffix(".safetensors")), path.with_suffix(".safetensors").name)
    return Reader(kind, network.eval(), labels, legible, combinations)
