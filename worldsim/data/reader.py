"""Reading a dataset folder: its index at once, its episodes by slices at random, as clips or whole.

Files are mapped, not read through, so many processes may read. Every defect is a `DatasetError` that names the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from worldsim.clip import Clip
from worldsim.data.captions import read_rewritten
from worldsim.data.format import (
    ARRAYS,
    Caption,
    DatasetError,
    DatasetInfo,
    Detail,
    Entry,
    Episode,
    captions_within,
    check_finite,
    row_shapes,
    stack,
)

__all__ = ["Dataset"]

_STORED = {"frames": "U8", "actions": "F32", "events": "F32", "terminated": "U8", "truncated": "U8"}


@dataclass(frozen=True)
class Dataset:
    """The episodes of a folder, or some of them; opens no file until rows are asked for."""

    folder: Path
    info: DatasetInfo
    entries: tuple[Entry, ...]
    rewritten: Mapping[str, tuple[Caption, ...]] = field(default_factory=dict)
    """Captions that stand for those in an episode's file, by its name; see `worldsim.data.captions`."""

    @classmethod
    def open(cls, folder: str | Path) -> Dataset:
        """The dataset in a folder.

        Raises:
            DatasetError: no dataset there, another format version, a broken index or captions file, or a missing or
                truncated episode.
        """
        folder = Path(folder)
        file = folder / "dataset.json"
        if not file.is_file():
            raise DatasetError(f"{file} does not exist; {folder} is not a dataset, make one with `worldsim record`")
        try:
            data = json.loads(file.read_text())
        except ValueError as error:
            raise DatasetError(f"{file}: not JSON: {error}") from error
        if not isinstance(data, dict):
            raise DatasetError(f"{file}: must hold a JSON object, got {type(data).__name__}")
        return cls(folder, DatasetInfo.from_json(data, file), _read_index(folder), read_rewritten(folder))

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def lengths(self) -> np.ndarray:
        """i64 (N,): the rows of each episode."""
        return np.array([entry.length for entry in self.entries], np.int64)

    def split(self, heldout: float) -> tuple[Dataset, Dataset]:
        """(train, held out): about a share `heldout` of the episodes is held out, chosen by a hash of their seeds.

        The choice of an episode never depends on the others, so it stays when the dataset grows.
        """
        if not 0.0 <= heldout <= 1.0:
            raise DatasetError(f"heldout must be a share in [0, 1], got {heldout}")
        held = [_unit_hash(entry.seed) < heldout for entry in self.entries]
        train = tuple(entry for entry, out in zip(self.entries, held, strict=True) if not out)
        rest = tuple(entry for entry, out in zip(self.entries, held, strict=True) if out)
        return replace(self, entries=train), replace(self, entries=rest)

    def read(self, episode: int, start: int = 0, stop: int | None = None) -> Episode:
        """Rows start … stop-1 of an episode; reads only these. A `stop` past the end, or None, means the end.

        Raises:
            DatasetError: no such episode or rows, or a file that is damaged or does not fit the dataset.
        """
        entry = self._entry(episode)
        stop = entry.length if stop is None else min(stop, entry.length)
        if not 0 <= start < stop:
            raise DatasetError(f"{self.folder / entry.file}: has rows 0 … {entry.length - 1}, asked for {start}:{stop}")
        read = _read_rows(self.folder / entry.file, entry, self.info, start, stop)
        if entry.file in self.rewritten:
            read = replace(read, captions=captions_within(self.rewritten[entry.file], start, stop))
        return read

    def captions(self, episode: int) -> tuple[Caption, ...]:
        """The captions of a whole episode, without reading its rows. Raises `DatasetError` as `read` does."""
        entry = self._entry(episode)
        if entry.file in self.rewritten:
            return self.rewritten[entry.file]
        file = self.folder / entry.file
        with _named_defects(file), safe_open(file, "np") as stored:
            return captions_within(_stored_captions(stored.metadata()), 0, entry.length)

    def actions(self, episode: int) -> np.ndarray:
        """Actions f32 (T, A) of a whole episode, without reading its frames. Raises `DatasetError` as `read` does."""
        entry = self._entry(episode)
        file, shape = self.folder / entry.file, (entry.length, self.info.actions.width)
        with _named_defects(file), safe_open(file, "np") as stored:
            actions = stored.get_tensor("actions")
        if actions.shape != shape or not np.isfinite(actions).all():
            raise DatasetError(f"{file}: actions must be finite and {shape}, got {actions.shape}")
        return actions

    def _entry(self, episode: int) -> Entry:
        if not 0 <= episode < len(self.entries):
            raise DatasetError(f"{self.folder}: has episodes 0 … {len(self.entries) - 1}, asked for {episode}")
        return self.entries[episode]

    def clip(self, requests: Sequence[tuple[int, int, int]], detail: Detail = "short") -> Clip:
        """One row for each (episode, start, stop), all equally long; what lies past an episode's end is padding.

        Args:
            requests: episode number, first row, and one past the last row.
            detail: which of the two captions becomes the text.
        """
        lengths = {stop - start for _, start, stop in requests}
        if len(lengths) != 1:
            raise DatasetError(f"a clip needs requests of one length, got lengths {sorted(lengths)}")
        return stack([self.read(*request) for request in requests], lengths.pop(), detail, self.info.fps)


def _read_rows(file: Path, entry: Entry, info: DatasetInfo, start: int, stop: int) -> Episode:
    with _named_defects(file), safe_open(file, "np") as stored:
        slices = {name: stored.get_slice(name) for name in ARRAYS}
        for name, row in row_shapes(info).items():
            expected, shape = [entry.length, *row], slices[name].get_shape()
            if shape != expected or slices[name].get_dtype() != _STORED[name]:
                raise DatasetError(
                    f"{file}: {name} must be {tuple(expected)} {_STORED[name]}, "
                    f"got {tuple(shape)} {slices[name].get_dtype()}"
                )
        arrays = {name: part[start:stop] for name, part in slices.items()}
        captions = _stored_captions(stored.metadata())
    arrays |= {name: arrays[name].astype(np.bool_) for name in ("terminated", "truncated")}
    episode = Episode(**arrays, captions=captions_within(captions, start, stop), seed=entry.seed)
    check_finite(episode, start, str(file))
    return episode


def _stored_captions(metadata: Mapping[str, str] | None) -> tuple[Caption, ...]:
    return tuple(Caption(**caption) for caption in json.loads((metadata or {})["captions"]))


@contextmanager
def _named_defects(file: Path) -> Iterator[None]:
    """Let whatever is wrong with an episode's file become a `DatasetError` that names it."""
    try:
        yield
    except DatasetError:
        raise
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{file}: damaged or not an episode: {error}; remove or record the dataset again") from error


def _read_index(folder: Path) -> tuple[Entry, ...]:
    """The entries of the index; a last line without its newline was torn by a kill and does not count."""
    index = folder / "index.jsonl"
    if not index.exists():
        return ()
    entries = []
    for number, line in enumerate(index.read_text().split("\n")[:-1], start=1):
        try:
            entry = Entry(**json.loads(line))
        except (TypeError, ValueError) as error:
            raise DatasetError(f"{index}: line {number} is not an episode entry: {error}") from error
        file = folder / entry.file
        try:
            size = file.stat().st_size
        except OSError as error:
            raise DatasetError(f"{file}: missing, though line {number} of {index} names it") from error
        if size != entry.bytes:
            raise DatasetError(f"{file}: truncated or changed, {size} bytes instead of {entry.bytes}")
        entries.append(entry)
    return tuple(entries)


def _unit_hash(seed: int) -> float:
    """A number in [0, 1) that depends on the seed only."""
    return int.from_bytes(blake2b(str(seed).encode(), digest_size=6).digest(), "big") / 2**48
