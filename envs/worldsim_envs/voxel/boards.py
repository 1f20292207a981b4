"""The scoreboard as a page: what players reach on each task, with 95 % intervals, from the rows that
`benchmarks/scoreboard.py` keeps in docs/voxel/scoreboard.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from scipy.stats import beta

from worldsim_envs.voxel.judge import score
from worldsim_envs.voxel.tasks import TASKS

Row: TypeAlias = Mapping[str, Any]
MACHINE = "2 cores of an AMD EPYC, no GPU"
PLAYERS = """\
Every player is judged on the sparse form of a task, on levels that no training saw (`start_level=100`), at 48×48.
*random* draws every action anew; *scripted* knows where the goal is (`worldsim_agents.solve`), and where a task has no
goal it is the recording mix; *PPO* is stable-baselines3's with rl-zoo's settings for Atari, one frame and no memory,
trained on the dense form and 100 levels, drawing its actions. Success has a Clopper–Pearson 95 % interval, which takes
the training as given; return is mean ± 1.96 standard errors over episodes."""


def interval(successes: int, episodes: int) -> tuple[float, float]:
    """Return the Clopper–Pearson 95 % interval of a rate."""
    low = beta.ppf(0.025, successes, episodes - successes + 1) if successes else 0.0
    high = beta.ppf(0.975, successes + 1, episodes - successes) if successes < episodes else 1.0
    return float(low), float(high)


def named(row: Row) -> str:
    """Return what a player is called."""
    steps = row["training_steps"]
    size = f"{steps // 1_000_000} M" if steps >= 1_000_000 else f"{steps // 1000} k"
    return f"PPO, {size} steps" if steps else str(row["player"])


def gathered(board: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """Return the rows of each task and player, the seeds of training together, in the order of the tasks."""
    found: dict[tuple[str, str], list[Row]] = {}
    order = list(TASKS)
    for row in sorted(board, key=lambda row: (order.index(row["task"]), row["training_steps"])):
        found.setdefault((row["task"], named(row)), []).append(row)
    return found


def _line(task: str, player: str, rows: Sequence[Row]) -> str:
    """Return one line of the table."""
    episodes = sum(row["episodes"] for row in rows)
    returns = np.concatenate([row["returns"] for row in rows])
    spread = 1.96 * returns.std(ddof=1) / np.sqrt(len(returns)) if len(returns) > 1 else float("nan")
    success, between = "–", "–"
    if "successes" in rows[0]:
        done = sum(row["successes"] for row in rows)
        low, high = interval(done, episodes)
        success, between = f"{done / episodes:.2f}", f"{low:.2f} … {high:.2f}"
    median = np.median([row["median_steps"] for row in rows])
    seeds = len(rows) if rows[0]["training_steps"] else "–"
    return f"| {task} | {player} | {success} | {between} | {returns.mean():.2f} ± {spread:.2f} | {median:.0f} | " + (
        f"{episodes} | {seeds} |"
    )


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
    lines = ["| task | player | success | 95 % | return | median steps | episodes | training seeds |",
             "|" + " --- |" * 8]  # fmt: skip
    lines += [_line(task, player, rows) for (task, player), rows in found.items()]
    survival = {player: rows for (task, player), rows in found.items() if task == "Survival"}
    trained = sorted({(row["task"], row["training_steps"]) for row in board if row["training_steps"]})
    most = [task for task in TASKS if (task, 1_000_000) in trained]
    missing = [task for task in TASKS if not any(row == (task, 100_000) for row in trained)]
    return "\n\n".join((
        "# Scoreboard",
        "Filled by `python benchmarks/scoreboard.py` (rows that are there already are kept; see its docstring), "
        f"written by `python -m worldsim_envs.voxel.pages docs/voxel`. Measured on {MACHINE}.",
        PLAYERS,
        f"Trained for 1 M steps: {', '.join(most) or 'none yet'}. Not yet trained for 100 k: "
        f"{', '.join(missing) or 'none'}.",
        "\n".join(lines),
        *(("## Survival", "Share of episodes that unlock each achievement; the score is Crafter's geometric mean "
           "(`judge.score`, arXiv 2109.06780).", _survival(survival)) if survival else ()),
    )) + "\n"  # fmt: skip
