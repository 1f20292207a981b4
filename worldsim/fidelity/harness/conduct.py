"""`study`: all probes that the candidate's levels allow, trial by trial, and the report; and the report alone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tqdm import tqdm

from worldsim.fidelity.harness.bench import Bench
from worldsim.fidelity.harness.decoding import VALIDATION, decoder_of, validation_trial
from worldsim.fidelity.harness.figures import staged_figures
from worldsim.fidelity.harness.levels import LEVELS, find_levels
from worldsim.fidelity.harness.lines import RUN, Lines, read_lines
from worldsim.fidelity.harness.page import write_page
from worldsim.fidelity.harness.probes import PROBES, TIERS, figures_of
from worldsim.fidelity.harness.second import validation_figures
from worldsim.fidelity.harness.simulator import ActionMap, FrameMap, Make, open_simulator
from worldsim.fidelity.harness.strips import write_strips
from worldsim.fidelity.heldout import FidelityError
from worldsim.fidelity.statistics import StatisticsError
from worldsim.files import write_json

__all__ = ["report", "study"]

Report = dict[str, Any]
VALIDATED = (12, 48)  # worlds in which the state decoder is validated, in the quick and in the full tier
SHOWN = 3  # trials of a probe whose film strips are kept
SEED = {"resamples": 10_000, "seed": 0}


def study(
    candidate: Make, reference: Make | None = None, actions: ActionMap | None = None, frames: FrameMap | None = None,
    tier: str = "quick", *, out: Path | str | None = None, probes: Sequence[str] = (), seed: int = 0,
    candidate_kwargs: dict[str, Any] | None = None, reference_kwargs: dict[str, Any] | None = None, trials: int = 0,
    readers: Path | str = Path("out/readers"), decode: bool = True,
) -> Report:  # fmt: skip
    """Study where a simulator departs from a true one.

    Args:
        candidate: who is studied: a Gymnasium id, or a function that makes an env with pictures.
        reference: the true world in the same form; without one, only level A is asked.
        actions: the candidate's action for each of the reference's, as a map or a function, where spaces differ.
        frames: from the candidate's frames u8 (H, W, 3) to the reference's, where they differ by more than size.
        tier: "quick" or "full".
        out: where trials, strips and the report go, and where a killed run goes on; a temporary folder by default.
        probes: names of `PROBES`; all by default.
        seed: decides every trial. The same seed gives the same report.
        candidate_kwargs, reference_kwargs: for `gym.make`.
        trials: at most so many of each probe; 0 for the tier's own number.
        readers: folder of the learned readers, where those that are not there yet are put.
        decode: whether a state decoder reads staged probes beside the renderer, where the reference gives lessons.

    Returns:
        What `report.json` holds.

    Raises:
        FidelityError: unknown names, a folder that holds another run, or a scene that no world allows.
        RecordError: an env that cannot be made, or shows no pictures.
    """
    if tier not in TIERS:
        raise FidelityError(f"tier must be one of {', '.join(TIERS)}, got {tier!r}")
    if isinstance(probes, str):
        raise FidelityError(f"probes must be a list of names, got {probes!r}; write [{probes!r}]")
    for name, maker in (("candidate", candidate), ("reference", reference)):
        if not (isinstance(maker, str) or callable(maker) or (maker is None and name == "reference")):
            raise FidelityError(f"{name} must be an id or a function that makes an env, got {maker!r}")
    if unknown := set(probes) - set(PROBES):
        raise FidelityError(f"probes are {', '.join(PROBES)}; got {', '.join(sorted(unknown))}")
    true = None if reference is None else open_simulator(reference, reference_kwargs)
    mine = open_simulator(candidate, candidate_kwargs, actions, frames)
    try:
        if out is None:
            with TemporaryDirectory() as folder:
                return _conduct(Bench(mine, true, seed, Path(readers), decode), Path(folder), tier, probes, trials)
        return _conduct(Bench(mine, true, seed, Path(readers), decode), Path(out), tier, probes, trials)
    finally:
        for simulator in (mine, true):
            if simulator is not None:
                simulator.close()


def _conduct(bench: Bench, out: Path, tier: str, probes: Sequence[str], trials: int) -> Report:
    mine, true, seed, probes = bench.candidate, bench.reference, bench.seed, probes or tuple(PROBES)
    if true is not None:
        true.starts = "state"
    levels = find_levels(mine, true)
    refused = {name: f"level {PROBES[name].level} ({LEVELS[PROBES[name].level]}): {levels[PROBES[name].level]}"
               for name in probes if levels[PROBES[name].level]}  # fmt: skip
    asked = {"candidate": mine.name, "candidate_kwargs": mine.kwargs, "fingerprint": mine.fingerprint,
             "reference": None if true is None else true.name, "reference_kwargs": {} if true is None else true.kwargs,
             "tier": tier, "seed": seed, "probes": list(probes), "trials": trials, "levels": levels,
             "decode": bench.decodes, "refused": refused}  # fmt: skip
    lines = Lines(out, asked)
    if any(PROBES[name].score is staged_figures for name in probes if name not in refused):
        _validate(bench, lines, tier)
    for name in probes:
        if name not in refused:
            _probe(bench, lines, out, name, tier, trials)
    return report(out)


def _probe(bench: Bench, lines: Lines, out: Path, name: str, tier: str, trials: int) -> None:
    """Run the trials of a probe that are not there yet."""
    probe = PROBES[name]
    count = probe.trials[TIERS.index(tier)]
    numbers = range(min(count, trials) if trials else count)
    left = [number for number in numbers if (name, number) not in lines.done]
    for index in tqdm(left, desc=name, unit="trial", dynamic_ncols=True, mininterval=0.5, disable=not left):
        try:
            trial = probe.run(bench, name, index, probe.told(tier))
        except FidelityError as error:
            lines.add({"probe": name, "index": index, "failed": str(error)})
            continue
        if index < SHOWN:
            write_strips(out, name, index, trial.strips)
        lines.add({"probe": name, "index": index, "seed": trial.seed, **trial.payload})


def _validate(bench: Bench, lines: Lines, tier: str) -> None:
    """Validate the second reader, if there is one, on worlds that are not there yet."""
    decoder = decoder_of(bench)
    if decoder is None:
        return
    left = [number for number in range(VALIDATED[TIERS.index(tier)]) if (VALIDATION, number) not in lines.done]
    for index in left:
        lines.add({"probe": VALIDATION, "index": index, **validation_trial(bench, decoder, index)})


def report(folder: Path | str, options: dict[str, int] = SEED) -> Report:
    """Compute all figures again from a run's lines, without a model, and write `report.json` and `report.html`.

    Raises:
        FidelityError: no run there, or lines that are no trials.
    """
    folder = Path(folder)
    lines = read_lines(folder)
    asked = json.loads((folder / RUN).read_text())["asked"]
    found: Report = {**asked, "probes": {}, "failed": {}}
    for name in PROBES:
        mine = [line for line in lines if line["probe"] == name]
        good = [line for line in mine if "failed" not in line]
        if bad := [line["failed"] for line in mine if "failed" in line]:
            found["failed"][name] = {"trials": len(bad), "first": bad[0]}
        if good:
            try:
                found["probes"][name] = figures_of(name, good, options)
            except StatisticsError as error:
                found["refused"] = {**found["refused"], name: f"too few trials: {error}"}
            except (KeyError, IndexError, TypeError) as error:
                raise FidelityError(
                    f"{folder}: trials of {name!r} are not as this version writes them ({error!r}); remove their lines "
                    "from trials.jsonl, and worldsim fidelity run makes them again"
                ) from error
    if validated := [line for line in lines if line["probe"] == VALIDATION]:
        found["decoder"] = validation_figures(validated, options)
    found["command"] = _command(asked)
    write_json(folder / "report.json", found)
    write_page(folder, found)
    return found


def _command(asked: dict[str, Any]) -> str:
    """The command line of a run."""
    words = ["worldsim", "fidelity", "run", "--candidate", asked["candidate"]]
    if asked["reference"]:
        words += ["--reference", asked["reference"]]
    words += ["--tier", asked["tier"], "--seed", str(asked["seed"])]
    if asked["trials"]:
        words += ["--trials", str(asked["trials"])]
    if not asked.get("decode", True):
        words += ["--no-decode"]
    for who in ("candidate", "reference"):
        if asked[f"{who}_kwargs"]:
            words += [f"--{who}-kwargs", json.dumps(asked[f"{who}_kwargs"])]
    return shlex.join([*words, "--out", "DIR"])
