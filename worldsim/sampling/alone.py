"""What a prompt says of a frame by itself, as if nothing preceded it and nothing stood beside it.

Given frames outweigh words: a prompt says little that they do not show. Of a frame alone it says much, for that is what
single frames teach. `World` pushes the frames after a change of prompt to it, `edit` a whole clip (composed as in arXiv
2206.01714). Only the means of a picture's rows are taken: what lies where in them is not the prompt's.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from worldsim.model.dynamics import Condition, Dynamics, Words

__all__ = ["lone", "missing", "push"]


def lone(dynamics: Dynamics, noise: torch.Tensor, condition: Condition) -> torch.Tensor:
    """Clean latents that one pass makes of pure noise (B, T, C, h, w) where each frame begins a world of its own."""
    rows, time = noise.shape[:2]
    words = condition.words
    if words is not None:
        numbers, present = (part.repeat_interleave(time, 0) for part in (words.numbers, words.present))
        words = Words(numbers, present, words.seen.flatten(0, 1)[:, None])
    level = torch.ones(rows * time, 1, device=noise.device)
    alone = Condition(condition.actions.flatten(0, 1)[:, None], condition.acted.reshape(-1, 1), words, level)
    return dynamics(noise.flatten(0, 1)[:, None], level, alone).clean[:, 0].unflatten(0, (rows, time))


def push(
    dynamics: Dynamics, noise: torch.Tensor, condition: Condition, read: tuple[torch.Tensor, torch.Tensor],
    last: torch.Tensor,
) -> torch.Tensor:  # fmt: skip
    """(B, 1, C, h, 1): what prompts change in the frame at hand of B worlds, as far as the last frame does not show it.

    Args:
        dynamics: the network; two passes through empty caches, which is fast where it is prepared for play.
        noise: (B, 1, C, h, w), pure.
        condition: actions that lead to the frame.
        read: what `Dynamics.read` made of the prompts.
        last: latents (B, C, h, w).
    """
    rows = len(noise)
    level = torch.ones(rows, 1, device=noise.device)
    alone = replace(condition, span=level)
    reads = read, dynamics.read(None, rows, 1)
    caches = (dynamics.new_cache(rows, *last.shape[2:]) for _ in reads)
    answers = (dynamics.step(noise, level, alone, *each) for each in zip(caches, reads, strict=True))
    said, unsaid = (answer.clean.mean(4, keepdim=True) for answer in answers)
    way = said - unsaid
    return missing(way, last[:, None].mean(4, keepdim=True) - unsaid) * way


def missing(way: torch.Tensor, gone: torch.Tensor) -> torch.Tensor:
    """How much (B, 1, 1, 1, 1), 0 … 1, of a way (B, 1, C, h, 1) those have still to go that went (B, 1, C, h, 1)."""
    share = (gone * way).sum((1, 2, 3, 4), keepdim=True) / way.square().sum((1, 2, 3, 4), keepdim=True).clamp(min=1e-6)
    return (1 - share).clamp(0, 1)
