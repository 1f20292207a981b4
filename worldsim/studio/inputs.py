"""What users write on the command line → what verbs take: films, pictures, sizes, timelines and lists of actions."""

from __future__ import annotations

import itertools
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from PIL import Image

from worldsim.actions import ActionError, ActionSpec
from worldsim.clip import Clip, Prompt
from worldsim.model.clipfile import read_clip
from worldsim.sampling.timelines import VerbError
from worldsim.sampling.world import World
from worldsim.video import film_scale, read_mp4, read_png

__all__ = ["read_actions", "read_frames", "read_picture", "read_text"]


def read_text(text: str) -> str | list[Prompt]:
    """A prompt, or a timeline "a forest at noon | 32: a forest at night": each holds until the next one's frame.

    Raises:
        VerbError: a part of a timeline without its first frame, or frames that do not rise.
    """
    parts = [part.strip() for part in text.split("|")]
    matches = [re.fullmatch(r"(?:(\d+)\s*:)?\s*(.*)", part, re.DOTALL) for part in parts]
    found = [(match[1], match[2]) for match in matches if match]
    if len(found) == 1 and found[0][0] is None:
        return text
    starts = [int(start or 0) for start, _ in found]
    if any(start is None for start, _ in found[1:]) or starts != sorted(set(starts)):
        raise VerbError(f'a timeline reads "FIRST TEXT | FRAME: NEXT TEXT | …", frames rising, got {text!r}')
    ends = [*starts[1:], None]
    return [Prompt(words, start, end) for start, end, (_, words) in zip(starts, ends, found, strict=True)]


def read_actions(text: str, spec: ActionSpec, length: int) -> np.ndarray | None:
    """What a player does, f32 (length, A), over and over; "" → None: the model acts by itself.

    Args:
        text: "forward*12 turn_left*4", names (or numbers) of a Discrete space; "0.5,1*12 0,0*4", all values of a Box,
            MultiDiscrete or MultiBinary action; or the path of a .npy file of the env's own actions (N, …).
        spec: what the world's actions are.
        length: how many.

    Raises:
        VerbError: what this world does not have as an action, or no count.
    """
    if not text.strip():
        return None
    if text.strip().endswith(".npy"):
        script = _loaded(Path(text.strip()), spec)
    elif isinstance(spec.space, spaces.Discrete):
        script = _named(text, spec)
    else:
        script = _numbers(text, spec)
    if length < 1:  # whoever asks for no frames is told so there
        return np.zeros((0, spec.width), np.float32)
    return np.stack(list(itertools.islice(itertools.cycle(script), length)))


def _named(text: str, spec: ActionSpec) -> list[np.ndarray]:
    """The vectors of "NAME*COUNT …" in a Discrete space."""
    assert isinstance(spec.space, spaces.Discrete)
    names = list(spec.meanings) or [str(number) for number in range(int(spec.space.n))]
    script: list[np.ndarray] = []
    for word in text.split():
        name, count = _counted(word)
        if name not in names or not count:
            raise VerbError(
                "--actions must be a .npy file of the env's own actions (N,), or read NAME*COUNT …, with names of "
                f"{', '.join(names)}; got {word!r}"
            )
        script += [spec.encode(int(spec.space.start) + names.index(name))] * count
    return script


def _numbers(text: str, spec: ActionSpec) -> list[np.ndarray]:
    """The vectors of "VALUE,VALUE*COUNT …", each with all values of an action."""
    space = _array_space(spec)
    shape = space.shape or ()
    values = int(np.prod(shape))
    script: list[np.ndarray] = []
    for word in text.split():
        told, count = _counted(word)
        try:
            action = np.array([float(value) for value in told.split(",")])
        except ValueError:
            action = np.zeros(0)
        if len(action) != values or not count:
            raise VerbError(
                f"--actions must be a .npy file of the env's own actions, {_rows(space)}, or read "
                f"{','.join(['VALUE'] * min(values, 2))}{',…' * (values > 2)}*COUNT …, each with the {values} values "
                f"of an action in {space}; got {word!r}"
            )
        script += [_encoded(spec, action.reshape(shape), repr(word))] * count
    return script


def _loaded(path: Path, spec: ActionSpec) -> list[np.ndarray]:
    """The vectors of a file of actions (N, …). Raises `OSError` where there is none."""
    space = _array_space(spec)
    try:
        actions = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise VerbError(f"{path} is no .npy file of numbers: {error}") from error
    numbers = isinstance(actions, np.ndarray) and actions.dtype.kind in "biuf"
    if not numbers or actions.shape[1:] != space.shape or not len(actions.shape) or not len(actions):
        got = f"{actions.shape} {actions.dtype}" if isinstance(actions, np.ndarray) else type(actions).__name__
        raise VerbError(f"{path}: actions of this world must be {_rows(space)}, each in {space}; got {got}")
    return [_encoded(spec, action, f"{path}, row {row}") for row, action in enumerate(actions)]


def _array_space(spec: ActionSpec) -> spaces.Space[Any]:
    """The space, if an action of it is one array. Raises `VerbError`."""
    if isinstance(spec.space, spaces.Dict | spaces.Tuple):
        raise VerbError(
            f"--actions cannot be told in text where an action has parts: they are {spec.space}; in Python, verbs take "
            "vectors of world.card.action_spec.encode(action)"
        )
    return spec.space


def _encoded(spec: ActionSpec, action: np.ndarray, where: str) -> np.ndarray:
    """The vector of an action in numbers of any kind; whole ones where the space has whole ones. Raises `VerbError`."""
    dtype = np.dtype(spec.space.dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        native = np.asarray(action).astype(dtype)
    if dtype.kind in "iu" and not np.array_equal(action, native):
        raise VerbError(f"--actions: {where}: whole numbers are expected in {spec.space}, got {action.tolist()}")
    try:
        return spec.encode(native[()])
    except ActionError as error:
        raise VerbError(f"--actions: {where}: {error}") from error


def _counted(word: str) -> tuple[str, int]:
    """ "NAME*COUNT" → both, once without a count; 0 for a count that is none."""
    name, star, count = word.partition("*")
    return name, (int(count) if count.isdecimal() else 0) if star else 1


def _rows(space: spaces.Space[Any]) -> str:
    return f"({', '.join(['N', *map(str, space.shape or ())])}{',' * (not space.shape)})"


def read_frames(path: Path, world: World, size: tuple[int, int] | None) -> Clip | np.ndarray:
    """A film as frames u8 (1, T, H, W, 3) at the world's frame rate; a `.safetensors` of an earlier verb as its clip.

    A film is brought to `size`; without one, one of our own to what it was before it was enlarged, and any other to the
    world's height. Whatever is changed is told in a warning.

    Raises:
        VideoError, CheckpointError, ClipError: no such file, or not what its name says.
    """
    if path.suffix == ".safetensors":
        clip = read_clip(path)
        if size is None:
            return clip
        return replace(clip, frames=np.stack([_fitting(row, world, size, path) for row in clip.frames]))
    frames, fps = read_mp4(path)
    rate = world.card.fps
    if fps and abs(fps - rate) > 0.01 * rate:
        chosen = np.arange(max(1, round(len(frames) * rate / fps))) * fps / rate
        frames = frames[np.minimum(chosen.astype(int), len(frames) - 1)]
        warnings.warn(f"{path}: {fps:g} frames/s, the world has {rate:g}; {len(frames)} frames are used", stacklevel=2)
    scale = film_scale(path)
    frames = frames[:, scale // 2 :: scale, scale // 2 :: scale]
    return _fitting(frames, world, size, path)[None]


def read_picture(path: Path, world: World, size: tuple[int, int] | None) -> np.ndarray:
    """A picture u8 (H, W, 3), brought to a size like the frames of a film. Raises `VideoError`."""
    return _fitting(read_png(path)[None], world, size, path)[0]


def _fitting(frames: np.ndarray, world: World, size: tuple[int, int] | None, path: Path) -> np.ndarray:
    """Frames u8 (T, H, W, 3) at a size that divides into patches."""
    grain = world.grain
    height, width = frames.shape[1:3]
    if size is None and not (height % grain or width % grain) and max(height, width) <= 4 * max(world.card.size):
        return np.ascontiguousarray(frames)
    asked = size or (world.card.size[0], width * world.card.size[0] / height)
    goal_height, goal_width = (max(grain, round(side / grain) * grain) for side in asked)
    if (goal_height, goal_width) == (height, width):
        return np.ascontiguousarray(frames)
    warnings.warn(f"{path}: frames of {height}x{width} are brought to {goal_height}x{goal_width}", stacklevel=3)
    brought = [Image.fromarray(frame).resize((goal_width, goal_height), Image.Resampling.LANCZOS) for frame in frames]
    return np.stack([np.array(picture) for picture in brought])
