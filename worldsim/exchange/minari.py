"""Minari datasets in: FOLDER/data/metadata.json and, beside it, main_data.hdf5, or a folder of Arrow or Parquet files
for each episode (minari 0.5; farama.org). Of hdf5, the package h5py is needed: `pip install h5py`.

An episode has N + 1 observations and N of all else; actions[t] leads from observation t to t + 1.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pyarrow as pa
from gymnasium import spaces
from PIL import Image, UnidentifiedImageError

from worldsim import __version__
from worldsim.actions import ActionError, ActionSpec
from worldsim.data.envs import full_id, text_of
from worldsim.data.episodes import DatasetInfo, Episode, spoken
from worldsim.data.frames import FrameError, find_picture, fitting_size
from worldsim.exchange.foreign import ExchangeError, Foreign, Size, fitted

__all__ = ["open_minari"]

SMALLEST_JPEG = 32  # pixels: Minari compresses what has both sides at least so long
USUAL_FPS = 10.0  # Minari does not say


def open_minari(folder: Path, size: Size = None, image_key: str | None = None, fps: float = 0.0) -> Foreign:
    """A Minari dataset on disk.

    Args:
        folder: the dataset's, or its folder `data`.
        size: (H, W) to bring frames to.
        image_key: which entry of a Dict observation is the picture, when it has several.
        fps: frames per second of simulated time; 0: 10, as Minari does not say.

    Raises:
        ExchangeError: no such dataset, or one without pictures, or in a format that is not known.
    """
    data = folder if (folder / "metadata.json").is_file() else folder / "data"
    file = data / "metadata.json"
    try:
        metadata = json.loads(file.read_text())
        observed, acted = (_space(_parsed(metadata[f"{name}_space"])) for name in ("observation", "action"))
        count, kind = int(metadata["total_episodes"]), str(metadata["data_format"])
        spec = ActionSpec.from_space(acted)
    except FileNotFoundError as error:
        raise ExchangeError(f"{file}: missing; {folder} is no Minari dataset") from error
    except (KeyError, TypeError, ValueError, ActionError) as error:
        raise ExchangeError(f"{file}: not as Minari writes it: {error!r}") from error
    jpeg = bool(metadata.get("jpeg_encoding", True))
    if kind == "hdf5":
        read = partial(_from_hdf5, data / "main_data.hdf5", observed=observed, acted=acted, jpeg=jpeg)
    elif kind in ("arrow", "parquet"):
        read = partial(_from_columns, data, kind=kind, observed=observed, acted=acted, jpeg=jpeg)
    else:
        raise ExchangeError(f"{file}: data_format must be hdf5, arrow or parquet, got {kind!r}")
    try:
        picture = find_picture(observed, image_key)
    except FrameError as error:
        raise ExchangeError(f"{folder}: {error}") from error
    if picture is None:
        raise ExchangeError(f"{folder}: observations hold no picture, and worldsim learns from pictures: {observed}")
    shown = picture(_zeros(observed)).shape[:2]
    taken = size or fitting_size(shown)
    env_id, kwargs = _env(metadata.get("env_spec"))
    info = DatasetInfo(
        env_id, kwargs, fps or USUAL_FPS, taken, spec, ("reward",), __version__, None if shown == taken else shown,
        image_key,
    )  # fmt: skip

    def episode(number: int) -> Episode:
        parts = read(number)
        try:
            return _episode(parts, picture, spec, taken)
        except (FrameError, ActionError, ValueError, IndexError, KeyError, TypeError) as error:
            raise ExchangeError(f"{folder}: episode {number} is not as its metadata say: {error!r}") from error

    return Foreign(info, tuple((f"episode {number}", partial(episode, number)) for number in range(count)))


def _episode(parts: dict[str, Any], picture: Any, spec: ActionSpec, size: Size) -> Episode:
    """An episode from columns: observations and actions as lists of values of their spaces."""
    observations, actions = parts["observations"], parts["actions"]
    steps = len(parts["rewards"])
    if len(observations) != steps + 1 or len(actions) != steps:
        raise ExchangeError(f"{len(observations)} observations and {len(actions)} actions for {steps} rewards")
    frames = np.stack([fitted(picture(observation), size) for observation in observations])
    vectors = np.zeros((steps + 1, spec.width), np.float32)
    if steps:
        vectors[1:] = [spec.encode(action) for action in actions]
    events = np.zeros((steps + 1, 1), np.float32)
    events[1:, 0] = parts["rewards"]
    ends = np.zeros((2, steps + 1), np.bool_)
    ends[0, 1:], ends[1, 1:] = parts["terminations"], parts["truncations"]
    return Episode(frames, vectors, events, *ends, captions=spoken([*map(text_of, observations)]))


# -- storage ---------------------------------------------------------------------------------------------------------


def _from_hdf5(
    file: Path, number: int, *, observed: spaces.Space[Any], acted: spaces.Space[Any], jpeg: bool
) -> dict[str, Any]:
    try:
        import h5py  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ExchangeError(f"{file}: reading hdf5 needs h5py; pip install h5py") from error

    def values(node: Any, space: spaces.Space[Any]) -> list[Any]:
        if isinstance(space, spaces.Dict):
            return _rows({key: values(node[key], part) for key, part in space.spaces.items()})
        if isinstance(space, spaces.Tuple):
            return [*zip(*(values(node[f"_index_{i}"], part) for i, part in enumerate(space.spaces)), strict=True)]
        if isinstance(space, spaces.Text):
            return [text.decode() for text in node[()]]
        if jpeg and _compressed(space):
            return [_jpeg(bytes(data)) for data in node[()]]
        return [_value(space, item) for item in node[()]]

    try:
        with h5py.File(file, "r") as stored:
            group: Any = stored[f"episode_{number}"]
            columns: dict[str, Any] = {k: group[k][()] for k in ("rewards", "terminations", "truncations")}
            return columns | {
                "observations": values(group["observations"], observed), "actions": values(group["actions"], acted)
            }  # fmt: skip
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise ExchangeError(f"{file}: episode {number} cannot be read: {error}") from error


def _from_columns(
    folder: Path, number: int, *, kind: str, observed: spaces.Space[Any], acted: spaces.Space[Any], jpeg: bool
) -> dict[str, Any]:
    place = folder / str(number)
    files = sorted(place.glob(f"*.{kind}"))
    if not files:
        raise ExchangeError(f"{place}: missing, or without its .{kind} file")
    try:
        tables = [_table(file, kind) for file in files]
        table = {name: [row for part in tables for row in part[name].to_pylist()] for name in (
            "observations", "actions", "rewards", "terminations", "truncations")}  # fmt: skip
        steps = len(table["rewards"]) - 1  # the last row holds the last observation, and nothing else
        columns: dict[str, Any] = {
            name: np.asarray(table[name][:steps]) for name in ("rewards", "terminations", "truncations")
        }
        return columns | {
            "observations": [_cell(observed, cell, jpeg) for cell in table["observations"]],
            "actions": [_cell(acted, cell, jpeg) for cell in table["actions"][:steps]],
        }
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError, IndexError) as error:
        raise ExchangeError(f"{place}: episode {number} cannot be read: {error}") from error


def _table(file: Path, kind: str) -> pa.Table:
    if kind == "parquet":
        import pyarrow.parquet as pq

        return pq.read_table(file)
    with pa.memory_map(str(file)) as source:
        return pa.ipc.open_file(source).read_all()


def _cell(space: spaces.Space[Any], cell: Any, jpeg: bool) -> Any:
    """One cell of an Arrow column as a value of its space."""
    if isinstance(space, spaces.Dict):
        return {key: _cell(part, cell[key], jpeg) for key, part in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(_cell(part, cell[str(i)], jpeg) for i, part in enumerate(space.spaces))
    return _jpeg(cell) if jpeg and _compressed(space) else _value(space, cell)


def _jpeg(data: bytes) -> np.ndarray:
    try:
        return np.array(Image.open(io.BytesIO(data)), np.uint8)
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"a picture that is no JPEG: {error}") from error


def _compressed(space: spaces.Space[Any]) -> bool:
    """Whether Minari keeps the values of a space as JPEG."""
    if not isinstance(space, spaces.Box) or space.dtype != np.uint8 or len(space.shape) not in (2, 3):
        return False
    return min(space.shape[:2]) >= SMALLEST_JPEG and not space.low.any() and bool((space.high == 255).all())


def _value(space: spaces.Space[Any], item: Any) -> Any:
    if isinstance(space, spaces.Discrete):
        return np.int64(item)
    if isinstance(space, spaces.Text):
        return str(item)
    return np.asarray(item, space.dtype).reshape(space.shape)


def _rows(columns: dict[str, Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


# -- metadata --------------------------------------------------------------------------------------------------------


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _space(data: dict[str, Any]) -> spaces.Space[Any]:
    """A space as Minari writes it in JSON. Raises ValueError for a kind that is not known."""
    match data["type"]:
        case "Box":
            low, high = (np.array(data[side], data["dtype"]) for side in ("low", "high"))
            return spaces.Box(low, high, tuple(data["shape"]), np.dtype(data["dtype"]).type)
        case "Discrete":
            return spaces.Discrete(int(data["n"]), start=int(data["start"]))
        case "MultiDiscrete":
            return spaces.MultiDiscrete(np.array(data["nvec"]), start=np.array(data["start"]))
        case "MultiBinary":
            return spaces.MultiBinary(data["n"])
        case "Text":
            return spaces.Text(data["max_length"], min_length=data["min_length"], charset=data["charset"])
        case "Dict":
            return spaces.Dict({key: _space(part) for key, part in data["subspaces"].items()})
        case "Tuple":
            return spaces.Tuple([_space(part) for part in data["subspaces"]])
        case kind:
            raise ValueError(f"a space of type {kind!r}")


def _zeros(space: spaces.Space[Any]) -> Any:
    if isinstance(space, spaces.Dict):
        return {key: _zeros(part) for key, part in space.spaces.items()}
    return np.zeros(space.shape or (), space.dtype) if isinstance(space, spaces.Box) else None


def _env(text: Any) -> tuple[str, dict[str, Any]]:
    """The id and arguments of the env behind a dataset; "" where it does not say, or says what JSON cannot make."""
    try:
        data = _parsed(text) or {}
        kwargs = {key: value for key, value in data.get("kwargs", {}).items() if key != "render_mode"}
        if "id" not in data:
            return "", {}
        env_id = full_id(data["id"])
        home = str(data.get("entry_point")).partition(":")[0].partition(".")[0]  # the package that registers it, likely
        known = ":" in env_id or env_id in gym.registry or home == "None"
        return (env_id if known else full_id(env_id, home)), kwargs
    except (TypeError, ValueError, AttributeError):
        return "", {}
