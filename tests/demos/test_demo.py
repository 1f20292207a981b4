"""The demo on a tiny checkpoint: truth is the env's, the learned world starts from it, and both files are written."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import counter
from tiny import KWARGS, save_tiny_checkpoint
from worldsim.actions import ActionSpec
from worldsim.model.checkpoint import CheckpointError
from worldsim.play.demo import SCRIPT, WALK_IN, Demo, beside_the_truth, demo, scripted_actions
from worldsim.play.games import PlayError
from worldsim.play.run import Play
from worldsim.sampling.world import World
from worldsim.video import read_mp4, read_png

SEEDS = (2**30 + 1, 2**30 + 2)
SCRIPT_FILE = Path(__file__).resolve().parents[2] / "demos" / "beside_the_truth.py"
GIVEN = 1 + sum(count for _, count in WALK_IN)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_checkpoint(tmp_path_factory.mktemp("demo") / "tiny")


def test_the_script_writes_a_film_and_a_strip(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--checkpoint", str(checkpoint), "--steps", "5", "--out", str(tmp_path), "--no-window", "--seeds"]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT_FILE), *words, *map(str, SEEDS)])
    runpy.run_path(str(SCRIPT_FILE), run_name="__main__")
    film, fps = read_mp4(tmp_path / "demo.mp4")
    assert len(film) == GIVEN + 5 and fps == 10
    assert film.shape[1] >= 2 * 4 * 64 and film.shape[2] >= 2 * 4 * 64  # true above learned, two worlds, four times
    strip = read_png(tmp_path / "demo.png")
    assert strip.shape[0] > 4 * 2 * 64 and strip.shape[1] > 6 * 2 * 64  # two worlds twice, the last given and 5 steps
    said = capsys.readouterr().out
    assert "frames/s" in said and "worldsim play" in said and "worldsim eval" in said


@pytest.mark.parametrize("terminal", [False, True])
def test_a_window_is_tried_only_at_a_terminal_and_its_failure_is_no_error(
    terminal: bool, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    asked = []

    def refuse(config: Play) -> None:
        asked.append(config.checkpoint)
        raise PlayError("SDL saw nothing")

    monkeypatch.setattr("worldsim.play.demo.play", refuse)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    files = demo(Demo(str(checkpoint), SEEDS[:1], steps=1, passes=1, out=tmp_path))
    assert all(path.is_file() for path in files)
    said = capsys.readouterr().out
    assert asked == ([str(checkpoint)] if terminal else [])
    expected = "no window: SDL saw nothing" if terminal else f"`worldsim play --checkpoint {checkpoint}` opens one"
    assert expected in said


def test_truth_is_what_the_env_shows_and_the_learned_world_begins_with_it(checkpoint: Path) -> None:
    world = World.from_pretrained(checkpoint, rows=2, steps=1)
    both = beside_the_truth(world, SEEDS, 4)
    assert both.given == GIVEN and both.truth.shape == both.learned.shape == (2, GIVEN + 4, 64, 64, 3)
    assert np.array_equal(both.truth[:, :GIVEN], both.learned[:, :GIVEN])
    assert (both.truth[:, GIVEN:] != both.learned[:, GIVEN:]).any()
    assert both.actions[0] == "reset" and both.actions[GIVEN] == SCRIPT[0][0] and both.speed > 0
    env = gym.make("worldsim/Voxel-v0", **KWARGS)
    meanings = env.unwrapped.get_action_meanings()  # type: ignore[attr-defined]
    frames = [env.reset(seed=SEEDS[1])[0], *(env.step(meanings.index(name))[0] for name in both.actions[1:])]
    assert np.array_equal(both.truth[1], np.stack(frames))


def test_every_action_of_the_script_is_one_of_the_voxel_world() -> None:
    spec = ActionSpec.from_env(gym.make("worldsim/Voxel-v0", **KWARGS))
    assert {name for name, _ in WALK_IN + SCRIPT} <= set(spec.meanings)
    names, vectors = scripted_actions(spec, (("forward", 2), ("jump", 1)), 5)
    assert names == ("forward", "forward", "jump", "forward", "forward")
    assert [spec.decode(vector) for vector in vectors] == [spec.meanings.index(name) for name in names]


def test_a_world_with_other_actions_gets_its_own() -> None:
    spec = ActionSpec.from_env(counter.CounterEnv())
    names, vectors = scripted_actions(spec, SCRIPT, 30)
    assert vectors.shape == (30, counter.ACTIONS) and (vectors.sum(1) == 1).all()
    assert [str(vector.argmax()) for vector in vectors] == list(names) and len(set(names)) > 1


def test_mistakes_are_told_before_anything_is_written(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(PlayError, match="--steps and --passes must be at least 1, got 0"):
        Demo(steps=0)
    with pytest.raises(CheckpointError, match="nowhere"):
        demo(Demo("nowhere", out=tmp_path / "out"))
    assert not list(tmp_path.iterdir())
