"""`EnvState`: what `clone_state` keeps of learned worlds; and what a vector env tells, in Gymnasium's form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from worldsim.sampling.world import Snapshot
from worldsim_envs.learned.origins import Place
from worldsim_envs.learned.tasks import TaskJudge

__all__ = ["EnvState", "generator_in", "vector_info"]


@dataclass(frozen=True)
class EnvState:
    """All that the future of a learned env depends on; from `clone_state`, for `restore_state`."""

    world: Snapshot
    observed: np.ndarray
    judge: TaskJudge | None
    true: tuple[Place | None, ...]
    elapsed: np.ndarray
    over: np.ndarray
    random: tuple[Mapping[str, Any], ...]


def generator_in(state: Mapping[str, Any]) -> np.random.Generator:
    """A generator of its own in the given state."""
    generator = np.random.Generator(np.random.PCG64())
    generator.bit_generator.state = state
    return generator


def vector_info(told: Mapping[str, np.ndarray], rows: np.ndarray | None = None) -> dict[str, Any]:
    """A vector info: each key with the mask of the rows that it speaks of (all by default)."""
    info: dict[str, Any] = {}
    for key, values in told.items():
        info[key] = values
        info[f"_{key}"] = np.ones(len(values), np.bool_) if rows is None else rows.copy()
    return info
