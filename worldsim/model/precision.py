"""Which kinds of numbers the processor at hand multiplies by itself."""

from __future__ import annotations

import torch

__all__ = ["has_bfloat16"]


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 matrices itself; elsewhere they are slower than float32."""
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # private in torch: absent means unknown
    return any(getattr(torch.cpu, name, lambda: False)() for name in names)
