"""What every reader of a foreign format gives, `Foreign`, and how it becomes a dataset of ours.

A broken episode stops the import, by name; or, when the caller asks for that, it is left out, named and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
from tqdm import tqdm

from worldsim.data.episodes import DatasetError, DatasetInfo, Episode, EpisodeWriter
from worldsim.data.frames import fitting_size, resize
from worldsim.files import replacing_folder

__all__ = ["ExchangeError", "Foreign", "Imported", "Size", "fitted", "import_episodes", "stable_seed"]

Size = tuple[int, int] | None  # (H, W) to bring frames to; None takes what networks take best


class ExchangeError(ValueError):
    """A foreign recording that cannot be read, or one of ours that cannot be written so; names the file."""


@dataclass(frozen=True)
class Foreign:
    """A foreign dataset, opened.

    Attributes:
        info: what its episodes have in common, in our terms.
        episodes: the name of each, for people, and the function that reads it; it raises `ExchangeError`.
    """

    info: DatasetInfo
    episodes: tuple[tuple[str, Callable[[], Episode]], ...]


@dataclass(frozen=True)
class Imported:
    """What came of an import: the new files, and what was left out and why."""

    files: list[Path]
    skipped: list[str]


def import_episodes(source: Foreign, folder: Path, policy: str, skip_broken: bool) -> Imported:
    """Write the episodes of a foreign dataset into a folder of ours, which appears when all are there.

    Args:
        source: what to read.
        folder: where to; nothing may be there.
        policy: what the index calls whoever acted.
        skip_broken: leave out what cannot be read, instead of stopping there.

    Raises:
        ExchangeError: a broken episode, or no episode that is whole, or a folder that holds something already.
    """
    if not source.episodes:
        raise ExchangeError(f"{source.info.creator}: no episodes there")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExchangeError(f"{folder} is there already, and not empty; choose another --out")
    files, skipped = [], []
    with replacing_folder(folder) as new:
        writer = EpisodeWriter.open(new, source.info)
        for name, episode in tqdm(_read(source), total=len(source.episodes), unit="episode", dynamic_ncols=True):
            if isinstance(episode, ExchangeError):
                if not skip_broken:
                    raise ExchangeError(f"{episode}; --skip-broken leaves such episodes out") from episode
                skipped.append(f"{name}: {episode}")
                continue
            files.append(folder / writer.add(replace(episode, seed=stable_seed(name)), policy).relative_to(new))
        if not files:
            raise ExchangeError(f"all of {len(skipped)} episodes are broken; the first: {skipped[0]}")
    return Imported(files, skipped)


def _read(source: Foreign) -> Iterator[tuple[str, Episode | ExchangeError]]:
    for name, read in source.episodes:
        try:
            yield name, read()
        except (ExchangeError, DatasetError) as error:
            yield name, error if isinstance(error, ExchangeError) else ExchangeError(str(error))


def stable_seed(name: str) -> int:
    """A number in [0, 2³¹) from an episode's name, by which `Dataset.split` decides who is held out."""
    return int.from_bytes(blake2b(name.encode(), digest_size=4).digest(), "big") >> 1


def fitted(frame: np.ndarray, size: Size) -> np.ndarray:
    """A frame u8 (H, W, 3), or frames (T, H, W, 3), at the size asked for, or at the one that fits."""
    return resize(frame, size or fitting_size((frame.shape[-3], frame.shape[-2])))
