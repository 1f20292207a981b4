"""Worlds to learn and to be judged in: the learned one, the true one, or both at once, with a task or without.

A task is of the voxel world's table. Without one the learned world of any checkpoint pays the reward that it predicts,
and the true world is the env that the checkpoint's card names, which pays its own.
All come as vector envs of stable-baselines3 with one observation space, so that an agent of one plays in the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecFrameStack, VecMonitor

import worldsim  # noqa: F401  registers the ids
from worldsim.data.envs import is_voxel
from worldsim.data.truth import env_of, shown_env
from worldsim.model.card import WorldCard, read_card
from worldsim.model.checkpoint import find
from worldsim.sampling.world import World
from worldsim_agents.calibrate import QUANTILES
from worldsim_agents.rl.actions import Actions, plain
from worldsim_agents.rl.presets import preset
from worldsim_agents.rl.wrappers import Chosen, Joined, Latents, Shaped
from worldsim_agents.sb3 import AdapterError, to_sb3
from worldsim_envs.learned import LearnedVectorEnv
from worldsim_envs.voxel.tasks import TASKS

__all__ = [
    "Kind", "Obs", "Setting", "actions_of", "encoder_of", "learned_env", "learned_world", "open_world", "seen_as",
    "true_id", "true_kwargs",
]  # fmt: skip

Kind = Literal["learned", "true", "mixed"]
Obs = Literal["rgb", "latent"]
MOST_KEPT = 64  # untouched worlds in memory, 13 MB each: a reset into one is some thirty times quicker


@dataclass(frozen=True)
class Setting:
    """A task, and how the worlds that hold it are made."""

    task: str = "ChopTree"
    """Of the voxel world's table; "" for the reward of the world itself, in the learned world as it predicts it."""
    checkpoint: str = "overworld-small"
    """The learned world: name of a shipped checkpoint, or a folder."""
    rows: int = 16
    """Worlds in one batch."""
    obs: Obs = "rgb"
    """What agents see: pixels, or the learned world's latents, for which it needs no decoder."""
    passes: int | None = None
    """Denoising passes per frame of the learned world; by default as many as the checkpoint plays with."""
    temperature: float | None = None
    """Size of the noise that its frames begin as; by default as the checkpoint plays."""
    start: str = "true"
    """Where rollouts of the learned world begin: "true" in the true world, a folder of recordings, or "" for the starts
    that came with the checkpoint."""
    start_frames: int = 8
    """True frames that the learned world sees first."""
    start_policy: str = "noop"
    """Who plays them: "noop", "random", or "module:function"."""
    horizon: int | None = None
    """Steps of a rollout in the learned world; the task's preset by default."""
    surprise: str = ""
    """What of the learned world's doubt to measure: "again", "seeds", or nothing."""
    guard: str = ""
    """Surprise at which a rollout is cut off: a number, or a measured quantile such as "0.99"; "" never."""
    levels: int = 200
    """True voxel worlds to train in; evaluation uses others. Envs of other kinds know only seeds."""
    device: str = "cpu"
    """Where the learned world runs and agents learn."""

    def __post_init__(self) -> None:
        if self.task and self.task not in TASKS:
            near = get_close_matches(self.task, TASKS, 1)
            raise ValueError(
                f"--task must be one of {', '.join(TASKS)}, or \"\" for the reward of the world itself, "
                f"got {self.task!r}{f'; did you mean {near[0]}?' if near else ''}"
            )
        for name in ("rows", "passes", "start_frames", "horizon", "levels"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {value}")
        if self.guard and not self.surprise:
            raise ValueError("--guard watches a surprise: choose --surprise again or seeds")


def true_id(task: str) -> str:
    """The Gymnasium id of a task in the true voxel world."""
    return "worldsim/Voxel-v0" if task == "Explore" else f"worldsim/{task}-v0"


def true_kwargs(setting: Setting, test: bool = False) -> dict[str, Any]:
    """Keyword arguments of the true world; of a voxel world with levels for training or for tests.

    Raises:
        CheckpointError: no such checkpoint.
        RecordError: it names no env.
        AdapterError: a task in another world than the voxel one.
    """
    card = read_card(find(setting.checkpoint))
    env_id, kwargs, _ = env_of(card)
    if not is_voxel(env_id):
        if setting.task:
            raise AdapterError(
                f"task {setting.task} is the voxel world's, and {setting.checkpoint} was learned from {env_id}; "
                'give --task "" for the reward of that world itself'
            )
        return kwargs
    if setting.task:
        kwargs.pop("task", None)
    if card.shown is None:  # else frames were larger, and are brought to the learned world's size
        kwargs["size"] = list(card.size)
    return {**kwargs, **({"start_level": setting.levels} if test else {"num_levels": setting.levels})}


def learned_world(setting: Setting, rows: int = 1) -> World:
    """The learned world as the setting plays it, that many in one batch."""
    return World.from_pretrained(
        setting.checkpoint, rows=rows, steps=setting.passes, temperature=setting.temperature, device=setting.device
    )


def learned_env(setting: Setting, test: bool = False) -> LearnedVectorEnv:
    """The task in the learned world as a Gymnasium vector env; `test` forks from true levels kept for tests."""
    world = learned_world(setting, setting.rows)
    limit: float | str | None = None
    if setting.guard:
        try:
            named = setting.guard in {f"{quantile:g}" for quantile in QUANTILES}
            limit = setting.guard if named else float(setting.guard)
        except ValueError as error:
            raise AdapterError(f'guard must be a number or a quantile such as "0.99", got {setting.guard!r}') from error
    start: str | Path = setting.start if setting.start in ("", "true") else Path(setting.start)
    return LearnedVectorEnv(
        setting.rows, world, task=setting.task or None, autoreset_mode="SameStep", obs=setting.obs, start=start,
        start_frames=setting.start_frames, start_policy=setting.start_policy,
        start_kwargs=true_kwargs(setting, test) if start == "true" else None,
        horizon=setting.horizon or preset(setting.task).horizon, surprise=setting.surprise, guard=limit,
    )  # fmt: skip


def encoder_of(setting: Setting) -> World | None:
    """The world whose latents an agent sees of a true one; None for an agent that sees pixels."""
    if setting.obs == "rgb":
        return None
    return World.from_pretrained(setting.checkpoint, rows=1, device=setting.device)


def seen_as(envs: VecEnv, setting: Setting, stack: int, encoder: World | None) -> VecEnv:
    """What an agent sees of an env, `stack` frames at once, or their latents where an encoder is given, and its choice.

    Raises:
        AdapterError: actions in several parts, of which learners have no policy.
    """
    envs = Chosen(envs)
    if encoder is not None:
        envs = Latents(envs, encoder)
    if stack > 1:
        envs = VecFrameStack(envs, stack, channels_order="first" if setting.obs == "latent" else "last")
    return envs


def actions_of(envs: VecEnv) -> Actions:
    """What agents choose among in a world of `open_world`, as plain values."""
    return plain(envs.action_space)


def open_world(
    kind: Kind, setting: Setting, stack: int = 1, *, shaping: bool | Mapping[str, float] = False, test: bool = False
) -> VecEnv:
    """A world for stable-baselines3.

    Args:
        kind: which; in "mixed" the first half of the rows is learned, the other true.
        setting: of the task.
        stack: frames that agents see at once.
        shaping: pay for events on the way, as the task's preset says, or as given by event.
        test: true levels that no training sees.

    Raises:
        EnvError, CheckpointError, RecordError, VoxelError, AdapterError: it cannot be made so.
    """
    if kind == "mixed":
        if setting.rows < 2:
            raise AdapterError(f"a mixed world needs at least 2 rows, got {setting.rows}")
        halves = (setting.rows // 2, setting.rows - setting.rows // 2)
        parts = [
            open_world(part, replace(setting, rows=rows), stack, shaping=shaping, test=test)
            for part, rows in zip(("learned", "true"), halves, strict=True)
        ]
        return Joined(*parts)
    if kind == "learned":
        raw: Any = learned_env(setting, test)
        envs, names, encoder = to_sb3(raw), raw.event_names, None
    else:
        encoder = encoder_of(setting)
        envs, names = _true_rows(setting, test)
    wish = preset(setting.task)
    bonus: Mapping[str, float] = wish.shaping if shaping is True else shaping or {}
    return VecMonitor(seen_as(_paid(envs, names, bonus, wish.most), setting, stack, encoder))


def _true_rows(setting: Setting, test: bool) -> tuple[VecEnv, Sequence[str]]:
    """Rows of the true world and the names of their events; those of the voxel world in one batch where they can be."""
    card, kwargs = read_card(find(setting.checkpoint)), true_kwargs(setting, test)
    env_id = true_id(setting.task) if setting.task else env_of(card)[0]
    if is_voxel(env_id) and _plain(card):
        kept = max(1, min(setting.levels, MOST_KEPT))
        raw: Any = gym.make_vec(env_id, num_envs=setting.rows, autoreset_mode="SameStep", kept_worlds=kept, **kwargs)
        return to_sb3(raw), raw.unwrapped.event_names
    envs = DummyVecEnv([partial(shown_env, card, env_id, kwargs)] * setting.rows)
    return envs, getattr(envs.envs[0].unwrapped, "event_names", ())


def _plain(card: WorldCard) -> bool:
    """Whether frames are what the env itself shows, neither wrapped nor chosen nor brought to another size."""
    return card.shown is None and "wrappers" not in card.env["kwargs"] and card.env.get("image_key") is None


def _paid(envs: VecEnv, names: Sequence[str], bonus: Mapping[str, float], most: int) -> VecEnv:
    return Shaped(envs, names, bonus, most) if bonus else envs
