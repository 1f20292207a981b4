"""How often things happen in a dataset: `shares` reads it from the index, the command prints it.

    python -m worldsim_agents.explore data/voxel
"""

from __future__ import annotations

from dataclasses import dataclass

from worldsim.data.episodes import Dataset


@dataclass(frozen=True)
class Shares:
    """How often things happen in a dataset: share of steps by action, and of rows by event."""

    actions: dict[str, float]
    events: dict[str, float]


def shares(dataset: Dataset) -> Shares:
    """The share of steps with each action and of rows with each event, from the index alone."""
    steps = max(1, sum(entry.length - 1 for entry in dataset.entries))
    rows = max(1, int(dataset.lengths.sum()))
    actions: dict[str, int] = {}
    events: dict[str, int] = {}
    for entry in dataset.entries:
        for total, counts in ((actions, entry.actions), (events, entry.events)):
            for name, n in counts.items():
                total[name] = total.get(name, 0) + n
    return Shares({k: n / steps for k, n in actions.items()}, {k: n / rows for k, n in events.items()})


def table(found: Shares) -> str:
    """Both shares as text, the most frequent first, those that never happened at the end."""
    lines = []
    for title, values in (("action", found.actions), ("event", found.events)):
        lines.append(f"{title:28}share")
        lines += [f"{name:28}{100 * share:.3f} %" for name, share in sorted(values.items(), key=lambda v: -v[1])]
    return "\n".join(lines)
