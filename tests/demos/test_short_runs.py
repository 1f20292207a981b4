"""Short runs: rows that are done are kept and compared window by window; full attention plays as it was trained."""

import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from networks import DYNAMICS, random_clip, scattered, tiny_card, tiny_tokenizer
from training_runs import record_counter
from worldsim.model.checkpoint import save
from worldsim.model.conditions import Condition
from worldsim.model.dynamics import Dynamics
from worldsim.training.loop import TrainingError
from worldsim.video import read_png

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """Runs a study on 60 worlds of the counter; gives its report."""
    threads = torch.get_num_threads()
    data = record_counter(tmp_path / "data", 30 * 60)
    save(tmp_path / "given", tiny_card(dynamics=None), tiny_tokenizer())
    small = ["--length", "4", "--frames", "8", "--windows", "1", "--head-width", "16", "--minutes"]
    common = ["--data", str(data), "--tokenizer", str(tmp_path / "given"), "--json", *small]

    def run(name: str, *words: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", [name, *common, *words])
        monkeypatch.syspath_prepend(str(FOLDER))
        runpy.run_path(str(FOLDER / name), run_name="__main__")
        printed = capsys.readouterr().out
        return json.loads(printed[printed.index("{\n") :])

    yield run
    torch.set_num_threads(threads)


def test_sizes_are_measured_at_points_of_one_run(tmp_path: Path, study) -> None:
    out = tmp_path / "out"
    small = ["0.001", "0.002", "--widths", "16", "32", "--depths", "2", "2", "--out", str(out)]
    report = study("scaling.py", *small)
    rows = report["rows"]
    assert [(row["name"], row["minutes"]) for row in rows] == [(n, m) for n in ("16x2", "32x2") for m in (0.001, 0.002)]
    assert all(row["place"] == str(out / row["name"] / f"after-{row['minutes']:g}") for row in rows)
    for first, second in (rows[:2], rows[2:]):
        assert 0 < first["steps"] < second["steps"] and first["parameters"] == second["parameters"]
        assert 0.06 <= first["seconds"] <= second["seconds"] and second["seconds"] >= 0.12
    for row in rows:
        assert list(row["losses"]) == ["image", "4 frames", "8 frames", "4 frames, all seen"]
        assert all(len(levels) == 6 for levels in row["losses"].values())
        mean = sum(level["value"] for level in row["losses"]["4 frames"]) / 6
        assert row["loss"]["value"] == pytest.approx(mean) and row["loss"]["low"] < mean < row["loss"]["high"]
    strips = read_png(out / "16x2" / "after-0.001" / "rollouts.png")
    assert strips.shape == (16 * report["windows"], 32 * 4, 3), "every window, four steps"
    assert (out / "table.md").read_text().count("| 32x2 |") == 2 and read_png(out / "scaling.png").shape[1] >= 1250
    assert study("scaling.py", *small)["rows"] == rows, "nothing was trained or measured again"
    with pytest.raises(TrainingError, match="holds rows with other seed; choose another --out"):
        study("scaling.py", *small, "--seed", "1")


def test_rows_are_compared_with_the_base_window_by_window(tmp_path: Path, study) -> None:
    out = tmp_path / "out"
    rows = ["base", "base-again", "full", "adamw", "no-all-seeing"]
    small = ["0.001", "--width", "32", "--depth", "2", "--wide", "32", "2", "--deep", "16", "2", "--out", str(out)]
    found = {row["name"]: row for row in study("ablations.py", *small, "--rows", *rows)["rows"]}
    assert list(found) == rows and all(row["steps"] > 0 for row in found.values())
    assert all(part == {"value": 0, "low": 0, "high": 0} for part in found["base"]["against"].values())
    for name, key in (("next", "next_frame"), ("free", "free_running")):
        mine, theirs = (found[row]["figures"][key] for row in ("full", "base"))
        if name == "next":
            apart = [part["ratio_to_copy"]["model"]["value"] for part in (mine, theirs)]
        else:
            apart = [part["psnr_average"]["1-4"]["model_minus_copy"]["value"] for part in (mine, theirs)]
        assert found["full"]["against"][name]["value"] == pytest.approx(apart[0] - apart[1])
    assert found["full"]["parameters"] < found["base"]["parameters"], "one attention a block, not two"
    assert read_png(out / "ablations.png").shape[1] == 1250
    with pytest.raises(TrainingError, match="--rows must begin with base"):
        study("ablations.py", *small, "--rows", "full")


def test_full_attention_sees_every_place_of_the_past_and_plays_as_it_was_trained() -> None:
    change = runpy.run_path(str(FOLDER / "full_attention.py"))["with_full_attention"]
    network = scattered(change(Dynamics(replace(DYNAMICS, time_every=1))))
    noisy, level, condition = random_clip(2, 5, prompts=0)
    whole = network(noisy, level, condition, attend="past").clean
    other = noisy.clone()
    other[:, 1, :, 0, 0] += 1
    changed = (network(other, level, condition, attend="past").clean - whole).abs().amax((0, 2))  # (T, h, w)
    assert changed[0].max() == 0 and changed[1:].min() > 0, "every place of every later frame, none before"
    cache = network.new_cache(2, 4, 6)
    for t in range(5):
        now = Condition(condition.actions[:, t : t + 1], condition.acted[:, t : t + 1])
        step = network.step(noisy[:, t : t + 1], level[:, t : t + 1], now, cache)
        cache.advance(noisy[:, t])
        torch.testing.assert_close(step.clean[:, 0], whole[:, t], atol=1e-4, rtol=1e-4)
