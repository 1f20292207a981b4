"""`Decoder`: what pictures show, cell by cell, and how one moved between two of them; trained once, then kept on disk.

It learns from worlds of the reference that no probe measures, every second one sent through the candidate's own
compression. Another reference, compression or schooling makes another decoder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from tqdm import tqdm

from worldsim.fidelity.decoder.network import CELL, DecoderConfig, MoveNetwork, StateNetwork, fit_moves, fit_states
from worldsim.fidelity.heldout import FidelityError
from worldsim.fidelity.readers.lessons import FIRST_LESSON
from worldsim.fidelity.readers.network import motion_of
from worldsim.fidelity.readers.reader import is_kept
from worldsim.files import write_json
from worldsim.model.tensors import load_weights, read_tensors, write_tensors

__all__ = ["ENTITY", "Decoder", "Lesson", "Schooling", "cells", "decoder_for"]

FORMAT = 1
FIRST_DECODED = FIRST_LESSON + 2**24  # worlds of these lessons, apart from those of other readers
ENTITY = 256  # what a cell shows: its block + 256 · the kind of the entity before it
COARSE = 8  # steps of a label's depth that count as one: a quarter of a doubling
DEPTHS = 24
SCALE = np.array([15.0, 10.0, 0.5, 0.5], np.float32)  # a move's degrees of yaw and pitch, blocks ahead and right


class Lesson(Protocol):
    """Pairs of views of one world, as an env's `lesson(seed, pairs)` returns them."""

    views: np.ndarray  # u8 (N, 2, H, W, 6): the picture, block, depth, kind of entity
    moves: np.ndarray  # f32 (N, 4), degrees of yaw and pitch, blocks ahead and right


@dataclass(frozen=True)
class Schooling:
    """How a decoder is made; other settings make another one."""

    worlds: int = 150
    """Worlds of lessons."""
    pairs: int = 24
    """Pairs of views in each."""
    steps: tuple[int, int] = (1500, 300)
    """Training steps of what is read from single pictures, and of moves."""
    batch: int = 32
    """Pictures, or pairs, in a step."""
    rate: float = 0.004
    """Highest learning rate."""
    seed: int = 0
    """Decides worlds, first weights and batches."""


@dataclass(frozen=True)
class Decoder:
    """Trained networks and the kinds of things that their lessons showed.

    Attributes:
        states: tells what cells of a picture show, and how far away.
        moves: tells how one moved between two pictures.
        kinds: i64 (K,), what a cell may show, in rising order: block + 256 · kind of entity.
    """

    states: StateNetwork
    moves: MoveNetwork
    kinds: np.ndarray

    @torch.no_grad()
    def read(self, frames: np.ndarray, rows: int = 64) -> tuple[np.ndarray, np.ndarray]:
        """Read frames u8 (N, H, W, 3): log probabilities f32 (N, K, h, w) of kinds and (N, D, h, w) of depths."""
        parts = [self.states(torch.from_numpy(np.ascontiguousarray(frames[first : first + rows])))
                 for first in range(0, len(frames), rows)]  # fmt: skip
        kinds, depths = (torch.cat([part[i] for part in parts]).log_softmax(1).numpy() for i in range(2))
        return kinds, depths

    @torch.no_grad()
    def moved(self, pairs: np.ndarray) -> np.ndarray:
        """How one moved between frames of pairs u8 (N, 2, H, W, 3): f32 (N, 4), as `Lesson.moves`."""
        return self.moves(motion_of(torch.from_numpy(np.ascontiguousarray(pairs)))).numpy() * SCALE

    def truth(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What `read` should tell of labels u8 (..., H, W, 3): numbers of kinds, -1 for unknown ones, and depths."""
        shown, depths = cells(labels)
        places = np.searchsorted(self.kinds, shown).clip(0, len(self.kinds) - 1)
        return np.where(self.kinds[places] == shown, places, -1), depths


def cells(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What cells show, i64 (..., h, w), and steps of depth, i64 (..., h, w), by the first pixel of each."""
    first = labels[..., ::CELL, ::CELL, :].astype(np.int64)
    return first[..., 0] + ENTITY * first[..., 2], np.minimum(first[..., 1] // COARSE, DEPTHS - 1)


def decoder_for(
    lesson: Callable[[int, int], Lesson], origin: Mapping[str, Any], through: Callable[[np.ndarray], np.ndarray],
    folder: Path, schooling: Schooling,
) -> Decoder:  # fmt: skip
    """The decoder of a reference and a compression, from `folder`, or else trained and written there.

    Args:
        lesson: of the reference, by seed and number of pairs.
        origin: which reference this is, as JSON.
        through: the candidate's compression and back, of frames u8 (N, H, W, 3).
        folder: of the readers.
        schooling: how it is made.

    Raises:
        FidelityError: a file there that is no decoder.
        CheckpointError: weights there that are damaged.
    """
    sample = lesson(FIRST_DECODED + schooling.seed, 2).views
    path = folder / f"states-{_key(sample, origin, through, schooling)}"
    if is_kept(path):
        return _load(path)
    decoder = _train(lesson, through, schooling)
    networks = {"states": decoder.states, "moves": decoder.moves}
    write_tensors(path.with_suffix(".safetensors"), {
        f"{name}.{key}": tensor for name, network in networks.items() for key, tensor in network.state_dict().items()
    })  # fmt: skip
    told = {"format": FORMAT, "origin": dict(origin), "network": asdict(decoder.states.config),
            "kinds": decoder.kinds.tolist(), "schooling": asdict(schooling)}  # fmt: skip
    write_json(path.with_suffix(".json"), told)
    return decoder


def _train(lesson: Callable[[int, int], Lesson], through: Callable[[np.ndarray], np.ndarray],
           schooling: Schooling) -> Decoder:  # fmt: skip
    """Stage the lessons, every second one compressed, and train on them."""
    pictures, labels, moves = [], [], []
    for number in tqdm(range(schooling.worlds), desc="lessons", unit="world", dynamic_ncols=True, mininterval=0.5):
        made = lesson(FIRST_DECODED + schooling.seed + number, schooling.pairs)
        shown = np.ascontiguousarray(made.views[..., :3])
        if number % 2:
            shown = through(shown.reshape(-1, *shown.shape[2:])).reshape(shown.shape)
        pictures.append(shown)
        labels.append(made.views[:, :, ::CELL, ::CELL, 3:])
        moves.append(made.moves)
    pairs, told = np.concatenate(pictures), np.concatenate(labels)
    shown = told[..., 0] + ENTITY * told[..., 2].astype(np.int16)
    depths = np.minimum(told[..., 1] // COARSE, DEPTHS - 1)
    kinds, numbers = np.unique(shown, return_inverse=True)
    config = DecoderConfig(len(kinds), DEPTHS)
    rest = (schooling.batch, schooling.rate, schooling.seed)
    parts = (pairs, numbers.reshape(shown.shape), depths)
    frames, numbers, depths = (part.reshape(-1, *part.shape[2:]) for part in parts)
    states = fit_states(config, frames, numbers, depths, schooling.steps[0], *rest)
    followed = fit_moves(pairs, np.concatenate(moves) / SCALE, schooling.steps[1], *rest)
    return Decoder(states, followed, kinds.astype(np.int64))


def _key(sample: np.ndarray, origin: Mapping[str, Any], through: Callable[[np.ndarray], np.ndarray],
         schooling: Schooling) -> str:  # fmt: skip
    """A hash of all that a decoder depends on: a lesson and what compression makes of it stand for both."""
    told = {"format": FORMAT, "origin": dict(origin), "schooling": asdict(schooling)}
    digest = blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=6)
    frames = np.ascontiguousarray(sample[..., :3]).reshape(-1, *sample.shape[2:4], 3)
    digest.update(np.ascontiguousarray(sample).tobytes() + np.ascontiguousarray(through(frames)).tobytes())
    return digest.hexdigest()


def _load(path: Path) -> Decoder:
    file = path.with_suffix(".json")
    try:
        told = json.loads(file.read_text())
        sizes = told["network"]
        config = DecoderConfig(int(sizes["kinds"]), int(sizes["depths"]), tuple(sizes["widths"]))
        kinds = np.array(told["kinds"], np.int64)
    except (KeyError, TypeError, ValueError) as error:
        raise FidelityError(f"{file} is no decoder: {error!r}; remove it, and it is trained again") from error
    decoder, weights = Decoder(StateNetwork(config), MoveNetwork(), kinds), path.with_suffix(".safetensors")
    tensors = read_tensors(weights)
    for name, network in (("states", decoder.states), ("moves", decoder.moves)):
        own = {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}
        load_weights(network, own, weights.name)
        network.eval()
    return decoder
