"""What `edit` changes and what it leaves, by strength: the attribute asked for, the others, and the layout.

python benchmarks/edits.py [--checkpoint NAME] [--worlds N] [--strengths 0.5 0.7 …] [--json]

Readers are made where none is kept: of attributes in some minutes, of depth in some ten.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch
import tyro

from worldsim.fidelity.decoder.decoder import Schooling, decoder_for
from worldsim.fidelity.heldout import FidelityError, heldout_windows
from worldsim.fidelity.probes.edits import STRENGTHS, figures, probe_edits, table
from worldsim.fidelity.readers.lessons import through
from worldsim.fidelity.readers.reader import Training, readers_for
from worldsim.sampling.world import World


@dataclass(frozen=True)
class Options:
    """Measure edits by text in worlds that training never saw."""

    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder."""
    data: Path | None = None
    """Dataset whose held-out worlds are used; without it, new worlds are recorded."""
    heldout: float = 0.05
    """Share of the dataset's worlds that training held out."""
    worlds: int = 48
    """Worlds; intervals are over them."""
    length: int = 16
    """Frames of a clip."""
    strengths: tuple[float, ...] = STRENGTHS
    """Of the edits."""
    readers: Path = Path("out/readers")
    """Where readers are kept."""
    passes: int | None = None
    """Denoising passes; the verb's own number by default."""
    guidance: float | None = None
    """How strongly the text pulls; the verb's own by default."""
    push: float | None = None
    """How far light and weather are moved first; the verb's own by default."""
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
    card = world.card
    found = readers_for(["attributes"], card, world.tokenizer, options.readers, Training())
    env: Any = gym.make(card.env["id"], **card.env["kwargs"]).unwrapped
    if "attributes" not in found or not hasattr(env, "lesson"):
        raise FidelityError(f"{card.env['id']} lacks captions of attributes, or lessons of depth: nothing can be read")
    decoder = decoder_for(
        env.lesson, card.env, lambda frames: through(world.tokenizer, frames), options.readers, Schooling()
    )
    windows = heldout_windows(
        options.data, options.heldout, card, options.worlds, options.length, max(2 * options.length, 128), options.seed
    )
    trials = probe_edits(
        world, windows, found["attributes"], decoder, options.strengths, vocabulary=world.vocabulary,
        seed=options.seed, rows=options.rows, passes=options.passes,
        guidance=options.guidance, push=options.push,
    )  # fmt: skip
    told = figures(trials, options.seed)
    print(json.dumps(told) if options.json else table(told))


if __name__ == "__main__":
    main(tyro.cli(Options))
