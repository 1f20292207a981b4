"""`worldsim fidelity run`, `report` and `compare`: the study at the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill, indent
from typing import Any, Literal

from tyro.conf import Positional

from worldsim.fidelity.harness.compare import compare
from worldsim.fidelity.harness.conduct import report, study
from worldsim.fidelity.harness.page import second_told, shown
from worldsim.fidelity.heldout import FidelityError

__all__ = ["Compare", "Report", "Run", "compare_runs", "report_run", "run_study"]


@dataclass(frozen=True)
class Run:
    """Study where a simulator departs from a true one; a run that was killed goes on at its next trial."""

    candidate: str
    """Gymnasium id of who is studied, or "module:id" for a module that registers it."""
    out: Path
    """Folder of the trials and the report."""
    reference: str = ""
    """Gymnasium id of the true world; without one only level A is asked."""
    tier: Literal["quick", "full"] = "quick"
    """How many trials."""
    probes: tuple[str, ...] = ()
    """Which probes; all that the candidate's level allows by default."""
    seed: int = 0
    """Decides every trial."""
    trials: int = 0
    """At most so many trials of each probe; 0 for the tier's own number."""
    candidate_kwargs: str = "{}"
    """Keyword arguments of the candidate, as JSON: '{"checkpoint": "runs/mine"}'."""
    reference_kwargs: str = "{}"
    """Keyword arguments of the reference, as JSON."""
    readers: Path = Path("out/readers")
    """Folder of the learned readers; those that are not there yet are trained and put there."""
    decode: bool = True
    """Whether a state decoder reads beside the renderer; it is trained once for each compression, in minutes."""


@dataclass(frozen=True)
class Report:
    """Compute a run's figures again from its trials, without a model."""

    folder: Positional[Path]
    """Folder of the run."""


@dataclass(frozen=True)
class Compare:
    """Several runs on one page, with paired differences from the first."""

    folders: Positional[tuple[Path, ...]]
    """Folders of the runs."""
    out: Path
    """Where the page goes."""


def run_study(options: Run) -> dict[str, Any]:
    """Run the study as the options say, print the table, and return the report."""
    found = study(
        options.candidate, options.reference or None, tier=options.tier, out=options.out, probes=options.probes,
        seed=options.seed, trials=options.trials, candidate_kwargs=_object("candidate", options.candidate_kwargs),
        reference_kwargs=_object("reference", options.reference_kwargs), readers=options.readers,
        decode=options.decode,
    )  # fmt: skip
    return _told(found, options.out)


def report_run(options: Report) -> dict[str, Any]:
    """Write the report of a run again, and print its table."""
    return _told(report(options.folder), options.folder)


def compare_runs(options: Compare) -> dict[str, Any]:
    """Write the page of several runs, and print the differences."""
    found = compare(options.folders, options.out)
    for row in found["differences"]:
        print(f"{row['probe']:<24}{shown(row['S, first - other']):>24}  p {row['p, Holm']:.3f}  against {row['other']}")
    print(f"written: {options.out / 'compare.html'}")
    return found


def _object(name: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise FidelityError(f"--{name}-kwargs must be JSON, got {text!r}: {error}") from error
    if not isinstance(found, dict):
        raise FidelityError(f"--{name}-kwargs must be a JSON object, got {text!r}")
    return found


def _told(found: dict[str, Any], folder: Path) -> dict[str, Any]:
    print(f"{'probe':<24}{'trials':>7}  {'N':<20}{'S':<20}{'c':<6}{'K':<20}")
    for name, part in found["probes"].items():
        failed = not part.get("reader", {"sound": True})["sound"]
        told = [part.get("N"), part.get("S"), part.get("c"), part.get("K")]
        cells = "not scored: its reader failed" if failed else "".join(
            f"{shown(one):<{6 if number == 2 else 20}}" for number, one in enumerate(told))  # fmt: skip
        print(f"{name:<24}{part['trials']:>7}  {cells}")
        if "second" in part:
            print(f"{'':<24}{'':>7}  decoder: {second_told(part['second'])}")
    for reason in dict.fromkeys(found["refused"].values()):
        names = [name for name, other in found["refused"].items() if other == reason]
        print(f"refused, {reason}:")
        print(indent(fill(", ".join(names), 100), "    "))
    for name, part in found["failed"].items():
        print(f"{name:<24}{part['trials']} trials failed: {part['first']}")
    print(f"written: {folder / 'report.html'}, {folder / 'report.json'}")
    return found
