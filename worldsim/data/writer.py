"""Adding episodes to a dataset folder so that a kill at any moment cannot hurt it.

Files appear whole, as `worldsim.files` makes them; only then the index gets its line.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from worldsim.actions import ActionSpec
from worldsim.data.format import ARRAYS, DatasetError, DatasetInfo, Entry, Episode, brief, check_finite, row_shapes
from worldsim.data.reader import Dataset
from worldsim.files import remove_leftovers, replacing_file, write_json

__all__ = ["EpisodeWriter", "count_actions"]


class EpisodeWriter:
    """Adds episodes to a dataset folder, one complete file at a time.

    A kill at any moment leaves a dataset that opens: a file counts once its index line stands, and a torn index line
    does not count. What such a kill left over is overwritten, or removed in time, by later writers.
    """

    def __init__(self, folder: str | Path, info: DatasetInfo) -> None:
        self.folder = Path(folder)
        self.info = info
        self.count = 0
        self._index = self.folder / "index.jsonl"
        self._written = 0  # bytes of the index, as far as this writer knows

    @classmethod
    def open(cls, folder: str | Path, info: DatasetInfo) -> EpisodeWriter:
        """A writer that begins the dataset, or continues the one that is there.

        Raises:
            DatasetError: the dataset that is there was made by another env, at another size, or in another way.
        """
        writer = cls(folder, info)
        file = writer.folder / "dataset.json"
        if file.exists():
            existing = Dataset.open(folder)
            mine, theirs = info.to_json(), existing.info.to_json()
            differing = [key for key in mine if key != "creator" and mine[key] != theirs[key]]
            if differing:
                key = differing[0]
                raise DatasetError(
                    f"{file}: holds {key} {brief(theirs[key])}, cannot add episodes with {key} {brief(mine[key])}; "
                    "record into another folder"
                )
            writer.count = len(existing)
            _drop_torn_line(writer._index)
            remove_leftovers(writer.folder / "episodes")
            writer._written = writer._size()
        else:
            description = info.to_json()
            (writer.folder / "episodes").mkdir(parents=True, exist_ok=True)
            write_json(file, description)
        return writer

    def add(self, episode: Episode, policy: str) -> Path:
        """Write an episode as the next one; returns its file.

        Raises:
            DatasetError: arrays that do not fit the dataset, actions or events that are not finite, or a dataset to
                which another process has added since.
        """
        number = self.count
        if self._size() != self._written:
            raise DatasetError(
                f"{self.folder}: another process is adding episodes to it; record into a folder of one's own, train on "
                "several with --data ONE TWO"
            )
        _check_episode(episode, self.info, f"episode {number} for {self.folder}")
        file = self.folder / "episodes" / f"{number:06d}.safetensors"
        arrays = {name: np.ascontiguousarray(getattr(episode, name)) for name in ARRAYS}
        arrays |= {name: arrays[name].astype(np.uint8) for name in ("terminated", "truncated")}
        captions = json.dumps([asdict(caption) for caption in episode.captions])
        with replacing_file(file) as temporary:
            save_file(arrays, temporary, {"captions": captions})
        entry = Entry(
            file=file.relative_to(self.folder).as_posix(),
            length=episode.length,
            seed=episode.seed,
            policy=policy,
            actions=count_actions(self.info.actions, episode.actions[1:]),
            events={name: int(np.count_nonzero(episode.events[:, i])) for i, name in enumerate(self.info.event_names)},
            bytes=file.stat().st_size,
        )
        with self._index.open("a") as index:
            index.write(json.dumps(asdict(entry)) + "\n")
            index.flush()
            os.fsync(index.fileno())
        self.count, self._written = self.count + 1, self._size()
        return file

    def _size(self) -> int:
        """Bytes of the index."""
        return self._index.stat().st_size if self._index.exists() else 0


def count_actions(spec: ActionSpec, actions: np.ndarray) -> dict[str, int]:
    """How often each action of a Discrete space occurs in f32 (T, A), or else how often each field is not zero."""
    if spec.table is None:
        return {name: int(n) for name, n in zip(spec.names, np.count_nonzero(actions, axis=0), strict=True)}
    distance = np.square(actions[:, None] - spec.table).sum(axis=-1)  # (T, n)
    counts = np.bincount(distance.argmin(axis=1), minlength=len(spec.table))
    names = spec.meanings or [str(i) for i in range(len(spec.table))]
    return {name: int(n) for name, n in zip(names, counts, strict=True)}


def _check_episode(episode: Episode, info: DatasetInfo, where: str) -> None:
    """Raise `DatasetError` unless an episode in memory fits the dataset."""
    dtypes = {"frames": np.uint8, "actions": np.float32, "events": np.float32}
    for name, row in row_shapes(info).items():
        array, dtype = getattr(episode, name), np.dtype(dtypes.get(name, np.bool_))
        expected = (episode.length, *row)
        if array.shape != expected or array.dtype != dtype:
            raise DatasetError(f"{where}: {name} must be {expected} {dtype}, got {array.shape} {array.dtype}")
    if episode.length == 0:
        raise DatasetError(f"{where}: an episode needs at least one row")
    check_finite(episode, 0, where)


def _drop_torn_line(index: Path) -> None:
    if index.exists():
        data = index.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(index, whole)
