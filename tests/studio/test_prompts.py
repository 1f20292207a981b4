"""Prompts at the command line: expanded only where that is asked for, shown first; and the best of several tries."""

from __future__ import annotations

import re
import shlex
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import tyro

from networks import scattered, tiny_card, tiny_dynamics, tiny_tokenizer
from worldsim.cli import COMMANDS, main
from worldsim.model.captioner import Captioner, CaptionerConfig
from worldsim.model.checkpoint import load, save
from worldsim.model.clipfile import read_clip
from worldsim.model.language import FILE, SIGNS, Language, save_language
from worldsim.model.tensors import network_fingerprint
from worldsim.model.text import Vocabulary
from worldsim.sampling.timelines import VerbError
from worldsim.studio.prompts import find_expander

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
PAIRS = (("a desert at night", "a desert at night , rain falls"),)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights") / "overworld-small"
    save(folder, tiny_card(), tiny_tokenizer(), tiny_dynamics())
    words = Vocabulary.collect([text for pair in PAIRS for text in pair], SIGNS)
    config = CaptionerConfig(channels=3, frames=2, width=32, looks=1, writes=1, words=len(words), longest=12)
    network = scattered(Captioner(config), spread=0.3)
    save_language(folder / FILE, Language(network, words, network_fingerprint(load(folder).tokenizer), PAIRS))
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def generate(checkpoint: Path, *words: str) -> str:
    """The prompt of the clip that comes out."""
    main(["generate", "--checkpoint", str(checkpoint), "--passes", "1", "--frames", "3", "--out", "a.mp4", *words])
    return " | ".join(f"{prompt.start}: {prompt.text}" for prompt in read_clip(Path("a.safetensors")).text[0])


def test_a_prompt_is_expanded_only_on_demand_and_shown(
    checkpoint: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate(checkpoint, "a desert") == "0: a desert"
    assert "expand" not in capsys.readouterr().out
    assert generate(checkpoint, "a desert", "--expand") == "0: a desert at night , rain falls"
    assert "expand: 'a desert' becomes 'a desert at night , rain falls': 1 of 1" in capsys.readouterr().out
    assert generate(checkpoint, "hills | 2: a desert", "--expand") == "0: hills | 2: a desert at night , rain falls"
    assert "expand: 'hills' stays as it is" in capsys.readouterr().out


def longer(prompt: str) -> str:
    return f"{prompt} on high hills"


def test_a_language_model_of_the_users_own_is_a_function_or_a_command(
    checkpoint: Path, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "my_model", sys.modules[__name__])
    assert generate(checkpoint, "snow", "--expander", "my_model:longer") == "0: snow on high hills"
    assert "as my_model:longer says" in capsys.readouterr().out
    (place / "model.py").write_text("import sys; print(sys.stdin.read().replace('snow', 'snow falls'))")
    assert generate(checkpoint, "snow", "--expander", f"{sys.executable} model.py") == "0: snow falls"
    (place / "model.py").write_text("print('a desert')")
    assert generate(checkpoint, "snow", "--expander", f"{sys.executable} model.py") == "0: snow"
    assert "leaves out or moves snow" in capsys.readouterr().out
    for name in ("none:such", "my_model:PAIRS"):
        with pytest.raises(VerbError, match="--expander"):
            find_expander(name)
    with pytest.raises(VerbError, match="failed"):
        find_expander("no-such-command --at all")("snow")


def test_the_best_of_several_tries_is_told_and_is_what_its_seed_makes(
    checkpoint: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(checkpoint, "a desert", "--best-of", "3", "--seeds", "4")
    said = capsys.readouterr()
    assert said.out.count("(seed ") == 3 and "best of 3 is seed " in said.out and "100%" in said.err
    seed = said.out.partition("best of 3 is seed ")[2].partition(";")[0]
    kept = read_clip(Path("a.safetensors")).frames
    generate(checkpoint, "a desert", "--seeds", seed)
    assert np.array_equal(read_clip(Path("a.safetensors")).frames, kept)
    main(["animate", "a.png", "snow", "--checkpoint", str(checkpoint), "--passes", "1", "--frames", "3",
          "--size", "32x48", "--best-of", "2", "--out", "b.mp4"])  # fmt: skip
    assert "best of 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"), [(["--best-of", "2"], "give a text"), (["snow", "--best-of", "0"], "at least 1")]
)
def test_what_cannot_be_is_one_line(
    checkpoint: Path, place: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        generate(checkpoint, *words)
    assert told in capsys.readouterr().err and not list(place.iterdir())


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_examples_of_the_page_run(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("worldsim.model.checkpoint.PACKAGED", checkpoint.parent)
    monkeypatch.setattr("worldsim.sampling.world.FREE", 1)
    space: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(compile(block, "language.md", "exec"), space)
    said = capsys.readouterr().out
    assert "best of 3 is seed" in said and "'a desert' becomes 'a desert at night" in said
    lines = re.findall(r"^worldsim .*$", "".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)), re.MULTILINE)
    for line in lines:
        name = max((name for name in COMMANDS if line.startswith(f"worldsim {name} ")), key=len)
        kind = getattr(import_module(COMMANDS[name].module), COMMANDS[name].options)
        words = shlex.split(line)[1 + len(name.split()) :]
        assert isinstance(tyro.cli(kind, args=words), kind)
    assert len(lines) == 9
