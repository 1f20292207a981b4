"""`LearnedEnv`: one learned world, which is a batch of one of `LearnedVectorEnv`."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from worldsim.sampling.world import World
from worldsim_envs.learned.origins import Twin
from worldsim_envs.learned.states import EnvState
from worldsim_envs.learned.vector import LearnedVectorEnv

__all__ = ["LearnedEnv"]

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


class LearnedEnv(gym.Env[np.ndarray, Any]):
    """One learned world: frames u8 (H, W, 3), a float reward, `events` f32 (E,) and `end_probability` in the info.

    The arguments are those of `LearnedVectorEnv`, whose batch of one this is; `gym.make` adds the time limit.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(
        self, checkpoint: str | Path | World = "overworld-small", *, render_mode: str | None = None, **settings: Any
    ) -> None:
        self._batch = LearnedVectorEnv(
            1, checkpoint, render_mode=render_mode, autoreset_mode=AutoresetMode.DISABLED, **settings
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
        frames, info = self._batch._reset(options or {}, [seed], [self.np_random])
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

    def close(self) -> None:
        """Let go of the true world that episodes begin in."""
        self._batch.close()

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
        twin = copy.copy(self)
        twin._batch = self._batch.fork()
        if twin._batch._random:
            twin.np_random = twin._batch._random[0]
        return twin

    @property
    def fingerprint(self) -> str:
        """A short hash of what decides how a rollout goes on; see `World.fingerprint`."""
        return self.world.fingerprint

    def round_trip(self, frames: np.ndarray) -> np.ndarray:
        """Frames u8 (F, H, W, 3) through the tokenizer and back: the best that this world can show of them.

        Raises:
            EnvError: frames that `reset` would not take either.
        """
        return self.world.picture(self.world.latents(self._taken(frames)))

    def surprise_at(self, frame: np.ndarray, action: Any) -> float:
        """See what an action truly led to, show it, and go on from there. Returns how wrong the world's own guess was.

        The guess is made as in play; told is the logarithm of its mean squared error in latents, of spread 1. What is
        seen is no step: time limits do not count it.

        Raises:
            EnvError: a frame that `reset` would not take either.
            ActionError: an action outside the space.
        """
        frames = self._taken(np.asarray(frame)[None])
        vector = self.action_spec.encode(action)[None]
        before = self.world.snapshot()
        guess = self.world.imagine(vector, pixels=False).latents[0]
        self.world.restore(before)
        self._batch.show(self.world.observe(frames[None], vector[:, None]))
        return float(np.log(np.square(guess - self.world.latents(frames)[0]).mean() + 1e-6))

    def true_twin(self) -> Twin:
        """A true env where this episode began; see `LearnedVectorEnv.true_twin`."""
        return self._batch.true_twin()

    @property
    def goal(self) -> str:
        """The task in words; "" without one."""
        return self._batch.goal

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

    def _taken(self, frames: np.ndarray) -> np.ndarray:
        """Frames as the world takes them: the true env's own pictures are brought to its size. Raises `EnvError`."""
        taken = self._batch._read({"frames": frames}).frames
        assert taken is not None
        return taken[0].copy()


def _first(info: dict[str, Any]) -> dict[str, Any]:
    """The info of a batch's only row."""
    return {key: values[0] if values.ndim > 1 else values[0].item() for key, values in info.items() if key[0] != "_"}
