"""`worldsim eval`: a checkpoint on held-out worlds → trials, figures with intervals, and a picture."""

from __future__ import annotations

import os
import platform
import shlex
import time
from contextlib import nullcontext
from dataclasses import asdict, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from worldsim import __version__
from worldsim.data.episodes import Dataset
from worldsim.data.rollout import default_policy
from worldsim.fidelity.heldout import open_heldout, record_heldout
from worldsim.fidelity.measure import measure
from worldsim.fidelity.options import EVENT_STEPS, Evaluate
from worldsim.fidelity.pictures import long_strips, picture
from worldsim.fidelity.readers.reader import Training
from worldsim.fidelity.report import summarise, table
from worldsim.fidelity.trials import write_trials
from worldsim.files import write_json
from worldsim.sampling.denoise import Guidance
from worldsim.sampling.sizes import at_size
from worldsim.sampling.world import World
from worldsim.video import write_png

__all__ = ["Evaluate", "evaluate"]


def evaluate(options: Evaluate, training: Training = Training()) -> dict[str, Any]:  # noqa: B008 (frozen)
    """Run the probes, write the files, print the figures, and return the report.

    Args:
        options: what to measure on what.
        training: how readers are made that are not there yet.

    Raises:
        CheckpointError, DatasetError, RecordError, FidelityError, WorldError.
    """
    begun = time.perf_counter()
    given = World.from_pretrained(
        options.checkpoint, steps=options.passes, device=options.device, temperature=options.temperature,
        guidance=Guidance(actions=options.action_guidance),
    )  # fmt: skip
    world = at_size(given, options.size)
    with TemporaryDirectory() if options.data is None else nullcontext(str(options.data)) as folder:
        dataset = _heldout(options, world, Path(folder))
        found = measure(options, world, dataset, training)
        report = _told(options, given, dataset, found.worlds)
    figures = summarise(found.trials, options.resamples, options.seed)
    report |= {"seconds": round(time.perf_counter() - begun, 1), "figures": figures}
    files = [write_trials(options.out / "trials.jsonl", found.trials)]
    if found.windows is not None:
        files.append(write_png(options.out / "report.png", picture(figures, *found.windows, world.card.name)))
    if found.long is not None:
        files.append(write_png(options.out / "long.png", long_strips(*found.long)))
    write_json(options.out / "report.json", report)
    print(table(figures))
    print("written:", ", ".join(map(str, [options.out / "report.json", *files])))
    return report


def _heldout(options: Evaluate, world: World, folder: Path) -> Dataset:
    """The held-out episodes: of the given dataset, or recorded into a temporary folder."""
    if options.data is not None:
        return open_heldout(folder, options.heldout, world.card)
    policy = options.policy or default_policy(world.card.env["id"])
    needed = options.context + max(options.steps, EVENT_STEPS if "events" in options.probes else 0)
    length = max(2 * needed, needed * options.windows, 256)
    return record_heldout(folder, world.card, options.worlds, length, options.seed, policy, options.workers)


def _told(options: Evaluate, world: World, dataset: Dataset, worlds: list[int]) -> dict[str, Any]:
    """What the report says beside figures."""
    return {
        "command": _command(options),
        "options": {name: str(value) if isinstance(value, Path) else value for name, value in asdict(options).items()},
        "checkpoint": {"name": world.card.name, "fingerprint": world.fingerprint},
        "machine": _machine(options),
        "data": {
            "env": dataset.info.env_id,
            "source": "recorded for this report" if options.data is None else str(options.data),
            "episodes": len(dataset),
            "frames": int(dataset.lengths.sum()),
            "worlds": worlds,
        },
    }


def _command(options: Evaluate) -> str:
    """The command line that does the same again."""
    words = ["worldsim", "eval"]
    for field in fields(options):
        value = getattr(options, field.name)
        if value != field.default:
            parts = value if isinstance(value, tuple) else (value,)
            words += [f"--{field.name.replace('_', '-')}", *map(str, parts)]
    return shlex.join(words)


def _machine(options: Evaluate) -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": options.device,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "worldsim": __version__,
    }
