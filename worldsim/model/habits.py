"""`Habits`: what players do: how likely each action is, given the one before it and what is said of the moment.

Whoever acts by itself draws its actions from here. The mean of all that a player might do is to stand still; a draw is
one of the things that players do, held for as long as they hold it. It is one file, `habits.safetensors`, in a
checkpoint, learned from recorded actions and captions by `worldsim train habits`; no network's weights are in it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from worldsim.model.card import CheckpointError
from worldsim.model.tensors import read_metadata, read_tensors, write_tensors
from worldsim.model.text import split_words

__all__ = ["FILE", "Habits", "phrases_of", "read_habits", "write_habits"]

FILE = "habits.safetensors"


@dataclass(frozen=True)
class Habits:
    """The weights of a softmax over K actions.

    Attributes:
        actions: f32 (K, A), the actions that players take, as vectors.
        before: f32 (K + 1, K), what each action says of the next one; the last row where the one before is not known.
        phrases: W words, and words in a row, that say something of what the player does.
        said: f32 (W, K), what each says.
    """

    actions: np.ndarray
    before: np.ndarray
    phrases: tuple[str, ...]
    said: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {phrase: row for row, phrase in enumerate(self.phrases)})

    @property
    def fingerprint(self) -> str:
        """A name for these habits: others, another name."""
        digest = blake2b("\n".join(self.phrases).encode(), digest_size=6)
        for array in (self.actions, self.before, self.said):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def places(self, actions: np.ndarray) -> np.ndarray:
        """i64 (...): the rows of `actions` nearest to vectors f32 (..., A); K where they hold NaN, for not known."""
        far = np.square(np.asarray(actions, np.float32)[..., None, :] - self.actions).sum(-1)
        return np.where(np.isnan(far[..., 0]), len(self.actions), np.nan_to_num(far).argmin(-1))

    def chances(self, before: np.ndarray, texts: Sequence[str]) -> np.ndarray:
        """f64 (B, K): how likely each action is next, after f32 (B, A), NaN where not known, under a text for each."""
        told = np.stack([self.said[self._heard(text)].sum(0) for text in texts])
        logits = (self.before[self.places(before)] + told).astype(np.float64)
        chances = np.exp(logits - logits.max(1, keepdims=True))
        return chances / chances.sum(1, keepdims=True)

    def draw(
        self, before: np.ndarray, texts: Sequence[str], generators: Sequence[torch.Generator | None]
    ) -> np.ndarray:
        """f32 (B, A): an action for each row, from its own generator; the rest is as in `chances`."""
        drawn = np.array([float(torch.rand((), generator=generator, dtype=torch.float64)) for generator in generators])
        passed = (self.chances(before, texts).cumsum(1) <= drawn[:, None]).sum(1)
        return self.actions[np.minimum(passed, len(self.actions) - 1)]

    def _heard(self, text: str) -> list[int]:
        rows: dict[str, int] = getattr(self, "_rows")  # noqa: B009 (set past the frozen dataclass)
        return [rows[phrase] for phrase in phrases_of(text) if phrase in rows]


def phrases_of(text: str) -> list[str]:
    """The words of a text and each two in a row, every one once, lower-cased."""
    words = split_words(text)
    return list(dict.fromkeys([*words, *map(" ".join, pairwise(words))]))


def write_habits(path: Path, habits: Habits) -> Path:
    """Write the file; it is there whole or not at all."""
    arrays = {"actions": habits.actions, "before": habits.before, "said": habits.said}
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array, np.float32)) for name, array in arrays.items()}
    tensors["said"] = tensors["said"].to(torch.bfloat16)
    write_tensors(path, tensors, {"phrases": json.dumps(habits.phrases)})
    return path


def read_habits(folder: Path, width: int) -> Habits | None:
    """The habits that a checkpoint folder holds, for actions of A = `width` fields, or None.

    Raises:
        CheckpointError: damaged, or of other actions.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    tensors, metadata = read_tensors(path), read_metadata(path)
    try:
        phrases = tuple(map(str, json.loads(metadata["phrases"])))
        actions, before, said = (tensors[name].float().numpy() for name in ("actions", "before", "said"))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: not a file of habits: {error}; run `worldsim train habits` again") from error
    count = len(actions)
    shapes = actions.shape, before.shape, said.shape
    if not count or shapes != ((count, width), (count + 1, count), (len(phrases), count)):
        raise CheckpointError(
            f"{path}: must hold K actions of {width} fields, (K + 1, K) and ({len(phrases)}, K) weights, got {shapes}"
        )
    if not all(np.isfinite(array).all() for array in (actions, before, said)):
        raise CheckpointError(f"{path} holds NaN or infinity; run `worldsim train habits` again")
    return Habits(actions, before, phrases, said)
