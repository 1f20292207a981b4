"""Recordings of VPT, Minari and LeRobot, in their own layouts: every row lines up, and a broken file is named."""

import json
from pathlib import Path

import numpy as np
import pytest

from foreign_files import box, grey, minari_space, vpt_line, write_lerobot, write_minari, write_vpt
from worldsim.cli import main
from worldsim.data.episodes import Dataset, Episode
from worldsim.exchange.foreign import ExchangeError, import_episodes
from worldsim.exchange.lerobot import open_lerobot
from worldsim.exchange.minari import open_minari
from worldsim.exchange.vpt import FIELDS, open_vpt
from worldsim.fidelity.heldout import FidelityError, record_heldout
from worldsim.model.card import WorldCard
from worldsim.model.tokenizer import TokenizerConfig
from worldsim.play.games import PlayError, TrueGame
from worldsim_envs.voxel.controls import ACTION_NAMES

LINES = [
    vpt_line(buttons=(0,), pressed=(0,)),  # attack hangs from the start …
    vpt_line(keys=("w", "left.control"), buttons=(0,), dx=20),
    vpt_line(keys=("space", "f13"), buttons=(0, 1), dy=-40),
    vpt_line(buttons=(0,), pressed=(0,)),  # … until it is pressed
    vpt_line(hotbar=3),
    vpt_line(dx=10_000, hotbar=3),
]
LEVELS = [10, 40, 70, 100, 130, 160]


def done(vector: np.ndarray) -> dict[str, float]:
    return {FIELDS[i]: round(float(vector[i]), 4) for i in np.flatnonzero(vector)}


def episodes(folder: Path) -> list[Episode]:
    dataset = Dataset.open(folder)
    return [dataset.read(number) for number in range(len(dataset))]


def test_a_line_of_vpt_leads_to_the_next_frame_and_reads_as_its_own_loader_reads_it(tmp_path: Path) -> None:
    assert FIELDS == ACTION_NAMES, "the vector of the voxel world"
    write_vpt(tmp_path / "in", "cheeky-cow", LEVELS, LINES)
    main(["import", "vpt", str(tmp_path / "in"), "--out", str(tmp_path / "out")])
    info, (episode,) = Dataset.open(tmp_path / "out").info, episodes(tmp_path / "out")
    assert (info.fps, info.size, info.shown, info.env_id) == (20.0, (48, 80), (360, 640), "")
    assert np.abs(episode.frames[:, 5, 5, 0].astype(int) - LEVELS).max() <= 2, "one frame for each line"
    assert [done(row) for row in episode.actions] == [
        {},  # the reset
        {},  # attack hangs
        {"forward": 1, "sprint": 1, "cameraX": 0.15},  # 20 counts of the mouse are 3 degrees, of 20
        {"jump": 1, "use": 1, "cameraY": -0.3},
        {"attack": 1},
        {"hotbar.4": 1},
    ]
    assert not episode.terminated.any() and not episode.events.any()


def test_every_second_frame_of_vpt_joins_what_was_done_between(tmp_path: Path) -> None:
    write_vpt(tmp_path / "in", "a", LEVELS, LINES)
    source = open_vpt(tmp_path / "in", (32, 64), every=2)
    episode = source.episodes[0][1]()
    assert source.info.fps == 10.0 and episode.frames.shape == (3, 32, 64, 3)
    assert np.abs(episode.frames[:, 5, 5, 0].astype(int) - LEVELS[::2]).max() <= 2
    assert [done(row) for row in episode.actions[1:]] == [
        {"forward": 1, "sprint": 1, "cameraX": 0.15},
        {"jump": 1, "use": 1, "attack": 1, "cameraY": -0.3},
    ]


def test_a_world_of_imported_data_has_no_true_world_and_says_so(tmp_path: Path) -> None:
    write_vpt(tmp_path / "in", "a", LEVELS, LINES)
    info = open_vpt(tmp_path / "in").info
    card = WorldCard("calves", info.size, info.fps, info.actions, info.event_names, info.env, TokenizerConfig())
    with pytest.raises(PlayError, match="'calves' was learned from imported data"):
        TrueGame.from_card(card)
    with pytest.raises(FidelityError, match="give --data with that dataset"):
        record_heldout(tmp_path / "held", card, 2, 10, 0, "random")


def test_turns_in_bins_are_those_of_vpts_agents(tmp_path: Path) -> None:
    degrees = [0.1, 0.7, 3.0, -9.0, 50.0]
    write_vpt(tmp_path, "a", [0] * 6, [vpt_line(dx=turn / 0.15) for turn in degrees] + [vpt_line()])
    turned = open_vpt(tmp_path, camera="bins").episodes[0][1]().actions[1:, FIELDS.index("cameraX")] * 20
    assert np.allclose(turned, [0.0, 0.6154, 3.2155, -10.0, 10.0], atol=1e-3), "mu-law with mu = 10, 11 bins up to ±10"


def vpt_faults(folder: Path) -> list[str]:
    """Whole recordings around four broken ones; returns the names of these."""
    for name in ("a", "f"):
        write_vpt(folder, name, LEVELS, LINES)
    write_vpt(folder, "b", LEVELS, [])
    write_vpt(folder, "c", LEVELS, LINES)
    (folder / "c.mp4").write_bytes((folder / "c.mp4").read_bytes()[:400])
    write_vpt(folder, "d", LEVELS, LINES * 9)
    (folder / "e.jsonl").write_text((folder / "a.jsonl").read_text())
    write_vpt(folder, "g", LEVELS, LINES)
    with (folder / "g.jsonl").open("a") as file:
        file.write('{"mouse": 3}\n')
    return ["b", "c", "d", "e", "g"]


def test_a_broken_recording_stops_the_import_by_name_or_is_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = vpt_faults(tmp_path / "in")
    words = ["import", "vpt", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit, match="2"):
        main(words)
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "b.jsonl: empty; --skip-broken leaves such episodes out" in said
    main([*words[:-1], str(tmp_path / "rest"), "--skip-broken"])
    out = capsys.readouterr().out
    assert "2 episodes in" in out and "5 broken ones left out" in out
    assert all(f"left out: {name}: " in out for name in broken)
    assert "54 lines in d.jsonl" in out and "e.mp4: missing" in out and "line 7 is not a contractor's" in out
    assert [len(episode.frames) for episode in episodes(tmp_path / "rest")] == [6, 6]
    with pytest.raises(SystemExit, match="2"):
        main([*words[:-1], str(tmp_path / "rest"), "--skip-broken"])
    assert "is there already, and not empty" in capsys.readouterr().err
    assert not (tmp_path / "out").exists(), "what stopped left nothing"
    main([*words, "--skip-broken"])
    assert len(episodes(tmp_path / "out")) == 2


PICTURE = box((48, 64, 3), 0, 255, "uint8")
MISSION = minari_space("Text", max_length=40, min_length=0, charset="go lf")
OBSERVED = minari_space("Dict", subspaces={"picture": PICTURE, "mission": MISSION})
ACTED = minari_space("Discrete", dtype="int64", start=0, n=5)


def minari_episode(steps: int, text: str = "go left") -> dict:
    return {
        "frames": grey([10 * t for t in range(steps + 1)], (48, 64)), "text": text,
        "actions": [t % 5 for t in range(steps)], "rewards": [float(t) for t in range(1, steps + 1)],
        "terminations": [t == steps - 1 for t in range(steps)], "truncations": [False] * steps,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
def test_minari_rows_line_up_and_its_texts_are_prompts(tmp_path: Path, kind: str) -> None:
    folder = write_minari(tmp_path / "in", kind, [minari_episode(6), minari_episode(3, "")], OBSERVED, ACTED)
    found = import_episodes(open_minari(folder, fps=7.0), tmp_path / "out", "imported", False)
    assert len(found.files) == 2 and not found.skipped
    info, (first, second) = Dataset.open(tmp_path / "out").info, episodes(tmp_path / "out")
    assert (info.env_id, info.env_kwargs) == ("counter:Counter-v0", {"kind": "dict"})
    assert (info.fps, info.size) == (7.0, (48, 64))
    assert np.abs(first.frames[:, 0, 0, 0].astype(int) - np.arange(7) * 10).max() <= 1
    assert first.actions[0].tolist() == [0] * 5 and first.actions[1:].argmax(1).tolist() == [0, 1, 2, 3, 4, 0]
    assert first.events[:, 0].tolist() == list(range(7)) and first.terminated.tolist() == [False] * 6 + [True]
    assert [(c.start, c.end, c.short) for c in first.captions] == [(0, 7, "go left")] and not second.captions
    assert first.seed != second.seed


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"data_format": "zip"}, "must be hdf5, arrow or parquet, got 'zip'"),
        ({"observation_space": json.dumps(box((4,), -1, 1, "float32"))}, "observations hold no picture"),
        ({"action_space": json.dumps({"type": "Graph"})}, "not as Minari writes it"),
        ({"total_episodes": "many"}, "not as Minari writes it"),
        ({"data_format": "hdf5"}, "hdf5: (reading hdf5 needs h5py|episode 0)"),
    ],
)
def test_what_minari_cannot_give_is_told(tmp_path: Path, change: dict, says: str) -> None:
    folder = write_minari(tmp_path / "in", "arrow", [minari_episode(2)], OBSERVED, ACTED)
    file = folder / "data/metadata.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ExchangeError, match=says):
        import_episodes(open_minari(folder), tmp_path / "out", "imported", False)


def test_a_broken_minari_episode_is_named(tmp_path: Path) -> None:
    folder = write_minari(tmp_path / "in", "arrow", [minari_episode(4) for _ in range(3)], OBSERVED, ACTED)
    file = folder / "data/1/part-0.arrow"
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(ExchangeError, match="data/1: episode 1 cannot be read"):
        import_episodes(open_minari(folder), tmp_path / "a", "imported", False)
    found = import_episodes(open_minari(folder), tmp_path / "b", "imported", True)
    assert len(found.files) == 2 and len(found.skipped) == 1 and found.skipped[0].startswith("episode 1: ")


def test_lerobot_rows_line_up_and_many_episodes_share_a_film(tmp_path: Path) -> None:
    folder = write_lerobot(tmp_path / "in", [12, 9, 5])
    main(["import", "lerobot", str(folder), "--out", str(tmp_path / "out")])
    info, found = Dataset.open(tmp_path / "out").info, episodes(tmp_path / "out")
    assert info.fps == 10.0 and info.actions.names == ("x", "y") and info.size == (48, 64)
    for first, episode in zip((0, 12, 21), found, strict=True):
        t = np.arange(episode.length)
        assert np.abs(episode.frames[:, 3, 3, 0].astype(int) - 5 * (first + t)).max() <= 2
        assert np.allclose(episode.actions[1:, 0], 2 * (first + t[:-1]) / 25 - 1, atol=1e-5)  # within what is reached
        assert np.allclose(episode.actions[1:, 1], -0.5) and not episode.actions[0].any()
        assert episode.events[1:, 0].tolist() == t[:-1].tolist()
        assert episode.terminated.tolist() == [False] * (episode.length - 1) + [True]
    assert [e.captions[0].short for e in found] == ["push the cube", "open the door", "push the cube"]


def test_what_lerobot_cannot_give_is_told(tmp_path: Path) -> None:
    with pytest.raises(ExchangeError, match="version must be v3, got v2.1"):
        open_lerobot(write_lerobot(tmp_path / "old", [3], "v2.1"))
    two = write_lerobot(tmp_path / "two", [3], cameras=("left", "right"))
    with pytest.raises(ExchangeError, match="choose one of its cameras"):
        open_lerobot(two)
    assert len(open_lerobot(two, image_key="observation.images.left").episodes) == 1
    with pytest.raises(ExchangeError, match="no camera 'nose'"):
        open_lerobot(two, image_key="nose")
    with pytest.raises(ExchangeError, match=r"info.json: missing"):
        open_lerobot(tmp_path)
    short = write_lerobot(tmp_path / "short", [4, 4])
    film = short / "videos/observation.images.cam/chunk-000/file-000.mp4"
    write_lerobot(tmp_path / "shorter", [4, 2])
    film.write_bytes((tmp_path / "shorter" / film.relative_to(short)).read_bytes())
    found = import_episodes(open_lerobot(short), tmp_path / "out", "imported", True)
    assert len(found.files) == 1 and "4 frames from 0.40 s on are needed, it has 2" in found.skipped[0]
