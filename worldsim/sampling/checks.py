"""What callers hand to a `World`: each thing is as it has to be, or named in a `WorldError`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from worldsim.clip import check_frames
from worldsim.model.card import WorldCard
from worldsim.sampling.steps import WorldError

__all__ = ["check_actions", "check_given", "check_rows", "check_size"]


def check_rows(rows: Sequence[int] | None, count: int) -> list[int]:
    """Different rows of `count`; None stands for all of them."""
    where = list(range(count)) if rows is None else list(rows)
    whole = all(isinstance(row, int | np.integer) and not isinstance(row, bool) for row in where)
    if not where or not whole or len(set(where)) != len(where) or min(where) < 0 or max(where) >= count:
        raise WorldError(f"rows must be different numbers in [0, {count}), got {where}")
    return [int(row) for row in where]


def check_size(size: tuple[int, int], grain: int) -> tuple[int, int]:
    """(H, W) in steps of `grain` pixels."""
    pair = isinstance(size, tuple | list) and len(size) == 2
    if not pair or not all(isinstance(side, int | np.integer) and side > 0 and not side % grain for side in size):
        raise WorldError(f"size must be (height, width) in steps of {grain} pixels, got {size!r}")
    return int(size[0]), int(size[1])


def check_actions(actions: np.ndarray, expected: tuple[int, ...]) -> None:
    """Numbers of this shape in [-1, 1]."""
    if not isinstance(actions, np.ndarray) or actions.shape != expected or actions.dtype.kind not in "fiu":
        got = f"{actions.shape} {actions.dtype}" if isinstance(actions, np.ndarray) else type(actions).__name__
        raise WorldError(f"actions must be {expected} float32 in [-1, 1], got {got}")
    if not np.isfinite(actions).all() or np.abs(actions).max(initial=0) > 1:
        raise WorldError(
            f"actions must be finite and in [-1, 1], got {actions.min()} … {actions.max()}; "
            "encode them with card.action_spec"
        )


def check_given(card: WorldCard, frames: np.ndarray, actions: np.ndarray | None, rows: int) -> None:
    """At least one frame for each of `rows` rows at the card's size, and an action for each, or None."""
    check_frames(frames)
    if frames.shape[0] != rows or frames.shape[1] < 1 or frames.shape[2:4] != card.size:
        expected = f"({rows}, T, {card.size[0]}, {card.size[1]}, 3)"
        raise WorldError(f"frames must be {expected} uint8, got {frames.shape}; resize them, or use another checkpoint")
    if actions is not None:
        check_actions(actions, (*frames.shape[:2], card.action_spec.width))
