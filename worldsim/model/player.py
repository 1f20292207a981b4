"""`Player`: a dynamics network made ready to play, frame by frame, with the fewest and cheapest operations.

It computes what `Dynamics.step` computes. What depends on weights alone is worked out once: all modulations are one
product, gains of normalisation lie in the rotary tables, matrices that read the same tokens are joined, and are
bfloat16 where the processor multiplies that faster. Shipped weights are bfloat16 already, so only products round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from worldsim.model.cache import Cache
from worldsim.model.layers import MLP, RMSNorm, Rotary, SpaceAttention, TextAttention, TimeAttention, rotary_table
from worldsim.model.patches import space_coordinates
from worldsim.model.products import Product

if TYPE_CHECKING:
    from worldsim.model.conditions import Condition
    from worldsim.model.dynamics import Dynamics

__all__ = ["Player"]

EPSILON = 1e-6  # as in RMSNorm
REMEMBERED = 8  # readings of prompts: forks and guidance take turns


@dataclass
class _Layer:
    """A block's matrices; `gains` are those of the heads that turn, (heads, d), and their partners' for the sine."""

    number: int
    qkv: Product
    out: Product
    gains: Rotary
    time_qkv: Product | None
    time_out: Product | None
    time_gains: Rotary | None
    text: TextAttention | None
    text_norm: RMSNorm | None
    up: Product
    down: Product


class Player:
    """Plays a network whose weights stay as they are: make another one when they change.

    Args:
        dynamics: the network.
        half: multiply matrices in bfloat16; else in float32.
    """

    def __init__(self, dynamics: Dynamics, half: bool) -> None:
        self.dynamics, self.config = dynamics, dynamics.config
        self.kind = torch.bfloat16 if half else torch.float32
        parts = [*(block.modulation for block in dynamics.blocks), dynamics.modulation]
        self.modulation = Product(torch.cat([part.weight for part in parts]), None, self.kind)  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]
        self.sizes = [len(part.bias) // self.config.width for part in parts]  # pyright: ignore[reportArgumentType, reportAttributeAccessIssue]
        self.bias = torch.cat([part.bias.detach().float() for part in parts]).view(-1, self.config.width)  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType, reportCallIssue]
        ones = [piece % 3 > 0 for size in self.sizes for piece in range(size)]  # shifts aside: 1 + scale, 1 + gate
        self.bias += torch.tensor(ones, device=self.bias.device)[:, None]
        self.small = torch.tensor(EPSILON, device=self.bias.device)
        self.layers = [self._layer(number, block) for number, block in enumerate(dynamics.blocks)]
        heads = (dynamics.event_head, dynamics.end_head, dynamics.action_head)
        self.heads = torch.cat([head.weight for head in heads]), torch.cat([head.bias for head in heads])
        self.tables: dict[tuple[int, int], list[Rotary]] = {}
        self.told: dict[int, tuple[torch.Tensor, list[tuple[torch.Tensor, ...]]]] = {}  # by the identity of the words

    def _layer(self, number: int, block: nn.Module) -> _Layer:
        space: SpaceAttention = block.space  # pyright: ignore[reportAssignmentType]
        time: TimeAttention | None = block.time  # pyright: ignore[reportAssignmentType]
        mlp: MLP = block.mlp  # pyright: ignore[reportAssignmentType]
        kind = self.kind
        joined = None if time is None else torch.cat([time.query.weight, time.key.weight, time.value.weight])
        return _Layer(
            number,
            Product(space.qkv.weight, None, kind), Product(space.out.weight, None, kind),
            _gains(space, space.heads, space.heads),
            None if joined is None else Product(joined, None, kind),
            None if time is None else Product(time.out.weight, None, kind),
            None if time is None else _gains(time, time.heads, time.groups),
            block.text, block.text_norm,  # pyright: ignore[reportArgumentType]
            Product(mlp.up.weight, mlp.up.bias, kind, gelu=True), Product(mlp.down.weight, mlp.down.bias, kind),
        )  # fmt: skip

    @torch.inference_mode()
    def step(
        self, noisy: torch.Tensor, level: torch.Tensor, condition: Condition, cache: Cache,
        read: tuple[torch.Tensor, torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """noisy (B, 1, C, h, w), level (B, 1) → clean latents (B, 1, C, h, w), and what the heads say (B, 1, E+1+A)."""
        dynamics, patch, width = self.dynamics, self.config.patch, self.config.width
        batch, _, channels, height, breadth = noisy.shape
        grid = (height // patch, breadth // patch)
        both = torch.cat([noisy[:, 0], cache.last], 1)
        tokens = both.view(batch, 2 * channels, grid[0], patch, grid[1], patch).permute(0, 2, 4, 1, 3, 5)
        x = dynamics.embed(tokens.reshape(batch, grid[0] * grid[1], 2 * channels * patch**2))  # (B, N, D)
        per_frame = dynamics.frame_condition(level, condition)[:, 0]  # (B, condition)
        parts = self.modulation(per_frame.to(self.kind)).float().view(batch, -1, width) + self.bias
        parts = [part.unsqueeze(1).unbind(2) for part in parts.split(self.sizes, 1)]  # of each block: each (B, 1, D)
        space = self._space_tables(grid, x.device)
        cos, sin = rotary_table(cache.count[:, None], dynamics.time_frequencies)
        turn = torch.cat([cos, cos], 1)[:, None, None], torch.cat([-sin, sin], 1)[:, None, None]  # (B, 1, 1, d)
        told = self._told(read[0])
        ring = 0
        for layer, part in zip(self.layers, parts[:-1], strict=True):
            x = torch.addcmul(x, part[2], self._space(layer, self._modulated(x, part[0], part[1]), space))
            if layer.time_qkv is not None:
                y = self._time(layer, self._modulated(x, part[6], part[7]), turn, cache, ring)
                x = torch.addcmul(x, part[8], y)
                ring += 1
            if layer.text is not None:
                x = x + self._text(layer, x, told[layer.number], read[1])
            y = layer.down(layer.up(self._modulated(x, part[3], part[4]))).float()
            x = torch.addcmul(x, part[5], y)
        normal = x * self._scale(x)
        clean = dynamics.out(torch.addcmul(parts[-1][0], normal, parts[-1][1]))
        clean = clean.view(batch, *grid, channels, patch, patch).permute(0, 3, 1, 4, 2, 5)
        said = F.linear(normal.mean(1), *self.heads)
        return clean.reshape(batch, 1, channels, height, breadth), said[:, None]

    def _space(self, layer: _Layer, x: torch.Tensor, table: list[Rotary]) -> torch.Tensor:
        batch, patches, width = x.shape
        heads = width // self.config.head_width
        qkv = layer.qkv(x).float().view(batch, patches, 3 * heads, -1)
        turned = self._turned(qkv[:, :, : 2 * heads], table[layer.number])
        q, k = turned[:, :, :heads].transpose(1, 2), turned[:, :, heads:].transpose(1, 2)
        v = qkv[:, :, 2 * heads :].transpose(1, 2)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, patches, width)
        return layer.out(y.to(self.kind)).float()

    def _time(self, layer: _Layer, x: torch.Tensor, turn: Rotary, cache: Cache, ring: int) -> torch.Tensor:
        assert layer.time_qkv is not None and layer.time_out is not None and layer.time_gains is not None
        batch, patches, width = x.shape
        keys, values = cache.keys[ring], cache.values[ring]  # (B, N, g, S, d)
        groups, slots, wide = keys.shape[2:]
        heads = width // wide
        qkv = layer.time_qkv(x).float().view(batch, patches, heads + 2 * groups, wide)
        gains = layer.time_gains
        turned = self._turned(qkv[:, :, : heads + groups], (gains[0] * turn[0], gains[1] * turn[1]))
        rows = torch.arange(batch, device=x.device)
        keys[rows, :, :, cache.slot] = turned[:, :, heads:].to(keys.dtype)
        values[rows, :, :, cache.slot] = qkv[:, :, heads + groups :].to(values.dtype)
        q = turned[:, :, :heads].reshape(batch, patches * groups, heads // groups, wide)
        k, v = (side.view(batch, patches * groups, slots, wide).to(q.dtype) for side in (keys, values))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=cache.seen[:, None])
        return layer.time_out(y.reshape(batch, patches, width).to(self.kind)).float()

    def _text(
        self, layer: _Layer, x: torch.Tensor, told: tuple[torch.Tensor, ...], seen: torch.Tensor
    ) -> torch.Tensor:
        """What the prompts add. A row without one looks at a single word: whatever others read, the same is added."""
        if len(told) == 1:
            return told[0]
        assert layer.text is not None and layer.text_norm is not None
        keys, values, single = told
        q = layer.text.query(layer.text_norm(x)).view(*x.shape[:2], layer.text.heads, -1)
        q = layer.text.query_norm(q).transpose(1, 2)
        y = F.scaled_dot_product_attention(q, keys, values, attn_mask=seen[:, None])
        y = layer.text.out(y.transpose(1, 2).reshape(x.shape))
        return torch.where(seen[:, :, 1:].any(2)[:, :, None], y, single)

    def _told(self, words: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
        """Keys and values of the words for each block, worked out when the prompts change."""
        if id(words) not in self.told:
            if len(self.told) == REMEMBERED:
                self.told.pop(next(iter(self.told)))
            self.told[id(words)] = words, [_keys_and_values(layer.text, words) for layer in self.layers]
        return self.told[id(words)][1]

    def _space_tables(self, grid: tuple[int, int], device: torch.device) -> list[Rotary]:
        """For each block the cosines and signed sines of the places of a frame, times its gains: each (N, H, d)."""
        if grid not in self.tables:
            cos, sin = rotary_table(space_coordinates(*grid).to(device), self.dynamics.space_frequencies)
            turn = torch.cat([cos, cos], 1)[:, None], torch.cat([-sin, sin], 1)[:, None]
            self.tables[grid] = [(layer.gains[0] * turn[0], layer.gains[1] * turn[1]) for layer in self.layers]
        return self.tables[grid]

    def _scale(self, x: torch.Tensor) -> torch.Tensor:
        """What normalises x (..., D) to a root mean square of one: (..., 1)."""
        size = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        return torch.addcmul(self.small, size, size, value=1 / x.shape[-1]).rsqrt_()

    def _modulated(self, x: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """`modulate(norm(x), shift, scale - 1)`, ready for a product."""
        return torch.addcmul(shift, x * self._scale(x), scale).to(self.kind)

    def _turned(self, x: torch.Tensor, table: Rotary) -> torch.Tensor:
        """Heads x (B, N, H, d) normalised, and turned by cosines and signed sines that hold their gains."""
        normal = x * self._scale(x)
        return normal.roll(normal.shape[-1] // 2, -1).mul_(table[1]).addcmul_(normal, table[0])


def _keys_and_values(text: TextAttention | None, words: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Of words (B, L, d), each (B, heads, L, d), and of the first, where it has all attention, what it adds (B, 1, D);
    of a single word that alone."""
    if text is None:
        return ()
    single = text.out(text.value(words[:, :1].contiguous()))
    if words.shape[1] == 1:
        return (single,)
    keys, values = (side(words).view(*words.shape[:2], text.heads, -1) for side in (text.key, text.value))
    return text.key_norm(keys).transpose(1, 2), values.transpose(1, 2), single


def _gains(attention: SpaceAttention | TimeAttention, queries: int, keys: int) -> Rotary:
    """Gains of the heads of queries and keys (heads, d), and the same with the halves of each head in turn."""
    pairs = ((attention.query_norm, queries), (attention.key_norm, keys))
    gains = torch.cat([norm.gain.detach().float().expand(heads, -1) for norm, heads in pairs if norm.gain is not None])
    return gains, gains.roll(gains.shape[1] // 2, 1)

