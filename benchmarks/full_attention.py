"""Full attention over space and time at once, in place of attention within a frame and along time in turn.

`with_full_attention` changes a `Dynamics` network whose every block looks back in time; it plays through its cache.
"""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange, repeat
from torch import nn
from torch.nn import functional as F

from worldsim.model.dynamics import Dynamics
from worldsim.model.layers import TimeAttention, modulate, rotate

Table = tuple[torch.Tensor, torch.Tensor]


class FullAttention(TimeAttention):
    """Attention of each patch to all patches of the frames that its own frame may look at."""

    def _project(self, x: torch.Tensor, table: Table) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """q (B, N, h, T, d), k and v (B, N, g, T, d), rotated by tables over (B, T, N)."""
        cos, sin = (rearrange(part, "b t n f -> b n 1 t f") for part in table)
        q = rearrange(self.query(x), "b t n (h d) -> b n h t d", h=self.heads)
        k = rearrange(self.key(x), "b t n (g d) -> b n g t d", g=self.groups)
        v = rearrange(self.value(x), "b t n (g d) -> b n g t d", g=self.groups)
        return rotate(self.query_norm(q), (cos, sin)), rotate(self.key_norm(k), (cos, sin)), v

    def _attend(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        patches, share = q.shape[1], self.heads // self.groups
        q = rearrange(q, "b n (g s) t d -> b g (s n t) d", s=share)
        k, v = rearrange(k, "b n g t d -> b g (n t) d"), rearrange(v, "b n g t d -> b g (n t) d")
        mask = repeat(mask, "b t u -> b 1 (s n t) (m u)", s=share, n=patches, m=patches)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(rearrange(y, "b g (s n t) d -> b t n (g s d)", s=share, n=patches))


class FullBlock(nn.Module):
    """A block of `Dynamics` with one attention for space and time."""

    def __init__(self, block: Any, width: int, head_width: int, groups: int) -> None:
        super().__init__()
        self.time = FullAttention(width, head_width, groups)
        self.text, self.text_norm, self.mlp, self.norm = block.text, block.text_norm, block.mlp, block.norm
        self.modulation = nn.Linear(block.modulation.in_features, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(
        self, x: torch.Tensor, condition: torch.Tensor, space: Table, time: Table, mask: torch.Tensor,
        words: torch.Tensor, seen: torch.Tensor, ring: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None,
    ) -> torch.Tensor:  # fmt: skip
        """As in the block that it takes the place of."""
        shift, scale, gate, *last = self.modulation(condition)[:, :, None].chunk(6, dim=-1)  # each (B, T, 1, D)
        y, table = modulate(self.norm(x), shift, scale), joined(space, time)
        y = self.time(y, table, mask) if ring is None else self.time.step(y, table, *ring, mask)
        x = x + (1 + gate) * y
        if self.text is not None:
            x = x + self.text(self.text_norm(x), words, seen)
        shift, scale, gate = last
        return x + (1 + gate) * self.mlp(modulate(self.norm(x), shift, scale))


def joined(space: Table, time: Table) -> Table:
    """Tables over (N, f) and (B, T, f) as one over (B, T, N, f): half of the turns are of time, half of space."""
    patches, (rows, frames) = space[0].shape[0], time[0].shape[:2]
    cos, sin = (
        torch.cat([
            repeat(later[..., ::2], "b t f -> b t n f", n=patches),
            repeat(beside[..., ::2], "n f -> b t n f", b=rows, t=frames),
        ], -1)
        for beside, later in zip(space, time, strict=True)
    )  # fmt: skip
    return cos, sin


def with_full_attention(network: Dynamics) -> Dynamics:
    """The network with full attention in each of its blocks, all of which look back in time."""
    sizes = network.config
    assert sizes.time_every == 1
    network.blocks = nn.ModuleList(
        FullBlock(block, sizes.width, sizes.head_width, sizes.time_groups) for block in network.blocks
    )
    return network
