"""What the verbs have in common: options, given clips, texts and numbers, all checked before anything is drawn."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypedDict

import numpy as np
import torch

from worldsim.clip import Clip, check_frames, pixels_to_unit
from worldsim.model.prompts import readable
from worldsim.sampling.denoise import Guidance, Watch
from worldsim.sampling.layout import layout_noise
from worldsim.sampling.timelines import Text, Timelines, VerbError, timelines
from worldsim.sampling.world import World

__all__ = ["Given", "Options", "Request", "fitting_size", "given", "request", "whole"]


class Options(TypedDict, total=False):
    """Options that all verbs take by keyword."""

    seeds: int | Sequence[int]  # one per clip; as many clips come out. 0 by default, or 0, 1, … for several given ones
    passes: int  # denoising passes; by default 8 a frame, or the world's `steps` if they are more; 16 where painted
    guidance: float | None  # pull of the text, 1 = as learned; None, the default: as the card's `pull` says
    action_guidance: float  # pull of the actions, 1 = as learned
    watch: Watch  # called with a `Preview` after each pass; returning False ends it with `Cancelled`


@dataclass(frozen=True)
class Given:
    """Clips to start from: B rows; `acted` is False where nobody knows the actions that led to the frames."""

    clip: Clip
    acted: bool


@dataclass(frozen=True)
class Request:
    """A checked wish.

    Attributes:
        world: whose networks are used.
        seeds: one per row.
        size: (H, W) of the frames.
        passes: denoising passes, or None for the default of the way of sampling.
        guidance: as in `denoise`; text left open: as the card's `pull` says where frames follow each other, elsewhere
            none.
        watch: as in `denoise`.
        generators: one per row; noise is drawn from them in turn.
    """

    world: World
    seeds: tuple[int, ...]
    size: tuple[int, int]
    passes: int | None
    guidance: Guidance
    watch: Watch | None
    generators: tuple[torch.Generator, ...]

    @property
    def rows(self) -> int:
        return len(self.seeds)

    def noise(self, length: int) -> torch.Tensor:
        """(B, length, C, h, w), each row from its own generator; in the large the same at every size."""
        tokenizer = self.world.tokenizer
        height, width = (side // tokenizer.stride for side in self.size)
        shape = length, tokenizer.config.channels, height, width
        rows = [layout_noise(shape, generator) for generator in self.generators]
        return torch.stack(rows).to(self.world.cache.last.device)

    @torch.no_grad()
    def encode(self, frames: np.ndarray) -> torch.Tensor:
        """Latents (B, T, C, h, w) of given frames u8 (B, T, H, W, 3)."""
        return self.world.tokenizer.encode(pixels_to_unit(frames).to(self.world.cache.last.device))

    def actions(self, actions: np.ndarray | None, length: int) -> np.ndarray | None:
        """Given actions as f32 (B, length, A), from (length, A) or (B, length, A). Raises `VerbError`."""
        if actions is None:
            return None
        width = self.world.card.action_spec.width
        array = np.asarray(actions)
        if array.shape not in ((length, width), (self.rows, length, width)) or array.dtype.kind not in "fiu":
            raise VerbError(
                f"actions must be ({length}, {width}) or ({self.rows}, {length}, {width}) float32, one for each new "
                f"frame, got {array.shape} {array.dtype}; encode them with world.card.action_spec"
            )
        if not np.isfinite(array).all() or np.abs(array).max(initial=0) > 1:
            raise VerbError(f"actions must be finite and in [-1, 1], got {array.min()} … {array.max()}")
        return np.broadcast_to(array.astype(np.float32), (self.rows, length, width))

    def timelines(self, text: Text, first: int, length: int) -> Timelines:
        """One prompt timeline per row for rows first … length - 1 of the clip that is made; see `timelines`."""
        lines = timelines(text, self.rows, first, length)
        for prompt in chain.from_iterable(lines):
            self.world.vocabulary.encode(prompt.text, self.world.card.max_prompt_words)
        return lines

    def read(self, lines: Timelines) -> Timelines:
        """The timelines as the network reads them: without words that it does not know, which a warning names."""
        texts = dict.fromkeys(prompt.text for prompt in chain.from_iterable(lines))
        known = {text: readable(text, self.world.vocabulary) for text in texts}
        return [[replace(prompt, text=known[prompt.text]) for prompt in line] for line in lines]


def request(world: World, options: Options, size: tuple[int, int] | None = None, rows: int | None = None) -> Request:
    """Check what all verbs take.

    Args:
        world: whose networks to use.
        options: by keyword, from the caller.
        size: of the frames; the world's own by default.
        rows: given clips, or None where none are given.

    Raises:
        VerbError: unknown options, seeds or passes that make no sense.
        ConfigError: guidance out of range.
    """
    unknown = set(options) - set(Options.__annotations__)
    if unknown:
        raise VerbError(f"unknown options {sorted(unknown)}; there are {', '.join(Options.__annotations__)}")
    asked = options.get("seeds", 0 if rows in (None, 1) else range(rows))
    seeds = [asked] if isinstance(asked, int | np.integer) else list(asked)
    if not seeds or not all(isinstance(seed, int | np.integer) and 0 <= seed < 2**63 for seed in seeds):
        raise VerbError(f"seeds must be integers in [0, 2**63), one per clip, got {asked!r}")
    if rows not in (None, 1, len(seeds)):
        raise VerbError(f"{rows} clips are given, so there must be {rows} seeds, got {len(seeds)}")
    passes = options.get("passes")
    if passes is not None and (not isinstance(passes, int) or passes < 1):
        raise VerbError(f"passes must be a whole number of at least 1, got {passes!r}")
    guidance = Guidance(options.get("guidance"), options.get("action_guidance", 1.0))
    return Request(
        world, tuple(int(seed) for seed in seeds), fitting_size(world, size or world.card.size), passes, guidance,
        options.get("watch"), tuple(torch.Generator().manual_seed(int(seed)) for seed in seeds),
    )  # fmt: skip


def whole(name: str, value: int, least: int = 1) -> int:
    """Check a number of frames. Raises `VerbError`."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise VerbError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def fitting_size(world: World, size: tuple[int, int]) -> tuple[int, int]:
    """The nearest (H, W) that divides into the network's patches; a warning says so where it is another.

    Raises:
        VerbError: no pair of positive whole numbers.
    """
    grain = world.grain
    sound = isinstance(size, tuple | list) and len(size) == 2
    if not sound or not all(isinstance(side, int | np.integer) and side > 0 for side in size):
        raise VerbError(f"size must be (height, width) in pixels, got {size!r}")
    height, width = (max(grain, round(side / grain) * grain) for side in size)
    if (height, width) != tuple(size):
        warnings.warn(
            f"frames come in steps of {grain} pixels: {size[0]}x{size[1]} is rounded to {height}x{width}", stacklevel=4
        )
    return height, width


def given(world: World, clip: Clip | np.ndarray, options: Options, name: str = "clip") -> Given:
    """Check given clips; where there is one for several seeds, it is repeated.

    Args:
        clip: a `Clip`, whose actions count, or frames u8 (B, T, H, W, 3), of whose actions nothing is known.

    Raises:
        VerbError, ClipError.
    """
    acted = isinstance(clip, Clip)
    if not isinstance(clip, Clip):
        clip = _without_actions(world, clip)
    grain, shape = world.grain, clip.frames.shape
    if not shape[0] or not shape[1] or shape[2] % grain or shape[3] % grain or not min(shape[2:4]):
        raise VerbError(f"{name}: frames must have sides in steps of {grain}, got {shape}; resize or crop them")
    card = world.card
    widths = (clip.actions.shape[2], clip.events.shape[2])
    if widths != (card.action_spec.width, len(card.event_names)):
        raise VerbError(
            f"{name}: must have {card.action_spec.width} action fields and {len(card.event_names)} events as "
            f"checkpoint {card.name!r} has, got {widths[0]} and {widths[1]}; give its frames alone"
        )
    seeds = options.get("seeds", 0)
    if clip.rows == 1 and not isinstance(seeds, int | np.integer):
        clip = clip.take(np.zeros(len(list(seeds)), np.int64))
    return Given(clip, acted)


def _without_actions(world: World, frames: np.ndarray) -> Clip:
    check_frames(frames)
    rows, time = frames.shape[:2]
    flags = np.zeros((rows, time), np.bool_)
    widths = world.card.action_spec.width, len(world.card.event_names)
    actions, events = (np.zeros((rows, time, width), np.float32) for width in widths)
    return Clip(frames, actions, events, flags, flags, ~flags, [[] for _ in range(rows)], world.card.fps)
