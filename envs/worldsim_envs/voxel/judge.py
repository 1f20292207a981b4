"""Rewards, success and progress of a task, for a batch of worlds at once; a single env is a batch of one.

What a task has to remember of an episode is one row of numbers, so that snapshots copy it like the rest of the state.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.events import EVENT, EVENT_NAMES
from worldsim_envs.voxel.kinds import KINDS
from worldsim_envs.voxel.state import VoxelState
from worldsim_envs.voxel.tasks import ACHIEVEMENTS, Task

# Fields of a row of memory, f64: the goal's place, how far it was and how high the player stood at first, the best
# progress so far, whether the goal is reached; then counts of the task's events.
GOAL_X, GOAL_Y, GOAL_Z, FIRST_DISTANCE, FIRST_HEIGHT, BEST, DONE, COUNTS = range(8)
MEMORY_FIELDS = 24
CLOSE_TO_ANIMAL = 2.0
_ANIMAL = np.array([kind.animal for kind in KINDS])

Memory = NDArray[np.float64]


def score(success_rates: NDArray[np.float64]) -> float:
    """Return Crafter's score in percent (arXiv 2109.06780, section 3.3) of the success rates 0…1 of achievements."""
    return float(np.exp(np.log1p(100.0 * np.asarray(success_rates)).mean()) - 1.0)


class Judge:
    """Keeps the score of one task.

    Args:
        dense: pay progress too.
        world_size: blocks east, north, up.
    """

    def __init__(self, task: Task, dense: bool, world_size: tuple[int, int, int]) -> None:
        parts = {**task.hints, **task.needs}
        assert COUNTS + len(parts) <= MEMORY_FIELDS
        self.task, self.dense = task, dense
        self._torus = np.array(world_size[:2], np.float64)
        self._first = np.array([task.first.get(name, 0.0) for name in EVENT_NAMES])
        self._parts = np.array([EVENT[name] for name in parts], np.int64)
        self._often = np.array(list(parts.values()), np.float64)
        self._required = np.array([name in task.needs for name in parts], np.bool_)

    def begin(self, world: VoxelState, place: tuple[float, float, float] | None) -> Memory:
        """Return the memory (MEMORY_FIELDS,) of an episode that begins in `world` and leads to `place`."""
        memory = np.zeros(MEMORY_FIELDS)
        memory[[GOAL_X, GOAL_Y, GOAL_Z]] = world.body[:3] if place is None else place
        memory[FIRST_HEIGHT] = world.body[s.Z]
        memory[FIRST_DISTANCE] = self._distance(memory[None], world.body[None], world.entities[None],
                                                world.kinds[None])[0]  # fmt: skip
        return memory

    def step(
        self,
        memory: Memory,
        events: NDArray[np.float32],
        unlocked: NDArray[np.uint8],
        bodies: NDArray[np.float64],
        entities: NDArray[np.float64],
        kinds: NDArray[np.int64],
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return rewards f64 (B,) and success bool (B,) of a step of B worlds; brings memory and unlocked up to date.

        Args:
            memory: (B, MEMORY_FIELDS).
            events: of the step, (B, E); "reached_goal" is set here.
            unlocked: events seen in the episode, (B, E).
            bodies, entities, kinds: of the states after the step, each with a first axis of B.
        """
        rewards = np.zeros(len(events))
        if np.count_nonzero(events):
            fresh = (events > 0) & (unlocked == 0)
            rewards += fresh @ self._first
            unlocked[fresh] = 1
        if not self.task.has_goal:
            return rewards, np.zeros(len(events), np.bool_)
        count = len(self._parts)
        counts = memory[:, COUNTS : COUNTS + count]
        np.minimum(counts + events[:, self._parts], self._often, out=counts)
        before = memory[:, DONE] > 0
        done = (counts >= self._often)[:, self._required].all(axis=1)
        distance = self._distance(memory, bodies, entities, kinds) if self.task.near or self.dense else None
        if self.task.near:
            assert distance is not None
            done &= distance <= self.task.near
        climbed = bodies[:, s.Z] - memory[:, FIRST_HEIGHT]
        if self.task.climb:
            done &= climbed >= self.task.climb - 0.01
        success = done & ~before
        memory[:, DONE] = np.maximum(memory[:, DONE], done)
        rewards += success
        events[success, EVENT["reached_goal"]] = 1.0
        if self.dense:
            assert distance is not None
            progress = np.where(done, 1.0, self._progress(memory, counts, distance, climbed))
            rewards += np.maximum(progress - memory[:, BEST], 0.0)
            memory[:, BEST] = np.maximum(progress, memory[:, BEST])
        return rewards, memory[:, DONE] > 0

    def _distance(self, memory: Memory, bodies: NDArray[np.float64], entities: NDArray[np.float64],
                  kinds: NDArray[np.int64]) -> NDArray[np.float64]:  # fmt: skip
        """Return how far each player is from what the task seeks, (B,), 0 where it seeks nothing."""
        if self.task.seek == "animal":
            away = self._apart(entities[:, :, :3], bodies[:, None, :3])  # (B, MAX_ENTITIES)
            return np.where(_ANIMAL[kinds[:, :, s.KIND]], away, 64.0).min(axis=1)
        if self.task.seek == "place":
            return self._apart(memory[:, GOAL_X : GOAL_Z + 1], bodies[:, :3])
        return np.zeros(len(bodies))

    def _apart(self, one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distances between points (…, 3), the short way round the torus."""
        gap = one - other
        half = self._torus / 2
        gap[..., :2] = (gap[..., :2] + half) % self._torus - half
        return np.sqrt(np.square(gap).sum(axis=-1))

    def _progress(self, memory: Memory, counts: NDArray[np.float64], distance: NDArray[np.float64],
                  climbed: NDArray[np.float64]) -> NDArray[np.float64]:  # fmt: skip
        """Return the progress 0…1 of each row: the mean of the shares of all that the task asks for."""
        shares = [counts / self._often] if len(self._parts) else []
        if self.task.seek:
            close = self.task.near or CLOSE_TO_ANIMAL
            way = np.maximum(memory[:, FIRST_DISTANCE] - close, 1.0)
            shares.append(np.clip(1.0 - (distance - close) / way, 0.0, 1.0)[:, None])
        if self.task.climb:
            shares.append(np.clip(climbed / self.task.climb, 0.0, 1.0)[:, None])
        return np.concatenate(shares, axis=1).mean(axis=1)


def achieved(unlocked: NDArray[np.uint8]) -> dict[str, bool]:
    """Return which achievements of Survival an episode has unlocked, by name."""
    return {name: bool(unlocked[EVENT[name]]) for name in ACHIEVEMENTS}
