"""`Lanes`: a memory of exactly the last `window` frames, for networks whose own reaches farther.

To hide older slots of a ring would not do: what a frame leaves in a deeper layer holds what that layer saw of the
frames before it. So each world has window + 1 rings, one begun with each frame in turn, and that one is read which
began `window` frames ago.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from worldsim.model.cache import Cache
from worldsim.model.conditions import Condition, Prediction
from worldsim.model.dynamics import Dynamics

__all__ = ["Lanes"]


@dataclass
class Lanes:
    """The rings of B worlds.

    Attributes:
        rings: of B·(window + 1) rows, those of a world beside each other.
        age: i64 (B,), frames written so far.
        window: how many past frames a new one depends on.
    """

    rings: Cache
    age: torch.Tensor
    window: int

    @property
    def seen(self) -> Cache:
        """A copy of the rings that the next frame reads, B rows."""
        return self.rings.take(self._rows(self.age + 1))

    def write(
        self, dynamics: Dynamics, kept: torch.Tensor, level: torch.Tensor, condition: Condition,
        read: tuple[torch.Tensor, torch.Tensor], led: torch.Tensor, shown: torch.Tensor,
    ) -> Prediction:  # fmt: skip
        """The clean pass over the frame at hand, in all rings, as `Dynamics.step`; then it is kept in them.

        The action that led to it, (B, A), is NaN where nobody knows it; `shown` is the frame without noise.

        Returns:
            What the ring that was read says, B rows.
        """
        self.rings.clear(self._rows(self.age))  # the one that begins with this frame
        chosen = self._rows(self.age + 1)
        wide = replace(condition, actions=self._wide(condition.actions), acted=self._wide(condition.acted))
        words, told = (self._wide(part) for part in read)
        said = dynamics.step(self._wide(kept), self._wide(level), wide, self.rings, (words, told))
        self.rings.advance(self._wide(kept)[:, 0], self._wide(led), self._wide(shown)[:, 0])
        self.age = self.age + 1
        return Prediction(said.clean[chosen], said.events[chosen], said.end[chosen], said.actions[chosen])

    def clear(self, rows: torch.Tensor) -> None:
        """Forget everything about the given worlds, i64 (R,)."""
        self.rings.clear(self._all(rows))
        self.age = self.age.clone()
        self.age[rows] = 0

    def take(self, rows: torch.Tensor) -> Lanes:
        """A copy of the given worlds, i64 (R,), as lanes of their own."""
        return Lanes(self.rings.take(self._all(rows)), self.age[rows], self.window)

    def put(self, rows: torch.Tensor, other: Lanes) -> None:
        """Write the worlds of `other` over the given ones, i64 (R,)."""
        self.rings.put(self._all(rows), other.rings)
        self.age = self.age.clone()
        self.age[rows] = other.age

    def copy(self) -> Lanes:
        """Lanes that share no memory with these."""
        return self.take(torch.arange(len(self.age), device=self.age.device))

    def _rows(self, turn: torch.Tensor) -> torch.Tensor:
        """The row of each world's ring in this turn (B,)."""
        count = self.window + 1
        return torch.arange(len(turn), device=turn.device) * count + turn % count

    def _all(self, rows: torch.Tensor) -> torch.Tensor:
        """The rows of all rings of the given worlds."""
        count = self.window + 1
        return (rows[:, None] * count + torch.arange(count, device=rows.device)).flatten()

    def _wide(self, part: torch.Tensor) -> torch.Tensor:
        return part.repeat_interleave(self.window + 1, 0)
