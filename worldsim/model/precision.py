"""Which kinds of numbers the processor at hand multiplies by itself."""

from __future__ import annotations

import torch

__all__ = ["has_bfloat16"]


def has_bfloat16(device: torch.device | None = None) -> bool:
    """Whether the device (the CPU by default) multiplies bfloat16 matrices itself; elsewhere they are slower."""
    if device is not None and device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # private in torch: absent means unknown
    return any(getattr(torch.cpu, name, lambda: False)() for name in names)
