"""`Temperature`: the size of the noise that a frame begins as: low while a world shows detail, higher where it fades.

Below 1, frames keep closer to what is most likely: nearer to truth for a second, and paler for the next hundred, as
each frame is painted from the last. So where a frame shows less detail than almost any true one, the next begins from
more noise, and something comes into view again. It is a rule of ours, with figures in docs/training.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from worldsim.model.config import ConfigError, check_numbers

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

    def __post_init__(self) -> None:
        check_numbers(self, 0, 4, "usual", "faded")
        check_numbers(self, 0, math.inf, "least")
        if not min(self.usual, self.faded) > 0:
            raise ConfigError(f"Temperature.usual and faded must be above 0, got {self.usual} and {self.faded}")

    def after(self, last: torch.Tensor, begun: torch.Tensor) -> torch.Tensor:
        """The size (B,) for the frames that follow `last` (B, C, h, w), in the rows that have `begun`, bool (B,).

        Other rows begin with a frame that nothing precedes: 1, for there worlds differ by their noise alone.
        """
        rise = torch.zeros(len(last), device=last.device)
        if self.usual != self.faded and self.least > 0:
            rise = ((self.least - detail(last)) / ((1 - FADED) * self.least)).clamp(0, 1)
        return torch.where(begun, self.usual + (self.faded - self.usual) * rise, 1.0)

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
