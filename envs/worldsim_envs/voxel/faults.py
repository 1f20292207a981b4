"""The voxel world with one fault planted each: what a study has to catch. `FAULTS` names them.

Each wraps a `VoxelEnv`, so that a study starts it from the same states. Chances follow from the state's own key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.actions import DISCRETE_ACTIONS
from worldsim_envs.voxel.answering import Answering
from worldsim_envs.voxel.blocks import AIR
from worldsim_envs.voxel.editor import aim_again
from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.episodes import Snapshot
from worldsim_envs.voxel.kinds import FALLING, FIRST_CREATURE, KINDS, STILL
from worldsim_envs.voxel.life.spawn import CREATURES
from worldsim_envs.voxel.switches import SWITCH

NUMBERS = {name: number for number, name in enumerate(DISCRETE_ACTIONS)}
LEFT_RIGHT = (("left", "right"), ("turn_left", "turn_right"), ("forward+turn_left", "forward+turn_right"))


class Fault(gym.Wrapper[Any, Any, Any, Any]):
    """A voxel world in which nothing is wrong yet; `world` is the class of it."""

    world: ClassVar[type[VoxelEnv]] = VoxelEnv

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.steps, self.first = 0, np.zeros(0, np.uint8)
        self.random = np.random.default_rng(0)

    @property
    def raw(self) -> VoxelEnv:
        """The env inside."""
        assert isinstance(self.unwrapped, VoxelEnv)
        return self.unwrapped

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin anew."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._begin(observation), info

    def restore_state(self, snapshot: Snapshot) -> Any:
        """Go on from a state of the true world. Returns the observation."""
        return self._begin(self.raw.restore_state(snapshot))

    def _begin(self, observation: Any) -> Any:
        self.steps, self.first = 0, observation
        self.random = np.random.default_rng(self.raw.state.random.tolist())
        self.begun()
        return observation

    def begun(self) -> None:
        """What is wrong from the start."""

    def redrawn(self) -> Any:
        """The picture after the state was changed."""
        aim_again(self.raw.state)
        self.raw.draw()
        return self.raw.picture()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step, with the fault."""
        self.steps += 1
        return self.faulty(action)

    def faulty(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """What a step does."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, float(reward), terminated, truncated, info


class Frozen(Fault):
    """Shows the first frame for ever."""

    def faulty(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.first.copy(), 0.0, False, False, {"events": np.zeros(len(self.raw.event_names), np.float32)}


class RandomFrames(Fault):
    """Shows noise."""

    def faulty(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = super().faulty(action)
        noise = self.random.integers(0, 256, observation.shape, dtype=np.uint8)
        return noise, reward, terminated, truncated, info


class ShuffledActions(Fault):
    """Does something else than it is told."""

    def faulty(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return super().faulty(int(self.random.integers(len(DISCRETE_ACTIONS))))


class Reverting(Fault):
    """Blocks that were mined come back a few steps later: one in ten."""

    share, later = 0.1, 3

    def begun(self) -> None:
        self.due: list[tuple[int, int, int, int, int]] = []

    def faulty(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        before = self.raw.state.blocks.copy() if "attack" in list(DISCRETE_ACTIONS)[int(action)] else None
        observation, reward, terminated, truncated, info = super().faulty(action)
        if before is not None:
            for x, y, z in np.argwhere((before != AIR) & (self.raw.state.blocks == AIR)).tolist():
                if self.random.random() < self.share:
                    self.due.append((self.steps + self.later, x, y, z, int(before[x, y, z])))
        back = [one for one in self.due if one[0] <= self.steps]
        self.due = [one for one in self.due if one[0] > self.steps]
        for _, x, y, z, block in back:
            self.raw.set_block(x, y, z, block)
        return (self.redrawn() if back else observation), reward, terminated, truncated, info


class AlwaysReverting(Reverting):
    """Every block that was mined comes back."""

    share = 1.0


class Crumbling(Fault):
    """Whatever block the player changes takes the standing ones around it along: those higher than its foot."""

    reach = 3

    def faulty(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        before = self.raw.state.blocks.copy()
        observation, reward, terminated, truncated, info = super().faulty(action)
        blocks = self.raw.state.blocks
        found = np.argwhere(before != blocks).tolist()
        side = np.arange(-self.reach, self.reach + 1)
        for x, y, z in found:
            for i in (x + side) % blocks.shape[0]:
                for j in (y + side) % blocks.shape[1]:
                    if (i, j) != (x, y) and blocks[i, j, z + 1] != AIR:
                        self.raw.set_block(int(i), int(j), z + 1, AIR)
        return (self.redrawn() if found else observation), reward, terminated, truncated, info


class Late(Fault):
    """Shows all that happens two steps late."""

    steps_late = 2

    def begun(self) -> None:
        self.due = [self.first.copy()] * self.steps_late

    def faulty(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = super().faulty(action)
        self.due.append(observation)
        return self.due.pop(0), reward, terminated, truncated, info


class Splitting(Fault):
    """After eight steps every animal is two, as far as a world has room for creatures."""

    when = 8

    def faulty(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = super().faulty(action)
        if self.steps == self.when:
            world = self.raw.state
            animals = np.flatnonzero(world.kinds[:, s.KIND] >= FIRST_CREATURE)
            for row in animals[: CREATURES - len(animals)]:
                x, y, z = (float(v) for v in world.entities[row, :3])
                angle = np.radians(world.body[s.YAW])
                twin = self.raw.spawn(KINDS[world.kinds[row, s.KIND]].name, x + np.cos(angle), y - np.sin(angle), z)
                world.entities[twin, s.YAW] = world.entities[row, s.YAW]
                world.kinds[twin, [s.MODE, s.TIMER]] = STILL, world.kinds[row, s.TIMER]
            observation = self.redrawn()
        return observation, reward, terminated, truncated, info


class WideTurns(Fault):
    """Turns a fifth too far."""

    def faulty(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        before = float(self.raw.state.body[s.YAW])
        observation, reward, terminated, truncated, info = super().faulty(action)
        body = self.raw.state.body
        turned = (float(body[s.YAW]) - before + 180.0) % 360.0 - 180.0
        if abs(turned) > 1e-6:
            body[s.YAW] = (body[s.YAW] + 0.2 * turned) % 360.0
            observation = self.redrawn()
        return observation, reward, terminated, truncated, info


class FloatingSand(Fault):
    """Sand stays in the air, also what was falling already."""

    def begun(self) -> None:
        world = self.raw.state
        world.switches[SWITCH["falling_blocks"]] = 0
        for row in np.flatnonzero(world.kinds[:, s.KIND] == FALLING):
            x, y, z = np.floor(world.entities[row, :3] + 0.5 * (np.arange(3) == 2)).astype(int).tolist()
            block, world.kinds[row, s.KIND] = int(world.kinds[row, s.CARRIES]), 0
            self.raw.set_block(x, y, z, block)


class Mirrored(Fault):
    """Left is right, and right is left."""

    def faulty(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        swap = {NUMBERS[a]: NUMBERS[b] for pair in LEFT_RIGHT for a, b in (pair, pair[::-1])}
        return super().faulty(swap.get(int(action), action))


class Brightening(Fault):
    """The picture grows brighter by one percent in 32 frames."""

    def faulty(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = super().faulty(action)
        brighter = observation.astype(np.float64) * 1.01 ** (self.steps / 32)
        return np.clip(np.rint(brighter), 0, 255).astype(np.uint8), reward, terminated, truncated, info


class FreeReward(Fault):
    """Pays one in twenty steps for nothing."""

    def faulty(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = super().faulty(action)
        return observation, reward + float(self.random.random() < 0.05), terminated, truncated, info


class Misheard(Fault):
    """Hears left where a prompt says right, and right where it says left."""

    world = Answering

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        options = dict(options or {})
        if "prompt" in options:
            options["prompt"] = self.heard(options["prompt"])
        return super().reset(seed=seed, options=options)

    def set_prompt(self, text: str) -> None:
        """What comes of a prompt."""
        assert isinstance(self.raw, Answering)
        self.raw.set_prompt(self.heard(text))

    @staticmethod
    def heard(text: str) -> str:
        """The words as they are heard."""
        swap = {"left": "right", "right": "left"}
        return " ".join(swap.get(word, word) for word in text.split())


FAULTS: dict[str, type[Fault]] = {
    "frozen": Frozen, "random frames": RandomFrames, "shuffled actions": ShuffledActions, "reverting": Reverting,
    "always reverting": AlwaysReverting, "crumbling": Crumbling, "late": Late, "splitting": Splitting,
    "wide turns": WideTurns, "floating sand": FloatingSand, "mirrored": Mirrored, "brightening": Brightening,
    "free reward": FreeReward, "misheard": Misheard,
}  # fmt: skip


def faulty(name: str) -> Callable[[], gym.Env[Any, Any]]:
    """Return a function that makes the world with the fault of this name."""

    def make() -> gym.Env[Any, Any]:
        return FAULTS[name](FAULTS[name].world())

    make.__qualname__ = name
    return make
