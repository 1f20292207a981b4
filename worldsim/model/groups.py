"""Networks of a tokenizer with a stride in time: the first frame has a latent of its own, then each group of S frames.

Both are causal: they hear groups that were before, through a `Past`, and none that come after. How a clip is cut into
calls, and what its latents' statistics are, is left to `Tokenizer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from einops import rearrange, repeat
from torch import nn

from worldsim.model.convolutions import CausalResidual, PixelNorm, frames_in, frames_out

if TYPE_CHECKING:
    from worldsim.model.tokenizer import TokenizerConfig

__all__ = ["GroupDecoder", "GroupEncoder", "Past"]

Past = tuple[torch.Tensor, ...]
"""What the frames or latents so far leave to the next ones: (B, 1, widths[2], h, w) for each causal block."""


class GroupEncoder(nn.Module):
    """Frames (B, T, 3, H, W) → unnormalised latents (B, N, C, H/8, W/8)."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.stride, width = config.time_stride, config.widths[2]
        self.frames = nn.Sequential(*frames_in(config))
        self.join = nn.Conv2d(self.stride * width, width, 1)
        self.blocks = nn.ModuleList(CausalResidual(width) for _ in range(config.encoder_blocks[2]))
        self.head = nn.Sequential(PixelNorm(width), nn.Conv2d(width, config.channels, 1))

    def forward(self, frames: torch.Tensor, past: Past | None = None) -> tuple[torch.Tensor, Past]:
        """T = 1 + S·k frames without a past, or S·k that follow one."""
        rows = frames.shape[0]
        flat = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        x = rearrange(self.frames(flat), "(b t) c h w -> b t c h w", b=rows)
        if past is None:  # the first frame fills a group: it stands still
            x = torch.cat([repeat(x[:, 0], "b c h w -> b s c h w", s=self.stride), x[:, 1:]], 1)
        groups = rearrange(x, "b (n s) c h w -> (b n) (s c) h w", s=self.stride)
        x = self.join(groups.contiguous(memory_format=torch.channels_last)).unflatten(0, (rows, -1))
        x, past = _through(self.blocks, x, past)
        return self.head(x.flatten(0, 1)).unflatten(0, (rows, -1)), past


class GroupDecoder(nn.Module):
    """Unnormalised latents (B, N, C, h, w) → frames (B, T, 3, 8h, 8w)."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.stride, width = config.time_stride, config.widths[2]
        self.tail = nn.Conv2d(config.channels, width, 3, padding=1)
        self.blocks = nn.ModuleList(CausalResidual(width) for _ in range(config.decoder_blocks[2]))
        self.part = nn.Conv2d(width, self.stride * width, 1)
        self.frames = nn.Sequential(*frames_out(config))

    def forward(self, raw: torch.Tensor, past: Past | None = None) -> tuple[torch.Tensor, Past]:
        """T = 1 + S·(N - 1) frames without a past, or S·N that follow one."""
        rows, begins = raw.shape[0], past is None
        x = self.tail(raw.flatten(0, 1).contiguous(memory_format=torch.channels_last)).unflatten(0, (rows, -1))
        x, past = _through(self.blocks, x, past)
        x = rearrange(self.part(x.flatten(0, 1)), "(b n) (s c) h w -> b (n s) c h w", b=rows, s=self.stride)
        if begins:
            x = x[:, self.stride - 1 :]
        flat = x.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return self.frames(flat).unflatten(0, (rows, -1)), past


def _through(blocks: nn.ModuleList, x: torch.Tensor, past: Past | None) -> tuple[torch.Tensor, Past]:
    """Pass steps (B, N, C, h, w) through causal blocks, each with what its own past said."""
    said = []
    for block, before in zip(blocks, past or [None] * len(blocks), strict=True):
        x, last = block(x, before)
        said.append(last)
    return x, tuple(said)
