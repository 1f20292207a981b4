"""`Refiner`: a small network that gives a finished guess back the detail that the frames before it show.

The dynamics network sees the past as tokens of 16×16 pixels, under noise; what it draws anew loses fine detail even
where nothing moves. A few convolutions over latent cells see the guess beside the last frames as they are, and change
it. It is one file, `refiner.safetensors`, in a checkpoint, trained after the dynamics network and for its weights alone
by `worldsim train refiner`. The idea is that of two-stage generation (SDXL's refiner, arXiv 2307.01952), here in one
pass per frame and with the past in view.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from worldsim.model.card import CheckpointError
from worldsim.model.config import check_whole
from worldsim.model.convolutions import PixelNorm
from worldsim.model.dynamics import Dynamics
from worldsim.model.tensors import (
    half_weights,
    load_weights,
    network_fingerprint,
    read_metadata,
    read_tensors,
    write_tensors,
)

__all__ = ["FILE", "Refiner", "RefinerConfig", "read_refiner", "write_refiner"]

FILE = "refiner.safetensors"


@dataclass(frozen=True)
class RefinerConfig:
    """Sizes of a `Refiner`."""

    channels: int = 8
    """Channels of the latents."""
    actions: int = 25
    """Fields of an action vector."""
    past: int = 3
    """Frames before the guess that it sees."""
    width: int = 64
    """Channels of a cell."""
    depth: int = 4
    """Pairs of convolutions."""

    def __post_init__(self) -> None:
        check_whole(self, 1, "channels", "actions", "past", "width", "depth")


class Refiner(nn.Module):
    """A guess, the frames before it and the action between → the frame. Any size; untrained it changes nothing."""

    def __init__(self, config: RefinerConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Conv2d((1 + config.past) * config.channels, config.width, 3, padding=1)
        self.layers = nn.ModuleList(_Layer(config.width, config.actions) for _ in range(config.depth))
        self.norm = PixelNorm(config.width)
        self.out = nn.Conv2d(config.width, config.channels, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.bias)

    def forward(self, guess: torch.Tensor, shown: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """The frame (B, C, h, w).

        Args:
            guess: (B, C, h, w), what the sampler ended with.
            shown: (B, K, C, h, w), the frames before it, the newest first.
            actions: (B, A), what led to it.
        """
        x = self.embed(torch.cat([guess, shown.flatten(1, 2)], 1))
        for layer in self.layers:
            x = layer(x, actions)
        return guess + self.out(F.gelu(self.norm(x))).to(guess.dtype)


class _Layer(nn.Module):
    """Two convolutions beside the way straight on; the action scales and shifts what lies between them."""

    def __init__(self, width: int, actions: int) -> None:
        super().__init__()
        self.norm = PixelNorm(width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.modulation = nn.Linear(actions, 2 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        scale, shift = self.modulation(actions)[:, :, None, None].chunk(2, 1)
        y = self.conv1(F.gelu(self.norm(x)))
        return x + self.conv2(F.gelu(y * (1 + scale) + shift))


def write_refiner(path: Path, refiner: Refiner, dynamics: Dynamics, training: dict[str, Any]) -> Path:
    """Write the file, weights in bf16, for the dynamics network whose guesses it was trained on."""
    told = {"config": asdict(refiner.config), "dynamics": network_fingerprint(dynamics), "training": training}
    write_tensors(path, half_weights(refiner), {name: json.dumps(value) for name, value in told.items()})
    return path


def read_refiner(folder: Path, dynamics: Dynamics) -> Refiner | None:
    """The refiner that a checkpoint folder holds for this dynamics network, or None.

    Raises:
        CheckpointError: damaged, or of other weights.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    tensors, metadata = read_tensors(path), read_metadata(path)
    try:
        refiner, trained = Refiner(RefinerConfig(**json.loads(metadata["config"]))), json.loads(metadata["dynamics"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: not the file of a refiner: {error}; run `worldsim train refiner`") from error
    load_weights(refiner, tensors, str(path))
    mine, theirs = dynamics.config, refiner.config
    if (mine.channels, mine.actions) != (theirs.channels, theirs.actions):
        raise CheckpointError(
            f"{path} is for {theirs.channels} channels and {theirs.actions} fields of actions, this world has "
            f"{mine.channels} and {mine.actions}; run `worldsim train refiner`, or remove the file"
        )
    if (name := network_fingerprint(dynamics)) != trained:
        raise CheckpointError(
            f"{path} was trained on the guesses of dynamics network {trained}, this one is {name}; run "
            "`worldsim train refiner` for these weights, or remove the file: a world plays without one"
        )
    return refiner.eval()
