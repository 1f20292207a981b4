"""How well the verbs do, as far as pixels tell: seams, motion, jumps and diversity against true clips, with intervals.

python benchmarks/verbs.py [--checkpoint NAME] [--worlds N] [--probes extend loop …] [--json]
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro

from worldsim.fidelity.heldout import heldout_windows
from worldsim.fidelity.probes.verbs import figures, probe_verbs, table
from worldsim.sampling.world import World


@dataclass(frozen=True)
class Options:
    """Measure the verbs of a checkpoint in worlds that training never saw."""

    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder."""
    data: Path | None = None
    """Dataset whose held-out worlds are used; without it, new worlds are recorded."""
    heldout: float = 0.05
    """Share of the dataset's worlds that training held out."""
    worlds: int = 32
    """Worlds; intervals are over them."""
    length: int = 32
    """Frames of a clip."""
    probes: tuple[str, ...] = ()
    """Some of extend, loop, connect, fill, animate, enhance, diversity, size; all by default."""
    passes: int | None = None
    """Denoising passes; each verb's own number by default."""
    rows: int = 8
    """Clips at a time."""
    seed: int = 0
    """Decides the worlds, the windows and the noise."""
    threads: int = torch.get_num_threads()
    """Threads of the networks."""
    json: bool = False
    """Print JSON instead of a table."""


def main(options: Options) -> None:
    """Measure, and print."""
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore", UserWarning)  # truth's captions may hold words that the checkpoint never read
    world = World.from_pretrained(options.checkpoint)
    windows = heldout_windows(
        options.data, options.heldout, world.card, options.worlds, options.length, max(2 * options.length, 64),
        options.seed,
    )  # fmt: skip
    trials = probe_verbs(world, windows, options.probes, seed=options.seed, rows=options.rows, passes=options.passes)
    found = figures(trials, options.seed)
    print(json.dumps(found) if options.json else table(found))


if __name__ == "__main__":
    main(tyro.cli(Options))
