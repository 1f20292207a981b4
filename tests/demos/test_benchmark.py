"""Benchmarks of the learned world and of training run and give numbers that fit together; how fast is not tested."""

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tiny import save_tiny_checkpoint

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
