"""Both stages on the counter world: from an env to a learned env, and resumed runs that end as uninterrupted ones."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch

import counter
from training_runs import (
    SIZE,
    assert_same_run,
    at_step,
    dynamics_run,
    record_counter,
    tokenizer_run,
    train,
    train_and_die,
)
from worldsim.actions import ActionSpec
from worldsim.clip import pixels_to_unit
from worldsim.data.episodes import Dataset
from worldsim.model.checkpoint import load, save
from worldsim.model.config import ConfigError
from worldsim.sampling.world import World
from worldsim.training import latents
from worldsim.training.intake import Live
from worldsim.training.loop import TrainingError
from worldsim_envs.learned import LearnedEnv, LearnedVectorEnv

STAGES = ["tokenizer", "dynamics"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_counter(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of both stages, each run without a break."""
    folder = tmp_path_factory.mktemp("whole")
    tokenizer = train(tokenizer_run(data, folder / "tokenizer"))
    train(dynamics_run(data, tokenizer, folder / "dynamics"))
    return {stage: folder / stage for stage in STAGES}


def the_run(stage: str, data: Path, whole: dict[str, Path], out: Path, resume: bool = False, **fit):
    """The same run as in `whole`, in another folder."""
    if stage == "tokenizer":
        return tokenizer_run(data, out, resume, **fit)
    return dynamics_run(data, whole["tokenizer"] / "checkpoint", out, resume, **fit)


def test_a_recorded_world_becomes_a_learned_env(whole: dict[str, Path]) -> None:
    card, _, dynamics, starts = load(whole["dynamics"] / "checkpoint")
    true = gym.make(counter.ID, size=SIZE)
    assert card.env == {"id": counter.ID, "kwargs": {"size": [16, 32], "horizon": 30}}
    assert card.event_names == ("reward", "even", "odd") and card.fps == 5 and card.size == SIZE
    assert card.action_spec.to_json() == ActionSpec.from_env(true).to_json()
    assert {"count", "counter", "stands", "8"} <= set(card.vocabulary)
    assert dynamics is not None and dynamics.config.words == len(card.vocabulary)
    assert card.training["steps"] == 12 and card.training["tokenizer"]["steps"] == 12
    json.dumps(card.to_json())

    env = LearnedEnv(str(whole["dynamics"] / "checkpoint"), threshold=1.0)
    assert env.action_space == true.action_space and env.observation_space == true.observation_space
    assert env.event_names == true.unwrapped.event_names
    frame, _ = env.reset(seed=0)
    assert starts is not None and (frame == starts.frames[:, -1]).all((1, 2, 3)).any(), "it begins from a stored start"
    for action in range(5):
        frame, reward, terminated, truncated, info = env.step(action)
        assert frame.shape == (16, 32, 3) and np.isfinite(reward) and info["events"].shape == (2,)
        assert not terminated and not truncated
    rows = LearnedVectorEnv(3, str(whole["dynamics"] / "checkpoint"))
    rows.reset(seed=0, options={"prompt": "count 8"})
    assert rows.step(np.array([0, 1, 2]))[0].shape == (3, 16, 32, 3)


def test_latents_have_zero_mean_and_unit_spread_on_the_frames_that_they_were_measured_on(
    data: Path, whole: dict[str, Path]
) -> None:
    _, tokenizer, _, _ = load(whole["tokenizer"] / "checkpoint")
    frames = np.concatenate([Dataset.open(data).read(number).frames for number in range(3)])
    with torch.no_grad():
        latents = tokenizer.encode(pixels_to_unit(frames[None]))
    assert latents.mean((0, 1, 3, 4)).abs().max() < 0.2
    assert (latents.std((0, 1, 3, 4)) - 1).abs().max() < 0.2


@pytest.mark.parametrize("bf16", [True, False])
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_was_interrupted_and_resumed_ends_as_one_that_was_not(
    stage: str, bf16: bool, data: Path, whole: dict[str, Path], tmp_path: Path
) -> None:
    out, reference = tmp_path / "torn", whole[stage]
    undo = at_step(7, lambda: signal.raise_signal(signal.SIGINT))
    train(the_run(stage, data, whole, out, bf16=bf16))
    undo()
    card = load(out / "checkpoint")[0]
    assert card.training["steps"] == 7, "a stopped stage leaves a checkpoint of what it has"
    if not bf16:
        reference = tmp_path / "whole"
        train(the_run(stage, data, whole, reference, bf16=bf16))
    train(the_run(stage, data, whole, out, resume=True, bf16=bf16))
    assert_same_run(out, reference)


def test_kill_9_at_any_moment_loses_nothing_that_matters(data: Path, whole: dict[str, Path], tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["worldsim.training.stages", "torch.utils.tensorboard"])  # children start at once
    rng = np.random.default_rng(0)
    for stage, steps in (("tokenizer", (6,)), ("dynamics", (2, 5))):
        out = tmp_path / stage
        for step in steps:
            run = the_run(stage, data, whole, out, resume=(out / "log.jsonl").exists())
            child = context.Process(target=train_and_die, args=(run, step, float(rng.uniform(0, 0.02))))
            child.start()
            child.join(60)
            assert child.exitcode == -signal.SIGKILL
        train(the_run(stage, data, whole, out, resume=True))
        assert_same_run(out, whole[stage])


def test_a_new_run_continues_from_another_worlds_checkpoint(
    data: Path, whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = str(whole["dynamics"] / "checkpoint")
    still = {"steps": 2, "adam_rate": 0.0, "muon_rate": 0.0}
    run = replace(the_run("dynamics", data, whole, tmp_path / "more", **still), start=start)
    card, _, dynamics, _ = load(train(run))
    told = capsys.readouterr().out
    assert f"from {start}: every tensor goes on from there" in told and "tokenizer" not in told
    _, _, learned, _ = load(start)
    assert dynamics is not None and learned is not None
    assert all(torch.equal(tensor, learned.state_dict()[name]) for name, tensor in dynamics.state_dict().items())
    assert card.training["start"]["steps"] == 12 and card.training["start"]["anew"] == []
    silent = replace(run, out=tmp_path / "silent", loss=replace(run.loss, foretell=0.0))
    assert card.foretells and not load(train(silent))[0].foretells
    other = replace(the_run("tokenizer", data, whole, tmp_path / "tokenizer", **still), start=start)
    mine, theirs = load(train(other))[1], load(start)[1]
    assert all(torch.equal(p, q) for p, q in zip(mine.parameters(), theirs.parameters(), strict=True))


def test_the_card_names_the_events_that_play_draws_again(
    data: Path, whole: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are rare in the recordings, where frames have been told of them and foretell them."""
    run = the_run("dynamics", data, whole, tmp_path / "plain", steps=1)
    assert load(train(run))[0].redraws == (), "every second frame has either"
    monkeypatch.setattr(latents, "RARE", 0.9)
    loss = run.loss
    for name, change, redrawn in (
        ("told", {}, ("even", "odd")),
        ("untold", {"loss": replace(loss, tell=0.0)}, ()),
        ("silent", {"loss": replace(loss, foretell=0.0)}, ()),
        ("deaf", {"model": replace(run.model, draws_events=False)}, ()),
    ):
        card = load(train(replace(run, out=tmp_path / name, **change)))[0]
        assert card.redraws == redrawn, name


def test_a_start_with_another_tokenizer_or_other_shapes_is_told(
    data: Path, whole: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card, tokenizer, dynamics, _ = load(whole["dynamics"] / "checkpoint")
    assert dynamics is not None
    tokenizer.std[0] += 0.1
    save(tmp_path / "other", card, tokenizer, dynamics)
    wider = replace(the_run("dynamics", data, whole, tmp_path / "run", steps=1), start=str(tmp_path / "other"))
    wider = replace(wider, model=replace(wider.model, hidden=3))
    card, _, _, _ = load(train(wider))
    told = capsys.readouterr().out
    assert f"other was trained on the latents of another tokenizer than {whole['tokenizer'] / 'checkpoint'}" in told
    assert "these tensors start anew: blocks.0.mlp.up.weight" in told
    assert card.training["start"]["anew"] == told.partition("start anew: ")[2].splitlines()[0].split(", ")


def test_a_live_source_trains_without_a_dataset(whole: dict[str, Path], tmp_path: Path) -> None:
    live = Live("counter:Counter-v0", workers=1)
    run = replace(the_run("dynamics", Path("none"), whole, tmp_path / "live", steps=2), data=(), live=live)
    with pytest.raises(ConfigError, match="--loss.rare needs recordings"):
        replace(run, loss=replace(run.loss, rare=3.0))
    assert World.from_pretrained(train(run)).card.event_names == ("reward", "even", "odd")


def test_a_live_run_goes_on_with_the_words_it_began_with(
    whole: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another look at the source finds other words: which come depends on which worker is faster."""
    live = Live("counter:Counter-v0", workers=1)
    run = replace(the_run("dynamics", Path("none"), whole, tmp_path / "live", steps=2), data=(), live=live)
    train(replace(run, fit=replace(run.fit, minutes=1e-9)))
    begun = load(tmp_path / "live" / "checkpoint").card.vocabulary
    monkeypatch.setattr("worldsim.training.intake.Vocabulary", None)  # a second look would fail
    assert load(train(replace(run, resume=True))).card.vocabulary == begun
    (tmp_path / "live" / "words.json").write_text("{")
    with pytest.raises(TrainingError, match=r"words.json is damaged"):
        train(replace(run, resume=True))


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_kill_9_at_20_random_points_of_the_command_line(
    stage: str, data: Path, whole: dict[str, Path], tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    steps = 400
    words = [
        sys.executable, "-m", "worldsim.cli", "train", stage, "--data", str(data), "--steps", str(steps),
        "--save-every", "5", "--log-every", "1", "--no-compile",
    ]  # fmt: skip
    if stage == "dynamics":
        words += ["--tokenizer", str(whole["tokenizer"] / "checkpoint"), "--model.width", "64", "--model.depth", "2"]
        words += ["--model.time-groups", "1"]
    else:
        words += ["--model.widths", "8", "8", "8", "--rows", "4"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}

    def start(out: Path) -> subprocess.Popen:
        more = ["--resume"] if (out / "log.jsonl").exists() else []
        return subprocess.Popen([*words, "--out", str(out), *more], env=environment, stderr=subprocess.DEVNULL)

    def reached(out: Path) -> int:
        log = out / "log.jsonl"
        last = log.read_text().split("\n")[-2:-1] if log.exists() else []
        return json.loads(last[0])["step"] if last else 0

    whole_run, torn = tmp_path / "whole", tmp_path / "torn"
    assert start(whole_run).wait() == 0
    for target in sorted(rng.integers(0, int(0.9 * steps), 20)):
        child = start(torn)
        while child.poll() is None and reached(torn) < target:
            time.sleep(0.002)
        time.sleep(float(rng.uniform(0, 0.05)))
        child.kill()
        assert child.wait() == -signal.SIGKILL, "it should not have ended by itself yet"
    assert start(torn).wait() == 0
    assert_same_run(whole_run, torn)
