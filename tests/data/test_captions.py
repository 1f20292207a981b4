"""Captions that are written after the recording: they stand for the recorded ones, at once or not at all."""

from pathlib import Path

import pytest

from grey import INFO, make_episode
from worldsim.data import captions
from worldsim.data.captions import FILE, write_rewritten
from worldsim.data.episodes import Caption, Dataset, DatasetError, EpisodeWriter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    writer = EpisodeWriter.open(tmp_path / "data", INFO)
    for seed in range(2):
        writer.add(make_episode(20, seed), "tester")
    return tmp_path / "data"


def test_new_captions_count_wherever_rows_are_read_and_only_for_their_episode(folder: Path) -> None:
    old, name = Dataset.open(folder), "episodes/000001.safetensors"
    new = (Caption(0, 12, "dusk", "dusk falls"), Caption(12, 20, "night", "night falls"))
    write_rewritten(folder, {name: new}, "me")
    dataset = Dataset.open(folder)
    assert dataset.captions(1) == dataset.read(1).captions == new
    cut = (Caption(0, 2, "dusk", "dusk falls"), Caption(2, 4, "night", "night falls"))
    assert dataset.read(1, 10, 14).captions == cut
    assert [p.text for p in dataset.clip([(1, 4, 8)], "detailed").text[0]] == ["dusk falls"]
    assert dataset.split(1.0)[1].captions(1) == new
    assert dataset.captions(0) == old.captions(0) == make_episode().slice(0, 20).captions
    EpisodeWriter.open(folder, INFO).add(make_episode(20, 5), "tester")
    assert Dataset.open(folder).captions(2)[0].short == "short 0"


def test_a_kill_while_captions_are_written_leaves_those_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "episodes/000000.safetensors"
    write_rewritten(folder, {name: (Caption(0, 20, "a", "b"),)}, "me")

    def killed(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(captions.json, "dumps", killed)
    with pytest.raises(KeyboardInterrupt):
        write_rewritten(folder, {}, "me")
    assert Dataset.open(folder).captions(0) == (Caption(0, 20, "a", "b"),)
    assert [path.name for path in folder.glob(".*")] == []


@pytest.mark.parametrize(
    "content", ["", "[]", '{"format": 2, "captions": {}}', '{"format": 1, "captions": {"x": [[3, 2, "a", "b"]]}}',
                '{"format": 1, "captions": {"x": [[0, 2, "a"]]}}'],
)  # fmt: skip
def test_a_file_of_captions_that_is_none_is_named(folder: Path, content: str) -> None:
    (folder / FILE).write_text(content)
    with pytest.raises(DatasetError, match=r"captions\.json"):
        Dataset.open(folder)
