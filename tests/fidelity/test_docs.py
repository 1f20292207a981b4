"""The examples of docs/fidelity.md: commands are options that exist, and the Python runs on a report's trials."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import tyro

from worldsim.fidelity.evaluate import Evaluate
from worldsim.fidelity.harness.commands import Compare, Report, Run
from worldsim.fidelity.probes.next_frame import NextFrame
from worldsim.fidelity.trials import write_trials
from worldsim.play.demo import Demo

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "fidelity.md").read_text()
COMMANDS = re.findall(r"^worldsim .*$", "".join(re.findall(r"```sh\n(.*?)```", TEXT, re.S)), re.M)
(PYTHON,) = re.findall(r"```python\n(.*?)```", TEXT, re.S)
KINDS = {"eval": Evaluate, "demo": Demo, "fidelity run": Run, "fidelity report": Report, "fidelity compare": Compare}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_options_that_exist(command: str) -> None:
    _, *words = shlex.split(command)
    name = next(name for name in KINDS if words[: len(name.split())] == name.split())
    kind, words = KINDS[name], words[len(name.split()) :]
    options = tyro.cli(kind, args=words)
    assert isinstance(options, kind)
    if name in ("eval", "demo"):  # the others have no defaults for all
        assert not words or options != kind()


def test_the_figures_can_be_computed_again_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    write_trials(
        tmp_path / "out/eval/trials.jsonl", [NextFrame(world, 0, *rng.uniform(1, 2, 6).tolist()) for world in range(8)]
    )
    monkeypatch.chdir(tmp_path)
    exec(PYTHON, {})
    assert "8 windows of 8 worlds" in capsys.readouterr().out
