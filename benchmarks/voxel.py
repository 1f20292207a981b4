"""Steps per second of the voxel world, rendering included, on one core: medians over worlds, with their spread.

    python benchmarks/voxel.py                 # 64×64 … 360×640, frame_skip 1 and 2
    python benchmarks/voxel.py --steps 2000 --json out/voxel.json

Each repeat plays random actions in another world; compiling and making the world are left out (resets have rows of
their own). On a busy machine the rate by CPU time says what a free core would do.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

from worldsim_envs.voxel.env import VoxelEnv

SIZES = ((64, 64), (96, 160), (128, 128), (360, 640))


def stepping(size: tuple[int, int], frame_skip: int, steps: int, repeats: int) -> dict[str, Any]:
    """Return the steps/s of random play, one figure to each of `repeats` worlds."""
    env = VoxelEnv(size=size, frame_skip=frame_skip)
    rates = []
    for repeat in range(repeats):
        world = {"world_seed": repeat}
        env.reset(seed=repeat, options=world)
        actions = [int(action) for action in np.random.default_rng(repeat).integers(0, 21, steps)]
        for action in actions[:10]:
            env.step(action)
        start, cpu = time.perf_counter(), time.thread_time()
        for action in actions:
            if env.step(action)[2]:
                env.reset(options=world)
        rates.append((steps / (time.perf_counter() - start), steps / (time.thread_time() - cpu)))
    wall, own = np.array(rates).T
    return {
        "what": f"step {size[0]}×{size[1]} frame_skip {frame_skip}",
        **_spread(wall),
        "cpu_median": float(np.median(own)),
    }


def resets(repeats: int) -> list[dict[str, Any]]:
    """Return resets/s into new worlds, and into one that is kept."""
    env = VoxelEnv()
    rows = []
    env.reset(seed=999)
    for what, seeds in (("reset, new world", range(repeats)), ("reset, kept world", [3] * (repeats + 1))):
        rates = []
        for seed in seeds:
            start = time.perf_counter()
            env.reset(options={"world_seed": 10_000 + seed})
            rates.append(1.0 / (time.perf_counter() - start))
        rows.append({"what": what, **_spread(np.array(rates[-repeats:])), "cpu_median": float("nan")})
    return rows


def _spread(rates: np.ndarray) -> dict[str, float]:
    low, median, high = np.percentile(rates, (10, 50, 90))
    return {"median": float(median), "p10": float(low), "p90": float(high)}


def main() -> None:
    """Measure, print a table, and write it as JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1000, help="steps per repeat at 64×64; fewer at larger sizes")
    parser.add_argument("--repeats", type=int, default=7, help="worlds per row")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args()
    warm = VoxelEnv()
    warm.reset(seed=0)
    warm.step(0)
    rows = [
        stepping(size, skip, max(20, options.steps * 4096 // (size[0] * size[1])), options.repeats)
        for size in SIZES
        for skip in ((1, 2) if size == (64, 64) else (1,))
    ]
    rows += resets(options.repeats)
    print(f"{'per second':32s}{'median':>9s}{'p10':>9s}{'p90':>9s}   by CPU time")
    for row in rows:
        own = "" if np.isnan(row["cpu_median"]) else f"{row['cpu_median']:12.1f}"
        print(f"{row['what']:32s}{row['median']:9.1f}{row['p10']:9.1f}{row['p90']:9.1f}{own}")
    print(f"on {platform.processor() or platform.machine()}, load {os.getloadavg()[0]:.1f}, {os.cpu_count()} CPUs")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(
            json.dumps({"load": os.getloadavg()[0], "cpus": os.cpu_count(), "rows": rows}, indent=2)
        )
        print(f"written: {options.json}")


if __name__ == "__main__":
    main()
