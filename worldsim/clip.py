"""What a piece of experience is: `Clip`, the one time convention, and pixels u8 ⇄ [-1, 1].

**Time convention.** `actions[t]`, `events[t]` and the end flags arrive *with* `frames[t]`: the action in row t led
to the frame in row t. Row 0 is the reset, its action is zero. So any slice of a clip is itself a valid clip, and the
last frame of an episode has a home. This file is the only place that says so; everything else follows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import torch
from einops import rearrange

__all__ = ["Clip", "ClipError", "Prompt", "join", "pixels_from_unit", "pixels_to_unit", "prompts_between", "stack"]


class ClipError(ValueError):
    """Frames or a clip in a layout that worldsim does not accept."""


@dataclass(frozen=True)
class Prompt:
    """A text and the interval of rows [start, end) that it covers; `end=None` means until the clip ends."""

    text: str
    start: int = 0
    end: int | None = None


@dataclass(frozen=True)
class Clip:
    """A batch of B stretches of experience, each T rows long, on the CPU.

    Attributes:
        frames: u8 (B, T, H, W, 3).
        actions: f32 (B, T, A) in [-1, 1]; row t led to frame t.
        events: f32 (B, T, E); named by `event_names` of whoever made the clip. Column 0 is always the reward.
        terminated: bool (B, T); the true end of an episode arrived with frame t.
        truncated: bool (B, T); a time limit arrived with frame t.
        mask: bool (B, T); False marks padding.
        text: one prompt timeline per row.
        fps: frames per second of simulated time.
    """

    frames: np.ndarray
    actions: np.ndarray
    events: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    mask: np.ndarray
    text: list[list[Prompt]] = field(default_factory=list)
    fps: float = 10.0

    def __post_init__(self) -> None:
        check_frames(self.frames)
        batch, time = self.frames.shape[:2]
        for name in ("actions", "events"):
            array = getattr(self, name)
            if array.ndim != 3 or array.shape[:2] != (batch, time) or array.dtype != np.float32:
                raise ClipError(
                    f"Clip.{name} must be ({batch}, {time}, *) float32 to go with frames {self.frames.shape}, "
                    f"got {array.shape} {array.dtype}"
                )
        for name in ("terminated", "truncated", "mask"):
            array = getattr(self, name)
            if array.shape != (batch, time) or array.dtype != np.bool_:
                raise ClipError(f"Clip.{name} must be ({batch}, {time}) bool, got {array.shape} {array.dtype}")
        if self.text and len(self.text) != batch:
            raise ClipError(f"Clip.text must hold one timeline per row ({batch}), got {len(self.text)}")

    @property
    def rows(self) -> int:
        return self.frames.shape[0]

    @property
    def length(self) -> int:
        return self.frames.shape[1]

    def slice(self, start: int, stop: int) -> Clip:
        """The rows start … stop-1 of time as a clip of their own, prompts moved along."""
        if not 0 <= start < stop <= self.length:
            raise ClipError(f"slice needs 0 <= start < stop <= {self.length}, got {start}:{stop}")
        cut = {name: array[:, start:stop] for name, array in self._arrays().items()}
        return replace(self, **cut, text=[prompts_between(line, start, stop) for line in self.text])

    def take(self, rows: np.ndarray) -> Clip:
        """Some rows of the batch, i64 (R,), as a clip of their own."""
        cut = {name: array[rows] for name, array in self._arrays().items()}
        return replace(self, **cut, text=[self.text[int(row)] for row in rows] if self.text else [])

    def _arrays(self) -> dict[str, np.ndarray]:
        return {f.name: getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), np.ndarray)}


def prompts_between(timeline: Sequence[Prompt], start: int, stop: int) -> list[Prompt]:
    """The part of a prompt timeline that covers rows start … stop-1, counted from start."""
    kept = []
    for prompt in timeline:
        end = stop if prompt.end is None else min(prompt.end, stop)
        if end > start and prompt.start < stop:
            kept.append(Prompt(prompt.text, max(prompt.start - start, 0), end - start))
    return kept


def join(*clips: Clip) -> Clip:
    """Clips of the same rows one after another as one clip; each keeps its prompts, moved along with its frames.

    Raises:
        ClipError: no clips, or clips of different rows, frame sizes, actions or events.
    """
    if not clips:
        raise ClipError("join needs at least one clip")
    shapes = [[array[:, 0].shape for array in clip._arrays().values()] for clip in clips]
    if any(shape != shapes[0] for shape in shapes):
        raise ClipError(f"clips to join must agree in rows, frame size, actions and events, got {shapes}")
    arrays = {name: np.concatenate([clip._arrays()[name] for clip in clips], 1) for name in clips[0]._arrays()}
    text: list[list[Prompt]] = [[] for _ in range(clips[0].rows)]
    first = 0
    for clip in clips:
        for line, timeline in zip(text, clip.text, strict=False):  # a clip without prompts has none to give
            ends = [clip.length if prompt.end is None else min(prompt.end, clip.length) for prompt in timeline]
            line += [Prompt(p.text, p.start + first, end + first) for p, end in zip(timeline, ends, strict=True)]
        first += clip.length
    return replace(clips[0], **arrays, text=[_merged(line) for line in text])


def stack(clips: Sequence[Clip]) -> Clip:
    """The rows of clips of one length as the rows of one.

    Raises:
        ClipError: no clips, or clips of different lengths, frame sizes, actions or events.
    """
    if not clips:
        raise ClipError("stack needs at least one clip")
    shapes = [[array.shape[1:] for array in clip._arrays().values()] for clip in clips]
    if any(shape != shapes[0] for shape in shapes):
        raise ClipError(f"clips to stack must agree in length, frame size, actions and events, got {shapes}")
    arrays = {name: np.concatenate([clip._arrays()[name] for clip in clips]) for name in clips[0]._arrays()}
    text = [line for clip in clips for line in (clip.text or [[] for _ in range(clip.rows)])]
    return replace(clips[0], **arrays, text=text)


def _merged(timeline: list[Prompt]) -> list[Prompt]:
    """A timeline in which a prompt that goes on where it ended is one prompt."""
    merged: list[Prompt] = []
    for prompt in timeline:
        if merged and (merged[-1].text, merged[-1].end) == (prompt.text, prompt.start):
            prompt = Prompt(prompt.text, merged.pop().start, prompt.end)
        merged.append(prompt)
    return merged


def check_frames(frames: np.ndarray) -> None:
    """Raise `ClipError` unless frames are u8 (B, T, H, W, 3)."""
    if not isinstance(frames, np.ndarray) or frames.dtype != np.uint8 or frames.ndim != 5 or frames.shape[-1] != 3:
        got = f"{frames.shape} {frames.dtype}" if hasattr(frames, "shape") else type(frames).__name__
        raise ClipError(f"frames must be (B, T, H, W, 3) uint8, got {got}; see worldsim.clip.Clip")


def pixels_to_unit(frames: np.ndarray) -> torch.Tensor:
    """u8 frames (B, T, H, W, 3) → f32 (B, T, 3, H, W) in [-1, 1]."""
    check_frames(frames)
    return rearrange(torch.from_numpy(np.ascontiguousarray(frames)), "b t h w c -> b t c h w").float() / 127.5 - 1.0


def pixels_from_unit(pixels: torch.Tensor) -> np.ndarray:
    """(B, T, 3, H, W) in [-1, 1] → u8 frames (B, T, H, W, 3); rounds, and clips what lies outside."""
    if pixels.ndim != 5 or pixels.shape[2] != 3 or not pixels.is_floating_point():
        raise ClipError(f"pixels must be (B, T, 3, H, W) floating, got {tuple(pixels.shape)} {pixels.dtype}")
    scaled = ((pixels.detach().float() + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return rearrange(scaled, "b t c h w -> b t h w c").cpu().numpy().copy()
