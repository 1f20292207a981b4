"""The scoreboard as a page: what players reach on each task, with 95 % intervals, from the rows that
`benchmarks/scoreboard.py` keeps in docs/voxel/scoreboard.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from scipy.stats import binomtest, bootstrap

from worldsim_envs.voxel.judge import score
from worldsim_envs.voxel.tasks import TASKS

Row: TypeAlias = Mapping[str, Any]
LENGTHS = (100_000, 1_000_000)  # steps of training that every task is to have
MACHINE = "2 cores of an AMD EPYC, no GPU"
PLAYERS = """\
Every player is judged on the sparse form of a task, on levels that no training saw (`start_level=100`), at 48×48.
*random* draws every action anew; *scripted* knows where the goal is (`worldsim_agents.solve`), and where a task has no
goal it is the recording mix; *PPO* is stable-baselines3's with rl-zoo's settings for Atari, one frame and no memory,
trained on the dense form and 100 levels, drawing its actions. The table shows the share of successes where a task has a
goal, and the return where it has none. Intervals are 95 %. Of one agent they are over its episodes (Wilson's for
shares, the bootstrap for returns) and take its training as given. Of several training seeds they are over the agents'
means, which are drawn anew (bootstrap): with two or three seeds little more than the range of these. Where all agents
did alike, the interval is that over all episodes."""


def estimate(rows: Sequence[Row]) -> tuple[float, float, float]:
    """Return the mean and its 95 % interval of the rows of one task and player, a row for each training seed."""
    rated = "successes" in rows[0]
    means = np.array([row["successes"] / row["episodes"] if rated else np.mean(row["returns"]) for row in rows])
    returns = np.concatenate([row["returns"] for row in rows])
    mean = float(means.mean())
    if np.ptp(means) > 0:
        return mean, *_between(means)
    if rated:
        share = binomtest(sum(row["successes"] for row in rows), sum(row["episodes"] for row in rows))
        found = share.proportion_ci(method="wilson")
        return mean, float(found.low), float(found.high)
    return mean, *(_between(returns) if np.ptp(returns) > 0 else (mean, mean))


def _between(values: np.ndarray) -> tuple[float, float]:
    """Return the percentile bootstrap 95 % interval of the mean of values (N,)."""
    found = bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(0)).confidence_interval
    return float(found.low), float(found.high)


def named(row: Row) -> str:
    """Return what a player is called."""
    steps = row["training_steps"]
    return f"PPO, {_size(steps)} steps" if steps else str(row["player"])


def _size(steps: int) -> str:
    return f"{steps / 1e6:g} M" if steps >= 1_000_000 else f"{steps / 1e3:g} k"


def gathered(board: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """Return the rows of each task and player, the seeds of training together, in the order of the tasks."""
    found: dict[tuple[str, str], list[Row]] = {}
    order = list(TASKS)
    for row in sorted(board, key=lambda row: (order.index(row["task"]), row["training_steps"])):
        found.setdefault((row["task"], named(row)), []).append(row)
    return found


def _line(task: str, player: str, rows: Sequence[Row]) -> str:
    """Return one line of the table."""
    mean, low, high = estimate(rows)
    measure = "success" if "successes" in rows[0] else "return"
    seeds = len(rows) if rows[0]["training_steps"] else "–"
    episodes, median = sum(row["episodes"] for row in rows), np.median([row["median_steps"] for row in rows])
    told = (task, player, measure, f"{mean:.2f}", f"{low:.2f} … {high:.2f}", seeds, episodes, f"{median:.0f}")
    return "| " + " | ".join(map(str, told)) + " |"


def _survival(rows: Mapping[str, Sequence[Row]]) -> str:
    """Return Crafter's score of each player, and the share of episodes that unlock each achievement."""
    rates = {
        player: {name: sum(row["achieved"][name] for row in found) / sum(row["episodes"] for row in found)
                 for name in found[0]["achieved"]} for player, found in rows.items()
    }  # fmt: skip
    lines = ["| achievement | " + " | ".join(rates) + " |", "| --- |" + " --- |" * len(rates)]
    scores = [f"{score(np.array(list(found.values()))):.1f} %" for found in rates.values()]
    lines.append("| **score** | " + " | ".join(f"**{value}**" for value in scores) + " |")
    for name in next(iter(rates.values())):
        lines.append(f"| `{name}` | " + " | ".join(f"{found[name]:.2f}" for found in rates.values()) + " |")
    return "\n".join(lines)


def board_page(board: Sequence[Row]) -> str:
    """Return the page of a scoreboard's rows."""
    found = gathered(board)
    lines = ["| task | player | measured | mean | 95 % | training seeds | episodes | median steps |",
             "|" + " --- |" * 8]  # fmt: skip
    lines += [_line(task, player, rows) for (task, player), rows in found.items()]
    survival = {player: rows for (task, player), rows in found.items() if task == "Survival"}
    trained = {(row["task"], row["training_steps"]) for row in board}
    missing = {_size(steps): [task for task in TASKS if (task, steps) not in trained] for steps in LENGTHS}
    return "\n\n".join((
        "# Scoreboard",
        "Filled by `python benchmarks/scoreboard.py` (rows that are there already are kept; see its docstring), "
        f"written by `python -m worldsim_envs.voxel.pages docs/voxel`. Measured on {MACHINE}.",
        PLAYERS,
        *(f"Not yet trained for {size} steps: {', '.join(tasks)}." for size, tasks in missing.items() if tasks),
        "\n".join(lines),
        *(("## Survival", "Share of episodes that unlock each achievement; the score is Crafter's geometric mean "
           "(`judge.score`, arXiv 2109.06780).", _survival(survival)) if survival else ()),
    )) + "\n"  # fmt: skip
