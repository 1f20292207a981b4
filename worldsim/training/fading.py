"""Fading: what frames of one's own lose first, done to given frames in training.

Neighbouring cells run together and near their mean, and the mean itself drifts: a dark wall grows darker than any is.
A network that has only met true frames takes a pale or dark past for the way the world looks, and paints the next frame
paler or darker still; one that has met such pasts, with the truth to follow, sees the world behind them and paints
that. Unlike rollouts the past stays where truth was, so the answer is no mean.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch.nn import functional as F

__all__ = ["fading", "pale", "toned"]

CONTRAST = 0.3  # what is left of it where a frame has faded fully
TONE = 0.5  # how far towards another clip's mean, or away from it, a frame has drifted at most


def fading(shape: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
    """How far frames have faded, f32 (B, T) in [0, 1]: in each row more and more, up to a share of its own.

    It begins anywhere in the row, or, in half of the rows, before it. Most fade a little: in play every frame has to
    give back what one frame loses.
    """
    rows, time = shape
    begin, length, most = torch.rand((3, rows, 1), generator=generator)
    begin = (2 * begin - 1) * time
    rise = (torch.arange(time) - begin) / (1 + length * time)
    return most.square() * rise.clamp(0, 1)


def pale(latents: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Latents (B, T, C, h, w), faded by a share (B, T) in [0, 1]; at 0 they stay as they are, to the bit."""
    flat = F.pad(rearrange(latents, "b t c h w -> (b t) c h w"), (2, 2, 2, 2), mode="replicate")
    blurred = F.avg_pool2d(F.avg_pool2d(flat, 3, 1), 3, 1).view_as(latents)
    mean = latents.mean((3, 4), keepdim=True)
    share = share[:, :, None, None, None].to(latents.dtype)
    faded = latents + share * (blurred - latents)
    return faded + (1 - CONTRAST) * share * (mean - faded)


def toned(latents: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Latents (B, T, C, h, w) with means drifted by a share (B, T) in [-1, 1] of `TONE`; at 0 as they are, to the bit.

    They drift towards the means of the next row's clip, or away from them: along what sets true clips apart, from day
    to night and from meadow to sea.
    """
    mean = latents.mean((1, 3, 4), keepdim=True)
    return latents + TONE * share[:, :, None, None, None].to(latents.dtype) * (mean.roll(1, 0) - mean)
