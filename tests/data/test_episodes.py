import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from grey import INFO, make_episode
from worldsim.clip import Prompt
from worldsim.data.episodes import Dataset, DatasetError, EpisodeWriter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    writer = EpisodeWriter.open(tmp_path / "data", INFO)
    for seed in range(3):
        writer.add(make_episode(20 + seed, seed), "tester")
    return tmp_path / "data"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_an_episode_comes_back_as_it_was_written(folder: Path) -> None:
    original, read = make_episode(21, 1), Dataset.open(folder).read(1)
    for name in ("frames", "actions", "events", "terminated", "truncated"):
        assert np.array_equal(getattr(read, name), getattr(original, name)), name
        assert getattr(read, name).dtype == getattr(original, name).dtype
    assert read.seed == 1
    assert read.captions == (*original.captions[:2], replace(original.captions[2], end=21))


def test_the_dataset_says_how_it_was_made(folder: Path) -> None:
    dataset = Dataset.open(folder)
    assert dataset.info.to_json() == INFO.to_json()
    assert dataset.lengths.tolist() == [20, 21, 22]
    assert dataset.entries[0].actions == {"0": 6, "1": 7, "2": 6}  # the reset row does not count
    assert dataset.entries[0].events == {"reward": 19, "bell": 1}


def test_a_clip_holds_the_rows_asked_for_and_the_captions_that_cover_them(folder: Path) -> None:
    clip = Dataset.open(folder).clip([(0, 3, 13), (2, 0, 10)], "detailed")
    assert clip.frames[:, :, 0, 0, 0].tolist() == [list(range(3, 13)), list(range(10))]
    assert clip.events[0, :, 0].tolist() == list(range(3, 13))
    assert clip.mask.all()
    assert clip.fps == 10.0
    assert clip.text[0] == [Prompt("a longer 0", 0, 5), Prompt("a longer 8", 5, 10)]


def test_what_lies_past_the_end_is_masked_and_repeats_the_last_frame(folder: Path) -> None:
    clip = Dataset.open(folder).clip([(0, 16, 24)])
    assert clip.mask[0].tolist() == [True] * 4 + [False] * 4
    assert clip.frames[0, :, 0, 0, 0].tolist() == [16, 17, 18, 19, 19, 19, 19, 19]
    assert not clip.actions[0, 4:].any()
    assert not clip.events[0, 4:].any()


def test_the_heldout_split_is_disjoint_complete_and_stays_when_the_dataset_grows(tmp_path: Path) -> None:
    writer = EpisodeWriter.open(tmp_path, INFO)
    for seed in range(40):
        writer.add(make_episode(3, seed), "tester")
    train, held = Dataset.open(tmp_path).split(0.3)
    seeds = {e.seed for e in train.entries}, {e.seed for e in held.entries}
    assert not seeds[0] & seeds[1]
    assert seeds[0] | seeds[1] == set(range(40))
    assert 5 <= len(held) <= 20
    for seed in range(40, 50):
        writer.add(make_episode(3, seed), "tester")
    assert seeds[1] <= {e.seed for e in Dataset.open(tmp_path).split(0.3)[1].entries}


def test_a_writer_that_is_killed_leaves_a_dataset_that_opens_and_continues(tmp_path: Path) -> None:
    """A child writes without end and is killed at some moment, then again in the folder that it left."""
    code = (
        "import sys; sys.path[:0] = [sys.argv[2]]\n"
        "from grey import INFO, make_episode\n"
        "from worldsim.data.episodes import EpisodeWriter\n"
        "writer = EpisodeWriter.open(sys.argv[1], INFO)\n"
        "while True:\n"
        "    writer.add(make_episode(200, writer.count), 'child')\n"
        "    print(writer.count, flush=True)\n"
    )
    count = 0
    for _ in range(2):
        command = [sys.executable, "-c", code, str(tmp_path / "data"), str(Path(__file__).parents[1])]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(5):
            written = int(child.stdout.readline())
        child.kill()
        child.communicate()
        dataset = Dataset.open(tmp_path / "data")
        assert written >= count + 5
        assert len(dataset) >= written
        count = len(dataset)
        assert [dataset.read(i).seed for i in range(count)] == list(range(count))


def test_what_a_kill_left_half_done_does_not_count_and_is_written_anew(folder: Path) -> None:
    index = folder / "index.jsonl"
    (folder / "episodes" / "000003.safetensors").write_bytes(b"in place, but not in the index")
    (folder / "episodes" / ".000004.safetensors.tmp").write_bytes(b"half a file")
    with index.open("a") as file:
        file.write('{"file": "episodes/0000')
    assert len(Dataset.open(folder)) == 3
    EpisodeWriter.open(folder, INFO).add(make_episode(9, 3), "tester")
    assert Dataset.open(folder).read(3).length == 9
    assert all(json.loads(line) for line in index.read_text().splitlines())


def damage_file(folder: Path) -> str:
    file = folder / "episodes" / "000001.safetensors"
    os.truncate(file, file.stat().st_size - 7)
    return "000001.safetensors: truncated"


def remove_file(folder: Path) -> str:
    (folder / "episodes" / "000002.safetensors").unlink()
    return "000002.safetensors: missing"


def remove_description(folder: Path) -> str:
    (folder / "dataset.json").unlink()
    return "dataset.json does not exist"


def change_version(folder: Path) -> str:
    file = folder / "dataset.json"
    file.write_text(file.read_text().replace('"format": 1', '"format": 99'))
    return "dataset.json: format must be 1, got 99"


def break_description(folder: Path) -> str:
    (folder / "dataset.json").write_text("{")
    return "dataset.json: not JSON"


def drop_field(folder: Path) -> str:
    file = folder / "dataset.json"
    data = json.loads(file.read_text())
    del data["fps"]
    file.write_text(json.dumps(data))
    return "dataset.json: missing or malformed field: KeyError.*fps"


def break_index(folder: Path) -> str:
    with (folder / "index.jsonl").open("a") as file:
        file.write('{"file": "x"}\n')
    return "index.jsonl: line 4"


def overwrite_header(folder: Path) -> str:
    file = folder / "episodes" / "000000.safetensors"
    with file.open("r+b") as opened:
        opened.write(b"\xff" * 8)
    return "000000.safetensors: damaged"


def change_arrays(folder: Path, **arrays: np.ndarray) -> None:
    """Give an episode other arrays, and the index the file's new size."""
    file = folder / "episodes" / "000000.safetensors"
    save_file(load_file(file) | arrays, file, {"captions": "[]"})
    lines = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    lines[0]["bytes"] = file.stat().st_size
    (folder / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def change_shape(folder: Path) -> str:
    change_arrays(folder, actions=np.zeros((20, 7), np.float32))
    return r"000000.safetensors: actions must be \(20, 3\) F32, got \(20, 7\)"


def put_nan(folder: Path) -> str:
    events = np.zeros((20, 2), np.float32)
    events[11, 1] = np.nan
    change_arrays(folder, events=events)
    return "000000.safetensors: events are not finite in row 11"


@pytest.mark.parametrize(
    "damage",
    [
        damage_file,
        remove_file,
        remove_description,
        change_version,
        break_description,
        drop_field,
        break_index,
        overwrite_header,
        change_shape,
        put_nan,
    ],
)
def test_a_damaged_dataset_is_an_error_that_names_the_file_and_nothing_is_written(folder: Path, damage) -> None:
    pattern = damage(folder)
    before = tree(folder)
    with pytest.raises(DatasetError, match=pattern):
        dataset = Dataset.open(folder)
        for i in range(len(dataset)):
            dataset.clip([(i, 0, 12)])
    assert tree(folder) == before


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ({"frames": np.zeros((20, 4, 5, 3), np.uint8)}, r"frames must be \(20, 4, 6, 3\) uint8"),
        ({"frames": np.zeros((20, 4, 6, 3), np.float32)}, "frames must be .* got .* float32"),
        ({"actions": np.full((20, 3), np.nan, np.float32)}, "actions are not finite in row 0"),
        ({"events": np.zeros((20, 1), np.float32)}, "events must be"),
        ({"terminated": np.zeros(20, np.uint8)}, "terminated must be"),
    ],
)
def test_an_episode_that_does_not_fit_is_refused_and_nothing_is_written(folder: Path, change, pattern: str) -> None:
    before = tree(folder)
    with pytest.raises(DatasetError, match=pattern):
        EpisodeWriter.open(folder, INFO).add(replace(make_episode(), **change), "tester")
    assert tree(folder) == before


def test_of_two_writers_in_one_folder_the_later_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    first, second = (EpisodeWriter.open(tmp_path / "data", INFO) for _ in range(2))
    first.add(make_episode(20, 1), "tester")
    before = tree(tmp_path / "data")
    with pytest.raises(DatasetError, match="another process is adding episodes"):
        second.add(make_episode(30, 2), "tester")
    assert tree(tmp_path / "data") == before
    first.add(make_episode(25, 3), "tester")
    assert [entry.seed for entry in Dataset.open(tmp_path / "data").entries] == [1, 3]


def test_episodes_of_another_env_are_refused(folder: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds size \[4, 6\], cannot add episodes with size \[8, 8\]"):
        EpisodeWriter.open(folder, replace(INFO, size=(8, 8)))


@pytest.mark.parametrize(
    "request_", [[(7, 0, 4)], [(-1, 0, 4)], [(0, 20, 24)], [(0, -1, 3)], [(0, 0, 4), (0, 0, 5)], []]
)
def test_rows_that_are_not_there_are_an_error(folder: Path, request_) -> None:
    with pytest.raises(DatasetError):
        Dataset.open(folder).clip(request_)
