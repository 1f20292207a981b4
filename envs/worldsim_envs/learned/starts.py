"""What a reset starts from: seeds, masks and options of `LearnedVectorEnv.reset`, checked and read for all rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from worldsim.actions import ActionSpec

__all__ = ["EnvError", "Start", "read_mask", "read_options", "read_seeds"]

OPTIONS = ("frames", "actions", "prompt", "reset_mask")


class EnvError(ValueError):
    """A learned env was made, started or stepped with something that it does not accept."""


@dataclass(frozen=True)
class Start:
    """What rows start from: frames u8 (R, T, H, W, 3) or none, vectors f32 (R, T, A) or none, and R prompts."""

    frames: np.ndarray | None
    actions: np.ndarray | None
    prompts: list[str]

    def take(self, rows: np.ndarray) -> Start:
        """Some of the rows."""
        frames, actions = (None if part is None else part[rows] for part in (self.frames, self.actions))
        return Start(frames, actions, [self.prompts[row] for row in rows])


def read_options(options: dict[str, Any], prompt: str, rows: int, frame: tuple[int, ...], spec: ActionSpec) -> Start:
    """What the options say that all rows start from.

    Args:
        options: see `LearnedVectorEnv.reset`.
        prompt: what stands in for `options["prompt"]`.
        rows: B.
        frame: (H, W, 3).
        spec: of the actions.

    Raises:
        EnvError: an option that is unknown, or not as described.
        ActionError: an action that is not in the space.
    """
    if unknown := set(options) - set(OPTIONS):
        raise EnvError(f"reset takes the options {', '.join(OPTIONS)}, got {', '.join(sorted(map(str, unknown)))}")
    prompts = options.get("prompt", prompt)
    if isinstance(prompts, str):
        prompts = [prompts] * rows
    texts = isinstance(prompts, list | tuple) and all(isinstance(text, str) for text in prompts)
    if not texts or len(prompts) != rows:
        raise EnvError(f"prompt must be a text or {rows} of them, got {prompts!r}")
    frames, actions = options.get("frames"), options.get("actions")
    if frames is None:
        if actions is not None:
            raise EnvError("actions lead into frames: give options['frames'] with them")
        return Start(None, None, list(prompts))
    frames = _read_frames(frames, rows, frame)
    if actions is not None:
        actions = _read_actions(actions, rows, frames.shape[1], spec)
    return Start(frames, actions, list(prompts))


def read_seeds(seed: int | Sequence[int | None] | None, rows: int) -> list[int | None]:
    """One seed per row, as Gymnasium's own vector envs hand them out. Raises `EnvError` for another number of them."""
    if seed is None:
        return [None] * rows
    if isinstance(seed, int | np.integer):
        return [int(seed) + row for row in range(rows)]
    if len(seed) != rows:
        raise EnvError(f"seed must be an integer or {rows} of them, got {len(seed)}")
    return list(seed)


def read_mask(mask: Any, rows: int) -> np.ndarray:
    """The numbers of the rows that a reset mask names; of all without one. Raises `EnvError`."""
    if mask is None:
        return np.arange(rows)
    mask = np.asarray(mask)
    if mask.shape != (rows,) or mask.dtype != np.bool_ or not mask.any():
        raise EnvError(f"reset_mask must be ({rows},) bool with at least one True, got {mask!r}")
    return np.flatnonzero(mask)


def _read_frames(frames: Any, rows: int, frame: tuple[int, ...]) -> np.ndarray:
    """The frames of all rows, u8 (B, T, H, W, 3)."""
    if (
        isinstance(frames, np.ndarray)
        and frames.dtype == np.uint8
        and frames.shape[-3:] == frame
        and (frames.ndim == 4 or (frames.ndim == 5 and len(frames) == rows))
        and frames.shape[-4] > 0
    ):
        return np.broadcast_to(frames, (rows, *frames.shape[-4:]))
    got = f"{frames.shape} {frames.dtype}" if isinstance(frames, np.ndarray) else type(frames).__name__
    raise EnvError(
        f"frames must be (T, {', '.join(map(str, frame))}) uint8 with T >= 1, or {rows} such rows; got {got}"
    )


def _read_actions(actions: Any, rows: int, length: int, spec: ActionSpec) -> np.ndarray:
    """The vectors of the actions of all rows, f32 (B, T, A); row 0 of each, the reset's, is zero."""
    space, leaf = spec.space, actions
    while isinstance(space, spaces.Dict | spaces.Tuple):
        key, space = next(iter(space.items())) if isinstance(space, spaces.Dict) else (0, space[0])
        leaf = leaf[key]
    expected, got = (length, *(space.shape or ())), np.shape(leaf)
    if got not in (expected, (rows, *expected)):
        raise EnvError(
            f"options['actions'] must be {expected}, one action of {spec.space} per frame, or {rows} rows of it, "
            f"got {got}"
        )
    each = [actions] if got == expected else [_take(actions, row) for row in range(rows)]
    vectors = np.zeros((len(each), length, spec.width), np.float32)
    for row, taken in enumerate(each if length > 1 else ()):
        vectors[row, 1:] = spec.encode_batch(_take(taken, slice(1, None)))
    return np.broadcast_to(vectors, (rows, *vectors.shape[1:]))


def _take(actions: Any, index: int | slice) -> Any:
    """Index the leading axis of actions, which a Dict or Tuple space holds in parts."""
    if isinstance(actions, dict):
        return {key: _take(part, index) for key, part in actions.items()}
    if isinstance(actions, tuple):
        return tuple(_take(part, index) for part in actions)
    return np.asarray(actions)[index]
