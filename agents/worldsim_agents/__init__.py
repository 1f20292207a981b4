"""Agents for worldsim's worlds: scripted policies to record with, learned ones, planners, and the studies of them.

`to_sb3` makes any Gymnasium vector env one of stable-baselines3's; it loads with stable-baselines3 when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worldsim_agents.sb3 import to_sb3 as to_sb3

__all__ = ["to_sb3"]


def __getattr__(name: str) -> Any:
    """Load `to_sb3` at its first use (PEP 562): recording needs no stable-baselines3."""
    if name != "to_sb3":
        raise AttributeError(f"module 'worldsim_agents' has no attribute {name!r}; it has to_sb3")
    from worldsim_agents.sb3 import to_sb3

    return to_sb3
