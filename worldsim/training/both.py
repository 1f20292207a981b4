"""Both stages in one command, in any number of pieces: what is done is not done again, what was begun goes on."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from worldsim.model.config import check_numbers, check_whole
from worldsim.training.estimate import estimate_dynamics, estimate_tokenizer
from worldsim.training.intake import Live, grid_of, look
from worldsim.training.loop import begun
from worldsim.training.machine import Device
from worldsim.training.parallel import from_first, joined, rank
from worldsim.training.presets import PRESETS
from worldsim.training.stages import (
    PresetName,
    TrainDynamics,
    TrainTokenizer,
    steps_done,
    train_dynamics,
    train_tokenizer,
    with_encoder,
)

__all__ = ["TrainWorld", "train_world"]


@dataclass(frozen=True)
class TrainWorld:
    """Train a tokenizer, then a dynamics network on it; the same command again goes on where it was stopped."""

    data: tuple[Path, ...] = ()
    """Dataset folders, from `worldsim record`."""
    out: Path = Path("runs/world")
    """Where both runs go; the world is OUT/dynamics/checkpoint."""
    live: Live = field(default_factory=Live)
    """A live source instead of datasets: nothing is kept on disk but the runs."""
    preset: PresetName = "small"
    """Sizes, batches and rates of both stages; see `worldsim.training.presets`."""
    name: str = "world"
    """Name of the checkpoint."""
    tokenizer_steps: int = 0
    """Steps of the tokenizer; 0 = as the preset has them."""
    steps: int = 0
    """Steps of the dynamics network; 0 = as the preset has them."""
    times_rows: int = 1
    """Times as many clips in each batch as the preset has."""
    text_encoder: str = ""
    """Text encoder of `transformers` that reads the captions, frozen, as in `worldsim train dynamics`."""
    minutes: float = 0.0
    """Stop after so many minutes, wherever that is; 0 = no limit."""
    seed: int = 0
    """Seed of everything random."""
    device: Device = "auto"
    """Where to train."""
    dry_run: bool = False
    """Print parameters, memory and time of both stages, and write nothing."""

    def __post_init__(self) -> None:
        check_whole(self, 0, "tokenizer_steps", "steps", "seed")
        check_whole(self, 1, "times_rows")
        check_numbers(self, 0, math.inf, "minutes")


def train_world(config: TrainWorld) -> Path:
    """Go on with both stages as far as the minutes reach; returns where the checkpoint is, or will be.

    Raises:
        DatasetError, CheckpointError, PromptError, TrainingError; EncoderError, where captions shall be read by an
            encoder that is not here.
    """
    first, second = _runs(config)
    if config.dry_run:
        size = look(config.data, config.live).size
        print(f"tokenizer\n{estimate_tokenizer(first.model, first.buckets(), size, first.fit)}\n\ndynamics")
        second, _ = with_encoder(second)
        model = replace(second.model, channels=first.model.channels)
        print(estimate_dynamics(model, second.shapes, grid_of(size), second.loss, second.fit))
        return second.out / "checkpoint"
    with joined(config.device):
        left = config.minutes
        if steps_done(first.out) < first.fit.steps:
            start = time.monotonic()
            train_tokenizer(replace(first, resume=begun(first.out)))
            left = from_first(left - (time.monotonic() - start) / 60)
        if steps_done(first.out) < first.fit.steps or (config.minutes > 0 and left <= 0):
            _tell("the tokenizer", first)
            return second.out / "checkpoint"
        if steps_done(second.out) < second.fit.steps:
            fit = replace(second.fit, minutes=left if config.minutes else 0.0)
            train_dynamics(replace(second, fit=fit, resume=begun(second.out)))
        _tell("the dynamics network", second)
        return second.out / "checkpoint"


def _runs(config: TrainWorld) -> tuple[TrainTokenizer, TrainDynamics]:
    """Both stages as the preset has them, with what the command changes."""
    preset, out = PRESETS[config.preset], config.out
    same = {"minutes": config.minutes, "seed": config.seed, "device": config.device}
    first, second = (
        replace(fit, steps=steps or fit.steps, **same)
        for fit, steps in ((preset.tokenizer_fit, config.tokenizer_steps), (preset.fit, config.steps))
    )
    rows = preset.tokenizer_rows * config.times_rows
    return (
        TrainTokenizer(config.data, out / "tokenizer", config.live, rows=rows, model=preset.tokenizer, fit=first),
        TrainDynamics(
            str(out / "tokenizer" / "checkpoint"), config.data, out / "dynamics", config.live, config.name,
            preset.dynamics, fit=second, buckets=preset.buckets, times_rows=config.times_rows,
            text_encoder=config.text_encoder,
        ),
    )  # fmt: skip


def _tell(what: str, run: TrainTokenizer | TrainDynamics) -> None:
    """Say how far a stage has come."""
    done = steps_done(run.out)
    if rank() == 0 and done < run.fit.steps:
        print(f"{what} has done {done} of {run.fit.steps} steps; the same command goes on from there")
    elif rank() == 0:
        print(f"{what} has done all of its {done} steps: {run.out / 'checkpoint'}")
