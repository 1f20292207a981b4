"""The network of a reader, and its training: three frames in, a class for each head and the camera's turn out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from worldsim.fidelity.readers.lessons import CAMERA, Lessons
from worldsim.model.precision import has_bfloat16

__all__ = ["ReaderConfig", "ReaderNetwork", "fit"]


@dataclass(frozen=True)
class ReaderConfig:
    """What a `ReaderNetwork` tells, and its sizes."""

    heads: dict[str, int]
    """Classes of each head."""
    widths: tuple[int, int, int, int] = (24, 48, 96, 128)
    """Channels at 1/2, 1/4, 1/8 and 1/16 of the frame's side."""
    hidden: int = 192
    """Channels of the layer that all heads read."""


class ReaderNetwork(nn.Module):
    """Three frames u8 → logits of each head, and the two camera fields of the action between the first two."""

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        a, b, c, d = config.widths
        self.trunk = nn.Sequential(
            _conv(9, a, 2), _conv(a, b, 2), _conv(b, c, 2), _conv(c, c, 1), _conv(c, d, 2),
            nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Dropout(0.2), nn.Linear(16 * d, config.hidden), nn.ReLU(),
        )  # fmt: skip
        self.heads = nn.ModuleDict({name: nn.Linear(config.hidden, count) for name, count in config.heads.items()})
        self.turn = nn.Linear(config.hidden, len(CAMERA))

    def forward(self, frames: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """frames u8 (N, 3, H, W, 3) → logits (N, classes) by head, and turns (N, 2)."""
        x = rearrange(frames, "n t h w c -> n (t c) h w").float() / 127.5 - 1.0
        x = self.trunk(x.contiguous(memory_format=torch.channels_last))
        return {name: head(x) for name, head in self.heads.items()}, self.turn(x)


def _conv(before: int, after: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)
    )


def fit(config: ReaderConfig, lessons: Lessons, steps: int, batch: int, rate: float, seed: int) -> ReaderNetwork:
    """A network trained on lessons; rare classes weigh more, by one over the root of how often they come.

    Args:
        config: of the network.
        lessons: what it learns.
        steps, batch: steps of so many triples.
        rate: the highest learning rate; it rises and falls in one cycle.
        seed: decides the first weights and the batches.
    """
    generator, rng = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    network = ReaderNetwork(config)
    _draw(network, generator)
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    weights = {name: _weights(lessons.classes[name], count) for name, count in config.heads.items()}
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=0.02)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.2)
    network.train()
    bar = tqdm(range(steps), desc=f"reader of {'/'.join(config.heads)}", unit="step", dynamic_ncols=True)
    for _ in bar:
        chosen = rng.integers(len(lessons), size=batch)
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
            logits, turns = network(torch.from_numpy(lessons.frames[lessons.triples[chosen]]))
        loss = _turn_loss(turns.float(), torch.from_numpy(lessons.turns[chosen]))
        for name, guess in logits.items():
            labels = torch.from_numpy(lessons.classes[name][chosen])
            if (labels >= 0).any():
                loss = loss + F.cross_entropy(guess.float(), labels, weights[name], ignore_index=-1)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        cycle.step()
        bar.set_postfix(loss=f"{float(loss.detach()):.3f}", refresh=False)
    return network.eval()


def _turn_loss(guess: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Absolute error, rounded near zero, of the turns that are known."""
    known = torch.isfinite(turns)
    error = F.smooth_l1_loss(guess, torch.where(known, turns, guess.detach()), beta=0.1, reduction="none")
    return 2.0 * (error * known).sum() / known.sum().clamp(min=1)


def _weights(labels: np.ndarray, count: int) -> torch.Tensor:
    """f32 (count,): one over the root of how often each class comes, 1 on average over the labels."""
    often = np.bincount(labels[labels >= 0], minlength=count).astype(np.float64)
    rare = np.where(often > 0, 1 / np.sqrt(np.maximum(often, 1)), 0.0)
    return torch.from_numpy((rare * often.sum() / max((rare * often).sum(), 1e-9)).astype(np.float32))


@torch.no_grad()
def _draw(network: nn.Module, generator: torch.Generator) -> None:
    """First weights from a generator of their own, so that torch's global one is left alone."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            if module.bias is not None:
                module.bias.zero_()
