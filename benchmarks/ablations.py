"""What decides how well a small dynamics network learns: each row changes one thing, at equal processor time.

python benchmarks/ablations.py --data DATASET … [--rows base base-again wide …] [--minutes 2] [--out FOLDER]

All networks start from scratch, meet the same batches (but where batches are what changes) and are measured on the same
held-out windows with the same noise, so that rows are compared with the base window by window. Rows that are done are
kept, and a row that was stopped goes on: the same command again. OUT/table.md holds the table, OUT/ablations.png the
figure. The second seed of the base tells how much of a difference is chance.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from full_attention import with_full_attention
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from short_runs import (
    FIT,
    Common,
    Ground,
    Run,
    decibels_above_copy,
    interval,
    keep_options,
    mean_loss,
    measure,
    point_of,
    train_to,
)

from worldsim.fidelity.probes.next_frame import NextFrame
from worldsim.fidelity.statistics import mean, ratio
from worldsim.fidelity.trials import read_trials
from worldsim.files import write_json
from worldsim.model.dynamics import DynamicsConfig
from worldsim.training.loop import TrainingError
from worldsim.training.losses import DynamicsLossConfig
from worldsim.video import write_png

BASE = "base"
UNEVEN = 1.05  # of steps that two bases make in the same time


@dataclass(frozen=True)
class Options(Common):
    """Train a network and its variants for equal processor time, and compare them."""

    width: int = 128
    """Channels of a token of the base."""
    depth: int = 6
    """Blocks of the base."""
    wide: tuple[int, int] = (192, 3)
    """Width and depth of the wide network."""
    deep: tuple[int, int] = (96, 10)
    """Width and depth of the deep network."""
    window: int = 8
    """Frames of the past that the row with a short window sees."""
    minutes: float = 2.0
    """Minutes of processor time of each row."""
    rows: tuple[str, ...] = ()
    """Rows to train and compare, the base first; all by default."""
    out: Path = Path("out/ablations")
    """Where rows, the table and the figure go."""


def variants(options: Options) -> dict[str, tuple[str, Run]]:
    """What each row changes in words, and its run."""
    model = DynamicsConfig(
        width=options.width, depth=options.depth, head_width=options.head_width, time_groups=1, time_every=2
    )
    base, loss = Run(model), DynamicsLossConfig()

    def sized(sizes: tuple[int, int]) -> Run:
        return Run(replace(model, width=sizes[0], depth=sizes[1]))

    def back(every: int) -> Run:
        return Run(replace(model, time_every=every))

    def adam(rate: float) -> Run:
        return Run(model, fit=replace(FIT, muon=False, adam_rate=rate))

    full = replace(back(1), change=with_full_attention)
    causal = tuple(bucket for bucket in options.buckets if bucket.attend == "past")
    rare = min(4, options.depth)
    return {
        BASE: (f"width {options.width}, depth {options.depth}, every second block looks back in time", base),
        "base-again": ("another seed", base),
        "full": ("full attention over space and time in every block", full),
        "adamw": ("AdamW for hidden matrices, all at a rate of 0.002", adam(2e-3)),
        "wide": (f"width {options.wide[0]}, depth {options.wide[1]}", sized(options.wide)),
        "deep": (f"width {options.deep[0]}, depth {options.deep[1]}", sized(options.deep)),
        "no-noise": ("given frames without noise, in play as well",
                     Run(model, replace(loss, context_noise=0.0), context_level=0.0)),
        "back-every-block": ("every block looks back in time", back(1)),
        f"back-every-{rare}": (f"one in {rare} blocks looks back in time", back(rare)),
        "no-all-seeing": ("no batches in which all frames see each other", Run(model, buckets=causal)),
        "short-window": (f"a frame sees {options.window} frames of the past, not {model.window}",
                         Run(replace(model, window=options.window))),
        "adamw-slower": ("the same at 0.0006", adam(6e-4)),
        "no-jumps": ("no rows learn to jump", Run(model, replace(loss, jumps=0.0))),
    }  # fmt: skip


def main(options: Options) -> None:
    """Train what is missing, measure, and write the table and the figure."""
    known = variants(options)
    names = options.rows or tuple(known)
    if names[0] != BASE or not set(names) <= set(known):
        raise TrainingError(f"--rows must begin with {BASE}, then any of {', '.join(known)}; got {' '.join(names)}")
    more = {name: getattr(options, name) for name in ("width", "depth", "wide", "deep", "window", "minutes")}
    keep_options(options.out, options, **more)
    report: dict[str, Any] = {}
    with Ground(options) as ground:
        rows = []
        for name in names:
            says, run = known[name]
            folder = options.out / name
            if not train_to(ground, run, folder, options.minutes, options.seed + (name == "base-again")):
                return
            place = point_of(folder, options.minutes)
            row = measure(ground, run, place, name)
            rows.append(row | {"says": says, "place": str(place), "against": _against(rows, place, ground, options)})
            worlds = ground.windows.worlds
            report = {"minutes": options.minutes, "windows": len(worlds), "worlds": len(set(worlds)), "rows": rows}
            write_json(options.out / "table.json", report)
            (options.out / "table.md").write_text(_table(report) + "\n")
            write_png(options.out / "ablations.png", _figure(rows))
    print(json.dumps(report, indent=1) if options.json else _table(report))


def _against(rows: list[dict[str, Any]], place: Path, ground: Ground, options: Options) -> dict[str, dict[str, float]]:
    """How far a point lies from the base, window by window; the base, which comes first, from itself."""
    base = Path(rows[0]["place"]) if rows else place
    kind, worlds = f"{options.length} frames", ground.windows.worlds
    loss, usual = mean_loss(place, kind), mean_loss(base, kind)
    mine, theirs = (
        [trial for trial in read_trials(point / "trials.jsonl") if isinstance(trial, NextFrame)]
        for point in (place, base)
    )
    copy = np.array([trial.copy for trial in theirs])
    error = np.array([trial.model for trial in mine]) - [trial.model for trial in theirs]
    above = decibels_above_copy(place)[0] - decibels_above_copy(base)[0]
    return {
        "loss": asdict(ratio(100 * (loss - usual), usual, worlds)),
        "next": asdict(ratio(error, copy, worlds)),
        "free": asdict(mean(above, worlds)),
    }


MEASURES = {
    "loss": ("squared error against the base, %", "lower is better"),
    "next": ("next frame / copy, minus the base's", "lower is better"),
    "free": ("free running, dB above the base", "higher is better"),
}


def _figure(rows: list[dict[str, Any]]) -> np.ndarray:
    """Each row's distance from the base by three measures, with intervals, u8 (H, 1250, 3)."""
    figure = Figure((12.5, 1.4 + 0.32 * len(rows)), 100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    for axes, (name, (title, better)) in zip(figure.subplots(1, 3, sharey=True), MEASURES.items(), strict=True):
        for place, row in enumerate(rows):
            found = row["against"][name]
            ends = [[found["value"] - found["low"]], [found["high"] - found["value"]]]
            colour = "tab:gray" if row["name"].startswith(BASE) else "tab:blue"
            axes.errorbar([found["value"]], [place], xerr=ends, fmt="o", capsize=3, color=colour)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set(title=title, xlabel=better)
        axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
        axes.invert_yaxis() if name == "loss" else None
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _table(report: dict[str, Any]) -> str:
    """Rows as Markdown."""
    told: Callable[[dict[str, Any]], str] = lambda row: (  # noqa: E731
        f"| {row['name']}: {row['says']} | {row['parameters'] / 1e6:.2f} M | {row['steps']:,} "
        f"| {interval(row['against']['loss'], 1)} % "
        f"| {row['figures']['next_frame']['ratio_to_copy']['model']['value']:.3f} "
        f"| {interval(row['against']['next'], 3)} "
        f"| {list(row['figures']['free_running']['psnr_average'].values())[-1]['model_minus_copy']['value']:+.2f} dB "
        f"| {interval(row['against']['free'])} dB |"
    )
    steps = {row["name"]: row["steps"] for row in report["rows"]}
    one, other = steps[BASE], steps.get("base-again", steps[BASE])
    uneven = "" if max(one, other) <= UNEVEN * min(one, other) else (
        f" The machine's speed changed meanwhile: in the same processor time the two bases made {one} and {other} "
        "steps, so that differences of some per cent are not the variants'; run it again where nothing else runs."
    )  # fmt: skip
    return "\n".join([
        f"{report['minutes']:g} processor minutes each; {report['windows']} windows of {report['worlds']} held-out "
        f"worlds; 95 % intervals over worlds.{uneven}", "",
        "| row | parameters | steps | error, against the base | next frame / copy | minus the base's "
        "| above copying | minus the base's |",
        "|---|---|---|---|---|---|---|---|",
        *map(told, report["rows"]),
    ])  # fmt: skip


if __name__ == "__main__":
    main(tyro.cli(Options))
