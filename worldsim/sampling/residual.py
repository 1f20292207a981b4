"""`Residual`: what the tokenizer lost of the last given frames, which stays in the picture where that stays the same.

A decoder gives a given frame back a little worse than it came: its finest detail, text, a crosshair. The first frame
that a world imagines would show that loss everywhere, although most of it still looks as it did. So what was lost is
kept and added again, less and less the further a part of the picture is from what it was. Only pictures change: latents
are as they were, and nothing that is shown is read back. It is a rule of ours, with figures in docs/training.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch.nn import functional as F

__all__ = ["Residual"]

APART = 0.04  # mean absolute difference, of pixels in [-1, 1], at which half of what was lost is added


@dataclass(frozen=True)
class Residual:
    """Of B worlds.

    Attributes:
        painted: (B, 3, H, W) in [-1, 1], the last given frames as the decoder paints them.
        lost: (B, 3, H, W), what those lack.
        age: i64 (B,), frames since.
    """

    painted: torch.Tensor
    lost: torch.Tensor
    age: torch.Tensor

    @classmethod
    def none(cls, rows: int, height: int, width: int, device: torch.device) -> Residual:
        """Of worlds that were given nothing."""
        nothing = torch.zeros(rows, 3, height, width, device=device)
        return cls(nothing, nothing, torch.zeros(rows, dtype=torch.int64, device=device))

    @classmethod
    def of(cls, frames: torch.Tensor, painted: torch.Tensor) -> Residual:
        """Of given frames (B, 3, H, W) in [-1, 1], and what the decoder makes of them."""
        return cls(painted, frames - painted, torch.zeros(len(frames), dtype=torch.int64, device=frames.device))

    def older(self) -> Residual:
        """The same, a frame later."""
        return replace(self, age=self.age + 1)

    def onto(self, painted: torch.Tensor, cell: int, window: int | None = None) -> torch.Tensor:
        """Frames (B, 3, H, W), as the decoder paints them, with what they share of what was lost.

        Args:
            painted: as above.
            cell: side in pixels of the parts that are compared.
            window: frames for which a given frame counts; None for ever.
        """
        apart = F.avg_pool2d((painted - self.painted).abs().mean(1, keepdim=True), cell)
        apart = F.interpolate(apart, painted.shape[2:], mode="bilinear", align_corners=False)
        share = 1 / (1 + (apart / APART).square())
        if window is not None:
            share = share * (self.age <= window)[:, None, None, None]
        return painted + share * self.lost

    def take(self, rows: torch.Tensor) -> Residual:
        """The given rows, i64 (R,)."""
        return Residual(self.painted[rows], self.lost[rows], self.age[rows])

    def put(self, rows: torch.Tensor, other: Residual) -> Residual:
        """This one, with the rows of `other` in the given rows, i64 (R,)."""
        parts = [
            getattr(self, name).index_copy(0, rows, getattr(other, name)) for name in ("painted", "lost", "age")
        ]
        return Residual(*parts)
