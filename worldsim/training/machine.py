"""What the machine at hand is good for: its device, bfloat16 products, compiling. Training uses what there is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal, get_args

import torch
from torch import nn

from worldsim.model.precision import has_bfloat16

__all__ = ["Device", "TrainingError", "choose_device", "compile_modules", "has_bfloat16", "moved"]

Device = Literal["auto", "cpu", "cuda"]


class TrainingError(RuntimeError):
    """A run that cannot go on, or cannot begin."""


def choose_device(device: Device) -> torch.device:
    """The device to train on; on a machine with several GPUs each process takes its own.

    Raises:
        TrainingError: no such device here.
    """
    if device not in get_args(Device):
        raise TrainingError(f"device must be one of {get_args(Device)}, got {device!r}")
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise TrainingError("device cuda was asked for, and torch finds none; leave --device out to train on the CPU")
    if device == "cpu" or not there:
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def moved(batch: Any, device: torch.device) -> Any:
    """A batch on a device: a tensor, or a tuple or a dataclass that holds some."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, tuple):
        return tuple(moved(part, device) for part in batch)
    if is_dataclass(batch) and not isinstance(batch, type):
        return replace(batch, **{field.name: moved(getattr(batch, field.name), device) for field in fields(batch)})
    return batch


def compile_modules(modules: Iterable[nn.Module]) -> bool:
    """Compile modules in place, or say why that cannot be done here; returns whether they will be compiled."""
    try:
        torch.compile(_probe)(torch.ones(8))  # needs a C++ compiler and Python's headers
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        print(f"training goes on uncompiled, about 1.4 times slower: torch.compile does not work here ({reason})")
        return False
    torch._dynamo.config.recompile_limit = 64  # kinds of blocks × shapes of batches × with and without gradients
    for module in modules:
        module.compile(dynamic=False)
    return True


def _probe(x: torch.Tensor) -> torch.Tensor:
    return x + 1
