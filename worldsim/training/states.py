"""States of a run on disk: all that going on exactly needs, in a folder each, of which the two newest are kept.

`states/step-00000200` holds weights, averages and what the optimisers remember, and in state.json the step, the
seconds so far, the last logged numbers and the config.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from worldsim.files import remove_leftovers, replacing_folder, write_json
from worldsim.model.card import CheckpointError
from worldsim.model.tensors import load_weights, read_tensors, write_tensors

__all__ = ["Fitted", "TrainingError", "clean", "newest_state", "read_state", "write_state"]

STATES = "states"


class TrainingError(RuntimeError):
    """A run that cannot go on."""


@dataclass
class Fitted:
    """Where a run stands: `step` of the config's steps done in so many seconds (of all its pieces), the averaged
    weights, the last logged numbers."""

    step: int
    seconds: float
    average: dict[str, torch.Tensor]
    logs: dict[str, float]


def _states(folder: Path) -> list[Path]:
    """The folders of the states of a run, the newest last."""
    return sorted(path for path in (folder / STATES).glob("step-????????") if path.is_dir())


def newest_state(folder: Path) -> Path | None:
    """The folder of a run's newest state, None before the first."""
    states = _states(folder)
    return states[-1] if states else None


def clean(folder: Path) -> None:
    """Remove what kills of earlier processes left half written in the folder of a run."""
    for place in (folder, folder / STATES):
        remove_leftovers(place)


def write_state(
    folder: Path, fitted: Fitted, objective: nn.Module, optimisers: dict[str, torch.optim.Optimizer],
    config: dict[str, Any],
) -> None:  # fmt: skip
    """Add a state to a run, and remove all but the two newest."""
    moments = {
        f"{name}/{number}/{key}": torch.as_tensor(value)
        for name, optimiser in optimisers.items()
        for number, entry in optimiser.state_dict()["state"].items()
        for key, value in entry.items()
    }
    with replacing_folder(folder / STATES / f"step-{fitted.step:08d}") as new:
        write_tensors(new / "weights.safetensors", objective.state_dict())
        write_tensors(new / "average.safetensors", fitted.average)
        write_tensors(new / "optimisers.safetensors", moments)
        state = {"step": fitted.step, "seconds": round(fitted.seconds, 1), "logs": fitted.logs}
        write_json(new / "state.json", state | {"config": config})
    for old in _states(folder)[:-2]:
        shutil.rmtree(old)


def read_state(
    place: Path, objective: nn.Module, fitted: Fitted, optimisers: dict[str, torch.optim.Optimizer], seed: int
) -> None:
    """Bring weights, average, optimisers and `fitted` to where the state in `place` stands.

    Raises:
        TrainingError: a state that is damaged, of another network, or of another seed.
    """
    try:
        state = json.loads((place / "state.json").read_text())
        load_weights(objective, read_tensors(place / "weights.safetensors"), f"{place}/weights.safetensors")
        averaged = read_tensors(place / "average.safetensors")
        for name, tensor in fitted.average.items():
            tensor.copy_(averaged[name])
        moments = read_tensors(place / "optimisers.safetensors")
        fitted.step, begun_with = int(state["step"]), state["config"]["seed"]
        fitted.seconds, fitted.logs = float(state.get("seconds", 0.0)), dict(state.get("logs", {}))
    except (CheckpointError, ValueError, KeyError, TypeError, OSError) as error:
        raise TrainingError(
            f"{place} cannot be resumed ({error}); resume as it was begun, or remove it to go on from the state before"
        ) from error
    if begun_with != seed:
        raise TrainingError(
            f"{place} was trained with seed {begun_with}, got seed {seed}; a resumed run keeps its seed"
        )
    for name, optimiser in optimisers.items():
        entries: dict[int, dict[str, torch.Tensor]] = {}
        for key, tensor in moments.items():
            owner, number, field = key.split("/")
            if owner == name:
                entries.setdefault(int(number), {})[field] = tensor
        optimiser.load_state_dict({**optimiser.state_dict(), "state": entries})
