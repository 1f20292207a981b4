"""Level D: minimal pairs of prompts that differ in a side alone: is the thing where either says, given that it shows?

Pairs are left and right, for animals also ahead and behind, for which the player turns round. Truth is searched for
scenes that fit (the stage "told"). A learned reader of sights (`worldsim.fidelity.readers.sights`) tells how much of a
frame a thing fills and where its middle is; views of worlds of each trial validate it, thing by thing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from worldsim.actions import ActionSpec
from worldsim.fidelity.harness.bench import ATTEMPTS, Bench, Strip, Trial
from worldsim.fidelity.harness.lines import frames_hash
from worldsim.fidelity.harness.texts import Steered, described
from worldsim.fidelity.heldout import FidelityError
from worldsim.fidelity.readers.sights import (
    THINGS,
    SightReader,
    SightTraining,
    labelled,
    sight_reader,
    views_of,
)  # fmt: skip
from worldsim.fidelity.readers.words import prompt

__all__ = ["AXES", "sides_trial"]

VIEWS = 24  # of a true world, to validate the reader
STILL, STILL_FIRST = 8, 3  # steps that a clip lasts, and that it lasts before a turn
BACK = 2  # frames after half a turn
# Thing -> how a prompt names it, and the biomes in which it is asked for.
ASKED: dict[str, tuple[str, tuple[str, ...]]] = {
    "pig": ("a pig", ("plains", "forest", "savanna")), "sheep": ("a sheep", ("plains", "forest", "savanna")),
    "cow": ("a cow", ("plains", "forest", "savanna")), "chicken": ("a chicken", ("plains", "forest", "savanna")),
    "trees": ("trees", ("forest", "plains")), "water": ("water", ("beach",)), "sand": ("sand", ("beach",)),
    "snow": ("snow", ("snow",)),
}  # fmt: skip
# Axis -> its two sides, each with the words for it.
AXES: dict[str, dict[str, str]] = {
    "left/right": {"left": "on the left", "right": "on the right"},
    "ahead/behind": {"ahead": "ahead", "behind": "behind you"},
}
TURNED = "ahead/behind"  # told by a turn
PAIRS = (*((thing, "left/right") for thing in ASKED),
         *((thing, TURNED) for thing, (phrase, _) in ASKED.items() if phrase.startswith("a ")))  # fmt: skip


def sides_trial(bench: Bench, probe: str, index: int) -> Trial:
    """A pair of prompts: clips made from either and the same noise, truth that fits, and views to validate the reader.

    Raises:
        FidelityError: no reader can be made, no true world fits, or the candidate does not know the words.
    """
    reader, vocabulary = _reader(bench)
    thing, axis = PAIRS[index % len(PAIRS)]
    phrase, biomes = ASKED[thing]
    rng = bench.draws(probe, index)
    place = prompt({"biome": str(rng.choice(biomes)), "time": "day", "weather": "clear"})
    noise, clips, strips, world = int(rng.integers(2**31)), [], [], 0
    for side, words in AXES[axis].items():
        text = f"{place} with {phrase} {words}"
        if vocabulary is not None and (unknown := vocabulary.unknown(text)):
            raise FidelityError(f"{bench.candidate.name} does not know {', '.join(unknown)}")
        scene = bench.scene(probe, "told", index, {"text": text})
        steps, turn = (STILL_FIRST, scene.plays[0]) if axis == TURNED else (STILL, None)
        true = scene.frames[: 1 + steps]
        acts = [*scene.actions[1 : 1 + steps]]
        if turn is not None:
            true, acts = np.concatenate([true, turn.frames]), [*acts, *turn.actions]
        steered = Steered(bench.candidate, ActionSpec.from_env(bench.true.env))
        steered.reset(prompts=[text], seeds=[noise])
        steered.take(acts)
        world, shown = world or scene.seed, np.stack(steered.shown)
        pictures = {"candidate": shown, "truth": true, "ceiling": bench.candidate.round_trip(true)}
        if axis != TURNED:
            pictures["planted"] = np.ascontiguousarray(true[:, :, ::-1])
        read = {who: _where(reader, thing, axis, frames) for who, frames in pictures.items()}
        clips.append({"side": side, "prompt": text, "hash": frames_hash(shown), "read": read})
        columns = np.linspace(0, len(true) - 1, 5).round().astype(int)
        strips.append(Strip(true[columns], shown[columns], tuple(columns.tolist()), 0, ("truth", text)))
    assert bench.candidate.size is not None
    views = views_of(bench.true.env.unwrapped, bench.candidate.size, bench.world_seed(probe, index, ATTEMPTS), VIEWS)
    told, found = labelled(views), reader.read(views.frames)
    columns = [told.shares, told.middles, found.shares, found.middles]
    seen = {word: np.stack([one[word] for one in columns], 1).astype(float).round(4).tolist() for word in THINGS}
    payload = {"thing": thing, "axis": axis, "least": reader.least, "clips": clips, "views": seen}
    return Trial(world, payload, tuple(strips))


def _reader(bench: Bench) -> tuple[SightReader, Any]:
    """The reader of sights for a candidate, made once, and its vocabulary. Raises `FidelityError`."""
    if "sights" not in bench.kept:
        card, tokenizer, vocabulary = described(bench)
        reader = sight_reader(card, tokenizer, bench.readers, SightTraining())
        if reader is None:
            raise FidelityError(f"{card.env['id']} shows no glimpses that say what is where, so nothing reads sides")
        bench.kept["sights"] = reader, vocabulary
    return bench.kept["sights"]


def _where(reader: SightReader, thing: str, axis: str, frames: np.ndarray) -> list[float]:
    """How much of the picture a thing fills in a clip, and where: below 0 on the first side of the axis.

    Of a clip that turns round, the frames before the turn are held against those after it.
    """
    sights = reader.read(frames)
    shares = sights.shares[thing]
    if axis == TURNED:
        front, back = float(shares[: 1 + STILL_FIRST].mean()), float(shares[-BACK:].mean())
        return [round(max(front, back), 4), round(back - front, 4)]
    middle = float((shares * sights.middles[thing]).sum() / max(float(shares.sum()), 1e-9))
    return [round(float(shares.mean()), 4), round(middle - 0.5, 4)]
