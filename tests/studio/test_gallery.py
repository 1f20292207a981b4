"""The gallery shows every verb, and the examples of docs/verbs.md run, on a tiny checkpoint."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import tyro

from tiny import save_tiny_checkpoint
from worldsim.cli import COMMANDS
from worldsim.clip import Clip
from worldsim.sampling.verbs import __all__ as names
from worldsim.studio.gallery import EXHIBITS, Gallery, beside, by_view, gallery
from worldsim.video import BACKGROUND, read_png

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "verbs.md").read_text(encoding="utf-8")
VERBS = {name for name in names if name.islower()} - {"best_of", "caption", "expand", "expand_by"}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    save_tiny_checkpoint(folder / "overworld-small", "overworld-small")
    return folder


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_gallery_shows_every_verb_with_prompt_seed_and_figure(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worldsim.sampling.making.PASSES", 1)
    monkeypatch.setattr("worldsim.sampling.world.FREE", 1)
    files = gallery(Gallery(str(weights / "overworld-small"), out=tmp_path / "page.md"))
    page = files[0].read_text()
    assert len(files) == 1 + len(EXHIBITS) and all(f"## {name}\n" in page for name in EXHIBITS)
    shown = re.findall(r"`verbs\.(\w+)\(", page)
    assert set(shown) == VERBS and page.count("seed 1") >= len(EXHIBITS)
    for path in re.findall(r"\]\((images/[^)]+)\)", page):
        assert read_png(tmp_path / path).shape[1] > 3 * 64
    assert "nan" not in page


def clip_of(frames: np.ndarray) -> Clip:
    shape = frames.shape[:2]
    off = np.zeros(shape, bool)
    return Clip(frames, np.zeros((*shape, 1), np.float32), np.zeros((*shape, 1), np.float32), off, off, ~off)


def test_given_frames_stand_below_their_own_numbers_and_nothing_where_there_are_none() -> None:
    frames = np.arange(1, 5, dtype=np.uint8)[None, :, None, None, None].repeat(2, 2).repeat(3, 3).repeat(3, 4)
    seen = beside(clip_of(frames), np.array([0, 3, 6, 9]) - 3)[:, 0, 0, 0]
    assert seen.tolist() == [BACKGROUND, 1, 4, BACKGROUND]


def test_starts_with_most_to_see_come_first() -> None:
    frames = np.full((3, 2, 8, 8, 3), 90, np.uint8)
    frames[1, -1, ::2], frames[2, -1, :4], frames[0, 0, ::2] = 250, 250, 250
    starts = by_view(clip_of(frames))
    assert np.array_equal(starts.frames, frames[[1, 2, 0]])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_python_of_the_page_runs(
    weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("worldsim.model.checkpoint.PACKAGED", weights)
    space: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(compile(block, "verbs.md", "exec"), space)
    said = capsys.readouterr().out
    assert "(2, 12, 96, 160, 3)" in said and "cancelled after pass" in said
    both, large = space["both"], space["large"]
    assert isinstance(both, Clip) and both.length == 16 + 8 + 16
    assert isinstance(large, Clip) and large.frames.shape[2:4] == (128, 128) and np.ptp(large.frames) > 0


def test_the_commands_of_the_page_have_options_that_exist_and_every_verb_is_there() -> None:
    lines = re.findall(r"^worldsim .*$", "".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)), re.MULTILINE)
    for line in lines:
        _, name, *words = shlex.split(line)
        kind = getattr(import_module(COMMANDS[name].module), COMMANDS[name].options)
        assert isinstance(tyro.cli(kind, args=words), kind)
    assert {shlex.split(line)[1] for line in lines} == VERBS | {"gallery"}
    assert all(f"| `{verb}` |" in TEXT for verb in VERBS)
