"""What studies conclude: interquartile means and ratios with bootstrap intervals, tables and figures.

The interquartile mean over runs, with runs drawn anew within each task, is what "Deep RL at the edge of the statistical
precipice" (arXiv 2108.13264) recommends for few seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import permutation_test, spearmanr, trim_mean

from worldsim.fidelity.statistics import nested_mean

__all__ = ["ARMS", "budgets", "figure", "interval", "iqm", "rank_agreement", "ratio", "spent", "table"]

ARMS = {
    "learned": "trained in the learned world", "true": "trained in the true world", "clone": "behaviour cloning",
    "random": "random",
}  # fmt: skip
RESAMPLES = 5000


def interval(values: Any, seeds: Any = None) -> list[float]:
    """[mean, low, high]: the mean of values (N,) with a 95 % bootstrap interval; itself where all agree.

    Episodes of one agent resemble each other: with the training `seeds` (N,) behind the values, agents are drawn, and
    episodes within them; without, all values are drawn alike.
    """
    values = np.asarray(values, np.float64)
    if len(values) < 2 or np.ptp(values) == 0:
        return [float(values.mean())] * 3
    found = nested_mean(values, np.zeros(len(values)) if seeds is None else np.asarray(seeds), resamples=RESAMPLES)
    return [found.value, found.low, found.high]


def iqm(values: Any) -> float:
    """The mean of the middle half of values (N,)."""
    return float(trim_mean(np.asarray(values, np.float64).ravel(), 0.25))


def ratio(tasks: Sequence[dict[str, Any]]) -> list[float]:
    """[IQM, low, high] over tasks of (J_learned − J_random) / (J_true − J_random), seeds drawn anew within each task.

    Args:
        tasks: of each task, by arm, the mean returns of its seeds.

    Tasks in which "true" is not better than "random" say nothing and are left out; NaN where none is left.
    """
    kept = [task for task in tasks if np.mean(task["true"]) > np.mean(task["random"])]
    if not kept:
        return [float("nan")] * 3

    def one(draw: Any) -> float:
        found = []
        for task in kept:
            arms = (np.asarray(task[arm], np.float64) for arm in ("learned", "true", "random"))
            learned, top, bottom = (np.mean(draw(runs)) for runs in arms)
            found.append((learned - bottom) / (top - bottom) if top > bottom else np.nan)
        good = np.array(found)[np.isfinite(found)]
        return iqm(good) if len(good) else float("nan")

    rng = np.random.default_rng(0)
    drawn = np.array([one(lambda runs: runs[rng.integers(len(runs), size=len(runs))]) for _ in range(RESAMPLES)])
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return [one(lambda runs: runs), float(low), float(high)]


def rank_agreement(learned: Any, true: Any) -> tuple[float, float]:
    """Spearman's rank correlation of two lists of returns (N,), and its p-value by permutation, one-sided."""
    learned, true = np.asarray(learned, np.float64), np.asarray(true, np.float64)
    if np.ptp(learned) == 0 or np.ptp(true) == 0:
        return 0.0, 1.0

    def agreement(order: np.ndarray) -> float:
        return float(spearmanr(order, true)[0])  # pyright: ignore[reportArgumentType]

    found = permutation_test(
        (learned,), agreement, permutation_type="pairings", alternative="greater", n_resamples=RESAMPLES,
        vectorized=False, rng=np.random.default_rng(0),
    )  # fmt: skip
    return float(found.statistic), float(found.pvalue)


def table(trials: Sequence[dict[str, Any]]) -> str:
    """The trials as a table in Markdown: a row for each task and arm, with the mean over seeds and episodes."""
    lines = ["| task | player | return in the true world | success | seeds × episodes | gap |", "|---" * 6 + "|"]
    for task in dict.fromkeys(trial["task"] for trial in trials):
        for arm, name in ARMS.items():
            rows = [trial for trial in trials if trial["task"] == task and trial["arm"] == arm]
            if not rows:
                continue
            mean, low, high = _return_of(rows)
            success = np.mean([value for row in rows for value in row["successes"]])
            gaps = [row["gap"] for row in rows if "gap" in row]
            gap = f"{np.mean(gaps):+.3f}" if gaps else "–"
            lines.append(f"| {task} | {name} | {mean:.3f} [{low:.3f}, {high:.3f}] | {success:.2f} "
                         f"| {len(rows)} × {len(rows[0]['returns'])} | {gap} |")  # fmt: skip
    return "\n".join(lines)


def budgets(trials: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each task's players had, in the mean over seeds, where the trials tell it: a row for each task and arm.

    `true_steps` are of the true world, recorded ones included, `agent_steps` those in which an agent learned by trying,
    in whichever world; `times` is agent steps for each true step. Seconds are wall-clock; recording is done once for
    the clone and the learned world's agent.
    """
    rows = []
    for task in dict.fromkeys(trial["task"] for trial in trials):
        for arm in ARMS:
            mine = [trial for trial in trials if (trial["task"], trial["arm"]) == (task, arm)]
            if not mine:
                continue
            row: dict[str, Any] = {"task": task, "arm": arm, "seeds": [trial["seed"] for trial in mine]}
            for name in ("true_steps", "agent_steps", "training_seconds"):
                told = [trial[name] for trial in mine if name in trial]
                row[name] = float(np.mean(told)) if told else None
            begun = any(trial.get("begin") == "clone" for trial in mine)
            if begun and arm == "true" and row["true_steps"]:
                row["true_steps"] *= 2  # those of the recording, and its own
            row["times"] = row["agent_steps"] / row["true_steps"] if row["agent_steps"] and row["true_steps"] else None
            row["recording_seconds"] = _recording_of(trials, task) if begun or arm in ("learned", "clone") else None
            rows.append(row)
    return rows


def _recording_of(trials: Sequence[dict[str, Any]], task: str) -> float | None:
    """Seconds that the recording of a task took, in the mean over seeds: of each seed one arm made it."""
    told: dict[int, float] = {}
    for trial in trials:
        if trial["task"] == task and "recording_seconds" in trial:
            told[trial["seed"]] = max(told.get(trial["seed"], 0.0), trial["recording_seconds"])
    return float(np.mean(list(told.values()))) if told else None


def spent(rows: Sequence[dict[str, Any]]) -> str:
    """The rows of `budgets`, each with its `command`, as a table in Markdown, and in words what they come to."""
    lines = ["| task | player | true steps | recording | agent steps | per true step | training | command |",
             "|---" * 8 + "|"]  # fmt: skip
    for row in rows:
        cells = (
            row["task"], ARMS[row["arm"]], _number(row["true_steps"]), _number(row["recording_seconds"], " s"),
            _number(row["agent_steps"]), "–" if row["times"] is None else f"{row['times']:.1f}",
            _number(row["training_seconds"], " s"), f"`{row['command']}`" if row.get("command") else "–",
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    words = [_in_words(rows, task) for task in dict.fromkeys(row["task"] for row in rows)]
    return "\n".join([*lines, "", *filter(None, words)])


def _in_words(rows: Sequence[dict[str, Any]], task: str) -> str:
    """How many more agent steps the learned world allowed, where both ways were gone; else ""."""
    arms = {row["arm"]: row for row in rows if row["task"] == task and row["agent_steps"]}
    if "learned" not in arms or "true" not in arms:
        return ""
    learned, true = arms["learned"], arms["true"]
    seconds, others = (row["training_seconds"] + (row["recording_seconds"] or 0.0) for row in (learned, true))
    steps, had = learned["agent_steps"], _number(learned["true_steps"])
    each = f"{had} true steps each" if learned["true_steps"] == true["true_steps"] else (
        f"{had} true steps for {_number(true['true_steps'])}"
    )  # fmt: skip
    return (
        f"{task}: with {each}, the learned world allowed {steps / true['agent_steps']:.1f} times as many agent steps, "
        f"{_number(steps)} in {_number(seconds, ' s')} for {_number(true['agent_steps'])} in {_number(others, ' s')}, "
        "recording included."
    )


def _number(value: float | None, unit: str = "") -> str:
    return "–" if value is None else f"{value:,.0f}{unit}"


def _return_of(trials: Sequence[dict[str, Any]]) -> list[float]:
    """[mean, low, high] of the returns of all episodes, by training seed."""
    returns = [value for trial in trials for value in trial["returns"]]
    return interval(returns, np.repeat([trial["seed"] for trial in trials], [len(t["returns"]) for t in trials]))


def figure(trials: Sequence[dict[str, Any]], path: Path) -> Path:
    """Draw mean returns with intervals, a panel for each task; returns the path."""
    from matplotlib.figure import Figure

    tasks = list(dict.fromkeys(trial["task"] for trial in trials))
    drawing = Figure(figsize=(2.6 * len(tasks) + 0.6, 2.8), layout="constrained")
    panels = drawing.subplots(1, len(tasks), squeeze=False)[0]
    for panel, task in zip(panels, tasks, strict=True):
        for place, arm in enumerate(ARMS):
            rows = [trial for trial in trials if trial["task"] == task and trial["arm"] == arm]
            if rows:
                mean, low, high = _return_of(rows)
                panel.bar(place, mean, 0.7, color=f"C{place}")
                panel.errorbar(place, mean, [[mean - low], [high - mean]], color="black", capsize=3)
        panel.set_title(task, fontsize=9)
        panel.set_xticks(range(len(ARMS)), list(ARMS), fontsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("return in the true world", fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing.savefig(path, dpi=120)
    return path
