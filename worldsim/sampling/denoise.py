"""`denoise`: from noise to clean latents in a few passes, for a whole clip or for the frame at hand of a cache.

Every capability is this sampler with another set of known frames. `descend` is its loop, for whoever has another way
of looking at the frames; `Guidance`, `Preview` and `Cancelled` are what callers of any capability meet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import torch

from worldsim.model.cache import Cache
from worldsim.model.config import check_numbers
from worldsim.model.dynamics import Attend, Condition, Dynamics, Prediction
from worldsim.model.noise import sampling_levels, step_down

__all__ = [
    "Cancelled", "Guidance", "Look", "Looking", "Preview", "Watch", "denoise", "descend", "guided", "hide",
]  # fmt: skip

ROUNDING = 1e-6  # of levels


class Cancelled(RuntimeError):  # noqa: N818 (it is no error)
    """Whoever watched the sampling ended it; nothing of it was kept."""


@dataclass(frozen=True)
class Guidance:
    """How strongly conditions pull, classifier-free (arXiv 2207.12598). Each that is not 1 costs one more pass."""

    text: float | None = None
    """0 ignores the prompt, 1 is the network's own answer, above 1 exaggerates what the prompt changes. None leaves it
    to whoever samples: a `World` takes what its card says, all others 1."""
    actions: float = 1.0
    """The same for the actions."""
    rows: torch.Tensor | None = None
    """bool (B,): which rows the prompt pulls; all by default."""
    below: float = 1.0
    """The noise level from which down the prompt pulls."""
    push: torch.Tensor | None = None
    """(B, T, C, h, w), or what broadcasts to it: added to every answer, such as what a prompt says of a lone frame."""

    def __post_init__(self) -> None:
        check_numbers(self, 0, 100, "actions")
        check_numbers(self, 0, 1, "below")
        if self.text is not None:
            check_numbers(self, 0, 100, "text")

    def take(self, rows: torch.Tensor) -> Guidance:
        """The guidance of some rows, i64 (R,), of a push that has them all."""
        led, push = (None if part is None else part[rows] for part in (self.rows, self.push))
        return replace(self, rows=led, push=push)

    def at(self, level: float) -> Guidance:
        """As it is at a noise level: without its pull of text above `below`."""
        return self if level <= self.below + ROUNDING else replace(self, text=1.0)


@dataclass(frozen=True)
class Preview:
    """What can be seen after a denoising pass.

    Attributes:
        done, total: passes of the frames at hand, so far and in all.
        level: the noise level reached.
        latents: (B, T, C, h, w), what these frames look like by now, clean; `tokenizer.decode` shows them.
        first: the row of the clip that these frames begin with.
        made: rows of the clip that were finished before.
        length: rows of the clip that are to be made, 0 where nobody said.
    """

    done: int
    total: int
    level: float
    latents: torch.Tensor
    first: int = 0
    made: int = 0
    length: int = 0

    @property
    def share(self) -> float:
        """How much of the whole is done, 0 … 1."""
        frames = self.latents.shape[1]
        return min(1.0, (self.made + frames * self.done / self.total) / max(self.length, frames))


Watch = Callable[[Preview], object]  # called after each pass; returning False ends the sampling with `Cancelled`


class Look(Protocol):
    """One pass: noisy latents (B, T, C, h, w) at levels (B, T), in pass `turn` → clean latents."""

    def __call__(
        self, latents: torch.Tensor, level: torch.Tensor, turn: int, *, acted: bool, told: bool
    ) -> torch.Tensor:
        """acted: whether it is shown the actions; told: whether the prompts."""
        ...


def hide(condition: Condition, acted: bool, told: bool) -> Condition:
    """The condition without its actions, its prompts, or both."""
    seen = condition.acted if acted else torch.zeros_like(condition.acted)
    return replace(condition, acted=seen, words=condition.words if told else None)


@torch.no_grad()
def denoise(
    dynamics: Dynamics, noise: torch.Tensor, condition: Condition, *, steps: int, attend: Attend = "all",
    shift: float = 1.0, start: float = 1.0, known: tuple[torch.Tensor, torch.Tensor] | None = None,
    cache: Cache | None = None, read: tuple[torch.Tensor, torch.Tensor] | None = None,
    guidance: Guidance | None = None, watch: Watch | None = None,
) -> torch.Tensor:  # fmt: skip
    """Draw latents.

    Args:
        dynamics: the network.
        noise: (B, T, C, h, w), where sampling starts: standard normal; or, from a start below 1, given latents mixed
            with noise to that level. T = 1 with a cache.
        condition: actions and prompts of the T frames.
        steps: denoising passes, at least 1.
        attend: how frames see each other; without meaning when a cache stands for the past.
        shift: above 1, passes crowd towards noise; see `sampling_levels`.
        start: the level of `noise`, in (0, 1].
        known: latents (B, T, C, h, w), and bool (B, T), True where the frame is given: it stays exactly as it is.
        cache: the past of the frame at hand. It is read; its open slot is overwritten.
        read: with a cache, what `dynamics.read` made of the prompts, when the caller has it already.
        guidance: none by default.
        watch: called with a `Preview` after each pass.

    Returns:
        Latents (B, T, C, h, w).

    Raises:
        ValueError: steps < 1, shift ≤ 0, a start out of range, or known frames together with a cache.
        Cancelled: `watch` returned False.
    """
    if known is not None and cache is not None:
        raise ValueError("known frames go with a whole clip, not with a cache; observe them instead")
    levels = sampling_levels(steps, shift, start)
    if cache is not None and read is None:
        read = dynamics.read(condition.words, len(noise), 1)
    look = Looking(dynamics, condition, levels, attend, cache, read)
    return descend(look, noise, levels, known, guidance, watch)


class Looking:
    """The network as `guided` asks it: what it makes of latents in each turn of the way down these levels.

    Attributes:
        said: all that it said when it was first shown everything, events among it; None before.
    """

    def __init__(
        self, dynamics: Dynamics, condition: Condition, levels: list[float], attend: Attend = "past",
        cache: Cache | None = None, read: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> None:  # fmt: skip
        self.dynamics, self.condition, self.levels, self.attend = dynamics, condition, levels, attend
        self.cache, self.read = cache, read
        self.said: Prediction | None = None

    def __call__(
        self, latents: torch.Tensor, level: torch.Tensor, turn: int, *, acted: bool, told: bool
    ) -> torch.Tensor:
        shown, cache = hide(self.condition, acted, told), self.cache
        if cache is not None or self.attend == "past":  # who sees all frames has not learned to jump
            shown.span = torch.full_like(level, self.levels[turn] - self.levels[turn + 1])
        if cache is None:
            said = self.dynamics(latents, level, shown, attend=self.attend)
        else:
            words = self.read if told else self.dynamics.read(None, len(latents), 1)
            said = self.dynamics.step(latents, level, shown, cache, words)
        if acted and told and self.said is None:
            self.said = said
        return said.clean


@torch.no_grad()
def descend(
    look: Look, noise: torch.Tensor, levels: list[float], known: tuple[torch.Tensor, torch.Tensor] | None = None,
    guidance: Guidance | None = None, watch: Watch | None = None,
) -> torch.Tensor:  # fmt: skip
    """Walk down the levels, one pass from each but the last, and return the latents; the rest is as in `denoise`."""
    given = torch.zeros(noise.shape[:2], dtype=torch.bool, device=noise.device) if known is None else known[1]
    latents = noise if known is None else torch.where(_wide(given), known[0], noise)
    for turn, (here, below) in enumerate(pairwise(levels)):
        level = torch.where(given, 0.0, torch.full(noise.shape[:2], here, device=noise.device))
        lower = torch.full_like(level, below)
        clean = guided(look, latents, level, turn, (guidance or Guidance()).at(here))
        moved = step_down(latents, clean, torch.where(given, 1.0, level), lower)
        guess = torch.where(_wide(given), latents, clean)
        latents = torch.where(_wide(given), latents, moved)
        if watch is not None and watch(Preview(turn + 1, len(levels) - 1, below, guess)) is False:
            raise Cancelled(f"cancelled after pass {turn + 1} of {len(levels) - 1}")
    return latents


def guided(look: Look, latents: torch.Tensor, level: torch.Tensor, turn: int, guidance: Guidance) -> torch.Tensor:
    """The network's answer, moved away from what it would be without the prompt, and without the actions."""
    full = look(latents, level, turn, acted=True, told=True)
    clean = full
    if guidance.text not in (None, 1):
        clean = full + (guidance.text - 1) * (full - look(latents, level, turn, acted=True, told=False))
        if guidance.rows is not None:
            clean = torch.where(guidance.rows[:, None, None, None, None], clean, full)
    if guidance.push is not None:
        clean = clean + guidance.push
    if guidance.actions != 1:
        clean = clean + (guidance.actions - 1) * (full - look(latents, level, turn, acted=False, told=True))
    return clean


def _wide(flags: torch.Tensor) -> torch.Tensor:
    return flags[:, :, None, None, None]
