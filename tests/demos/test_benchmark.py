"""Benchmarks of the learned world and of training run and give numbers that fit together; how fast is not tested."""

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from networks import tiny_card, tiny_tokenizer
from tiny import save_tiny_checkpoint
from training_runs import record_counter
from worldsim.model.checkpoint import save
from worldsim.training.loop import TrainingError

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs a benchmark on one thread; gives what it prints as JSON."""
    threads = torch.get_num_threads()

    def run(name: str, *words: str) -> dict[str, Any]:
        file = str(FOLDER / name)
        monkeypatch.setattr(sys, "argv", [file, *words, "--threads", "1", "--json"])
        runpy.run_path(file, run_name="__main__")
        return json.loads(capsys.readouterr().out)

    yield run
    torch.set_num_threads(threads)


def test_the_learned_world_is_measured_in_single_and_vector_envs(tmp_path: Path, report) -> None:
    checkpoint = save_tiny_checkpoint(tmp_path / "tiny")
    small = ["--rows", "1", "2", "--passes", "1", "--warm-up", "1", "--count", "3", "--no-long", "--sizes"]
    found = report("learned.py", "--checkpoint", str(checkpoint), *small)
    assert found["threads"] == 1 and [speed["rows"] for speed in found["speeds"]] == [1, 2]
    for speed in found["speeds"]:
        assert speed["frames_per_second"] == pytest.approx(1000 * speed["rows"] / speed["median_ms"])
        assert speed["median_ms"] <= speed["p99_ms"]


def test_training_is_measured_by_its_own_loop(report) -> None:
    small = ["--stages", "tokenizer", "--compile", "False", "--bf16", "False", "--frames", "1", "--size", "16", "16"]
    (speed,) = report("training.py", *small, "--warm-up", "1", "--steps", "2")["speeds"]
    assert speed["stage"] == "tokenizer" and speed["frames_per_second"] == pytest.approx(1000 / speed["median_ms"])


def test_tokenizers_are_compared_row_by_row_and_rows_that_are_done_are_kept(
    tmp_path: Path, report, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = record_counter(tmp_path / "data", 30 * 60), tmp_path / "out"  # 60 worlds, so that some are held out
    save(tmp_path / "given", tiny_card(dynamics=None), tiny_tokenizer())
    small = ["--data", str(data), "--out", str(out), "--widths", "8", "8", "8", "--steps", "3", "--rows", "10"]
    small += ["--length", "5", "--no-compile", "--given", str(tmp_path / "given")]
    found = report("tokenizer.py", *small, "--channels", "2", "4")
    rows = {(row["stride"], row["channels"]): row for row in found["rows"]}
    assert list(rows) == [(1, 2), (1, 4), (4, 2), (4, 4), (1, 3)] and found["clips"] >= 2
    for (stride, channels), row in rows.items():
        assert row["numbers"] == 2 * 4 * channels / stride and row["few"] == 192 * stride / channels
        assert row["psnr"]["low"] <= row["psnr"]["value"] <= row["psnr"]["high"] and row["pooled"] > 0
    assert "| (4, 8, 8) | 2 | 3 | 4 (1/384) |" in (out / "table.md").read_text()
    again = report("tokenizer.py", *small, "--channels", "2")
    assert again["rows"] == [rows[1, 2], rows[4, 2], rows[1, 3]], "nothing was measured again"
    with pytest.raises(TrainingError, match="holds rows with other seed; choose another --out"):
        report("tokenizer.py", *small, "--seed", "1")
