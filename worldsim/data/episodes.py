"""Episodes on disk: the format, writing it so that a kill cannot hurt it, and reading slices of it at random.

A dataset is a folder: `dataset.json` (what made the frames, and how actions and events read), `index.jsonl` (a line
per episode, added only when its file is safely in place) and `episodes/000000.safetensors` with `frames` u8
(T, H, W, 3), `actions` f32 (T, A), `events` f32 (T, E), `terminated` and `truncated` u8 (T,), and captions as JSON in
the metadata. Rows follow the time convention of `worldsim.clip`. Readers map the files, so many processes may read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from worldsim.actions import ActionError, ActionSpec
from worldsim.clip import Clip, Prompt

__all__ = [
    "Caption",
    "Dataset",
    "DatasetError",
    "DatasetInfo",
    "Detail",
    "Entry",
    "Episode",
    "EpisodeWriter",
    "stack",
]

FORMAT_VERSION = 1

Detail = Literal["short", "detailed"]


class DatasetError(ValueError):
    """A dataset, or an episode for one, that is missing, damaged or does not fit; names the file and the defect."""


@dataclass(frozen=True)
class Caption:
    """What rows [start, end) show, in a few words and at length."""

    start: int
    end: int
    short: str
    detailed: str


@dataclass(frozen=True)
class Episode:
    """T rows of one env, from its reset or cut out of the middle.

    Attributes:
        frames: u8 (T, H, W, 3).
        actions: f32 (T, A) in [-1, 1].
        events: f32 (T, E), the reward first.
        terminated: bool (T,).
        truncated: bool (T,).
        captions: what stretches of rows show, in order.
        seed: what the env was reset with.
    """

    frames: np.ndarray
    actions: np.ndarray
    events: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    captions: tuple[Caption, ...] = ()
    seed: int = 0

    @property
    def length(self) -> int:
        return len(self.frames)

    def slice(self, start: int, stop: int) -> Episode:
        """Rows start … stop-1; a `stop` past the end means the end."""
        stop = min(stop, self.length)
        cut = {name: getattr(self, name)[start:stop] for name in _ARRAYS}
        return replace(self, **cut, captions=_captions_within(self.captions, start, stop))


@dataclass(frozen=True)
class DatasetInfo:
    """What all episodes of a dataset have in common.

    Attributes:
        env_id: Gymnasium id that made the frames.
        env_kwargs: keyword arguments it was made with.
        fps: frames per second of simulated time.
        size: (H, W) of the frames in pixels.
        actions: how actions read as vectors.
        event_names: names of the event columns, "reward" first.
        creator: version of worldsim that began the dataset.
    """

    env_id: str
    env_kwargs: dict[str, Any]
    fps: float
    size: tuple[int, int]
    actions: ActionSpec
    event_names: tuple[str, ...]
    creator: str = ""

    def to_json(self) -> dict[str, Any]:
        """A description as JSON holds it, from which `from_json` makes an equal one.

        Raises:
            ActionError, DatasetError: actions or env_kwargs that JSON cannot hold.
        """
        description = {
            "format": FORMAT_VERSION,
            "env_id": self.env_id,
            "env_kwargs": self.env_kwargs,
            "fps": self.fps,
            "size": list(self.size),
            "actions": self.actions.to_json(),
            "event_names": list(self.event_names),
            "creator": self.creator,
        }
        try:
            return json.loads(json.dumps(description))  # tuples become lists, so that it compares with what was read
        except TypeError as error:
            raise DatasetError(f"env_kwargs must be what JSON can hold, got {self.env_kwargs}: {error}") from error

    @classmethod
    def from_json(cls, data: dict[str, Any], file: Path) -> DatasetInfo:
        """The inverse of `to_json`; `file` is named in errors."""
        if data.get("format") != FORMAT_VERSION:
            raise DatasetError(
                f"{file}: format must be {FORMAT_VERSION}, got {data.get('format')}; record the dataset again"
            )
        try:
            return cls(
                env_id=data["env_id"],
                env_kwargs=data["env_kwargs"],
                fps=float(data["fps"]),
                size=(int(data["size"][0]), int(data["size"][1])),
                actions=ActionSpec.from_json(data["actions"]),
                event_names=tuple(data["event_names"]),
                creator=data["creator"],
            )
        except (KeyError, IndexError, TypeError, ValueError, ActionError) as error:
            raise DatasetError(f"{file}: missing or malformed field: {error!r}") from error

    def check_same_rows(self, other: DatasetInfo, where: str) -> None:
        """Raise `DatasetError` unless rows of the other dataset mean the same: actions and events."""
        for name in ("actions", "event_names"):
            mine, theirs = self.to_json()[name], other.to_json()[name]
            if mine != theirs:
                raise DatasetError(f"{where}: {name} differ, expected {_brief(mine)}, got {_brief(theirs)}")


@dataclass(frozen=True)
class Entry:
    """One line of the index.

    Attributes:
        file: path of the episode inside the dataset's folder.
        length: rows.
        seed: what the env was reset with.
        policy: who acted.
        actions: how often each action was taken, by name.
        events: in how many rows each event was not zero, by name.
        bytes: size of the file.
    """

    file: str
    length: int
    seed: int
    policy: str
    actions: dict[str, int]
    events: dict[str, int]
    bytes: int


class EpisodeWriter:
    """Adds episodes to a dataset folder, one complete file at a time.

    A kill at any moment leaves a dataset that opens: a file counts once its index line stands, and a torn index line
    does not count. What such a kill left over is overwritten by the next writer.
    """

    def __init__(self, folder: str | Path, info: DatasetInfo) -> None:
        self.folder = Path(folder)
        self.info = info
        self.count = 0

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
                    f"{file}: holds {key} {_brief(theirs[key])}, cannot add episodes with {key} {_brief(mine[key])}; "
                    "record into another folder"
                )
            writer.count = len(existing)
            _drop_torn_line(writer.folder / "index.jsonl")
        else:
            text = json.dumps(info.to_json(), indent=1)
            (writer.folder / "episodes").mkdir(parents=True, exist_ok=True)
            _write_atomically(file, lambda temporary: temporary.write_text(text))
        return writer

    def add(self, episode: Episode, policy: str) -> Path:
        """Write an episode as the next one; returns its file.

        Raises:
            DatasetError: arrays that do not fit the dataset, or actions or events that are not finite.
        """
        number = self.count
        _check_episode(episode, self.info, f"episode {number} for {self.folder}")
        file = self.folder / "episodes" / f"{number:06d}.safetensors"
        arrays = {name: np.ascontiguousarray(getattr(episode, name)) for name in _ARRAYS}
        arrays |= {name: arrays[name].astype(np.uint8) for name in ("terminated", "truncated")}
        captions = json.dumps([asdict(caption) for caption in episode.captions])
        _write_atomically(file, lambda temporary: save_file(arrays, temporary, {"captions": captions}))
        entry = Entry(
            file=file.relative_to(self.folder).as_posix(),
            length=episode.length,
            seed=episode.seed,
            policy=policy,
            actions=count_actions(self.info.actions, episode.actions[1:]),
            events={name: int(np.count_nonzero(episode.events[:, i])) for i, name in enumerate(self.info.event_names)},
            bytes=file.stat().st_size,
        )
        with (self.folder / "index.jsonl").open("a") as index:
            index.write(json.dumps(asdict(entry)) + "\n")
            index.flush()
            os.fsync(index.fileno())
        self.count += 1
        return file


@dataclass(frozen=True)
class Dataset:
    """The episodes of a folder, or some of them; opens no file until rows are asked for."""

    folder: Path
    info: DatasetInfo
    entries: tuple[Entry, ...]

    @classmethod
    def open(cls, folder: str | Path) -> Dataset:
        """The dataset in a folder.

        Raises:
            DatasetError: no dataset there, another format version, a broken index, or a missing or truncated episode.
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
        return cls(folder, DatasetInfo.from_json(data, file), _read_index(folder))

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
        if not 0 <= episode < len(self.entries):
            raise DatasetError(f"{self.folder}: has episodes 0 … {len(self.entries) - 1}, asked for {episode}")
        entry = self.entries[episode]
        stop = entry.length if stop is None else min(stop, entry.length)
        if not 0 <= start < stop:
            raise DatasetError(f"{self.folder / entry.file}: has rows 0 … {entry.length - 1}, asked for {start}:{stop}")
        return _read_rows(self.folder / entry.file, entry, self.info, start, stop)

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


def stack(pieces: Sequence[Episode], length: int, detail: Detail, fps: float) -> Clip:
    """Pieces of episodes, at most `length` rows each, as the rows of a clip.

    Padding repeats the last frame, with zero actions and events, and is marked in the mask.
    """
    rows, size = len(pieces), pieces[0].frames.shape[1:]
    frames = np.empty((rows, length, *size), np.uint8)
    actions = np.zeros((rows, length, pieces[0].actions.shape[1]), np.float32)
    events = np.zeros((rows, length, pieces[0].events.shape[1]), np.float32)
    terminated, truncated, mask = (np.zeros((rows, length), np.bool_) for _ in range(3))
    for row, piece in enumerate(pieces):
        n = piece.length
        frames[row, :n] = piece.frames
        frames[row, n:] = piece.frames[-1]
        actions[row, :n] = piece.actions
        events[row, :n] = piece.events
        terminated[row, :n] = piece.terminated
        truncated[row, :n] = piece.truncated
        mask[row, :n] = True
    text = [[Prompt(getattr(c, detail), c.start, c.end) for c in piece.captions] for piece in pieces]
    return Clip(frames, actions, events, terminated, truncated, mask, text, fps)


def count_actions(spec: ActionSpec, actions: np.ndarray) -> dict[str, int]:
    """How often each action of a Discrete space occurs in f32 (T, A), or else how often each field is not zero."""
    if spec.table is None:
        return {name: int(n) for name, n in zip(spec.names, np.count_nonzero(actions, axis=0), strict=True)}
    distance = np.square(actions[:, None] - spec.table).sum(axis=-1)  # (T, n)
    counts = np.bincount(distance.argmin(axis=1), minlength=len(spec.table))
    names = spec.meanings or [str(i) for i in range(len(spec.table))]
    return {name: int(n) for name, n in zip(names, counts, strict=True)}


_ARRAYS = ("frames", "actions", "events", "terminated", "truncated")
_STORED = {"frames": "U8", "actions": "F32", "events": "F32", "terminated": "U8", "truncated": "U8"}


def _row_shapes(info: DatasetInfo) -> dict[str, tuple[int, ...]]:
    """The shape of one row of each array."""
    frames, actions, events = (*info.size, 3), (info.actions.width,), (len(info.event_names),)
    return {"frames": frames, "actions": actions, "events": events, "terminated": (), "truncated": ()}


def _check_episode(episode: Episode, info: DatasetInfo, where: str) -> None:
    """Raise `DatasetError` unless an episode in memory fits the dataset."""
    dtypes = {"frames": np.uint8, "actions": np.float32, "events": np.float32}
    for name, row in _row_shapes(info).items():
        array, dtype = getattr(episode, name), np.dtype(dtypes.get(name, np.bool_))
        expected = (episode.length, *row)
        if array.shape != expected or array.dtype != dtype:
            raise DatasetError(f"{where}: {name} must be {expected} {dtype}, got {array.shape} {array.dtype}")
    if episode.length == 0:
        raise DatasetError(f"{where}: an episode needs at least one row")
    _check_finite(episode, 0, where)


def _check_finite(episode: Episode, first_row: int, where: str) -> None:
    for name in ("actions", "events"):
        bad = ~np.isfinite(getattr(episode, name)).all(axis=1)
        if bad.any():
            raise DatasetError(f"{where}: {name} are not finite in row {first_row + int(bad.argmax())}")


def _read_rows(file: Path, entry: Entry, info: DatasetInfo, start: int, stop: int) -> Episode:
    try:
        with safe_open(file, "np") as stored:
            slices = {name: stored.get_slice(name) for name in _ARRAYS}
            for name, row in _row_shapes(info).items():
                expected, shape = [entry.length, *row], slices[name].get_shape()
                if shape != expected or slices[name].get_dtype() != _STORED[name]:
                    raise DatasetError(
                        f"{file}: {name} must be {tuple(expected)} {_STORED[name]}, "
                        f"got {tuple(shape)} {slices[name].get_dtype()}"
                    )
            arrays = {name: part[start:stop] for name, part in slices.items()}
            captions = tuple(Caption(**caption) for caption in json.loads((stored.metadata() or {})["captions"]))
    except DatasetError:
        raise
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{file}: damaged or not an episode: {error}; remove or record the dataset again") from error
    arrays |= {name: arrays[name].astype(np.bool_) for name in ("terminated", "truncated")}
    episode = Episode(**arrays, captions=_captions_within(captions, start, stop), seed=entry.seed)
    _check_finite(episode, start, str(file))
    return episode


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


def _drop_torn_line(index: Path) -> None:
    if index.exists():
        data = index.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(index, whole)


def _write_atomically(file: Path, write: Callable[[Path], object]) -> None:
    """Let `write(path)` make a temporary file, force it to disk, and only then give it its name."""
    temporary = file.with_name(f".{file.name}.tmp")
    try:
        write(temporary)
        _force_to_disk(temporary)
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)
    _force_to_disk(file.parent)


def _force_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _captions_within(captions: Sequence[Caption], start: int, stop: int) -> tuple[Caption, ...]:
    """The captions that cover rows start … stop-1, counted from start."""
    return tuple(
        replace(c, start=max(c.start - start, 0), end=min(c.end, stop) - start)
        for c in captions
        if c.start < stop and c.end > start
    )


def _unit_hash(seed: int) -> float:
    """A number in [0, 1) that depends on the seed only."""
    return int.from_bytes(blake2b(str(seed).encode(), digest_size=6).digest(), "big") / 2**48


def _brief(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 120 else text[:117] + "..."
