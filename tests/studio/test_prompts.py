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

from networks import scattered, tiny_card, tiny_dynamics, tiny_tokenizer, tiny_world
from worldsim.cli import COMMANDS, main
from worldsim.model.captioner import Captioner, CaptionerConfig
from worldsim.model.checkpoint import load, save
from worldsim.model.clipfile import read_clip
from worldsim.model.language import FILE, SIGNS, Language, load_language, save_language
from worldsim.model.tensors import network_fingerprint
from worldsim.model.text import Vocabulary
from worldsim.sampling import verbs
from worldsim.sampling.timelines import VerbError
from worldsim.sampling.world import World
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
    assert len(lines) == 11


def test_a_film_and_every_clip_of_a_file_are_told_in_words(
    checkpoint: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(checkpoint, "--seeds", "1", "2", "--frames", "18")
    capsys.readouterr()
    before = sorted(place.iterdir())
    world, clip = World.from_pretrained(checkpoint), read_clip(place / "a.safetensors")
    short, detailed = (verbs.caption(world, clip, detail=detail) for detail in ("short", "detailed"))
    assert [[(line.start, line.end) for line in row] for row in short] == [[(0, 16), (16, 18)]] * 2
    matcher = verbs.Matcher(world.tokenizer, load_language(checkpoint))
    assert [row.text for row in short[1]] == matcher.language.describe(
        matcher.latents(clip.frames[1], [(0, 16), (16, 18)]).float()
    )
    main(["caption", "a.safetensors", "--checkpoint", str(checkpoint)])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    for row in range(2):
        told = [f"clip {row}"]
        for one, more in zip(short[row], detailed[row], strict=True):
            told += [f"frames {one.start} … {one.end - 1}: {one.text}".strip(), more.text]
        assert lines[5 * row : 5 * row + 5] == told
    main(["caption", "a-1.mp4", "--checkpoint", str(checkpoint), "--captioner", str(checkpoint / FILE)])
    said = capsys.readouterr().out
    assert said.startswith("frames 0 … 15: ") and "frames 16 … 17: " in said and "clip" not in said
    assert sorted(place.iterdir()) == before, "nothing is written"
    assert matcher.score(clip.frames, short).shape == (2,), "the timelines are texts as verbs take them"


def test_what_cannot_be_told_in_words_is_one_line(
    checkpoint: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(checkpoint)
    for words, says in (
        ("a.mp4 --overwrite", "--overwrite is for the captions of a dataset"),
        ("b.mp4", "no film at b.mp4"),
        ("nowhere", "nowhere"),
        ("", "missing SOURCE"),
    ):
        capsys.readouterr()
        with pytest.raises(SystemExit, match="2"):
            main(["caption", *words.split(), "--checkpoint", str(checkpoint)])
        said = capsys.readouterr().err
        assert says in said and len(said.splitlines()) == 1
    frames = read_clip(Path("a.safetensors")).frames
    with pytest.raises(VerbError, match="not loaded from a checkpoint"):
        verbs.caption(tiny_world(), frames)
    world = World.from_pretrained(checkpoint)
    assert world.alike(3).checkpoint == checkpoint
    with pytest.raises(VerbError, match="sides in steps of 16, got"):
        verbs.caption(world, frames[:, :, :24])
    with pytest.raises(VerbError, match='detail must be "short" or "detailed"'):
        verbs.caption(world, frames, detail="long")  # type: ignore[arg-type]
