"""What a `World` gives and keeps: steps, snapshots, the events of a step, and the error for what it does not take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from worldsim.model.cache import Cache
from worldsim.model.conditions import Prediction
from worldsim.model.pull import Pull
from worldsim.sampling.denoise import Guidance, Preview, Watch
from worldsim.sampling.lanes import Lanes
from worldsim.sampling.residual import Residual

__all__ = ["SURPRISES", "Guesses", "Snapshot", "Step", "WorldError", "pulled", "read_events"]


class WorldError(ValueError):
    """Frames, actions, rows or seeds that a `World` does not take."""


@dataclass(frozen=True)
class Step:
    """What one frame brought, for the rows that moved.

    Attributes:
        frames: u8 (B, H, W, 3).
        events: f32 (B, E); column 0 is the reward, the others the probability that the event happened.
        ended: f32 (B,), probability that the episode terminated.
        actions: f32 (B, A), what led to the frames: as given, or as the network imagined where nothing was given.
        latents: f32 (B, C, h, w), the frames as the network has them.
        surprise: f32 (B,), what was asked for of `SURPRISES`; zeros where nothing was.
    """

    frames: np.ndarray
    events: np.ndarray
    ended: np.ndarray
    actions: np.ndarray
    latents: np.ndarray
    surprise: np.ndarray


SURPRISES = {
    "again": "a second look: root mean square of what the network would still change of its finished frame; free",
    "seeds": "two guesses: root mean square of half the difference of first guesses from mirrored noise; one pass more",
}


@dataclass(frozen=True)
class Snapshot:
    """All that a `World` remembers: a later `restore` goes on exactly from here."""

    cache: Cache
    prompts: tuple[str, ...]
    fresh: tuple[int, ...]  # frames for which each row's prompt is new
    randomness: tuple[torch.Tensor, ...]
    residual: Residual
    lanes: Lanes | None = None


def read_events(prediction: Prediction) -> tuple[np.ndarray, np.ndarray]:
    """Raw outputs → rewards and event probabilities f32 (B, T, E), and probabilities of the end f32 (B, T)."""
    raw = prediction.events.float()
    reward = raw[..., :1].sign() * raw[..., :1].abs().expm1()  # symlog undone
    events = torch.cat([reward, raw[..., 1:].sigmoid()], dim=-1)
    return events.cpu().numpy(), prediction.end.float().sigmoid().cpu().numpy()


def pulled(
    guidance: Guidance, pull: Pull, told: Sequence[str], fresh: Sequence[int], opening: Sequence[float],
    device: torch.device,
) -> Guidance:  # fmt: skip
    """How strongly a frame is pulled, and in which rows: where `guidance` leaves text to the card, those with a prompt
    that is new, or that opens them. `opening`: the levels of a frame that does, down to 0; none of one that does not.
    """
    if guidance.text is not None:
        return guidance
    rows = [bool(text) and (len(opening) > 0 or left > 0) for text, left in zip(told, fresh, strict=True)]
    strength = pull.opening if opening else pull.change
    if not any(rows):
        return guidance
    below = max(pull.below, opening[-2]) if opening else 1.0  # the last pass is pulled in any case
    return Guidance(strength, guidance.actions, torch.tensor(rows, device=device), below)


class Guesses:
    """Keeps what the first denoising pass said, and lets whoever watches watch."""

    def __init__(self, watch: Watch | None) -> None:
        self.watch = watch
        self.first: torch.Tensor | None = None

    def __call__(self, preview: Preview) -> object:
        if preview.done == 1:
            self.first = preview.latents
        return None if self.watch is None else self.watch(preview)
