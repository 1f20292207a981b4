"""From raw trials to figures: a nested dict for JSON, the bars they are held against, and a table for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from worldsim.fidelity.bars import bar, shown
from worldsim.fidelity.heldout import FidelityError
from worldsim.fidelity.probes.next_frame import NextFrame
from worldsim.fidelity.probes.pixels import psnr
from worldsim.fidelity.probes.rollout import Rollout
from worldsim.fidelity.probes.stamina import LAST, STATISTICS, Stretch
from worldsim.fidelity.readback.figures import readback_bars, readback_figures
from worldsim.fidelity.readback.table import readback_lines
from worldsim.fidelity.statistics import Estimate, mean, ratio, wilson
from worldsim.fidelity.trials import Trial

__all__ = ["summarise", "table"]

Figures = dict[str, Any]

RANGE = (1, 99)  # percentiles of what truth shows
FIVE, END = 50, 600  # five seconds, and a minute, at 10 frames/s
HEADLINE = 16  # steps that free running is averaged over
BARS = {"next frame": 0.5, "free running": 2.0}  # times copy's error, at most; decibels above copy, at least


def summarise(trials: Sequence[Trial], resamples: int = 10_000, seed: int = 0) -> Figures:
    """Figures of all probes that the trials come from, each estimate as {value, low, high}: 95 %, over worlds.

    Raises:
        StatisticsError: trials of fewer than two worlds.
        FidelityError: a long rollout without truth to compare it with, or either shorter than `LAST` frames.
    """
    options = {"resamples": resamples, "seed": seed}
    figures: Figures = {}
    if next_frames := [trial for trial in trials if isinstance(trial, NextFrame)]:
        figures["next_frame"] = _next_frame(next_frames, options)
    if rollouts := [trial for trial in trials if isinstance(trial, Rollout)]:
        figures["free_running"] = _free_running(rollouts, options)
    if stretches := [trial for trial in trials if isinstance(trial, Stretch)]:
        figures["stamina"] = _stamina(stretches, options)
    figures |= readback_figures(trials, options)
    figures["bars"] = _bars(figures) + readback_bars(figures)
    return figures


def _next_frame(trials: Sequence[NextFrame], options: dict[str, int]) -> Figures:
    """Sums of squared latent errors over sums of copy's, and decibels in pixels."""
    worlds, column = _columns(trials)
    against_copy: Callable[..., Estimate] = partial(ratio, denominator=column("copy"), clusters=worlds, **options)
    return {
        "windows": len(trials),
        "worlds": len(set(worlds)),
        "latent_error": {name: float(column(name).mean()) for name in ("model", "copy", "shuffled")},
        "ratio_to_copy": {
            "model": asdict(against_copy(column("model"))),
            "shuffled": asdict(against_copy(column("shuffled"))),
            "shuffled_minus_model": asdict(against_copy(column("shuffled") - column("model"))),
        },
        "psnr": {
            name: asdict(mean(psnr(column(f"{name}_pixels")), worlds, **options))
            for name in ("model", "copy", "ceiling")
        },
    }


def _free_running(trials: Sequence[Rollout], options: dict[str, int]) -> Figures:
    """Decibels at each step, and averaged over the first 16 and over all steps."""
    worlds, column = _columns(trials)
    decibels = {name: psnr(column(name)) for name in ("model", "copy", "shuffled", "ceiling")}  # (N, K) each
    decibels["model_minus_copy"] = decibels["model"] - decibels["copy"]
    decibels["model_minus_shuffled"] = decibels["model"] - decibels["shuffled"]
    steps = decibels["model"].shape[1]

    def averages(count: int) -> Figures:
        return {name: asdict(mean(each[:, :count].mean(1), worlds, **options)) for name, each in decibels.items()}

    return {
        "windows": len(trials),
        "worlds": len(set(worlds)),
        "steps": steps,
        "psnr_per_step": {
            name: [asdict(mean(each[:, step], worlds, **options)) for step in range(steps)]
            for name, each in decibels.items()
        },
        "psnr_average": {f"1-{count}": averages(count) for count in sorted({min(HEADLINE, steps), steps})},
        "psnr_of_pooled_error": _pooled(worlds, column, options),
    }


def _pooled(worlds: Sequence[int], column: Callable[[str], np.ndarray], options: dict[str, int]) -> Figures:
    """Decibels of the squared error summed over all windows and the first 16 steps.

    A window in which nothing moves, where copying is perfect, weighs little here and much in the mean of decibels.
    """
    sums = {name: column(name)[:, :HEADLINE].sum(1) for name in ("model", "copy", "shuffled", "ceiling")}  # (N,) each
    steps = min(HEADLINE, column("model").shape[1])
    share = ratio(sums["model"], sums["copy"], worlds, **options)  # of copy's error
    above = Estimate(*(float(-10 * np.log10(max(part, 1e-9))) for part in (share.value, share.high, share.low)))
    return {name: float(psnr(total.mean() / steps)) for name, total in sums.items()} | {
        "model_minus_copy": asdict(above)
    }


def _stamina(stretches: Sequence[Stretch], options: dict[str, int]) -> Figures:
    """For each statistic: the range of truth over frames and over means of 100, and where long rollouts end."""
    true = [stretch for stretch in stretches if stretch.kind == "true" and len(stretch.mean) >= LAST]
    learned = [stretch for stretch in stretches if stretch.kind == "learned"]
    if not true or not learned or len(learned[0].mean) < LAST:
        raise FidelityError(
            f"stamina compares the last {LAST} frames of long rollouts with episodes of at least {LAST + 1} frames; "
            f"got {len(true)} such episodes and {len(learned)} rollouts; give --long more steps, or other --data"
        )
    figures: Figures = {"rollouts": len(learned), "steps": len(learned[0].mean) + 1, "true_episodes": len(true)}
    for name in STATISTICS:
        truth = [np.asarray(getattr(stretch, name)) for stretch in true]
        windows = np.concatenate([np.convolve(one, np.full(LAST, 1 / LAST), "valid") for one in truth])
        frames = np.concatenate(truth)
        last = np.array([getattr(stretch, name)[-LAST:] for stretch in learned])  # (N, LAST)
        low, high = np.percentile(frames, RANGE).tolist()
        lower, upper = np.percentile(windows, RANGE).tolist()
        ends = last.mean(1)  # (N,)
        in_frames = int(((ends >= low) & (ends <= high)).sum())
        in_windows = int(((ends >= lower) & (ends <= upper)).sum())
        figures[name] = {
            "truth_frames": {"median": float(np.median(frames)), "low": low, "high": high},
            "truth_windows": {"median": float(np.median(windows)), "low": lower, "high": upper},
            "last": {"mean": float(ends.mean()), "low": float(ends.min()), "high": float(ends.max())},
            "share_of_last_frames_inside": float(((last >= low) & (last <= high)).mean()),
            "rollouts_inside_frames": {"count": in_frames} | asdict(wilson(in_frames, len(learned))),
            "rollouts_inside_windows": {"count": in_windows} | asdict(wilson(in_windows, len(learned))),
        }
    if 1 < len(learned) < len(true):
        ends, truth = (np.array([stretch.place for stretch in group]) for group in (learned, true))
        figures["apart"] = _apart(ends, truth, **options)
    if len(learned[0].mean) >= END:
        figures["minute"] = {name: _minute(name, learned, true, options) for name in STATISTICS[1:]}
    return figures


def _minute(name: str, learned: Sequence[Stretch], true: Sequence[Stretch], options: dict[str, int]) -> Figures:
    """A statistic at the end of a minute over that at its beginning: of rollouts, and of true episodes as long."""
    found: Figures = {}
    for kind, group in (("learned", learned), ("true", true)):
        whole = [stretch for stretch in group if len(stretch.mean) >= END]
        values = np.array([getattr(stretch, name)[:END] for stretch in whole]).reshape(len(whole), END)
        begin, end = values[:, :FIVE].mean(1), values[:, -FIVE:].mean(1)
        worlds = [stretch.world for stretch in whole]
        told = len(set(worlds)) > 1 and begin.min() > 0
        found[kind] = asdict(ratio(end, begin, worlds, **options)) if told else None
    return found


def _apart(learned: np.ndarray, true: np.ndarray, resamples: int, seed: int) -> Figures:
    """How far apart rollouts end, and as many true episodes drawn again and again: RMS distance of places (N, D).

    Each frame of a rollout may look true while all rollouts end in one place; these distances tell.
    """
    rng, count = np.random.default_rng(seed), len(learned)
    groups = [_distance(true[rng.permutation(len(true))[:count]]) for _ in range(resamples)]
    low, high = np.percentile(groups, RANGE).tolist()
    return {"value": _distance(learned), "truth": {"median": float(np.median(groups)), "low": low, "high": high}}


def _distance(places: np.ndarray) -> float:
    """Root mean square distance of two of the places (N, D), of their mean number."""
    return float(np.sqrt(2 * places.var(0, ddof=1).mean()))


def _bars(figures: Figures) -> list[Figures]:
    """What was to be reached, and whether it was."""
    bars = []
    if "next_frame" in figures:
        ratios = figures["next_frame"]["ratio_to_copy"]
        model, shuffled = ratios["model"], ratios["shuffled"]
        limit = BARS["next frame"]
        bars.append(bar(f"next frame: latent error at most {limit} x copy", model, limit, -1))
        bars.append({
            "bar": "next frame: with shuffled actions worse, intervals apart", **shuffled,
            "met": bool(shuffled["low"] > model["high"]),
        })  # fmt: skip
    if "free_running" in figures:
        span, averages = next(iter(figures["free_running"]["psnr_average"].items()))
        limit = BARS["free running"]
        text = f"free running, steps {span}: at least {limit} dB above copy"
        bars.append(bar(text, averages["model_minus_copy"], limit, 1))
    for name in STATISTICS if "stamina" in figures else ():
        found = figures["stamina"][name]
        bars.append({
            "bar": f"{figures['stamina']['steps']} steps: {name} of the last {LAST} frames, in every rollout, "
            f"within truth's {found['truth_windows']['low']:.3f} … {found['truth_windows']['high']:.3f}",
            "value": found["last"]["mean"], "low": found["last"]["low"], "high": found["last"]["high"],
            "met": found["rollouts_inside_windows"]["count"] == figures["stamina"]["rollouts"],
        })  # fmt: skip
    if found := figures.get("stamina", {}).get("apart"):
        low = found["truth"]["low"]
        bars.append({
            "bar": f"{figures['stamina']['steps']} steps: ends of rollouts as far apart as true ones, {low:.3f}",
            "value": found["value"], "low": found["value"], "high": found["value"], "met": found["value"] >= low,
        })  # fmt: skip
    return bars


def _columns(trials: Sequence[NextFrame] | Sequence[Rollout]) -> tuple[list[int], Callable[[str], np.ndarray]]:
    """The world of each trial, and a function that gives one field of all of them as f64 (N, …)."""
    return [trial.world for trial in trials], lambda name: np.array([getattr(trial, name) for trial in trials])


# -- for people ------------------------------------------------------------------------------------------------------


def table(figures: Figures) -> str:
    """The figures as text, estimates with their 95 % intervals over worlds."""
    lines = []
    if found := figures.get("next_frame"):
        lines += [f"next frame, teacher-forced, one pass ({found['windows']} windows of {found['worlds']} worlds)"]
        ratios, errors, pixels = found["ratio_to_copy"], found["latent_error"], found["psnr"]
        for name in ("model", "shuffled"):
            lines.append(f"  {name:<22}{errors[name]:8.4f}  {shown(ratios[name])} x copy")
        lines.append(f"  {'copy last frame':<22}{errors['copy']:8.4f}  latent error")
        for name in ("model", "copy", "ceiling"):
            lines.append(f"  {'PSNR ' + name:<32}{shown(pixels[name], 2)} dB")
    if found := figures.get("free_running"):
        lines += [f"free running, PSNR in dB ({found['windows']} windows of {found['worlds']} worlds)"]
        for span, averages in found["psnr_average"].items():
            for name, estimate in averages.items():
                lines.append(f"  {span + '  ' + name.replace('_', ' '):<32}{shown(estimate, 2)}")
        pooled = found["psnr_of_pooled_error"]
        told = ", ".join(f"{name} {pooled[name]:.2f}" for name in ("model", "copy", "shuffled", "ceiling"))
        lines.append(f"  of the pooled error: {told}; model minus copy {shown(pooled['model_minus_copy'], 2)}")
        each = found["psnr_per_step"]
        chosen = [step for step in (1, 2, 4, 8, 16, 32, 64) if step <= found["steps"]]
        lines.append("  at step                 " + "".join(f"{step:>8}" for step in chosen))
        for name in ("model", "copy", "shuffled", "ceiling"):
            lines.append(f"  {name:<24}" + "".join(f"{each[name][step - 1]['value']:8.2f}" for step in chosen))
    if found := figures.get("stamina"):
        lines += [f"{found['steps']} free-running steps, last {LAST} frames of {found['rollouts']} rollouts"]
        for name in STATISTICS:
            one = found[name]
            last, truth, windows = one["last"], one["truth_frames"], one["rollouts_inside_windows"]["count"]
            lines.append(
                f"  {name:<10} {last['mean']:.4f} ({last['low']:.4f} … {last['high']:.4f}); "
                f"truth's frames {truth['low']:.4f} … {truth['high']:.4f}; "
                f"{one['share_of_last_frames_inside']:.0%} of frames inside; "
                f"{windows} of {found['rollouts']} rollouts within truth's {LAST}-frame means"
            )
        if apart := found.get("apart"):
            truth = apart["truth"]
            lines.append(
                f"  {'apart':<10} {apart['value']:.4f}; as many true episodes {truth['low']:.4f} … {truth['high']:.4f}"
            )
        for name, one in found.get("minute", {}).items():
            told = [f"{kind} {shown(part, 2)}" for kind, part in one.items() if part is not None]
            which = f"{name} of frames {END - FIVE + 1} … {END} over that of the first {FIVE}"
            lines.append(f"  {which}: {'; '.join(told) or 'not told'}")
    lines += readback_lines(figures)
    lines.append("bars")
    for one in figures["bars"]:
        verdict = "NOT MET" if not one["met"] else "met" if one.get("sure", True) else "met?"  # ? not by its interval
        lines.append(f"  {verdict:<7}  {one['bar']}: {shown(one)}")
    return "\n".join(lines)
