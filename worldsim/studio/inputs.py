"""What users write on the command line → what verbs take: films, pictures, sizes, timelines and lists of actions."""

from __future__ import annotations

import itertools
import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from worldsim.actions import ActionSpec
from worldsim.clip import Clip, Prompt
from worldsim.model.clipfile import read_clip
from worldsim.sampling.timelines import VerbError
from worldsim.sampling.world import World
from worldsim.video import film_scale, read_mp4, read_png

__all__ = ["read_actions", "read_frames", "read_picture", "read_text"]


def read_text(text: str) -> str | list[Prompt]:
    """A prompt, or a timeline "a forest at noon | 32: a forest at night": each holds until the next one's frame.

    Raises:
        VerbError: a part of a timeline without its first frame, or frames that do not rise.
    """
    parts = [part.strip() for part in text.split("|")]
    matches = [re.fullmatch(r"(?:(\d+)\s*:)?\s*(.*)", part, re.DOTALL) for part in parts]
    found = [(match[1], match[2]) for match in matches if match]
    if len(found) == 1 and found[0][0] is None:
        return text
    starts = [int(start or 0) for start, _ in found]
    if any(start is None for start, _ in found[1:]) or starts != sorted(set(starts)):
        raise VerbError(f'a timeline reads "FIRST TEXT | FRAME: NEXT TEXT | …", frames rising, got {text!r}')
    ends = [*starts[1:], None]
    return [Prompt(words, start, end) for start, end, (_, words) in zip(starts, ends, found, strict=True)]


def read_actions(text: str, spec: ActionSpec, length: int) -> np.ndarray | None:
    """ "forward*12 turn_left*4" → f32 (length, A), over and over; "" → None: the model acts by itself.

    Raises:
        VerbError: a name that the world does not know, or no count.
    """
    if not text.strip():
        return None
    names = list(spec.meanings) or [str(number) for number in range(int(getattr(spec.space, "n", 0)))]
    script: list[np.ndarray] = []
    for word in text.split():
        name, _, count = word.partition("*")
        if name not in names or (count and not (count.isdigit() and int(count))):
            raise VerbError(f"--actions must read NAME*COUNT …, with names of {', '.join(names)}; got {word!r}")
        script += [spec.encode(spec.space.start + names.index(name))] * int(count or 1)  # pyright: ignore
    return np.stack(list(itertools.islice(itertools.cycle(script), length)))


def read_frames(path: Path, world: World, size: tuple[int, int] | None) -> Clip | np.ndarray:
    """A film as frames u8 (1, T, H, W, 3) at the world's frame rate; a `.safetensors` of an earlier verb as its clip.

    A film is brought to `size`; without one, one of our own to what it was before it was enlarged, and any other to the
    world's height. Whatever is changed is told in a warning.

    Raises:
        VideoError, CheckpointError, ClipError: no such file, or not what its name says.
    """
    if path.suffix == ".safetensors":
        clip = read_clip(path)
        if size is None:
            return clip
        return replace(clip, frames=np.stack([_fitting(row, world, size, path) for row in clip.frames]))
    frames, fps = read_mp4(path)
    rate = world.card.fps
    if fps and abs(fps - rate) > 0.01 * rate:
        chosen = np.arange(max(1, round(len(frames) * rate / fps))) * fps / rate
        frames = frames[np.minimum(chosen.astype(int), len(frames) - 1)]
        warnings.warn(f"{path}: {fps:g} frames/s, the world has {rate:g}; {len(frames)} frames are used", stacklevel=2)
    scale = film_scale(path)
    frames = frames[:, scale // 2 :: scale, scale // 2 :: scale]
    return _fitting(frames, world, size, path)[None]


def read_picture(path: Path, world: World, size: tuple[int, int] | None) -> np.ndarray:
    """A picture u8 (H, W, 3), brought to a size like the frames of a film. Raises `VideoError`."""
    return _fitting(read_png(path)[None], world, size, path)[0]


def _fitting(frames: np.ndarray, world: World, size: tuple[int, int] | None, path: Path) -> np.ndarray:
    """Frames u8 (T, H, W, 3) at a size that divides into patches."""
    grain = world.grain
    height, width = frames.shape[1:3]
    if size is None and not (height % grain or width % grain) and max(height, width) <= 4 * max(world.card.size):
        return np.ascontiguousarray(frames)
    asked = size or (world.card.size[0], width * world.card.size[0] / height)
    goal_height, goal_width = (max(grain, round(side / grain) * grain) for side in asked)
    if (goal_height, goal_width) == (height, width):
        return np.ascontiguousarray(frames)
    warnings.warn(f"{path}: frames of {height}x{width} are brought to {goal_height}x{goal_width}", stacklevel=3)
    brought = [Image.fromarray(frame).resize((goal_width, goal_height), Image.Resampling.LANCZOS) for frame in frames]
    return np.stack([np.array(picture) for picture in brought])
