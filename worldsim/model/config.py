"""The check that every config shares: which fields are whole numbers, which are numbers, and from where to where."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["ConfigError", "check_numbers", "check_whole"]


class ConfigError(ValueError):
    """A value of a config that makes no sense; names the config, the field and what it must be."""


def check_whole(config: Any, least: int, *names: str) -> None:
    """Raise `ConfigError` unless these fields, or all parts of those that are tuples, are integers >= `least`."""
    for name in names:
        value = getattr(config, name)
        parts = value if isinstance(value, tuple) else (value,)
        if any(isinstance(part, bool) or not isinstance(part, int) or part < least for part in parts):
            raise ConfigError(f"{type(config).__name__}.{name} must be whole and at least {least}, got {value!r}")


def check_numbers(config: Any, low: float, high: float, *names: str) -> None:
    """Raise `ConfigError` unless these fields are finite numbers in [low, high]."""
    for name in names:
        value = getattr(config, name)
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or not low <= value <= high:
            bounds = f"at least {low:g}" if high == math.inf else f"in [{low:g}, {high:g}]"
            raise ConfigError(f"{type(config).__name__}.{name} must be a number {bounds}, got {value!r}")
