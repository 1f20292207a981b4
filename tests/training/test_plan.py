"""`worldsim train`: what it decides, and the three commands from an env that nobody knows to a world to play in."""

import json
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import worlds
from networks import DYNAMICS, TOKENIZER
from tiny import save_tiny_checkpoint
from worldsim.cli import main
from worldsim.data.episodes import Dataset
from worldsim.data.record import record
from worldsim.model.card import read_card
from worldsim.sampling.world import World
from worldsim.training import plan as planning
from worldsim.training.latents import LatentBucket
from worldsim.training.loop import TrainingError
from worldsim.training.plan import AMOUNTS, Plan, Train, amount_of, make_plan
from worldsim.video import read_mp4


@pytest.fixture
def data(tmp_path: Path) -> Path:
    kwargs = {"sees": "codes", "scale": 1000.0, "acts": "multi-discrete"}
    record(worlds.ID, "sticky", 200, tmp_path / "data", seed=0, env_kwargs=kwargs, size="fit")
    return tmp_path / "data"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks, batches and runs that a test has time for."""
    amount = replace(AMOUNTS[0], tokenizer=TOKENIZER, dynamics=DYNAMICS)
    monkeypatch.setattr(planning, "AMOUNTS", (replace(amount, frames=np.inf),))
    monkeypatch.setattr(planning, "BUCKETS", (LatentBucket(2, 6, "past", 0.9), LatentBucket(2, 4, "all", 0.1)))
    monkeypatch.setattr(planning, "LEAST", 3)
    monkeypatch.setattr(planning, "FRAMES", 4)
    monkeypatch.setattr(planning, "LEAST_GUESSES", 20)


def planned(config: Train, seconds: float) -> Plan:
    return make_plan(config, lambda *_: seconds)


def test_few_frames_get_a_small_network_more_noise_and_more_passes_than_many() -> None:
    few, some, many = (amount_of(frames) for frames in (1_000, 20_000, 10**7))
    assert few.dynamics.width <= some.dynamics.width < many.dynamics.width
    assert few.dynamics.depth < some.dynamics.depth < many.dynamics.depth
    assert few.noise > some.noise >= many.noise and few.decay > some.decay > many.decay
    assert few.passes > some.passes > many.passes


def test_steps_follow_from_time_until_the_data_say_stop(data: Path, tmp_path: Path) -> None:
    config = Train((data,), tmp_path / "run", minutes=10, start="none")
    slow = planned(config, 5.0)
    assert slow.frames == 205 and slow.episodes == 5 and not slow.limited
    assert (slow.tokenizer_steps, slow.steps) == (42, 78)  # 35 and 65 of 100 shares of 600 s
    assert slow.guesses == slow.refiner_steps == 0, "33 frames of each episode can be guessed: too few for a refiner"
    shorter = planned(replace(config, minutes=6), 5.0)
    assert (shorter.tokenizer_steps, shorter.steps) == (25, 46)
    quick = planned(config, 1e-3)
    seen = sum(b.rows * b.length * b.weight for b in planning.BUCKETS)
    assert quick.limited and quick.steps == int(AMOUNTS[0].passes * 205 / seen)
    assert "as often as so few frames bear" in str(quick) and "in the time given" in str(slow)
    assert not (tmp_path / "run").exists()


def test_a_refiner_takes_its_share_of_the_time_and_sees_no_guess_too_often(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "LEAST_GUESSES", 20)
    config = Train((data,), tmp_path / "run", minutes=10, start="none")
    slow = planned(config, 5.0)
    assert (slow.tokenizer_steps, slow.steps) == (42, 66)  # 35, 55 and 10 of 100 shares of 600 s
    assert slow.guesses == 165, "all that can be guessed: 33 frames of each of 5 episodes"
    assert slow.refiner_steps == planning.LEAST and "20 of the refiner on 165 guesses" in str(slow)
    monkeypatch.setattr(planning, "LEAST", 3)
    assert planned(config, 1e-3).refiner_steps == 165 * planning.EPOCHS // 64


def test_what_a_start_knows_is_kept_and_the_rest_follows_the_data(data: Path, tmp_path: Path) -> None:
    start = save_tiny_checkpoint(tmp_path / "tiny")
    plan, card = planned(Train((data,), start=str(start)), 1.0), read_card(start)
    assert card.dynamics is not None and plan.tokenizer == card.tokenizer
    own = {"actions": 5, "events": 1, "words": plan.dynamics.words, "text": plan.dynamics.text}
    assert plan.dynamics == replace(card.dynamics, **own) and plan.start == str(start)


def test_long_texts_make_room_for_themselves(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = " ".join(f"word{i}" for i in range(110))
    captions = Dataset.captions
    monkeypatch.setattr(Dataset, "captions", lambda *a: tuple(replace(c, short=text) for c in captions(*a)))
    assert planned(Train((data,), start="none"), 1.0).dynamics.text.longest == 112


@pytest.mark.usefixtures("small")
def test_three_commands_make_a_world_of_any_env(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    kwargs = json.dumps({"sees": "codes", "acts": "box", "scale": -1e6})
    main(["record", "--env", "Odd-v0", "--import", "worlds", "--steps", "200", "--out", "data", "--env-kwargs", kwargs])
    main(["train", "--data", "data", "--out", "run", "--start", "none", "--minutes", "0.001", "--device", "cpu"])
    out = capsys.readouterr().out
    assert "the world is run/checkpoint" in out and "205 frames in 5 episodes" in out
    card = read_card(Path("run/checkpoint"))
    assert (card.name, card.size, card.shown) == ("Odd-v0", (48, 80), (30, 50)) and "go" in card.vocabulary
    world = World.from_pretrained("run/checkpoint")
    assert world.refiner is not None and world.habits is not None, "it stays sharp, and acts by itself"

    env = gym.make("worldsim/Learned-v0", checkpoint="run/checkpoint", prompt="go to 3")
    assert env.action_space == worlds.ACTIONS["box"] and env.observation_space.shape == (48, 80, 3)
    env.reset(seed=0)
    true = gym.make(worlds.ID)
    env.reset(options={"frames": np.stack([true.reset(seed=0)[0]])})  # the true env's own pictures will do
    frame, reward, *_ = env.step(env.action_space.sample())
    assert frame.dtype == np.uint8 and np.isfinite(reward)

    main(["play", "--checkpoint", "run/checkpoint", "--headless", "--steps", "6", "--out", "out"])
    frames, _ = read_mp4("out/play.mp4")
    assert frames.shape[1:3] == (230, 384), "in the shape of the env's own pictures"
    assert "the learned world alone" not in capsys.readouterr().out, "the true one can be made, wherever it registers"

    main(["train", "--data", "data", "--out", "run", "--start", "none", "--minutes", "0.001", "--device", "cpu"])
    assert "the world is run/checkpoint" in capsys.readouterr().out, "nothing is done twice"
    with pytest.raises(TrainingError, match=r"holds a run with minutes 0.001, got 5"):
        planning.train(Train((Path("data"),), Path("run"), minutes=5.0, start="none"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--data", "data", "--minutes", "0"], "--minutes must be above 0"),
        (["--data", "data", "--start", "nobody"], "nobody"),
        (["--data", "data", "--out", "data"], "is not a plan"),
        ([], "missing --data"),
    ],
)
def test_wrong_input_is_one_line(
    data: Path, words: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(data.parent)
    (data / "plan.json").write_text("{}")
    with pytest.raises(SystemExit, match="2"):
        main(["train", *words])
    told = capsys.readouterr().err.strip()
    assert says in told and len(told.splitlines()) == 1
