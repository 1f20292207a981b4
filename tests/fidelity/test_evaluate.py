"""`worldsim eval` from a checkpoint to its files, and the figures computed again from the trials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from tiny import KWARGS, save_tiny_checkpoint
from worldsim.data.envs import RecordError, drawn_at
from worldsim.data.record import record
from worldsim.fidelity.evaluate import Evaluate, evaluate
from worldsim.fidelity.heldout import FidelityError
from worldsim.fidelity.readers.reader import Training
from worldsim.fidelity.report import summarise, table
from worldsim.fidelity.trials import read_trials
from worldsim.model.checkpoint import CheckpointError
from worldsim.sampling.world import World, WorldError
from worldsim.video import read_png


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evaluate, dict[str, Any]]:
    """A run on three worlds of 110 rows, with long rollouts of 101 steps."""
    folder = tmp_path_factory.mktemp("evaluate")
    checkpoint = save_tiny_checkpoint(folder / "tiny")
    record("worldsim/Voxel-v0", "random", 3 * 109, folder / "data", seed=0, episode_length=110, env_kwargs=KWARGS)
    options = Evaluate(
        str(checkpoint), folder / "data", heldout=1.0, worlds=3, windows=2, context=4, steps=3, long=101, long_worlds=2,
        passes=1, resamples=300, rows=4, out=folder / "out",
    )  # fmt: skip
    return options, evaluate(options)


def test_the_figures_follow_from_the_trials_alone(done: tuple[Evaluate, dict[str, Any]]) -> None:
    options, _ = done
    report = json.loads((options.out / "report.json").read_text())
    trials = read_trials(options.out / "trials.jsonl")
    assert len(trials) == 6 + 6 + 3 + 2  # next frames, rollouts, true and learned stretches
    assert summarise(trials, options.resamples, options.seed) == report["figures"]


def test_the_report_says_what_was_measured_on_what_and_how_to_do_it_again(
    done: tuple[Evaluate, dict[str, Any]],
) -> None:
    options, report = done
    world = World.from_pretrained(options.checkpoint, steps=options.passes)
    assert report["checkpoint"] == {"name": "tiny", "fingerprint": world.fingerprint}
    assert len(report["data"]["worlds"]) == 3 and report["machine"]["cores"] >= 1
    assert report["command"].startswith(f"worldsim eval --checkpoint {options.checkpoint} --data {options.data} ")
    assert "--long 101" in report["command"] and "--device" not in report["command"]


def test_the_table_and_the_bars_name_every_probe(done: tuple[Evaluate, dict[str, Any]]) -> None:
    figures = done[1]["figures"]
    assert set(figures) == {"next_frame", "free_running", "stamina", "bars"} and len(figures["bars"]) == 8
    shown = table(figures)
    assert all(word in shown for word in ("next frame", "free running", "sharpness", "NOT MET"))


def test_the_pictures_are_there(done: tuple[Evaluate, dict[str, Any]]) -> None:
    options, _ = done
    report, long = read_png(options.out / "report.png"), read_png(options.out / "long.png")
    assert report.shape[0] > 420 + 6 * 64 and report.shape[1] >= 1200  # curves, then three worlds twice
    assert long.shape[0] > 2 * 64 and long.shape[1] > 3 * 64  # steps 1, 50 and 100


def test_the_same_options_give_the_same_trials(done: tuple[Evaluate, dict[str, Any]], tmp_path: Path) -> None:
    options, _ = done
    again = Evaluate(**{**vars(options), "long": 0, "out": tmp_path})
    evaluate(again)
    lines = (options.out / "trials.jsonl").read_text().splitlines()[:12]  # those of the long rollouts come after
    assert (tmp_path / "trials.jsonl").read_text().splitlines() == lines


def test_readers_that_learned_nothing_are_named_and_what_they_would_read_is_not_scored(
    done: tuple[Evaluate, dict[str, Any]], tmp_path: Path
) -> None:
    few = {"clips": 3, "event_worlds": 2, "sky_worlds": 2, "worlds": 2, "windows": 1, "long": 0, "resamples": 50}
    options = Evaluate(**{
        **vars(done[0]), **few, "probes": ("actions", "prompts", "events"), "out": tmp_path / "out",
        "readers": tmp_path / "readers",
    })  # fmt: skip
    hasty = Training(worlds=3, rows=33, turning=1, turning_rows=9, steps=(1, 1), batch=4)
    figures = evaluate(options, hasty)["figures"]
    assert set(figures["readers"]) == {"action", "biome", "time", "weather"}
    assert not any(found["passed"] for found in figures["readers"].values())
    assert not {"actions", "drift", "events", "next_frame", "free_running"} & set(figures)
    assert table(figures).count("FAILED") == 4
    assert (options.out / "report.png").is_file() and len(list(options.readers.iterdir())) == 4
    assert summarise(read_trials(options.out / "trials.jsonl"), options.resamples, options.seed) == figures


@pytest.mark.parametrize("wrong", [{"worlds": 1}, {"steps": 0}, {"long": 50}, {"seed": -1}, {"probes": ()}])
def test_options_that_cannot_be_measured_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(FidelityError, match="--(worlds|steps|long|seed|probes) must"):
        Evaluate(**wrong)  # type: ignore[arg-type]


def test_an_unknown_checkpoint_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no-such-world"):
        evaluate(Evaluate("no-such-world", out=tmp_path / "out"))
    assert not list(tmp_path.iterdir())


def test_a_line_that_is_no_trial_is_named(tmp_path: Path) -> None:
    (tmp_path / "trials.jsonl").write_text('{"probe": "dream"}\n')
    with pytest.raises(FidelityError, match="line 1 is no trial"):
        read_trials(tmp_path / "trials.jsonl")


def test_another_size_is_drawn_by_the_env_itself_and_measured(
    done: tuple[Evaluate, dict[str, Any]], tmp_path: Path
) -> None:
    options, _ = done
    small = {"worlds": 2, "windows": 1, "context": 2, "steps": 2, "passes": 1, "resamples": 50}
    other = Evaluate(options.checkpoint, size=(48, 32), probes=("free-running",), out=tmp_path, **small)
    report = evaluate(other)
    assert "--size 48 32" in report["command"] and report["data"]["env"] == "worldsim/Voxel-v0"
    assert read_png(tmp_path / "report.png").shape[0] > 200 + 4 * 48
    for wrong, words in (((40, 32), "steps of 16"), ((0, 16), "two numbers of pixels")):
        with pytest.raises((FidelityError, WorldError), match=words):
            evaluate(Evaluate(options.checkpoint, size=wrong, out=tmp_path))


def test_whether_an_env_can_be_drawn_at_a_size_is_read_off_its_constructor() -> None:
    kwargs = {"world_size": [64, 64, 48]}
    assert drawn_at("worldsim/Voxel-v0", kwargs, (48, 80)) == {**kwargs, "size": [48, 80]}
    assert drawn_at("CartPole-v1", {}, (48, 80)) == {}
    gym.register("test/Grid-v0", entry_point=lambda size=8: None)
    try:
        assert drawn_at("test/Grid-v0", {}, (48, 80)) == {}, "its size is no picture's"
    finally:
        del gym.registry["test/Grid-v0"]
    with pytest.raises(RecordError, match="cannot find the env 'Nowhere-v0'"):
        drawn_at("Nowhere-v0", {}, (48, 80))
