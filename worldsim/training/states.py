"""States of a run on disk: all that going on exactly needs, in a folder each, of which the two newest are kept.

`states/step-00000200` holds weights, averages and what the optimisers remember, and in state.json the step, the
seconds so far, the last logged numbers and the config. Tensors are whole, or each rank's shards of them in a file of
its own; any number of ranks, sharded or not, goes on from either.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from torch import nn

from worldsim.files import remove_leftovers, replacing_folder, write_json
from worldsim.model.card import CheckpointError
from worldsim.model.tensors import load_weights, read_tensors, write_tensors
from worldsim.training.machine import TrainingError
from worldsim.training.parallel import barrier, cut_like, from_first, rank
from worldsim.training.shards import read_shards, shapes_of_shards, write_shards

__all__ = ["Fitted", "TrainingError", "clean", "fingerprint", "newest_state", "read_state", "write_state"]

STATES = "states"


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


def fingerprint(*texts: str) -> str:
    """A name for texts in their order: other texts, another name."""
    return blake2b("\n".join(texts).encode(), digest_size=6).hexdigest()


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
    config: dict[str, Any], inputs: Mapping[str, str], sharded: bool = False,
) -> None:  # fmt: skip
    """Add a state to a run, and remove all but the two newest. All ranks call it; sharded, all of them write."""
    moments = {
        f"{name}/{number}/{key}": torch.as_tensor(value)
        for name, optimiser in optimisers.items()
        for number, entry in optimiser.state_dict()["state"].items()
        for key, value in entry.items()
    }
    parts = {"weights": objective.state_dict(), "average": fitted.average, "optimisers": moments}
    state = {"step": fitted.step, "seconds": round(fitted.seconds, 1), "logs": fitted.logs, "config": config}
    state["inputs"] = dict(inputs)
    place = folder / STATES / f"step-{fitted.step:08d}"
    with replacing_folder(place) if rank() == 0 else nullcontext() as mine:
        if sharded:
            new = from_first(mine)
            assert new is not None
            for name, tensors in parts.items():
                write_shards(new / name, tensors)
        elif mine is not None:
            for name, tensors in parts.items():
                write_tensors(mine / f"{name}.safetensors", tensors)
        if mine is not None:
            write_json(mine / "state.json", state)
    if rank() == 0:
        for old in _states(folder)[:-2]:
            shutil.rmtree(old)
    barrier()


def read_state(
    place: Path, objective: nn.Module, fitted: Fitted, optimisers: dict[str, torch.optim.Optimizer], seed: int,
    inputs: Mapping[str, str],
) -> None:  # fmt: skip
    """Bring weights, average, optimisers and `fitted` to where the state in `place` stands.

    Raises:
        TrainingError: a state that is damaged, of another network, of another seed, or of other inputs.
    """
    try:
        state = json.loads((place / "state.json").read_text())
        if "seed" not in state.get("config", ()) or "step" not in state:
            raise ValueError("state.json tells neither step nor seed")
        begun_with, known = state["config"]["seed"], dict(state.get("inputs", {}))
        other = sorted(name for name in known.keys() & inputs.keys() if known[name] != inputs[name])
        if other:
            raise TrainingError(
                f"{place} was trained with {', '.join(other)} other than these; a resumed run keeps them: give the "
                "data, tokenizer and text encoder that it was begun with, or another folder"
            )
        if begun_with != seed:
            raise TrainingError(
                f"{place} was trained with seed {begun_with}, got seed {seed}; a resumed run keeps its seed"
            )
        moments = (_read_shards if (place / "weights").is_dir() else _read_whole)(place, objective, fitted, optimisers)
        fitted.step = int(state["step"])
        fitted.seconds, fitted.logs = float(state.get("seconds", 0.0)), dict(state.get("logs", {}))
    except (CheckpointError, ValueError, KeyError, TypeError, OSError) as error:
        raise TrainingError(
            f"{place} cannot be resumed ({error}); resume as it was begun, or remove it to go on from the state before"
        ) from error
    for name, optimiser in optimisers.items():
        entries: dict[int, dict[str, torch.Tensor]] = {}
        for key, tensor in moments.items():
            owner, number, field = key.split("/")
            if owner == name:
                entries.setdefault(int(number), {})[field] = tensor
        optimiser.load_state_dict({**optimiser.state_dict(), "state": entries})


def _read_whole(
    place: Path, objective: nn.Module, fitted: Fitted, optimisers: dict[str, torch.optim.Optimizer]
) -> dict[str, torch.Tensor]:
    """Fill weights and average from whole tensors; returns the optimisers' moments, cut as their parameters are."""
    weights = objective.state_dict()
    given = read_tensors(place / "weights.safetensors")
    cut = {name: cut_like(tensor, weights.get(name, tensor)) for name, tensor in given.items()}
    load_weights(objective, cut, f"{place}/weights.safetensors")
    averaged = read_tensors(place / "average.safetensors")
    for name, tensor in fitted.average.items():
        tensor.copy_(cut_like(averaged[name], tensor))
    moments = read_tensors(place / "optimisers.safetensors")
    return {key: cut_like(tensor, _parameter(optimisers, key, tensor)) for key, tensor in moments.items()}


def _read_shards(
    place: Path, objective: nn.Module, fitted: Fitted, optimisers: dict[str, torch.optim.Optimizer]
) -> dict[str, torch.Tensor]:
    """The same from shards."""
    read_shards(place / "weights", objective.state_dict())
    read_shards(place / "average", fitted.average)
    moments = {}
    for key, shape in shapes_of_shards(place / "optimisers").items():
        empty = torch.zeros(shape)
        moments[key] = torch.zeros_like(_parameter(optimisers, key, empty), dtype=empty.dtype)
    read_shards(place / "optimisers", moments)
    return moments


def _parameter(optimisers: dict[str, torch.optim.Optimizer], key: str, tensor: torch.Tensor) -> torch.Tensor:
    """The parameter that a moment belongs to and is cut like; the tensor itself where it counts steps."""
    owner, number, _ = key.split("/")
    parameters = [p for group in optimisers[owner].param_groups for p in group["params"]]
    return parameters[int(number)] if tensor.ndim else tensor
