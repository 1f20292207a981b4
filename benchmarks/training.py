"""Speed of training: frames/s of a whole step (forward, backward, clip, optimisers, average) of both stages.

python benchmarks/training.py [--threads N] [--steps N] [--json]

Batches are random and made beforehand, so that data plays no part; sizes are the defaults of `worldsim train`.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from torch import nn

import worldsim
from worldsim.model.dynamics import Dynamics, DynamicsConfig, Words
from worldsim.model.tokenizer import Tokenizer, TokenizerConfig
from worldsim.training.loop import FitConfig, fit
from worldsim.training.losses import (
    DynamicsLossConfig,
    DynamicsObjective,
    LatentBatch,
    TokenizerLossConfig,
    TokenizerObjective,
)
from worldsim.training.stages import PLAY_BUCKETS


@dataclass(frozen=True)
class Options:
    """Measure both stages, eager and compiled, in float32 and with matrix products in bfloat16."""

    stages: tuple[str, ...] = ("tokenizer", "dynamics")
    """Which stages."""
    compile: tuple[bool, ...] = (False, True)
    """Whether the networks are compiled."""
    bf16: tuple[bool, ...] = (False, True)
    """Whether matrix products are in bfloat16."""
    size: tuple[int, int] = (64, 64)
    """Height and width of frames."""
    frames: int = 32
    """Frames of a tokenizer batch; a dynamics batch is the first of the default buckets."""
    threads: int = os.cpu_count() or 1
    """Threads of the networks."""
    warm_up: int = 3
    """Steps that do not count; compiling happens in the first."""
    steps: int = 15
    """Steps that do."""
    json: bool = False
    """Print JSON instead of a table."""


@dataclass(frozen=True)
class Speed:
    """One setting."""

    stage: str
    compiled: bool
    bf16: bool
    frames: int
    median_ms: float
    p90_ms: float
    frames_per_second: float
    first_step_s: float


def main(options: Options) -> None:
    """Measure all settings and print them."""
    torch.set_num_threads(options.threads)
    found = [
        _speed(options, stage, compiled, bf16)
        for stage in options.stages
        for compiled in options.compile
        for bf16 in options.bf16
    ]
    report = {
        "threads": options.threads, "cores": os.cpu_count(), "machine": platform.platform(),
        "torch": torch.__version__, "worldsim": worldsim.__version__, "speeds": [asdict(speed) for speed in found],
    }  # fmt: skip
    print(json.dumps(report, indent=1) if options.json else _table(report, found))


def _speed(options: Options, stage: str, compiled: bool, bf16: bool) -> Speed:
    torch.manual_seed(0)
    torch.compiler.reset()
    objective, batch, frames = _tokenizer(options, compiled) if stage == "tokenizer" else _dynamics(options, compiled)
    times = [time.perf_counter()]
    config = FitConfig(steps=options.warm_up + options.steps, save_every=10**6, log_every=1, bf16=bf16)

    def batches(start: int) -> Generator[object]:
        while True:
            yield batch

    with tempfile.TemporaryDirectory() as folder:
        fit(objective, batches, config, Path(folder), report=lambda step, logs: times.append(time.perf_counter()))
    each = np.diff(times)
    counted = each[options.warm_up :]
    median, slow = float(np.median(counted)), float(np.percentile(counted, 90))
    return Speed(stage, compiled, bf16, frames, 1000 * median, 1000 * slow, frames / median, float(each[0]))


def _tokenizer(options: Options, compiled: bool) -> tuple[nn.Module, object, int]:
    tokenizer = Tokenizer(TokenizerConfig())
    if compiled:
        tokenizer.encoder.compile(dynamic=False)
        tokenizer.decoder.compile(dynamic=False)
    batch = torch.rand(options.frames, 3, *options.size) * 2 - 1
    return TokenizerObjective(tokenizer, TokenizerLossConfig()), batch, options.frames


def _dynamics(options: Options, compiled: bool) -> tuple[nn.Module, object, int]:
    config = DynamicsConfig(words=200, events=10)
    dynamics = Dynamics(config)
    if compiled:
        for block in dynamics.blocks:
            block.compile(dynamic=False)
    bucket = PLAY_BUCKETS[0]
    rows, time_ = bucket.rows, bucket.length
    height, width = (side // Tokenizer.stride for side in options.size)
    numbers = torch.randint(2, config.words, (rows, 2, 48))
    words = Words(numbers, torch.ones_like(numbers, dtype=torch.bool), torch.rand(rows, time_, 2) < 0.5)
    batch = LatentBatch(
        torch.randn(rows, time_, config.channels, height, width),
        torch.rand(rows, time_, config.actions) * 2 - 1,
        torch.randint(0, 2, (rows, time_, config.events)).float(),
        torch.zeros(rows, time_),
        torch.ones(rows, time_),
        words,
        bucket.attend,
    )
    return DynamicsObjective(dynamics, DynamicsLossConfig()), batch, rows * time_


def _table(report: dict[str, object], speeds: list[Speed]) -> str:
    lines = [
        f"{report['machine']}, {report['threads']} threads of {report['cores']} cores, torch {report['torch']}",
        f"{'stage':<10} {'compiled':<9} {'numbers':<8} {'frames':>6} {'median ms':>10} {'p90 ms':>8} "
        f"{'frames/s':>9} {'first step s':>13}",
    ]
    lines += [
        f"{s.stage:<10} {'yes' if s.compiled else 'no':<9} {'bf16' if s.bf16 else 'fp32':<8} {s.frames:>6} "
        f"{s.median_ms:>10.1f} {s.p90_ms:>8.1f} {s.frames_per_second:>9.0f} {s.first_step_s:>13.1f}"
        for s in speeds
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main(tyro.cli(Options))
