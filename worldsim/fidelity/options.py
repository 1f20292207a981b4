"""The options of `worldsim eval`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from worldsim.data.sources import HELDOUT
from worldsim.fidelity.heldout import FidelityError
from worldsim.fidelity.report import LAST

__all__ = ["EVENT_STEPS", "Evaluate", "Probe"]

Probe = Literal["next-frame", "free-running", "stamina", "actions", "prompts", "events"]
EVENT_STEPS = 32  # frames that a text event has to show itself


@dataclass(frozen=True)
class Evaluate:
    """Measure how close a learned world is to the true one, in worlds that training never saw."""

    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder."""
    data: Path | None = None
    """Dataset whose held-out worlds are used; without it, new worlds of the true env are recorded for the purpose."""
    probes: tuple[Probe, ...] = ("next-frame", "free-running", "stamina")
    """What to measure. The last three need readers, which are trained when they are not in --readers yet. Stamina, and
    how readings of actions drift, need --long."""
    size: tuple[int, int] | None = None
    """Height and width in pixels to measure at, instead of the checkpoint's own. New worlds of an env with the keyword
    `size` are drawn at it; those of any other are resized."""
    heldout: float = HELDOUT
    """Share of the dataset's worlds that training held out."""
    policy: str = ""
    """Who acts in new worlds: "random", or "module:function"; scripted exploration in the voxel world by default."""
    workers: int = 1
    """Processes that record new worlds."""
    worlds: int = 64
    """Worlds to measure in; intervals are over them."""
    windows: int = 2
    """Windows from each world."""
    context: int = 16
    """True frames given before the first prediction."""
    steps: int = 16
    """Free-running steps that are compared with truth."""
    long: int = 0
    """Free-running steps under random actions, 1000 for the whole test; 0 leaves it out."""
    long_worlds: int = 8
    """How many such rollouts."""
    clips: int = 64
    """Clips made from noise under prompts."""
    event_worlds: int = 48
    """Worlds whose prompt changes in mid-rollout."""
    sky_worlds: int = 48
    """New worlds under changing skies, in which the reader of attributes is validated."""
    readers: Path = Path("out/readers")
    """Folder where readers are kept."""
    passes: int | None = None
    """Denoising passes per free-running frame; by default as many as the checkpoint plays with."""
    temperature: float | None = None
    """Size of the noise that such a frame begins as; by default as the checkpoint plays."""
    action_guidance: float = 1.0
    """How strongly actions pull on such a frame; other than 1 doubles its passes."""
    seed: int = 0
    """Decides the new worlds, the windows, the noise and the bootstrap."""
    resamples: int = 10_000
    """Bootstrap samples."""
    rows: int = 16
    """Windows at a time."""
    device: str = "cpu"
    """Where the networks run."""
    out: Path = Path("out/eval")
    """Folder for report.json, report.png, trials.jsonl and long.png."""

    def __post_init__(self) -> None:
        least = {"seed": 0, "long": 0} | dict.fromkeys(("worlds", "event_worlds", "sky_worlds"), 2)
        counts = ("windows", "context", "steps", "long_worlds", "clips", "passes", "resamples", "rows")
        for name, lowest in (least | dict.fromkeys(counts, 1)).items():
            if (value := getattr(self, name)) is not None and value < lowest:
                option = name.replace("_", "-")
                raise FidelityError(f"--{option} must be at least {lowest}, got {value}")
        if 0 < self.long <= LAST:
            raise FidelityError(f"--long must be 0, or more than the {LAST} frames it looks at, got {self.long}")
        if self.size is not None and min(self.size) < 1:
            raise FidelityError(f"--size must be two numbers of pixels, got {self.size[0]} {self.size[1]}")
        if not self.probes:
            raise FidelityError("--probes must name at least one")
        if "actions" in self.probes and self.steps < 2:
            raise FidelityError(f"reading actions needs --steps of at least 2, got {self.steps}")
