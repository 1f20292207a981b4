"""The page on recording: which course leads to which events and actions, from the counts that
`python -m worldsim_agents.explore.courses --json docs/voxel/recording.json` keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from worldsim_envs.voxel.events import EVENT_NAMES


def _carried(kwargs: Mapping[str, Any]) -> str:
    """Return the settings of a course in words."""
    words = [f"{key} {value}" for key, value in kwargs.items() if key not in ("items", "switches")]
    words += [f"{name} {'on' if on else 'off'}" for name, on in kwargs.get("switches", {}).items()]
    words += [f"{count} {name}" if count > 1 else name for name, count in kwargs.get("items", {}).items()]
    return ", ".join(words) or "–"


def recording_page(courses: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page of the courses' counts."""
    rows = ["| course | policy | id | steps × worlds | settings, things carried | events |", "|" + " --- |" * 6]
    rows += [f"| {name} | `{c['policy']}` | `{c['env_id']}` | {c['steps']} × {c['worlds']} | {_carried(c['kwargs'])} "
             f"| {len(c['events'])} |" for name, c in courses.items()]  # fmt: skip
    shown = [name for name in ("mix", "workshop") if name in courses]
    actions = ["| action | " + " | ".join(shown) + " |", "| --- |" + " --- |" * len(shown)]
    for action in courses[shown[0]]["actions"] if shown else ():
        shares = [f"{100 * courses[name]['actions'][action] / courses[name]['steps']:.2f} %" for name in shown]
        actions.append(f"| `{action}` | " + " | ".join(shares) + " |")
    events = ["| event | times | most often on | share of steps in the mix |", "|" + " --- |" * 4]
    for event in EVENT_NAMES:
        times = {name: c["events"].get(event, 0) for name, c in courses.items()}
        most = max(times, key=lambda name: times[name])
        share = 100 * times["mix"] / courses["mix"]["steps"] if "mix" in courses else 0.0
        events.append(f"| `{event}` | {sum(times.values())} | {most if times[most] else '–'} | {share:.3f} % |")
    missing = [event for event in EVENT_NAMES if not any(event in c["events"] for c in courses.values())]
    return "\n\n".join((
        "# Recording",
        "`worldsim_agents.explore` has policies that cover the world: explorer, miner, builder, fighter, painter, "
        "tinkerer, crafter, meddler, gazer (look away and back), jitter, and `mix`, which goes through most of them in "
        "turn. `mix` in `worldsim/Voxel-v0` is what to record most; the other courses add what is rare there. Counted "
        "by `python -m worldsim_agents.explore.courses --json docs/voxel/recording.json`.",
        f"Of {len(EVENT_NAMES)} events {len(EVENT_NAMES) - len(missing)} occur on these courses"
        + (f"; never: {', '.join(missing)}." if missing else ", so all of them."),
        "\n".join(rows), "## Actions", "Share of steps with each action.", "\n".join(actions), "## Events",
        "\n".join(events),
    )) + "\n"  # fmt: skip
