"""Training a refiner: it finds the detail that guesses lack, is resumable, and a world plays with what it learned."""

import shutil
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces

from networks import EVENTS, SPEC, WORDS, tiny_card, tiny_dynamics, tiny_tokenizer, tiny_world
from training_runs import FIT, dynamics_run, record_counter, tokenizer_run, train
from worldsim.actions import ActionSpec
from worldsim.cli import main
from worldsim.model.checkpoint import save
from worldsim.model.config import ConfigError
from worldsim.model.prompts import pack_words
from worldsim.model.refiner import FILE, Refiner, RefinerConfig
from worldsim.model.temperature import Temperature
from worldsim.model.tensors import read_tensors
from worldsim.sampling.world import World
from worldsim.training.loop import FitConfig, TrainingError, fit
from worldsim.training.losses import LatentBatch
from worldsim.training.refiner import Guesses, RefinerObjective, TrainRefiner, guess, train_refiner

MODEL = RefinerConfig(past=2, width=16, depth=1)


def test_it_learns_to_show_again_what_guesses_lose_where_nothing_moves(tmp_path: Path) -> None:
    """Half of the frames are as the one before and half are new; guesses of both are wrong by noise."""

    def batches(start: int) -> Generator[Guesses]:
        for k in range(start, 10**6):
            draw = torch.Generator().manual_seed(k)
            truth, other, noise = (torch.randn(16, 3, 4, 6, generator=draw) for _ in range(3))
            still = (torch.arange(16) < 8)[:, None, None, None]
            before = torch.where(still, truth, other)
            yield Guesses(truth + 0.3 * noise, torch.stack([before, other], 1), torch.zeros(16, 5), truth)

    torch.manual_seed(0)
    learner = RefinerObjective(Refiner(RefinerConfig(channels=3, actions=5, past=2, width=32, depth=1)), 2e-3)
    course = FitConfig(steps=150, warmup=5, adam_rate=1e-2, cooldown=0.5, average=0.9, compile=False, muon=False)
    fitted = fit(learner, batches, course, tmp_path / "run")
    learner.load_state_dict(fitted.average)
    batch = next(batches(10**5))
    with torch.no_grad():
        refined = learner.refiner(batch.guess, batch.shown, batch.actions)
    error = (refined - batch.truth).square().mean((1, 2, 3))
    assert error[:8].mean() < 0.4 * 0.09, "what stands still is known"
    assert error[8:].mean() < 1.3 * 0.09, "and nothing is done to what is not"


def test_guesses_are_what_a_world_makes_after_true_frames() -> None:
    card = tiny_card(context_level=0.0, temperature=Temperature(1e-9, 1e-9))  # no noise: all is decided
    draw = torch.Generator().manual_seed(0)
    latents, led = torch.randn(2, 5, 3, 4, 6, generator=draw), torch.rand(2, 5, SPEC.width, generator=draw)
    zeros, words = torch.zeros(2, 5), pack_words([[], []], 5, WORDS, 8)
    batch = LatentBatch(latents, led, torch.zeros(2, 5, len(EVENTS)), zeros, zeros + 1, words)
    found = guess(tiny_dynamics(), card, batch, 2, 2, draw)
    assert found.shape == (2, 3, 3, 4, 6)
    world = tiny_world(2, card={"context_level": 0.0, "temperature": card.temperature}, refiner=None)
    world.reset(seeds=[0, 1])  # begins its rows; what it made is forgotten
    world.cache.clear(torch.arange(2))
    for t in range(5):
        if t >= 2:
            made = world.fork().imagine(led[:, t].numpy()).latents
            torch.testing.assert_close(found[:, t - 2], torch.from_numpy(made), atol=1e-4, rtol=1e-4)
        world._advance(led[:, t].numpy(), latents[:, t : t + 1])


def refined(world: Path, data: Path, out: Path, resume: bool = False, **fit: int) -> TrainRefiner:
    course = replace(FIT, muon=False, **fit)
    return TrainRefiner(
        str(world), (data,), out, guesses=20, played=(2, 5), given=2, rows=4, model=MODEL, fit=course, resume=resume
    )


def test_a_run_that_stopped_goes_on_to_the_same_weights_and_a_world_plays_with_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = record_counter(tmp_path / "data")
    tokenizer = train(tokenizer_run(data, tmp_path / "tokenizer", steps=2))
    world = train(dynamics_run(data, tokenizer, tmp_path / "world", steps=2))
    whole = train_refiner(refined(world, data, tmp_path / "whole", steps=6, save_every=2))
    made = sorted((tmp_path / "whole" / "guesses").rglob("*.safetensors"))
    assert len(made) == 4, "20 guesses in batches of 2 clips with 3 guesses each"
    train_refiner(refined(world, data, tmp_path / "cut", steps=6, save_every=2))
    shutil.rmtree(tmp_path / "cut" / "states" / "step-00000006")
    files = sorted((tmp_path / "cut" / "guesses").rglob("*.safetensors"))
    files[2].unlink()
    kept = files[1].stat().st_mtime_ns
    again = train_refiner(refined(world, data, tmp_path / "cut", resume=True, steps=6, save_every=2))
    assert files[1].stat().st_mtime_ns == kept, "what was guessed is not guessed again"
    for one, other in ((whole, again), *zip(made, files, strict=True)):
        mine, theirs = read_tensors(one), read_tensors(other)
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    with pytest.raises(TrainingError, match="already holds a run"):
        train_refiner(refined(world, data, tmp_path / "whole", steps=6))
    more = record_counter(tmp_path / "more", seed=1)
    shutil.rmtree(tmp_path / "cut" / "states")
    (tmp_path / "cut" / "log.jsonl").unlink()
    train_refiner(refined(world, more, tmp_path / "cut", steps=6, save_every=2))
    assert len(list((tmp_path / "cut" / "guesses").iterdir())) == 2, "guesses of other data are others"
    trained_on = train(dynamics_run(data, tokenizer, tmp_path / "world two", steps=3))
    with pytest.raises(TrainingError, match="trained with world other than these"):
        train_refiner(refined(trained_on, data, tmp_path / "whole", resume=True, steps=8))

    before = World.from_pretrained(world)
    shutil.copy(whole, world / FILE)
    after, plain = World.from_pretrained(world), World.from_pretrained(world, refine=False)
    assert before.refiner is None and plain.refiner is None and after.refiner is not None
    assert before.fingerprint == plain.fingerprint != after.fingerprint
    with torch.no_grad():
        assert after.refiner.out.bias is not None
        after.refiner.out.bias += 1.0
    frames = np.zeros((1, 2, *after.card.size, 3), np.uint8)
    shown = []
    for each in (before, plain, after):
        each.reset(frames, seeds=[0])
        shown.append(each.imagine(np.zeros((1, after.card.action_spec.width), np.float32)).latents)
    assert np.array_equal(shown[0], shown[1]) and np.abs(shown[2] - shown[0]).mean() > 0.5

    with pytest.raises(SystemExit) as stop:
        main(["train", "refiner", "--checkpoint", str(tokenizer), "--data", str(data)])
    assert stop.value.code == 2 and "a refiner needs a world that guesses" in capsys.readouterr().err


def test_wrong_wishes_are_named(tmp_path: Path) -> None:
    data = record_counter(tmp_path / "data")
    with pytest.raises(ConfigError, match="frames of each above given 8"):
        TrainRefiner("none", (data,), played=(16, 8))
    with pytest.raises(ConfigError, match="data must name dataset folders"):
        TrainRefiner("none")
    with pytest.raises(ConfigError, match="floor must be above 0"):
        TrainRefiner("none", (data,), floor=0)
    other, network = ActionSpec.from_space(spaces.Discrete(4)), tiny_dynamics(actions=4)
    card = tiny_card(action_spec=other, dynamics=network.config)
    save(tmp_path / "world", card, tiny_tokenizer(), network, None)
    with pytest.raises(TrainingError, match="has other actions than"):
        train_refiner(refined(tmp_path / "world", data, tmp_path / "out"))
    save(tmp_path / "same", tiny_card(), tiny_tokenizer(), tiny_dynamics(), None)
    long = replace(refined(tmp_path / "same", data, tmp_path / "out"), played=(2, 64), given=40)
    with pytest.raises(TrainingError, match="no episode of the data is longer than the frames that are given"):
        train_refiner(long)
