"""The parts of a transformer block: normalisation, rotary positions, attention over space, time and text, MLP.

Tokens are (B, T, N, D) throughout: B worlds, T frames, N patches of a frame, D channels. Conditions modulate a whole
frame, so modulation is (B, T, 1, D).
"""

from __future__ import annotations

import math

import torch
from einops import rearrange, repeat
from torch import nn
from torch.nn import functional as F

__all__ = [
    "MLP",
    "RMSNorm",
    "SpaceAttention",
    "TextAttention",
    "TimeAttention",
    "fourier",
    "modulate",
    "rotary_table",
    "rotate",
]

Rotary = tuple[torch.Tensor, torch.Tensor]  # cos and sin, each (..., d/2)


class RMSNorm(nn.Module):
    """Root-mean-square normalisation over the last axis, computed in float32, with a learned gain if `gain`."""

    def __init__(self, width: int, gain: bool = True) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width)) if gain else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        wide = x.float()
        normal = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-6)
        if self.gain is not None:
            normal = normal * self.gain
        return normal.to(x.dtype)


def modulate(x: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """AdaLN (DiT, arXiv 2212.09748): x (B, T, N, D) scaled and shifted by (B, T, 1, D)."""
    return x * (1 + scale) + shift


def fourier(value: torch.Tensor, width: int) -> torch.Tensor:
    """Sines and cosines of values in [0, 1] at geometric frequencies: (...) → (..., width)."""
    frequencies = torch.exp(torch.linspace(0.0, math.log(256.0), width // 2, device=value.device))
    angle = value[..., None].float() * frequencies * math.pi
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


def rotary_table(position: torch.Tensor, frequencies: torch.Tensor) -> Rotary:
    """cos and sin for positions (..., axes) with frequencies (axes, f): each (..., axes·f).

    The angle is taken in float64, so positions never run out: only differences matter, and they stay exact.
    """
    angle = (position.double()[..., None] * frequencies.double()).flatten(-2)
    return angle.cos().float(), angle.sin().float()


def rotate(x: torch.Tensor, table: Rotary) -> torch.Tensor:
    """Rotary positions (arXiv 2104.09864) on x (..., d), first half paired with second half."""
    cos, sin = table
    first, second = x.float().chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1).to(x.dtype)


class SpaceAttention(nn.Module):
    """Attention among the patches of one frame."""

    def __init__(self, width: int, head_width: int) -> None:
        super().__init__()
        self.heads = width // head_width
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.query_norm, self.key_norm = RMSNorm(head_width), RMSNorm(head_width)

    def forward(self, x: torch.Tensor, table: Rotary) -> torch.Tensor:
        batch, time = x.shape[:2]
        q, k, v = rearrange(self.qkv(x), "b t n (s h d) -> s (b t) h n d", s=3, h=self.heads)  # (B·T, h, N, d)
        q, k = rotate(self.query_norm(q), table), rotate(self.key_norm(k), table)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.out(rearrange(y, "(b t) h n d -> b t n (h d)", b=batch, t=time))


class TimeAttention(nn.Module):
    """Attention of each patch to the same place in other frames; grouped queries (arXiv 2305.13245) keep the cache
    small: `groups` heads of keys and values serve all heads of queries."""

    def __init__(self, width: int, head_width: int, groups: int) -> None:
        super().__init__()
        self.heads, self.groups = width // head_width, groups
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, groups * head_width, bias=False)
        self.value = nn.Linear(width, groups * head_width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.query_norm, self.key_norm = RMSNorm(head_width), RMSNorm(head_width)

    def _project(self, x: torch.Tensor, table: Rotary) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """q (B, N, h, T, d), k and v (B, N, g, T, d), rotated to their frames' positions."""
        at = tuple(part[:, None, None] for part in table)  # (B, 1, 1, T, d/2)
        q = rearrange(self.query(x), "b t n (h d) -> b n h t d", h=self.heads)
        k = rearrange(self.key(x), "b t n (g d) -> b n g t d", g=self.groups)
        v = rearrange(self.value(x), "b t n (g d) -> b n g t d", g=self.groups)
        return rotate(self.query_norm(q), at), rotate(self.key_norm(k), at), v  # pyright: ignore[reportArgumentType]

    def _attend(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        batch = q.shape[0]
        share = self.heads // self.groups
        q = rearrange(q, "b n (g s) t d -> (b n) g (s t) d", s=share)  # the queries of a group side by side
        k, v = rearrange(k, "b n g t d -> (b n) g t d"), rearrange(v, "b n g t d -> (b n) g t d")
        mask = repeat(mask, "b t u -> (b n) 1 (s t) u", n=q.shape[0] // mask.shape[0], s=share)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(rearrange(y, "(b n) g (s t) d -> b t n (g s d)", b=batch, s=share))

    def forward(self, x: torch.Tensor, table: Rotary, mask: torch.Tensor) -> torch.Tensor:
        """x (B, T, N, D); table over (B, T); mask bool (B or 1, T, T), True where row may look at column."""
        return self._attend(*self._project(x, table), mask)

    def step(
        self, x: torch.Tensor, table: Rotary, keys: torch.Tensor, values: torch.Tensor, slot: torch.Tensor,
        seen: torch.Tensor,
    ) -> torch.Tensor:  # fmt: skip
        """One frame x (B, 1, N, D) against a ring of keys and values (B, N, g, S, d).

        The frame's own key and value go into `slot` (B,) of the ring, so nothing is copied; the next pass over the
        same frame overwrites them. seen: bool (B, 1, S).
        """
        q, k, v = self._project(x, table)
        rows = torch.arange(len(slot), device=slot.device)
        keys[rows, :, :, slot] = k[:, :, :, 0].to(keys.dtype)
        values[rows, :, :, slot] = v[:, :, :, 0].to(values.dtype)
        return self._attend(q, keys.to(q.dtype), values.to(q.dtype), seen)


class TextAttention(nn.Module):
    """Attention of patches to the words of the prompts."""

    def __init__(self, width: int, head_width: int, text_width: int) -> None:
        super().__init__()
        self.heads = width // head_width
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(text_width, width, bias=False)
        self.value = nn.Linear(text_width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.query_norm, self.key_norm = RMSNorm(head_width), RMSNorm(head_width)

    def forward(self, x: torch.Tensor, words: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """x (B, T, N, D), words (B, L, text width), seen bool (B, T, L): which words each frame reads."""
        time, patches = x.shape[1:3]
        q = self.query_norm(rearrange(self.query(x), "b t n (h d) -> b h (t n) d", h=self.heads))
        k = self.key_norm(rearrange(self.key(words), "b l (h d) -> b h l d", h=self.heads))
        v = rearrange(self.value(words), "b l (h d) -> b h l d", h=self.heads)
        mask = repeat(seen, "b t l -> b 1 (t n) l", n=patches)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(rearrange(y, "b h (t n) d -> b t n (h d)", t=time))


class MLP(nn.Module):
    """Two linear layers with a GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(F.gelu(self.up(x), approximate="tanh"))
