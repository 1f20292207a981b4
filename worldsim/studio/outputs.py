"""What a verb made → a film, a contact sheet and the clip itself; and the bar that shows how far it is."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from worldsim.actions import ActionSpec
from worldsim.clip import Clip
from worldsim.model.clipfile import write_clip
from worldsim.sampling.denoise import Preview
from worldsim.sampling.timelines import prompts_at
from worldsim.video import contact_sheet, write_mp4, write_png

__all__ = ["action_names", "chosen_frames", "headings", "progress", "sheet", "write"]

SIDE = 384  # pixels that the longer side of a film should have, where whole enlargement allows
PICTURES = 12  # frames on a contact sheet
BAR = "{desc} {percentage:3.0f}% |{bar}| {elapsed} gone, {remaining} left"


@contextmanager
def progress(title: str) -> Iterator[Callable[..., None]]:
    """A bar on stderr, as something that watches a verb; it appears with the first pass. Warnings are a line each.

    Beside the preview it takes, if there are several tries, how many are done, and of how many.
    """
    bars: list[tqdm[Any]] = []

    def watch(preview: Preview, done: int = 0, tries: int = 1) -> None:
        if not bars:
            bars.append(tqdm(total=1.0, desc=title, bar_format=BAR, dynamic_ncols=True, mininterval=0.2))
        bars[0].update((done + preview.share) / tries - bars[0].n)

    def tell(message: Warning | str, *_: object, **__: object) -> None:
        tqdm.write(f"worldsim {title}: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = tell
        try:
            yield watch
        finally:
            for bar in bars:
                bar.close()


def write(path: Path, clip: Clip, spec: ActionSpec, seeds: Sequence[int]) -> list[Path]:
    """Write `path` (mp4), the contact sheet beside it (png), and the clip to the byte (safetensors).

    Where there are several rows, each film's name ends in its seed. Clips of one frame are pictures (png) instead.
    """
    if clip.length == 1:
        return [write_png(named(path, ".png", clip, seed), frames[0], _scale(clip))
                for seed, frames in zip(seeds, clip.frames, strict=True)]  # fmt: skip
    scale = _scale(clip)
    films = [
        write_mp4(named(path, ".mp4", clip, seed), frames, clip.fps, scale)
        for seed, frames in zip(seeds, clip.frames, strict=True)
    ]
    picture = write_png(path.with_suffix(".png"), sheet(clip, spec, seeds))
    return [*films, picture, write_clip(path.with_suffix(".safetensors"), clip)]


def named(path: Path, suffix: str, clip: Clip, seed: int) -> Path:
    """The name of one row's file."""
    return path.with_suffix(suffix) if clip.rows == 1 else path.with_name(f"{path.stem}-{seed}{suffix}")


def sheet(clip: Clip, spec: ActionSpec, seeds: Sequence[int]) -> np.ndarray:
    """A film strip for each row, u8 (H', W', 3): above the frames their numbers, and the actions of the first row."""
    chosen = chosen_frames(clip.length)
    scale = max(1, 96 // clip.frames.shape[2])
    columns = headings(clip, spec, chosen, scale)
    labels = [f"seed {seed}" for seed in seeds] if clip.rows > 1 else []
    told = " | ".join(dict.fromkeys(text for row in chosen for text in prompts_at(clip.text, row) if text))
    return contact_sheet(list(clip.frames[:, chosen]), labels, columns, told, scale)


def headings(clip: Clip, spec: ActionSpec, chosen: Sequence[int], scale: int) -> list[str]:
    """What stands above frames of a clip: number and action of the first row, in lines that are no wider than they."""
    names, room = action_names(clip.actions[0], spec), clip.frames.shape[3] * scale // 6
    return ["\n".join(part[:room] for part in [str(row), *names[row].split("+")]).strip() for row in chosen]


def chosen_frames(length: int) -> list[int]:
    """Evenly spaced frames, the first and the last among them."""
    return np.linspace(0, length - 1, min(PICTURES, length)).round().astype(int).tolist()


def action_names(actions: np.ndarray, spec: ActionSpec) -> list[str]:
    """What actions f32 (T, A) are called, "" for a reset or where the world has no names."""
    if not spec.meanings or spec.table is None:
        return [""] * len(actions)
    names = []
    for vector in actions:
        nearest = int(np.square(spec.table - vector).sum(1).argmin())
        names.append(spec.meanings[nearest])
    return ["", *names[1:]]


def _scale(clip: Clip) -> int:
    return max(1, SIDE // max(clip.frames.shape[2:4]))
