"""Five levels of what a candidate offers, found by trying; what a level cannot support is refused with a reason.

A: frames and steps. B: starts from given frames. C: rewards, events and ends. D: text. E: its own surprise at frames.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from worldsim.fidelity.harness.simulator import Simulator, meanings
from worldsim.fidelity.probes.pixels import grey_levels

__all__ = ["LEVELS", "find_levels", "match_actions"]

LEVELS = {
    "A": "frames and steps",
    "B": "starts from given frames",
    "C": "rewards, events and ends",
    "D": "text",
    "E": "its own surprise",
}
NEAR = 25.0  # grey levels: a candidate that starts from a frame shows it, softened by its compression at most


def match_actions(candidate: Simulator, reference: Simulator) -> str:
    """Let the candidate take the reference's actions, by equal spaces or equal names. Returns why it cannot, or ""."""
    if candidate._actions is not None or candidate.env.action_space == reference.env.action_space:
        return ""
    theirs, ours = meanings(candidate.env), meanings(reference.env)
    if ours and set(ours) <= set(theirs):
        candidate._actions = {number: theirs.index(name) for number, name in enumerate(ours)}
        return ""
    spaces = f"{candidate.env.action_space} and {reference.env.action_space}"
    return f"its action space is not the reference's ({spaces}); give a map of actions"


def find_levels(candidate: Simulator, reference: Simulator | None) -> dict[str, str]:
    """The levels, each with "" where it is offered and with a reason where it is not."""
    if reference is None:
        missing = "there is no reference to stage scenes and to compare with; give --reference"
        return {"A": "", **dict.fromkeys("BCDE", missing)}
    found = {"A": "", "B": _starts(candidate, reference)}
    raw: Any = candidate.env.unwrapped
    lacks = {
        "C": "" if candidate.event_names else "its info tells no named events",
        "D": "" if hasattr(raw, "set_prompt") else _wordless(candidate),
        "E": "" if hasattr(raw, "surprise_at") else "it tells no surprise at frames: no surprise_at(frame, action)",
    }
    for level, reason in lacks.items():
        found[level] = (found["B"] and f"it lacks level B: {found['B']}") or reason
    return found


def _wordless(candidate: Simulator) -> str:
    """Why a candidate without `set_prompt` is asked nothing in words."""
    true = "it is the true world, which no prompt changes" if candidate.starts == "state" else "it takes no text"
    return f"{true}: no set_prompt"


def _starts(candidate: Simulator, reference: Simulator) -> str:
    """Find how the candidate takes a given past. Returns why it takes none, or ""."""
    if reason := match_actions(candidate, reference):
        return reason
    if not hasattr(reference.env.unwrapped, "stages"):
        return "the reference stages no scenes: it has no method stages()"
    rng = np.random.default_rng(0)
    observation, _ = reference.env.reset(seed=int(rng.integers(2**31)))
    frame = reference.frame(observation)
    candidate.size = frame.shape[:2]
    if isinstance(candidate.env.unwrapped, type(reference.env.unwrapped)):
        candidate.starts = "state"
        return ""
    both = (frame, np.ascontiguousarray(frame[::-1, :, ::-1]))
    for given, other in (both, both[::-1]):
        options = {"frames": np.stack([given] * 4), "actions": np.array([candidate.action(0)] * 4)}
        try:
            shown = candidate.frame(candidate.env.reset(seed=0, options=options)[0])
        except Exception as error:  # whatever a foreign env raises: it does not take frames
            return f'reset(options={{"frames", "actions"}}) raised {type(error).__name__}: {str(error).splitlines()[0]}'
        if grey_levels(shown, given) > min(NEAR, grey_levels(given, other) / 2):
            return 'reset(options={"frames"}) does not show the last given frame: the option is ignored'
    candidate.starts = "frames"
    return ""
