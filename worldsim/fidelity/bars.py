"""What a figure has to reach, as a row of the report, and how an estimate reads."""

from __future__ import annotations

from typing import Any

__all__ = ["bar", "shown"]

Figures = dict[str, Any]


def bar(text: str, estimate: Figures, limit: float, sign: int) -> Figures:
    """A bar that {value, low, high} has to reach, from below (sign 1) or above (-1); `sure` when all of it does."""
    worst = estimate["low"] if sign > 0 else estimate["high"]
    met, sure = (sign * value >= sign * limit for value in (estimate["value"], worst))
    return {"bar": text, **estimate, "met": met, "sure": sure}


def shown(estimate: Figures, digits: int = 3) -> str:
    """An estimate with its interval."""
    return f"{estimate['value']:.{digits}f} [{estimate['low']:.{digits}f}, {estimate['high']:.{digits}f}]"
