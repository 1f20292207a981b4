"""`Temperature`: the size of the noise that a frame begins as: low while a world shows detail, higher where it fades.

Below 1, frames keep closer to what is most likely: nearer to truth for a second, and paler for the next hundred, as
each frame is painted from the last. So where a frame shows less detail than almost any true one, the next begins from
more noise, and something comes into view again: most of all once no given frame is left in memory that it could be
nearer to. It is a rule of ours, with figures in docs/training.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from worldsim.model.config import ConfigError, check_numbers, check_whole

__all__ = ["Temperature", "detail"]

FADED = 0.6  # of `Temperature.least`: there the noise is as large as it gets
CLEAR = 1.4  # of it: a frame with so much detail is as clear as any


@dataclass(frozen=True)
class Temperature:
    """What a `World` begins its frames with."""

    usual: float = 1.0
    """Size of the noise as long as there is detail; 1 is as in training."""
    faded: float = 1.0
    """Size where hardly any is left."""
    least: float = 0.0
    """Detail below which a frame counts as fading; see `detail`."""
    late: float | None = None
    """Size where hardly any is left in worlds of `late_from` frames and more; `faded` by default."""
    late_from: int = 64
    """Frames of a world, given ones among them, after which `late` stands for `faded`."""

    def __post_init__(self) -> None:
        check_whole(self, 1, "late_from")
        check_numbers(self, 0, 4, "usual", "faded")
        check_numbers(self, 0, math.inf, "least")
        if self.late is not None:
            check_numbers(self, 0, 4, "late")
        if not min(self.usual, self.faded, 1.0 if self.late is None else self.late) > 0:
            given = f"{self.usual}, {self.faded} and {self.late}"
            raise ConfigError(f"Temperature.usual, faded and late must be above 0, got {given}")

    def after(self, last: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
        """The size (B,) for the frames that follow `last` (B, C, h, w) in worlds of `count` frames so far, i64 (B,).

        Worlds without any begin with a frame that nothing precedes: 1, for there they differ by their noise alone.
        """
        rise = torch.zeros(len(last), device=last.device)
        if self.least > 0:
            rise = ((self.least - detail(last)) / ((1 - FADED) * self.least)).clamp(0, 1)
        most = torch.where(count < self.late_from, self.faded, self.faded if self.late is None else self.late)
        return torch.where(count > 0, self.usual + (most - self.usual) * rise, 1.0)

    def clear(self, shown: torch.Tensor) -> torch.Tensor:
        """How clearly frames (B, C, h, w) show detail, (B,): 0 up to `least`, 1 from `CLEAR` times that on.

        A refiner keeps the detail that there is; where there is none left, it would keep that.
        """
        if self.least == 0:
            return torch.ones(len(shown), device=shown.device)
        return ((detail(shown) / self.least - 1) / (CLEAR - 1)).clamp(0, 1)


def detail(latents: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference between neighbouring cells of latents (B, C, h, w): (B,)."""
    across, down = (latents.float().diff(dim=axis).abs().mean((1, 2, 3)) for axis in (-1, -2))
    return (across + down) / 2
