"""Presets: sizes, batches and rates that go together, from a test's to that of many GPUs.

`small` ships, and is what every option defaults to. The larger ones are untried at full length; what they take is
printed by `worldsim train … --preset NAME --dry-run`. An option given beside a preset changes that alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import tyro

from worldsim.model.dynamics import DynamicsConfig
from worldsim.model.text import TextConfig
from worldsim.model.tokenizer import TokenizerConfig
from worldsim.training.latents import LatentBucket
from worldsim.training.loop import FitConfig
from worldsim.training.stages import PLAY_BUCKETS, PresetName, TrainDynamics, TrainTokenizer

__all__ = ["PRESETS", "Preset", "dynamics_defaults", "preset_named", "tokenizer_defaults"]


@dataclass(frozen=True)
class Preset:
    """Both stages of one size."""

    purpose: str
    tokenizer: TokenizerConfig
    tokenizer_rows: int
    tokenizer_fit: FitConfig
    dynamics: DynamicsConfig
    buckets: tuple[LatentBucket, ...]
    fit: FitConfig


_SMALL = TrainDynamics("")
_SMALL_TOKENIZER = TrainTokenizer()

PRESETS: dict[PresetName, Preset] = {
    "tiny": Preset(
        "tests and rehearsals: 0.4 M parameters, seconds on a CPU",
        TokenizerConfig(widths=(12, 24, 48), encoder_blocks=(0, 0, 1), decoder_blocks=(0, 0, 1)), 8,
        replace(_SMALL_TOKENIZER.fit, steps=60, warmup=5, save_every=20, average=0.9, compile=False),
        DynamicsConfig(
            width=64, depth=4, head_width=32, condition=32, hidden=2, window=8, text=TextConfig(64, 1)
        ),
        (LatentBucket(4, 8, "past", 0.9), LatentBucket(4, 8, "all", 0.1)),
        replace(_SMALL.fit, steps=60, warmup=5, save_every=20, average=0.9, compile=False),
    ),
    "small": Preset(
        "ships: 10 M parameters, real time on two CPU cores, trains there in days",
        _SMALL_TOKENIZER.model, _SMALL_TOKENIZER.rows, _SMALL_TOKENIZER.fit, _SMALL.model, PLAY_BUCKETS, _SMALL.fit,
    ),
    "base": Preset(
        "one GPU: 0.1 billion parameters, a memory of 6.4 s",
        TokenizerConfig(widths=(96, 192, 384), encoder_blocks=(1, 2, 2), decoder_blocks=(2, 3, 3)), 128,
        replace(_SMALL_TOKENIZER.fit, steps=40_000, warmup=500, adam_rate=8e-4, average=0.999, save_every=1000),
        DynamicsConfig(width=640, depth=16, condition=256, window=64, text=TextConfig(256, 4)),
        (LatentBucket(64, 32, "past", 0.5), LatentBucket(32, 64, "past", 0.4), LatentBucket(32, 64, "all", 0.1)),
        replace(
            _SMALL.fit, steps=150_000, warmup=1000, muon_rate=1e-3, adam_rate=1e-3, average=0.9995, save_every=1000
        ),
    ),
    "large": Preset(
        "many GPUs, by torchrun: 0.5 billion parameters, as Open-Oasis",
        TokenizerConfig(channels=16, widths=(128, 256, 512), encoder_blocks=(1, 2, 4), decoder_blocks=(2, 4, 6)), 512,
        replace(_SMALL_TOKENIZER.fit, steps=100_000, warmup=1000, adam_rate=5e-4, average=0.9995, save_every=1000),
        DynamicsConfig(
            channels=16, width=1024, depth=28, time_groups=4, condition=512, window=64, text=TextConfig(512, 6, 128)
        ),
        (LatentBucket(256, 32, "past", 0.5), LatentBucket(128, 64, "past", 0.4), LatentBucket(128, 64, "all", 0.1)),
        replace(
            _SMALL.fit, steps=400_000, warmup=2000, muon_rate=5e-4, adam_rate=5e-4, average=0.9998, save_every=1000,
            sharded=True,
        ),
    ),
}  # fmt: skip


def preset_named(words: Sequence[str]) -> PresetName:
    """The preset that a command line asks for; "small" when it asks for none, or for one that is refused later."""
    reader = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    reader.add_argument("--preset", default="small")
    asked = reader.parse_known_args(list(words))[0].preset
    return asked if asked in get_args(PresetName) else "small"


def tokenizer_defaults(words: Sequence[str]) -> TrainTokenizer:
    """What `worldsim train tokenizer` begins with under these command line words."""
    name = preset_named(words)
    preset = PRESETS[name]
    return TrainTokenizer(model=preset.tokenizer, rows=preset.tokenizer_rows, fit=preset.tokenizer_fit, preset=name)


def dynamics_defaults(words: Sequence[str], tokenizer: Any = tyro.MISSING) -> TrainDynamics:
    """What `worldsim train dynamics` begins with under these command line words; the tokenizer has to be named."""
    name = preset_named(words)
    preset = PRESETS[name]
    return TrainDynamics(tokenizer, model=preset.dynamics, buckets=preset.buckets, fit=preset.fit, preset=name)
