"""Runs of both stages of training on the counter world, small enough for a test, and what happens to them at a step."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

import counter
from networks import DYNAMICS, TOKENIZER
from worldsim.data.record import record
from worldsim.model.tensors import read_tensors
from worldsim.training.latents import LatentBucket
from worldsim.training.loop import FitConfig
from worldsim.training.stages import TrainDynamics, TrainTokenizer, train_dynamics, train_tokenizer

SIZE = (16, 32)
FIT = FitConfig(steps=12, warmup=2, save_every=4, log_every=1, compile=False)
BUCKETS = (LatentBucket(3, 6, "past", 0.7), LatentBucket(2, 9, "all", 0.3))


def record_counter(folder: Path, steps: int = 90, seed: int = 0) -> Path:
    """Episodes of the counter world, 30 steps each."""
    record(counter.ID, "random", steps, folder, seed=seed, env_kwargs={"size": list(SIZE), "horizon": 30})
    return folder


def tokenizer_run(data: Path, out: Path, resume: bool = False, **fit: Any) -> TrainTokenizer:
    return TrainTokenizer((data,), out, rows=4, model=TOKENIZER, fit=replace(FIT, **fit), resume=resume)


def video_run(data: Path, out: Path, resume: bool = False, **fit: Any) -> TrainTokenizer:
    """A tokenizer of time stride 4 on clips of 9 frames, two in a batch, and on images."""
    model = replace(TOKENIZER, time_stride=4)
    return replace(tokenizer_run(data, out, resume, **fit), rows=18, length=9, images=0.3, model=model)


def dynamics_run(data: Path, tokenizer: Path, out: Path, resume: bool = False, **fit: Any) -> TrainDynamics:
    return TrainDynamics(
        str(tokenizer), (data,), out, model=DYNAMICS, buckets=BUCKETS, fit=replace(FIT, **fit), resume=resume
    )


def train(run: TrainTokenizer | TrainDynamics) -> Path:
    return train_tokenizer(run) if isinstance(run, TrainTokenizer) else train_dynamics(run)


def at_step(step: int, happens: Callable[[], object]) -> Callable[[], None]:
    """Let something happen in the middle of the `step`-th step from now; returns what undoes that."""
    original, calls = nn.utils.clip_grad_norm_, iter(range(1, 10**9))  # training calls it once in every step

    def watched(*args: Any, **kwargs: Any) -> torch.Tensor:
        if next(calls) == step:
            happens()
        return original(*args, **kwargs)

    nn.utils.clip_grad_norm_ = watched
    return lambda: setattr(nn.utils, "clip_grad_norm_", original)


def train_and_die(run: TrainTokenizer | TrainDynamics, step: int, delay: float) -> None:
    """Train until the process is killed as by `kill -9`, `delay` seconds after its `step`-th step."""
    at_step(step, threading.Timer(delay, lambda: os.kill(os.getpid(), signal.SIGKILL)).start)
    train(run)


def written(out: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a run's newest state and of its checkpoint, by file and name."""
    newest = max((out / "states").iterdir())
    files = sorted([*newest.glob("*.safetensors"), *(out / "checkpoint").glob("*.safetensors")])
    assert len(files) >= 4
    return {f"{file.parent.name}/{file.name}/{k}": part for file in files for k, part in read_tensors(file).items()}


def assert_same_run(first: Path, second: Path) -> None:
    """The same step, and every bit of weights, averages, optimisers and checkpoint alike."""
    mine, theirs = written(first), written(second)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in mine.items())
