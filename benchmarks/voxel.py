"""The bars of the voxel world: steps per second, resets, memory; medians with their spread, and whether each is met.

    python benchmarks/voxel.py                 # all bars, on a machine that does nothing else
    python benchmarks/voxel.py --repeats 3 --steps 300 --json out/voxel.json

Everything is switched on (health, hunger, monsters, weather, …) but in the row of the fewest systems, actions are
random, pictures are drawn at every step, and resets are counted: an episode ends after EPISODE steps. Worlds are kept
per seed (`kept_worlds`), so the first reset into a world, which makes it, has a row of its own and no bar. Each
repeat plays in another world. On a busy machine the rate by CPU time, beside it, says what a free core would do; the
bars are judged by the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

import worldsim
from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.switches import SWITCHES

EPISODE = 500  # steps
ACTIONS = 21
EVERYTHING = dict.fromkeys(SWITCHES, True)
FEWEST = {**dict.fromkeys(SWITCHES, False), "day_cycle": True}  # what the world's first version had
ROWS = 8  # of the vector env


@dataclass(frozen=True)
class Row:
    """One figure: its median and the 10th and 90th percentile of repeats; `wanted` is its bar, 0 for none."""

    what: str
    unit: str
    median: float
    p10: float
    p90: float
    wanted: float = 0.0
    most: bool = False  # the bar is a limit, not a goal
    by_cpu: float = float("nan")

    @property
    def met(self) -> bool | None:
        """Whether the median keeps the bar; None without one."""
        if self.wanted == 0.0:
            return None
        return self.median <= self.wanted if self.most else self.median >= self.wanted


def row(what: str, unit: str, values: Any, wanted: float = 0.0, most: bool = False, cpu: Any = None) -> Row:
    """Return the row of some repeats."""
    low, median, high = (float(value) for value in np.percentile(values, (10, 50, 90)))
    return Row(what, unit, median, low, high, wanted, most, float("nan") if cpu is None else float(np.median(cpu)))


def drawn_actions(seed: int, *shape: int) -> NDArray[np.int64]:
    """Return random actions."""
    return np.random.default_rng(seed).integers(0, ACTIONS, shape)


def stepping(
    size: tuple[int, int], steps: int, repeats: int, wanted: float, switches: dict[str, bool] = EVERYTHING,
    **settings: Any,
) -> Row:  # fmt: skip
    """Return the steps/s of a single env, resets included."""
    env = VoxelEnv(size=size, switches=switches, **settings)
    rates, own = [], []
    for repeat in range(repeats):
        world = {"world_seed": repeat}
        env.reset(seed=repeat, options=world)
        env.step(0)
        start, cpu = time.perf_counter(), time.thread_time()
        for number, action in enumerate(drawn_actions(repeat, steps).tolist()):
            if env.step(action)[2] or (number + 1) % EPISODE == 0:
                env.reset(options=world)
        rates.append(steps / (time.perf_counter() - start))
        own.append(steps / (time.thread_time() - cpu))
    what = f"{size[0]}×{size[1]}, frame_skip {env.frame_skip}" + (", fewest systems" if switches is FEWEST else "")
    return row(what, "steps/s", rates, wanted, cpu=own)


def vectors(steps: int, repeats: int) -> list[Row]:
    """Return the env-steps/s of the native vector env on one thread and on two, and how they compare."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    envs = {threads: gym.make_vec("worldsim/Voxel-v0", num_envs=ROWS, vectorization_mode="vector_entry_point",
                                  threads=threads, switches=EVERYTHING, num_levels=4) for threads in rates}  # fmt: skip
    for env in envs.values():  # makes the worlds, and loads the compiled code
        env.reset(seed=0)
        env.step(np.zeros(ROWS, np.int64))
    for repeat in range(repeats):
        actions = drawn_actions(repeat, max(1, steps // ROWS), ROWS)
        for threads, env in envs.items():  # one after the other, so that both see the same machine
            start = time.perf_counter()
            for action in actions:
                env.step(action)
            rates[threads].append(actions.size / (time.perf_counter() - start))
    for env in envs.values():
        env.close()
    ratios = np.array(rates[2]) / np.array(rates[1])
    return [
        row(f"vector env, {ROWS} rows, 1 thread", "steps/s", rates[1]),
        row(f"vector env, {ROWS} rows, 2 threads", "steps/s", rates[2]),
        row("2 threads ÷ 1 thread", "times", ratios, 1.7),
    ]


def resets(repeats: int) -> list[Row]:
    """Return the milliseconds of a reset into a new world, and into one that is kept."""
    env = VoxelEnv(switches=EVERYTHING)
    env.reset(seed=999)
    rows = []
    for what, worlds, wanted in (("reset, new world", range(repeats), 0.0), ("reset, kept world", [0] * repeats, 50.0)):
        times = []
        for world in worlds:
            start = time.perf_counter()
            env.reset(options={"world_seed": 10_000 + world * (wanted == 0.0)})
            times.append(1e3 * (time.perf_counter() - start))
            env.step(0)
        rows.append(row(what, "ms", times[1:] or times, wanted, most=True))
    return rows


def resident() -> float:
    """Return the MB of memory that the process holds."""
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def memory(count: int) -> list[Row]:
    """Return the MB of each env beyond the first: of its arrays, and as the process grows."""
    envs, held, arrays = [], [], []
    for number in range(count + 1):
        before = resident()
        env = VoxelEnv(switches=EVERYTHING)
        env.reset(seed=number, options={"world_seed": 0})
        for action in drawn_actions(number, 100).tolist():
            env.step(action)
        envs.append(env)
        held.append(resident() - before)
        parts = [getattr(env.state, field.name) for field in fields(env.state)]
        arrays.append(sum(part.nbytes for part in (*parts, *env.view.scratch, env.view.seen, env.view.depth)) / 1e6)
    return [
        row("memory of another env, resident", "MB", held[1:], 30.0, most=True),
        row("memory of another env, arrays", "MB", arrays[1:], 30.0, most=True),
    ]


def main() -> None:
    """Measure, print a table, and write it as JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1000, help="steps per repeat at 64×64; fewer at larger sizes")
    parser.add_argument("--repeats", type=int, default=7, help="worlds per row")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args()
    steps, repeats = options.steps, options.repeats
    warm = VoxelEnv(switches=EVERYTHING)
    warm.reset(seed=0)
    warm.step(0)
    rows = [
        *memory(4),
        stepping((64, 64), steps, repeats, 2500.0),
        stepping((64, 64), steps, repeats, 3000.0, FEWEST),
        stepping((64, 64), steps, repeats, 0.0, frame_skip=1),
        stepping((96, 160), max(20, steps // 4), repeats, 800.0),
        stepping((360, 640), max(20, steps // 50), repeats, 0.0),
        *vectors(steps, repeats),
        *resets(repeats),
    ]
    print(f"{'':34s}{'median':>9s}{'p10':>9s}{'p90':>9s}  {'':8s}{'by CPU':>9s}   bar")
    for one in rows:
        own = "" if np.isnan(one.by_cpu) else f"{one.by_cpu:.0f}"
        bar = "" if one.met is None else f"{'≤' if one.most else '≥'} {one.wanted:g}: {'met' if one.met else 'NOT MET'}"
        numbers = "".join(f"{value:9.1f}" for value in (one.median, one.p10, one.p90))
        print(f"{one.what:34s}{numbers}  {one.unit:8s}{own:>9s}   {bar}")
    load = os.getloadavg()[0]
    print(f"worldsim {worldsim.__version__}, {platform.machine()}, {os.cpu_count()} CPUs, load {load:.1f}")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        found = [{**asdict(one), "met": one.met} for one in rows]
        options.json.write_text(json.dumps({"load": load, "cpus": os.cpu_count(), "rows": found}, indent=2))
        print(f"written: {options.json}")


if __name__ == "__main__":
    main()
