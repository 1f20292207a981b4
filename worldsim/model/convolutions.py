"""What both tokenizers are built of: blocks of convolutions that work at any size, and the way between frames and 1/8.

Nothing here looks along time but `CausalResidual`, which sees one step back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from worldsim.model.tokenizer import TokenizerConfig

__all__ = ["CausalResidual", "PixelNorm", "Residual", "frames_in", "frames_out"]


class PixelNorm(nn.Module):
    """RMS normalisation of each pixel over its channels: independent of the frame's size. x (B, C, H, W)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = torch.rsqrt(x.float().square().mean(1, keepdim=True) + 1e-6)
        return (x * scale * self.gain[:, None, None]).to(x.dtype)


class Residual(nn.Module):
    """Two convolutions beside the way straight on. x (B, C, H, W)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = PixelNorm(width), PixelNorm(width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv1(F.silu(self.norm1(x)))
        return x + self.conv2(F.silu(self.norm2(y)))


class CausalResidual(nn.Module):
    """A `Residual` whose first convolution also hears the step before."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = PixelNorm(width), PixelNorm(width)
        self.conv1 = nn.Conv2d(width, 2 * width, 3, padding=1)  # what a step says to itself, and to the next one
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: torch.Tensor, before: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """x (B, N, C, H, W) → the same shape, and what its last step says to the next, (B, 1, C, H, W).

        Args:
            x: N steps of each row.
            before: what the step before them said; None where there was none.
        """
        flat = x.flatten(0, 1)
        y = rearrange(self.conv1(F.silu(self.norm1(flat))), "(b n) (k c) h w -> k b n c h w", k=2, n=x.shape[1])
        if before is None:
            before = torch.zeros_like(y[1, :, :1])
        heard = y[0] + torch.cat([before, y[1, :, :-1]], 1)
        return x + self.conv2(F.silu(self.norm2(heard.flatten(0, 1)))).unflatten(0, x.shape[:2]), y[1, :, -1:]


def frames_in(config: TokenizerConfig) -> list[nn.Module]:
    """Layers from a frame (B, 3, H, W) to (B, widths[2], H/8, W/8)."""
    a, b, c = config.widths
    return [
        nn.PixelUnshuffle(2), nn.Conv2d(12, a, 3, padding=1), *(Residual(a) for _ in range(config.encoder_blocks[0])),
        nn.PixelUnshuffle(2), nn.Conv2d(4 * a, b, 1), *(Residual(b) for _ in range(config.encoder_blocks[1])),
        nn.PixelUnshuffle(2), nn.Conv2d(4 * b, c, 1),
    ]  # fmt: skip


def frames_out(config: TokenizerConfig) -> list[nn.Module]:
    """Layers from (B, widths[2], H/8, W/8) to a frame (B, 3, H, W)."""
    a, b, c = config.widths
    return [
        nn.Conv2d(c, 4 * b, 1), nn.PixelShuffle(2), *(Residual(b) for _ in range(config.decoder_blocks[1])),
        nn.Conv2d(b, 4 * a, 1), nn.PixelShuffle(2), *(Residual(a) for _ in range(config.decoder_blocks[0])),
        PixelNorm(a), nn.SiLU(), nn.Conv2d(a, 12, 3, padding=1), nn.PixelShuffle(2),
    ]  # fmt: skip
