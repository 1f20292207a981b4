"""LeRobot datasets, version 3, in: tables in Parquet, films in mp4, many episodes to a file (huggingface/lerobot).

    meta/info.json       features, frames per second, where the files are
    meta/tasks.parquet   the text of each task
    meta/episodes/…      an episode's length, and where it lies in which file
    data/…               a row per frame;  videos/KEY/…  the frames

Row t holds what was seen and what was then done; what comes of it is row t + 1. The last row's action leads nowhere.
"""

from __future__ import annotations

import io
import json
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from gymnasium import spaces
from PIL import Image, UnidentifiedImageError

from worldsim import __version__
from worldsim.actions import ActionSpec
from worldsim.data.episodes import DatasetError, DatasetInfo, Episode, spoken
from worldsim.data.frames import fitting_size
from worldsim.exchange.films import frames_between
from worldsim.exchange.foreign import ExchangeError, Foreign, Size, fitted

__all__ = ["EVENTS", "OURS", "open_lerobot"]

OURS = "meta/worldsim.json"  # what our own exports say beside, so that they come back as they were
EVENTS = "next.events"  # our named events, in the form of LeRobot's next.reward
REWARD, DONE, TRUNCATED = "next.reward", "next.done", "next.truncated"


def open_lerobot(folder: Path, size: Size = None, image_key: str | None = None) -> Foreign:
    """A LeRobot dataset on disk.

    Args:
        folder: holds meta/info.json.
        size: (H, W) to bring frames to.
        image_key: the feature that is the picture, where there are several cameras.

    Raises:
        ExchangeError: no such dataset, another version, several cameras and none chosen, or no actions.
    """
    file = folder / "meta/info.json"
    try:
        info = json.loads(file.read_text())
        version, features, fps = str(info["codebase_version"]), dict(info["features"]), float(info["fps"])
    except FileNotFoundError as error:
        raise ExchangeError(f"{file}: missing; {folder} is no LeRobot dataset") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ExchangeError(f"{file}: not as LeRobot writes it: {error!r}") from error
    if not version.startswith("v3."):
        raise ExchangeError(f"{file}: version must be v3, got {version}; LeRobot itself converts older ones")
    camera = _camera(features, image_key, folder)
    if "action" not in features:
        raise ExchangeError(f"{file}: no feature 'action', only {sorted(features)}")
    shown: tuple[int, int] = tuple(features[camera]["shape"][:2])
    if (features[camera].get("names") or ["height"])[0] in ("channel", "channels"):
        shown = tuple(features[camera]["shape"][1:])
    taken = size or fitting_size(shown)
    ours = _ours(folder)
    if ours is not None:
        taken = size or (shown if ours.size == shown else fitting_size(shown))
        described = DatasetInfo.from_json(ours.to_json() | {"size": list(taken)}, folder / OURS)
    else:
        spec = _spec(features["action"], folder, info)
        described = DatasetInfo("", {}, fps, taken, spec, ("reward",), __version__, None if shown == taken else shown)
    tasks = _tasks(folder)
    entries = _table(sorted(folder.glob("meta/episodes/*/*.parquet")), folder).to_pylist()
    read = partial(_episode, folder, info, described, camera, tasks, ours is not None)
    return Foreign(described, tuple((f"episode {one['episode_index']}", partial(read, one)) for one in entries))


def _episode(
    folder: Path, info: dict[str, Any], described: DatasetInfo, camera: str, tasks: dict[int, str], ours: bool,
    entry: dict[str, Any],
) -> Episode:  # fmt: skip
    number, length = int(entry["episode_index"]), int(entry["length"])
    where = {"chunk_index": entry["data/chunk_index"], "file_index": entry["data/file_index"]}
    rows = _rows(folder / info["data_path"].format(**where), number)
    if len(rows) != length or length < 1:
        raise ExchangeError(f"{folder}: episode {number} must have {length} rows, {len(rows)} are there")
    frames = _frames(folder, info, camera, entry, rows, described.size)
    try:
        taken = np.array([np.ravel(row["action"]) for row in rows], np.float64)
        events = np.zeros((length, len(described.event_names)), np.float32)
        events[1:, 0] = [np.ravel(row.get(REWARD, 0.0))[0] for row in rows[:-1]]
        if ours and len(described.event_names) > 1 and length > 1:
            events[1:, 1:] = [np.ravel(row[EVENTS]) for row in rows[:-1]]
        done, cut = ([bool(np.ravel(row.get(name, False))[0]) for row in rows] for name in (DONE, TRUNCATED))
    except (KeyError, TypeError, ValueError) as error:
        raise ExchangeError(f"{folder}: episode {number} is not as its features say: {error!r}") from error
    actions = np.zeros((length, described.actions.width), np.float32)
    if length > 1:
        actions[1:] = taken[:-1] if ours else _vectors(described.actions, taken[:-1])
    ends = np.zeros((2, length), np.bool_)
    for row, flags in zip(ends, (done, cut), strict=True):
        row[1:] = flags[:-1]
        row[-1] |= flags[-1]  # an end that arrives with a frame that is not kept is told with the last that is
    texts = [tasks.get(int(np.ravel(row["task_index"])[0]), "") if "task_index" in row else "" for row in rows]
    return Episode(frames, actions, events, *ends, captions=spoken(texts))


def _vectors(spec: ActionSpec, taken: np.ndarray) -> np.ndarray:
    if spec.table is not None:
        return spec.encode_batch(taken[:, 0].astype(np.int64))
    space = spec.space
    assert isinstance(space, spaces.Box)
    inside = np.clip(taken, space.low, space.high).astype(np.float32)  # rounding may have led out
    return np.stack([spec.encode(action) for action in inside])


def _frames(
    folder: Path, info: dict[str, Any], camera: str, entry: dict[str, Any], rows: list[dict[str, Any]],
    size: tuple[int, int],
) -> np.ndarray:  # fmt: skip
    if info["features"][camera]["dtype"] == "image":
        return np.stack([fitted(_picture(row[camera], folder), size) for row in rows])
    where = {"chunk_index": entry[f"videos/{camera}/chunk_index"], "file_index": entry[f"videos/{camera}/file_index"]}
    file = folder / info["video_path"].format(video_key=camera, **where)
    start = float(entry[f"videos/{camera}/from_timestamp"])
    frames = [fitted(frame, size) for frame in frames_between(file, start, len(rows))]
    if len(frames) != len(rows):
        raise ExchangeError(f"{file}: {len(rows)} frames from {start:.2f} s on are needed, it has {len(frames)}")
    return np.stack(frames)


def _picture(cell: Any, folder: Path) -> np.ndarray:
    """A picture of a feature of type image: its bytes, or the path of its file."""
    data = cell["bytes"] or (folder / str(cell["path"])).read_bytes()
    try:
        return np.array(Image.open(io.BytesIO(data)).convert("RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise ExchangeError(f"{folder}: a picture that cannot be read: {error}") from error


def _rows(file: Path, number: int) -> list[dict[str, Any]]:
    return [row for row in _file_rows(file) if int(np.ravel(row["episode_index"])[0]) == number]


@lru_cache(maxsize=1)
def _file_rows(file: Path) -> list[dict[str, Any]]:
    """The rows of a file of many episodes, which are asked for one after the other."""
    return _table([file], file).to_pylist()


def _table(files: list[Path], where: Path) -> pa.Table:
    if not files:
        raise ExchangeError(f"{where}: its tables are missing")
    try:
        return pa.concat_tables([pq.ParquetFile(file).read() for file in files], promote_options="default")
    except (pa.ArrowException, OSError) as error:
        raise ExchangeError(f"{files[0]}: cannot be read as a table: {error}") from error


# -- metadata --------------------------------------------------------------------------------------------------------


def _camera(features: dict[str, Any], image_key: str | None, folder: Path) -> str:
    cameras = [key for key, feature in features.items() if feature.get("dtype") in ("video", "image")]
    if image_key is None and len(cameras) != 1:
        raise ExchangeError(f"{folder}: choose one of its cameras {cameras} with --image-key")
    key = cameras[0] if image_key is None else image_key
    if key not in cameras:
        raise ExchangeError(f"{folder}: no camera {key!r}, only {cameras}")
    return key


def _spec(feature: dict[str, Any], folder: Path, info: dict[str, Any]) -> ActionSpec:
    """How actions read: numbers within the bounds that they keep in the data, or, for one whole number, a choice."""
    low, high = _bounds(folder)
    width = int(np.prod(feature["shape"]))
    if len(low) != width:
        raise ExchangeError(f"{folder}: actions must have {width} numbers, its statistics tell of {len(low)}")
    if width == 1 and str(feature["dtype"]).startswith("int"):
        if low[0] < 0:
            raise ExchangeError(f"{folder}: whole-number actions must be choices from 0 on, got {low[0]:g}")
        return ActionSpec.from_space(spaces.Discrete(int(high[0]) + 1))
    box = spaces.Box(low.astype(np.float32), np.maximum(high, low).astype(np.float32))
    names = feature.get("names")
    if isinstance(names, dict):
        names = [name for part in names.values() for name in part]
    if not isinstance(names, list) or len(names) != width or len(set(names)) != width:
        return ActionSpec.from_space(box)
    return ActionSpec(box, tuple(map(str, names)))


def _bounds(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest of each number of the actions: by the statistics, or else by looking."""
    try:
        told = json.loads((folder / "meta/stats.json").read_text())["action"]
        return np.ravel(np.array(told["min"], float)), np.ravel(np.array(told["max"], float))
    except (OSError, KeyError, TypeError, ValueError):
        files = sorted(folder.glob("data/*/*.parquet"))
        taken = np.array([np.ravel(row) for row in _table(files, folder)["action"].to_pylist()], float)
        return taken.min(0), taken.max(0)


def _tasks(folder: Path) -> dict[int, str]:
    """The text of each task: the table's index, which Parquet keeps as a column."""
    file = folder / "meta/tasks.parquet"
    if not file.is_file():
        return {}
    table = _table([file], file)
    texts = next((name for name in table.column_names if name != "task_index"), None)
    if texts is None or "task_index" not in table.column_names:
        raise ExchangeError(f"{file}: must hold task_index and the tasks, got {table.column_names}")
    numbers = table["task_index"].to_pylist()
    return {int(number): str(text) for number, text in zip(numbers, table[texts].to_pylist(), strict=True)}


def _ours(folder: Path) -> DatasetInfo | None:
    """What our own export says of itself beside what LeRobot does."""
    file = folder / OURS
    if not file.is_file():
        return None
    try:
        return DatasetInfo.from_json(json.loads(file.read_text()), file)
    except (ValueError, DatasetError) as error:
        raise ExchangeError(f"{file}: {error}") from error
