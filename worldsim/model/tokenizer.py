"""The tokenizer: a video compression network, frames ⇄ latents, with stride (1, 8, 8) or, for video, (S, 8, 8).

A convolutional autoencoder. Its latents are kept near unit size and are disturbed by noise in training, which fixes
the rate and gives the dynamics network a smooth space. Normalised per channel with stored statistics. Stride 1 in time
works frame by frame; a longer one in groups of frames that hear those before (`groups.py`). So streaming equals the
whole clip, nothing of the future leaks into the past, and an image is a clip of one frame.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import nn

from worldsim.model.config import ConfigError, check_whole
from worldsim.model.convolutions import PixelNorm, Residual, frames_in, frames_out
from worldsim.model.groups import GroupDecoder, GroupEncoder, Past

__all__ = ["Past", "Tokenizer", "TokenizerConfig"]


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
    time_stride: int = 1
    """Frames S that share a latent: 1 for play; 4 for video, where the first frame has one of its own."""

    def __post_init__(self) -> None:
        check_whole(self, 1, "channels", "widths", "time_stride")
        check_whole(self, 0, "encoder_blocks", "decoder_blocks")
        for name in ("widths", "encoder_blocks", "decoder_blocks"):
            if not isinstance(getattr(self, name), tuple) or len(getattr(self, name)) != 3:
                raise ConfigError(f"TokenizerConfig.{name} must be three numbers, got {getattr(self, name)!r}")

    def fit_length(self, length: int) -> int:
        """The number of frames nearest to `length` that a clip can have, 1 + S·k; says so where it is another."""
        stride = self.time_stride
        fitting = 1 + stride * ((length - 1 + stride // 2) // stride)
        if fitting != length:
            warnings.warn(
                f"{length} frames do not fit a time stride of {stride}, which takes 1 + {stride}·k: {fitting} are used",
                stacklevel=2,
            )
        return fitting


class Tokenizer(nn.Module):
    """Frames (B, T, 3, H, W) in [-1, 1] ⇄ latents (B, N, C, H/8, W/8), about zero mean and unit spread per channel.

    With a time stride of S, T = 1 + S·k frames have N = 1 + k latents, and S = 1 makes N = T.
    """

    stride: int = 8  # latents are this much smaller than frames, in both directions of space

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.config = config
        width = config.widths[2]
        if config.time_stride > 1:
            self.encoder, self.decoder = GroupEncoder(config), GroupDecoder(config)
        else:
            self.encoder = nn.Sequential(
                *frames_in(config), *(Residual(width) for _ in range(config.encoder_blocks[2])),
                PixelNorm(width), nn.Conv2d(width, config.channels, 1),
            )  # fmt: skip
            self.decoder = nn.Sequential(
                nn.Conv2d(config.channels, width, 3, padding=1),
                *(Residual(width) for _ in range(config.decoder_blocks[2])), *frames_out(config),
            )  # fmt: skip
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.register_buffer("mean", torch.zeros(config.channels))
        self.register_buffer("std", torch.ones(config.channels))
        self.painter: Callable[[torch.Tensor], torch.Tensor] | None = None
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def prepare(self, half: bool = False) -> None:
        """Make `decode` fast in play, for weights that stay as they are; with bfloat16 products if `half`."""
        assert self.config.time_stride == 1, "worlds have tokenizers of time stride 1, see card.py"
        decoder = copy.deepcopy(self.decoder).to(torch.bfloat16) if half else self.decoder

        def paint(raw: torch.Tensor) -> torch.Tensor:
            raw = raw.to(torch.bfloat16 if half else raw.dtype)
            return decoder(raw.contiguous(memory_format=torch.channels_last)).float()

        self.painter = paint

    def raw(self, frames: torch.Tensor) -> torch.Tensor:
        """Latents before normalisation, with which training works: (B, 3, H, W) → (B, C, H/8, W/8).

        With a time stride they are whole clips: (B, T, 3, H, W) → (B, N, C, H/8, W/8).
        """
        if self.config.time_stride > 1:
            return self.encoder(frames)[0]
        return self.encoder(frames.contiguous(memory_format=torch.channels_last))

    def paint(self, raw: torch.Tensor) -> torch.Tensor:
        """The frames that unnormalised latents stand for: (B, C, h, w) → (B, 3, 8h, 8w), or clips as in `raw`."""
        if self.config.time_stride > 1:
            return self.decoder(raw)[0]
        return self.decoder(raw.contiguous(memory_format=torch.channels_last))

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames (B, T, 3, H, W) in [-1, 1] → latents (B, N, C, H/8, W/8).

        Raises:
            ValueError: the shape is another, H or W is no multiple of 8, or T does not fit the time stride.
        """
        return self.encode_next(frames)[0]

    def encode_next(self, frames: torch.Tensor, past: Past | None = None) -> tuple[torch.Tensor, Past]:
        """The latents of frames that follow those which left `past`, and what these leave: the same as of all at once.

        Args:
            frames: (B, T, 3, H, W) in [-1, 1]; T = 1 + S·k where a clip begins, S·k where it goes on.
            past: what the last call gave; None where a clip begins. Without it the first of them would be encoded as a
                first frame, which is another latent than a clip that goes on has there.

        Raises:
            ValueError: the shape is another, H or W is no multiple of 8, or T does not fit the time stride.
        """
        if frames.ndim != 5 or frames.shape[2] != 3 or frames.shape[3] % self.stride or frames.shape[4] % self.stride:
            raise ValueError(
                f"frames must be (B, T, 3, H, W) with H and W multiples of {self.stride}, got {tuple(frames.shape)}; "
                "resize or pad them"
            )
        if self.config.time_stride == 1:
            raw = self.raw(rearrange(frames, "b t c h w -> (b t) c h w"))
            raw = (raw - self.mean[:, None, None]) / self.std[:, None, None]
            return rearrange(raw, "(b t) c h w -> b t c h w", b=frames.shape[0]).contiguous(), ()
        latents = []
        for group in frames.split(self._groups(frames.shape[1], past), 1):  # one by one, however they come
            raw, past = self.encoder(group, past)
            latents.append((raw - self.mean[:, None, None]) / self.std[:, None, None])
        assert past is not None
        return torch.cat(latents, 1).contiguous(), past

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents (B, N, C, h, w) → frames (B, T, 3, 8h, 8w), about [-1, 1], not clipped.

        Raises:
            ValueError: the shape is another.
        """
        return self.decode_next(latents)[0]

    def decode_next(self, latents: torch.Tensor, past: Past | None = None) -> tuple[torch.Tensor, Past]:
        """The frames of latents that follow those which left `past`, and what these leave: the same as of all at once.

        Args:
            latents: (B, N, C, h, w); where a clip begins, the first of them is one frame, any other is S.
            past: what the last call gave; None where a clip begins.

        Raises:
            ValueError: the shape is another.
        """
        if latents.ndim != 5 or latents.shape[2] != self.config.channels:
            raise ValueError(f"latents must be (B, T, {self.config.channels}, h, w), got {tuple(latents.shape)}")
        raw = latents * self.std[:, None, None] + self.mean[:, None, None]
        if self.config.time_stride == 1:
            paint = self.paint if self.painter is None else self.painter
            frames = paint(rearrange(raw, "b t c h w -> (b t) c h w"))
            return rearrange(frames, "(b t) c h w -> b t c h w", b=latents.shape[0]), ()
        if not latents.shape[1]:
            raise ValueError(f"latents must be (B, N, C, h, w) with at least one of them, got {tuple(latents.shape)}")
        frames = []
        for one in raw.split(1, 1):
            group, past = self.decoder(one, past)
            frames.append(group)
        assert past is not None
        return torch.cat(frames, 1), past

    def _groups(self, frames: int, past: Past | None) -> list[int]:
        """How many frames each latent has. Raises `ValueError` when the last one's are not all there."""
        stride, first = self.config.time_stride, 1 if past is None else 0
        if frames < 1 or (frames - first) % stride:
            raise ValueError(
                f"a time stride of {stride} takes {first} + {stride}·k frames "
                f"{'where a clip begins' if first else 'where a clip goes on'}, got {frames}; add or drop some"
            )
        return [1] * first + [stride] * ((frames - first) // stride)
