"""Four unlike worlds of others, learned in a given time: each in a virtual environment of its own, by three commands.

python benchmarks/worlds.py [--minutes 60] [--only doom pendulum] [--out out/worlds]

For each it records, trains and measures in new worlds, and prints a row of the table in docs/worlds.md.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

ROOT = Path(__file__).resolve().parents[1]
Name = Literal["breakout", "pendulum", "doom", "babyai"]


@dataclass(frozen=True)
class World:
    """A world: the package that brings it, and what `worldsim record` is told."""

    package: str
    words: tuple[str, ...]


WORLDS: dict[Name, World] = {
    "breakout": World("ale-py", ("--env", "ALE/Breakout-v5")),
    "pendulum": World("", ("--env", "Pendulum-v1")),
    "doom": World("vizdoom", ("--env", "VizdoomHealthGathering-v1", "--env-kwargs", '{"frame_skip": 4}')),
    "babyai": World(
        "minigrid", ("--env", "BabyAI-GoToLocal-v0", "--wrapper", "minigrid.wrappers:RGBImgPartialObsWrapper")
    ),
}


@dataclass(frozen=True)
class Options:
    """Learn worlds of others."""

    only: tuple[Name, ...] = tuple(WORLDS)
    """Which worlds."""
    minutes: float = 60.0
    """Minutes of training of each, if the machine does nothing else."""
    steps: int = 20_000
    """Env steps to record of each."""
    worlds: int = 64
    """New worlds to measure in."""
    out: Path = Path("out/worlds")
    """Where environments, recordings and runs go."""


def main(options: Options) -> None:
    """Run them one after the other; prints a table."""
    print("| world | frames | CPU time of record, train | next frame ÷ copy | free running, 1–16 steps, above copy |")
    print("|---|---|---|---|---|")
    for name in options.only:
        print(_row(name, WORLDS[name], options), flush=True)


def _row(name: str, world: World, options: Options) -> str:
    folder = options.out.resolve() / name
    folder.mkdir(parents=True, exist_ok=True)
    python = _environment(folder / "venv", world.package)
    spent = []
    if not (folder / "data").exists():
        spent.append(_run(python, folder, "record", *world.words, "--steps", str(options.steps), "--out", "data"))
    spent.append(_run(python, folder, "train", "--data", "data", "--out", "run", "--minutes", str(options.minutes)))
    counts = ["--worlds", str(options.worlds), "--windows", "1", "--out", "eval"]
    _run(python, folder, "eval", "--checkpoint", "run/checkpoint", "--probes", "next-frame", "free-running", *counts)
    figures = json.loads((folder / "eval/report.json").read_text())["figures"]
    share = figures["next_frame"]["ratio_to_copy"]["model"]
    above = next(iter(figures["free_running"]["psnr_average"].values()))["model_minus_copy"]
    frames = json.loads((folder / "run/plan.json").read_text())["frames"]
    minutes = ", ".join(f"{seconds / 60:.1f}" for seconds in spent)
    shown = [f"{one['value']:.2f} [{one['low']:.2f}, {one['high']:.2f}]" for one in (share, above)]
    return f"| {name} | {frames} | {minutes} min | {shown[0]} | {shown[1]} dB |"


def _environment(folder: Path, package: str) -> Path:
    """The Python of a virtual environment with the package, and with what this Python has behind it."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        (own,) = (folder / "lib").glob("python*/site-packages")
        lines = [ROOT, ROOT / "envs", ROOT / "agents", sysconfig.get_path("purelib")]
        (own / "zz_worldsim.pth").write_text("".join(f"{line}\n" for line in lines))
        if package:
            words = ["-m", "pip", "--python", python, "install", "--quiet", "--no-deps", package]
            subprocess.run([sys.executable, *words], check=True)
    return python


def _run(python: Path, folder: Path, *words: str) -> float:
    """Run a command of worldsim in a folder; returns the processor time that it took, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with (folder / f"{words[0]}.log").open("a") as log:
        command = [python, "-m", "worldsim.cli", *words]
        subprocess.run(command, cwd=folder, env=os.environ, stdout=log, stderr=log, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main(tyro.cli(Options))
