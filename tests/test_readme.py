"""Every example of the README runs, in its order, on a tiny checkpoint and with little data."""

import re
import shlex
from pathlib import Path

import gymnasium as gym
import pytest

from tiny import KWARGS, save_tiny_checkpoint
from worldsim.cli import main

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
# What the test appends to a command, so that minutes become moments; the last of two equal options counts.
LESS = {
    "worldsim play": "--headless --steps 4",
    "worldsim serve": "--port 0",
    "worldsim record": "--steps 60 --workers 1",
    "worldsim eval": "--worlds 2 --windows 1 --context 3 --steps 2 --resamples 50 --rows 2",
    "worldsim train --data": "--minutes 0.001",
    "worldsim train tokenizer": "--rows 4 --steps 2 --no-compile --model.widths 8 8 8",
    "worldsim train dynamics": (
        "--steps 2 --no-compile --model.width 64 --model.depth 2 --model.head-width 32 --model.text.width 64"
    ),
}
FEWER = {"n_steps=64": "n_steps=2", "learn(1024)": "learn(8)", "-v0\", 16,": "-v0\", 2,", "in range(3)": "in range(1)"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def commands() -> list[str]:
    lines = [line.partition("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.fixture
def playground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, where "overworld-small" is a tiny checkpoint."""
    save_tiny_checkpoint(tmp_path / "weights" / "overworld-small", "overworld-small")
    monkeypatch.setattr("worldsim.model.checkpoint.PACKAGED", tmp_path / "weights")
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: None)  # a server would wait for players
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.timeout(600)
def test_the_readme_runs_from_the_first_command_to_the_last_example(playground: Path) -> None:
    for command in commands():
        if command.startswith("worldsim"):
            less = next(less for start, less in LESS.items() if command.startswith(start))
            main(shlex.split(f"{command} {less}")[1:])
    assert (playground / "out" / "play.mp4").is_file() and (playground / "runs" / "world" / "checkpoint").is_dir()
    names: dict[str, object] = {}
    voxel, learned = gym.spec("worldsim/Voxel-v0").kwargs, gym.spec("worldsim/Learned-v0").kwargs
    voxel.update(KWARGS)
    learned.update(threshold=1.0)  # random weights know no end
    try:
        for block in blocks("python"):
            for much, little in FEWER.items():
                block = block.replace(much, little)
            exec(compile(block, "README.md", "exec"), names)
    finally:
        voxel.clear()
        learned.clear()


def test_make_commands_and_files_that_the_readme_names_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = [command.split()[1] for command in commands() if command.startswith("make ")]
    assert {"demo", "test"} <= set(named) and all(f"\n{name}:" in makefile for name in named)
    for path in re.findall(r"`((?:worldsim|envs|agents|tests)/[\w/]+\.py)`|\]\(([\w/]+\.\w+)\)", TEXT):
        assert (ROOT / "".join(path)).is_file(), path
