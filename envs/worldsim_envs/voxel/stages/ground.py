"""Where scenes are staged: a level clearing in a new world, or open land as it is, by day and under a clear sky.

What lives and changes by itself is switched off, so that what happens in a scene is what the scene is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.actions import DISCRETE_ACTIONS
from worldsim_envs.voxel.blocks import BLOCK_IDS, BLOCKS, LIQUID, SOLID
from worldsim_envs.voxel.editor import aim_again
from worldsim_envs.voxel.episodes import Snapshot
from worldsim_envs.voxel.kinds import FIRST_CREATURE
from worldsim_envs.voxel.stages.question import Frames, StageError
from worldsim_envs.voxel.switches import SWITCH

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

QUIET = ("animals", "monsters", "weather", "day_cycle", "growth", "decay", "snow", "fire")  # switched off
BIOMES = ("plains", "forest", "savanna", "desert", "snow")
RADIUS, HEIGHT = 8, 7  # of a clearing, in blocks
TRIES = 40
NUMBERS = {name: number for number, name in enumerate(DISCRETE_ACTIONS)}
# How the player looks round in the given frames and comes back to where it looked; sixteen actions.
LOOKS_ROUND = (
    ["noop"] * 16,
    ["noop"] * 4 + ["turn_left", "noop", "turn_right"] + ["noop"] * 9,
    ["noop"] * 3 + ["turn_right"] + ["noop"] * 3 + ["turn_left"] + ["noop"] * 8,
    ["noop"] * 3 + ["look_up", "noop", "look_down"] + ["noop"] * 10,
)


def numbers(names: Sequence[str]) -> list[int]:
    """Return the discrete actions of these names."""
    return [NUMBERS[name] for name in names]


class Ground:
    """A new world with its player, and places named by how far ahead, to the right and up they are from the player.

    Args:
        env: of a discrete action space; it is reset.
        seed: decides all.
        level: whether the land around the player is cleared and levelled, and the player looks along an axis.
        pitch: where the player looks, in degrees, positive down.
    """

    def __init__(self, env: VoxelEnv, seed: int, level: bool = True, pitch: float = 0.0) -> None:
        if env.actions.kind != "discrete" or env.observed != ("rgb",):
            raise StageError("scenes are staged in an env with discrete actions that observes the picture alone")
        self.env, self.seed, self.random = env, seed, np.random.default_rng([seed, 7])
        self._reset(level)
        if level:
            self._clear()
        self.quiet()
        body = env.state.body
        yaw = float(np.round(body[s.YAW] / 90.0) * 90.0 % 360.0) if level else float(body[s.YAW])
        self.east, self.north = (round(float(f(np.radians(yaw)))) for f in (np.sin, np.cos))
        env.teleport(float(body[s.X]), float(body[s.Y]), float(body[s.Z]), yaw, pitch)
        self.x, self.y, self.z = (int(v) for v in env.state.body[:3])

    @property
    def world(self) -> Any:
        """The state of the env."""
        return self.env.state

    def cell(self, ahead: int, right: int, up: int) -> tuple[int, int, int]:
        """Return the cell so many blocks from the player's feet."""
        x, y = self.x + ahead * self.east + right * self.north, self.y + ahead * self.north - right * self.east
        return x, y, self.z + up

    def put(self, ahead: int, right: int, up: int, block: str) -> None:
        """Put a block so many blocks from where the player stood at first."""
        self.env.set_block(*self.cell(ahead, right, up), block)

    def aim(self, ahead: float, up: float) -> None:
        """Look straight ahead at a point so far away and so high above the feet."""
        body = self.world.body
        pitch = float(np.degrees(np.arctan2(s.EYE - up, ahead)))
        self.env.teleport(float(body[s.X]), float(body[s.Y]), float(body[s.Z]), None, pitch)

    def given(self, names: Sequence[str] | None = None) -> tuple[Frames, list[int]]:
        """Play the past, by default one that looks round. Returns its frames u8 (T, H, W, 3) and actions (T,)."""
        chosen = LOOKS_ROUND[int(self.random.integers(len(LOOKS_ROUND)))] if names is None else names
        acts = numbers(chosen)
        frames = [self.env.picture(), *(self.env.step(act)[0] for act in acts[1:])]
        return np.stack(frames), [0, *acts[1:]]

    def _reset(self, level: bool) -> None:
        """Look for a start on land without water around it."""
        for attempt in range(TRIES):
            self.biome = str(self.random.choice(BIOMES))
            share = float(self.random.uniform(0.08, 0.4))
            options = {"world_seed": self.seed, "biome": self.biome, "start_time": share}
            self.env.reset(seed=int(self.random.integers(2**31)) + attempt, options=options)
            if not level or self._dry():
                return
        raise StageError(f"world {self.seed} has no dry clearing in {TRIES} tries; take another seed")

    def _around(self) -> tuple[np.ndarray, np.ndarray, int]:
        shape, feet = self.world.blocks.shape, self.world.body
        side = np.arange(-RADIUS - 2, RADIUS + 3)
        return (int(feet[s.X]) + side) % shape[0], (int(feet[s.Y]) + side) % shape[1], int(feet[s.Z])

    def _dry(self) -> bool:
        x, y, z = self._around()
        near = self.world.blocks[np.ix_(x, y, np.arange(max(0, z - 2), z + HEIGHT))]
        return z + HEIGHT < self.world.blocks.shape[2] and not LIQUID[near].any()

    def _clear(self) -> None:
        """Level the land as high as the player's feet: its own ground below, air above."""
        x, y, z = self._around()
        blocks = self.world.blocks
        under = int(blocks[int(self.world.body[s.X]), int(self.world.body[s.Y]), z - 1])
        ground = BLOCKS[under].name if SOLID[under] and under != BLOCK_IDS["sand"] else "sandstone"
        for i in x[2:-2]:
            for j in y[2:-2]:
                for k in range(z + HEIGHT - 1, z - 3, -1):
                    block = ground if k < z else "air"
                    hollow = k >= z or not SOLID[blocks[i, j, k]] or k == z - 1
                    if hollow and blocks[i, j, k] != BLOCK_IDS[block]:
                        self.env.set_block(int(i), int(j), k, block)

    def quiet(self) -> None:
        """Switch off what lives and changes by itself, and clear the sky."""
        world = self.world
        world.kinds[world.kinds[:, s.KIND] >= FIRST_CREATURE] = 0
        world.switches[[SWITCH[name] for name in QUIET]] = 0
        self.env.set_weather("clear")


class Moments:
    """Plays from one moment of an env, with the states along the way."""

    def __init__(self, env: VoxelEnv) -> None:
        self.env, self.start = env, env.clone_state()

    def play(
        self, acts: Sequence[int], keep: Sequence[int] = ()
    ) -> tuple[Frames, dict[int, Snapshot], list[set[str]]]:
        """Play actions from the moment.

        Returns:
            Frames u8 (K, H, W, 3), the states after the steps of `keep` (1 for the first), and the events of each step.
        """
        self.env.restore_state(self.start)
        frames, kept, told = [], {}, []
        for step, act in enumerate(acts, 1):
            frame, _, _, _, info = self.env.step(act)
            frames.append(frame)
            told.append({self.env.event_names[i] for i in np.flatnonzero(info["events"])})
            if step in keep:
                kept[step] = self.env.clone_state()
        return np.stack(frames), kept, told

    def edited(self, moment: Snapshot, *edits: Any) -> Snapshot:
        """Return another moment, which functions of the env have changed."""
        self.env.restore_state(moment)
        for edit in edits:
            edit(self.env)
        aim_again(self.env.state)
        return self.env.clone_state()
