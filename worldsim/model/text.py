"""Words: the vocabulary, the small text encoder that ships, and what stands in its place for one of others.

The vocabulary is a list of words in a fixed order; new words are appended, so that learned rows keep their places.
Encoders of others are read in `model/frozen.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from torch import nn
from torch.nn import functional as F

from worldsim.model.config import ConfigError, check_whole
from worldsim.model.layers import MLP, RMSNorm

__all__ = [
    "EncoderCard", "Projection", "PromptError", "PromptReader", "TextConfig", "TextEncoder", "Vocabulary",
    "split_words",
]  # fmt: skip

PAD, UNKNOWN = "[pad]", "[unknown]"


class PromptError(ValueError):
    """A prompt that the text encoder does not take."""


class PromptReader(Protocol):
    """What makes of texts what a network reads: a `Vocabulary`, or a `FrozenEncoder`.

    Attributes:
        words: those with rows of their own in the network.
    """

    @property
    def words(self) -> Sequence[str]: ...

    def encode(self, text: str, longest: int) -> list[int]:
        """The numbers of a text's words. Raises `PromptError` for more than `longest`."""
        ...

    def table(self, texts: Sequence[str], longest: int) -> tuple[torch.Tensor, torch.Tensor]:
        """What the network reads of N texts, (N, longest) or (N, longest, hidden), and what of it is no padding."""
        ...

    def known(self, text: str) -> str:
        """The text without the words that it cannot read."""
        ...

    def unknown(self, text: str) -> list[str]:
        """The words of a text that it cannot read."""
        ...


def split_words(text: str) -> list[str]:
    """The words and signs of a text, lower-cased, as a vocabulary splits it."""
    lower = normalizers.Lowercase().normalize_str(text)
    return [word for word, _ in pre_tokenizers.Whitespace().pre_tokenize_str(lower)]


class Vocabulary:
    """Text ⇄ word numbers. Lower-cases, splits at white space and punctuation; words it lacks become `[unknown]`."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = list(words)
        if self.words[:2] != [PAD, UNKNOWN] or len(set(self.words)) != len(self.words):
            raise PromptError(
                f"a vocabulary must start with {PAD}, {UNKNOWN} and repeat no word, got {self.words[:4]} …"
            )
        numbers = {word: i for i, word in enumerate(self.words)}
        self._split = Tokenizer(models.WordLevel(numbers, unk_token=UNKNOWN))
        self._split.normalizer = normalizers.Lowercase()  # pyright: ignore[reportAttributeAccessIssue]
        self._split.pre_tokenizer = pre_tokenizers.Whitespace()  # pyright: ignore[reportAttributeAccessIssue]

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def collect(cls, texts: Iterable[str], known: Iterable[str] = (PAD, UNKNOWN)) -> Vocabulary:
        """The known words in their order, then the new words of the texts in alphabetical order."""
        kept = list(known)
        found = {word for text in texts for word in split_words(text)}
        return cls(kept + sorted(found - set(kept)))

    def encode(self, text: str, longest: int) -> list[int]:
        """Word numbers of a text.

        Raises:
            PromptError: more than `longest` words.
        """
        numbers = self._split.encode(text).ids
        if len(numbers) > longest:
            raise PromptError(f"a prompt has at most {longest} words, got {len(numbers)}: {text[:60]!r} …; shorten it")
        return numbers

    def table(self, texts: Sequence[str], longest: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Word numbers i64 (N, longest) of N texts, padded, and which of them are words, bool (N, longest).

        Raises:
            PromptError: a text of more than `longest` words.
        """
        numbers = torch.zeros(len(texts), longest, dtype=torch.int64)
        present = torch.zeros(len(texts), longest, dtype=torch.bool)
        for row, text in enumerate(texts):
            found = self.encode(text, longest)
            numbers[row, : len(found)] = torch.tensor(found, dtype=torch.int64)
            present[row, : len(found)] = True
        return numbers, present

    def known(self, text: str) -> str:
        """The text without the words and signs that the vocabulary lacks, lower-cased, one space between."""
        return " ".join(self.words[number] for number in self._split.encode(text).ids if number != 1)

    def unknown(self, text: str) -> list[str]:
        """The words of a text that the vocabulary lacks."""
        encoded = self._split.encode(text)
        return [text[a:b] for number, (a, b) in zip(encoded.ids, encoded.offsets, strict=True) if number == 1]


@dataclass(frozen=True)
class TextConfig:
    """Sizes of a `TextEncoder`, or of a `Projection` where another encoder's hidden states are read."""

    width: int = 128
    """Channels of a word."""
    depth: int = 2
    """Transformer layers."""
    longest: int = 96
    """Most words of a prompt."""
    hidden: int = 0
    """Channels of the hidden states of a frozen encoder; 0: words have vectors of their own. Follows the encoder."""

    def __post_init__(self) -> None:
        check_whole(self, 1, "width", "longest")
        check_whole(self, 0, "depth", "hidden")
        if self.width % 64:
            raise ConfigError(f"TextConfig.width must be in steps of 64, got {self.width}")


@dataclass(frozen=True)
class EncoderCard:
    """A frozen text encoder, as a checkpoint remembers it.

    Attributes:
        name: a folder, or an id on the hub.
        revision: the commit there; "" for a folder.
        fingerprint: of its weights and its tokens.
        hidden: channels of its hidden states.
    """

    name: str
    revision: str
    fingerprint: str
    hidden: int

    def __post_init__(self) -> None:
        check_whole(self, 1, "hidden")
        for name in ("name", "revision", "fingerprint"):
            if not isinstance(getattr(self, name), str):
                raise ConfigError(f"EncoderCard.{name} must be text, got {getattr(self, name)!r}")


class TextEncoder(nn.Module):
    """Word numbers (B, L) → word vectors (B, L, width), each knowing the others of its own prompt.

    Words begin far apart and layers begin as doing nothing: what a prompt shares with all others would otherwise drown
    what sets it apart, and the network would never hear a word.
    """

    def __init__(self, config: TextConfig, words: int) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Parameter(0.5 * torch.randn(words, config.width))
        self.place = nn.Parameter(0.1 * torch.randn(config.longest, config.width))
        self.layers = nn.ModuleList(_TextLayer(config.width) for _ in range(config.depth))
        self.norm = RMSNorm(config.width)

    def forward(self, numbers: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """numbers i64 (B, L), present bool (B, L): False marks padding."""
        x = F.embedding(numbers, self.embed) + self.place[: numbers.shape[1]]
        for layer in self.layers:
            x = layer(x, present)
        return self.norm(x)


class Projection(nn.Module):
    """Hidden states (B, L, hidden) of a frozen encoder → word vectors (B, L, width)."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.out = nn.Linear(config.hidden, config.width)
        self.norm = RMSNorm(config.width)

    def forward(self, states: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """states (B, L, hidden), present bool (B, L): no token looks at another here, so padding harms none."""
        return self.norm(self.out(states.to(self.out.weight.dtype)))


class _TextLayer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = RMSNorm(width), RMSNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.mlp = MLP(width, 4 * width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.mlp.down.weight)

    def forward(self, x: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        batch, words, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, words, 3, -1, 64).permute(2, 0, 3, 1, 4)  # (B, heads, L, 64)
        readable = present | ~present.any(1, keepdim=True)  # an empty prompt reads its padding, and nobody reads it
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=readable[:, None, None])
        x = x + self.out(y.transpose(1, 2).reshape(batch, words, width))
        return x + self.mlp(self.norm2(x))
