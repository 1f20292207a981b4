"""Fidelity: probes that compare a learned world with the true one, and `study`, which does so for any simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worldsim.fidelity.harness.conduct import study as study

__all__ = ["study"]


def __getattr__(name: str) -> Any:
    """Load `study` when it is first used (PEP 562)."""
    if name != "study":
        raise AttributeError(f"module 'worldsim.fidelity' has no attribute {name!r}; it has study")
    from worldsim.fidelity.harness.conduct import study

    globals()["study"] = study
    return study
