"""How agents choose: a world's actions as stable-baselines3's learners take them, and how both read as vectors.

Discrete, MultiDiscrete and MultiBinary actions are numbered from 0, in one row. A Box becomes [-1, 1], a field for each
of its values: between its bounds, or through tanh where a side has none, so that a Gaussian policy of size 1 fits
torques and percents alike. Actions in several parts (Dict, Tuple) are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from worldsim.actions import ActionSpec, space_from_json, space_to_json
from worldsim_agents.sb3 import AdapterError

__all__ = ["Actions", "Choices", "chosen_in", "counts", "in_words", "plain", "space_of"]

Actions = int | Mapping[str, Any]
"""A space that agents choose in, as plain values: how many Discrete actions there are, or `space_to_json` of others."""


class Choices:
    """What agents choose (N, …) in a world of these actions, what the env then takes, and the vectors of both.

    Attributes:
        space: what agents choose in: Discrete, or MultiDiscrete, MultiBinary or Box in [-1, 1] of one axis.

    Raises:
        AdapterError: actions in several parts, of which learners have no policy.
    """

    def __init__(self, spec: ActionSpec) -> None:
        self._spec, self._world = spec, spec.space
        self.space = chosen_in(spec.space)

    def actions(self, chosen: np.ndarray) -> np.ndarray:
        """What the env takes, (N, …), for what agents chose (N, …)."""
        space = self._world
        if isinstance(space, spaces.Discrete):
            return np.asarray(chosen) + int(space.start)
        return np.stack([self._spec.decode(vector) for vector in self.vectors(chosen)])

    def vectors(self, chosen: np.ndarray) -> np.ndarray:
        """The action vectors f32 (N, A) of what agents chose (N, …)."""
        chosen = np.asarray(chosen)
        if self._spec.table is not None:
            return self._spec.table[chosen.astype(np.int64)]
        if isinstance(self.space, spaces.MultiDiscrete):
            parts = [np.eye(int(n), dtype=np.float32)[chosen[:, i].astype(int)] for i, n in enumerate(self.space.nvec)]
            return np.concatenate(parts, axis=1)
        return np.clip(chosen, -1.0, 1.0).astype(np.float32)

    def read(self, vectors: np.ndarray) -> np.ndarray:
        """What agents would have had to choose (N, …) for these action vectors f32 (N, A)."""
        if self._spec.table is not None:
            return np.square(vectors[:, None] - self._spec.table[None]).sum(axis=2).argmin(axis=1)
        if isinstance(self.space, spaces.MultiDiscrete):
            parts = np.split(vectors, np.cumsum(self.space.nvec)[:-1], axis=1)
            return np.stack([part.argmax(axis=1) for part in parts], axis=1)
        if isinstance(self.space, spaces.MultiBinary):
            return (vectors > 0.5).astype(np.int8)
        return np.clip(vectors, -1.0, 1.0).astype(np.float32)


def chosen_in(space: spaces.Space[Any]) -> spaces.Space[Any]:
    """The space that agents choose in, of the space that a world takes. Raises `AdapterError` as `Choices` does."""
    match space:
        case spaces.Discrete():
            return spaces.Discrete(int(space.n))
        case spaces.MultiDiscrete():
            return spaces.MultiDiscrete(space.nvec.ravel())
        case spaces.MultiBinary():
            return spaces.MultiBinary(int(np.prod(space.shape)))
        case spaces.Box():
            return spaces.Box(-1.0, 1.0, (int(np.prod(space.shape)),), np.float32)
        case _:
            raise AdapterError(
                "agents choose Discrete, MultiDiscrete, MultiBinary or Box actions, and this world takes "
                f"{space}; record it in a wrapper that makes one of these of them, and train on that"
            )


def plain(space: spaces.Space[Any]) -> Actions:
    """A space that agents choose in, as plain values."""
    return int(space.n) if isinstance(space, spaces.Discrete) else space_to_json(space)


def space_of(actions: Actions) -> spaces.Space[Any]:
    """The inverse of `plain`. Raises `KeyError`, `TypeError` or `ValueError` for other values."""
    return space_from_json(actions) if isinstance(actions, Mapping) else spaces.Discrete(actions)


def counts(space: spaces.Space[Any]) -> np.ndarray:
    """How many values each number of a choice has, i64 of the choice's shape: () for a Discrete space."""
    match space:
        case spaces.Discrete():
            return np.array(space.n, np.int64)
        case spaces.MultiDiscrete():
            return np.asarray(space.nvec, np.int64)
        case _:
            assert isinstance(space, spaces.MultiBinary), space
            return np.full(space.shape, 2, np.int64)


def in_words(actions: Actions) -> str:
    """Such as "26 actions", or "actions in Box(-1.0, 1.0, (1,), float32)"."""
    return f"actions in {space_of(actions)}" if isinstance(actions, Mapping) else f"{actions} actions"
