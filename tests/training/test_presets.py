"""Presets and the command that trains both stages: what they choose, what they print, and that pieces make a whole."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from networks import DYNAMICS
from training_runs import assert_same_run, record_counter
from worldsim.cli import main
from worldsim.model.config import ConfigError
from worldsim.model.dynamics import Dynamics
from worldsim.training.both import TrainWorld, train_world
from worldsim.training.estimate import estimate_dynamics
from worldsim.training.latents import LatentBucket
from worldsim.training.loop import FitConfig
from worldsim.training.losses import DynamicsLossConfig
from worldsim.training.presets import PRESETS, dynamics_defaults, tokenizer_defaults
from worldsim.training.stages import TrainDynamics, TrainTokenizer


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_counter(tmp_path_factory.mktemp("data"))


def test_small_is_what_the_options_default_to_and_others_are_larger_in_turn() -> None:
    assert dynamics_defaults([], "here") == TrainDynamics("here")
    assert tokenizer_defaults(["--preset", "nonsense"]) == TrainTokenizer()
    with torch.device("meta"):
        sizes = [sum(p.numel() for p in Dynamics(preset.dynamics).parameters()) for preset in PRESETS.values()]
    assert sizes == sorted(sizes) and sizes[0] < 5e5 and 1e8 < sizes[2] < 2e8 and 4e8 < sizes[3] < 6e8
    for preset in PRESETS.values():
        assert preset.fit.steps > preset.fit.warmup
        assert sum(bucket.weight for bucket in preset.buckets) == pytest.approx(1)


def test_an_option_beside_a_preset_changes_that_alone() -> None:
    base = dynamics_defaults(["--tokenizer", "x", "--preset=base", "--model.depth", "4"], "x")
    assert base.model == PRESETS["base"].dynamics and base.buckets == PRESETS["base"].buckets
    assert base.preset == "base" and base.fit == PRESETS["base"].fit


def test_a_dry_run_prints_what_a_run_takes_and_writes_nothing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data", str(data), "--out", str(tmp_path / "run"), "--dry-run"]
    main(["train", "tokenizer", *words, "--preset", "tiny", "--steps", "123"])
    first = capsys.readouterr().out
    main(["train", "world", *words, "--preset", "tiny", "--times-rows", "3"])
    both = capsys.readouterr().out
    for told in (first, both):
        assert "M parameters" in told and "TFLOP a step" in told and "at least" in told and "activations" in told
    assert "123 steps" in first and "of 8 frames" in first and "of 24 frames" in both and "of 96 frames" in both
    assert not list(tmp_path.iterdir())


def test_estimates_count_what_is_known() -> None:
    fit, buckets = FitConfig(bf16=False), (LatentBucket(4, 5),)
    found = estimate_dynamics(DYNAMICS, buckets, (4, 6), DynamicsLossConfig(), fit)
    network = Dynamics(DYNAMICS)
    assert found.parameters == sum(p.numel() for p in network.parameters()) and found.weights == 4 * found.parameters
    assert found.optimisers < 2 * found.weights and found.frames == 20
    tokens = 2 * 4 * 5 * 6  # given and noisy frames
    inside = sum(p.numel() for p in network.blocks.parameters() if p.ndim == 2)
    assert 3 < found.operations / (2 * inside * tokens) < 6, "two more passes on the way back, and attention"
    doubled = estimate_dynamics(DYNAMICS, (LatentBucket(8, 5),), (4, 6), DynamicsLossConfig(rollout=1.0), fit)
    assert 1.8 < doubled.activations / found.activations < 2.2 and doubled.operations > 2.2 * found.operations


def test_pieces_of_the_one_command_make_the_world_that_one_run_makes(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = TrainWorld((data,), tmp_path / "whole", preset="tiny", tokenizer_steps=2, steps=3, device="cpu")
    train_world(whole)
    assert "the dynamics network has done all of its 3 steps" in capsys.readouterr().out
    pieces = replace(whole, out=tmp_path / "pieces", minutes=1e-9)
    said = []
    for _ in range(5):
        checkpoint = train_world(pieces)
        said.append(capsys.readouterr().out)
    assert "the tokenizer has done 1 of 2 steps; the same command goes on" in said[0]
    assert "the dynamics network has done 2 of 3 steps" in said[3] and "all of its 3 steps" in said[4]
    assert checkpoint == pieces.out / "dynamics" / "checkpoint" and (checkpoint / "card.json").is_file()
    for stage in ("tokenizer", "dynamics"):
        assert_same_run(whole.out / stage, pieces.out / stage)
    with pytest.raises(ConfigError, match="TrainWorld.steps must be whole"):
        TrainWorld(steps=-1)


def test_single_frames_come_as_often_as_asked() -> None:
    usual = TrainDynamics("x").shapes
    for share, kinds in ((0.35, {1, 16, 32}), (0.0, {16, 32})):
        shapes = TrainDynamics("x", images=share).shapes
        assert {bucket.length for bucket in shapes} == kinds
        assert sum(bucket.weight for bucket in shapes) == pytest.approx(1)
        assert sum(bucket.weight for bucket in shapes if bucket.length == 1) == pytest.approx(share)
        before = [bucket.weight for bucket in usual if bucket.length > 1]
        after = [bucket.weight for bucket in shapes if bucket.length > 1]
        assert after == pytest.approx([weight * (1 - share) / sum(before) for weight in before]), "the others alike"
    with pytest.raises(ConfigError, match="no batches of single frames"):
        TrainDynamics("x", buckets=tuple(bucket for bucket in usual if bucket.length > 1), images=0.2)
