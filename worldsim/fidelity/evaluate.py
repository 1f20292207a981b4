"""`worldsim eval`: a checkpoint on held-out worlds → trials, figures with intervals, and a picture."""

from __future__ import annotations

import os
import platform
import shlex
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from worldsim import __version__
from worldsim.data.episodes import Dataset
from worldsim.data.rollout import default_policy
from worldsim.fidelity.heldout import FidelityError, cut_windows, open_heldout, record_heldout
from worldsim.fidelity.pictures import long_strips, picture
from worldsim.fidelity.probes.next_frame import next_frame
from worldsim.fidelity.probes.rollout import rollout
from worldsim.fidelity.probes.stamina import Sticky, Stretch, stamina, true_stretches
from worldsim.fidelity.report import LAST, summarise, table
from worldsim.fidelity.trials import Trial, write_trials
from worldsim.files import write_json
from worldsim.model.checkpoint import find
from worldsim.sampling.world import World
from worldsim.video import write_png

__all__ = ["Evaluate", "evaluate", "fingerprint"]

SHOWN = 4  # worlds in the pictures


@dataclass(frozen=True)
class Evaluate:
    """Measure how close a learned world is to the true one, in worlds that training never saw."""

    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder."""
    data: Path | None = None
    """Dataset whose held-out worlds are used; without it, new worlds of the true env are recorded for the purpose."""
    heldout: float = 0.05
    """Share of the dataset's worlds that training held out."""
    policy: str = ""
    """Who acts in new worlds: "random", or "module:function"; scripted exploration in the voxel world by default."""
    workers: int = 1
    """Processes that record new worlds."""
    worlds: int = 64
    """Worlds to measure in; intervals are over them."""
    windows: int = 2
    """Windows from each world."""
    context: int = 16
    """True frames given before the first prediction."""
    steps: int = 16
    """Free-running steps that are compared with truth."""
    long: int = 0
    """Free-running steps under random actions, 1000 for the whole test; 0 leaves it out."""
    long_worlds: int = 8
    """How many such rollouts."""
    passes: int = 2
    """Denoising passes per free-running frame."""
    seed: int = 0
    """Decides the new worlds, the windows, the noise and the bootstrap."""
    resamples: int = 10_000
    """Bootstrap samples."""
    rows: int = 16
    """Windows at a time."""
    device: str = "cpu"
    """Where the networks run."""
    out: Path = Path("out/eval")
    """Folder for report.json, report.png, trials.jsonl and long.png."""

    def __post_init__(self) -> None:
        least = {"worlds": 2, "seed": 0, "long": 0}
        least |= dict.fromkeys(("windows", "context", "steps", "long_worlds", "passes", "resamples", "rows"), 1)
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                option = name.replace("_", "-")
                raise FidelityError(f"--{option} must be at least {lowest}, got {getattr(self, name)}")
        if 0 < self.long <= LAST:
            raise FidelityError(f"--long must be 0, or more than the {LAST} frames it looks at, got {self.long}")


def evaluate(options: Evaluate) -> dict[str, Any]:
    """Run all probes, write the files, print the figures, and return the report.

    Raises:
        CheckpointError, DatasetError, RecordError, FidelityError.
    """
    begun = time.perf_counter()
    world = World.from_pretrained(options.checkpoint, rows=1, steps=options.passes, device=options.device)
    with TemporaryDirectory() if options.data is None else nullcontext(str(options.data)) as folder:
        dataset = _heldout(options, world, Path(folder))
        trials, pictures, report = _measure(options, world, dataset)
    figures = summarise(trials, options.resamples, options.seed)
    report |= {"seconds": round(time.perf_counter() - begun, 1), "figures": figures}
    truth, shown, names = pictures["windows"]
    files = [
        write_trials(options.out / "trials.jsonl", trials),
        write_png(options.out / "report.png", picture(figures, truth, shown, names, world.card.name)),
    ]
    if "long" in pictures:
        files.append(write_png(options.out / "long.png", long_strips(*pictures["long"])))
    write_json(options.out / "report.json", report)
    print(table(figures))
    print("written:", ", ".join(map(str, [options.out / "report.json", *files])))
    return report


def _heldout(options: Evaluate, world: World, folder: Path) -> Dataset:
    """The held-out episodes: of the given dataset, or recorded into a temporary folder."""
    if options.data is not None:
        return open_heldout(folder, options.heldout, world.card)
    policy = options.policy or default_policy(world.card.env["id"])
    needed = options.context + options.steps
    length = max(2 * needed, needed * options.windows, 256)
    return record_heldout(folder, world.card, options.worlds, length, options.seed, policy, options.workers)


def _measure(options: Evaluate, world: World, dataset: Dataset) -> tuple[list[Trial], dict[str, Any], dict[str, Any]]:
    """The trials of all probes, frames for the pictures, and what the report says beside figures."""

    def open_world(rows: int) -> World:
        return World(world.card, world.tokenizer, world.dynamics, None, rows=rows, steps=options.passes)

    rng = np.random.default_rng(options.seed)
    length = options.context + options.steps
    windows = cut_windows(dataset, options.worlds, options.windows, length, rng)
    trials: list[Trial] = [*next_frame(world, windows, options.context, rng, options.rows)]
    rollouts, shown = rollout(open_world, world.tokenizer, windows, options.context, rng, options.rows)
    trials += rollouts
    few = slice(0, SHOWN * options.windows, options.windows)
    truth = windows.clip.frames[few, options.context - 1 :]
    pictures: dict[str, Any] = {"windows": (truth, np.concatenate([truth[:, :1], shown[few]], 1), windows.worlds[few])}
    if options.long:
        starts = cut_windows(dataset, options.long_worlds, 1, options.context, rng)
        learned, frames = stamina(open_world, world.card.action_spec, starts, options.context, options.long, rng)
        trials += [*_true_stretches(options, world, dataset), *learned]
        pictures["long"] = (frames[:SHOWN], starts.worlds[:SHOWN])
    report = {
        "command": _command(options),
        "options": {name: str(value) if isinstance(value, Path) else value for name, value in asdict(options).items()},
        "checkpoint": {"name": world.card.name, "fingerprint": fingerprint(options.checkpoint)},
        "machine": _machine(options),
        "data": {
            "env": dataset.info.env_id,
            "source": "recorded for this report" if options.data is None else str(options.data),
            "episodes": len(dataset),
            "frames": int(dataset.lengths.sum()),
            "worlds": sorted(set(windows.worlds)),
        },
    }
    return trials, pictures, report


def _true_stretches(options: Evaluate, world: World, dataset: Dataset) -> list[Stretch]:
    """What long rollouts are held against: the true env under random actions, or the given dataset."""
    if options.data is not None:
        return true_stretches(dataset)
    with TemporaryDirectory() as folder:
        return true_stretches(
            record_heldout(
                Path(folder), world.card, options.long_worlds, options.long, options.seed + 1,
                f"{Sticky.__module__}:{Sticky.__name__}", options.workers,
            )
        )  # fmt: skip


def fingerprint(checkpoint: str | Path) -> str:
    """A short hash of all files of a checkpoint: other weights, another fingerprint. Raises `CheckpointError`."""
    digest = blake2b(digest_size=8)
    for file in sorted(path for path in find(checkpoint).iterdir() if path.is_file()):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def _command(options: Evaluate) -> str:
    """The command line that does the same again."""
    words = ["worldsim", "eval"]
    for field in fields(options):
        value = getattr(options, field.name)
        if value != field.default:
            words += [f"--{field.name.replace('_', '-')}", str(value)]
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
