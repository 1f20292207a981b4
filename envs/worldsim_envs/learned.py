"""The learned world as a Gymnasium env: `LearnedVectorEnv`, and `LearnedEnv`, which is a batch of one of it.

A step is one `World.imagine`; reward, named events and the probability that the episode ended come from the model's
heads. An episode terminates when that probability reaches `threshold`: nothing is sampled, so one seed and one list of
actions give one trajectory. What the model does inside is `worldsim.sampling.world`'s business.
"""

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

__all__ = ["EnvError", "EnvState", "LearnedEnv", "LearnedVectorEnv"]

OPTIONS = ("frames", "actions", "prompt", "reset_mask")
KEYS = {  # the key that stands for a field of the voxel world's vector and a sign of it, as in the true env
    ("forward", 1): "w",
    ("back", 1): "s",
    ("left", 1): "a",
    ("right", 1): "d",
    ("sprint", 1): "r",
    ("jump", 1): " ",
    ("cameraX", -1): "j",
    ("cameraX", 1): "l",
    ("cameraY", -1): "i",
    ("cameraY", 1): "k",
    ("attack", 1): "f",
    ("use", 1): "e",
    ("swapHands", 1): "x",
    ("inventory", 1): "c",
    ("drop", 1): "q",
    **{(f"hotbar.{slot}", 1): str(slot) for slot in range(1, 10)},
}


class EnvError(ValueError):
    """A learned env was made, started or stepped with something that it does not accept."""


@dataclass(frozen=True)
class EnvState:
    """All that the future of a learned env depends on; from `clone_state`, for `restore_state`."""

    world: Snapshot
    frames: np.ndarray
    elapsed: np.ndarray
    over: np.ndarray
    random: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class _Start:
    """What rows start from: frames u8 (R, T, H, W, 3), vectors f32 (R, T, A) and R prompts."""

    frames: np.ndarray | None
    actions: np.ndarray | None
    prompts: list[str]


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
        if unknown := set(options) - set(OPTIONS):
            raise EnvError(f"reset takes the options {', '.join(OPTIONS)}, got {', '.join(sorted(map(str, unknown)))}")
        rows = self._masked(options.get("reset_mask"))
        seeds = self._seeds(seed)
        start = self._start(rows, options)
        fresh = self._random or [seeding.np_random()[0] for _ in range(self.num_envs)]
        self._random = [
            seeding.np_random(seeds[i])[0] if seeds[i] is not None and i in rows else generator
            for i, generator in enumerate(fresh)
        ]
        self._begin(rows, start)
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

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        """One seed per row, as Gymnasium's own vector envs hand them out."""
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int | np.integer):
            return [int(seed) + row for row in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise EnvError(f"seed must be an integer or {self.num_envs} of them, got {len(seed)}")
        return list(seed)

    def _masked(self, mask: np.ndarray | None) -> np.ndarray:
        """The rows that a reset mask names; all of them without one."""
        if mask is None:
            return np.arange(self.num_envs)
        mask = np.asarray(mask)
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise EnvError(f"reset_mask must be ({self.num_envs},) bool with at least one True, got {mask!r}")
        if not self._random and not mask.all():
            raise EnvError("the first reset must be of all rows; leave reset_mask out")
        return np.flatnonzero(mask)

    def _start(self, rows: np.ndarray, options: dict[str, Any]) -> _Start:
        """What the options say that these rows start from."""
        prompts = options.get("prompt", self.prompt)
        if isinstance(prompts, str):
            prompts = [prompts] * self.num_envs
        texts = isinstance(prompts, list | tuple) and all(isinstance(text, str) for text in prompts)
        if not texts or len(prompts) != self.num_envs:
            raise EnvError(f"prompt must be a text or {self.num_envs} of them, got {prompts!r}")
        frames, actions = options.get("frames"), options.get("actions")
        if frames is None:
            if actions is not None:
                raise EnvError("actions lead into frames: give options['frames'] with them")
            return _Start(None, None, [prompts[row] for row in rows])
        frames = self._given_frames(frames)[rows]
        if actions is not None:
            actions = self._given_actions(actions, frames.shape[1])[rows]
        return _Start(frames, actions, [prompts[row] for row in rows])

    def _given_frames(self, frames: np.ndarray) -> np.ndarray:
        """The frames of all rows, u8 (B, T, H, W, 3)."""
        size, rows = self.single_observation_space.shape, self.num_envs
        if (
            isinstance(frames, np.ndarray)
            and frames.dtype == np.uint8
            and frames.shape[-3:] == size
            and (frames.ndim == 4 or (frames.ndim == 5 and len(frames) == rows))
            and frames.shape[-4] > 0
        ):
            return np.broadcast_to(frames, (rows, *frames.shape[-4:]))
        got = f"{frames.shape} {frames.dtype}" if isinstance(frames, np.ndarray) else type(frames).__name__
        raise EnvError(
            f"options['frames'] must be (T, {', '.join(map(str, size or ()))}) uint8 with T >= 1, or {rows} such rows; "
            f"got {got}"
        )

    def _given_actions(self, actions: Any, length: int) -> np.ndarray:
        """The vectors of the actions of all rows, f32 (B, T, A); row 0 of each, the reset's, is zero."""
        space, leaf = self.single_action_space, actions
        while isinstance(space, spaces.Dict | spaces.Tuple):
            key, space = next(iter(space.items())) if isinstance(space, spaces.Dict) else (0, space[0])
            leaf = leaf[key]
        expected, got = (length, *(space.shape or ())), np.shape(leaf)
        if got not in (expected, (self.num_envs, *expected)):
            raise EnvError(
                f"options['actions'] must be {expected}, one action of {self.single_action_space} per frame, or "
                f"{self.num_envs} rows of it, got {got}"
            )
        each = [actions] if got == expected else [_take(actions, row) for row in range(self.num_envs)]
        vectors = np.zeros((len(each), length, self.action_spec.width), np.float32)
        for row, taken in enumerate(each if length > 1 else ()):
            vectors[row, 1:] = self.action_spec.encode_batch(_take(taken, slice(1, None)))
        return np.broadcast_to(vectors, (self.num_envs, *vectors.shape[1:]))

    def _begin(self, rows: np.ndarray, start: _Start | None = None) -> None:
        """Start new episodes in these rows; without a given start, as the constructor's prompt says."""
        start = start or self._start(rows, {})
        stored = self.world.stored_starts()
        if start.frames is not None or stored is None:
            self._begin_from(rows, start)
            return
        free = np.array([not prompt for prompt in start.prompts])
        if not free.all():  # these first: a prompt that the model refuses is told before any row begins
            self._begin_from(rows[~free], _Start(None, None, [prompt for prompt in start.prompts if prompt]))
        if free.any():
            drawn = [int(self._random[row].integers(stored.rows)) for row in rows[free]]
            self._begin_from(rows[free], _Start(stored.frames[drawn], stored.actions[drawn], [""] * len(drawn)))

    def _begin_from(self, rows: np.ndarray, start: _Start) -> None:
        """Start new episodes in these rows from exactly this."""
        seeds = [int(self._random[row].integers(2**62)) for row in rows]
        step = self.world.reset(start.frames, start.actions, start.prompts, seeds, rows.tolist())
        self._frames[rows] = step.frames
        self._elapsed[rows] = 0
        self._over[rows] = False


class LearnedEnv(gym.Env[np.ndarray, Any]):
    """One learned world: frames u8 (H, W, 3), a float reward, `events` f32 (E,) and `end_probability` in the info.

    The arguments are those of `LearnedVectorEnv`, whose batch of one this is; `gym.make` adds the time limit.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(
        self,
        checkpoint: str | Path | World = "overworld-small",
        *,
        steps: int = 2,
        prompt: str = "",
        render_mode: str | None = None,
        threshold: float = 0.5,
        device: str = "cpu",
    ) -> None:
        self._batch = LearnedVectorEnv(
            1,
            checkpoint,
            steps=steps,
            prompt=prompt,
            render_mode=render_mode,
            autoreset_mode=AutoresetMode.DISABLED,
            threshold=threshold,
            device=device,
        )
        self.metadata = {**self.metadata, "render_fps": self._batch.metadata["render_fps"]}
        self.render_mode = render_mode
        self.action_space = self._batch.single_action_space
        self.observation_space = self._batch.single_observation_space
        self.action_spec = self._batch.action_spec
        self.event_names = self._batch.event_names
        if self.action_spec.table is not None:  # the vectors that the true env brings, for whoever records this one
            self.action_names = self.action_spec.names
            self.action_vectors = self.action_spec.table.copy()

    @property
    def world(self) -> World:
        """The world behind the env, a batch of one."""
        return self._batch.world

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin anew; `options` as in `LearnedVectorEnv.reset`, each without the leading row axis."""
        super().reset(seed=seed)
        self._batch._random = [self.np_random]
        frames, info = self._batch.reset(options=options)
        return frames[0], _first(info)

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One frame on. Raises `ActionError` for an action outside the space, `EnvError` past the episode's end."""
        return self.step_vector(self.action_spec.encode(action))

    def step_vector(self, vector: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """`step` with an action vector f32 (A,) in [-1, 1]: any combination of keys, and a continuous camera."""
        frames, rewards, terminated, truncated, info = self._batch.step_vectors(np.asarray(vector, np.float32)[None])
        return frames[0], float(rewards[0]), bool(terminated[0]), bool(truncated[0]), _first(info)

    def render(self) -> np.ndarray | None:  # type: ignore[override]
        """The current frame u8 (H, W, 3), or None with a warning when no `render_mode` was given."""
        frames = self._batch.render()
        return None if frames is None else frames[0]

    def set_prompt(self, text: str) -> None:
        """Steer with new text from the next frame on. Raises `PromptError` when it is too long for the model."""
        self._batch.set_prompt(text)

    def clone_state(self) -> EnvState:
        """The exact state, randomness included. Wrappers (`TimeLimit`'s counter) keep theirs."""
        return self._batch.clone_state()

    def restore_state(self, state: EnvState) -> None:
        """Go back to a cloned state; the same actions then give the same frames again."""
        self._batch.restore_state(state)
        if self._batch._random:
            self.np_random = self._batch._random[0]

    def fork(self) -> LearnedEnv:
        """A second env in the same state; the weights are shared, everything else goes its own way."""
        batch = self._batch.fork()
        twin = LearnedEnv(batch.world, prompt=batch.prompt, render_mode=self.render_mode, threshold=batch.threshold)
        twin.restore_state(self.clone_state())
        return twin

    def get_action_meanings(self) -> list[str]:
        """What each action of a Discrete space is called, as the true env calls it."""
        return list(self.action_spec.meanings)

    def get_keys_to_action(self) -> dict[tuple[str, ...], int]:
        """The action of each set of held keys, for `gymnasium.utils.play`; empty for worlds without known keys."""
        spec, found = self.action_spec, {}
        for number, vector in enumerate(() if spec.table is None else spec.table):
            held = {(spec.names[i], int(np.sign(vector[i]))) for i in np.flatnonzero(vector)}
            if held and held <= set(KEYS):
                found[tuple(key for field, key in KEYS.items() if field in held)] = number
        return found


def _info(events: np.ndarray, probability: np.ndarray, rows: np.ndarray | None = None) -> dict[str, Any]:
    """A vector info in Gymnasium's form: each key with the mask of the rows that it speaks of (all by default)."""
    rows = np.ones(len(events), np.bool_) if rows is None else rows
    return {"events": events, "_events": rows.copy(), "end_probability": probability, "_end_probability": rows.copy()}


def _first(info: dict[str, Any]) -> dict[str, Any]:
    """The info of a batch's only row."""
    return {"events": info["events"][0], "end_probability": float(info["end_probability"][0])}


def _take(actions: Any, index: int | slice) -> Any:
    """Index the leading axis of actions, which a Dict or Tuple space holds in parts."""
    if isinstance(actions, dict):
        return {key: _take(part, index) for key, part in actions.items()}
    if isinstance(actions, tuple):
        return tuple(_take(part, index) for part in actions)
    return np.asarray(actions)[index]


def _generator(state: Mapping[str, Any]) -> np.random.Generator:
    """A generator of its own in the given state."""
    generator = np.random.Generator(np.random.PCG64())
    generator.bit_generator.state = state
    return generator
