"""Training by several processes: who this one is, which rows are its own, and what all of them agree on.

One process is the no-op case of everything here. Several are started by `torchrun`; they share every batch, each taking
its part of the rows, so that the whole batch, its random numbers and its loss are those of one process. DDP averages
their gradients; or FSDP2 (arXiv 2304.11277) cuts weights, averages and optimisers into shards too, when they are too
large for one device.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.tensor import DTensor, distribute_tensor

from worldsim.training.machine import Device, choose_device

__all__ = [
    "any_rank",
    "barrier",
    "cut_like",
    "drawn",
    "from_first",
    "joined",
    "mean",
    "parallel",
    "rank",
    "ranks",
    "shard",
    "total",
    "whole",
]

Item = TypeVar("Item")

PATIENCE = timedelta(hours=2)  # how long ranks wait for each other: one of them may be encoding a dataset


def ranks() -> int:
    """Processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Which of them this is, in [0, ranks)."""
    return dist.get_rank() if ranks() > 1 else 0


@contextmanager
def joined(device: Device) -> Iterator[torch.device]:
    """Meet the other processes that `torchrun` started, if it did; yields the device of this one."""
    place = choose_device(device)
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        yield place
        return
    if place.type == "cuda":
        torch.cuda.set_device(place)
    backend = "cpu:gloo,cuda:nccl" if place.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)
    try:
        yield place
    finally:
        gc.collect()  # a group that shards still hold would end with the interpreter, and its threads abort the process
        dist.destroy_process_group()
        gc.collect()


# -- what all ranks agree on -----------------------------------------------------------------------------------------


def barrier() -> None:
    """Wait for all ranks."""
    if ranks() > 1:
        total(torch.zeros(()))


def total(numbers: torch.Tensor) -> torch.Tensor:
    """The sum over all ranks, without gradient."""
    numbers = numbers.detach()
    if ranks() > 1:
        numbers = numbers.clone()
        dist.all_reduce(numbers)
    return numbers


def mean(numbers: torch.Tensor) -> torch.Tensor:
    """The mean over all ranks, without gradient."""
    return total(numbers) / ranks()


def any_rank(flag: bool) -> bool:
    """Whether the flag is up on any rank."""
    return flag if ranks() == 1 else bool(total(torch.tensor(float(flag))) > 0)


def from_first(item: Item) -> Item:
    """What rank 0 has, on every rank."""
    if ranks() == 1:
        return item
    box: list[Any] = [item]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def drawn(
    draw: Callable[..., torch.Tensor], shape: Sequence[int], generator: torch.Generator, device: torch.device | str
) -> torch.Tensor:
    """This rank's rows of what one process would draw for the rows of all, on `device`; a scalar is shared by all.

    Every rank draws all of it and keeps its part: noise for a few hundred rows costs little, and the batch stays the
    same however many ranks there are.
    """
    if ranks() == 1 or not shape:
        return draw(tuple(shape), generator=generator).to(device)
    together = draw((shape[0] * ranks(), *shape[1:]), generator=generator)
    return together[rank() * shape[0] :][: shape[0]].to(device)


# -- networks --------------------------------------------------------------------------------------------------------


def shard(objective: nn.Module) -> None:
    """Cut weights into one shard per rank, in place, a unit for each block.

    Weights stay whole from the forward pass to the end of the backward pass: rollouts pass through the blocks a hundred
    times, and would gather them each time. Gradients, averages and optimisers, three quarters of it all, stay cut.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    place = next(objective.parameters()).device
    mesh = init_device_mesh(place.type, (ranks(),))
    for name, module in objective.named_modules():
        if name.rpartition(".")[0].endswith("blocks"):
            fully_shard(module, mesh=mesh, reshard_after_forward=False)
    fully_shard(objective, mesh=mesh, reshard_after_forward=False)


def parallel(objective: nn.Module, sharded: bool) -> nn.Module:
    """The module to call in training: its gradients are averaged over all ranks."""
    if ranks() == 1 or sharded:
        return objective
    torch._dynamo.config.optimize_ddp = False  # blocks are compiled one by one, there is nothing to split
    place = next(objective.parameters()).device
    return nn.parallel.DistributedDataParallel(objective, device_ids=[place] if place.type == "cuda" else None)


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor that may be cut into shards, gathered; every rank has to ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def cut_like(full: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """This rank's part of a tensor that every rank has in full, cut as `like` is."""
    full = full.to(like.device)
    if not isinstance(like, DTensor):
        return full
    return distribute_tensor(full, like.device_mesh, like.placements, src_data_rank=None)
