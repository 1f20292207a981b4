"""The benchmark of the learned world runs and gives numbers that fit together; how fast is not tested here."""

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch

from tiny import save_tiny_checkpoint

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "learned.py"


def test_it_measures_single_and_vector_envs_and_prints_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = save_tiny_checkpoint(tmp_path / "tiny")
    threads = torch.get_num_threads()
    small = ["--threads", "1", "--rows", "1", "2", "--passes", "1", "--warm-up", "1", "--count", "3"]
    words = [str(FILE), "--checkpoint", str(checkpoint), *small, "--no-long", "--json"]
    monkeypatch.setattr(sys, "argv", words)
    try:
        runpy.run_path(str(FILE), run_name="__main__")
    finally:
        torch.set_num_threads(threads)
    report = json.loads(capsys.readouterr().out)
    assert report["threads"] == 1 and [speed["rows"] for speed in report["speeds"]] == [1, 2]
    for speed in report["speeds"]:
        assert speed["frames_per_second"] == pytest.approx(1000 * speed["rows"] / speed["median_ms"])
        assert speed["median_ms"] <= speed["p99_ms"]
