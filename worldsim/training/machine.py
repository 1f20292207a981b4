"""What the machine at hand is good for: bfloat16 products, and compiling networks. Training uses what there is."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from worldsim.model.precision import has_bfloat16

__all__ = ["compile_modules", "has_bfloat16"]


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
