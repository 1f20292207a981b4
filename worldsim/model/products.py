"""`Product`: a matrix that stays as it is, laid out once for the processor that multiplies by it.

A frame is few rows, so a plain product spends a good part of its time on bringing the matrix into the order that the
kernel reads. oneDNN's own layout spares that, where torch has it (CPU, bfloat16); elsewhere products are as always.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

__all__ = ["Product"]

ROWS = 16  # of what is multiplied, at least: the patches of a small frame. A hint for the layout, no limit


class Product:
    """x (…, K) → x·weightᵀ + bias (…, N), in the numbers of `kind`; through a GELU if `gelu`.

    Args:
        weight: (N, K).
        bias: (N,), or None.
        kind: what is multiplied, torch.float32 or torch.bfloat16; x has to come in it.
    """

    def __init__(
        self, weight: torch.Tensor, bias: torch.Tensor | None, kind: torch.dtype, *, gelu: bool = False
    ) -> None:  # fmt: skip
        self.weight = weight.detach().to(kind).contiguous()
        self.bias = None if bias is None else bias.detach().to(kind).contiguous()
        self.gelu = gelu
        self.packed = _packed(self.weight)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if self.packed is None:
            y = F.linear(x, self.weight, self.bias)
            return F.gelu(y, approximate="tanh") if self.gelu else y
        after = ("gelu", [], "tanh") if self.gelu else ("none", [], "")
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, *after)


def _packed(weight: torch.Tensor) -> torch.Tensor | None:
    """The matrix in oneDNN's layout, or None where this torch or this device has none."""
    able = weight.device.type == "cpu" and weight.dtype == torch.bfloat16 and torch.backends.mkldnn.is_available()
    if not able or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return None
    try:
        return torch.ops.mkldnn._reorder_linear_weight(weight, ROWS)
    except (AttributeError, RuntimeError):  # private in torch: another version may know it by another name
        return None
