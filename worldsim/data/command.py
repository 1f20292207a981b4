"""`worldsim record`: its options, and what it does with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from worldsim.data.envs import full_id
from worldsim.data.episodes import Dataset
from worldsim.data.frames import GRAIN
from worldsim.data.record import RecordError, record
from worldsim.data.rollout import default_policy

__all__ = ["Record", "record_env"]


@dataclass(frozen=True)
class Record:
    """Record episodes of any Gymnasium env: of its image observations, or of what it renders."""

    env: str
    """Gymnasium id, or "module:id" for a module that registers it."""
    steps: int
    """Env steps to record."""
    out: Path
    """Dataset folder; one that is there already gets more episodes."""
    module: Annotated[str, tyro.conf.arg(name="import")] = ""
    """Module whose import registers the env; those of ALE, MiniGrid, BabyAI, MiniWorld and ViZDoom are known."""
    wrapper: tuple[str, ...] = ()
    """Wrappers to put around the env, in turn, each "module:Class"; with arguments they go into --env-kwargs."""
    policy: str = ""
    """Who acts: "random", "sticky" (random actions, held for a while), or "module:function"; by default scripted
    exploration in the voxel world, else sticky."""
    seed: int = 0
    """Decides every episode, with its number."""
    workers: int = 1
    """Processes."""
    episode_length: int = 512
    """Most frames of an episode."""
    size: tuple[int, int] | None = None
    """Height and width to bring frames to; by default sides in steps of 16, in the env's own shape, about 64 x 64 in
    area. Frames in such steps up to 128 x 128 in area stay as they are."""
    image_key: str | None = None
    """Which entry of a Dict observation is the picture, when it has several; "render" for what the env renders."""
    env_kwargs: str = "{}"
    """Keyword arguments of the env, as JSON: '{"frame_skip": 4}'. "wrappers" among them lists wrappers with arguments:
    '{"wrappers": [["gymnasium.wrappers:MaxAndSkipObservation", {"skip": 4}]]}'."""


def record_env(options: Record) -> list[Path]:
    """Record as the options say, print what came of it, and return the files of the new episodes.

    Raises:
        RecordError, FrameError, DatasetError, WorkerError: see `worldsim.data.record.record`.
    """
    env_kwargs = _read_kwargs(options.env_kwargs)
    if options.size and any(side < 1 or side % GRAIN for side in options.size):
        raise RecordError(f"--size must be in steps of {GRAIN}, which networks take, got {options.size}")
    if options.wrapper:
        env_kwargs["wrappers"] = [*env_kwargs.get("wrappers", ()), *options.wrapper]
    env_id = full_id(options.env, options.module)
    files = record(
        env_id, options.policy or default_policy(env_id), options.steps, options.out, options.seed,
        workers=options.workers, episode_length=options.episode_length, env_kwargs=env_kwargs,
        size=options.size or "fit", image_key=options.image_key,
    )  # fmt: skip
    info = Dataset.open(options.out).info
    height, width = info.size
    brought = "" if info.shown is None else f", brought from {info.shown[0]} x {info.shown[1]}"
    print(
        f"{len(files)} episodes in {options.out}, frames {height} x {width}{brought}; "
        f"next: worldsim train --data {options.out}"
    )
    return files


def _read_kwargs(text: str) -> dict[str, Any]:
    try:
        env_kwargs = json.loads(text)
    except ValueError as error:
        raise RecordError(f"--env-kwargs must be JSON, got {text!r}: {error}") from error
    if not isinstance(env_kwargs, dict):
        raise RecordError(f"--env-kwargs must be a JSON object, got {text!r}")
    return env_kwargs
