"""More compute, better worlds: three sizes of the dynamics network at three points of processor time each.

python benchmarks/scaling.py --data DATASET … [--widths 32 64 128 --depths 3 4 6] [--minutes 1 2 4] [--out FOLDER]

All networks start from scratch with one seed, meet the same batches and are measured on the same held-out windows with
the same noise; the points of a size lie on one run, at constant rates. Points that are done are kept, and a run that
was stopped goes on: the same command again. OUT/table.md holds the table, OUT/scaling.png the curves and the strips.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from short_runs import (
    LEVELS,
    Common,
    Ground,
    Run,
    curve,
    interval,
    keep_options,
    mean_loss,
    measure,
    point_of,
    train_to,
)

from worldsim.fidelity.pictures import stack
from worldsim.fidelity.statistics import mean
from worldsim.files import write_json
from worldsim.model.dynamics import DynamicsConfig
from worldsim.training.loop import TrainingError
from worldsim.video import contact_sheet, read_png, write_png


@dataclass(frozen=True)
class Options(Common):
    """Train networks of several sizes and measure each at several points of processor time."""

    widths: tuple[int, ...] = (32, 64, 128)
    """Channels of a token, of each size."""
    depths: tuple[int, ...] = (3, 4, 6)
    """Blocks, of each size."""
    minutes: tuple[float, ...] = (1.0, 2.0, 4.0)
    """Minutes of processor time at which a run is measured."""
    shown: int = 0
    """Which window the strips show."""
    out: Path = Path("out/scaling")
    """Where rows, the table and the figure go."""


def main(options: Options) -> None:
    """Train what is missing, measure, and write the table and the figure."""
    if len(options.widths) != len(options.depths):
        raise TrainingError(f"--widths and --depths must be as many, got {options.widths} and {options.depths}")
    keep_options(options.out, options)
    report: dict[str, Any] = {}
    with Ground(options) as ground:
        rows = []
        for minutes in sorted(options.minutes):
            for width, depth in zip(options.widths, options.depths, strict=True):
                run = Run(DynamicsConfig(width=width, depth=depth, head_width=options.head_width, time_groups=1))
                folder = options.out / f"{width}x{depth}"
                if not train_to(ground, run, folder, minutes, options.seed):
                    return
                place = point_of(folder, minutes)
                row = measure(ground, run, place, f"{width}x{depth}") | {"minutes": minutes, "place": str(place)}
                loss = mean_loss(place, f"{options.length} frames")
                rows.append(row | {"loss": asdict(mean(loss, ground.windows.worlds))})
            report = _written(ground, sorted(rows, key=lambda row: row["parameters"]), options)
    print(json.dumps(report, indent=1) if options.json else _table(report))


def _written(ground: Ground, rows: list[dict[str, Any]], options: Options) -> dict[str, Any]:
    """Write what was measured so far, in tables and a figure."""
    worlds = ground.windows.worlds
    report = {"windows": len(worlds), "worlds": len(set(worlds)), "length": options.length, "rows": rows}
    write_json(options.out / "table.json", report)
    (options.out / "table.md").write_text(_table(report) + "\n")
    write_png(options.out / "scaling.png", stack(_curves(rows), _strips(ground, rows, options)))
    return report


def _free(row: dict[str, Any]) -> dict[str, float]:
    """Decibels above copying over all free-running steps."""
    averages = row["figures"]["free_running"]["psnr_average"]
    return list(averages.values())[-1]["model_minus_copy"]


def _next(row: dict[str, Any]) -> dict[str, float]:
    """Error of the next frame over that of copying."""
    return row["figures"]["next_frame"]["ratio_to_copy"]["model"]


def _label(row: dict[str, Any]) -> str:
    return f"{row['name']}, {row['parameters'] / 1e6:.1f} M"


def _curves(rows: list[dict[str, Any]]) -> np.ndarray:
    """Loss, next frame and free running over processor time, u8 (420, 1250, 3)."""
    figure = Figure((12.5, 4.2), 100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    loss, after, free = figure.subplots(1, 3)
    points = sorted({row["minutes"] for row in rows})
    for label in dict.fromkeys(map(_label, rows)):
        part = [row for row in rows if _label(row) == label]
        minutes = [row["minutes"] for row in part]
        curve(loss, minutes, [row["loss"] for row in part], label)
        curve(after, minutes, [_next(row) for row in part], label)
        curve(free, minutes, [_free(row) for row in part], label)
    loss.set(title="squared error, mean over levels", yscale="log")
    after.set(title="next frame, error / copy's")
    free.set(title="free running, above copy, dB")
    for axes in (loss, after, free):
        axes.set_xscale("log", base=2)
        axes.set_xlabel("processor minutes")
        axes.set_xticks(points, [f"{minutes:g}" for minutes in points])
    loss.legend(frameon=False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _strips(ground: Ground, rows: list[dict[str, Any]], options: Options) -> np.ndarray:
    """One window under the same actions and noise: truth, then each size at each point."""
    truth = ground.windows.clip.frames[options.shown, options.length - 1 :]
    height = truth.shape[1]
    strips, labels = [truth], ["truth"]
    for row in rows:
        band = read_png(Path(row["place"]) / "rollouts.png")[options.shown * height : (options.shown + 1) * height]
        shown = band.reshape(height, options.length, -1, 3).swapaxes(0, 1)
        strips.append(np.concatenate([truth[:1], shown]))
        labels.append(f"{row['name']}, {row['minutes']:g} min")
    columns = ["given", *(f"+{step + 1}" for step in range(options.length))]
    return contact_sheet(strips, labels, columns)


def _table(report: dict[str, Any]) -> str:
    """Rows as Markdown, and the error at each level below them."""
    lines = [
        f"{report['windows']} windows of {report['worlds']} held-out worlds; 95 % intervals over worlds.", "",
        f"| size | parameters | processor time | steps | error, {report['length']} frames | next frame / copy "
        f"| {report['length']} steps above copying |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in report["rows"]:
        lines.append(
            f"| {row['name']} | {row['parameters'] / 1e6:.1f} M | {row['minutes']:g} min | {row['steps']:,} "
            f"| {interval(row['loss'], 3)} | {interval(_next(row), 3)} | {interval(_free(row))} dB |"
        )
    kinds = report["rows"][0]["losses"]
    lines += ["", "| error by level | | " + " | ".join(f"{level:g}" for level in LEVELS) + " |"]
    lines += ["|---|---|" + "---|" * len(LEVELS)]
    for row in report["rows"]:
        for kind in kinds:
            values = " | ".join(f"{estimate['value']:.3f}" for estimate in row["losses"][kind])
            lines.append(f"| {row['name']}, {row['minutes']:g} min | {kind} | {values} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main(tyro.cli(Options))
