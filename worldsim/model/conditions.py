"""What goes into a dynamics network beside noisy frames, and what it says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

__all__ = ["Attend", "Condition", "Prediction", "Words"]

Attend = Literal["past", "all"]  # whether a frame sees itself and the past, or all frames


@dataclass
class Words:
    """The prompts of a batch as word numbers, or as what a frozen encoder made of them.

    Attributes:
        numbers: i64 (B, P, L), P prompts per row of up to L words; or hidden states bf16 (B, P, L, hidden).
        present: bool (B, P, L), False marks padding.
        seen: bool (B, T, P), which prompts each frame reads; none is fine.
    """

    numbers: torch.Tensor
    present: torch.Tensor
    seen: torch.Tensor


@dataclass
class Condition:
    """What is given beside the noisy frames.

    Attributes:
        actions: f32 (B, T, A); row t leads to frame t.
        acted: bool (B, T); False hides the action, so that the network acts by itself.
        words: the prompts, or None.
        span: f32 (B, T) in [0, 1], how much of the noise the pass takes away before the next one; up to `FINEST` it
            follows the flow, above it jumps (shortcut models, arXiv 2410.12557). None: the flow.
        events: f32 (B, T, E), 1 for what is known to happen with the frame and 0 for what is not known; or None.
    """

    actions: torch.Tensor
    acted: torch.Tensor
    words: Words | None = None
    span: torch.Tensor | None = None
    events: torch.Tensor | None = None

    def take(self, rows: torch.Tensor) -> Condition:
        """The condition of some rows."""
        words = self.words and Words(self.words.numbers[rows], self.words.present[rows], self.words.seen[rows])
        span, events = (None if part is None else part[rows] for part in (self.span, self.events))
        return Condition(self.actions[rows], self.acted[rows], words, span, events)


@dataclass
class Prediction:
    """What the network says of a frame.

    Attributes:
        clean: (B, T, C, h, w), the clean latents.
        events: (B, T, E), raw: column 0 is symlog(reward), the others are logits.
        end: (B, T), logit of termination.
        actions: (B, T, A), the actions that seem to have led to the frames; what the network imagined where they are
            hidden from it.
        foretold: (B, T, E + 1), events and end as noisy frames beside a given past tell them; None where the frames
            that were told of are the noisy ones themselves.
    """

    clean: torch.Tensor
    events: torch.Tensor
    end: torch.Tensor
    actions: torch.Tensor
    foretold: torch.Tensor | None = None
