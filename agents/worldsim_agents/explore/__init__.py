"""Scripted policies that record the voxel world with varied, balanced actions: `mix` is the one to record with.

A script is a generator of action names; it looks through a `View` at the engine's own state. Each function here makes a
policy for `worldsim.data.record.record`. `shares` says what was recorded.
"""

from worldsim_agents.explore.policies import (
    Scripted,
    builder,
    crafter,
    explorer,
    fighter,
    gazer,
    jitter,
    meddler,
    miner,
    mix,
    painter,
    tinkerer,
)
from worldsim_agents.explore.shares import Shares, shares
from worldsim_agents.explore.skies import changing, eventful, restless
from worldsim_agents.explore.view import View

__all__ = [
    "Scripted", "Shares", "View", "builder", "changing", "crafter", "eventful", "explorer", "fighter", "gazer",
    "jitter", "meddler", "miner", "mix", "painter", "restless", "shares", "tinkerer",
]  # fmt: skip
