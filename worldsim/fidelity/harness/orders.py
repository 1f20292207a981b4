"""Level D: changes of the sky told one after the other, and in the other order: which came first, given that all came?

From a true past by day and under a clear sky, prompts name rain, then snow; or night, then rain too; or either in the
other order; of three changes one order and its reverse. Truth hears the same prompts (the stage "skies"). The reader of
attributes tells for each frame how likely it shows what was named; beside a change of time any weather but a clear sky
counts, since by night rain and snow look much alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise, permutations
from typing import Any

import numpy as np

from worldsim.actions import ActionSpec
from worldsim.fidelity.harness.bench import Bench, Strip, Trial
from worldsim.fidelity.harness.figures import ROOM, share
from worldsim.fidelity.harness.texts import Steered, readings, texts_of, validated
from worldsim.fidelity.heldout import FidelityError
from worldsim.fidelity.readers.reader import Reader
from worldsim.fidelity.readers.words import ATTRIBUTES, caption_values, prompt
from worldsim.fidelity.scores import over_worlds
from worldsim.fidelity.statistics import StatisticsError

__all__ = ["onset", "orders_figures", "orders_trial"]

Figures = dict[str, Any]
Line = dict[str, Any]
HOLD = 24  # steps that each prompt holds
SURE = 2.0  # frames, beyond even odds, that have to show a change for it to have happened
ORDERED = 0.95  # of orders that the reader has to tell of raw truth
COLUMNS = 9  # of a film strip
CHANCES = {2: 1 / 2, 3: 1 / 6}
# Changes as attribute and value.
DUSK, NIGHT, RAIN, SNOW = ("time", "twilight"), ("time", "night"), ("weather", "rain"), ("weather", "snow")
CHAINS = ((RAIN, SNOW), (NIGHT, RAIN), (DUSK, NIGHT, RAIN), (RAIN, SNOW), (NIGHT, SNOW), (DUSK, NIGHT, SNOW))


def orders_trial(bench: Bench, probe: str, index: int) -> Trial:
    """A chain of changes in one order and in its reverse, from the same past and noise. Raises `FidelityError`."""
    texts, rng = texts_of(bench), bench.draws(probe, index)
    chain = CHAINS[index % len(CHAINS)]
    every = list(permutations(chain))
    order = every[int(rng.integers(len(every)))]
    runs = [order, order[::-1]]
    scene = bench.scene(probe, "skies", index, {"texts": [_told(run, "plains") for run in runs], "hold": HOLD})
    bench.true.begin(scene, 0)
    tell = getattr(bench.true.env.unwrapped, "caption", None)
    values = caption_values("" if tell is None else str(tell()))
    if values is None:
        raise FidelityError(f"captions of {bench.true.name} tell no biome and time of day, so nothing can be changed")
    spec, noise = ActionSpec.from_env(bench.true.env), int(rng.integers(2**31))
    steered, strips, told = Steered(bench.candidate, spec, scene.start), [], []
    vectors = spec.encode_batch(np.array([*scene.actions]))
    vectors[0] = 0.0
    for run, play in zip(runs, scene.plays, strict=True):
        prompts, first = _told(run, values["biome"]), len(steered.shown) + 1
        if texts.vocabulary is not None and (unknown := texts.vocabulary.unknown(" ".join(prompts))):
            raise FidelityError(f"{bench.candidate.name} does not know {', '.join(unknown)}")
        steered.reset(scene.frames[None], vectors[None], [prompt(values)], [noise])
        for number, text in enumerate(prompts):
            steered.set_prompt([text])
            steered.take(play.actions[number * HOLD : (number + 1) * HOLD])
        shown = np.stack(steered.shown[first:])
        frames = {"candidate": shown, "truth": play.frames, "ceiling": bench.candidate.round_trip(play.frames)}
        read = {who: _shares(texts.reader, part, run) for who, part in frames.items()}
        told.append({"asked": [" ".join(change) for change in run], "prompts": prompts, "read": read})
        columns = np.linspace(0, len(shown) - 1, COLUMNS).round().astype(int)
        names = ("truth", " / ".join(prompts))
        strips.append(Strip(play.frames[columns], shown[columns], tuple((columns + 1).tolist()), 0, names))
    return Trial(scene.seed, {**readings(texts, index, steered), "runs": told}, tuple(strips))


def _told(run: Sequence[tuple[str, str]], biome: str) -> list[str]:
    """The prompt after each change."""
    values, told = {"biome": biome, "time": "day", "weather": "clear"}, []
    for attribute, value in run:
        values = {**values, attribute: value}
        told.append(prompt(values))
    return told


def _shares(reader: Reader, frames: np.ndarray, run: Sequence[tuple[str, str]]) -> dict[str, list[float]]:
    """How likely each frame shows each change; beside a change of time, how likely any but a clear sky."""
    shares, found = reader.read_clip(frames).shares, {}
    for attribute, value in run:
        any_sky = attribute == "weather" and any(other == "time" for other, _ in run)
        column = shares[attribute][:, list(ATTRIBUTES[attribute]).index("clear" if any_sky else value)].astype(float)
        found[f"{attribute} {value}"] = (1.0 - column if any_sky else column).round(3).tolist()
    return found


def onset(shares: Sequence[float]) -> int | None:
    """The frame at which the stretch begins that shows a change most: the largest sum of share - 1/2; None for none."""
    best, begins, total, first = 0.0, None, 0.0, 0
    for frame, value in enumerate(shares):
        if total <= 0.0:
            total, first = 0.0, frame
        total += value - 0.5
        if total > best:
            best, begins = total, first
    return begins if best >= SURE else None


def _right(run: Line, who: str) -> bool | None:
    """Whether all changes of a run came in their order; None where not all came."""
    begins = [onset(run["read"][who][change]) for change in run["asked"]]
    if any(begin is None for begin in begins):
        return None
    return all(one < other for one, other in pairwise(begins))  # type: ignore[operator]


def orders_figures(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """The order of two changes, given that both came; of three; and how often all came."""
    figures, _, _, passed = validated(lines, options)
    raw = _rights(lines, "truth", (2, 3))
    told = share([hit for _, hit in raw], [world for world, _ in raw], options)
    sound = {"time", "weather"} <= passed and told is not None and told["value"] >= ORDERED
    figures["reader"] |= {"sound": sound, "raw truth": told, "attributes": sorted(passed)}
    if not sound:
        return figures
    figures |= _score(lines, 2, options)
    three, extras = _score(lines, 3, options), {}
    if three["S"] is not None:
        extras |= {"three: order": {**three["S"], "chance": CHANCES[3]}, "three: N": three["N"]}
    for who in ("candidate", "ceiling"):
        for count in CHANCES:
            runs = [(line["seed"], run) for line in lines for run in line["runs"] if len(run["asked"]) == count]
            extras[f"all {count} came, {who}"] = share([_right(run, who) is not None for _, run in runs],
                                                       [world for world, _ in runs], options)  # fmt: skip
    pairs = [(line["seed"], rights) for line in lines if len(line["runs"][0]["asked"]) == 2
             and None not in (rights := [_right(run, "candidate") for run in line["runs"]])]  # fmt: skip
    extras["both orders right"] = share([all(rights) for _, rights in pairs], [world for world, _ in pairs], options)
    figures["extras"] = {name: value for name, value in extras.items() if value is not None}
    exchanged = _rights(lines, "candidate", (2,), exchanged=True)
    figures["baselines"] = {
        "orders exchanged": {"S": share([hit for _, hit in exchanged], [world for world, _ in exchanged], options)},
    }
    return figures


def _rights(
    lines: Sequence[Line], who: str, counts: Sequence[int], exchanged: bool = False
) -> list[tuple[int, bool]]:
    """World and whether the order was right, of each run in which all changes came."""
    found = []
    for line in lines:
        for run in line["runs"]:
            asked = run["asked"][::-1] if exchanged else run["asked"]
            right = _right({**run, "asked": asked}, who)
            if len(asked) in counts and right is not None:
                found.append((line["seed"], right))
    return found


def _score(lines: Sequence[Line], count: int, options: dict[str, int]) -> Figures:
    """S, c, K and N of runs of so many changes."""
    chance, worlds = CHANCES[count], sorted({line["seed"] for line in lines})
    counts = np.zeros((len(worlds), 4))  # right and all came, of the candidate and of the ceiling
    told: Figures = {"S": None, "c": chance, "K": None, "N": None}
    for first, who, name in ((0, "candidate", "S"), (2, "ceiling", "K")):
        rights = _rights(lines, who, (count,))
        for world, right in rights:
            counts[worlds.index(world), first : first + 2] += right, 1.0
        told[name] = share([right for _, right in rights], [world for world, _ in rights], options)
    told["questions"] = int(counts[:, 1].sum())

    def normal(sums: np.ndarray) -> np.ndarray:
        s, k = (sums[..., i] / np.where(sums[..., i + 1] > 0, sums[..., i + 1], np.nan) for i in (0, 2))
        return (s - chance) / np.where(k - chance > 1e-6, k - chance, np.nan)

    if told["S"] is not None and told["K"] is not None and told["K"]["value"] - chance >= ROOM:
        try:
            told["N"] = asdict(over_worlds(normal, counts, **options))
        except StatisticsError:  # too few worlds for an interval
            told["N"] = {"value": float(normal(counts.sum(0)))}
    return told
