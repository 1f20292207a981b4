"""Training with a text encoder of others: captions are read by it, and all that is resumed or begun anew knows it."""

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import counter
from fake_transformers import FakeNetwork, Hub, hub
from training_runs import assert_same_run, at_step, dynamics_run, record_counter, tokenizer_run, train
from worldsim.model.checkpoint import load
from worldsim.model.dynamics import DynamicsConfig
from worldsim.model.frozen import EncoderError, FrozenEncoder, load_encoder
from worldsim.model.text import PromptError, TextConfig
from worldsim.training.both import TrainWorld, train_world
from worldsim.training.intake import Live, grid_of
from worldsim.training.latents import LatentBucket, random_batch
from worldsim.training.loop import TrainingError
from worldsim.training.losses import DynamicsLossConfig
from worldsim.training.plan import Train, make_plan
from worldsim.training.stages import TrainDynamics, train_dynamics

__all__ = ["hub"]  # a fixture

SMALL = "someone/small"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_counter(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def tokenizer(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tokenizer_run(data, tmp_path_factory.mktemp("tokenizer"), steps=2))


def run(data: Path, tokenizer: Path, out: Path, resume: bool = False, **changes: Any) -> TrainDynamics:
    return replace(dynamics_run(data, tokenizer, out, resume, steps=6), **({"text_encoder": SMALL} | changes))


def test_a_world_is_trained_with_an_encoder_that_stays_as_it_is(
    hub: Hub, data: Path, tokenizer: Path, tmp_path: Path
) -> None:
    before = {name: tensor.clone() for name, tensor in hub.networks[SMALL].state_dict().items()}
    card, _, dynamics, _ = load(train(run(data, tokenizer, tmp_path / "one")))
    assert card.encoder == load_encoder(SMALL).card and len(card.vocabulary) == 2
    assert card.dynamics is not None and card.dynamics.text == TextConfig(64, 0, 8, 12)
    after = hub.networks[SMALL].state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    untold = load(train(run(data, tokenizer, tmp_path / "two", loss=DynamicsLossConfig(drop_text=1.0)))).dynamics
    assert dynamics is not None and untold is not None
    assert not torch.equal(dynamics.text.out.weight, untold.text.out.weight), "captions reach the projection"


def test_a_run_with_an_encoder_that_is_resumed_ends_as_one_that_was_not(
    hub: Hub, data: Path, tokenizer: Path, tmp_path: Path
) -> None:
    train(run(data, tokenizer, tmp_path / "whole"))
    undo = at_step(3, lambda: signal.raise_signal(signal.SIGINT))
    train(run(data, tokenizer, tmp_path / "torn"))
    undo()
    load_encoder.cache_clear()  # another process remembers no text
    train(run(data, tokenizer, tmp_path / "torn", resume=True))
    assert_same_run(tmp_path / "torn", tmp_path / "whole")


def test_a_run_is_resumed_with_what_it_reads_alone(
    hub: Hub, data: Path, tokenizer: Path, tmp_path: Path
) -> None:
    """An encoder or a tokenizer of the same sizes would fit the weights, and mean something else."""
    undo = at_step(3, lambda: signal.raise_signal(signal.SIGINT))
    train(run(data, tokenizer, tmp_path / "torn"))
    undo()
    hub.add("someone/other", FakeNetwork(seed=1))
    with pytest.raises(TrainingError, match="trained with words other than these; .* the data, tokenizer and text"):
        train(run(data, tokenizer, tmp_path / "torn", resume=True, text_encoder="someone/other"))
    again = train(tokenizer_run(data, tmp_path / "again", steps=1))
    with pytest.raises(TrainingError, match="trained with tokenizer other than these"):
        train(run(data, again, tmp_path / "torn", resume=True))


def test_one_command_for_both_stages_takes_an_encoder(
    hub: Hub, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = TrainWorld((data,), tmp_path, preset="tiny", tokenizer_steps=1, steps=1, device="cpu", text_encoder=SMALL)
    train_world(replace(both, dry_run=True))
    assert "parameters" in capsys.readouterr().out
    assert load(train_world(both)).card.encoder == load_encoder(SMALL).card


def test_what_begins_from_such_a_world_reads_as_it_does(
    hub: Hub, data: Path, tokenizer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = str(train(run(data, tokenizer, tmp_path / "one")))
    capsys.readouterr()
    card = load(train(run(data, tokenizer, tmp_path / "two", text_encoder="", start=start))).card
    assert card.encoder == load_encoder(SMALL).card
    assert "every tensor goes on from there" in capsys.readouterr().out
    plan = make_plan(Train((data,), start=start), lambda *_: 1.0)
    assert plan.dynamics.text == TextConfig(64, 0, 8, 12) and plan.dynamics.words == 2
    hub.add("someone/other", FakeNetwork(seed=1))
    load(train(run(data, tokenizer, tmp_path / "three", text_encoder="someone/other", start=start)))
    assert "these tensors start anew: text.out.weight, text.out.bias, text.norm.gain\n" in capsys.readouterr().out


def test_live_captions_are_read_by_the_encoder(hub: Hub, data: Path, tokenizer: Path, tmp_path: Path) -> None:
    few = {"data": (), "live": Live(counter.ID, workers=1), "buckets": (LatentBucket(2, 3),)}
    card = load(train(replace(run(data, tokenizer, tmp_path / "live"), **few))).card
    assert card.encoder == load_encoder(SMALL).card


def test_a_dry_run_counts_the_projection(
    hub: Hub, data: Path, tokenizer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_dynamics(run(data, tokenizer, tmp_path / "none", dry_run=True))
    assert "parameters" in capsys.readouterr().out and not (tmp_path / "none").exists()
    model = DynamicsConfig(text=load_encoder(SMALL).fit(TextConfig()))
    words = random_batch(LatentBucket(2, 3), model, grid_of((64, 64))).words
    assert words.numbers.shape == (2, 1, 96, 12)


def test_what_cannot_be_is_said_before_anything_is_written(
    hub: Hub, data: Path, tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EncoderError, match="'nobody/none'"):
        train(run(data, tokenizer, tmp_path / "none", text_encoder="nobody/none"))
    monkeypatch.setattr(FrozenEncoder, "fit", lambda self, config: replace(config, longest=3, hidden=12))
    with pytest.raises(PromptError, match="a caption of the data does not fit: .* at most 3 tokens of someone/small"):
        train(run(data, tokenizer, tmp_path / "none"))
    assert not (tmp_path / "none" / "states").exists()
