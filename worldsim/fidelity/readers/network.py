"""The network of a reader, and its training: three frames in, a class for each head and the camera's turn out.

A reader of attributes sees the frames. A reader of actions sees only what differs between them, as pictures and as
motion, so that it cannot guess an action from the place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from worldsim.fidelity.readers.lessons import CAMERA, Lessons
from worldsim.model.precision import has_bfloat16

__all__ = ["ReaderConfig", "ReaderNetwork", "conv", "draw_weights", "fit", "motion_of", "rare_weights", "train"]

# How far motion is looked for, in pixels of half the frame's side.
DOWN = (-5, -3, -2, -1, 0, 1, 2, 3, 5)
ACROSS = (-9, -7, -5, -3, -2, -1, 0, 1, 2, 3, 5, 7, 9)
SHARP = 20.0  # how much a better match counts, per unit of grey in [-1, 1]


@dataclass(frozen=True)
class ReaderConfig:
    """What a `ReaderNetwork` tells, and its sizes."""

    heads: dict[str, int]
    """Classes of each head."""
    motion: bool = False
    """Whether it sees differences and motion, or the frames."""
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
        seen, matches = (6, 2 * len(DOWN) * len(ACROSS)) if config.motion else (9, 0)
        self.look = nn.Sequential(conv(seen, a, 2), conv(a, b, 2), conv(b, c, 2))
        self.follow = conv(matches, c, 1, 1) if config.motion else None
        self.think = nn.Sequential(
            conv(c * (1 + config.motion), c, 1), conv(c, d, 2), nn.AdaptiveAvgPool2d(4), nn.Flatten(),
            nn.Dropout(0.3), nn.Linear(16 * d, config.hidden), nn.ReLU(),
        )  # fmt: skip
        self.heads = nn.ModuleDict({name: nn.Linear(config.hidden, count) for name, count in config.heads.items()})
        self.turn = nn.Linear(config.hidden, len(CAMERA))
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(
        self, frames: torch.Tensor, motion: torch.Tensor | None = None
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """frames u8 (N, 3, H, W, 3), and `motion_of` them if known → logits (N, classes) by head, turns (N, 2)."""
        x = rearrange(frames, "n t h w c -> n t c h w").float() / 127.5 - 1.0
        seen = x.diff(dim=1) if self.follow is not None else x
        y = self.look(seen.flatten(1, 2).contiguous(memory_format=torch.channels_last))  # (N, c, H/8, W/8)
        if self.follow is not None:
            motion = motion_of(frames) if motion is None else motion
            y = torch.cat([y, self.follow(motion.float())], 1)
        y = self.think(y)
        return {name: head(y) for name, head in self.heads.items()}, self.turn(y)


@torch.no_grad()
def motion_of(frames: torch.Tensor) -> torch.Tensor:
    """How well each shift of one frame explains each 8×8 cell of the next, f16 (N, (T-1)·shifts, H/8, W/8).

    frames u8 (N, T, H, W, 3); for each pair of neighbours the shares of a cell sum to 1 over the shifts.
    """
    grey = F.avg_pool2d(rearrange(frames, "n t h w c -> n t c h w").float().mean(2) / 127.5, 2)  # (N, T, H/2, W/2)
    before, after = grey[:, :-1], grey[:, 1:]
    height, width = after.shape[2:]
    down, across = max(DOWN), max(ACROSS)
    padded = F.pad(before, (across, across, down, down), mode="replicate")
    cells = (-(-height // 4), -(-width // 4))
    costs = []
    for i in DOWN:
        for j in ACROSS:
            shifted = padded[:, :, down + i : down + i + height, across + j : across + j + width]
            costs.append(F.adaptive_avg_pool2d((shifted - after).abs_(), cells))
    return (-SHARP * torch.stack(costs, 2)).softmax(2).flatten(1, 2).half()


def conv(before: int, after: int, stride: int, side: int = 3, dilation: int = 1) -> nn.Sequential:
    """A convolution, normalised over the batch, and a ReLU."""
    padding = side // 2 * dilation
    return nn.Sequential(
        nn.Conv2d(before, after, side, stride, padding, dilation, bias=False),
        nn.BatchNorm2d(after), nn.ReLU(inplace=True),
    )  # fmt: skip


def train(network: nn.Module, loss: Callable[[int], torch.Tensor], steps: int, rate: float, name: str) -> None:
    """Minimise `loss(step)`; the rate rises to `rate` and falls in one cycle. The network is left for reading."""
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=0.02)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.2)
    network.train()
    bar = tqdm(range(steps), desc=name, unit="step", dynamic_ncols=True, mininterval=0.5)
    for step in bar:
        found = loss(step)
        optimiser.zero_grad()
        found.backward()
        optimiser.step()
        cycle.step()
        bar.set_postfix(loss=f"{float(found.detach()):.4f}", refresh=False)
    network.eval()


def fit(config: ReaderConfig, lessons: Lessons, steps: int, batch: int, rate: float, seed: int) -> ReaderNetwork:
    """A network trained on lessons; rare classes weigh more, by one over the root of how often they come.

    Args:
        config: of the network.
        lessons: what it learns.
        steps, batch: steps of so many triples.
        rate: the highest learning rate; it rises and falls in one cycle.
        seed: decides first weights, batches and dropout: the same lessons make the same reader.
    """
    generator, rng = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    network = ReaderNetwork(config)
    draw_weights(network, generator)
    weights = {name: rare_weights(lessons.classes[name], count) for name, count in config.heads.items()}
    motion = None
    if config.motion:  # worked out once, since every triple comes several times
        parts = (lessons.triples[first : first + batch] for first in range(0, len(lessons), batch))
        motion = torch.cat([motion_of(torch.from_numpy(lessons.frames[part])) for part in parts])

    def loss(step: int) -> torch.Tensor:
        chosen = rng.integers(len(lessons), size=batch)
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
            seen = torch.from_numpy(lessons.frames[lessons.triples[chosen]])
            logits, turns = network(seen, motion if motion is None else motion[torch.from_numpy(chosen)])
        found = _turn_loss(turns.float(), torch.from_numpy(lessons.turns[chosen]))
        for name, guess in logits.items():
            labels = torch.from_numpy(lessons.classes[name][chosen])
            if (labels >= 0).any():
                found = found + F.cross_entropy(guess.float(), labels, weights[name], ignore_index=-1)
        return found

    with torch.random.fork_rng(devices=[]):  # dropout knows no other generator
        torch.manual_seed(seed)
        train(network, loss, steps, rate, f"reader of {'/'.join(config.heads)}")
    return network


def _turn_loss(guess: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Absolute error, rounded near zero, of the turns that are known."""
    known = torch.isfinite(turns)
    error = F.smooth_l1_loss(guess, torch.where(known, turns, guess.detach()), beta=0.1, reduction="none")
    return 2.0 * (error * known).sum() / known.sum().clamp(min=1)


def rare_weights(labels: np.ndarray, count: int) -> torch.Tensor:
    """f32 (count,): one over the root of how often each class comes, 1 on average over the labels."""
    often = np.bincount(labels[labels >= 0], minlength=count).astype(np.float64)
    rare = np.where(often > 0, 1 / np.sqrt(np.maximum(often, 1)), 0.0)
    return torch.from_numpy((rare * often.sum() / max((rare * often).sum(), 1e-9)).astype(np.float32))


@torch.no_grad()
def draw_weights(network: nn.Module, generator: torch.Generator) -> None:
    """First weights from a generator of their own, so that torch's global one is left alone."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            if module.bias is not None:
                module.bias.zero_()
