"""Noise: how latents are mixed with it, which levels training draws, and which levels sampling walks down.

Rectified flow with a noise level per frame (Diffusion Forcing, arXiv 2407.01392). `level` is the share of noise:
0 is clean, 1 is pure noise.
"""

from __future__ import annotations

import torch

__all__ = ["FINEST", "SPANS", "mix", "random_jumps", "random_levels", "sampling_levels", "step_down", "weight"]

FINEST = 1 / 16  # the longest step that is taken as the flow itself: no jump
SPANS = (1 / 8, 1 / 4, 1 / 2, 1.0)  # the longer ones, jumps, trained as several shorter steps each
SHARES = (0.25, 0.25, 0.35, 0.15)  # how often: two passes a frame, as in play, need the most care


def mix(clean: torch.Tensor, noise: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
    """(1 - level)·clean + level·noise, for clean and noise (B, T, C, h, w) and level (B, T) in [0, 1]."""
    share = level[:, :, None, None, None].to(clean.dtype)
    return (1 - share) * clean + share * noise


def step_down(noisy: torch.Tensor, clean: torch.Tensor, level: torch.Tensor, lower: torch.Tensor) -> torch.Tensor:
    """One Euler step of the flow from `level` to `lower` (B, T), given the network's clean prediction.

    With noisy = (1-l)·clean + l·noise the noise is known too; mixed anew at l' it gives (l'/l)·noisy + (1-l'/l)·clean.
    """
    ratio = (lower / level)[:, :, None, None, None].to(noisy.dtype)
    return ratio * noisy + (1 - ratio) * clean


def sampling_levels(steps: int, shift: float = 1.0, start: float = 1.0) -> list[float]:
    """The levels that `steps` denoising passes start from, from `start` downwards, and the 0 that they end at.

    They are evenly spaced at shift 1; above it they crowd towards noise, l → s·l / (1 + (s - 1)·l), as in Stable
    Diffusion 3 (arXiv 2403.03206). The second of two passes starts at shift / (1 + shift). From a start below 1
    (SDEdit, arXiv 2108.01073) all are that much lower.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if not shift > 0:
        raise ValueError(f"shift must be positive, got {shift}")
    if not 0 < start <= 1:
        raise ValueError(f"start must be in (0, 1], got {start}")
    even = [1 - i / steps for i in range(steps + 1)]
    return [start * shift * level / (1 + (shift - 1) * level) for level in even]


def random_levels(shape: tuple[int, ...], pure: float, generator: torch.Generator) -> torch.Tensor:
    """Training levels f32 `shape`: logit-normal, and exactly 1 with probability `pure`.

    A frame in play starts from pure noise, so that end of the range gets weight of its own.
    """
    level = torch.sigmoid(torch.randn(shape, generator=generator))
    return torch.where(torch.rand(shape, generator=generator) < pure, 1.0, level)


def random_jumps(shape: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
    """Training jumps f32 (B, T, 2): the levels that they start from, and their spans, one of `SPANS` for each row.

    A jump of span s starts from a multiple of s, as in sampling with 1/s passes.
    """
    which = torch.multinomial(torch.tensor(SHARES), shape[0], True, generator=generator)
    span = torch.tensor(SPANS)[which][:, None].expand(shape)
    place = (torch.rand(shape, generator=generator) / span).floor()  # 0 … 1/s - 1
    return torch.stack([(place + 1) * span, span], -1)


def weight(level: torch.Tensor) -> torch.Tensor:
    """Loss weight by level: a ramp 0.9·signal + 0.1 (Dreamer 4, arXiv 2509.24527), signal = 1 - level, with its foot
    raised to 0.5: few sampling steps lean on the first one, from pure noise."""
    return 0.5 * (1 - level) + 0.5
