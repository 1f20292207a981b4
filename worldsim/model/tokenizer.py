"""The tokenizer: a video compression network, frames ⇄ latents, with stride (1, 8, 8).

A convolutional autoencoder per frame. Its latents are kept near unit size and are disturbed by noise in training,
which fixes the rate and gives the dynamics network a smooth space. Normalised per channel with stored statistics.
Frame by frame means that streaming equals the whole clip, and that nothing of the future leaks into the past.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from worldsim.model.config import ConfigError, check_whole

__all__ = ["Tokenizer", "TokenizerConfig"]


@dataclass(frozen=True)
class TokenizerConfig:
    """Sizes of a `Tokenizer`."""

    channels: int = 8
    """Latent channels C; a frame of H×W×3 numbers becomes H/8×W/8×C."""
    widths: tuple[int, int, int] = (48, 96, 192)
    """Channels of the convolutions at 1/2, 1/4 and 1/8 of the frame's side."""
    encoder_blocks: tuple[int, int, int] = (0, 1, 2)
    """Residual blocks of the encoder at each of these sizes."""
    decoder_blocks: tuple[int, int, int] = (1, 2, 2)
    """Residual blocks of the decoder at each of these sizes."""

    def __post_init__(self) -> None:
        check_whole(self, 1, "channels", "widths")
        check_whole(self, 0, "encoder_blocks", "decoder_blocks")
        for name in ("widths", "encoder_blocks", "decoder_blocks"):
            if not isinstance(getattr(self, name), tuple) or len(getattr(self, name)) != 3:
                raise ConfigError(f"TokenizerConfig.{name} must be three numbers, got {getattr(self, name)!r}")


class _Norm(nn.Module):
    """RMS normalisation of each pixel over its channels: independent of the frame's size. x (B, C, H, W)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = torch.rsqrt(x.float().square().mean(1, keepdim=True) + 1e-6)
        return (x * scale * self.gain[:, None, None]).to(x.dtype)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = _Norm(width), _Norm(width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv1(F.silu(self.norm1(x)))
        return x + self.conv2(F.silu(self.norm2(y)))


class Tokenizer(nn.Module):
    """Frames (B, T, 3, H, W) in [-1, 1] ⇄ latents (B, T, C, H/8, W/8), about zero mean and unit spread per channel."""

    stride: int = 8  # latents are this much smaller than frames, in both directions of space

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.config = config
        a, b, c = config.widths
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(12, a, 3, padding=1),
            *(_Residual(a) for _ in range(config.encoder_blocks[0])),
            nn.PixelUnshuffle(2), nn.Conv2d(4 * a, b, 1), *(_Residual(b) for _ in range(config.encoder_blocks[1])),
            nn.PixelUnshuffle(2), nn.Conv2d(4 * b, c, 1), *(_Residual(c) for _ in range(config.encoder_blocks[2])),
            _Norm(c), nn.Conv2d(c, config.channels, 1),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Conv2d(config.channels, c, 3, padding=1), *(_Residual(c) for _ in range(config.decoder_blocks[2])),
            nn.Conv2d(c, 4 * b, 1), nn.PixelShuffle(2), *(_Residual(b) for _ in range(config.decoder_blocks[1])),
            nn.Conv2d(b, 4 * a, 1), nn.PixelShuffle(2), *(_Residual(a) for _ in range(config.decoder_blocks[0])),
            _Norm(a), nn.SiLU(), nn.Conv2d(a, 12, 3, padding=1), nn.PixelShuffle(2),
        )  # fmt: skip
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.register_buffer("mean", torch.zeros(config.channels))
        self.register_buffer("std", torch.ones(config.channels))
        self.painter: Callable[[torch.Tensor], torch.Tensor] | None = None
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def prepare(self, half: bool = False) -> None:
        """Make `decode` fast, for weights that stay as they are; with bfloat16 products if `half`."""
        decoder = copy.deepcopy(self.decoder).to(torch.bfloat16) if half else self.decoder

        def paint(raw: torch.Tensor) -> torch.Tensor:
            raw = raw.to(torch.bfloat16 if half else raw.dtype)
            return decoder(raw.contiguous(memory_format=torch.channels_last)).float()

        self.painter = paint

    def raw(self, frames: torch.Tensor) -> torch.Tensor:
        """Latents before normalisation, with which training works: (B, 3, H, W) → (B, C, H/8, W/8)."""
        return self.encoder(frames.contiguous(memory_format=torch.channels_last))

    def paint(self, raw: torch.Tensor) -> torch.Tensor:
        """The frames that unnormalised latents stand for: (B, C, h, w) → (B, 3, 8h, 8w)."""
        return self.decoder(raw.contiguous(memory_format=torch.channels_last))

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames (B, T, 3, H, W) in [-1, 1] → latents (B, T, C, H/8, W/8).

        Raises:
            ValueError: the shape is another, or H or W is no multiple of 8.
        """
        if frames.ndim != 5 or frames.shape[2] != 3 or frames.shape[3] % self.stride or frames.shape[4] % self.stride:
            raise ValueError(
                f"frames must be (B, T, 3, H, W) with H and W multiples of {self.stride}, got {tuple(frames.shape)}; "
                "resize or pad them"
            )
        raw = self.raw(rearrange(frames, "b t c h w -> (b t) c h w"))
        latents = (raw - self.mean[:, None, None]) / self.std[:, None, None]
        return rearrange(latents, "(b t) c h w -> b t c h w", b=frames.shape[0]).contiguous()

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents (B, T, C, h, w) → frames (B, T, 3, 8h, 8w), about [-1, 1], not clipped.

        Raises:
            ValueError: the shape is another.
        """
        if latents.ndim != 5 or latents.shape[2] != self.config.channels:
            raise ValueError(f"latents must be (B, T, {self.config.channels}, h, w), got {tuple(latents.shape)}")
        raw = latents * self.std[:, None, None] + self.mean[:, None, None]
        paint = self.paint if self.painter is None else self.painter
        frames = paint(rearrange(raw, "b t c h w -> (b t) c h w"))
        return rearrange(frames, "(b t) c h w -> b t c h w", b=latents.shape[0])
