"""Speed of the learned world through Gymnasium, from action to pixels: frames/s, and whether late steps cost more.

python benchmarks/learned.py [--checkpoint NAME] [--threads N] [--json]
"""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass

import gymnasium as gym
import numpy as np
import torch
import tyro

import worldsim  # registers the ids

EARLY, LATE, SPAN = 50, 950, 100  # first steps of the two spans that are compared, and their length


@dataclass(frozen=True)
class Options:
    """Measure `worldsim/Learned-v0`."""

    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder."""
    threads: int = os.cpu_count() or 1
    """Threads of the network."""
    rows: tuple[int, ...] = (1, 16)
    """Sizes of the vector env; 1 is the single env."""
    passes: tuple[int, ...] = (1, 2, 4)
    """Denoising passes per frame."""
    warm_up: int = 20
    """Steps that do not count."""
    count: int = 100
    """Steps that do."""
    long: bool = True
    """Compare steps 950-1050 with steps 50-150, single env and 2 passes."""
    json: bool = False
    """Print JSON instead of a table."""


@dataclass(frozen=True)
class Speed:
    """One setting. Times are of one step of all rows, in milliseconds; frames/s are of all rows together."""

    rows: int
    passes: int
    median_ms: float
    p99_ms: float
    frames_per_second: float


def main(options: Options) -> None:
    """Measure all settings and print them."""
    torch.set_num_threads(options.threads)
    found = [_speed(options, rows, passes) for rows in options.rows for passes in options.passes]
    report = {
        "checkpoint": options.checkpoint, "threads": options.threads, "cores": os.cpu_count(),
        "machine": platform.platform(), "torch": torch.__version__, "worldsim": worldsim.__version__,
        "speeds": [asdict(speed) for speed in found],
    }  # fmt: skip
    if options.long:
        early, late = _early_and_late(options)
        report["long"] = {"early_ms": early, "late_ms": late, "ratio": late / early}
    print(json.dumps(report, indent=1) if options.json else _table(report, found))


def _speed(options: Options, rows: int, passes: int) -> Speed:
    env = _begin(options, rows, passes, options.warm_up)
    times = [_step(env) for _ in range(options.count)]
    env.close()
    median, p99 = float(np.median(times)), float(np.percentile(times, 99))
    return Speed(rows, passes, median, p99, 1000 * rows / median)


def _early_and_late(options: Options) -> tuple[float, float]:
    """Median milliseconds of a step at about step 100 and at about step 1,000.

    Two envs take turns, so that whatever else the machine does meets both alike.
    """
    young, old = _begin(options, 1, 2, EARLY), _begin(options, 1, 2, LATE)
    times = np.array([(_step(young), _step(old)) for _ in range(SPAN)])  # (SPAN, 2)
    early, late = np.median(times, axis=0).tolist()
    return early, late


def _begin(options: Options, rows: int, passes: int, steps: int) -> gym.Env | gym.vector.VectorEnv:
    """An env from a stored start on, `steps` random steps later."""
    settings = {"checkpoint": options.checkpoint, "steps": passes, "threshold": 1.0, "max_episode_steps": 10**6}
    if rows == 1:
        env = gym.make("worldsim/Learned-v0", **settings)
    else:
        env = gym.make_vec("worldsim/Learned-v0", num_envs=rows, **settings)
    env.action_space.seed(0)
    env.reset(seed=0)
    for _ in range(steps):
        _step(env)
    return env


def _step(env: gym.Env | gym.vector.VectorEnv) -> float:
    """Milliseconds of one random step."""
    action = env.action_space.sample()
    begun = time.perf_counter()
    env.step(action)
    return 1000 * (time.perf_counter() - begun)


def _table(report: dict, found: list[Speed]) -> str:
    lines = [
        f"{report['checkpoint']}, {report['threads']} threads on {report['cores']} cores, torch {report['torch']}",
        "  rows  passes  ms/step, median      p99   frames/s",
        *(f"{s.rows:6}{s.passes:8}{s.median_ms:17.1f}{s.p99_ms:9.1f}{s.frames_per_second:11.1f}" for s in found),
    ]
    if "long" in report:
        one = report["long"]
        early, late = one["early_ms"], one["late_ms"]
        lines.append(f"steps 50-150 {early:.1f} ms, steps 950-1050 {late:.1f} ms: {one['ratio']:.2f} times")
    return "\n".join(lines)


if __name__ == "__main__":
    main(tyro.cli(Options))
