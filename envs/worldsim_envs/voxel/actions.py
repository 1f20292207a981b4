"""Three Gymnasium action spaces over one vector of 25 fields, in the order of VPT and Open-Oasis.

`Actions` says what an action of a space means as a vector, one or a batch; the rules of the fields are in physics.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.checks import VoxelError, VoxelTypeError, checked_choice
from worldsim_envs.voxel.controls import ACTION_INDEX, ACTION_NAMES, CAMERA_DEGREES
from worldsim_envs.voxel.state import VoxelState

# name -> (held keys, cameraX in degrees, cameraY in degrees, keys of a keyboard). The order is for good.
DISCRETE_ACTIONS: dict[str, tuple[tuple[str, ...], float, float, tuple[str, ...]]] = {
    "noop": ((), 0, 0, ()),
    "forward": (("forward",), 0, 0, ("w",)),
    "back": (("back",), 0, 0, ("s",)),
    "left": (("left",), 0, 0, ("a",)),
    "right": (("right",), 0, 0, ("d",)),
    "jump": (("jump",), 0, 0, (" ",)),
    "forward+jump": (("forward", "jump"), 0, 0, ("w", " ")),
    "sprint": (("forward", "sprint"), 0, 0, ("w", "r")),
    "turn_left": ((), -15, 0, ("j",)),
    "turn_right": ((), 15, 0, ("l",)),
    "look_up": ((), 0, -10, ("i",)),
    "look_down": ((), 0, 10, ("k",)),
    "forward+turn_left": (("forward",), -15, 0, ("w", "j")),
    "forward+turn_right": (("forward",), 15, 0, ("w", "l")),
    "attack": (("attack",), 0, 0, ("f",)),
    "use": (("use",), 0, 0, ("e",)),
    "forward+attack": (("forward", "attack"), 0, 0, ("w", "f")),
    "hotbar.1": (("hotbar.1",), 0, 0, ("1",)),
    "hotbar.2": (("hotbar.2",), 0, 0, ("2",)),
    "hotbar.3": (("hotbar.3",), 0, 0, ("3",)),
    "sprint+jump": (("forward", "sprint", "jump"), 0, 0, ("w", "r", " ")),
    "hotbar.4": (("hotbar.4",), 0, 0, ("4",)),
    "hotbar.5": (("hotbar.5",), 0, 0, ("5",)),
    "next_recipe": (("swapHands",), 0, 0, ("x",)),
    "craft": (("inventory",), 0, 0, ("c",)),
    "drop": (("drop",), 0, 0, ("q",)),
}
CAMERA_BINS = 11
# Bins are finer near zero (mu-law with mu = 10, as in VPT).
BIN_VALUES = np.sign(np.linspace(-1, 1, CAMERA_BINS)) * (11 ** np.abs(np.linspace(-1, 1, CAMERA_BINS)) - 1) / 10
CAMERAS = [ACTION_INDEX["cameraX"], ACTION_INDEX["cameraY"]]
KEY_NAMES = tuple(name for name in ACTION_NAMES if not name.startswith("camera"))
ACTION_SPACES = ("discrete", "multidiscrete", "dict")


class Actions:
    """One of the three action spaces, and what its actions mean.

    Args:
        kind: "discrete" (see DISCRETE_ACTIONS), "multidiscrete" (23 keys and two cameras of CAMERA_BINS) or "dict"
            (MineRL's names; its "camera" is pitch and yaw in [-1, 1], 1 = 20 degrees per step).
    """

    def __init__(self, kind: str) -> None:
        self.kind = checked_choice("action_space", kind, ACTION_SPACES)
        self.space = _space(kind)
        self.table = _table()  # (n, 25)

    def vector(self, action: Any) -> NDArray[np.float32]:
        """Return a new vector (25,) f32 of one action; raises on anything outside the space."""
        if self.kind == "discrete":
            return self.table[_checked_index(action, len(self.table))].copy()
        if not self.space.contains(action):
            raise VoxelError(f"action must be in {self.space}, got {action!r}; see env.action_space.sample()")
        batch = {k: np.asarray(v)[None] for k, v in action.items()} if self.kind == "dict" else np.asarray(action)[None]
        return self._encoded(batch, 1)[0]

    def vectors(self, actions: Any, rows: int) -> NDArray[np.float32]:
        """Return new vectors (rows, 25) f32 of as many actions, batched as Gymnasium does."""
        if self.kind == "dict":
            wrong = not isinstance(actions, dict) or {len(actions[k]) for k in actions} != {rows}
            if wrong or set(actions) != {*KEY_NAMES, "camera"}:
                raise VoxelError(f"actions must be a dict of {rows} values for each of {KEY_NAMES} and camera")
            return self._encoded(actions, rows)
        array = np.asarray(actions)
        shape = (rows,) if self.kind == "discrete" else (rows, len(ACTION_NAMES))
        if array.shape != shape or not np.issubdtype(array.dtype, np.integer):
            raise VoxelError(f"actions must be integers {shape}, one action per row, got {array.dtype} {array.shape}")
        tops = len(self.table) if self.kind == "discrete" else self.space.nvec  # type: ignore[attr-defined]
        if (array < 0).any() or (array >= tops).any():
            raise VoxelError(f"action must be in {self.space}, got {array.min()} … {array.max()}")
        return self._encoded(array, rows)

    def _encoded(self, actions: Any, rows: int) -> NDArray[np.float32]:
        if self.kind == "discrete":
            return self.table[actions]
        vectors = np.zeros((rows, len(ACTION_NAMES)), np.float32)
        if self.kind == "multidiscrete":
            vectors[:] = actions
            vectors[:, CAMERAS] = BIN_VALUES[np.asarray(actions)[:, CAMERAS]]
            return vectors
        for name in KEY_NAMES:
            vectors[:, ACTION_INDEX[name]] = actions[name]
        vectors[:, CAMERAS] = np.asarray(actions["camera"])[:, ::-1]
        return vectors

    def keys(self) -> dict[tuple[str, ...], int]:
        """Return the discrete action of each set of held keys, as `gymnasium.utils.play` asks for."""
        if self.kind != "discrete":
            raise VoxelError(f'keys are mapped for action_space="discrete" only, got {self.kind!r}')
        return {keys: number for number, (_, _, _, keys) in enumerate(DISCRETE_ACTIONS.values()) if keys}

    def masks(self, world: VoxelState) -> NDArray[np.bool_]:
        """Return which actions can change anything now, bool (n,), or (sum of nvec,) for "multidiscrete".

        Left out are jumps in the air, looking beyond straight up or down, using an empty hand on nothing, and choosing
        the slot that is chosen; "noop" is always there.
        """
        idle = self._idle(world)
        if self.kind == "discrete":
            idle_keys = self.table[:, sorted(idle)] > 0.5
            tilt = self.table[:, CAMERAS[1]]
            blocked = (tilt < 0) & (world.body[s.PITCH] <= -90.0) | (tilt > 0) & (world.body[s.PITCH] >= 90.0)
            alone = (self.table > 0.5).sum(axis=1) == 1
            return ~(blocked | (idle_keys.any(axis=1) & alone))
        if self.kind == "multidiscrete":
            parts = [np.ones(int(n), np.bool_) for n in self.space.nvec]  # type: ignore[attr-defined]
            for field in idle:
                parts[field][1] = False
            return np.concatenate(parts)
        raise VoxelError(f'masks exist for action_space="discrete" and "multidiscrete", got {self.kind!r}')

    def _idle(self, world: VoxelState) -> set[int]:
        """Return the fields whose keys would do nothing now."""
        marks, slot = world.marks, int(world.marks[s.SLOT])
        idle = {ACTION_INDEX[f"hotbar.{slot + 1}"]}
        if not marks[s.GROUND] and not marks[s.IN_WATER]:
            idle.add(ACTION_INDEX["jump"])
        empty = world.inventory[slot, s.COUNT] == 0
        if empty:
            idle.add(ACTION_INDEX["drop"])
            if not marks[s.TARGET]:
                idle.add(ACTION_INDEX["use"])
        if not marks[s.TARGET]:
            idle.add(ACTION_INDEX["pickItem"])
        return idle


def _table() -> NDArray[np.float32]:
    vectors = np.zeros((len(DISCRETE_ACTIONS), len(ACTION_NAMES)), np.float32)
    for row, (held, turn, tilt, _) in enumerate(DISCRETE_ACTIONS.values()):
        vectors[row, [ACTION_INDEX[name] for name in held]] = 1.0
        vectors[row, CAMERAS] = turn / CAMERA_DEGREES, tilt / CAMERA_DEGREES
    return vectors


def _space(kind: str) -> spaces.Space[Any]:
    if kind == "discrete":
        return spaces.Discrete(len(DISCRETE_ACTIONS))
    if kind == "multidiscrete":
        return spaces.MultiDiscrete([CAMERA_BINS if n.startswith("camera") else 2 for n in ACTION_NAMES])
    keys: dict[str, spaces.Space[Any]] = {name: spaces.Discrete(2) for name in KEY_NAMES}
    return spaces.Dict({**keys, "camera": spaces.Box(-1.0, 1.0, (2,), np.float32)})


def _checked_index(action: Any, count: int) -> int:
    if isinstance(action, np.ndarray) and action.shape == () and np.issubdtype(action.dtype, np.integer):
        action = int(action)
    if isinstance(action, bool) or not isinstance(action, (int, np.integer)):
        raise VoxelTypeError(f"action must be an integer 0…{count - 1}, got {action!r} of type {type(action).__name__}")
    if not 0 <= action < count:
        raise VoxelError(f"action must be in 0…{count - 1}, got {action}; see env.get_action_meanings()")
    return int(action)
