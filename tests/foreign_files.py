"""Small recordings in the real layouts of others, written by hand: what their own tools would write."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from worldsim.video import write_mp4


def grey(levels: list[int], size: tuple[int, int]) -> np.ndarray:
    """Frames u8 (T, H, W, 3), each of one grey level."""
    return np.array(levels, np.uint8)[:, None, None, None] * np.ones((1, *size, 3), np.uint8)


# -- VPT -------------------------------------------------------------------------------------------------------------


def vpt_line(
    keys: tuple[str, ...] = (), buttons: tuple[int, ...] = (), pressed: tuple[int, ...] = (), dx: float = 0,
    dy: float = 0, hotbar: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """A line as the contractors' recorder writes it."""
    mouse = {"x": 640.0, "y": 360.0, "dx": dx, "dy": dy, "scaledX": 0.0, "scaledY": 0.0, "dwheel": 0.0}
    return {
        "mouse": mouse | {"buttons": list(buttons), "newButtons": list(pressed)},
        "keyboard": {"keys": [f"key.keyboard.{key}" for key in keys], "newKeys": [], "chars": ""},
        "isGuiOpen": False, "isGuiInventory": False, "hotbar": hotbar, "yaw": 0.0, "pitch": 0.0, "xpos": 0.5,
        "ypos": 64.0, "zpos": 0.5, "tick": 0, "milli": 1618000000000, "inventory": [], "serverTick": 0, "stats": {},
    }  # fmt: skip


def write_vpt(folder: Path, name: str, levels: list[int], lines: list[dict[str, Any]]) -> None:
    """NAME.mp4 at 640×360 and 20 Hz, and NAME.jsonl."""
    folder.mkdir(parents=True, exist_ok=True)
    write_mp4(folder / f"{name}.mp4", grey(levels, (360, 640)), 20.0)
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


# -- Minari ----------------------------------------------------------------------------------------------------------


def minari_space(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, **more}


def box(shape: tuple[int, ...], low: float, high: float, dtype: str) -> dict[str, Any]:
    filled = (np.full(shape, bound).tolist() for bound in (low, high))
    return minari_space("Box", dtype=dtype, shape=list(shape), **dict(zip(("low", "high"), filled, strict=True)))


def write_minari(folder: Path, kind: str, episodes: list[dict[str, Any]], observed: Any, acted: Any) -> Path:
    """A dataset whose observations are Dicts of a picture of at least 32×32, kept as JPEG, and a text.

    Args:
        folder: of the dataset.
        kind: "arrow" or "parquet".
        episodes: frames (T+1, H, W, 3), text, actions, rewards, terminations, truncations of each.
        observed, acted: the spaces, as Minari writes them.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    spec = {"id": "counter:Counter-v0", "entry_point": "counter:CounterEnv", "kwargs": {"kind": "dict"}}
    metadata = {
        "total_episodes": len(episodes), "total_steps": sum(len(e["rewards"]) for e in episodes), "data_format": kind,
        "jpeg_encoding": True, "observation_space": json.dumps(observed), "action_space": json.dumps(acted),
        "env_spec": json.dumps(spec), "dataset_id": "counter/test-v0",
    }  # fmt: skip
    (data / "metadata.json").write_text(json.dumps(metadata))
    for number, episode in enumerate(episodes):
        place = data / str(number)
        place.mkdir()
        rows = len(episode["frames"])
        pictures = pa.array([_jpeg(frame) for frame in episode["frames"]], pa.binary())
        texts = pa.array([episode["text"]] * rows)
        table = pa.table({
            "observations": pa.StructArray.from_arrays([pictures, texts], names=["picture", "mission"]),
            "actions": pa.array([*episode["actions"], 0]),
            "rewards": pa.array([*episode["rewards"], 0.0]),
            **{name: pa.array([*episode[name], False]) for name in ("terminations", "truncations")},
        })  # fmt: skip
        file = place / f"part-0.{kind}"
        if kind == "parquet":
            pq.write_table(table, file)
        else:
            with pa.OSFile(str(file), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
                writer.write_table(table)
        (place / "metadata.json").write_text(json.dumps({"id": number, "total_steps": rows - 1, "seed": number}))
    return folder


def _jpeg(frame: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, format="JPEG")
    return buffer.getvalue()


# -- LeRobot ---------------------------------------------------------------------------------------------------------


def write_lerobot(folder: Path, lengths: list[int], version: str = "v3.0", cameras: tuple[str, ...] = ("cam",)) -> Path:
    """Episodes in one table and one film for each camera; frame t of the dataset has the level 5·t, its action t/10."""
    fps, total = 10, sum(lengths)
    place = "chunk-000/file-000"
    features: dict[str, Any] = {
        "action": {"dtype": "float32", "shape": [2], "names": {"motors": ["x", "y"]}},
        **{
            f"observation.images.{name}": {
                "dtype": "video", "shape": [48, 64, 3], "names": ["height", "width", "channels"]
            }
            for name in cameras
        },
        "next.reward": {"dtype": "float32", "shape": [1], "names": None},
        "next.done": {"dtype": "bool", "shape": [1], "names": None},
    }  # fmt: skip
    info = {
        "codebase_version": version, "fps": fps, "features": features, "total_episodes": len(lengths),
        "total_frames": total, "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
    }  # fmt: skip
    (folder / "meta").mkdir(parents=True)
    (folder / "meta/info.json").write_text(json.dumps(info))
    stats = {"action": {"min": [0.0, -2.0], "max": [(total - 1) / 10, 2.0]}}
    (folder / "meta/stats.json").write_text(json.dumps(stats))
    tasks = pa.table({"task_index": [0, 1], "__index_level_0__": ["push the cube", "open the door"]})
    entries, rows, first = [], [], 0
    for number, length in enumerate(lengths):
        entry = {
            "episode_index": number, "tasks": ["push the cube"], "length": length, "data/chunk_index": 0,
            "data/file_index": 0, "dataset_from_index": first, "dataset_to_index": first + length,
        }  # fmt: skip
        for name in cameras:
            key = f"videos/observation.images.{name}"
            times = {"from_timestamp": first / fps, "to_timestamp": (first + length) / fps}
            entry |= {f"{key}/chunk_index": 0, f"{key}/file_index": 0, **{f"{key}/{k}": v for k, v in times.items()}}
        entries.append(entry)
        for t in range(length):
            rows.append({
                "action": [(first + t) / 10, -1.0], "next.reward": float(t), "next.done": t == length - 1,
                "timestamp": t / fps, "frame_index": t, "episode_index": number, "index": first + t,
                "task_index": int(number == 1),
            })  # fmt: skip
        first += length
    tables = {"meta/tasks": tasks, f"meta/episodes/{place}": pa.Table.from_pylist(entries)}
    for path, table in (tables | {f"data/{place}": pa.Table.from_pylist(rows)}).items():
        file = folder / f"{path}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, file)
    frames = grey([5 * t for t in range(total)], (48, 64))
    for name in cameras:
        write_mp4(folder / f"videos/observation.images.{name}/{place}.mp4", frames, fps)
    return folder
