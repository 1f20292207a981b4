"""The probes of the study, a row each: what level it needs, how it runs, how often in either tier, how it is scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from worldsim.fidelity.harness.alone import ALONE, alone_trial
from worldsim.fidelity.harness.bench import Bench, Trial
from worldsim.fidelity.harness.courses import clips_trial, events_trial, ranking_trial, surprise_trial
from worldsim.fidelity.harness.departures import departures
from worldsim.fidelity.harness.extras import EXTRAS, safely
from worldsim.fidelity.harness.fates import fates_trial
from worldsim.fidelity.harness.figures import staged_figures
from worldsim.fidelity.harness.orders import orders_figures, orders_trial
from worldsim.fidelity.harness.second import second_figures
from worldsim.fidelity.harness.sides import sides_trial
from worldsim.fidelity.harness.sides_figures import sides_figures
from worldsim.fidelity.harness.staged import staged_trial
from worldsim.fidelity.harness.tallies import (
    alone_figures,
    clips_figures,
    events_figures,
    ranking_figures,
    surprise_figures,
)  # fmt: skip
from worldsim.fidelity.harness.texts import changed_figures, changed_trial, prompted_figures, prompted_trial

__all__ = ["PROBES", "TIERS", "Probe", "figures_of"]

TIERS = ("quick", "full")
Line = dict[str, Any]
Score = Callable[[Sequence[Line], dict[str, int]], dict[str, Any]]


@dataclass(frozen=True)
class Probe:
    """A probe.

    Attributes:
        level: what it needs of the candidate.
        asks: what it asks, in a sentence.
        trials: how many in the quick and in the full tier.
        run: makes a trial from (bench, the probe's name, index, detail of the tier).
        score: lines → figures.
        detail: what the stage or the trial is told in the quick and in the full tier.
    """

    level: str
    asks: str
    trials: tuple[int, int]
    run: Callable[[Bench, str, int, dict[str, Any]], Trial]
    score: Score = staged_figures
    detail: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    def told(self, tier: str) -> dict[str, Any]:
        """The detail of a tier."""
        return {name: pair[TIERS.index(tier)] for name, pair in self.detail.items()}


def _staged(stage: str, shuffle: bool = True) -> Callable[[Bench, str, int, dict[str, Any]], Trial]:
    return lambda bench, probe, index, detail: staged_trial(bench, probe, stage, index, detail, shuffle)


def _alone(bench: Bench, probe: str, index: int, detail: dict[str, Any]) -> Trial:
    return alone_trial(bench, probe, index)


def _course(trial: Callable[..., Trial]) -> Callable[[Bench, str, int, dict[str, Any]], Trial]:
    return lambda bench, probe, index, detail: trial(bench, probe, index, **detail)


ASKS = {
    "reversibility": "six steps out and six back: how much of the way in pixels is closed again",
    "no-op stability": "1 - what changes while nothing is done / what changes while something is",
    "revisit gain": "how much nearer to the start after out, rest and back than after out, rest and on",
    "determinism": "the share of frames that are the same bytes under the same seed and actions",
    "stirrings": "blobs that change per frame while nothing is done: births, deaths and movement alike",
    "fading": "how much brighter the picture becomes in 32 frames while nothing is done",
}
PROBES: dict[str, Probe] = {
    **{name: Probe("A", ASKS[name], (10, 100), _alone, alone_figures) for name in ALONE},
    "counterfactual pairs": Probe("B", "two actions from one past: does each lead to its own world",
                                  (24, 500), _staged("pairs")),
    "action control": Probe("B", "every action from one past: which was it", (10, 400), _staged("control")),
    "turns": Probe("B", "turns by 30 and 60 degrees: how far did the view turn", (12, 100), _staged("turns")),
    "left and right": Probe("B", "left or right, turning and walking", (24, 400), _staged("sides")),
    "order of events": Probe("B", "the same deeds in another order, two or three of them", (16, 300),
                             _staged("orders")),
    "3-D consistency": Probe("B", "out and back again: is it the same world, among eight", (24, 300),
                             _staged("revisits")),
    "permanence": Probe("B", "out of sight for N steps: same, changed as truth, gone, or another", (30, 1000),
                        _staged("absence", False), detail={"spans": ((4, 16, 64), (4, 16, 64, 256, 1024))}),
    "persistence": Probe("B", "mined, placed, eaten: done, undone or other, at once and later", (18, 400),
                         _staged("deeds", False), detail={"later": (48, 256)}),
    "physics": Probe("B", "sand, stone, water, glass, cake, jumps and falls: did it happen as it does", (32, 800),
                     _staged("dynamics")),
    "births and deaths": Probe("B", "animals at rest while nothing is done: as many, more or fewer", (16, 300),
                               _staged("herds", False), detail={"length": (32, 320)}),
    "stochastic truth": Probe("B", "left to chance: is the outcome one that forks of truth come near, and as often",
                              (12, 200), _course(fates_trial), detail={"rollouts": (4, 16)}),
    "drift": Probe("B", "the same view again and again: is it still this world, among eight", (6, 50),
                   _staged("drift", False), detail={"length": (256, 1024)}),
    "distribution": Probe("B", "are clips distributed as truth's: polynomial MMD of clip features", (48, 2048),
                          _course(clips_trial), clips_figures),
    "events and reward": Probe("C", "the same actions in both: which events, when, what reward", (24, 500),
                               _course(events_trial), events_figures, {"length": (48, 128)}),
    "policy ranking": Probe("C", "do policies that earn more in truth earn more here", (32, 2400),
                            _course(ranking_trial), ranking_figures, {"policies": (8, 24), "length": (32, 128)}),
    "prompted attributes": Probe("D", "a clip from a prompt alone: is it the biome, time and weather asked for",
                                 (64, 400), _course(prompted_trial), prompted_figures),
    "changed prompts": Probe("D", "a prompt that changes in mid-rollout: does what it names come, within 32 frames",
                             (24, 200), _course(changed_trial), changed_figures, {"length": (32, 32)}),
    "sides in words": Probe("D", "prompts that differ in a side alone: is the thing where either says, given it shows",
                            (36, 408), _course(sides_trial), sides_figures),
    "order in words": Probe("D", "two or three changes of sky told in either order: which came first, given all came",
                            (24, 300), _course(orders_trial), orders_figures),
    "surprise": Probe("E", "is the candidate more surprised at altered dynamics than at truth", (16, 200),
                      _course(surprise_trial), surprise_figures),
}  # fmt: skip


def figures_of(probe: str, lines: Sequence[Line], options: dict[str, int]) -> dict[str, Any]:
    """The figures of a probe from its lines."""
    row = PROBES[probe]
    figures = {"level": row.level, "asks": row.asks, **row.score(lines, options)}
    sound = figures.get("reader", {"sound": True})["sound"]
    if row.score is staged_figures and (second := second_figures(lines, options)) is not None:
        figures["second"] = second
    for extra in EXTRAS.get(probe, []) if sound else []:
        figures.setdefault("extras", {}).update(safely(extra)(lines, options))
    return {**figures, "departs": departures(figures)}
