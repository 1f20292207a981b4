"""Worlds and libraries of others, each in a virtual environment of its own: docs/worlds.md in little."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from environments import ROOT, environment

WORLDS = {  # package -> what `worldsim record` is told
    "ale-py": ["--env", "ALE/Breakout-v5"],
    "vizdoom": ["--env", "VizdoomHealthGathering-v1", "--env-kwargs", '{"frame_skip": 4}'],
    "minigrid": ["--env", "BabyAI-GoToLocal-v0", "--wrapper", "minigrid.wrappers:RGBImgPartialObsWrapper"],
    "": ["--env", "Pendulum-v1"],
}
MINARI = """
import sys
from pathlib import Path
import gymnasium as gym
import minari
import numpy as np
from minari.data_collector.episode_buffer import EpisodeBuffer
import counter
from worldsim.cli import main
from worldsim.data.episodes import Dataset

root, kind = Path(sys.argv[1]), sys.argv[2]
env = gym.make(counter.ID, size=(48, 64), horizon=9)
seen, rewards = [env.reset(seed=0)[0]], []
for t in range(9):
    frame, reward, *_ = env.step(t % 5)
    seen.append(frame)
    rewards.append(reward)
ends = [t == 8 for t in range(9)]
taken = np.arange(9) % 5
episode = EpisodeBuffer(0, 0, None, np.stack(seen), taken, rewards, ends, [False] * 9)
minari.create_dataset_from_buffers("counter/test-v0", [episode], env, data_format=kind)
main(["import", "minari", str(root / "counter/test-v0"), "--out", str(root / "out")])
read = Dataset.open(root / "out").read(0)
assert np.abs(counter.read_counts(read.frames) - np.arange(10)).max() <= 1, read.frames[:, 0, 0, 0]
assert (read.actions[1:].argmax(1) == taken).all() and read.events[1:, 0].tolist() == rewards and read.terminated[-1]
"""

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("package", WORLDS)
def test_a_world_of_others_is_recorded_learned_measured_and_played(package: str, tmp_path: Path) -> None:
    python = environment(tmp_path / "venv", package)

    def worldsim(*words: str) -> str:
        command = [python, "-m", "worldsim.cli", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    worldsim("record", *WORLDS[package], "--steps", "300", "--episode-length", "60", "--out", "data")
    steps = ["--tokenizer-steps", "3", "--steps", "3", "--device", "cpu"]
    worldsim("train", "world", "--data", "data", "--preset", "tiny", *steps, "--out", "run")
    made = ["--checkpoint", "run/dynamics/checkpoint"]
    few = ["--worlds", "2", "--windows", "1", "--context", "4", "--steps", "2"]
    assert "x copy" in worldsim("eval", *made, "--probes", "next-frame", "free-running", *few, "--resamples", "50")
    assert "the learned world alone" not in worldsim("play", *made, "--headless", "--steps", "6")
    assert (tmp_path / "out/play.mp4").stat().st_size > 0


@pytest.mark.parametrize("kind", ["hdf5", "arrow", "parquet"])
def test_what_minari_itself_writes_is_read(kind: str, tmp_path: Path) -> None:
    python = environment(tmp_path / "venv", "minari", "h5py")
    given = os.environ | {"MINARI_DATASETS_PATH": str(tmp_path)}
    words = [python, "-c", MINARI, str(tmp_path), kind]
    done = subprocess.run(words, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_oldest_gymnasium_of_the_range_passes_the_same_checks(tmp_path: Path) -> None:
    """Checkers, autoreset modes, resets of rows, `to_sb3`: all tests of the envs, under the oldest version allowed."""
    (wanted,) = re.findall(r'"gymnasium>=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    python = environment(tmp_path / "venv", f"gymnasium=={wanted}")
    found = subprocess.run(
        [python, "-c", "import gymnasium; print(gymnasium.__version__)"], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == wanted
    tests = ["tests/envs", "tests/voxel/test_env.py", "tests/voxel/test_tasks.py", "tests/agents/test_sb3.py"]
    command = [python, "-m", "pytest", "-q", "--basetemp", tmp_path / "tests", *tests]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
