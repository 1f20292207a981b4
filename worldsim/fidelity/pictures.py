"""The report's pictures: curves with intervals above film strips, truth over model; and strips of long rollouts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from worldsim.video import contact_sheet

__all__ = ["long_strips", "picture", "stack"]

DPI = 100
COLOURS = {"model": "tab:blue", "copy": "tab:gray", "shuffled": "tab:orange", "ceiling": "tab:green"}
LABELS = {
    "model": "learned world", "copy": "copy last frame", "shuffled": "shuffled actions", "ceiling": "tokenizer ceiling",
}  # fmt: skip


def picture(
    figures: dict[str, Any], truth: np.ndarray, shown: np.ndarray, worlds: tuple[int, ...], name: str
) -> np.ndarray:
    """Curves of a report with both probes of frames, and strips of the first frames of a few windows.

    Args:
        figures: from `summarise`.
        truth, shown: u8 (N, 1 + K, H, W, 3), the last given frame, then true and learned ones under the same actions.
        worlds: N seeds, for the labels.
        name: of the checkpoint.

    Returns:
        u8 (H', W', 3).
    """
    columns = _spread(truth.shape[1], 17)
    strips = [strip[columns] for pair in zip(truth, shown, strict=True) for strip in pair]
    labels = [label for world in worlds for label in (f"world {world}, true", "learned")]
    sheet = contact_sheet(strips, labels, [f"+{step}" if step else "given" for step in columns], scale=_scale(truth))
    if not {"next_frame", "free_running"} <= figures.keys():
        return sheet
    curves = _curves(figures, name, max(sheet.shape[1], 1200))
    return stack(curves, sheet)


def long_strips(
    shown: np.ndarray, worlds: Sequence[int], truth: np.ndarray, true_worlds: Sequence[int], every: int = 50
) -> np.ndarray:
    """Every `every`-th frame of rollouts u8 (N, K, H, W, 3), the first included, as one image u8 (H', W', 3).

    Below them come true episodes (M, K, H, W, 3) of other worlds, under random actions of the same kind.
    """
    columns = [0, *range(every - 1, shown.shape[1], every)]
    title = f"free running under random actions, every {every}th step; below, the true world under such actions"
    labels = [*(f"from world {world}" for world in worlds), *(f"true world {world}" for world in true_worlds)]
    steps = [str(step + 1) for step in columns]
    strips = [*shown[:, columns], *truth[:, columns]]
    return contact_sheet(strips, labels, steps, title, scale=_scale(shown))


def _curves(figures: dict[str, Any], name: str, width: int) -> np.ndarray:
    """Next-frame ratios, decibels per step, and decibels above copy, u8 (420, width, 3)."""
    figure = Figure((width / DPI, 4.2), DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    bars, curves, above = figure.subplots(1, 3, width_ratios=(2, 4, 4))
    _ratios(bars, figures["next_frame"]["ratio_to_copy"])
    steps = figures["free_running"]["psnr_per_step"]
    for kind, label in LABELS.items():
        _band(curves, steps[kind], COLOURS[kind], label)
    curves.set(title="free running under the true actions", xlabel="step", ylabel="PSNR, dB")
    curves.legend(frameon=False, fontsize=8, loc="lower left")
    _band(above, steps["model_minus_copy"], "tab:blue", "learned world − copy")
    _band(above, steps["model_minus_shuffled"], "tab:orange", "true − shuffled actions")
    above.axhline(0, color="black", linewidth=0.8)
    above.set(title="differences, 95 % over worlds", xlabel="step", ylabel="dB")
    above.legend(frameon=False)
    found = figures["free_running"]
    figure.suptitle(f"{name}: {found['windows']} windows of {found['worlds']} held-out worlds")
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _ratios(axes: Axes, ratios: dict[str, Any]) -> None:
    names = ("model", "shuffled")
    value, low, high = (np.array([ratios[kind][key] for kind in names]) for key in ("value", "low", "high"))
    axes.bar(range(2), value, yerr=[value - low, high - value], capsize=6, color=[COLOURS[kind] for kind in names])
    axes.axhline(1, color="tab:gray", linestyle="--", linewidth=1)
    axes.set_xticks(range(2), ["true\naction", "shuffled\naction"])
    axes.set(title="next frame", ylabel="latent error / copy's")


def _band(axes: Axes, estimates: list[dict[str, float]], colour: str, label: str) -> None:
    steps = np.arange(1, len(estimates) + 1)
    value, low, high = (np.array([estimate[key] for estimate in estimates]) for key in ("value", "low", "high"))
    axes.plot(steps, value, color=colour, label=label)
    axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)


def stack(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """One image u8 (H, W, 3) above the other, on white."""
    width = max(upper.shape[1], lower.shape[1])
    padded = [np.pad(one, ((0, 0), (0, width - one.shape[1]), (0, 0)), constant_values=250) for one in (upper, lower)]
    return np.concatenate(padded)


def _spread(count: int, most: int) -> list[int]:
    """At most `most` numbers, evenly from 0 to count - 1."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)).tolist()


def _scale(frames: np.ndarray) -> int:
    return max(1, 96 // frames.shape[-3])
