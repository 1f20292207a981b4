"""Training a tokenizer with a stride in time: on clips and images, exactly resumable; and what refuses it."""

import json
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from networks import TOKENIZER
from training_runs import assert_same_run, at_step, dynamics_run, record_counter, tokenizer_run, train, video_run
from worldsim.cli import main
from worldsim.clip import pixels_to_unit
from worldsim.data.batches import Bucket
from worldsim.data.episodes import Dataset
from worldsim.model.checkpoint import CheckpointError, load
from worldsim.model.config import ConfigError
from worldsim.model.tokenizer import Tokenizer
from worldsim.training.captioner import TrainCaptioner, train_captioner
from worldsim.training.estimate import estimate_tokenizer
from worldsim.training.loop import FitConfig
from worldsim.training.losses import TokenizerLossConfig, TokenizerObjective
from worldsim.training.stages import TrainTokenizer


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_counter(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run without a break."""
    folder = tmp_path_factory.mktemp("whole")
    train(video_run(data, folder))
    return folder


def test_batches_are_clips_of_about_as_many_frames_as_images() -> None:
    run = TrainTokenizer(model=replace(TOKENIZER, time_stride=4), rows=32, length=17, images=0.25)
    assert run.buckets() == [Bucket(2, 17, weight=0.75), Bucket(32, 1, weight=0.25)]
    assert run.buckets(4)[0].rows == 4, "ranks share clips evenly"
    assert replace(run, images=0.0).buckets() == [Bucket(2, 17, weight=1.0)]
    assert replace(run, images=1.0).buckets() == [Bucket(32, 1, weight=1.0)]
    assert replace(run, model=TOKENIZER).buckets() == [Bucket(32, 1)], "stride 1 learns from frames alone"
    with pytest.warns(UserWarning, match="16 frames do not fit a time stride of 4.*: 17 are used"):
        assert replace(run, length=16).buckets() == run.buckets()


def test_a_tiny_tokenizer_learns_clips_and_images(data: Path, tmp_path: Path) -> None:
    checkpoint = train(video_run(data, tmp_path / "run", steps=150, adam_rate=1e-2, average=0.9))
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    first, last = (np.mean([line["psnr"] for line in part]) for part in (log[:10], log[-10:]))
    assert last > first + 5
    tokenizer = load(checkpoint).tokenizer.eval()
    frames = pixels_to_unit(Dataset.open(data).read(0).frames[None, :29])
    with torch.no_grad():
        for clip in (frames, frames[:, :1], frames[:, 7:16]):
            error = (tokenizer.decode(tokenizer.encode(clip)) - clip).square().mean()
            assert error < 0.6 * frames.var(), "longer clips than it was trained on, images, and from the middle"
        latents = tokenizer.encode(frames)
    assert latents.mean((0, 1, 3, 4)).abs().max() < 0.5 and (latents.std((0, 1, 3, 4)) - 1).abs().max() < 0.5


def test_a_run_that_was_interrupted_and_resumed_ends_as_one_that_was_not(
    data: Path, whole: Path, tmp_path: Path
) -> None:
    undo = at_step(7, lambda: signal.raise_signal(signal.SIGINT))
    train(video_run(data, tmp_path))
    undo()
    assert load(tmp_path / "checkpoint").card.training["steps"] == 7
    train(video_run(data, tmp_path, resume=True))
    assert_same_run(tmp_path, whole)


def test_every_weight_learns_from_clips_and_none_is_left_out_by_images() -> None:
    torch.manual_seed(0)
    for length, all_move in ((9, True), (1, False)):
        objective = TokenizerObjective(Tokenizer(replace(TOKENIZER, time_stride=4)), TokenizerLossConfig())
        with torch.no_grad():
            for parameter in objective.parameters():
                parameter.add_(0.1)  # convolutions that begin as zero hide what is before them
        objective(torch.rand(2, length, 3, 16, 16) * 2 - 1, torch.Generator().manual_seed(0))[0].backward()
        grads = [parameter.grad for parameter in objective.parameters()]
        assert all(grad is not None for grad in grads), "ranks wait for the gradient of every parameter"
        assert not all_move or all(grad is not None and grad.abs().max() > 0 for grad in grads)


def test_an_estimate_counts_clips() -> None:
    fit, model = FitConfig(bf16=False), replace(TOKENIZER, time_stride=4)
    one, two = (estimate_tokenizer(model, [Bucket(rows, 9)], (16, 16), fit) for rows in (2, 4))
    assert one.parameters == sum(p.numel() for p in Tokenizer(model).parameters())
    assert (one.frames, two.frames) == (18, 36) and two.operations == pytest.approx(2 * one.operations)
    mixed = estimate_tokenizer(model, [Bucket(2, 9, weight=0.5), Bucket(4, 9, weight=0.5)], (16, 16), fit)
    assert mixed.frames == 27 and mixed.activations == two.activations
    assert mixed.operations == pytest.approx((one.operations + two.operations) / 2)


def test_the_command_line_rounds_a_length_with_a_warning(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--preset", "tiny", "--model.time-stride", "4", "--length", "8", "--rows", "18", "--images", "0"]
    with pytest.warns(UserWarning, match="8 frames do not fit a time stride of 4.*: 9 are used"):
        main(["train", "tokenizer", "--data", str(data), "--out", str(tmp_path / "run"), "--dry-run", *words])
    assert "a step of 18 frames" in capsys.readouterr().out and not list(tmp_path.iterdir())


def test_what_takes_frames_one_by_one_refuses_it(data: Path, whole: Path, tmp_path: Path) -> None:
    checkpoint, out = whole / "checkpoint", tmp_path / "run"
    asks = "tokenizer of time stride 4.*needs one with a latent for each frame.*--model.time-stride 1"
    for dry in (False, True):
        with pytest.raises(CheckpointError, match=asks):
            train(replace(dynamics_run(data, checkpoint, out), dry_run=dry))
    with pytest.raises(CheckpointError, match=asks):
        train_captioner(TrainCaptioner(str(checkpoint), (data,), out))
    with pytest.raises(CheckpointError, match=r"tensor 'encoder.* (missing|not part)"):
        train(replace(tokenizer_run(data, out), start=str(checkpoint)))
    for name, value in (("images", 1.5), ("length", 0), ("rows", 0)):
        with pytest.raises(ConfigError, match=f"TrainTokenizer.{name}"):
            replace(video_run(data, out), **{name: value})
    assert not out.exists()
