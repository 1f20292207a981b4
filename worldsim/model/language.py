"""`Language`: what was learned of words: a captioner, its vocabulary, and captions of moments, short and detailed.

It is one file, `language.safetensors`, that lies in a checkpoint of the tokenizer on whose latents it was trained.
Describing a clip and scoring a text against it are the same network asked in two ways.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from worldsim.model.captioner import Captioner, CaptionerConfig, moment
from worldsim.model.card import CheckpointError
from worldsim.model.checkpoint import find
from worldsim.model.tensors import (
    half_weights,
    load_weights,
    network_fingerprint,
    read_metadata,
    read_tensors,
    write_tensors,
)
from worldsim.model.text import PAD, UNKNOWN, Vocabulary
from worldsim.model.tokenizer import Tokenizer

__all__ = ["FILE", "SIGNS", "STOP", "Language", "begin_of", "distinct_pairs", "load_language", "save_language"]

FILE = "language.safetensors"
STOP, SHORT, DETAILED = "[end]", "[short]", "[detailed]"
SIGNS = (PAD, UNKNOWN, STOP, SHORT, DETAILED)  # no text splits into any of them
ROWS = 256  # moments through the network at a time


@dataclass(frozen=True)
class Language:
    """A captioner and what belongs to it.

    Attributes:
        network: trained on the latents of one tokenizer.
        vocabulary: its words, `SIGNS` first.
        tokenizer: fingerprint of that tokenizer.
        pairs: (short, detailed) captions of single moments, for expanding prompts.
        training: record of the training.
    """

    network: Captioner
    vocabulary: Vocabulary
    tokenizer: str
    pairs: tuple[tuple[str, str], ...] = ()
    training: dict[str, Any] = field(default_factory=dict)

    def rows(self, start: int, end: int) -> np.ndarray:
        """i64 (F,): the rows of [start, end) that are a moment; see `moment`."""
        return moment(start, end, self.network.config.frames, self.network.config.around)

    def describe(self, latents: torch.Tensor, detail: Literal["short", "detailed"] = "short") -> list[str]:
        """What moments show, latents (B, F, C, h, w), in words: lower-case, one space between."""
        texts = []
        for part in latents.split(ROWS):
            begin, stop = begin_of(detail), SIGNS.index(STOP)
            for numbers in self.network.write(part.float(), begin, stop, len(SIGNS)):
                texts.append(" ".join(self.vocabulary.words[number] for number in numbers))
        return texts

    def score(self, latents: torch.Tensor, texts: Sequence[str]) -> np.ndarray:
        """How much likelier each moment makes its text than it is by itself, f32 (B,), in nats.

        0 says that the clip makes no difference, and so says a text of which no word is known. Words that the captions
        of the training never held are left out.
        """
        given, alone = self.likelihoods(latents, texts)
        return given - alone

    def likelihoods(self, latents: torch.Tensor, texts: Sequence[str]) -> np.ndarray:
        """f32 (2, B): log-likelihoods of texts given moments (B, F, C, h, w), and given none, in nats."""
        words, counted = self.numbers(texts)
        parts = zip(latents.split(ROWS), words.split(ROWS), counted.split(ROWS), strict=True)
        found = [self.network.likelihood(part.float(), *rest) for part, *rest in parts]
        return torch.cat([torch.zeros(2, 0), *found], 1).numpy()

    def numbers(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Word numbers i64 (B, L + 1) from the sign that begins each, and which others are words, bool (B, L)."""
        known = [self.vocabulary.known(text) for text in texts]
        words, present = self.vocabulary.table(known, self.network.config.longest - 1)
        begins = [begin_of("detailed" if " . " in text else "short") for text in known]
        return torch.cat([torch.tensor(begins, dtype=torch.int64)[:, None], words], 1), present


def begin_of(detail: Literal["short", "detailed"]) -> int:
    """The number of the sign that begins a caption of this length."""
    return SIGNS.index(SHORT if detail == "short" else DETAILED)


def save_language(path: Path, language: Language) -> Path:
    """Write the file, weights in bf16; it is there whole or not at all."""
    told = {
        "config": asdict(language.network.config), "vocabulary": language.vocabulary.words,
        "tokenizer": language.tokenizer, "pairs": language.pairs, "training": language.training,
    }  # fmt: skip
    write_tensors(path, half_weights(language.network), {name: json.dumps(value) for name, value in told.items()})
    return path


def load_language(place: str | Path, tokenizer: Tokenizer | None = None) -> Language:
    """Read it: from a checkpoint that holds one, by name or folder, or from a file.

    Args:
        place: a checkpoint, or the file itself.
        tokenizer: whose latents it shall read; checked if given.

    Raises:
        CheckpointError: there is none, it is damaged, or it belongs to another tokenizer.
    """
    path = Path(place) if Path(place).suffix == ".safetensors" else find(place) / FILE
    if not path.is_file():
        raise CheckpointError(
            f"{path} does not exist: this checkpoint has learned no captions. Train a captioner on its tokenizer with "
            f"`worldsim train captioner`, and put its {FILE} there"
        )
    tensors, metadata = read_tensors(path), read_metadata(path)
    try:
        told = {name: json.loads(metadata[name]) for name in ("config", "vocabulary", "tokenizer", "pairs", "training")}
        network, vocabulary = Captioner(CaptionerConfig(**told["config"])), Vocabulary(told["vocabulary"])
        pairs = tuple((str(short), str(detailed)) for short, detailed in told["pairs"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: not the file of a captioner: {error}; train it again") from error
    if len(vocabulary) != network.config.words or tuple(vocabulary.words[: len(SIGNS)]) != SIGNS:
        raise CheckpointError(f"{path}: its vocabulary must begin with {SIGNS} and have {network.config.words} words")
    load_weights(network, tensors, str(path))
    if tokenizer is not None and (name := network_fingerprint(tokenizer)) != told["tokenizer"]:
        raise CheckpointError(
            f"{path} was trained on the latents of tokenizer {told['tokenizer']}, this one is {name}; train a "
            "captioner on this tokenizer"
        )
    return Language(network.eval(), vocabulary, told["tokenizer"], pairs, told["training"])


def distinct_pairs(pairs: Iterable[tuple[str, str]], most: int) -> tuple[tuple[str, str], ...]:
    """The first pairs, at most so many, whose short captions all differ."""
    kept: dict[str, str] = {}
    for short, detailed in pairs:
        if len(kept) == most:
            break
        if short and detailed:
            kept.setdefault(short, detailed)
    return tuple(kept.items())
