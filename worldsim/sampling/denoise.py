"""`denoise`: from noise to clean latents in a few passes, for a whole clip or for the frame at hand of a cache.

Every capability is this sampler with another set of known frames.
"""

from __future__ import annotations

from itertools import pairwise

import torch

from worldsim.model.cache import Cache
from worldsim.model.dynamics import Attend, Condition, Dynamics
from worldsim.model.noise import sampling_levels, step_down

__all__ = ["denoise"]


@torch.no_grad()
def denoise(
    dynamics: Dynamics, noise: torch.Tensor, condition: Condition, *, steps: int, attend: Attend = "all",
    shift: float = 1.0, known: tuple[torch.Tensor, torch.Tensor] | None = None, cache: Cache | None = None,
    read: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> torch.Tensor:  # fmt: skip
    """Draw latents.

    Args:
        dynamics: the network.
        noise: (B, T, C, h, w), standard normal; where sampling starts. T = 1 with a cache.
        condition: actions and prompts of the T frames.
        steps: denoising passes, at least 1.
        shift: above 1, passes crowd towards noise; see `sampling_levels`.
        attend: how frames see each other; without meaning when a cache stands for the past.
        known: latents (B, T, C, h, w), and bool (B, T), True where the frame is given: it stays exactly as it is.
        cache: the past of the frame at hand. It is read; its open slot is overwritten.
        read: with a cache, what `dynamics.read` made of the prompts, when the caller has it already.

    Returns:
        Latents (B, T, C, h, w).

    Raises:
        ValueError: steps < 1, shift ≤ 0, or known frames together with a cache.
    """
    if known is not None and cache is not None:
        raise ValueError("known frames go with a whole clip, not with a cache; observe them instead")
    levels = sampling_levels(steps, shift)
    given = torch.zeros(noise.shape[:2], dtype=torch.bool, device=noise.device) if known is None else known[1]
    latents = noise if known is None else torch.where(given[:, :, None, None, None], known[0], noise)
    if cache is not None and read is None:
        read = dynamics.read(condition.words, len(noise), 1)
    for here, below in pairwise(levels):
        level = torch.where(given, 0.0, torch.full(noise.shape[:2], here, device=noise.device))
        lower = torch.full_like(level, below)
        if cache is None:
            clean = dynamics(latents, level, condition, attend=attend).clean
        else:
            clean = dynamics.step(latents, level, condition, cache, read).clean
        moved = step_down(latents, clean, torch.where(given, 1.0, level), lower)
        latents = torch.where(given[:, :, None, None, None], latents, moved)
    return latents
