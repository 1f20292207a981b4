"""`Recording`: what was shown, as a film, and as episodes that training can use."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import numpy as np

from worldsim.data.episodes import DatasetInfo, Episode, EpisodeWriter
from worldsim.data.frames import resize
from worldsim.play.games import Shown
from worldsim.video import write_mp4

__all__ = ["Recording", "free_folder", "write_film"]

FILM_SIDE = 384  # pixels that the longer side of a film should have, where whole enlargement allows


@dataclass
class _Stretch:
    """Rows of one world without a break; the first is a reset."""

    world: str
    info: DatasetInfo
    shown: list[Shown]
    vectors: list[np.ndarray]


@dataclass
class Recording:
    """Everything shown since it began; `save` writes `film.mp4` and one dataset per world into `folder`."""

    folder: Path
    _stretches: list[_Stretch] = field(default_factory=list)

    @property
    def length(self) -> int:
        """Frames so far."""
        return sum(len(stretch.shown) for stretch in self._stretches)

    def begin(self, world: str, info: DatasetInfo, shown: Shown) -> None:
        """A world starts to be shown, anew or after another: a new episode, whose row 0 counts as a reset."""
        first = replace(shown, events=np.zeros_like(shown.events), terminated=False, truncated=False)
        self._stretches.append(_Stretch(world, info, [first], [np.zeros(info.actions.width, np.float32)]))

    def add(self, vector: np.ndarray, shown: Shown) -> None:
        """The step after the last one."""
        self._stretches[-1].vectors.append(vector)
        self._stretches[-1].shown.append(shown)

    def save(self) -> list[Path]:
        """Write everything; returns the film and the datasets. Raises `OSError` when the disk refuses."""
        frames = np.stack([shown.frame for stretch in self._stretches for shown in stretch.shown])
        info = self._stretches[0].info
        files = [write_film(self.folder / "film.mp4", frames, info.fps, info.shown)]
        for stretch in self._stretches:
            folder = self.folder / stretch.world
            EpisodeWriter.open(folder, stretch.info).add(_episode(stretch), "played")
            if folder not in files:
                files.append(folder)
        return files


def write_film(path: Path, frames: np.ndarray, fps: float, shown: tuple[int, int] | None = None) -> Path:
    """Write frames u8 (T, H, W, 3) as an mp4 large enough to look at, in the shape of `shown` (H, W) where given."""
    if shown is not None:
        sides = [2 * max(1, round(side * FILM_SIDE / max(shown) / 2)) for side in shown]
        return write_mp4(path, resize(frames, (sides[0], sides[1])), fps)
    height, width = frames.shape[1:3]
    scale = max(1, FILM_SIDE // max(height, width))
    odd = (height * scale) % 2 or (width * scale) % 2
    return write_mp4(path, frames, fps, scale + 1 if odd else scale)


def free_folder(parent: Path) -> Path:
    """The first of `play-001`, `play-002`, … that is not there yet; it is made, so that nobody else takes it."""
    for number in count(1):
        folder = parent / f"play-{number:03d}"
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
            return folder
    raise AssertionError("numbers never end")


def _episode(stretch: _Stretch) -> Episode:
    return Episode(
        frames=np.stack([shown.frame for shown in stretch.shown]),
        actions=np.stack(stretch.vectors).astype(np.float32),
        events=np.stack([shown.events for shown in stretch.shown]).astype(np.float32),
        terminated=np.array([shown.terminated for shown in stretch.shown]),
        truncated=np.array([shown.truncated for shown in stretch.shown]),
    )
