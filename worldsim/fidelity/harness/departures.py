"""Which figures of a report leave truth's value outside their interval: where the candidate departs, for sure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["departures"]

Report = dict[str, Any]


def departures(figures: Report) -> list[str]:
    """The names of a probe's figures whose 95 % interval leaves truth's value out; "N" is the score itself.

    Truth has N = 1. A score that is not told (a reader failed, too few worlds) departs nowhere.
    """
    found = []
    normal = figures.get("N")
    if normal and normal.get("high", 1.0) < 1.0 - 1e-9:
        found.append("N")
    for name, value in figures.get("extras", {}).items():
        told = isinstance(value, Mapping) and "truth" in value and "low" in value
        if told and not value["low"] - 1e-9 <= value["truth"] <= value["high"] + 1e-9:
            found.append(name)
    return found
