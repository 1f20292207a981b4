"""The next frame, teacher-forced: true context, then one frame from pure noise in one pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from worldsim.clip import pixels_from_unit, pixels_to_unit
from worldsim.fidelity.heldout import Windows
from worldsim.fidelity.probes.pixels import elsewhere, squared_error
from worldsim.model.dynamics import Condition
from worldsim.model.noise import mix
from worldsim.sampling.world import World

__all__ = ["NextFrame", "next_frame"]


@dataclass(frozen=True)
class NextFrame:
    """One window. Latent errors are mean squared errors per number, pixel errors per channel of 0 … 255.

    Attributes:
        world, start: where the window lies.
        model, copy, shuffled: latent error of the prediction, of the last context frame, and of the prediction under
            the action of another window.
        model_pixels, copy_pixels, ceiling_pixels: pixel error of the first two, and of the truth's own latents.
    """

    world: int
    start: int
    model: float
    copy: float
    shuffled: float
    model_pixels: float
    copy_pixels: float
    ceiling_pixels: float


@torch.no_grad()
def next_frame(
    world: World, windows: Windows, context: int, rng: np.random.Generator, rows: int = 16
) -> list[NextFrame]:
    """Predict frame `context` (counted from 0) of each window, from the frames before it, given as in play.

    Args:
        world: gives the networks and the level of given frames; its own state is neither used nor changed.
        windows: at least `context` + 1 rows each.
        context: true frames given.
        rng: decides the noise, and whose action a shuffled window gets.
        rows: windows at a time.
    """
    frames, actions = windows.clip.frames[:, : context + 1], windows.clip.actions[:, : context + 1]
    shuffled = actions.copy()
    shuffled[:, -1] = actions[elsewhere(len(actions), rng), -1]
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    device, trials = world.tokenizer.mean.device, []
    batches = range(0, len(frames), rows)
    for first in tqdm(batches, desc="next frame", unit="batch", dynamic_ncols=True, mininterval=0.5):
        part = slice(first, first + rows)
        latents = world.tokenizer.encode(pixels_to_unit(frames[part]).to(device))  # (R, T, C, h, w)
        noise = torch.randn((2, *latents.shape), generator=generator).to(device)
        level = torch.full(latents.shape[:2], world.card.context_level, device=device)
        given = (mix(latents, noise[0], level), level)
        pure = torch.ones_like(level)
        own, other = (
            world.dynamics(noise[1], pure, _condition(taken[part], device), context=given).clean[:, -1:]
            for taken in (actions, shuffled)
        )
        truth, last = latents[:, -1:], latents[:, -2:-1]
        errors = [(guess - truth).square().mean((1, 2, 3, 4)) for guess in (own, last, other)]
        painted = [pixels_from_unit(world.tokenizer.decode(shown))[:, 0] for shown in (own, truth)]
        pixels = [squared_error(guess, frames[part, -1]) for guess in (painted[0], frames[part, -2], painted[1])]
        for row, numbers in enumerate(zip(*(column.tolist() for column in (*errors, *pixels)), strict=True)):
            trials.append(NextFrame(windows.worlds[first + row], windows.starts[first + row], *numbers))
    return trials


def _condition(actions: np.ndarray, device: torch.device) -> Condition:
    """Actions (R, T, A), none of them hidden."""
    acted = torch.ones(actions.shape[:2], dtype=torch.bool, device=device)
    return Condition(torch.from_numpy(actions).to(device), acted)
