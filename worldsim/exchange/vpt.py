"""The format of the VPT / MineRL contractor recordings: NAME.mp4 (640×360, 20 Hz) beside NAME.jsonl, a line per frame.

A line says what was done while its frame was to be seen, so it leads to the next frame; its fields are read as the
loader does that was published with the recordings (github.com/openai/Video-Pre-Training, data_loader.py): a mouse count
turns by 0.15 degrees, attack may hang from the first frame until it is pressed, and the wheel shows as another hotbar
slot only. Actions become the vector of 25 fields that the voxel world has too.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from gymnasium import spaces

from worldsim import __version__
from worldsim.actions import ActionSpec
from worldsim.data.episodes import DatasetInfo, Episode
from worldsim.data.frames import fitting_size
from worldsim.exchange.films import frames_between, picture_size
from worldsim.exchange.foreign import ExchangeError, Foreign, Size, fitted

__all__ = ["FIELDS", "Camera", "open_vpt"]

Camera = Literal["degrees", "bins"]

FIELDS = (
    "inventory", "ESC", *(f"hotbar.{slot}" for slot in range(1, 10)), "forward", "back", "left", "right", "cameraX",
    "cameraY", "jump", "sneak", "sprint", "swapHands", "attack", "use", "pickItem", "drop",
)  # fmt: skip
KEYS = {
    "e": "inventory", "escape": "ESC", **{str(slot): f"hotbar.{slot}" for slot in range(1, 10)}, "w": "forward",
    "s": "back", "a": "left", "d": "right", "space": "jump", "left.shift": "sneak", "left.control": "sprint",
    "f": "swapHands", "q": "drop",
}  # fmt: skip
BUTTONS = {0: "attack", 1: "use", 2: "pickItem"}
RATE = 20.0  # frames per second
DEGREES = 360.0 / 2400.0  # of turn for each count of the mouse
FULL = 20.0  # degrees of turn in a frame that stand for 1 in a camera field, as in the voxel world
BINS, WIDEST, MU = 11, 10.0, 10.0  # VPT's own camera: mu-law bins, as many and up to so many degrees
SLACK = 20  # frames by which a film and its lines may differ in number: recorders stop one after the other


def open_vpt(folder: Path, size: Size = None, every: int = 1, camera: Camera = "degrees") -> Foreign:
    """The contractor recordings of a folder.

    Args:
        folder: holds NAME.mp4 and NAME.jsonl, in folders of any depth.
        size: (H, W) to bring frames to.
        every: take each so-many-th frame; keys held in between count, and turns add up.
        camera: turns as they were, or in the bins that VPT's agents act in.

    Raises:
        ExchangeError: no such recordings there.
    """
    if every < 1:
        raise ExchangeError(f"--every must be at least 1, got {every}")
    lines = {file.with_suffix("") for file in folder.rglob("*.jsonl")}
    films = {file.with_suffix("") for file in folder.rglob("*.mp4")}
    names = sorted(lines | films)
    if not lines & films:
        raise ExchangeError(f"{folder}: holds no NAME.mp4 with its NAME.jsonl, as VPT recordings have")
    shown = None
    for name in sorted(lines & films):  # the first whole film says how large they are
        try:
            shown = picture_size(name.with_suffix(".mp4"))
            break
        except ExchangeError:
            continue
    if shown is None:
        raise ExchangeError(f"{folder}: none of {len(films)} films can be read")
    taken = size or fitting_size(shown)
    spec = ActionSpec(spaces.Box(-1.0, 1.0, (len(FIELDS),), np.float32), FIELDS)
    info = DatasetInfo(
        "", {}, RATE / every, taken, spec, ("reward",), __version__, None if shown == taken else shown
    )
    read = [(str(n.relative_to(folder)), partial(_episode, n, taken, shown, every, camera)) for n in names]
    return Foreign(info, tuple(read))


def _episode(name: Path, size: tuple[int, int], shown: tuple[int, int], every: int, camera: Camera) -> Episode:
    film, notes = name.with_suffix(".mp4"), name.with_suffix(".jsonl")
    for file in (film, notes):
        if not file.is_file():
            raise ExchangeError(f"{file}: missing")
    taken = _vectors(_lines(notes), notes)
    frames, count = [], 0
    for count, frame in enumerate(frames_between(film), start=1):
        if frame.shape[:2] != shown:
            raise ExchangeError(f"{film}: frames must be {shown} as in the other films, got {frame.shape[:2]}")
        if (count - 1) % every == 0:
            frames.append(fitted(frame, size))
    if abs(count - len(taken)) > SLACK or not count:
        raise ExchangeError(f"{film}: {count} frames, and {len(taken)} lines in {notes.name}: not of one recording")
    rows = min(len(frames), -(-len(taken) // every))
    if rows < 2:
        raise ExchangeError(f"{film}: too short, {rows} frames")
    actions = np.zeros((rows, len(FIELDS)), np.float32)  # row 0 is the reset; the last line leads to no frame
    for row in range(1, rows):
        actions[row] = _joined(taken[(row - 1) * every : row * every], camera)
    flags = np.zeros(rows, np.bool_)
    return Episode(np.stack(frames[:rows]), actions, np.zeros((rows, 1), np.float32), flags, flags.copy())


def _lines(file: Path) -> list[dict[str, Any]]:
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        try:
            value = json.loads(line)
        except ValueError as error:
            raise ExchangeError(f"{file}: line {number} is not JSON: {error}") from error
        found.append(value)
    if not found:
        raise ExchangeError(f"{file}: empty")
    return found


def _vectors(lines: list[dict[str, Any]], file: Path) -> np.ndarray:
    """What was done at each line, f32 (T, 25), the camera's fields in degrees."""
    column = {name: i for i, name in enumerate(FIELDS)}
    vectors = np.zeros((len(lines), len(FIELDS)), np.float32)
    hanging, slot = False, 0
    for row, line in enumerate(lines):
        try:
            mouse, keys = line["mouse"], line["keyboard"]["keys"]
            held, pressed = set(mouse["buttons"]), set(mouse["newButtons"])
            hanging = pressed == {0} if row == 0 else hanging and 0 not in pressed
            keys = [key.removeprefix("key.keyboard.") for key in keys]
            done = [KEYS[key] for key in keys if key in KEYS]
            done += [name for button, name in BUTTONS.items() if button in held and not (hanging and button == 0)]
            if line["hotbar"] != slot:
                slot = int(line["hotbar"])
                done.append(f"hotbar.{slot + 1}")
            vectors[row, [column[name] for name in done]] = 1.0
            vectors[row, [column["cameraX"], column["cameraY"]]] = mouse["dx"] * DEGREES, mouse["dy"] * DEGREES
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ExchangeError(f"{file}: line {row + 1} is not a contractor's: {error!r}") from error
    if not np.isfinite(vectors).all():
        raise ExchangeError(f"{file}: a mouse motion that is no number")
    return vectors


def _joined(vectors: np.ndarray, camera: Camera) -> np.ndarray:
    """The action of several frames f32 (25,) in [-1, 1]: what was held in any, and all turns."""
    both = [FIELDS.index("cameraX"), FIELDS.index("cameraY")]
    action = vectors.max(0)
    degrees = vectors[:, both].sum(0)
    action[both] = np.clip((_binned(degrees) if camera == "bins" else degrees) / FULL, -1.0, 1.0)
    return action


def _binned(degrees: np.ndarray) -> np.ndarray:
    """The middle of the mu-law bin that degrees fall into: fine near zero, and up to ±10."""
    share = np.clip(degrees, -WIDEST, WIDEST) / WIDEST
    bent = np.sign(share) * np.log1p(MU * np.abs(share)) / np.log1p(MU)  # [-1, 1]
    half = (BINS - 1) / 2
    middle = np.rint(bent * half) / half
    return WIDEST * np.sign(middle) * np.expm1(np.abs(middle) * np.log1p(MU)) / MU
