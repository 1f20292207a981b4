"""What a planner draws its candidates from: a distribution over each held stretch, which moves towards the best."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from gymnasium import spaces

from worldsim_agents.rl.actions import counts

__all__ = ["Gaussians", "Numbers", "Proposal", "proposal_of"]

KEPT = 0.25  # of a distribution, while it moves
CHANCE = 0.1  # of a numbered action, that it is any one
NARROWEST = 0.05  # standard deviation in [-1, 1] below which a search for the best would have ended too early


class Proposal(Protocol):
    """Choices for S stretches."""

    def draw(self, candidates: int, rng: np.random.Generator) -> np.ndarray:
        """Choices (N, S, …) of so many candidates."""
        ...

    def learn(self, elites: np.ndarray) -> None:
        """Move towards choices (K, S, …)."""
        ...


class Numbers:
    """Numbered actions, or several numbers at once: each by its own chances, which begin all alike."""

    def __init__(self, stretches: int, space: spaces.Space[Any]) -> None:
        self._shape, many = space.shape or (), counts(space).reshape(-1)  # (P,), how many values each number has
        known = np.arange(many.max()) < many[:, None]
        self._alike = known / many[:, None]  # (P, n)
        self._chances = np.repeat(self._alike[None], stretches, axis=0)  # (S, P, n)

    def draw(self, candidates: int, rng: np.random.Generator) -> np.ndarray:
        stretches, parts, _ = self._chances.shape
        cut = rng.random((candidates, stretches, parts, 1))
        drawn = (cut > self._chances.cumsum(axis=2)).sum(axis=3)
        drawn = np.minimum(drawn, (self._alike > 0).sum(axis=1) - 1)  # sums may end a little below 1
        return drawn.reshape(candidates, stretches, *self._shape)

    def learn(self, elites: np.ndarray) -> None:
        places = elites.reshape(len(elites), *self._chances.shape[:2], 1) == np.arange(self._chances.shape[2])
        self._chances = KEPT * self._chances + (1 - KEPT - CHANCE) * places.mean(axis=0) + CHANCE * self._alike


class Gaussians:
    """Values in [-1, 1]: first all alike, then by a mean and a standard deviation each, cut off at the bounds."""

    def __init__(self, stretches: int, space: spaces.Box) -> None:
        self._shape = (stretches, *space.shape)
        self._mean: np.ndarray | None = None
        self._spread = np.full(self._shape, 3**-0.5)  # of values that are all alike in [-1, 1]

    def draw(self, candidates: int, rng: np.random.Generator) -> np.ndarray:
        shape = (candidates, *self._shape)
        if self._mean is None:
            return rng.uniform(-1.0, 1.0, shape).astype(np.float32)
        return np.clip(rng.normal(self._mean, self._spread, shape), -1.0, 1.0).astype(np.float32)

    def learn(self, elites: np.ndarray) -> None:
        before = np.zeros(self._shape) if self._mean is None else self._mean
        self._mean = KEPT * before + (1 - KEPT) * elites.mean(axis=0)
        spread = KEPT * self._spread + (1 - KEPT) * elites.std(axis=0)
        self._spread = np.maximum(spread, NARROWEST)


def proposal_of(stretches: int, space: spaces.Space[Any]) -> Proposal:
    """Where a search begins in a space that agents choose in."""
    return Gaussians(stretches, space) if isinstance(space, spaces.Box) else Numbers(stretches, space)
