"""A dataset of ours → a LeRobot dataset, version 3, that LeRobot itself opens.

A row holds what was seen and what was then done, so an episode's last frame gets a row whose action is nothing. The
vectors of actions go out as they are, in [-1, 1] and by name; what else we know goes into meta/worldsim.json.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from worldsim.data.episodes import Dataset, Episode
from worldsim.exchange.foreign import ExchangeError
from worldsim.exchange.lerobot import EVENTS, OURS
from worldsim.files import replacing_folder

__all__ = ["CAMERA", "export_lerobot"]

VERSION = "v3.0"
CAMERA = "observation.images.main"
PATHS = {
    "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
    "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
}
EPISODES = "meta/episodes/chunk-000/file-000.parquet"
CHUNK = 1000  # files in a folder, at most
FRAMES = 20_000  # frames in a file, at most, where one episode has not more
KEY_EVERY = 10  # frames from one that stands for itself to the next: readers jump to any
QUALITY = "18"  # x264's constant rate factor: near what the eye can tell
SAMPLED = 32  # frames of an episode whose colours count in the statistics
QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99)


@dataclass(frozen=True)
class _File:
    """Episodes that share a table and a film."""

    number: int
    episodes: list[int]

    @property
    def place(self) -> dict[str, int]:
        return {"chunk_index": self.number // CHUNK, "file_index": self.number % CHUNK}


def export_lerobot(source: Path, folder: Path) -> Path:
    """Write a dataset of ours in LeRobot's format; returns its folder, which must not be there yet.

    Raises:
        DatasetError: no dataset in `source`, or a damaged one.
        ExchangeError: the folder is there, or frames that a film cannot hold.
    """
    dataset = Dataset.open(source)
    if folder.exists():
        raise ExchangeError(f"{folder} is there already; choose another --out")
    if not len(dataset):
        raise ExchangeError(f"{source}: holds no episodes")
    if dataset.info.size[0] % 2 or dataset.info.size[1] % 2:
        raise ExchangeError(f"{source}: a film needs an even height and width, got {dataset.info.size}")
    tasks = _tasks(dataset)
    statistics: dict[str, list[np.ndarray]] = {}
    colours = np.zeros((3, 256), np.int64)
    entries: list[dict[str, Any]] = []
    with replacing_folder(folder) as new, tqdm(total=len(dataset), unit="episode", dynamic_ncols=True) as bar:
        for file in _files(dataset):
            _write_file(new, dataset, file, tasks, entries, statistics, colours, bar.update)
        _write_table(new / EPISODES, entries)
        _write_tasks(new / "meta/tasks.parquet", tasks)
        _write_json(new / "meta/info.json", _info(dataset, len(tasks)))
        told = {key: _statistics(parts) for key, parts in statistics.items()} | {CAMERA: _colours(colours)}
        _write_json(new / "meta/stats.json", told)
        _write_json(new / OURS, dataset.info.to_json())
    return folder


def _files(dataset: Dataset) -> Iterator[_File]:
    number, held, frames = 0, [], 0
    for episode, entry in enumerate(dataset.entries):
        if held and frames + entry.length > FRAMES:
            yield _File(number, held)
            number, held, frames = number + 1, [], 0
        held.append(episode)
        frames += entry.length
    yield _File(number, held)


def _write_file(
    folder: Path, dataset: Dataset, file: _File, tasks: dict[str, int], entries: list[dict[str, Any]],
    statistics: dict[str, list[np.ndarray]], colours: np.ndarray, done: Callable[[], object],
) -> None:  # fmt: skip
    """The table and the film of some episodes.

    Tells of them in `entries`, of what they hold in `statistics`, and in `colours` i64 (3, 256) how many of the pixels
    of a few frames of each have each value.
    """
    rate = _rate(dataset)
    film = folder / PATHS["video_path"].format(video_key=CAMERA, **file.place)
    film.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, list[np.ndarray]] = {}
    begun = 0
    with av.open(str(film), "w") as out:
        stream = out.add_stream("libx264", rate=Fraction(rate))
        stream.height, stream.width = dataset.info.size
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": QUALITY, "preset": "veryfast", "g": str(KEY_EVERY), "bf": "0"}
        for number in file.episodes:
            episode = dataset.read(number)
            for frame in episode.frames:
                out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            index = sum(entry["length"] for entry in entries)
            table, names = _columns(dataset, episode, number, index, rate, tasks)
            for key, column in table.items():
                columns.setdefault(key, []).append(column)
                if column.dtype != np.bool_:
                    statistics.setdefault(key, []).append(column.reshape(len(column), -1).astype(np.float64))
            few = np.linspace(0, episode.length - 1, min(SAMPLED, episode.length)).astype(int)
            for channel, counts in enumerate(colours):
                counts += np.bincount(episode.frames[few, ..., channel].ravel(), minlength=256)
            entries.append({
                "episode_index": number, "tasks": names, "length": episode.length,
                **{f"data/{key}": value for key, value in file.place.items()},
                "dataset_from_index": index, "dataset_to_index": index + episode.length,
                **{f"videos/{CAMERA}/{key}": value for key, value in file.place.items()},
                f"videos/{CAMERA}/from_timestamp": begun / rate,
                f"videos/{CAMERA}/to_timestamp": (begun + episode.length) / rate,
                "meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0,
            })  # fmt: skip
            begun += episode.length
            done()
        out.mux(stream.encode())
    path = folder / PATHS["data_path"].format(**file.place)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({key: _column(np.concatenate(parts)) for key, parts in columns.items()}), path)


def _columns(
    dataset: Dataset, episode: Episode, number: int, index: int, rate: int, tasks: dict[str, int]
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The columns of an episode: what row t + 1 arrives with stands in row t, and in the last stands nothing."""
    rows = episode.length
    texts = _texts(dataset, episode)

    def earlier(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values[1:], np.zeros_like(values[:1])])

    done = earlier(episode.terminated)
    done[-1] = episode.terminated[-1]
    frame = np.arange(rows)
    columns = {
        "action": earlier(episode.actions),
        "next.reward": earlier(episode.events[:, 0]),
        "next.done": done,
        "next.truncated": earlier(episode.truncated),
        "timestamp": (frame / rate).astype(np.float32),
        "frame_index": frame,
        "episode_index": np.full(rows, number),
        "index": index + frame,
        "task_index": np.array([tasks[text] for text in texts]),
    }
    if episode.events.shape[1] > 1:
        columns[EVENTS] = earlier(episode.events[:, 1:])
    return columns, list(dict.fromkeys(texts))


def _column(values: np.ndarray) -> pa.Array:
    """Numbers (T,), or lists of one length (T, n), n above 1."""
    if values.ndim == 1 or values.shape[1] == 1:
        return pa.array(values.reshape(-1))
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


def _texts(dataset: Dataset, episode: Episode) -> list[str]:
    """What each row is about; where no caption says it, the name of the env."""
    texts = [dataset.info.env_id or "play"] * episode.length
    for caption in episode.captions:
        texts[caption.start : caption.end] = [caption.short] * (caption.end - caption.start)
    return texts


def _tasks(dataset: Dataset) -> dict[str, int]:
    """All texts, numbered in the order in which they come."""
    found: dict[str, int] = {}
    for number, entry in enumerate(dataset.entries):
        captions, told = dataset.captions(number), 0
        for caption in captions:
            told += caption.end - caption.start
            found.setdefault(caption.short, len(found))
        if told < entry.length:
            found.setdefault(dataset.info.env_id or "play", len(found))
    return found


def _info(dataset: Dataset, tasks: int) -> dict[str, Any]:
    height, width = dataset.info.size
    rate, spec, events = _rate(dataset), dataset.info.actions, list(dataset.info.event_names[1:])

    def feature(kind: str, count: int = 1, names: list[str] | None = None) -> dict[str, Any]:
        return {"dtype": kind, "shape": [count], "names": names}

    video = {
        "video.height": height, "video.width": width, "video.codec": "h264", "video.pix_fmt": "yuv420p",
        "video.is_depth_map": False, "video.fps": rate, "video.channels": 3, "has_audio": False,
    }  # fmt: skip
    named = ["height", "width", "channels"]
    features = {
        "action": feature("float32", spec.width, list(spec.names)),
        CAMERA: {"dtype": "video", "shape": [height, width, 3], "names": named, "info": video},
        "next.reward": feature("float32"),
        "next.done": feature("bool"),
        "next.truncated": feature("bool"),
        **({EVENTS: feature("float32", len(events), events)} if events else {}),
        "timestamp": feature("float32"),
        **{name: feature("int64") for name in ("frame_index", "episode_index", "index", "task_index")},
    }
    return {
        "codebase_version": VERSION, "robot_type": None, "total_episodes": len(dataset),
        "total_frames": int(dataset.lengths.sum()), "total_tasks": tasks, "chunks_size": CHUNK,
        "data_files_size_in_mb": 100, "video_files_size_in_mb": 200, "fps": rate,
        "splits": {"train": f"0:{len(dataset)}"}, **PATHS, "features": features,
    }  # fmt: skip


def _rate(dataset: Dataset) -> int:
    """Frames per second as LeRobot has them, whole; the exact number stays in meta/worldsim.json."""
    return max(1, round(dataset.info.fps))


def _statistics(parts: list[np.ndarray]) -> dict[str, Any]:
    """LeRobot's statistics of columns (N, n)."""
    values = np.concatenate(parts)
    found = {"min": values.min(0), "max": values.max(0), "mean": values.mean(0), "std": values.std(0)}
    found |= {f"q{round(100 * q):02d}": np.quantile(values, q, axis=0) for q in QUANTILES}
    return {name: value.tolist() for name, value in found.items()} | {"count": [len(values)]}


def _colours(counts: np.ndarray) -> dict[str, Any]:
    """The same of pixels in [0, 1], each number as (3, 1, 1), from how many have each value: i64 (3, 256)."""
    values, total = np.arange(256) / 255.0, int(counts[0].sum())
    mean = counts @ values / total
    below = counts.cumsum(1)

    def ranked(rank: int) -> np.ndarray:
        return np.array([values[np.searchsorted(row, rank, side="right")] for row in below])

    def quantile(q: float) -> np.ndarray:
        rank = q * (total - 1)
        low, high = ranked(int(np.floor(rank))), ranked(int(np.ceil(rank)))
        return low + (high - low) * (rank - np.floor(rank))

    spread = np.sqrt((counts * np.square(values - mean[:, None])).sum(1) / total)
    found = {"min": ranked(0), "max": ranked(total - 1), "mean": mean, "std": spread}
    found |= {f"q{round(100 * q):02d}": quantile(q) for q in QUANTILES}
    return {name: value.reshape(3, 1, 1).tolist() for name, value in found.items()} | {"count": [total]}


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def _write_tasks(path: Path, tasks: dict[str, int]) -> None:
    """The tasks, as pandas writes a table whose index they are; LeRobot reads it with pandas."""
    index = "__index_level_0__"
    table = pa.table({"task_index": pa.array(list(tasks.values())), index: pa.array(list(tasks))})

    def column(name: str | None, field: str | None, kind: str, numpy: str) -> dict[str, Any]:
        return {"name": name, "field_name": field, "pandas_type": kind, "numpy_type": numpy, "metadata": None}

    told = {
        "index_columns": [index],
        "column_indexes": [column(None, None, "unicode", "object") | {"metadata": {"encoding": "UTF-8"}}],
        "columns": [column("task_index", "task_index", "int64", "int64"), column(None, index, "unicode", "object")],
        "creator": {"library": "pyarrow", "version": pa.__version__}, "pandas_version": "2.2.0",
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(told)}), path)


def _write_json(path: Path, value: Any) -> None:
    """JSON inside a folder that appears as a whole."""
    path.write_text(json.dumps(value, indent=4, ensure_ascii=False))
