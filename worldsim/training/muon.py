"""Muon for matrices that are cut into shards.

Muon orthogonalises the update of a whole matrix (arXiv 2502.16982), and a shard of a matrix is not enough for that.
Momentum, weight decay and weights stay cut; only the update is gathered, one matrix at a time, orthogonalised by every
rank, and cut again. Keeping the matrices whole instead would undo the sharding, for they are nearly all of the network;
sharing the orthogonalising out among ranks would save a few per cent of a step and cost a second exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from worldsim.training.parallel import cut_like, whole

__all__ = ["ShardedMuon"]

MOMENTUM = 0.95  # as torch.optim.Muon has it


class ShardedMuon(torch.optim.Optimizer):
    """`torch.optim.Muon` with its RMS matched to AdamW, for sharded matrices; its states have the same names."""

    def __init__(self, matrices: Iterable[torch.Tensor], rate: float, weight_decay: float) -> None:
        super().__init__(matrices, {"lr": rate, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        assert closure is None
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state: dict[str, Any] = self.state[matrix]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(matrix)
                momentum = state["momentum_buffer"].lerp_(matrix.grad, 1 - MOMENTUM)
                update = whole(matrix.grad.lerp(momentum, MOMENTUM))  # Nesterov's look ahead
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(cut_like(_orthogonal_step(update, group["lr"]), matrix))


def _orthogonal_step(update: torch.Tensor, rate: float) -> torch.Tensor:
    """What Muon adds to a matrix for this update, made by `torch.optim.Muon` itself, without momentum, from zero."""
    added = nn.Parameter(torch.zeros_like(update))
    added.grad = update
    torch.optim.Muon([added], rate, 0.0, 0.0, nesterov=False, adjust_lr_fn="match_rms_adamw").step()
    return added.detach()
