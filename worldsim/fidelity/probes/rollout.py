"""Free running: from true context, the learned world goes on by itself under the actions that truth took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from worldsim.clip import pixels_from_unit, pixels_to_unit
from worldsim.fidelity.heldout import Windows
from worldsim.fidelity.probes.pixels import elsewhere, squared_error
from worldsim.model.tokenizer import Tokenizer
from worldsim.sampling.world import World

__all__ = ["OpenWorld", "Rollout", "roll", "rollout"]

OpenWorld = Callable[[int], World]  # a World of so many rows


@dataclass(frozen=True)
class Rollout:
    """One window: pixel errors (0 … 255, squared, mean) per step.

    Attributes:
        world, start: where the window lies.
        model: of the learned world.
        copy: of the last context frame.
        shuffled: of the learned world under the actions of another window.
        ceiling: of the truth through the tokenizer; no rollout in latents can be closer.
    """

    world: int
    start: int
    model: list[float]
    copy: list[float]
    shuffled: list[float]
    ceiling: list[float]


def rollout(
    open_world: OpenWorld, tokenizer: Tokenizer, windows: Windows, context: int, rng: np.random.Generator,
    rows: int = 16,
) -> tuple[list[Rollout], np.ndarray]:  # fmt: skip
    """Roll out each window from its first `context` frames to its end.

    Args:
        open_world: makes worlds.
        tokenizer: for the ceiling.
        windows: more than `context` rows each.
        context: true frames given.
        rng: decides the seeds of the rows, and whose actions a shuffled window gets.
        rows: windows at a time.

    Returns:
        The trials, and what the learned world showed under the true actions, u8 (N, K, H, W, 3).
    """
    frames, actions = windows.clip.frames, windows.clip.actions
    future = actions[:, context:]
    seeds = rng.integers(2**62, size=len(frames)).tolist()
    lent = elsewhere(len(frames), rng)
    parts = [slice(first, first + rows) for first in range(0, len(frames), rows)]
    imagined, misled, ceiling = [], [], []
    for part in tqdm(parts, desc="free running", unit="batch", dynamic_ncols=True, mininterval=0.5):
        given = frames[part, :context], actions[part, :context]
        imagined.append(roll(open_world, *given, future[part], seeds[part]))
        misled.append(roll(open_world, *given, future[lent[part]], seeds[part]))
        ceiling.append(_through(tokenizer, frames[part, context:]))
    shown = np.concatenate(imagined)
    truth = frames[:, context:]
    columns = [
        squared_error(guess, truth).tolist()
        for guess in (shown, frames[:, context - 1 : context], np.concatenate(misled), np.concatenate(ceiling))
    ]
    places = zip(windows.worlds, windows.starts, strict=True)
    return [Rollout(*place, *numbers) for place, *numbers in zip(places, *columns, strict=True)], shown


def roll(
    open_world: OpenWorld, frames: np.ndarray, before: np.ndarray, actions: np.ndarray, seeds: list[int],
    desc: str | None = None, prompts: list[str] | None = None, then: list[str] | None = None,
) -> np.ndarray:  # fmt: skip
    """What a world shows under `actions` f32 (B, K, A) after frames u8 (B, T, H, W, 3) reached by `before` (B, T, A).

    Args:
        prompts: under which each row is given its frames; none by default.
        then: prompts from the first free-running frame on; `prompts` by default.

    Returns:
        u8 (B, K, H, W, 3).
    """
    world = open_world(len(frames))
    if prompts is None:
        world.reset(frames, before, seeds=seeds)
    else:
        world.reset(frames, before, prompts=prompts, seeds=seeds)
    if then is not None:
        world.set_prompt(then)
    steps = range(actions.shape[1])
    bar = tqdm(steps, desc=desc, unit="step", disable=desc is None, dynamic_ncols=True, mininterval=0.5)
    return np.stack([world.imagine(actions[:, t]).frames for t in bar], axis=1)


@torch.no_grad()
def _through(tokenizer: Tokenizer, frames: np.ndarray) -> np.ndarray:
    """Frames u8 (B, T, H, W, 3) encoded and decoded again."""
    return pixels_from_unit(tokenizer.decode(tokenizer.encode(pixels_to_unit(frames).to(tokenizer.mean.device))))
