"""`Bench`: the two simulators of a study and its seed, as every probe gets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from worldsim.fidelity.harness.scenes import Scene
from worldsim.fidelity.harness.simulator import Simulator
from worldsim.fidelity.heldout import FIRST_SEED, FidelityError

__all__ = ["Bench", "Strip", "Trial"]

ATTEMPTS = 8  # worlds that are tried before a scene counts as impossible


@dataclass(frozen=True)
class Strip:
    """A film strip for the report: truth above, the candidate below, from the frame that both were given on.

    Attributes:
        truth, shown: u8 (F, H, W, 3).
        steps: the step of each column, 0 for the given frame.
        parted: the step at which they part, 0 for never.
        names: of the two rows.
    """

    truth: np.ndarray
    shown: np.ndarray
    steps: tuple[int, ...]
    parted: int
    names: tuple[str, str] = ("truth", "candidate")


@dataclass(frozen=True)
class Trial:
    """What one trial gave: what stands in its line, and strips for the report."""

    seed: int
    payload: dict[str, Any]
    strips: tuple[Strip, ...] = ()


@dataclass
class Bench:
    """The simulators of a study.

    Attributes:
        candidate: who is measured.
        reference: the true world, None at level A.
        seed: decides all trials, each by its probe and its index.
        readers: folder of learned readers, where those that are not there yet are put.
        decodes: whether a state decoder reads beside the renderer.
        kept: what probes find out once, by probe.
    """

    candidate: Simulator
    reference: Simulator | None
    seed: int
    readers: Path = Path("out/readers")
    decodes: bool = True
    kept: dict[str, Any] = field(default_factory=dict)

    def draws(self, probe: str, index: int, attempt: int = 0) -> np.random.Generator:
        """The random numbers of a trial: they depend on no other."""
        return np.random.default_rng([self.seed, crc32(probe.encode()), index, attempt])

    def world_seed(self, probe: str, index: int, attempt: int = 0) -> int:
        """A world seed in [2**30, 2**31); that training met this very world is a matter of one in a million."""
        return FIRST_SEED + int(self.draws(probe, index, attempt).integers(FIRST_SEED))

    @property
    def true(self) -> Simulator:
        """The reference. Raises `FidelityError` without one."""
        if self.reference is None:
            raise FidelityError("this probe needs a reference; give --reference")
        return self.reference

    def scene(self, probe: str, stage: str, index: int, detail: Mapping[str, Any]) -> Scene:
        """Stage a scene in a world of its own; worlds in which it cannot be staged are passed over.

        Raises:
            FidelityError: the reference has no such stage, it takes no such detail, or no world of several tried allows
                it.
        """
        raw: Any = self.true.env.unwrapped
        stages: Mapping[str, Callable[..., Scene]] = raw.stages()
        if stage not in stages:
            raise FidelityError(f"{self.true.name} stages no {stage!r}; it has {', '.join(stages)}")
        try:
            signature(stages[stage]).bind(raw, 0, index, **detail)
        except TypeError as error:
            raise FidelityError(f"{self.true.name} stages {stage!r}, but not as it is asked for: {error}") from error
        reasons: list[str] = []
        for attempt in range(ATTEMPTS):
            try:
                return stages[stage](raw, self.world_seed(probe, index, attempt), index, **detail)
            except ValueError as error:  # the stage's own: this world does not allow it
                reasons.append(str(error))
        raise FidelityError(f"{probe}, trial {index}: no world of {ATTEMPTS} allows the scene: {reasons[-1]}")
