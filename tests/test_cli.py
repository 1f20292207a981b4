"""The command line: quick help, and mistakes told in one line."""

import json
import subprocess
import sys
import time
import warnings
from importlib import import_module
from pathlib import Path

import pytest

from tiny import save_tiny_checkpoint
from worldsim import __version__
from worldsim.cli import COMMANDS, main
from worldsim.video import read_mp4


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    try:
        main(words)
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_options_and_a_function_and_shows_its_help(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = COMMANDS[name]
    assert callable(getattr(import_module(command.module), command.function))
    code, out, _ = run(capsys, *name.split(), "--help")
    assert code == 0 and f"worldsim {name}" in out


def test_the_overview_names_every_command_and_comes_at_once() -> None:
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "worldsim.cli", "--help"], capture_output=True, text=True, check=True)
    assert time.perf_counter() - start < 5 and all(name in done.stdout for name in COMMANDS)
    code = "import sys, worldsim.cli; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_help_is_asked_for_as_people_do(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "agent", "--help")
    assert code == 0 and "agent train" in out and "export" not in out, "a group shows its own"
    assert run(capsys, "help", "export")[1] == run(capsys, "export", "--help")[1]
    code, _, err = run(capsys, "paly")
    assert code == 2 and err == "worldsim: no command 'paly'; did you mean 'play'?\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("agent study --tasks Foo", "--tasks must be of Explore"),
        ("agent rank --agents nowhere", "nowhere does not exist; give zips"),
        ("agent eval --agent PPO.zip", "one of random, scripted and planner"),
        ("fidelity compare nowhere elsewhere --out there", "nowhere holds no report; run worldsim fidelity run"),
        ("record --env CartPole-v1 --steps 5 --out there --size 50 50", "--size must be in steps of 16"),
        ("play --env worldsim/Voxel-v0 --headless --seed -1", "Seed must be"),
        ("play --env voxel --headless", "the voxel world is worldsim/Voxel-v0"),
        ("generate --out there/a.gif", "--out must end in .mp4"),
    ],
)
def test_what_cannot_be_is_told_before_anything_begins(
    words: str, says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, *words.split())
    assert code == 2 and says in err and len(err.splitlines()) == 1 and not (tmp_path / "there").exists()


def test_an_unknown_command_and_a_missing_option_exit_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "fly")
    assert code == 2 and "no command 'fly'" in err and "record" in err
    assert "no command 'train foo'" in run(capsys, "train", "foo", "--data", "x")[2]
    assert run(capsys, "record", "--steps", "3")[0] == 2
    assert run(capsys, "record", "--steps", "three", "--env", "a", "--out", "b")[0] == 2
    code, _, err = run(capsys, "demo", "--steps", "0")
    assert code == 2 and "at least 1" in err
    assert run(capsys, "--version")[:2] == (0, f"{__version__}\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["record", "--env", "Nowhere-v0", "--steps", "3"], "Nowhere-v0"),
        (["record", "--env", "CartPole-v1", "--steps", "0"], "steps"),
        (["record", "--env", "CartPole-v1", "--steps", "3", "--env-kwargs", "{"], "--env-kwargs must be JSON"),
        (["record", "--env", "CartPole-v1", "--steps", "3", "--env-kwargs", "[]"], "JSON object"),
        (["record", "--env", "CartPole-v1", "--steps", "3", "--policy", "nobody:here"], "nobody"),
        (["play", "--checkpoint", "no/such/folder", "--headless"], "no/such/folder"),
        (["play", "--env", "Nowhere-v0", "--headless"], "Nowhere-v0"),
        (["play", "--env", "CartPole-v1", "--headless", "--steps", "0"], "at least 1"),
        (["demo", "--checkpoint", "no/such/folder"], "no/such/folder"),
        (["eval", "--checkpoint", "no/such/folder"], "no/such/folder"),
        (["train", "tokenizer", "--data", "no/such/folder"], "no/such/folder"),
        (["train", "tokenizer"], "--data"),
        (["train", "dynamics", "--tokenizer", "no/such/folder", "--data", "x"], "no/such/folder"),
    ],
)
def test_a_mistake_is_one_line_on_stderr_and_writes_nothing(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *words, *(["--out", "made"] if words[0] == "record" else []))
    assert code == 2 and says in err and len(err.strip().splitlines()) == 1 and not out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("play --world blue", "invalid choice 'blue' for argument '--world'. Expected one of ('learned', 'true')"),
        ("demo --steps 0", "--steps and --passes must be at least 1, got 0 and 4"),
        ("eval --long 50", "--long must be 0, or more than the 100 frames it looks at, got 50"),
        ("eval --worlds 1", "--worlds must be at least 2, got 1"),
        ("record --steps 3", "missing --env, --out"),
        ("demo --wings 3", "--wings"),
        ("train tokenizer --data x --model.widths 8 0 8", "TokenizerConfig.widths must be whole"),
    ],
)
def test_wrong_options_are_one_line_and_where_help_is(
    words: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *words.split())
    assert code == 2 and says in err and len(err.splitlines()) == 1 and not out, err
    assert err.endswith(f"see worldsim {words.partition(' --')[0]} --help\n")


def test_a_warning_is_one_line_without_its_place_in_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    usual, told = warnings.formatwarning, []

    def warn(name: str, words: list[str]) -> None:
        told.append([warnings.formatwarning("mind this", kind, "a.py", 3) for kind in (UserWarning, RuntimeWarning)])

    monkeypatch.delenv("WORLDSIM_DEBUG", raising=False)
    monkeypatch.setattr("worldsim.cli._run", warn)
    main(["record"])
    assert told == [["worldsim: warning: mind this\n", "a.py:3: RuntimeWarning: mind this\n"]]
    assert warnings.formatwarning is usual


def test_a_fault_in_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worldsim.cli._run", lambda *_: [][0])
    with pytest.raises(IndexError):
        main(["play"])
    monkeypatch.setattr("worldsim.cli._run", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(SystemExit, match="130"):
        main(["play"])


def test_record_writes_a_dataset_and_says_what_comes_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "data"
    words = ["record", "--env", "CartPole-v1", "--steps", "5", "--out", str(folder), "--size", "32", "48"]
    code, out, _ = run(capsys, *words)
    assert code == 0 and "worldsim train --data" in out
    info = json.loads((folder / "dataset.json").read_text())
    assert info["env_id"] == "CartPole-v1" and info["size"] == [32, 48]


def test_a_headless_run_plays_any_env_without_a_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "play", "--env", "CartPole-v1", "--headless", "--steps", "5", "--out", str(tmp_path))
    assert code == 0 and "frames/s" in out
    assert {path.name for path in tmp_path.iterdir()} == {"play.mp4", "play.png"}


def test_a_headless_run_shows_the_true_and_the_learned_world(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = str(save_tiny_checkpoint(tmp_path / "tiny"))
    words = ["play", "--checkpoint", checkpoint, "--world", "true", "--headless", "--steps", "8"]
    code, out, err = run(capsys, *words, "--out", str(tmp_path / "out"))
    assert code == 0 and "8 steps" in out, err
    film, fps = read_mp4(tmp_path / "out" / "play.mp4")
    assert len(film) == 9 and fps == 10
    code, _, err = run(capsys, *words, "--prompt", "far too many words for a prompt of eight at most")
    assert code == 2 and "at most 8 words" in err
