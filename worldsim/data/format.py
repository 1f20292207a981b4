"""What a dataset consists of: `Episode`, `Caption`, `DatasetInfo` and `Entry`, as values in memory and as JSON.

Reading and writing the files is in `reader.py` and `writer.py`. Rows follow the time convention of `worldsim.clip`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from worldsim.actions import ActionError, ActionSpec
from worldsim.clip import Clip, Prompt

__all__ = ["Caption", "DatasetError", "DatasetInfo", "Detail", "Entry", "Episode", "spoken", "stack"]

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
        cut = {name: getattr(self, name)[start:stop] for name in ARRAYS}
        return replace(self, **cut, captions=captions_within(self.captions, start, stop))


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
        shown: (H, W) of the env's own pictures, where frames were brought to another size; None where they were not.
        image_key: which entry of a Dict observation is the picture, or "render"; None where the env leaves no choice.
    """

    env_id: str
    env_kwargs: dict[str, Any]
    fps: float
    size: tuple[int, int]
    actions: ActionSpec
    event_names: tuple[str, ...]
    creator: str = ""
    shown: tuple[int, int] | None = None
    image_key: str | None = None

    @property
    def env(self) -> dict[str, Any]:
        """How the env is made, and which of its pictures are frames: what a checkpoint keeps of it."""
        made = {"id": self.env_id, "kwargs": self.env_kwargs}
        return made if self.image_key is None else made | {"image_key": self.image_key}

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
            "shown": None if self.shown is None else list(self.shown),
            "image_key": self.image_key,
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
                shown=None if data.get("shown") is None else (int(data["shown"][0]), int(data["shown"][1])),
                image_key=data.get("image_key"),
            )
        except (KeyError, IndexError, TypeError, ValueError, ActionError) as error:
            raise DatasetError(f"{file}: missing or malformed field: {error!r}") from error

    def check_same_rows(self, other: DatasetInfo, where: str) -> None:
        """Raise `DatasetError` unless rows of the other dataset mean the same: actions and events."""
        for name in ("actions", "event_names"):
            mine, theirs = self.to_json()[name], other.to_json()[name]
            if mine != theirs:
                raise DatasetError(f"{where}: {name} differ, expected {brief(mine)}, got {brief(theirs)}")


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


ARRAYS = ("frames", "actions", "events", "terminated", "truncated")


def row_shapes(info: DatasetInfo) -> dict[str, tuple[int, ...]]:
    """The shape of one row of each array."""
    frames, actions, events = (*info.size, 3), (info.actions.width,), (len(info.event_names),)
    return {"frames": frames, "actions": actions, "events": events, "terminated": (), "truncated": ()}


def check_finite(episode: Episode, first_row: int, where: str) -> None:
    for name in ("actions", "events"):
        bad = ~np.isfinite(getattr(episode, name)).all(axis=1)
        if bad.any():
            raise DatasetError(f"{where}: {name} are not finite in row {first_row + int(bad.argmax())}")


def captions_within(captions: Sequence[Caption], start: int, stop: int) -> tuple[Caption, ...]:
    """The captions that cover rows start … stop-1, counted from start."""
    return tuple(
        replace(c, start=max(c.start - start, 0), end=min(c.end, stop) - start)
        for c in captions
        if c.start < stop and c.end > start
    )


def spoken(texts: Sequence[str]) -> tuple[Caption, ...]:
    """What is said row by row, as captions of the stretches in which it stays the same; silence has none."""
    changes = [row for row, text in enumerate(texts) if row == 0 or text != texts[row - 1]]
    stretches = zip(changes, [*changes[1:], len(texts)], strict=True)
    return tuple(Caption(start, end, texts[start], texts[start]) for start, end in stretches if texts[start])


def brief(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 120 else text[:117] + "..."
