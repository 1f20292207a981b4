"""`ActionSpec`: any Gymnasium action space ⇄ a named vector in [-1, 1]^A, storable as JSON.

An env may say itself how its actions read as a vector, through `env.unwrapped.action_names` (A names) and, for a
`Discrete` space, `action_vectors` (n, A) or, for any other, `action_vector(action)`. The voxel world does so: its
vector has the 25 fields of VPT and Open-Oasis in their order. All other spaces are encoded here: Discrete,
MultiDiscrete and MultiBinary as 0/1 fields, Box scaled by its bounds (unbounded sides through tanh), Dict and Tuple as
the parts in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import EnumType
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

__all__ = ["ActionError", "ActionSpec", "space_from_json", "space_to_json"]

HUGE = 1e9  # a bound of a Box beyond this is none


class ActionError(ValueError):
    """An action, or an action space, that cannot be expressed as a vector."""


@dataclass(frozen=True)
class ActionSpec:
    """How the actions of a space read as vectors.

    Attributes:
        space: the Gymnasium action space.
        names: one name per field of the vector (A of them).
        table: for a Discrete space, f32 (n, A): the vector of each action. None for other spaces.
        custom: the env's own `action_vector`, when it brings one. Not stored in JSON.
        meanings: for a Discrete space, what each action is called; may be empty.
    """

    space: spaces.Space[Any]
    names: tuple[str, ...]
    table: np.ndarray | None = None
    custom: Callable[[Any], np.ndarray] | None = field(default=None, compare=False)
    meanings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.table is None:
            return
        expected = (int(getattr(self.space, "n", -1)), len(self.names))
        if self.table.shape != expected or np.abs(self.table).max(initial=0.0) > 1.0:
            raise ActionError(f"an action table must be {expected} in [-1, 1], got {self.table.shape}")

    @property
    def width(self) -> int:
        """A, the number of fields of a vector."""
        return len(self.names)

    @classmethod
    def from_env(cls, env: gym.Env[Any, Any]) -> ActionSpec:
        """The spec of an env's action space, with the env's own names and vectors where it has them."""
        raw, space = env.unwrapped, env.action_space
        names = getattr(raw, "action_names", None)
        if names is None:
            return replace(cls.from_space(space), meanings=_meanings(env))
        meanings = tuple(raw.get_action_meanings()) if hasattr(raw, "get_action_meanings") else ()  # pyright: ignore
        table = getattr(raw, "action_vectors", None)
        if isinstance(space, spaces.Discrete) and table is not None:
            return cls(space, tuple(names), np.array(table, np.float32), meanings=meanings)
        return cls(space, tuple(names), custom=raw.action_vector)  # pyright: ignore[reportAttributeAccessIssue]

    @classmethod
    def from_space(cls, space: spaces.Space[Any]) -> ActionSpec:
        """The generic spec of a space."""
        if isinstance(space, spaces.Discrete):
            names = tuple(f"action{i}" for i in range(int(space.n)))
            return cls(space, names, np.eye(int(space.n), dtype=np.float32))
        return cls(space, tuple(_names(space, "")))

    def encode(self, action: Any) -> np.ndarray:
        """One action of the space → f32 (A,) in [-1, 1].

        Raises:
            ActionError: the action is not in the space.
        """
        if isinstance(self.space, spaces.Discrete) and isinstance(action, np.ndarray) and action.ndim == 0:
            action = action.item()
        if not self.space.contains(action):
            raise ActionError(f"action must be in {self.space}, got {action!r}")
        if self.table is not None:
            return self.table[int(action) - int(getattr(self.space, "start", 0))].copy()
        if self.custom is not None:
            return np.asarray(self.custom(action), np.float32)
        return np.asarray(_encode(self.space, action), np.float32)

    def encode_batch(self, actions: Any) -> np.ndarray:
        """Actions of B rows, as a Gymnasium vector env takes them → f32 (B, A)."""
        if self.table is not None:
            array = np.asarray(actions)
            start = int(getattr(self.space, "start", 0))
            if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
                raise ActionError(f"actions must be (B,) integers in {self.space}, got {array.shape} {array.dtype}")
            if array.size and (array.min() < start or array.max() >= start + len(self.table)):
                raise ActionError(f"actions must be in {self.space}, got {array.min()} … {array.max()}")
            return self.table[array - start].copy()
        return np.stack([self.encode(one) for one in gym.vector.utils.iterate(_batched(self.space, actions), actions)])

    def decode(self, vector: np.ndarray) -> Any:
        """The action of the space whose vector is nearest to f32 (A,)."""
        vector = np.asarray(vector, np.float32)
        if vector.shape != (self.width,):
            raise ActionError(f"an action vector must be ({self.width},), got {vector.shape}")
        if self.table is not None:
            nearest = int(np.square(self.table - vector).sum(axis=1).argmin())
            return np.int64(nearest + int(getattr(self.space, "start", 0)))
        if self.custom is not None:
            raise ActionError(f"{self.space} has its own encoding and cannot be decoded; use the Discrete space")
        return _decode(self.space, vector)[0]

    def nearest(self, vectors: np.ndarray) -> np.ndarray:
        """The vectors of the actions of the space that lie nearest to f32 (..., A): each decoded and encoded again."""
        flat = np.asarray(vectors, np.float32).reshape(-1, self.width)
        valid = [self.encode(self.decode(vector)) for vector in flat]
        return np.array(valid, np.float32).reshape(np.shape(vectors))

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready description from which `from_json` makes an equal spec."""
        if self.custom is not None:
            raise ActionError(
                f"{self.space} is encoded by the env's own function, which JSON cannot hold; record and train with a "
                "Discrete action space, or let the env leave out `action_names`"
            )
        return {
            "space": space_to_json(self.space),
            "names": list(self.names),
            "table": None if self.table is None else self.table.tolist(),
            "meanings": list(self.meanings),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ActionSpec:
        """The inverse of `to_json`. Raises `ActionError` when something is missing or malformed."""
        try:
            table = None if data["table"] is None else np.asarray(data["table"], np.float32)
            space = space_from_json(data["space"])
            return cls(space, tuple(data["names"]), table, meanings=tuple(data.get("meanings", ())))
        except (KeyError, TypeError) as error:
            raise ActionError(f"action spec: missing or malformed field {error}; got {sorted(data)}") from error


def _meanings(env: gym.Env[Any, Any]) -> tuple[str, ...]:
    """What an env calls the actions of its Discrete space: by `get_action_meanings()`, or an enumeration `actions`."""
    raw, space = env.unwrapped, env.action_space
    told = getattr(raw, "get_action_meanings", lambda: ())()
    kinds = getattr(raw, "actions", None)
    if not told and isinstance(kinds, EnumType):
        told = list(kinds.__members__)
    fits = isinstance(space, spaces.Discrete) and len(told) == int(space.n)  # a wrapper may have changed the space
    return tuple(map(str, told)) if fits else ()


def _batched(space: spaces.Space[Any], actions: Any) -> spaces.Space[Any]:
    count = len(next(iter(actions.values()))) if isinstance(actions, dict) else len(actions)
    return gym.vector.utils.batch_space(space, count)


def _names(space: spaces.Space[Any], prefix: str) -> list[str]:
    match space:
        case spaces.Discrete():
            return [f"{prefix}={i}" for i in range(int(space.n))]
        case spaces.MultiDiscrete():
            return [f"{prefix}{i}={j}" for i, n in enumerate(space.nvec.ravel()) for j in range(int(n))]
        case spaces.MultiBinary():
            return [f"{prefix}{i}" for i in range(int(np.prod(space.shape)))]
        case spaces.Box():
            return [f"{prefix}{i}" for i in range(int(np.prod(space.shape)))]
        case spaces.Dict():
            return [name for key, part in space.spaces.items() for name in _names(part, f"{prefix}{key}.")]
        case spaces.Tuple():
            return [name for i, part in enumerate(space.spaces) for name in _names(part, f"{prefix}{i}.")]
        case _:
            raise ActionError(
                f"action space {space} is not supported; worldsim knows Discrete, MultiDiscrete, MultiBinary, Box, "
                "Dict and Tuple"
            )


def _encode(space: spaces.Space[Any], action: Any) -> np.ndarray:
    match space:
        case spaces.Discrete():
            return np.eye(int(space.n), dtype=np.float32)[int(action) - int(space.start)]
        case spaces.MultiDiscrete():
            chosen = np.asarray(action).ravel() - space.start.ravel()
            return np.concatenate(
                [np.eye(int(n), dtype=np.float32)[int(i)] for n, i in zip(space.nvec.ravel(), chosen, strict=True)]
            )
        case spaces.MultiBinary():
            return np.asarray(action, np.float32).ravel()
        case spaces.Box():
            low, high = space.low.ravel().astype(np.float64), space.high.ravel().astype(np.float64)
            value = np.asarray(action, np.float64).ravel()
            bounded = _bounded(low, high)
            span = np.where(bounded & (high > low), high - low, 1.0)
            scaled = 2.0 * (value - np.where(bounded, low, 0.0)) / span - 1.0
            return np.where(bounded, np.clip(scaled, -1.0, 1.0), np.tanh(value)).astype(np.float32)
        case spaces.Dict():
            return np.concatenate([_encode(part, action[key]) for key, part in space.spaces.items()])
        case spaces.Tuple():
            return np.concatenate([_encode(part, action[i]) for i, part in enumerate(space.spaces)])
        case _:
            raise ActionError(f"action space {space} is not supported")


def _bounded(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Which fields of a Box have two bounds that say something; the largest number of float32 is as good as none."""
    return (np.abs(low) < HUGE) & (np.abs(high) < HUGE)


def _decode(space: spaces.Space[Any], vector: np.ndarray) -> tuple[Any, np.ndarray]:
    """The action that the head of a vector stands for, and the rest of the vector."""
    match space:
        case spaces.Discrete():
            n = int(space.n)
            return np.int64(int(vector[:n].argmax()) + int(space.start)), vector[n:]
        case spaces.MultiDiscrete():
            chosen = []
            for n in space.nvec.ravel():
                chosen.append(int(vector[: int(n)].argmax()))
                vector = vector[int(n) :]
            return (np.asarray(chosen, space.dtype).reshape(space.shape) + space.start).astype(space.dtype), vector
        case spaces.MultiBinary():
            n = int(np.prod(space.shape))
            return (vector[:n] > 0.5).astype(np.int8).reshape(space.shape), vector[n:]
        case spaces.Box():
            n = int(np.prod(space.shape))
            low, high = space.low.ravel().astype(np.float64), space.high.ravel().astype(np.float64)
            head = np.clip(vector[:n].astype(np.float64), -1.0, 1.0)
            bounded = _bounded(low, high)
            inside = np.where(bounded, low, 0.0) + (head + 1.0) / 2.0 * np.where(bounded, high - low, 1.0)
            free = np.arctanh(np.clip(head, -0.999999, 0.999999))
            value = np.clip(np.where(bounded, inside, free), low, high)
            value = np.rint(value) if np.issubdtype(space.dtype, np.integer) else value  # vectors round as float32
            return value.astype(space.dtype).reshape(space.shape), vector[n:]
        case spaces.Dict():
            parts: dict[str, Any] = {}
            for key, part in space.spaces.items():
                parts[key], vector = _decode(part, vector)
            return parts, vector
        case spaces.Tuple():
            items = []
            for part in space.spaces:
                item, vector = _decode(part, vector)
                items.append(item)
            return tuple(items), vector
        case _:
            raise ActionError(f"action space {space} is not supported")


def space_to_json(space: spaces.Space[Any]) -> dict[str, Any]:
    """A JSON-ready description from which `space_from_json` makes an equal space."""
    match space:
        case spaces.Discrete():
            return {"type": "Discrete", "n": int(space.n), "start": int(space.start)}
        case spaces.MultiDiscrete():
            return {"type": "MultiDiscrete", "nvec": space.nvec.tolist(), "start": space.start.tolist()}
        case spaces.MultiBinary():
            return {"type": "MultiBinary", "n": space.n if isinstance(space.n, int) else list(space.shape)}
        case spaces.Box():
            return {
                "type": "Box",
                "low": [str(v) for v in space.low.ravel().tolist()],  # as text: JSON has no infinity
                "high": [str(v) for v in space.high.ravel().tolist()],
                "shape": list(space.shape),
                "dtype": str(space.dtype),
            }
        case spaces.Dict():
            return {"type": "Dict", "spaces": {key: space_to_json(part) for key, part in space.spaces.items()}}
        case spaces.Tuple():
            return {"type": "Tuple", "spaces": [space_to_json(part) for part in space.spaces]}
        case _:
            raise ActionError(f"action space {space} is not supported")


def space_from_json(data: Mapping[str, Any]) -> spaces.Space[Any]:
    """The inverse of `space_to_json`. Raises `ActionError`, `KeyError`, `TypeError` or `ValueError` for other data."""
    match data["type"]:
        case "Discrete":
            return spaces.Discrete(data["n"], start=data["start"])
        case "MultiDiscrete":
            return spaces.MultiDiscrete(np.asarray(data["nvec"]), start=np.asarray(data["start"]))
        case "MultiBinary":
            return spaces.MultiBinary(data["n"])
        case "Box":
            dtype, shape = np.dtype(data["dtype"]), tuple(data["shape"])
            low = np.asarray([float(v) for v in data["low"]]).astype(dtype).reshape(shape)
            high = np.asarray([float(v) for v in data["high"]]).astype(dtype).reshape(shape)
            return spaces.Box(low, high, shape, dtype.type)
        case "Dict":
            return spaces.Dict({key: space_from_json(part) for key, part in data["spaces"].items()})
        case "Tuple":
            return spaces.Tuple([space_from_json(part) for part in data["spaces"]])
        case kind:
            raise ActionError(f"action space type {kind!r} is not known")
