"""What the machine at hand is good for: bfloat16 products, and compiling networks. Training uses what there is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

import torch
from torch import nn

__all__ = ["compile_modules", "has_bfloat16"]


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 matrices itself; elsewhere they are slower than float32."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def compile_modules(modules: Iterable[nn.Module]) -> bool:
    """Compile modules in place, or say that there is no C++ compiler; returns whether they were compiled."""
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        print("no C++ compiler (g++, or what CXX names): training goes on uncompiled, about 1.4 times slower")
        return False
    torch._dynamo.config.recompile_limit = 64  # kinds of blocks × shapes of batches × with and without gradients
    for module in modules:
        module.compile(dynamic=False)
    return True
