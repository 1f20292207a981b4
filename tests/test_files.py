"""Files and folders that appear whole or not at all, whatever fails, and whoever else writes the same one."""

import json
import os
from pathlib import Path

import pytest

from worldsim.files import former, remove_leftovers, replacing_file, replacing_folder, write_json


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_has_its_name_only_once_its_body_has_succeeded(tmp_path: Path) -> None:
    place = tmp_path / "new" / "report.json"
    with replacing_file(place) as temporary:
        temporary.write_text("one")
        assert not place.exists() and temporary.parent == place.parent
    assert place.read_text() == "one" and names(place.parent) == ["report.json"]
    with pytest.raises(OSError, match="disk full"), replacing_file(place) as temporary:
        temporary.write_text("tw")
        raise OSError("disk full")
    assert place.read_text() == "one" and names(place.parent) == ["report.json"]


def test_a_file_may_be_read_like_any_new_one_also_when_its_writer_made_it_private(tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    with replacing_file(tmp_path / "one") as temporary:
        temporary.unlink()
        temporary.write_text("one")
        temporary.chmod(0o600)
    assert (tmp_path / "one").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_a_folder_has_its_name_only_once_its_body_has_succeeded(tmp_path: Path) -> None:
    place = tmp_path / "runs" / "state"
    for text in ("one", "two"):  # anew, and over another one
        with replacing_folder(place) as temporary:
            write_json(temporary / "state.json", {"text": text})
            (temporary / text).mkdir()
            (temporary / text / "deep").write_text(text)
        assert names(place) == [*sorted(["state.json", text])] and names(place.parent) == ["state"]
    with pytest.raises(OSError, match="disk full"), replacing_folder(place) as temporary:
        (temporary / "half").write_text("")
        raise OSError("disk full")
    assert json.loads((place / "state.json").read_text()) == {"text": "two"} and names(place.parent) == ["state"]


def test_a_folder_that_stepped_aside_is_kept_until_another_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, rename = tmp_path / "state", Path.rename
    with replacing_folder(place) as temporary:
        (temporary / "text").write_text("one")

    def stopped_between(old: Path, new: Path) -> None:
        if old != place:
            raise KeyboardInterrupt
        rename(old, new)

    monkeypatch.setattr(Path, "rename", stopped_between)
    with pytest.raises(KeyboardInterrupt), replacing_folder(place) as temporary:
        (temporary / "text").write_text("two")
    monkeypatch.undo()
    assert names(tmp_path) == ["state.old"] and (former(place) / "text").read_text() == "one"
    with replacing_folder(place) as temporary:
        (temporary / "text").write_text("three")
        assert former(place).exists()
    assert names(tmp_path) == ["state"] and (place / "text").read_text() == "three"


def test_two_processes_that_write_the_same_name_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "one"
    with replacing_file(place) as mine:
        mine.write_text("mine")
        monkeypatch.setattr("os.getpid", lambda: 1)
        with replacing_file(place) as theirs:
            theirs.write_text("theirs")
        assert place.read_text() == "theirs" and mine.read_text() == "mine"
    assert place.read_text() == "mine" and names(tmp_path) == ["one"]


def test_what_a_kill_left_behind_is_removed_after_an_hour_and_nothing_else(tmp_path: Path) -> None:
    for name in (".old.1.tmp", ".young.1.tmp", "kept.tmp", ".kept"):
        (tmp_path / name).write_text("")
    (tmp_path / ".folder.1.tmp").mkdir()
    (tmp_path / ".folder.1.tmp" / "weights").write_text("")
    for name in (".old.1.tmp", ".folder.1.tmp", "kept.tmp", ".kept"):
        os.utime(tmp_path / name, (0, 0))
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [".kept", ".young.1.tmp", "kept.tmp"]
    remove_leftovers(tmp_path / "nowhere")
