"""Frames on their way into episodes and batches: which part of an observation is the picture, and its size.

Only the data path changes sizes, and only by area averages, so that shrinking never aliases. Frames of any size and
shape are brought to one that networks can take (`fitting_size`); what they were is kept, so that play shows them so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

__all__ = ["RENDER", "FrameError", "find_picture", "fitting_size", "resize"]

RENDER = "render"  # as an image_key: the picture is what the env's render() shows
GRAIN = 16  # pixels: sides of frames that networks take are multiples of this
USUAL_AREA = 64 * 64  # pixels of a frame that two CPU cores learn from in reasonable time
LARGEST_AREA = 128 * 128  # pixels up to which frames of a usable size stay as they are
SMALLEST_SIDE = 8  # pixels: a smaller array of bytes is a map of codes, not a picture
SLENDER = 0.25  # how much a change of area counts against an equal change of shape


class FrameError(ValueError):
    """An env without usable pictures, or a frame in a layout that worldsim does not accept."""


def resize(frames: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Frames u8 (..., H, W, 3) at another size (h, w), each new pixel the average of the area it covers."""
    if frames.dtype != np.uint8 or frames.ndim < 3 or frames.shape[-1] != 3:
        raise FrameError(f"frames must be (..., H, W, 3) uint8, got {frames.shape} {frames.dtype}")
    if min(size) < 1:
        raise FrameError(f"size must be (height, width), both at least 1, got {size}")
    height, width = frames.shape[-3:-1]
    if (height, width) == tuple(size):
        return frames
    flat = frames.reshape(-1, height, width * 3).astype(np.float32)
    flat = _area_weights(height, size[0]) @ flat  # (N, h, W*3)
    flat = _area_weights(width, size[1]) @ flat.reshape(-1, width, 3)  # (N*h, w, 3)
    return np.rint(flat).astype(np.uint8).reshape(*frames.shape[:-3], *size, 3)


def fitting_size(shown: tuple[int, int]) -> tuple[int, int]:
    """The (H, W) that frames shown as (h, w) are learned in: sides in steps of 16, near the shape, about 64×64 in area.

    Frames that are in such steps already, and not above 128×128 in area, stay as they are.
    """
    height, width = shown
    if height % GRAIN == width % GRAIN == 0 and height * width <= LARGEST_AREA:
        return shown
    steps = range(GRAIN, 12 * GRAIN + 1, GRAIN)
    allowed = [(h, w) for h in steps for w in steps if USUAL_AREA / 2 <= h * w <= USUAL_AREA * 1.5]

    def cost(size: tuple[int, int]) -> float:
        shape = abs(math.log(size[0] / size[1] * width / height))
        return shape + SLENDER * abs(math.log(size[0] * size[1] / USUAL_AREA))

    return min(allowed, key=cost)


@lru_cache(maxsize=16)
def _area_weights(old: int, new: int) -> np.ndarray:
    """f32 (new, old): the share that each old pixel has in each new one; rows sum to 1."""
    edges = np.arange(new + 1) * (old / new)
    pixels = np.arange(old)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights = np.clip(overlap, 0.0, None)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def find_picture(space: spaces.Space[Any], image_key: str | None = None) -> Callable[[Any], np.ndarray] | None:
    """The function observation → u8 (H, W, 3), or None where observations hold no picture and `render()` must serve.

    Accepts u8 boxes (H, W, 3), (H, W, 1) and (H, W), the last two as grey, alone or as the one picture of a Dict. Boxes
    with a side below 8 pixels are maps of codes, and count only when a key names them.

    Args:
        space: the observation space.
        image_key: the entry of a Dict that is the picture; "render", where no entry is called so, means `render()`.

    Raises:
        FrameError: several pictures and no `image_key`, a key that is not there, or an unknown picture layout.
    """
    if image_key == RENDER and not (isinstance(space, spaces.Dict) and RENDER in space.spaces):
        return None
    if not isinstance(space, spaces.Dict):
        if image_key is not None:
            raise FrameError(f"image_key={image_key!r} needs a Dict observation, got {space}")
        return _picture_of(space, "the observation") if _is_picture(space) else None
    keys = [key for key, part in space.spaces.items() if _is_picture(part)]
    if image_key is None and len(keys) > 1:
        raise FrameError(f"the observation has several pictures {keys}; choose one with image_key, or {RENDER!r}")
    if image_key is None and not keys:
        return None
    key = keys[0] if image_key is None else image_key
    if key not in space.spaces:
        raise FrameError(f"image_key={key!r} is not in the observation; it has {sorted(space.spaces)}")
    picture = _picture_of(space.spaces[key], f"observation[{key!r}]")
    return lambda observation: picture(observation[key])


def render_picture(env: gym.Env[Any, Any]) -> np.ndarray:
    """What `env.render()` shows, u8 (H, W, 3). Raises `FrameError` when that is anything else."""
    picture = env.render()
    if isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        got = f"{picture.shape} {picture.dtype}" if isinstance(picture, np.ndarray) else type(picture).__name__
        raise FrameError(f"render() with render_mode='rgb_array' must return (H, W, 3) uint8, got {got}")
    return picture


def _is_array_of_bytes(space: spaces.Space[Any]) -> bool:
    return isinstance(space, spaces.Box) and space.dtype == np.uint8 and len(space.shape) >= 2


def _is_picture(space: spaces.Space[Any]) -> bool:
    """Whether a space looks like one of pictures; layouts that cannot be read are told later."""
    return _is_array_of_bytes(space) and sum(side >= SMALLEST_SIDE for side in space.shape or ()) >= 2


def _picture_of(space: spaces.Space[Any], where: str) -> Callable[[Any], np.ndarray]:
    shape = space.shape
    if shape is None or not _is_array_of_bytes(space):
        raise FrameError(f"{where} must be a picture, u8 (H, W, 3), (H, W, 1) or (H, W); got {space}")
    if len(shape) == 3 and shape[2] == 3:
        return lambda picture: picture
    if len(shape) == 3 and shape[2] == 1:
        return lambda picture: np.repeat(picture, 3, axis=2)
    if len(shape) == 2:
        return lambda picture: np.repeat(picture[..., None], 3, axis=2)
    raise FrameError(
        f"{where} must be u8 (H, W, 3), (H, W, 1) or (H, W), got {shape}; channels come last: transpose, or unstack "
        "frames, in an observation wrapper"
    )
