"""`VoxelEnv`: the voxel world as a Gymnasium environment with image observations.

All rules live in physics, terrain and render; here are spaces, seeding, snapshots, info and errors. One internal action
vector of 25 fields (VPT's order) stands under three action spaces: discrete, multidiscrete and dict (MineRL's names).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from worldsim_envs.voxel import blocks as table
from worldsim_envs.voxel import captions, physics, state, tasks, terrain
from worldsim_envs.voxel.aim import aim
from worldsim_envs.voxel.controls import ACTION_INDEX, ACTION_NAMES, CAMERA_DEGREES
from worldsim_envs.voxel.events import EVENT_NAMES
from worldsim_envs.voxel.motion import AT_REST
from worldsim_envs.voxel.render.picture import View, picture
from worldsim_envs.voxel.start import first_state, ticks_of
from worldsim_envs.voxel.state import VoxelState
from worldsim_envs.voxel.systems.change import change

# name -> (held keys, cameraX in degrees, cameraY in degrees, keys of a keyboard)
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
}
CAMERA_BINS = 11
# Bins are finer near zero (mu-law with mu = 10, as in VPT).
BIN_VALUES = np.sign(np.linspace(-1, 1, CAMERA_BINS)) * (11 ** np.abs(np.linspace(-1, 1, CAMERA_BINS)) - 1) / 10
CAMERAS = (ACTION_INDEX["cameraX"], ACTION_INDEX["cameraY"])
KEY_NAMES = tuple(name for name in ACTION_NAMES if not name.startswith("camera"))
ACTION_SPACES = ("discrete", "multidiscrete", "dict")


@lru_cache(maxsize=4)
def _world(seed: int, size: tuple[int, int, int]) -> terrain.Terrain:
    """Return the untouched world of a level seed; the last four are kept for the whole process."""
    return terrain.generate(seed, size)


def _discrete_table() -> NDArray[np.float32]:
    vectors = np.zeros((len(DISCRETE_ACTIONS), len(ACTION_NAMES)), np.float32)
    for row, (held, turn, tilt, _) in enumerate(DISCRETE_ACTIONS.values()):
        vectors[row, [ACTION_INDEX[name] for name in held]] = 1.0
        vectors[row, CAMERAS] = turn / CAMERA_DEGREES, tilt / CAMERA_DEGREES
    return vectors


@dataclass(frozen=True)
class Snapshot:
    """A whole env at one step; `VoxelEnv.restore_state` takes it. Opaque to callers."""

    world: VoxelState
    generator: Mapping[str, Any]
    action: NDArray[np.float32]


class VoxelEnv(gym.Env[NDArray[np.uint8], Any]):
    """A Minecraft-like world: first-person pictures, walking, mining, placing, day and night.

    Args:
        size: height and width of a frame in pixels, 16…2160 each.
        frame_skip: ticks of 1/20 s per step.
        action_space: "discrete" (21 actions), "multidiscrete" (23 keys and two cameras) or "dict" (MineRL's names; its
            "camera" is pitch and yaw in [-1, 1], 1 = 20 degrees per step).
        render_mode: None or "rgb_array".
        hud: draw the held block and the crosshair.
        day_length: ticks of a whole day.
        start_time: share of the day at reset, 0 sunrise, 0.5 sunset; None draws it, mostly day.
        biome: where the player starts; None draws one.
        world_size: blocks east, north, up. East and north are powers of two: the world is a torus.
        render_size: height and width of `render()`; None gives the observation itself.

    `reset(options=...)` takes "world_seed" (int), "biome", "start_time" for that episode.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(
        self,
        size: tuple[int, int] = (64, 64),
        frame_skip: int = 2,
        action_space: str = "discrete",
        render_mode: str | None = None,
        hud: bool = True,
        day_length: int = 12_000,
        start_time: float | None = None,
        biome: str | None = None,
        world_size: tuple[int, int, int] = (256, 256, 64),
        render_size: tuple[int, int] | None = None,
    ) -> None:
        self.size = _checked_size("size", size)
        self.render_size = None if render_size is None else _checked_size("render_size", render_size)
        self.world_size = _checked_world_size(world_size)
        self.frame_skip = _checked_count("frame_skip", frame_skip, 1, 100)
        self.day_length = _checked_count("day_length", day_length, 20, 10_000_000)
        self.start_time = _checked_time(start_time)
        self.biome = _checked_biome(biome)
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f'render_mode must be None or "rgb_array", got {render_mode!r}')
        if action_space not in ACTION_SPACES:
            raise ValueError(f"action_space must be one of {ACTION_SPACES}, got {action_space!r}")
        self.render_mode = render_mode
        self.hud = bool(hud)
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": 20 / self.frame_skip}  # type: ignore[misc]
        self.observation_space = spaces.Box(0, 255, (*self.size, 3), np.uint8)
        self.action_kind = action_space
        self.action_space = _space(action_space)
        self.action_names = ACTION_NAMES
        self.action_vectors = _discrete_table()
        self.event_names = EVENT_NAMES
        self._views: dict[tuple[int, int], View] = {}
        self._state: VoxelState | None = None
        self._last_action = np.zeros(len(ACTION_NAMES), np.float32)
        self._frame: NDArray[np.uint8] | None = None

    # ------------------------------------------------------------------------------------------ Gymnasium

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Start a new episode in the world drawn from `seed`, or the one named in `options`.

        Returns:
            The first frame (H, W, 3) u8, and info with "events" f32 (E,), all zero.
        """
        super().reset(seed=seed)
        options = dict(options or {})
        unknown = sorted(set(options) - {"world_seed", "biome", "start_time"})
        if unknown:
            raise ValueError(f"reset options are world_seed, biome and start_time, got also {unknown}; remove them")
        random = self.np_random
        world_seed, time, biome = int(random.integers(2**31)), _drawn_time(random), _drawn_biome(random)
        world_seed = _checked_count("world_seed", options.get("world_seed", world_seed), 0, 2**63 - 1)
        wished = _checked_time(options.get("start_time", self.start_time))
        time = time if wished is None else wished
        biome = _checked_biome(options.get("biome", self.biome)) or biome
        land = _world(world_seed, self.world_size)
        self._state = first_state(land, world_seed, random, biome, time, self.day_length)
        self._last_action = np.zeros(len(ACTION_NAMES), np.float32)
        return self._observe(), self._info(np.zeros(len(self.event_names), np.float32))

    def step(self, action: Any) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Hold one action for `frame_skip` ticks.

        Returns:
            Frame (H, W, 3) u8, reward, terminated (the player died), False, and info with "events" f32 (E,).
        """
        world = self.state
        vector = self.action_vector(action)
        events = np.zeros(len(self.event_names), np.float32)
        physics.advance(world.tick, vector, self.frame_skip, events)
        self._last_action = vector
        reward = 0.0
        if events.any():
            first = (events > 0) & (world.unlocked == 0)
            reward = float(tasks.ACHIEVEMENT_REWARDS[first].sum())
            world.unlocked[first] = 1
        return self._observe(), reward, bool(world.marks[state.DEAD]), False, self._info(events)

    def render(self) -> NDArray[np.uint8] | None:  # type: ignore[override]
        """Return the current frame u8, at `render_size` if one was given; None without a render mode."""
        if self.render_mode is None:
            gym.logger.warn('render() returns None without render_mode="rgb_array"')
            return None
        if self.render_size is None or self.render_size == self.size:
            world = self.state
            return (self._draw(world, self.size) if self._frame is None else self._frame).copy()
        return self._draw(self.state, self.render_size)

    def close(self) -> None:
        """Free the world."""
        self._state = None
        self._frame = None

    # ------------------------------------------------------------------------------------------ state

    @property
    def state(self) -> VoxelState:
        """The world as it is now; raises before the first reset."""
        if self._state is None:
            raise gym.error.ResetNeeded("the world does not exist yet; call env.reset() first")
        return self._state

    def clone_state(self) -> Snapshot:
        """Return all of the world and the env's randomness."""
        return Snapshot(self.state.clone(), self.np_random.bit_generator.state, self._last_action.copy())

    def restore_state(self, snapshot: Snapshot) -> NDArray[np.uint8]:
        """Go back to a snapshot, exactly. Returns the frame (H, W, 3) u8 of that moment."""
        if not isinstance(snapshot, Snapshot):
            raise TypeError(f"snapshot must come from clone_state(), got {type(snapshot).__name__}")
        if snapshot.world.blocks.shape != self.world_size:
            held = snapshot.world.blocks.shape
            raise ValueError(f"snapshot must hold a world of {self.world_size} blocks as this env does, got {held}")
        self._state = snapshot.world.clone()
        self.np_random.bit_generator.state = snapshot.generator
        self._last_action = snapshot.action.copy()
        return self._observe()

    def set_block(self, x: int, y: int, z: int, block: str | int) -> None:
        """Put a block, by name or id, at a cell; light follows."""
        world = self.state
        number = table.BLOCK_IDS.get(block, -1) if isinstance(block, str) else int(block)
        if not 0 <= number < len(table.BLOCKS):
            raise ValueError(f"block must be one of {sorted(table.BLOCK_IDS)} or its id, got {block!r}")
        if not 0 <= z < self.world_size[2]:
            raise ValueError(f"z must be in 0…{self.world_size[2] - 1}, got {z}")
        change(world.tick, int(x), int(y), int(z), number)
        self._frame = None

    def set_time(self, share: float) -> None:
        """Set the time of day: 0 sunrise, 0.25 noon, 0.5 sunset, 0.75 midnight."""
        self.state.marks[state.CLOCK] = ticks_of(_checked_time(share) or 0.0, self.day_length)
        self._frame = None

    def teleport(self, x: float, y: float, z: float, yaw: float | None = None, pitch: float | None = None) -> None:
        """Put the player's feet at a place, at rest; yaw in degrees clockwise from north, pitch positive down."""
        body = self.state.body
        body[[state.X, state.Y, state.Z]] = x % self.world_size[0], y % self.world_size[1], z
        body[[state.VX, state.VY, state.VZ, state.FALL]] = 0.0, 0.0, AT_REST, 0.0
        body[state.YAW] = body[state.YAW] if yaw is None else yaw % 360.0
        body[state.PITCH] = body[state.PITCH] if pitch is None else min(90.0, max(-90.0, pitch))
        self.state.marks[state.GROUND] = 0
        aim(self.state.tick)
        self._frame = None

    # ------------------------------------------------------------------------------------------ actions and words

    def action_vector(self, action: Any) -> NDArray[np.float32]:
        """Return the vector (25,) f32 of an action of the env's space; raises on anything outside it."""
        if self.action_kind == "discrete":
            return self.action_vectors[_checked_index(action, len(self.action_vectors))]
        if not self.action_space.contains(action):
            raise ValueError(f"action must be in {self.action_space}, got {action!r}; see env.action_space.sample()")
        vector = np.zeros(len(ACTION_NAMES), np.float32)
        if self.action_kind == "multidiscrete":
            vector[:] = action
            vector[list(CAMERAS)] = BIN_VALUES[np.asarray(action)[list(CAMERAS)]]
            return vector
        for name in KEY_NAMES:
            vector[ACTION_INDEX[name]] = action[name]
        vector[list(CAMERAS)] = action["camera"][::-1]
        return vector

    def get_action_meanings(self) -> list[str]:
        """Return the names of the discrete actions."""
        return list(DISCRETE_ACTIONS)

    def get_keys_to_action(self) -> dict[tuple[str, ...], int]:
        """Return the discrete action of each set of held keys, as `gymnasium.utils.play` asks for."""
        if self.action_kind != "discrete":
            raise ValueError(f'keys are mapped for action_space="discrete" only, got {self.action_kind!r}')
        return {keys: number for number, (_, _, _, keys) in enumerate(DISCRETE_ACTIONS.values()) if keys}

    def caption(self, detail: str = "short") -> str:
        """Return a caption of this moment; `detail` is "short" or "detailed"."""
        world = self.state
        if self._frame is None:
            self._observe()
        return captions.describe(world, self._view(self.size).seen, self._last_action, detail)

    # ------------------------------------------------------------------------------------------ pictures

    def _view(self, size: tuple[int, int]) -> View:
        if size not in self._views:
            self._views[size] = View(size)
        return self._views[size]

    def _draw(self, world: VoxelState, size: tuple[int, int]) -> NDArray[np.uint8]:
        return picture(world, self._view(size), self.hud)

    def _observe(self) -> NDArray[np.uint8]:
        self._frame = self._draw(self.state, self.size)
        return self._frame.copy()

    def _info(self, events: NDArray[np.float32]) -> dict[str, Any]:
        return {"events": events}


def _space(kind: str) -> spaces.Space[Any]:
    if kind == "discrete":
        return spaces.Discrete(len(DISCRETE_ACTIONS))
    if kind == "multidiscrete":
        return spaces.MultiDiscrete([CAMERA_BINS if n.startswith("camera") else 2 for n in ACTION_NAMES])
    keys: dict[str, spaces.Space[Any]] = {name: spaces.Discrete(2) for name in KEY_NAMES}
    return spaces.Dict({**keys, "camera": spaces.Box(-1.0, 1.0, (2,), np.float32)})


def _drawn_time(random: np.random.Generator) -> float:
    half, share = random.random(2)
    return float(share * 0.5 if half < 0.75 else 0.5 + share * 0.5)


def _drawn_biome(random: np.random.Generator) -> str:
    return terrain.BIOMES[int(random.integers(6))]


def _checked_index(action: Any, count: int) -> int:
    if isinstance(action, np.ndarray) and action.shape == () and np.issubdtype(action.dtype, np.integer):
        action = int(action)
    if isinstance(action, bool) or not isinstance(action, (int, np.integer)):
        raise TypeError(f"action must be an integer 0…{count - 1}, got {action!r} of type {type(action).__name__}")
    if not 0 <= action < count:
        raise ValueError(f"action must be in 0…{count - 1}, got {action}; see env.get_action_meanings()")
    return int(action)


def _checked_count(name: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, got {value!r} of type {type(value).__name__}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be in {low}…{high}, got {value}")
    return int(value)


def _checked_size(name: str, size: Any) -> tuple[int, int]:
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ValueError(f"{name} must be (height, width) in pixels, got {size!r}")
    height, width = size
    return _checked_count(f"{name} height", height, 16, 2160), _checked_count(f"{name} width", width, 16, 4096)


def _checked_world_size(size: Any) -> tuple[int, int, int]:
    if not isinstance(size, (tuple, list)) or len(size) != 3:
        raise ValueError(f"world_size must be (east, north, up) in blocks, got {size!r}")
    east, north = (_checked_count("world_size", value, 64, 1024) for value in size[:2])
    if east & (east - 1) or north & (north - 1):
        raise ValueError(f"world_size east and north must be powers of two (the world is a torus), got {east}, {north}")
    return east, north, _checked_count("world_size up", size[2], 48, 248)


def _checked_time(share: Any) -> float | None:
    if share is None:
        return None
    if isinstance(share, bool) or not isinstance(share, (int, float, np.integer, np.floating)):
        raise TypeError(f"start_time must be None or a number in [0, 1], got {share!r}")
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"start_time must be in [0, 1] (0 sunrise, 0.5 sunset), got {share}")
    return float(share)


def _checked_biome(biome: Any) -> str | None:
    if biome is not None and biome not in terrain.BIOMES:
        raise ValueError(f"biome must be None or one of {terrain.BIOMES}, got {biome!r}")
    return biome
