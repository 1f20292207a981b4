"""Jumps: where a long step of denoising shall lead, so that play needs few passes.

A jump learns to lead in one step to where the network itself comes in several shorter ones (shortcut forcing, Dreamer
4, arXiv 2509.24527, there in two). What a short step blurs, a longer one learned from it blurs as well, so the chain is
kept short: a half is learned from eighths, and those from the flow. The flow is guided there by the actions, so jumps
learn what would otherwise cost a pass more each time (guidance distillation, arXiv 2210.03142).
"""

from __future__ import annotations

from dataclasses import replace

import torch

from worldsim.model.dynamics import Condition, Dynamics
from worldsim.model.noise import FINEST, step_down

__all__ = ["PARTS", "walk"]

PARTS = 4  # shorter steps that a jump learns to take as one


@torch.no_grad()
def walk(
    dynamics: Dynamics, noisy: torch.Tensor, level: torch.Tensor, span: torch.Tensor, condition: Condition,
    past: tuple[torch.Tensor, torch.Tensor], obey: float,
) -> torch.Tensor:  # fmt: skip
    """Noisy latents (B, T, C, h, w) at `level` (B, T), `PARTS` steps and all of `span` (B, T) further down.

    Args:
        dynamics: walks.
        noisy, level, span: as above; frames of a row have one span.
        condition: actions and prompts; its own span does not count.
        past: the given latents and their levels.
        obey: guidance by the actions where a step follows the flow; longer ones have learned it before.
    """
    short = span / PARTS
    shown = replace(condition, span=short)
    flowing = (short <= FINEST).all(1).nonzero()[:, 0] if obey != 1 else span.new_zeros(0, dtype=torch.long)
    if obey != 1 and not len(flowing):
        flowing = span.new_zeros(1, dtype=torch.long)  # ranks go together
    pull = (obey - 1) * (short[flowing] <= FINEST)[:, :, None, None, None]
    unled = shown.take(flowing)
    unled.acted = torch.zeros_like(unled.acted)
    for part in range(PARTS):
        here, below = (level - turn / PARTS * span for turn in (part, part + 1))
        clean = dynamics(noisy, here, shown, context=past).clean.float()
        if len(flowing):
            context = past[0][flowing], past[1][flowing]
            without = dynamics(noisy[flowing], here[flowing], unled, context=context).clean.float()
            clean[flowing] += pull * (clean[flowing] - without)
        noisy = step_down(noisy, clean, here, below)
    return noisy
