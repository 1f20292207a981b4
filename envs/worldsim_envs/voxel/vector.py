"""`VoxelVectorEnv`: B voxel worlds in one process, stepped by threads; each row is exactly what a single env would be.

The arrays of all rows lie stacked, so that rewards are reckoned for the whole batch at once and each thread runs its
rows in compiled code that holds no lock. Resets go through the rows' own `VoxelEnv`s.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from time import perf_counter
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array
from numpy.typing import NDArray

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import LIQUID
from worldsim_envs.voxel.checks import VoxelError, checked_count
from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.episodes import Snapshot
from worldsim_envs.voxel.language.story import TOLD
from worldsim_envs.voxel.render.bodies import BODY_TABLES
from worldsim_envs.voxel.render.looks import LOOKS
from worldsim_envs.voxel.render.picture import View
from worldsim_envs.voxel.rows import step_rows
from worldsim_envs.voxel.state import VoxelState

Batch = dict[str, Any]


@dataclass(frozen=True)
class VectorSnapshot:
    """All rows at one step; `VoxelVectorEnv.restore_state` takes it. Opaque to callers."""

    rows: tuple[Snapshot, ...]
    elapsed: NDArray[np.int64]
    over: NDArray[np.bool_]


class VoxelVectorEnv(gym.vector.VectorEnv[Any, Any, Any]):
    """B voxel worlds in one batch.

    Rewards are f64 (B,); every info holds "events" f32 (B, E) and what else a single env's holds, with their masks.

    Args:
        num_envs: B ≥ 1.
        max_episode_steps: an episode is truncated after so many steps; None never truncates.
        autoreset_mode: one of Gymnasium's three `AutoresetMode`, or its value as text.
        threads: how many threads step the rows; None takes one for each processor that is ours, at most B.
        settings: keyword arguments of `VoxelEnv`, the same for all rows.

    Raises:
        VoxelError: an argument is not as described.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "render_modes": ["rgb_array"], "render_fps": 10, "autoreset_mode": AutoresetMode.NEXT_STEP,
    }  # fmt: skip

    def __init__(
        self,
        num_envs: int = 1,
        *,
        max_episode_steps: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        threads: int | None = None,
        **settings: Any,
    ) -> None:
        self.num_envs = checked_count("num_envs", num_envs, 1, 4096)
        if max_episode_steps is not None:
            max_episode_steps = checked_count("max_episode_steps", max_episode_steps, 1, 2**31)
        self.max_episode_steps = max_episode_steps
        try:
            self.autoreset_mode = AutoresetMode(autoreset_mode)
        except ValueError as error:
            modes = [mode.value for mode in AutoresetMode]
            raise VoxelError(f"autoreset_mode must be one of {modes}, got {autoreset_mode!r}") from error
        ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        asked = min(self.num_envs, ours) if threads is None else threads
        self._threads = checked_count("threads", asked, 1, 256)
        self._pool = ThreadPoolExecutor(max(1, self._threads - 1), "voxel")  # beside the caller, who works, too
        self._settings = settings
        self._rows = [VoxelEnv(**settings) for _ in range(self.num_envs)]
        first = self._rows[0]
        self.render_mode, self.task, self.goal = first.render_mode, first.task, first.goal
        self.event_names, self.action_names = first.event_names, first.action_names
        self.metadata = {**first.metadata, "autoreset_mode": self.autoreset_mode}  # type: ignore[misc]
        self.single_action_space, self.single_observation_space = first.action_space, first.observation_space
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._stack: dict[str, NDArray[Any]] = {}
        self._memory = np.zeros((self.num_envs, 0))
        self._elapsed = np.zeros(self.num_envs, np.int64)  # steps since the episode began
        self._over = np.zeros(self.num_envs, np.bool_)  # the episode has ended and not begun anew
        self._observed: list[Any] = [None] * self.num_envs
        # Pictures and nothing else: then no row is looked at by itself.
        self._plain = first.observed == ("rgb",) and not first.labels
        self._scratch = [View(first.size).scratch for _ in range(self._threads)]
        self._costs = np.zeros(self.num_envs)  # seconds that each row took last
        pixels = (self.num_envs, *first.size)
        self._frames = np.zeros((*pixels, 3), np.uint8)
        self._labels = np.zeros(pixels, np.uint8), np.zeros(pixels, np.float32), np.zeros(pixels, np.uint8)
        for row, env in enumerate(self._rows):
            env.view.seen, env.view.depth, env.view.entities = (label[row] for label in self._labels)

    # ------------------------------------------------------------------------------------------ Gymnasium

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, Batch]:
        """Begin all episodes anew, or those of `options["reset_mask"]`; other options are a single env's.

        Args:
            seed: row i takes `seed + i`, or `seed[i]`; None goes on from the row's own random state.
        """
        options = dict(options or {})
        rows = self._masked(options.pop("reset_mask", None))
        if not self._stack and len(rows) < self.num_envs:
            raise VoxelError("the first reset is of all rows; call reset without a reset_mask first")
        infos = self._begin(rows, self._seeds(seed), options)
        return self._observations(), self._batched(infos)

    def step(self, actions: Any) -> tuple[Any, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Batch]:
        """Hold one action per row for `frame_skip` ticks."""
        if not self._stack:
            raise gym.error.ResetNeeded("the worlds do not exist yet; call reset() first")
        starting = self._over.copy()
        if self.autoreset_mode is AutoresetMode.DISABLED and starting.any():
            raise VoxelError(
                f"the episodes of rows {np.flatnonzero(starting).tolist()} are over; reset before the next step "
                "(a vector env without autoreset takes options={'reset_mask': ...})"
            )
        vectors = self._rows[0].actions.vectors(actions, self.num_envs)
        playing = np.flatnonzero(~starting)
        events, rewards, success = self._play(vectors, playing)
        self._elapsed[playing] += 1
        terminated = (self._stack["marks"][:, s.DEAD] > 0) | success
        truncated = np.zeros(self.num_envs, np.bool_)
        if self.max_episode_steps is not None:
            truncated = self._elapsed >= self.max_episode_steps
        told: dict[int, dict[str, Any]] = {}
        if starting.any():  # NEXT_STEP: this call is their reset, and their action counts for nothing
            terminated, truncated = terminated & ~starting, truncated & ~starting
            told |= self._begin(np.flatnonzero(starting))
        self._over = terminated | truncated
        same_step = self.autoreset_mode is AutoresetMode.SAME_STEP and bool(self._over.any())
        if self._plain and not same_step:
            return self._frames.copy(), rewards, terminated, truncated, self._told(events, success)
        for row in playing.tolist():
            self._observed[row], told[row] = self._rows[row].read(events[row], bool(success[row]))
        if not same_step:
            return self._observations(), rewards, terminated, truncated, self._batched(told)
        over = np.flatnonzero(self._over)
        last = np.full(self.num_envs, None, dtype=object)
        for row in over.tolist():
            last[row] = self._observed[row]
        final = {"final_obs": last, "_final_obs": self._over.copy(), "_final_info": self._over.copy(),
                 "final_info": self._batched({row: told[row] for row in over.tolist()})}  # fmt: skip
        told |= self._begin(over)
        return self._observations(), rewards, terminated, truncated, {**self._batched(told), **final}

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """Return the current frames, u8 (H, W, 3) each; None without a render mode."""
        if self.render_mode is None:
            gym.logger.warn('render() returns None without render_mode="rgb_array"')
            return None
        return tuple(frame for row in self._rows if (frame := row.render()) is not None)

    def close_extras(self, **kwargs: Any) -> None:
        """Free the worlds and the threads."""
        self._pool.shutdown()
        self._stack = {}
        for row in self._rows:
            row.close()

    # ------------------------------------------------------------------------------------------ state

    @property
    def rows(self) -> list[VoxelEnv]:
        """The single envs of the rows, for whoever reads their states; only the batch steps them."""
        return self._rows

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which actions can change anything now, bool (B, n)."""
        return np.stack([row.action_masks() for row in self._rows])

    def clone_state(self) -> VectorSnapshot:
        """Return all of all worlds, randomness included."""
        return VectorSnapshot(tuple(row.clone_state() for row in self._rows), self._elapsed.copy(), self._over.copy())

    def restore_state(self, snapshot: VectorSnapshot) -> Any:
        """Go back to a snapshot, exactly. Returns the observations of that moment."""
        if not isinstance(snapshot, VectorSnapshot) or len(snapshot.rows) != self.num_envs:
            raise VoxelError(f"snapshot must come from clone_state() of a vector env of {self.num_envs} rows")
        for row, (env, one) in enumerate(zip(self._rows, snapshot.rows, strict=True)):
            self._observed[row] = env.restore_state(one)
            self._adopt(row)
        self._elapsed, self._over = snapshot.elapsed.copy(), snapshot.over.copy()
        return self._observations()

    def fork(self) -> VoxelVectorEnv:
        """Return another vector env with the same settings, in the same state."""
        twin = VoxelVectorEnv(
            self.num_envs, max_episode_steps=self.max_episode_steps, autoreset_mode=self.autoreset_mode,
            threads=self._threads, **self._settings,
        )  # fmt: skip
        twin.restore_state(self.clone_state())
        return twin

    # ------------------------------------------------------------------------------------------ inside

    def _begin(self, rows: NDArray[np.int64], seeds: Sequence[int | None] | None = None,
               options: dict[str, Any] | None = None) -> dict[int, dict[str, Any]]:  # fmt: skip
        """Begin the episodes of some rows; returns their infos."""
        infos = {}
        for row in rows.tolist():
            seed = None if seeds is None else seeds[row]
            self._observed[row], infos[row] = self._rows[row].reset(seed=seed, options=options)
            self._adopt(row)
        self._elapsed[rows], self._over[rows] = 0, False
        return infos

    def _adopt(self, row: int) -> None:
        """Move a row's state into the stack, where the row's env then finds it."""
        env = self._rows[row]
        world = env.state
        if not self._stack:
            for field in fields(VoxelState):
                array = getattr(world, field.name)
                self._stack[field.name] = np.zeros((self.num_envs, *array.shape), array.dtype)
            self._memory = np.zeros((self.num_envs, *env.memory.shape))
        for name, array in self._stack.items():
            array[row] = getattr(world, name)
        self._memory[row] = env.memory
        self._frames[row] = env.picture()
        state = VoxelState(**{name: array[row] for name, array in self._stack.items()})
        env.adopt(state, self._memory[row], self._frames[row])

    def _play(
        self, vectors: NDArray[np.float32], playing: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_]]:
        """Step some rows and draw them; returns events (B, E), rewards (B,) and success (B,), zero in other rows."""
        events = np.zeros((self.num_envs, len(self.event_names)), np.float32)
        flat = self._frames.reshape(self.num_envs, -1)
        tick, clouds = VoxelState(**self._stack).tick, self._stack["clouds"]
        skip, hud = self._rows[0].frame_skip, self._rows[0].hud

        looks, rows = (LOOKS, BODY_TABLES, LIQUID), playing[np.argsort(-self._costs[playing], kind="stable")]
        waiting = iter(range(len(rows)))  # what costs most comes first, and each thread takes what is left

        def work(thread: int) -> None:
            for place in waiting:
                start = perf_counter()
                step_rows(tick, clouds, looks, vectors, skip, events, self._scratch[thread], self._labels, hud, flat,
                          rows[place : place + 1])  # fmt: skip
                self._costs[rows[place]] = perf_counter() - start

        others = [self._pool.submit(work, thread) for thread in range(1, min(self._threads, len(rows)))]
        work(0)
        for other in others:
            other.result()
        stack, judge = self._stack, self._rows[0].judge
        asleep = len(playing) < self.num_envs
        at = playing if asleep else slice(None)
        memory, unlocked, happened = self._memory[at], stack["unlocked"][at], events[at]
        rewards, success = np.zeros(self.num_envs), np.zeros(self.num_envs, np.bool_)
        rewards[at], success[at] = judge.step(memory, happened, unlocked, stack["body"][at], stack["entities"][at],
                                              stack["kinds"][at])  # fmt: skip
        if asleep:
            self._memory[at], stack["unlocked"][at], events[at] = memory, unlocked, happened
        telling = np.flatnonzero((events[:, TOLD] > 0).any(axis=1)).tolist()
        for row in playing.tolist():
            self._rows[row].note(vectors[row], events[row] if row in telling else None)
        return events, rewards, success

    def _told(self, events: NDArray[np.float32], success: NDArray[np.bool_]) -> Batch:
        """Return the infos of all rows, of envs that tell of nothing but events (B, E) and success (B,)."""
        known = np.ones(self.num_envs, np.bool_)
        batch = {"events": events, "_events": known}
        return {**batch, "success": success, "_success": known.copy()} if self.task.has_goal else batch

    def _observations(self) -> Any:
        """Return the observations of all rows, in new arrays."""
        if self._plain:
            return self._frames.copy()
        room = create_empty_array(self.single_observation_space, self.num_envs)
        return concatenate(self.single_observation_space, self._observed, room)

    def _batched(self, infos: dict[int, dict[str, Any]]) -> Batch:
        """Return infos of some rows in Gymnasium's form: each key as an array, with the mask of its rows."""
        batch: Batch = {}
        mask = np.zeros(self.num_envs, np.bool_)
        mask[list(infos)] = True
        for key in next(iter(infos.values()), {}):
            one = np.asarray(next(iter(infos.values()))[key])
            batch[key] = np.zeros((self.num_envs, *one.shape), one.dtype)
            for row, info in infos.items():
                batch[key][row] = info[key]
            batch[f"_{key}"] = mask.copy()
        return batch

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        """Return one seed per row, as Gymnasium's own vector envs hand them out."""
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, (int, np.integer)):
            return [int(seed) + row for row in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise VoxelError(f"seed must be an integer or {self.num_envs} of them, got {len(seed)}")
        return list(seed)

    def _masked(self, mask: Any) -> NDArray[np.int64]:
        """Return the rows that a reset mask names; all of them without one."""
        if mask is None:
            return np.arange(self.num_envs)
        mask = np.asarray(mask)
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise VoxelError(f"reset_mask must be bool ({self.num_envs},) with a row to reset, got {mask!r}")
        return np.flatnonzero(mask)
