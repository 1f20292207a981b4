"""Captions: facts said in a few words, at length or in full, in the usual words or in others.

`HELD_OUT` lists combinations that a study of language may keep out of training; `held_out` tells whether a moment shows
one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.checks import checked_choice
from worldsim_envs.voxel.language.facts import Creatures, Facts, facts_of
from worldsim_envs.voxel.language.story import Story, in_order
from worldsim_envs.voxel.language.words import NEAR, NUMBERS, PLACES, PLURALS, SIDES, WEATHERS, time_words
from worldsim_envs.voxel.state import VoxelState

DETAILS = ("short", "detailed", "full")
MOST_THINGS, MOST_CREATURES = 3, 4
TOLD_TICKS = 64  # how far back a full caption tells what happened
# Pairs of biome and time, biome and weather, creature and side.
HELD_OUT: tuple[tuple[str, str], ...] = (
    ("desert", "at midnight"), ("snow", "at sunset"), ("forest", "at sunrise"), ("beach", "in the evening"),
    ("forest", "rain"), ("mountains", "thunder"), ("plains", "snow"),
    ("cow", "left"), ("chicken", "right"), ("zombie", "behind"),
)  # fmt: skip
TEMPLATES = ("{place} {when}{weather}", "the player is in {place} {when}{weather}", "{when} in {place}{weather}",
             "here is {place} {when}{weather}")  # fmt: skip


def describe(state: VoxelState, seen: NDArray[np.uint8], action: NDArray[np.float32], detail: str = "short",
             story: Story | None = None, other: int = 0) -> str:  # fmt: skip
    """Return the caption of a moment: place, time, weather and the main thing in view; in detail also the view and what
    the player does; in full also every creature and what happened lately.

    Args:
        seen: block ids of the picture, (H, W).
        action: the last action vector, (25,).
        detail: one of DETAILS.
        story: what happened lately, for the full caption.
        other: as in `said`.
    """
    checked_choice("detail", detail, DETAILS)
    order = story.names(int(state.marks[s.TICK]) - TOLD_TICKS) if story is not None else ()
    return said(facts_of(state, seen, action, order), detail, other)


def said(facts: Facts, detail: str, other: int = 0) -> str:
    """Return facts in words.

    Args:
        detail: one of DETAILS.
        other: 0 for the usual words; any other number chooses among the paraphrases.
    """
    rng = np.random.default_rng(other)

    def pick(phrases: Sequence[str]) -> str:
        return phrases[int(rng.integers(len(phrases)))] if other else phrases[0]

    place = PLACES[facts.biome]
    when, sky = time_words(facts.time)
    weather = " " + pick(WEATHERS[facts.weather][0]) if facts.weather in WEATHERS else ""
    scene = pick(TEMPLATES).format(place=pick(place[0]), when=pick(when), weather=weather)
    side = {name: pick(phrases) for name, phrases in SIDES.items()}
    if detail == "short":
        main = [_group(facts.creatures[0], side)] if facts.creatures and facts.creatures[0].side != "behind" else []
        main += [f"{word} {side[where]}" for word, where in facts.things[:1]]
        return scene + (f" with {main[0]}" if main else "")
    sentences = [f"{scene} with {place[1]}"]
    if facts.sky:
        sentences.append(sky)
    if facts.weather in WEATHERS:
        sentences.append(WEATHERS[facts.weather][1])
    if facts.things:
        things = [f"{word} {side[where]}" for word, where in facts.things[:MOST_THINGS]]
        sentences.append("in view are " + " and ".join(things))
    most = MOST_CREATURES if detail == "full" else 1
    for group in facts.creatures[:most]:
        verb = "is" if group.count == 1 else "are"
        sentences.append(f"{_count(group)} {verb} {side[group.side]}" + (NEAR if group.near else ""))
    if facts.swims:
        sentences.append("the player is in the water")
    sentences.append("the player " + facts.deed)
    if detail == "full" and facts.order:
        sentences.append(in_order(facts.order, int(rng.integers(3)) if other else 0))
    return " . ".join(sentences)


def held_out(facts: Facts) -> bool:
    """Return whether a moment shows one of the combinations of HELD_OUT."""
    shown = {(facts.biome, time_words(facts.time)[0][0]), (facts.biome, facts.weather)}
    return not shown.isdisjoint(HELD_OUT) or any((c.kind, c.side) in HELD_OUT for c in facts.creatures)


def _count(group: Creatures) -> str:
    number = NUMBERS[min(group.count, len(NUMBERS) - 1)]
    return f"{number} {group.kind if group.count == 1 else PLURALS[group.kind]}"


def _group(group: Creatures, side: dict[str, str]) -> str:
    return f"{_count(group)} {side[group.side]}"
