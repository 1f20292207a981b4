"""`average`: one checkpoint from several of one origin, by the weighted mean of their weights.

Weights that were trained on from one another lie in one valley, and their mean is often better than either at what
each is good at (model soups, arXiv 2203.05482; between a start and what became of it, arXiv 2109.01903).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from worldsim.model.card import CheckpointError
from worldsim.model.checkpoint import Checkpoint, find, load, save
from worldsim.model.config import ConfigError, check_numbers, check_whole
from worldsim.model.dynamics import Dynamics
from worldsim.model.pull import Pull
from worldsim.model.temperature import Temperature
from worldsim.model.tensors import continue_from, network_fingerprint
from worldsim.training.history import lean

__all__ = ["Average", "average"]


@dataclass(frozen=True)
class Average:
    """Average checkpoints of one origin into a new one, and say how it is played."""

    checkpoints: tuple[str, ...]
    """Names or folders; the last gives tokenizer, starts, words and events."""
    shares: tuple[float, ...]
    """The weight of each, 1 in all."""
    out: Path = Path("runs/average/checkpoint")
    """The folder of the new checkpoint."""
    temperature: Temperature = field(default_factory=Temperature)
    """What its card says about noise in play."""
    pull: Pull = field(default_factory=Pull)
    """What its card says about prompts in play."""
    passes: int | None = None
    """The denoising passes of a frame in play; those of the last by default."""
    context_level: float | None = None
    """The noise level at which frames are kept in play, 0 … 1; that of the last by default."""

    def __post_init__(self) -> None:
        if len(self.checkpoints) < 2 or len(self.shares) != len(self.checkpoints):
            count, given = len(self.checkpoints), len(self.shares)
            raise ConfigError(f"give at least two checkpoints and a share for each, got {count} and {given}")
        if not all(0 <= share <= 1 for share in self.shares) or not math.isclose(sum(self.shares), 1, abs_tol=1e-6):
            raise ConfigError(f"shares must lie in 0 … 1 and add up to 1, got {list(self.shares)}")
        if self.passes is not None:
            check_whole(self, 1, "passes")
        if self.context_level is not None:
            check_numbers(self, 0, 1, "context_level")


@torch.no_grad()
def average(options: Average) -> Path:
    """Write the mean; returns its folder.

    Words, events and actions are matched by name; for those that a checkpoint lacks, it counts as the last one does.

    Raises:
        CheckpointError: one that cannot be read, or that has another tokenizer or another shape than the last.
    """
    found = [load(name) for name in options.checkpoints]
    last = found[-1]
    if last.dynamics is None:
        raise CheckpointError(f"{options.checkpoints[-1]} holds a tokenizer alone; give a world")
    total: dict[str, torch.Tensor] = {}
    for name, share, one in zip(options.checkpoints, options.shares, found, strict=True):
        for key, tensor in _aligned(name, one, last).state_dict().items():
            total[key] = total.get(key, torch.zeros_like(tensor, dtype=torch.float64)) + share * tensor.double()
    last.dynamics.load_state_dict({key: tensor.float() for key, tensor in total.items()})
    parts = [
        {"checkpoint": name, "share": share} for name, share in zip(options.checkpoints, options.shares, strict=True)
    ]
    record = lean(last.card.training | {"average": parts})
    level = last.card.context_level if options.context_level is None else options.context_level
    card = replace(
        last.card, temperature=options.temperature, pull=options.pull, context_level=level, training=record,
        passes=options.passes or last.card.passes,
    )  # fmt: skip
    save(options.out, card, last.tokenizer, last.dynamics, last.starts, beside=find(options.checkpoints[-1]))
    print(f"{options.out}: " + ", ".join(f"{part['share']:g} of {part['checkpoint']}" for part in parts))
    return options.out


def _aligned(name: str, one: Checkpoint, last: Checkpoint) -> Dynamics:
    """The dynamics network of a checkpoint, in the shape of the last one."""
    assert last.dynamics is not None
    if one.dynamics is None or network_fingerprint(one.tokenizer) != network_fingerprint(last.tokenizer):
        raise CheckpointError(f"{name} has no dynamics network on the last one's tokenizer; only such can be averaged")
    same = {"words": 1, "events": 1, "actions": 1, "draws_events": True}  # what is matched by name, or may be lacking
    if len({replace(network.config, **same) for network in (one.dynamics, last.dynamics)}) > 1:
        raise CheckpointError(f"{name} has a network of another shape than the last one; only equal ones go together")
    mine = Dynamics(last.dynamics.config)
    mine.load_state_dict(last.dynamics.state_dict())
    continue_from(mine, last.card, one.dynamics, one.card)
    return mine
