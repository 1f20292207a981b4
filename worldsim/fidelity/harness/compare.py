"""Several candidates on one page: N side by side, and paired differences, corrected over probes by Holm's method."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import bootstrap, permutation_test

from worldsim.fidelity.harness.charts import COLOURS, intervals
from worldsim.fidelity.harness.figures import units
from worldsim.fidelity.harness.lines import read_lines
from worldsim.fidelity.harness.page import STYLE, shown
from worldsim.fidelity.heldout import FidelityError
from worldsim.files import replacing_file, write_json

__all__ = ["compare", "holm", "scores"]

Report = dict[str, Any]
Line = dict[str, Any]
RESAMPLES = 10_000


def compare(folders: Sequence[Path], out: Path) -> Report:
    """Compare candidates that were asked the same, the first with each other one, on the worlds that both met.

    Args:
        folders: of runs.
        out: where `compare.json` and `compare.html` go.

    Raises:
        FidelityError: fewer than two runs, or runs of different seeds or tiers.
    """
    if len(folders) < 2:
        raise FidelityError(f"a comparison needs two runs at least, got {len(folders)}")
    for folder in folders:
        if not (folder / "report.json").is_file():
            raise FidelityError(f"{folder} holds no report; run worldsim fidelity run --out {folder} first")
    reports = [json.loads((folder / "report.json").read_text()) for folder in folders]
    for key in ("seed", "tier", "reference"):
        if len({report[key] for report in reports}) > 1:
            raise FidelityError(f"runs of one {key} can be compared, got {[report[key] for report in reports]}")
    names = [f"{report['candidate']} ({folder.name})" for report, folder in zip(reports, folders, strict=True)]
    hits = [_by_world(folder, report) for folder, report in zip(folders, reports, strict=True)]
    rows = []
    for number in range(1, len(folders)):
        mine = [_difference(probe, hits[0][probe], hits[number][probe])
                for probe in hits[0] if probe in hits[number]]  # fmt: skip
        found = [row for row in mine if row is not None]
        for row, p in zip(found, holm([row["p"] for row in found]), strict=True):
            rows.append({"first": names[0], "other": names[number], **row, "p, Holm": p})
    result = {"candidates": names, "differences": rows,
              "N": {probe: [report["probes"].get(probe, {}).get("N") for report in reports]
                    for probe in reports[0]["probes"]}}  # fmt: skip
    write_json(out / "compare.json", result)
    with replacing_file(out / "compare.html") as temporary:
        temporary.write_text(_page(result), encoding="utf-8")
    return result


def holm(p: Sequence[float]) -> list[float]:
    """p values corrected by Holm's step-down method (1979)."""
    order, found, worst = np.argsort(p, kind="stable"), np.zeros(len(p)), 0.0
    for rank, number in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - rank) * p[number]))
        found[number] = worst
    return found.tolist()


def _by_world(folder: Path, report: Report) -> dict[str, dict[int, float]]:
    """For each probe whose reader is sound, and that tells N and scores trials one by one, the mean of each world."""
    found: dict[str, dict[int, list[float]]] = {}
    for line in read_lines(folder):
        part = report["probes"].get(line["probe"], {})
        if part.get("N") and part.get("reader", {"sound": True})["sound"]:
            for score in scores(line, part):
                found.setdefault(line["probe"], {}).setdefault(line["seed"], []).append(score)
    return {probe: {world: float(np.mean(row)) for world, row in worlds.items()} for probe, worlds in found.items()}


def scores(line: Line, part: Report) -> list[float]:
    """What a trial says by itself, each number from 0 to 1 or as the probe tells it; nothing of a probe whose figure is
    one of all trials together.

    Args:
        line: of trials.jsonl.
        part: what the report says of its probe.
    """
    if "plays" in line:
        return [float(unit.hit) for unit in units([line], "candidate")]
    if line.get("candidate") is not None:  # level A
        return [float(line["candidate"])]
    passed = part.get("reader", {}).get("attributes", [])
    if "prompt" in line:
        asked, read = line["prompt"]["asked"], line["prompt"]["read"]
        return [float(asked[name] == read[name]) for name in passed]
    if "event" in line:
        event = line["event"]
        return [float(event["changed"][event["attribute"]] == event["value"])] if event["attribute"] in passed else []
    if "surprise" in line:
        return [float(altered > true) + 0.5 * float(altered == true) for altered, true in line["surprise"].values()]
    if "matched" in line:
        hits, happened, told = line["matched"]["candidate"]
        return [2.0 * hits / (happened + told)] if happened + told else []
    return []


def _difference(probe: str, one: dict[int, float], other: dict[int, float]) -> Report | None:
    """The mean paired difference over the worlds that both met, its bootstrap interval, and p of none.

    p is that of flipped signs (exact for up to 13 worlds): with few worlds the bootstrap's would be too small.
    """
    worlds = sorted(set(one) & set(other))
    if len(worlds) < 2:
        return None
    gaps = np.array([one[world] - other[world] for world in worlds])
    if not gaps.any():
        none = {"value": 0.0, "low": 0.0, "high": 0.0}
        return {"probe": probe, "worlds": len(worlds), "S, first - other": none, "p": 1.0}
    found = bootstrap((gaps,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=np.random.default_rng(0))
    flipped = permutation_test((gaps,), np.mean, permutation_type="samples", n_resamples=RESAMPLES,
                               rng=np.random.default_rng(0))  # fmt: skip
    low, high = found.confidence_interval
    return {"probe": probe, "worlds": len(worlds), "p": float(flipped.pvalue),
            "S, first - other": {"value": float(gaps.mean()), "low": float(low), "high": float(high)}}  # fmt: skip


def _page(result: Report) -> str:
    legend = " ".join(f'<span style="color:{COLOURS[i % len(COLOURS)]}">● {escape(name)}</span>'
                      for i, name in enumerate(result["candidates"]))  # fmt: skip
    rows = "".join(
        f"<tr><td>{escape(row['probe'])}<td>{escape(row['other'])}<td class=n>{shown(row['S, first - other'])}"
        f"<td class=n>{row['worlds']}<td class=n>{row['p, Holm']:.3f}</tr>" for row in result["differences"]
    )
    scored = {probe: row for probe, row in result["N"].items() if any(row)}
    return (f"<!doctype html><meta charset=utf-8><title>Fidelity compared</title><style>{STYLE}</style>"
            f"<h1>Fidelity compared</h1><p>N: 1 is truth, 0 is chance. {legend}</p>{intervals(scored)}"
            f"<h2>Paired differences of S from {escape(result['candidates'][0])}</h2><table><tr><th>probe<th>other"
            f"<th>first - other<th>worlds<th>p (Holm)</tr>{rows}</table>")  # fmt: skip
