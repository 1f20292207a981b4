"""Thresholds of events: known answers for hits, F1 and the choice, and the table beside the weights."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from tiny import save_tiny_checkpoint
from worldsim.cli import main
from worldsim.model import refiner
from worldsim.model.calibration import (
    Calibration,
    EventScore,
    played_fingerprint,
    read_calibration,
    write_calibration,
)
from worldsim.model.card import CheckpointError
from worldsim.sampling.world import World
from worldsim_agents import calibrate as module
from worldsim_agents.sightings import best_threshold, hits, score
from worldsim_envs.learned import EnvError, LearnedVectorEnv
from worldsim_envs.voxel.events import EVENT_NAMES


def at(*frames: int, length: int = 12) -> np.ndarray:
    """One stretch in which something happens in these frames."""
    row = np.zeros((1, length), np.bool_)
    row[0, list(frames)] = True
    return row


@pytest.mark.parametrize(
    ("told", "happened", "expected"),
    [
        (at(3), at(5), (1, 0, 0)),
        (at(3), at(6), (0, 1, 1)),
        (at(3, 4, 5), at(4), (1, 2, 0)),
        (at(4), at(3, 5), (1, 0, 1)),
        (at(), at(1, 9), (0, 0, 2)),
        (at(2, 8), at(), (0, 2, 0)),
    ],
)
def test_each_telling_stands_for_one_event_within_two_frames(told, happened, expected) -> None:
    assert hits(told, happened) == expected


def test_stretches_do_not_know_of_each_other() -> None:
    told, happened = np.concatenate([at(0), at()]), np.concatenate([at(), at(0)])
    assert hits(told, happened) == (0, 1, 1)


def test_a_rare_event_whose_probability_stays_low_gets_a_low_threshold() -> None:
    rng = np.random.default_rng(0)
    happened = rng.random((200, 12)) < 0.01
    chances = np.where(happened, 0.12, 0.0) + rng.random(happened.shape) * 0.05
    threshold = best_threshold(chances, happened)
    assert 0.05 < threshold < 0.17
    assert score(chances, happened, threshold).f1 == 1.0 and score(chances, happened, 0.5).f1 == 0.0


def test_too_few_events_tell_no_threshold() -> None:
    chances = np.zeros((50, 12))
    chances[:4, 3] = 0.3
    assert best_threshold(chances, chances > 0.1) == 0.5
    chances[4, 3] = 0.3
    assert best_threshold(chances, chances > 0.1) == pytest.approx(0.3, abs=1e-4)


def test_a_table_comes_back_as_it_was_and_holds_for_its_weights_alone(tmp_path: Path) -> None:
    folder = save_tiny_checkpoint(tmp_path / "tiny")
    assert World.from_pretrained(folder).calibration is None
    events, surprise = {"jumped": EventScore(0.2, 0.9, 0.8, 0.85, 7)}, {"again": {"0.99": 0.3}}
    found = Calibration(events, surprise, played_fingerprint(folder))
    write_calibration(folder, found)
    world = World.from_pretrained(folder)
    assert world.calibration == found
    assert found.threshold("jumped") == 0.2 and found.threshold("flew") == 0.5
    save_tiny_checkpoint(tmp_path / "other", seed=1)
    write_calibration(tmp_path / "other", found)
    with pytest.warns(UserWarning, match="other weights"):
        assert read_calibration(tmp_path / "other") is None
    (folder / refiner.FILE).write_bytes(b"it changes what events are told from")
    with pytest.warns(UserWarning, match="other weights"):
        assert read_calibration(folder) is None


def test_a_table_holds_with_its_refiner_and_in_its_passes(tmp_path: Path) -> None:
    folder = save_tiny_checkpoint(tmp_path / "tiny")
    dynamics = World.from_pretrained(folder).dynamics
    config = refiner.RefinerConfig(channels=4, actions=dynamics.config.actions, past=2, width=8, depth=1)
    refiner.write_refiner(folder / refiner.FILE, refiner.Refiner(config), dynamics, {})
    scores = {name: EventScore(0.2) for name in EVENT_NAMES}
    found = Calibration(scores, {"again": {"0.99": 0.3}}, played_fingerprint(folder), {"passes": 2})
    write_calibration(folder, found)
    assert World.from_pretrained(folder).calibration == found
    assert World.from_pretrained(folder, refine=False).calibration is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = LearnedVectorEnv(1, folder, task="OpenDoor", surprise="again", guard="0.99", steps=2)
        assert env.guard == 0.3
        LearnedVectorEnv(1, folder, steps=1)
    with pytest.warns(UserWarning, match=r"measured in 2 .* plays in 1.*calibrate --passes 1"):
        LearnedVectorEnv(1, folder, task="OpenDoor", steps=1)
    with pytest.raises(EnvError, match=r"measured in 1 passes: \(none\), got '0.99'; run .* --passes 1"):
        LearnedVectorEnv(1, folder, surprise="again", guard="0.99", steps=1)
    with pytest.warns(UserWarning, match="not measured to tell door_opened"):
        LearnedVectorEnv(1, World.from_pretrained(folder, refine=False), task="OpenDoor")


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    folder = save_tiny_checkpoint(tmp_path / "tiny")
    path = write_calibration(folder, Calibration({"jumped": EventScore(0.2)}, {}, played_fingerprint(folder)))
    data = json.loads(path.read_text())
    for change in ({"version": 9}, {"events": {"jumped": {"threshold": 2.0}}}, {"surprise": 3}):
        path.write_text(json.dumps({**data, **change}))
        with pytest.raises(CheckpointError, match="not a calibration"):
            read_calibration(folder)
    path.write_text("{")
    with pytest.raises(CheckpointError, match="not a calibration"):
        World.from_pretrained(folder)


def test_the_command_measures_events_and_surprise_on_true_episodes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = save_tiny_checkpoint(tmp_path / "tiny")
    words = ["--checkpoint", str(folder), "--frames", "160", "--context", "3", "--steps", "4", "--rows", "8"]
    main(["agent", "calibrate", *words])
    assert "events told" in capsys.readouterr().out
    found = read_calibration(folder)
    assert found is not None and set(found.surprise) == {"again", "seeds"}
    assert all(0 < row.threshold <= 1 for row in found.events.values())
    assert found.measured["steps"] == 4 and found.measured["untold"], "random weights tell next to nothing"
    before = (folder / "events.json").read_bytes()
    main(["agent", "calibrate", *words, "--out", str(tmp_path)])
    assert (tmp_path / "events.json").read_bytes() == before, "the same command measures the same"


def test_what_is_drawn_again_is_chosen_first_and_then_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_tiny_checkpoint(tmp_path / "tiny")
    write_calibration(folder, Calibration({"jumped": EventScore(0.2)}, {}, played_fingerprint(folder)))
    options = module.Calibrate(str(folder), frames=160, context=3, steps=4, rows=8, out=tmp_path)
    told, play = [], module._play

    def played(given: module.Calibrate, world: World, stretches: list) -> module._Played:
        told.append(world.calibration)
        return play(given, world, stretches)

    monkeypatch.setattr(module, "_play", played)
    module.calibrate(options)
    assert told == [None], "an older table decides nothing"
    card = json.loads((folder / "card.json").read_text())
    card["foretells"], card["redraws"] = True, ["jumped", "mined_sand"]
    (folder / "card.json").write_text(json.dumps(card))
    monkeypatch.setattr(module, "TELLING", 0.0)
    with pytest.warns(UserWarning, match="other weights"):
        module.calibrate(options)
    assert told[1] is None and told[2] is not None and set(told[2].events) == {*EVENT_NAMES, "end"}
