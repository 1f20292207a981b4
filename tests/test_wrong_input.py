"""Wrong input, as tables: each case is a typed error that names the thing, in under a second, with nothing written."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import counter
import wrong_calls
import wrong_files
from networks import EVENTS, SIZE, tiny_card, tiny_dynamics, tiny_tokenizer
from training_runs import record_counter
from worldsim.cli import main
from worldsim.clip import Clip
from worldsim.data.episodes import Dataset
from worldsim.data.record import record
from worldsim.model.checkpoint import load, save
from wrong_input import Case, cut, tree

CASES = [*wrong_files.CASES, *wrong_calls.CASES]


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that a case may use."""
    place = tmp_path_factory.mktemp("sound")
    flags = np.zeros((1, 2), np.bool_)
    rows = (np.zeros((1, 2, width), np.float32) for width in (5, len(EVENTS)))
    starts = Clip(np.zeros((1, 2, *SIZE, 3), np.uint8), *rows, flags, flags, ~flags)
    save(place / "checkpoint", tiny_card(), tiny_tokenizer(), tiny_dynamics(), starts)
    save(place / "tokenizer", tiny_card(dynamics=None), tiny_tokenizer())
    record_counter(place / "data", steps=60)
    record(counter.ID, "random", 20, place / "odd", 0, env_kwargs={"size": [20, 36]})
    record("CartPole-v1", "random", 20, place / "other", 0, size=(16, 32))
    (place / "run" / "states" / "step-00000005").mkdir(parents=True)
    (place / "run" / "log.jsonl").write_text("")
    torch.optim.AdamW([torch.zeros(1)])  # the first one of a process imports for a second
    return place


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_wrong_input_is_named_at_once_and_leaves_no_trace(
    case: Case, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    shutil.copytree(sound, place)
    monkeypatch.chdir(tmp_path)
    case.damage(place)
    before = tree(tmp_path)
    start = time.process_time()  # of our own work: others may keep the machine busy
    with pytest.raises(case.error) as caught:
        case.use(place)
    took = time.process_time() - start
    message = str(caught.value)
    assert type(caught.value) is case.error
    assert all(part in message for part in case.says), message
    assert "\n" not in message, "one line, whatever a library had to say"
    assert tree(tmp_path) == before, "something was written"
    assert took < 1, f"{took:.2f} s"


def test_the_sound_ones_are_taken(sound: Path) -> None:
    card, _, _, starts = load(sound / "checkpoint")
    assert card.name == "tiny" and starts is not None and len(Dataset.open(sound / "data")) == 2
    assert len(CASES) >= 30 and len({case.what for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("play --checkpoint {}/checkpoint --headless --world learned --steps 2", "dynamics.safetensors"),
        ("eval --checkpoint {}/checkpoint --out {}/new", "dynamics.safetensors"),
        ("train tokenizer --data {}/data --out {}/new --resume", "no run to resume"),
        ("train tokenizer --data {}/data --out {}/run", "already holds a run"),
        ("train tokenizer --data {}/odd --out {}/new", "steps of 8"),
        ("train tokenizer --data {}/nowhere --out {}/new", "nowhere"),
        ("train tokenizer --out {}/new", "--data"),
        ("train dynamics --tokenizer {}/tokenizer --data {}/data {}/other --out {}/new", "actions differ"),
        ("train dynamics --tokenizer {}/checkpoint2 --data {}/data --out {}/new", "checkpoint2"),
        ("train dynamics --tokenizer {}/tokenizer --data {}/data --out {}/new --start {}/tokenizer", "tokenizer alone"),
        ("record --env Blind-v0 --steps 3 --out {}/new", "Blind-v0"),
        ("record --env Nowhere-v0 --steps 3 --out {}/new", "Nowhere-v0"),
        ("record --env CartPole-v1 --steps 3 --out {}/data", "env_id"),
        ("record --env CartPole-v1 --steps 3 --out {}/new --size 0 8", "size"),
    ],
)
def test_on_the_command_line_it_is_one_line_and_exit_code_2(
    words: str, says: str, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    place = tmp_path / "place"
    shutil.copytree(sound, place)
    monkeypatch.chdir(tmp_path)
    cut("checkpoint/dynamics.safetensors")(place)
    before = tree(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(words.replace("{}", str(place)).split())
    said = capsys.readouterr()
    assert stop.value.code == 2 and not said.out
    assert says in said.err and len(said.err.strip().splitlines()) == 1, said.err
    assert tree(tmp_path) == before, "something was written"


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--steps 0", "FitConfig.steps must be whole and at least 1, got 0"),
        ("--cooldown 2", "FitConfig.cooldown must be a number in [0, 1], got 2.0"),
        ("--model.widths 8 0 8", "TokenizerConfig.widths must be whole and at least 1, got (8, 0, 8)"),
        ("--steps many", "many"),
        ("--wings 2", "--wings"),
    ],
)
def test_an_option_out_of_range_is_named_with_what_it_must_be(
    option: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        main(["train", "tokenizer", "--data", "here", *option.split()])
    said = capsys.readouterr()
    assert says in " ".join(said.err.split()) and not said.out and not list(tmp_path.iterdir())


def test_no_traceback_reaches_the_terminal(sound: Path) -> None:
    words = ["play", "--checkpoint", str(sound / "nowhere"), "--headless"]
    done = subprocess.run([sys.executable, "-m", "worldsim.cli", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "nowhere" in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
