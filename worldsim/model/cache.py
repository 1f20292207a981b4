"""`Cache`: what the dynamics network remembers of each world, in a ring of constant size.

A ring has window + 1 slots: `window` frames of the past and the frame at hand, whose slot every denoising pass
overwrites and the clean pass leaves behind. Rotary positions are absolute and grow without end, so the order of the
slots does not matter and rows may be of different ages.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["Cache"]


@dataclass
class Cache:
    """Keys and values of B worlds, one pair of tensors per layer that looks back in time.

    Attributes:
        keys, values: lists of (B, N, groups, window + 1, d).
        count: i64 (B,), frames written so far; the position of the frame at hand.
        last: (B, C, h, w), the last written latents as they were shown to the network; zeros at the start.
        led: f32 (B, A), the action that led to them, NaN where nobody knows it.
        shown: (B, K, C, h, w), the last K latents without noise, the newest first, for a `Refiner`; a world that is
            younger has its first ones repeated.
    """

    keys: list[torch.Tensor]
    values: list[torch.Tensor]
    count: torch.Tensor
    last: torch.Tensor
    led: torch.Tensor
    shown: torch.Tensor

    @property
    def slots(self) -> int:
        return self.keys[0].shape[3]

    @property
    def slot(self) -> torch.Tensor:
        """i64 (B,), where the frame at hand goes."""
        return self.count % self.slots

    @property
    def seen(self) -> torch.Tensor:
        """bool (B, 1, slots), the slots that the frame at hand may read, its own among them."""
        slots = torch.arange(self.slots, device=self.count.device)
        return (slots[None] <= self.count[:, None])[:, None]

    def advance(
        self, latents: torch.Tensor, led: torch.Tensor | None = None, shown: torch.Tensor | None = None
    ) -> None:
        """Keep the frame at hand, whose latents (B, C, h, w) the last pass wrote, and move on to the next.

        led: the action (B, A) that led to it, where it is known.
        shown: the same latents without noise, where that differs.
        """
        if self.shown.shape[1]:
            newest = (latents if shown is None else shown)[:, None].to(self.shown.dtype)
            young = (self.count == 0)[:, None, None, None, None]
            self.shown = torch.where(young, newest, torch.cat([newest, self.shown[:, :-1]], 1))
        self.count = self.count + 1
        self.last = latents
        self.led = torch.full_like(self.led, torch.nan) if led is None else led

    def clear(self, rows: torch.Tensor) -> None:
        """Forget everything about the given rows, i64 (R,)."""
        self.count = self.count.clone()
        self.count[rows] = 0
        self.last, self.led, self.shown = self.last.clone(), self.led.clone(), self.shown.clone()
        self.last[rows], self.led[rows], self.shown[rows] = 0, torch.nan, 0

    def take(self, rows: torch.Tensor) -> Cache:
        """A copy of the given rows, i64 (R,), as a cache of their own."""
        keys, values = ([part[rows] for part in parts] for parts in (self.keys, self.values))
        return Cache(keys, values, self.count[rows], self.last[rows], self.led[rows], self.shown[rows])

    def put(self, rows: torch.Tensor, other: Cache) -> None:
        """Write the rows of `other` over the given rows, i64 (R,), of this cache."""
        for mine, theirs in zip(self.keys + self.values, other.keys + other.values, strict=True):
            mine[rows] = theirs
        for name in ("count", "last", "led", "shown"):
            mine = getattr(self, name).clone()
            mine[rows] = getattr(other, name)
            setattr(self, name, mine)

    def copy(self) -> Cache:
        """A cache that shares no memory with this one."""
        return self.take(torch.arange(len(self.count)))
