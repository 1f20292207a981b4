"""A dataset of ours as LeRobot has it: the layout of version 3, and back again unchanged but for the film's loss."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import counter
from worldsim.cli import main
from worldsim.data.episodes import Dataset
from worldsim.data.record import record
from worldsim.data.writer import EpisodeWriter
from worldsim.exchange import lerobot_out
from worldsim.exchange.lerobot_out import CAMERA, export_lerobot
from worldsim.video import read_mp4


@pytest.fixture
def data(tmp_path: Path) -> Path:
    record(counter.ID, "random", 50, tmp_path / "data", seed=0, env_kwargs={"size": [32, 48], "horizon": 20})
    return tmp_path / "data"


def test_an_export_has_lerobots_layout(data: Path, tmp_path: Path) -> None:
    main(["export", "lerobot", str(data), "--out", str(tmp_path / "out")])
    files = {str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*") if file.is_file()}
    assert files == {
        "meta/info.json", "meta/stats.json", "meta/tasks.parquet", "meta/worldsim.json",
        "meta/episodes/chunk-000/file-000.parquet", "data/chunk-000/file-000.parquet",
        f"videos/{CAMERA}/chunk-000/file-000.mp4",
    }  # fmt: skip
    info = json.loads((tmp_path / "out/meta/info.json").read_text())
    assert (info["codebase_version"], info["fps"], info["total_frames"]) == ("v3.0", 5, 53)
    rows = pq.read_table(tmp_path / "out/data/chunk-000/file-000.parquet").to_pylist()
    assert set(rows[0]) == set(info["features"]) - {CAMERA}
    assert [row["index"] for row in rows] == list(range(53))
    assert [row["frame_index"] for row in rows[21:23]] == [0, 1] and rows[21]["timestamp"] == 0.0
    assert rows[4]["next.reward"] == 5.0 and rows[20]["next.reward"] == 0.0, "row t: what comes of its action"
    assert [row["next.done"] for row in rows[18:21]] == [False, True, True]
    entry = pq.read_table(tmp_path / "out/meta/episodes/chunk-000/file-000.parquet").to_pylist()[1]
    assert (entry["length"], entry["dataset_from_index"], entry["dataset_to_index"]) == (21, 21, 42)
    assert entry[f"videos/{CAMERA}/from_timestamp"] == pytest.approx(21 / 5)
    frames, fps = read_mp4(tmp_path / f"out/videos/{CAMERA}/chunk-000/file-000.mp4")
    assert fps == 5 and np.abs(counter.read_counts(frames[21:42]) - np.arange(21)).max() <= 1
    stats = json.loads((tmp_path / "out/meta/stats.json").read_text())
    assert np.shape(stats[CAMERA]["mean"]) == (3, 1, 1) and stats["next.reward"]["max"] == [20.0]
    tasks = pq.read_table(tmp_path / "out/meta/tasks.parquet")
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["__index_level_0__"]


def test_what_goes_out_comes_back(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lerobot_out, "FRAMES", 30)  # so that there are several files
    export_lerobot(data, tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*.mp4"))) == 3
    main(["import", "lerobot", str(tmp_path / "out"), "--out", str(tmp_path / "back")])
    mine, theirs = Dataset.open(data), Dataset.open(tmp_path / "back")
    assert mine.info.to_json() == theirs.info.to_json() and mine.lengths.tolist() == theirs.lengths.tolist()
    for number in range(len(mine)):
        one, two = mine.read(number), theirs.read(number)
        for name in ("actions", "events", "terminated", "truncated"):
            assert np.array_equal(getattr(one, name), getattr(two, name)), name
        assert np.abs(one.frames.astype(int) - two.frames).max() <= 3
        assert [c.short for c in one.captions] == [c.short for c in two.captions]


def test_an_episode_of_one_row_comes_back(data: Path, tmp_path: Path) -> None:
    info, first = Dataset.open(data).info, Dataset.open(data).read(0)
    one = replace(first, **{name: getattr(first, name)[:1] for name in ("frames", "actions", "events", "terminated",
                  "truncated")}, captions=())  # fmt: skip
    writer = EpisodeWriter.open(tmp_path / "short", info)
    writer.add(one, "none")
    writer.add(first, "random")
    export_lerobot(tmp_path / "short", tmp_path / "out")
    main(["import", "lerobot", str(tmp_path / "out"), "--out", str(tmp_path / "back")])
    assert Dataset.open(tmp_path / "back").lengths.tolist() == [1, first.length]


def test_statistics_of_colours_are_those_of_all_pixels_at_once() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 5, 7, 3), np.uint8)
    frames[..., 1] //= 60
    counts = np.stack([np.bincount(frames[..., channel].ravel(), minlength=256) for channel in range(3)])
    found, pixels = lerobot_out._colours(counts), frames.reshape(-1, 3) / 255.0
    expected = {"min": pixels.min(0), "max": pixels.max(0), "mean": pixels.mean(0), "std": pixels.std(0)}
    expected |= {f"q{round(100 * q):02d}": np.quantile(pixels, q, axis=0) for q in lerobot_out.QUANTILES}
    assert found.pop("count") == [len(pixels)] and found.keys() == expected.keys()
    for name, value in expected.items():
        assert np.allclose(np.ravel(found[name]), value, atol=1e-12), name


def test_an_export_does_not_write_over_anything(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["export", "lerobot", str(data), "--out", str(data)])
    assert "is there already" in capsys.readouterr().err
