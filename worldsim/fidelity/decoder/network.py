"""The networks of the state decoder, and their training: what stands in each cell and how far away; and how one moved.

A cell is 2×2 pixels. What stands there is one of the kinds that lessons showed: a block, or an entity before a block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from worldsim.fidelity.readers.network import conv, draw_weights, motion_of, rare_weights, train
from worldsim.model.precision import has_bfloat16

__all__ = ["CELL", "DecoderConfig", "MoveNetwork", "StateNetwork", "fit_moves", "fit_states"]

CELL = 2  # pixels along a cell's side
COARSEST = 16  # pixels along a side that frames are padded to a multiple of
NOISE = 8.0  # grey levels of noise in lessons, at most
RARE = 4.0  # what a rare kind weighs at most in the loss
MOVES = 4  # yaw, pitch, ahead, right


@dataclass(frozen=True)
class DecoderConfig:
    """What a `StateNetwork` tells, and its sizes."""

    kinds: int
    """What a cell may show."""
    depths: int
    """Steps of depth."""
    widths: tuple[int, int, int, int] = (32, 64, 96, 96)
    """Channels at 1/2, 1/4, 1/8 and 1/16 of the frame's side."""


class StateNetwork(nn.Module):
    """Frames u8 → logits of what each cell shows and of how far away it is."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        a, b, c, d = config.widths
        self.near = nn.Sequential(conv(3 * CELL**2, a, 1), conv(a, a, 1))
        self.down = nn.ModuleList([
            nn.Sequential(conv(a, b, 2), conv(b, b, 1)), nn.Sequential(conv(b, c, 2), conv(c, c, 1)),
            nn.Sequential(conv(c, d, 2), conv(d, d, 1)),
        ])  # fmt: skip
        last = (3 * a) // 2
        self.up = nn.ModuleList([conv(d + c, c, 1, 1), conv(c + b, b, 1, 1), conv(b + a, last, 1, 1)])
        self.mix = nn.ModuleList([conv(c, c, 1), conv(b, b, 1), conv(last, last, 1)])
        self.kind = nn.Conv2d(last, config.kinds, 1)
        self.depth = nn.Conv2d(last, config.depths, 1)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """frames u8 or f32 in 0…255 (N, H, W, 3) → logits (N, kinds, H/2, W/2) and (N, depths, H/2, W/2)."""
        height, width = frames.shape[1:3]
        x = rearrange(frames, "n h w c -> n c h w").float() / 127.5 - 1.0
        x = F.pad(x, (0, -width % COARSEST, 0, -height % COARSEST), mode="replicate")
        x = F.pixel_unshuffle(x, CELL).contiguous(memory_format=torch.channels_last)
        seen = [self.near(x)]
        for down in self.down:
            seen.append(down(seen[-1]))
        y = seen.pop()
        for up, mix in zip(self.up, self.mix, strict=True):
            y = F.interpolate(y, scale_factor=2.0, mode="nearest")
            y = mix(up(torch.cat([y, seen.pop()], 1)))
        y = y[:, :, : -(-height // CELL), : -(-width // CELL)]
        return self.kind(y), self.depth(y)


def fit_states(
    config: DecoderConfig, frames: np.ndarray, kinds: np.ndarray, depths: np.ndarray, steps: int, batch: int,
    rate: float, seed: int,
) -> StateNetwork:  # fmt: skip
    """A network trained on frames u8 (N, H, W, 3) and what their cells show, i64 (N, H/2, W/2), both heads alike."""
    network = StateNetwork(config)
    weights = rare_weights(kinds.ravel(), config.kinds).clamp(max=RARE)

    def loss(chosen: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        clean = frames[chosen].astype(np.float32)
        noise = rng.standard_normal(clean.shape, np.float32) * rng.uniform(0.0, NOISE, (len(chosen), 1, 1, 1))
        kind, depth = network(torch.from_numpy(clean + noise.astype(np.float32)))
        told = F.cross_entropy(_rows(kind), torch.from_numpy(kinds[chosen]).long().flatten(), weights)
        return told + 0.5 * F.cross_entropy(_rows(depth), torch.from_numpy(depths[chosen]).long().flatten())

    _train(network, loss, len(frames), steps, batch, rate, seed, "decoder of states")
    return network


def _rows(logits: torch.Tensor) -> torch.Tensor:
    """Logits (N, K, h, w) as f32 (N·h·w, K), in which softmax is several times faster."""
    return rearrange(logits, "n k h w -> (n h w) k").float()


class MoveNetwork(nn.Module):
    """Pairs of frames u8 → how one moved between them: yaw, pitch, ahead, right, in units of `fit_moves`' targets."""

    def __init__(self) -> None:
        super().__init__()
        self.follow = nn.Sequential(conv(117, 64, 1, 1), conv(64, 64, 1), conv(64, 96, 2), nn.AdaptiveAvgPool2d(4))
        self.tell = nn.Sequential(nn.Flatten(), nn.Linear(16 * 96, 128), nn.ReLU(), nn.Linear(128, MOVES))

    def forward(self, motion: torch.Tensor) -> torch.Tensor:
        """`motion_of` pairs (N, shifts, H/8, W/8) → (N, 4)."""
        return self.tell(self.follow(motion.float()))


def fit_moves(pairs: np.ndarray, moves: np.ndarray, steps: int, batch: int, rate: float, seed: int) -> MoveNetwork:
    """A network trained on pairs u8 (N, 2, H, W, 3) and the moves between them f32 (N, 4), each scaled to about 1."""
    network = MoveNetwork()
    motion = torch.cat([motion_of(torch.from_numpy(pairs[first : first + 64])) for first in range(0, len(pairs), 64)])

    def loss(chosen: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        guess = network(motion[torch.from_numpy(chosen)])
        return F.smooth_l1_loss(guess.float(), torch.from_numpy(moves[chosen]), beta=0.1)

    _train(network, loss, len(pairs), steps, batch, rate, seed, "decoder of moves")
    return network


def _train(network: nn.Module, loss: Callable[[np.ndarray, np.random.Generator], torch.Tensor], count: int, steps: int,
           batch: int, rate: float, seed: int, name: str) -> None:  # fmt: skip
    """Steps of `batch` of `count` lessons, from first weights that the seed decides."""
    rng = np.random.default_rng(seed)
    draw_weights(network, torch.Generator().manual_seed(seed))

    def drawn(step: int) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
            return loss(rng.integers(count, size=batch), rng)

    train(network, drawn, steps, rate, name)
