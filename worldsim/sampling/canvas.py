"""`Canvas`: a clip in latents of which some frames are known; `paint` draws the others, all frames seeing each other.

A clip longer than the network's window is painted through overlapping windows, whose answers are blended at every pass
(MultiDiffusion, arXiv 2302.08113): windows meet in latents, and no pixels pass through the tokenizer between them. On a
ring, whose last frame is followed by its first, the windows also move on from pass to pass, so no place is the seam.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from worldsim.clip import Prompt
from worldsim.model.dynamics import Condition, Prediction, Words
from worldsim.model.noise import sampling_levels
from worldsim.model.prompts import pack_words
from worldsim.sampling.denoise import Guidance, Watch, descend, hide
from worldsim.sampling.world import World, read_events

__all__ = ["Canvas", "Painted", "condition_of", "paint"]

STRIDE = 0.75  # of a window: how far the next one begins; half on a ring, so that every seam lies inside another window
TURN = 0.382  # of the way to the next window: how far windows on a ring move on from pass to pass


@dataclass(frozen=True)
class Canvas:
    """What is known of B clips of T frames.

    Attributes:
        latents: (B, T, C, h, w); where frames are not known, anything.
        known: bool (B, T).
        actions: f32 (B, T, A).
        acted: bool (B, T), False where the action is not known: the network makes up its own.
        text: one prompt timeline per row, of words that the network knows.
    """

    latents: torch.Tensor
    known: torch.Tensor
    actions: torch.Tensor
    acted: torch.Tensor
    text: Sequence[Sequence[Prompt]]


@dataclass(frozen=True)
class Painted:
    """What came out.

    Attributes:
        latents: (B, T, C, h, w), the known frames as they were.
        actions: f32 (B, T, A), the nearest valid ones to what was imagined where none were known.
        events: f32 (B, T, E), rewards and probabilities.
        ended: f32 (B, T), probability that the episode terminated.
    """

    latents: torch.Tensor
    actions: np.ndarray
    events: np.ndarray
    ended: np.ndarray


def paint(
    world: World, canvas: Canvas, noise: torch.Tensor, *, passes: int, start: float = 1.0, ring: bool = False,
    guidance: Guidance | None = None, watch: Watch | None = None,
) -> Painted:  # fmt: skip
    """Draw the frames that are not known, then read off actions and events.

    Args:
        world: its networks are used, its state is not.
        canvas: what is known.
        noise: (B, T, C, h, w), where sampling starts; see `denoise`.
        passes: denoising passes.
        start: the level of `noise`.
        ring: whether the first frame follows the last.
        guidance, watch: as in `denoise`.

    Raises:
        Cancelled: `watch` returned False.
    """
    length, device = noise.shape[1], noise.device
    condition = condition_of(world, canvas.actions, canvas.acted, canvas.text)

    def see(latents: torch.Tensor, level: torch.Tensor, turn: int, acted: bool = True, told: bool = True) -> Prediction:
        return _blended(world, latents, level, hide(condition, acted, told), _windows(world, length, ring, turn))

    def look(latents: torch.Tensor, level: torch.Tensor, turn: int, *, acted: bool, told: bool) -> torch.Tensor:
        return see(latents, level, turn, acted, told).clean

    levels = sampling_levels(passes, world.card.shift, start)
    latents = descend(look, noise, levels, (canvas.latents, canvas.known.to(device)), guidance, watch)
    with torch.no_grad():
        read = see(latents, torch.zeros(latents.shape[:2], device=device), passes)
    events, ended = read_events(read)
    imagined = world.card.action_spec.nearest(read.actions.float().cpu().numpy())
    actions = np.where(canvas.acted.numpy()[..., None], canvas.actions.numpy(), imagined)
    return Painted(latents, actions, events, ended)


def condition_of(
    world: World, actions: torch.Tensor, acted: torch.Tensor, text: Sequence[Sequence[Prompt]]
) -> Condition:
    """Actions f32 (B, T, A) that are known where `acted` (B, T) is True, and prompts, as the network takes them."""
    packed = pack_words(text, acted.shape[1], world.vocabulary, world.card.max_prompt_words)
    device = world.cache.last.device
    words = Words(packed.numbers.to(device), packed.present.to(device), packed.seen.to(device))
    return Condition(actions.to(device), acted.to(device), words)


def _windows(world: World, length: int, ring: bool, turn: int) -> list[np.ndarray]:
    """The frames of each window, in order; every frame is in one at least."""
    size = min(length, world.card.window)
    if ring:
        stride = max(1, size // 2)
        first = turn * max(1, round(TURN * stride))
        return [(first + start + np.arange(size)) % length for start in range(0, length, stride)]
    count = 1 + int(np.ceil((length - size) / max(1, int(size * STRIDE))))
    return [int(start) + np.arange(size) for start in np.linspace(0, length - size, count).round()]


def _blended(
    world: World, latents: torch.Tensor, level: torch.Tensor, condition: Condition, windows: list[np.ndarray]
) -> Prediction:
    """The network's answers in all windows, weighted by how far a frame is from its window's ends."""
    sums: list[torch.Tensor] = []
    total = torch.zeros(latents.shape[1], device=latents.device)
    for window in windows:
        index = torch.from_numpy(window).to(latents.device)
        words = condition.words
        if words is not None:
            words = Words(words.numbers, words.present, words.seen[:, index])
        part = Condition(condition.actions[:, index], condition.acted[:, index], words)
        found = world.dynamics(latents[:, index], level[:, index], part, attend="all")
        answers = (found.clean, found.events, found.end, found.actions)
        if len(windows) == 1:
            return Prediction(*(torch.empty_like(answer).index_copy_(1, index, answer) for answer in answers))
        steps = np.arange(len(window))
        weight = torch.tensor(np.minimum(steps + 1, len(window) - steps), dtype=torch.float32, device=latents.device)
        total.index_add_(0, index, weight)
        sums = sums or [answer.new_zeros(answer.shape[0], len(total), *answer.shape[2:]) for answer in answers]
        for added, answer in zip(sums, answers, strict=True):
            added.index_add_(1, index, answer * _over(weight, answer))
    return Prediction(*(added / _over(total, added) for added in sums))


def _over(weight: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Weights of frames (T,) shaped to multiply values (B, T, ...)."""
    return weight.view(-1, *[1] * (values.ndim - 2))
