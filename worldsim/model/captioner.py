"""`Captioner`: a small network that says in words what a few latent frames show, and how likely a text is of them.

The frames of a moment are cut into patches, each with all its frames at once, so that motion is a part of what a token
holds; words are then written one after another, reading these tokens. Without a clip it writes what is mostly said:
the prior that the matcher takes away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from worldsim.model.config import ConfigError, check_whole
from worldsim.model.layers import MLP, RMSNorm
from worldsim.model.patches import space_coordinates

__all__ = ["Captioner", "CaptionerConfig", "moment", "stretches"]

STRETCH = 16  # rows that a caption covers, as recordings have them
HEAD = 32  # channels of a head
TURNS = (0.5, 1.0, 2.0, 4.0)  # half turns per unit of place that tell a patch where it is
Keys = tuple[torch.Tensor, torch.Tensor]  # keys and values, each (B, heads, N, d)


def moment(start: int, end: int, frames: int, around: int = 0) -> np.ndarray:
    """i64 (frames,): the rows of [start, end) by which its caption is told, in order.

    Recordings take a caption in the middle of its rows, so these lead up to the frame after it; where there are too
    few, the first or the last one is repeated. Of them `around` are spread over all the rows instead: they show more of
    the place.
    """
    middle = (start + end) // 2
    close = np.arange(middle - frames + around + 2, middle + 2).clip(start, end - 1)
    return np.sort(np.concatenate([close, np.linspace(start, end - 1, around).astype(np.int64)]))


def stretches(start: int, end: int) -> list[tuple[int, int]]:
    """The rows start … end - 1 in stretches of which each gets a caption of its own."""
    return [(first, min(first + STRETCH, end)) for first in range(start, end, STRETCH)]


@dataclass(frozen=True)
class CaptionerConfig:
    """Sizes of a `Captioner`."""

    channels: int = 8
    """Channels of the latents."""
    frames: int = 6
    """Frames of a moment."""
    around: int = 0
    """How many of them are spread over all rows of a caption; the others lead up to its middle."""
    patch: int = 2
    """Side of a patch, in latent cells."""
    width: int = 128
    """Channels of a token."""
    looks: int = 3
    """Layers that look at the clip."""
    writes: int = 2
    """Layers that write."""
    words: int = 2
    """Words of the vocabulary, signs among them."""
    longest: int = 96
    """Most words of a caption."""

    def __post_init__(self) -> None:
        check_whole(self, 1, "channels", "frames", "patch", "width", "looks", "writes", "words", "longest")
        check_whole(self, 0, "around")
        if self.around > self.frames:
            raise ConfigError(f"CaptionerConfig.around must be at most frames, {self.frames}, got {self.around}")
        if self.width % HEAD:
            raise ConfigError(f"CaptionerConfig.width must be in steps of {HEAD}, got {self.width}")


class Captioner(nn.Module):
    """Latents of a moment and the words so far → logits of the next word."""

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.config = config
        self.eye, self.pen = _Eye(config), _Pen(config)

    def forward(self, latents: torch.Tensor, words: torch.Tensor, void: torch.Tensor | None = None) -> torch.Tensor:
        """Logits (B, L, V) of the word after each.

        Args:
            latents: (B, F, C, h, w), normalised as the tokenizer gives them.
            words: i64 (B, L), the first of them the sign that says how long a caption is wanted.
            void: bool (B,), True for rows that are told nothing of their clip.
        """
        return self.pen(words, self.pen.keys(self.eye(latents, void)), [None] * self.config.writes)[0]

    @torch.no_grad()
    def write(self, latents: torch.Tensor, begin: int, stop: int, signs: int) -> list[list[int]]:
        """The caption of each row as word numbers, always the likeliest next word, without begin and end.

        Args:
            latents: (B, F, C, h, w).
            begin, stop: the signs that a caption begins and ends with.
            signs: how many numbers at the front are signs; none but `stop` is ever written.
        """
        forbidden = [number for number in range(signs) if number != stop]
        told, past = self.pen.keys(self.eye(latents)), [None] * self.config.writes
        words = torch.full((len(latents), 1), begin, device=latents.device)
        done = torch.zeros(len(latents), 1, dtype=torch.bool, device=latents.device)
        while words.shape[1] < self.config.longest and not done.all():
            logits, past = self.pen(words[:, -1:], told, past)
            logits[..., forbidden] = -torch.inf
            following = logits.argmax(-1).masked_fill(done, stop)  # (B, 1)
            done |= following == stop
            words = torch.cat([words, following], 1)
        rows = words[:, 1:].tolist()
        return [row[: row.index(stop)] if stop in row else row for row in rows]

    @torch.no_grad()
    def likelihood(self, latents: torch.Tensor, words: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
        """f32 (2, B): log-likelihood of each text given its clip, and given none.

        Args:
            latents: (B, F, C, h, w).
            words: i64 (B, L + 1), from the sign that begins a caption.
            counted: bool (B, L), which words but that sign count.
        """
        void = torch.arange(2, device=latents.device).repeat_interleave(len(latents)) == 1
        logits = self(latents.repeat(2, 1, 1, 1, 1), words[:, :-1].repeat(2, 1), void)
        chances = logits.float().log_softmax(-1).gather(2, words[:, 1:, None].repeat(2, 1, 1))[..., 0]
        return rearrange((chances * counted.repeat(2, 1)).sum(1), "(s b) -> s b", s=2)


class _Eye(nn.Module):
    """Latents (B, F, C, h, w) → tokens (B, N, D)."""

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.patch = config.patch
        self.embed = nn.Linear(config.frames * config.channels * config.patch**2, config.width)
        self.place = nn.Linear(4 * len(TURNS), config.width, bias=False)
        self.void = nn.Parameter(0.02 * torch.randn(config.width))
        self.blocks = nn.ModuleList(_Block(config.width, crossed=False) for _ in range(config.looks))
        self.norm = RMSNorm(config.width)

    def forward(self, latents: torch.Tensor, void: torch.Tensor | None = None) -> torch.Tensor:
        height, width = (side // self.patch for side in latents.shape[3:])
        x = rearrange(latents, "b f c (y p) (x q) -> b (y x) (f c p q)", p=self.patch, q=self.patch)
        x = self.embed(x)  # (B, N, D)
        if void is not None:
            x = torch.where(void[:, None, None], self.void.to(x.dtype), x)
        angles = torch.pi * space_coordinates(height, width)[..., None] * torch.tensor(TURNS)  # (N, 2, turns)
        x = x + self.place(torch.cat([angles.sin(), angles.cos()], -1).flatten(1).to(x.device))
        for block in self.blocks:
            x, _ = block(x)
        return self.norm(x)


class _Pen(nn.Module):
    """Words so far, and what the eye told → logits of the next word."""

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.embed = nn.Parameter(0.5 * torch.randn(config.words, config.width))
        self.place = nn.Parameter(0.1 * torch.randn(config.longest, config.width))
        self.blocks = nn.ModuleList(_Block(config.width, crossed=True) for _ in range(config.writes))
        self.norm = RMSNorm(config.width)
        self.out = nn.Linear(config.width, config.words)

    def keys(self, tokens: torch.Tensor) -> list[Keys]:
        """What each layer reads of the clip."""
        return [block.cross.keys(tokens) for block in self.blocks]  # pyright: ignore[reportAttributeAccessIssue, reportCallIssue]

    def forward(
        self, words: torch.Tensor, told: list[Keys], past: list[Keys | None]
    ) -> tuple[torch.Tensor, list[Keys | None]]:
        """words i64 (B, L) after those whose keys are in `past` → logits (B, L, V), and keys with these words."""
        begin = 0 if past[0] is None else past[0][0].shape[2]
        x = F.embedding(words, self.embed) + self.place[begin : begin + words.shape[1]]
        kept: list[Keys | None] = []
        for block, clip, before in zip(self.blocks, told, past, strict=True):
            x, keys = block(x, clip, before)
            kept.append(keys)
        return self.out(self.norm(x)), kept


class _Block(nn.Module):
    """Attention among tokens; among words only to earlier ones, and to a clip; then an MLP."""

    def __init__(self, width: int, crossed: bool) -> None:
        super().__init__()
        self.norm1, self.own = RMSNorm(width), _Attention(width)
        self.cross = _Attention(width) if crossed else None
        self.norm2 = RMSNorm(width) if crossed else None
        self.norm3, self.mlp = RMSNorm(width), MLP(width, 4 * width)

    def forward(
        self, x: torch.Tensor, clip: Keys | None = None, before: Keys | None = None
    ) -> tuple[torch.Tensor, Keys]:
        y = self.norm1(x)
        keys = self.own.keys(y)
        if before is not None:
            keys = torch.cat([before[0], keys[0]], 2), torch.cat([before[1], keys[1]], 2)
        mask = None
        if clip is not None:
            new, known = x.shape[1], keys[0].shape[2]
            mask = torch.ones(new, known, dtype=torch.bool, device=x.device).tril(known - new)
        x = x + self.own(y, keys, mask)
        if clip is not None:
            assert self.cross is not None and self.norm2 is not None
            x = x + self.cross(self.norm2(x), clip)
        return x + self.mlp(self.norm3(x)), keys


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key_value = nn.Linear(width, width, bias=False), nn.Linear(width, 2 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def keys(self, y: torch.Tensor) -> Keys:
        keys, values = rearrange(self.key_value(y), "b n (s h d) -> s b h n d", s=2, d=HEAD)
        return keys, values

    def forward(self, x: torch.Tensor, keys: Keys, mask: torch.Tensor | None = None) -> torch.Tensor:
        q = rearrange(self.query(x), "b n (h d) -> b h n d", d=HEAD)
        return self.out(rearrange(F.scaled_dot_product_attention(q, *keys, attn_mask=mask), "b h n d -> b n (h d)"))
