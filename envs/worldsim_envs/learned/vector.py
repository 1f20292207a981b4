"""`LearnedVectorEnv`: B learned worlds in one batch, in Gymnasium's terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from worldsim.actions import ActionSpec
from worldsim.sampling.world import Snapshot, World
from worldsim_envs.learned.starts import EnvError, Start, read_mask, read_options, read_seeds

__all__ = ["EnvState", "LearnedVectorEnv"]


@dataclass(frozen=True)
class EnvState:
    """All that the future of a learned env depends on; from `clone_state`, for `restore_state`."""

    world: Snapshot
    frames: np.ndarray
    elapsed: np.ndarray
    over: np.ndarray
    random: tuple[Mapping[str, Any], ...]


class LearnedVectorEnv(gym.vector.VectorEnv[np.ndarray, Any, np.ndarray]):
    """B learned worlds in one batch, each with its own seed, prompt and episode.

    Observations are frames u8 (B, H, W, 3), rewards f64 (B,). Every info holds `events` f32 (B, E), named by
    `event_names`, and `end_probability` f32 (B,). A row's frames depend on its own seed and actions only.

    Args:
        num_envs: B ≥ 1.
        checkpoint: name of a shipped checkpoint, a folder, or a `World` of B rows that is already loaded.
        steps: denoising passes per frame; fewer is faster, more is sharper.
        prompt: what each episode starts under; "" leaves the world free.
        render_mode: None or "rgb_array".
        max_episode_steps: an episode is truncated after so many steps; None never truncates.
        autoreset_mode: one of Gymnasium's three `AutoresetMode`, or its value as text.
        threshold: an episode terminates when the probability of its end reaches this, in (0, 1].
        device: where the model runs.

    Raises:
        EnvError: an argument is not as described.
        CheckpointError: the checkpoint is missing or broken.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10, "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int = 1,
        checkpoint: str | Path | World = "overworld-small",
        *,
        steps: int = 2,
        prompt: str = "",
        render_mode: str | None = None,
        max_episode_steps: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        threshold: float = 0.5,
        device: str = "cpu",
    ) -> None:
        if num_envs < 1:
            raise EnvError(f"num_envs must be at least 1, got {num_envs}")
        if render_mode not in (None, "rgb_array"):
            raise EnvError(f"render_mode must be None or 'rgb_array', got {render_mode!r}")
        if max_episode_steps is not None and max_episode_steps < 1:
            raise EnvError(f"max_episode_steps must be at least 1 or None, got {max_episode_steps}")
        if not 0 < threshold <= 1:
            raise EnvError(f"threshold must be in (0, 1], got {threshold}")
        try:
            self.autoreset_mode = AutoresetMode(autoreset_mode)
        except ValueError as error:
            modes = [mode.value for mode in AutoresetMode]
            raise EnvError(f"autoreset_mode must be one of {modes}, got {autoreset_mode!r}") from error
        if isinstance(checkpoint, str | Path):
            self.world = World.from_pretrained(checkpoint, rows=num_envs, steps=steps, device=device)
        else:
            self.world = checkpoint
        if self.world.rows != num_envs:
            raise EnvError(f"num_envs={num_envs} needs a World of {num_envs} rows, got one of {self.world.rows}")

        self.num_envs = num_envs
        self.prompt = prompt
        self.render_mode = render_mode
        self.max_episode_steps = max_episode_steps
        self.threshold = threshold
        card = self.world.card
        self.metadata = {**self.metadata, "render_fps": card.fps, "autoreset_mode": self.autoreset_mode}
        self.fps: float = card.fps
        self.action_spec: ActionSpec = card.action_spec
        self.event_names: tuple[str, ...] = tuple(card.event_names[1:])  # column 0 is the reward
        self.single_action_space = self.action_spec.space
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.single_observation_space = spaces.Box(0, 255, (*card.size, 3), np.uint8)
        self.observation_space = batch_space(self.single_observation_space, num_envs)

        self._random: list[np.random.Generator] = []  # one per row, from the first reset on
        self._frames = np.zeros((num_envs, *card.size, 3), np.uint8)  # what each row shows now
        self._elapsed = np.zeros(num_envs, np.int64)  # steps since the episode began
        self._over = np.zeros(num_envs, np.bool_)  # the episode has ended and not begun anew

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin all episodes anew, or those of `options["reset_mask"]`.

        Args:
            seed: row i takes `seed + i`, or `seed[i]`; None goes on from the row's own random state.
            options: each key is optional.
                `frames` u8 (T, H, W, 3), or (B, T, H, W, 3): what has been seen; the world goes on from the last one.
                `actions` (T, …), or (B, T, …), in the env's own action space: action t led to frame t, the first is
                ignored.
                `prompt` str, or B of them: the text to begin under, instead of the constructor's.
                `reset_mask` bool (B,): only these rows begin anew.
                Without frames a row begins from noise under its prompt; without a prompt too, from a start that is
                stored with the checkpoint and drawn by the row's seed.

        Raises:
            EnvError: an option that is unknown, or not as described.
            PromptError: the prompt is too long for the model.
        """
        options = options or {}
        start = self._read(options)
        rows = read_mask(options.get("reset_mask"), self.num_envs)
        seeds = read_seeds(seed, self.num_envs)
        if not self._random and len(rows) < self.num_envs:
            raise EnvError("the first reset must be of all rows; leave reset_mask out")
        fresh = self._random or [seeding.np_random()[0] for _ in range(self.num_envs)]
        self._random = [
            seeding.np_random(seeds[i])[0] if seeds[i] is not None and i in rows else generator
            for i, generator in enumerate(fresh)
        ]
        self._begin(rows, start.take(rows))
        asked = np.isin(np.arange(self.num_envs), rows)
        none = np.zeros((self.num_envs, len(self.event_names)), np.float32)
        return self._frames.copy(), _info(none, np.zeros(self.num_envs, np.float32), asked)

    def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One frame on in every row.

        Args:
            actions: B actions, as `action_space` batches them.

        Raises:
            ActionError: an action is not in the space.
            EnvError: the wrong number of actions, no reset yet, or a row stepped past its end with autoreset disabled.
        """
        vectors = self.action_spec.encode_batch(actions)
        if len(vectors) != self.num_envs:
            raise EnvError(f"step needs {self.num_envs} actions, one per row, got {len(vectors)}")
        return self.step_vectors(vectors)

    def step_vectors(
        self, vectors: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """`step` with action vectors f32 (B, A) in [-1, 1]: any combination of keys, and a continuous camera."""
        if not self._random:
            raise EnvError("call reset before the first step")
        starting = self._over.copy()
        if self.autoreset_mode is AutoresetMode.DISABLED and starting.any():
            raise EnvError(
                f"the episodes of rows {np.flatnonzero(starting).tolist()} are over; reset before the next step "
                "(a vector env without autoreset takes options={'reset_mask': ...})"
            )
        step = self.world.imagine(vectors)
        self._frames = step.frames.copy()
        self._elapsed += 1
        rewards, events = step.events[:, 0].astype(np.float64), step.events[:, 1:].astype(np.float32)
        probability = step.ended.astype(np.float32)
        terminated = probability >= self.threshold
        truncated = np.zeros(self.num_envs, np.bool_)
        if self.max_episode_steps is not None:
            truncated = self._elapsed >= self.max_episode_steps
        if starting.any():  # NEXT_STEP: this call is their reset, and their action counts for nothing
            self._begin(np.flatnonzero(starting))
            rewards[starting], events[starting], probability[starting] = 0.0, 0.0, 0.0
            terminated, truncated = terminated & ~starting, truncated & ~starting
        self._over = terminated | truncated

        info = _info(events, probability)
        if self.autoreset_mode is AutoresetMode.SAME_STEP and self._over.any():
            over = self._over.copy()
            last = np.full(self.num_envs, None, dtype=object)
            for row in np.flatnonzero(over):
                last[row] = self._frames[row].copy()
            info = {
                **_info(np.where(over[:, None], 0, events), np.where(over, 0, probability)),
                "final_obs": last,
                "_final_obs": over,
                "final_info": _info(events, probability, over),
                "_final_info": over.copy(),
            }
            self._begin(np.flatnonzero(over))
        return self._frames.copy(), rewards, terminated, truncated, info

    def render(self) -> tuple[np.ndarray, ...] | None:
        """The current frames, u8 (H, W, 3) each, or None with a warning when no `render_mode` was given."""
        if self.render_mode is None:
            gym.logger.warn("render() was called on an env without a render_mode; make it with render_mode='rgb_array'")
            return None
        return tuple(frame.copy() for frame in self._frames)

    def set_prompt(self, text: str | Sequence[str]) -> None:
        """Steer with new text, one for all rows or one each, from the next frame on and until the episode's end.

        Raises:
            PromptError: the text is too long for the model.
        """
        self.world.set_prompt(text if isinstance(text, str) else list(text))

    def clone_state(self) -> EnvState:
        """The exact state, randomness included. Wrappers (`TimeLimit`'s counter) keep theirs."""
        return EnvState(
            self.world.snapshot(),
            self._frames.copy(),
            self._elapsed.copy(),
            self._over.copy(),
            tuple(generator.bit_generator.state for generator in self._random),
        )

    def restore_state(self, state: EnvState) -> None:
        """Go back to a cloned state; the same actions then give the same frames again."""
        self.world.restore(state.world)
        self._frames, self._elapsed, self._over = state.frames.copy(), state.elapsed.copy(), state.over.copy()
        self._random = [_generator(state) for state in state.random]

    def fork(self) -> LearnedVectorEnv:
        """A second env in the same state; the weights are shared, everything else goes its own way."""
        twin = LearnedVectorEnv(
            self.num_envs,
            self.world.fork(),
            prompt=self.prompt,
            render_mode=self.render_mode,
            max_episode_steps=self.max_episode_steps,
            autoreset_mode=self.autoreset_mode,
            threshold=self.threshold,
        )
        twin._frames, twin._elapsed, twin._over = self._frames.copy(), self._elapsed.copy(), self._over.copy()
        twin._random = [_generator(generator.bit_generator.state) for generator in self._random]
        return twin

    def _read(self, options: dict[str, Any]) -> Start:
        """What these options say that all rows start from."""
        frame = (*self.world.card.size, 3)
        return read_options(options, self.prompt, self.num_envs, frame, self.action_spec)

    def _begin(self, rows: np.ndarray, start: Start | None = None) -> None:
        """Start new episodes in these rows; without a given start, as the constructor's prompt says."""
        start = start or self._read({}).take(rows)
        stored = self.world.starts
        if start.frames is not None or stored is None:
            self._begin_from(rows, start)
            return
        free = np.array([not prompt for prompt in start.prompts])
        if not free.all():  # these first: a prompt that the model refuses is told before any row begins
            self._begin_from(rows[~free], start.take(np.flatnonzero(~free)))
        if free.any():
            drawn = [int(self._random[row].integers(stored.rows)) for row in rows[free]]
            self._begin_from(rows[free], Start(stored.frames[drawn], stored.actions[drawn], [""] * len(drawn)))

    def _begin_from(self, rows: np.ndarray, start: Start) -> None:
        """Start new episodes in these rows from exactly this."""
        seeds = [int(self._random[row].integers(2**62)) for row in rows]
        step = self.world.reset(start.frames, start.actions, start.prompts, seeds, rows.tolist())
        self._frames[rows] = step.frames
        self._elapsed[rows] = 0
        self._over[rows] = False


def _info(events: np.ndarray, probability: np.ndarray, rows: np.ndarray | None = None) -> dict[str, Any]:
    """A vector info in Gymnasium's form: each key with the mask of the rows that it speaks of (all by default)."""
    rows = np.ones(len(events), np.bool_) if rows is None else rows
    return {"events": events, "_events": rows.copy(), "end_probability": probability, "_end_probability": rows.copy()}


def _generator(state: Mapping[str, Any]) -> np.random.Generator:
    """A generator of its own in the given state."""
    generator = np.random.Generator(np.random.PCG64())
    generator.bit_generator.state = state
    return generator
