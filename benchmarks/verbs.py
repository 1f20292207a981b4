"""How well the verbs do, as far as pixels tell: seams, motion, jumps and diversity against true clips, with intervals.

python benchmarks/verbs.py [--checkpoint NAME] [--worlds N] [--probes extend loop …] [--json]
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import tyro

from worldsim.data.rollout import default_policy
from worldsim.fidelity.heldout import cut_windows, open_heldout, record_heldout
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
    """Some of extend, loop, connect, fill, animate, enhance, diversity; all by default."""
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
    with TemporaryDirectory() as folder:
        if options.data is not None:
            dataset = open_heldout(options.data, options.heldout, world.card)
        else:
            policy = default_policy(world.card.env["id"])
            length = max(2 * options.length, 64)
            dataset = record_heldout(Path(folder), world.card, options.worlds, length, options.seed, policy)
        rng = np.random.default_rng(options.seed)
        windows = cut_windows(dataset, options.worlds, 1, options.length, rng)
    trials = probe_verbs(world, windows, options.probes, seed=options.seed, rows=options.rows, passes=options.passes)
    found = figures(trials, options.seed)
    print(json.dumps(found) if options.json else table(found))


if __name__ == "__main__":
    main(tyro.cli(Options))
