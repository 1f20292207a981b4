"""`Story`: what happened lately, in its order, and how it is told: "first …, then …"."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.events import EVENT_NAMES
from worldsim_envs.voxel.language.words import event_sentence

KEPT, MOST_TOLD = 64, 3
# Too common, too small, or said already by another event of the same step.
_UNTOLD = {"landed", "bumped", "cracked", "hurt", "picked_up", "hunted", "defeated", "animal_born", "animal_died",
           "monster_came", "monster_left", "water_flowed", "lava_flowed", "snow_settled", "leaf_decayed", "crop_grew",
           "healed", "tool_broke", "mined_ore", "reached_goal"}  # fmt: skip
TOLD: NDArray[np.bool_] = np.array(
    [name not in _UNTOLD and not name.startswith(("collected_", "equipped_")) for name in EVENT_NAMES]
)


class Story:
    """The last events that are worth telling, each with its tick."""

    def __init__(self) -> None:
        self._past: deque[tuple[int, str]] = deque(maxlen=KEPT)

    def note(self, tick: int, events: NDArray[np.float32]) -> None:
        """Add the events (E,) of a step that ended at `tick`."""
        happened = (events > 0) & TOLD
        if happened.any():
            names = [EVENT_NAMES[index] for index in np.flatnonzero(happened)]
            finer = any(name.startswith("placed_") for name in names)
            self._past.extend((tick, name) for name in names if not (finer and name == "placed"))

    def names(self, since: int) -> tuple[str, ...]:
        """Return the events after a tick in their order, each at its first occurrence, at most MOST_TOLD."""
        return tuple(dict.fromkeys(name for tick, name in self._past if tick > since))[:MOST_TOLD]

    def tell(self, since: int) -> str:
        """Return what happened after a tick in words; "" when nothing did."""
        return in_order(self.names(since))

    def copy(self) -> Story:
        """Return an independent copy."""
        twin = Story()
        twin._past.extend(self._past)
        return twin


def in_order(names: tuple[str, ...], other: int = 0) -> str:
    """Return events in words and in their order.

    Args:
        other: 0 "first a then b", 1 "a and after that b", 2 "b after a" (of two events; else as 0).
    """
    told = [event_sentence(name) for name in names]
    if len(told) < 2:
        return "".join(told)
    if other == 1:
        return " and after that ".join(told)
    if other == 2 and len(told) == 2:
        return f"{told[1]} after {told[0]}"
    return "first " + " then ".join(told)
