"""`LearnedVectorEnv`: B learned worlds in one batch, in Gymnasium's terms."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from worldsim.actions import ActionSpec
from worldsim.data.frames import resize
from worldsim.model.calibration import end_threshold
from worldsim.sampling.denoise import Guidance
from worldsim.sampling.sizes import at_size
from worldsim.sampling.world import Step, World
from worldsim_envs.learned.arguments import (
    check_arguments,
    read_action_space,
    read_autoreset,
    read_guard,
    warn_of_passes,
)
from worldsim_envs.learned.origins import Place, TrueWorld, Twin, origin_of
from worldsim_envs.learned.starts import EnvError, Start, read_mask, read_options, read_seeds
from worldsim_envs.learned.states import EnvState, generator_in, vector_info
from worldsim_envs.learned.tasks import TaskJudge

__all__ = ["LATENT_LIMIT", "LearnedVectorEnv"]

LATENT_LIMIT = 8.0  # latents have unit size; what lies beyond is cut off


class LearnedVectorEnv(gym.vector.VectorEnv[np.ndarray, Any, np.ndarray]):
    """B learned worlds in one batch, each with its own seed, prompt and episode.

    Observations are frames u8 (B, H, W, 3), or latents f32 (B, C, h, w); rewards f64 (B,). Every info holds `events`
    f32 (B, E), probabilities named by `event_names`, and `end_probability` f32 (B,); under a task also `happened`
    bool (B, E) and, where it has a goal, `success`; and `surprise` f32 (B,) where it is asked for. A row's frames
    depend on its own seed and actions only.

    Args:
        num_envs: B ≥ 1.
        checkpoint: name of a shipped checkpoint, a folder, or a `World` of B rows that is already loaded.
        size: (H, W) of the frames, in steps of 16 pixels; None takes the checkpoint's own. Stored starts are clips of
            that own size, and stretched pictures are none that it has learned: at another size, episodes that no prompt
            begins start in the true world, as with `start="true"`, which draws frames of this size itself where it can.
            Where a checkpoint knows no true world (imported data), they begin from noise.
        steps: denoising passes per frame; fewer is faster. By default as many as the checkpoint's card says.
        temperature: size of the noise that frames begin as: near 0 they show the mean of what may come, and at 1, in 8
            steps, one of the things that may. By default as the checkpoint's card says.
        action_guidance: how strongly actions pull: 1 is as learned; above 1 turns go further, and each pass takes two.
        window: on how many past frames a new one depends; None takes all that the network remembers. A number below
            that is for comparisons: the network is not faster with it, but slower.
        prompt: what each episode starts under; "" leaves the world free.
        render_mode: None or "rgb_array".
        max_episode_steps: an episode is truncated after so many steps; None never truncates.
        autoreset_mode: one of Gymnasium's three `AutoresetMode`, or its value as text.
        threshold: an episode terminates when the probability of its end reaches this, in (0, 1]; None takes what
            `worldsim agent calibrate` measured with these weights, if the end is told there with F1 of at least 0.5, or
            else 0.5.
        device: where the model runs.
        action_space: what the true env takes as its keyword argument of that name, such as the voxel world's
            "multidiscrete" (keys and camera bins) and "dict" (MineRL's names); None takes the actions of the recording.
            `true_twin` keeps those.
        task: of the voxel world's table: its rewards and success, read off the predicted events. None takes the reward
            that the model predicts.
        dense: the task's dense form, where events alone can give it.
        start: where episodes begin that no option begins: "" at a start stored with the checkpoint, or from noise under
            a prompt; "true" in the true world, which is reset and played for a few frames; or a folder of recordings,
            anywhere. What "true" or a folder begins is told its prompt from the first new frame on.
        start_frames: true frames that are seen first, from "true" or a folder; 8, or all that the world remembers.
        start_policy: who plays them in the true world: "noop", "random", or "module:function".
        start_kwargs: keyword arguments of that true world.
        horizon: a rollout is truncated after so many steps, whatever the time limit of the task.
        obs: "rgb", or "latent", which leaves the decoder out.
        surprise: which of `worldsim.sampling.world.SURPRISES` the info holds; "" none.
        guard: a row is truncated once its surprise is above this; a quantile of the calibration by name ("0.99") too.

    Raises:
        EnvError: an argument is not as described.
        CheckpointError: the checkpoint is missing or broken.
        WorldError, ConfigError: steps, guidance, window, size or device are not as `World` takes them.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10, "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int = 1,
        checkpoint: str | Path | World = "overworld-small",
        *,
        size: tuple[int, int] | None = None,
        steps: int | None = None,
        temperature: float | None = None,
        action_guidance: float = 1.0,
        window: int | None = None,
        prompt: str = "",
        render_mode: str | None = None,
        max_episode_steps: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        threshold: float | None = None,
        device: str = "cpu",
        action_space: str | None = None,
        task: str | None = None,
        dense: bool = False,
        start: str | Path = "",
        start_frames: int | None = None,
        start_policy: str = "noop",
        start_kwargs: Mapping[str, Any] | None = None,
        horizon: int | None = None,
        obs: str = "rgb",
        surprise: str = "",
        guard: float | str | None = None,
    ) -> None:
        check_arguments(
            num_envs=num_envs, render_mode=render_mode, max_episode_steps=max_episode_steps, horizon=horizon, obs=obs,
            surprise=surprise, dense=dense, task=task, threshold=threshold,
        )  # fmt: skip
        self.autoreset_mode = read_autoreset(autoreset_mode)
        if isinstance(checkpoint, str | Path):
            loaded = World.from_pretrained(
                checkpoint, rows=num_envs, steps=steps, device=device, window=window, temperature=temperature,
                guidance=Guidance(actions=action_guidance),
            )  # fmt: skip
        elif window is None and action_guidance == 1 and temperature is None and steps is None and device == "cpu":
            loaded = checkpoint
        else:
            raise EnvError(
                "a World has passes, a device, a window, a temperature and a guidance of its own; give them to "
                "World.from_pretrained"
            )
        if loaded.rows != num_envs:
            raise EnvError(f"num_envs={num_envs} needs a World of {num_envs} rows, got one of {loaded.rows}")

        self.world = at_size(loaded, size)
        self.num_envs = num_envs
        self.prompt = prompt
        self.render_mode = render_mode
        self.max_episode_steps = max_episode_steps
        self.horizon = horizon
        self.threshold = end_threshold(self.world.calibration) if threshold is None else threshold
        self.surprise = surprise
        self.guard = read_guard(guard, surprise, self.world.calibration, self.world.steps)
        warn_of_passes(self.world.calibration, self.world.steps, task)
        card = self.world.card
        self.metadata = {**self.metadata, "render_fps": card.fps, "autoreset_mode": self.autoreset_mode}
        self.fps: float = card.fps
        self.action_spec: ActionSpec = read_action_space(action_space, card)
        self.event_names: tuple[str, ...] = tuple(card.event_names[1:])  # column 0 is the reward
        self.single_action_space = self.action_spec.space
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.obs = obs
        if obs == "latent":
            shape = tuple(self.world.cache.last.shape[1:])
            self.single_observation_space = spaces.Box(-LATENT_LIMIT, LATENT_LIMIT, shape, np.float32)
        else:
            self.single_observation_space = spaces.Box(0, 255, (*card.size, 3), np.uint8)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.task = task
        calibration = self.world.calibration
        self._judge = None if task is None else TaskJudge(task, self.event_names, calibration, num_envs, dense)
        self._chosen = bool(str(start))  # else a prompt begins its own episodes
        if start == "" and self.world is not loaded and card.env["id"]:
            start = "true"
        self._origin = origin_of(start, card, task, start_frames, start_policy, dict(start_kwargs or {}))
        self.true_places: list[Place | None] = [None] * num_envs  # of the last given frame of each row

        self._random: list[np.random.Generator] = []  # one per row, from the first reset on
        space = self.single_observation_space
        self._observed = np.zeros((num_envs, *space.shape), space.dtype)  # what each row shows now
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
                Without frames a row begins as the constructor's `start` says, drawn by the row's seed; under a prompt,
                where none was chosen, from noise. A true world that is forked from is reset with that very seed.

        Raises:
            EnvError: an option that is unknown, or not as described.
            PromptError: the prompt is too long for the model.
        """
        return self._reset(options or {}, read_seeds(seed, self.num_envs))

    def _reset(
        self, options: dict[str, Any], seeds: list[int | None], generators: list[np.random.Generator] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """`reset` with a seed for each row, and the generators that came of them where the caller has made them."""
        start = self._read(options)
        rows = read_mask(options.get("reset_mask"), self.num_envs)
        if not self._random and len(rows) < self.num_envs:
            raise EnvError("the first reset must be of all rows; leave reset_mask out")
        fresh = self._random or [seeding.np_random()[0] for _ in range(self.num_envs)]
        self._random = generators or [
            seeding.np_random(seeds[i])[0] if seeds[i] is not None and i in rows else generator
            for i, generator in enumerate(fresh)
        ]
        self._begin(rows, start.take(rows), [seeds[row] for row in rows])
        asked = np.isin(np.arange(self.num_envs), rows)
        return self._observed.copy(), vector_info(self._nothing(), asked)

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
        step = self._imagine(vectors)
        self._elapsed += 1
        rewards, told = step.events[:, 0].astype(np.float64), self._nothing()
        told["events"], told["end_probability"] = step.events[:, 1:].astype(np.float32), step.ended.astype(np.float32)
        terminated = told["end_probability"] >= self.threshold
        truncated = np.zeros(self.num_envs, np.bool_)
        for limit in (self.max_episode_steps, self.horizon):
            if limit is not None:
                truncated |= self._elapsed >= limit
        if self._judge is not None:
            rewards, success, told["happened"] = self._judge.step(told["events"])
            terminated |= success
            if self._judge.has_goal:
                told["success"] = success
        if self.surprise:
            told["surprise"] = step.surprise.astype(np.float32)
        if self.guard is not None:
            truncated |= told["surprise"] > self.guard
        if starting.any():  # NEXT_STEP: this call is their reset, and their action counts for nothing
            self._begin(np.flatnonzero(starting))
            rewards[starting] = 0.0
            for values in told.values():
                values[starting] = 0
            terminated, truncated = terminated & ~starting, truncated & ~starting
        self._over = terminated | truncated

        info = vector_info(told)
        if self.autoreset_mode is AutoresetMode.SAME_STEP and self._over.any():
            over = self._over.copy()
            last = np.full(self.num_envs, None, dtype=object)
            for row in np.flatnonzero(over):
                last[row] = self._observed[row].copy()
            fresh = {key: np.where(over[:, None] if values.ndim > 1 else over, values.dtype.type(0), values)
                     for key, values in told.items()}  # fmt: skip
            info = {
                **vector_info(fresh),
                "final_obs": last,
                "_final_obs": over,
                "final_info": vector_info(told, over),
                "_final_info": over.copy(),
            }
            self._begin(np.flatnonzero(over))
        return self._observed.copy(), rewards, terminated, truncated, info

    def render(self) -> tuple[np.ndarray, ...] | None:
        """The current frames, u8 (H, W, 3) each, or None with a warning when no `render_mode` was given."""
        if self.render_mode is None:
            gym.logger.warn("render() was called on an env without a render_mode; make it with render_mode='rgb_array'")
            return None
        shown = self.world.show(self._observed) if self.obs == "latent" else self._observed
        return tuple(frame.copy() for frame in shown)

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
            self._observed.copy(),
            None if self._judge is None else self._judge.copy(),
            tuple(self.true_places),
            self._elapsed.copy(),
            self._over.copy(),
            tuple(generator.bit_generator.state for generator in self._random),
        )

    def restore_state(self, state: EnvState) -> None:
        """Go back to a cloned state; the same actions then give the same frames again.

        Raises:
            EnvError: it is no state of `clone_state`.
        """
        if not isinstance(state, EnvState):
            raise EnvError(f"restore_state takes what clone_state returned, got {type(state).__name__}")
        self.world.restore(state.world)
        self._observed, self._elapsed, self._over = state.observed.copy(), state.elapsed.copy(), state.over.copy()
        self._judge = None if state.judge is None else state.judge.copy()
        self.true_places = list(state.true)
        self._random = [generator_in(state) for state in state.random]

    def fork(self) -> LearnedVectorEnv:
        """A second env in the same state; the weights are shared, everything else goes its own way."""
        twin = copy.copy(self)
        twin.world = self.world.fork()
        twin.restore_state(self.clone_state())
        return twin

    def true_twin(self, row: int = 0) -> Twin:
        """A true env where a row's episode began, to go on beside it; each reset of it leads there again.

        Raises:
            EnvError: the row did not begin in the true world (`start="true"`), or that world has no `clone_state` and
                does not repeat itself under one seed either.
        """
        place = self.true_places[row]
        if not isinstance(self._origin, TrueWorld) or place is None:
            raise EnvError(f"row {row} did not begin in a true world; make it with start='true'")
        return self._origin.twin(place)

    def close_extras(self, **kwargs: Any) -> None:
        """Let go of the true world that episodes begin in."""
        if self._origin is not None:
            self._origin.close()

    @property
    def goal(self) -> str:
        """The task in words; "" without one."""
        return "" if self._judge is None else self._judge.goal

    def _imagine(self, vectors: np.ndarray) -> Step:
        """One step of the world, of which the rows then show what they are asked to."""
        more: dict[str, Any] = {"surprise": self.surprise} if self.surprise else {}
        if self.obs == "latent":
            more["pixels"] = False
        step = self.world.imagine(vectors, **more)
        self.show(step)
        return step

    def show(self, step: Step) -> None:
        """Let a step of the world be what all rows show now."""
        self._observed = self._shown(step).copy()

    def _shown(self, step: Step) -> np.ndarray:
        """What of a step is observed."""
        return np.clip(step.latents, -LATENT_LIMIT, LATENT_LIMIT) if self.obs == "latent" else step.frames

    def _nothing(self) -> dict[str, np.ndarray]:
        """What an info says where nothing has happened yet."""
        rows, width = self.num_envs, len(self.event_names)
        told = {"events": np.zeros((rows, width), np.float32), "end_probability": np.zeros(rows, np.float32)}
        if self._judge is not None:
            told["happened"] = np.zeros((rows, width), np.bool_)
            if self._judge.has_goal:
                told["success"] = np.zeros(rows, np.bool_)
        if self.surprise:
            told["surprise"] = np.zeros(rows, np.float32)
        return told

    def _read(self, options: dict[str, Any]) -> Start:
        """What these options say that all rows start from.

        Raises:
            EnvError, PromptError: before any row is touched.
        """
        card, frames = self.world.card, options.get("frames")
        if card.shown is not None and isinstance(frames, np.ndarray) and frames.shape[-3:] == (*card.shown, 3):
            options = {**options, "frames": resize(frames, card.size)}  # the true env's own pictures
        start = read_options(options, self.prompt, self.num_envs, (*card.size, 3), self.action_spec)
        for prompt in start.prompts:
            self.world.check_prompt(prompt)
        return start

    def _begin(self, rows: np.ndarray, start: Start | None = None, seeds: Sequence[int | None] | None = None) -> None:
        """Start new episodes in these rows; without a given start, as the constructor's prompt and start say."""
        start = start or self._read({}).take(rows)
        self._elapsed[rows], self._over[rows] = 0, False
        if self._judge is not None:
            self._judge.begin(rows)
        for row in rows:
            self.true_places[row] = None
        if start.frames is not None or (self._origin is None and self.world.starts is None):
            self._begin_from(rows, start)
            return
        drawn = np.array([self._chosen or not prompt for prompt in start.prompts])
        if not drawn.all():
            self._begin_from(rows[~drawn], start.take(np.flatnonzero(~drawn)))
        if drawn.any():
            given, places = list(seeds or [None] * len(rows)), np.flatnonzero(drawn).tolist()
            self._begin_from(rows[drawn], self._draw(rows[drawn], [given[i] for i in places]))
            if self._chosen and any(start.prompts):  # its true frames were seen under no prompt
                self.world.set_prompt([start.prompts[i] for i in places], rows[drawn].tolist())

    def _draw(self, rows: np.ndarray, seeds: list[int | None]) -> Start:
        """A start for each of these rows, from the origin, or of those stored with the checkpoint."""
        generators = [self._random[row] for row in rows]
        if self._origin is not None:
            start, places = self._origin.draw(generators, seeds)
            for row, place in zip(rows, places, strict=True):
                self.true_places[row] = place
            return start
        stored = self.world.starts
        assert stored is not None
        drawn = [int(generator.integers(stored.rows)) for generator in generators]
        return Start(stored.frames[drawn], stored.actions[drawn], [""] * len(drawn))

    def _begin_from(self, rows: np.ndarray, start: Start) -> None:
        """Let the world go on from exactly this in these rows."""
        seeds = [int(self._random[row].integers(2**62)) for row in rows]
        self._observed[rows] = self._shown(
            self.world.reset(start.frames, start.actions, start.prompts, seeds, rows.tolist())
        )
