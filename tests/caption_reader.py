"""A reader of captions, written from captions alone: it shares no table with the grammar that makes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

PLACES = {
    "plains": ("grassy plains", "a green field", "a meadow"),
    "forest": ("a forest", "the woods", "woodland"),
    "desert": ("a desert", "dry land of sand", "sand dunes"),
    "snow": ("a snowy field", "land under white snow", "a snowy forest"),
    "mountains": ("mountains", "high rocks", "rocky heights"),
    "beach": ("a beach", "the edge of the water", "a sandy shore"),
    "ocean": ("the sea", "open water", "the ocean"),
    "savanna": ("a savanna", "dry yellow grass", "a hot savanna"),
    "swamp": ("a swamp", "wet dark land", "a marsh"),
}
TIMES = {
    "sunrise": ("at sunrise", "as the sun rises", "at dawn"),
    "morning": ("in the morning", "early in the day", "before noon"),
    "noon": ("at noon", "in the middle of the day", "at midday"),
    "afternoon": ("in the afternoon", "late in the day", "past noon"),
    "sunset": ("at sunset", "as the sun sets", "at dusk"),
    "evening": ("in the evening", "early in the night", "after dusk"),
    "midnight": ("at midnight", "in the middle of the night", "at the darkest hour"),
    "night": ("at night", "late in the night", "before dawn"),
}
SKIES = {
    "rain": ("in the rain", "while it rains", "in pouring rain"),
    "snow": ("while it snows", "under falling snow", "in falling snow"),
    "thunder": ("in a storm", "under black clouds", "in a thunderstorm"),
}
SIDES = {
    "left": ("on the left", "to the left"),
    "right": ("on the right", "to the right"),
    "behind": ("behind you", "at your back"),
    "ahead": ("ahead", "in front of you"),
}
KINDS = {"pig": "pigs?", "sheep": "sheep", "cow": "cows?", "chicken": "chickens?", "zombie": "zombies?",
         "skeleton": "skeletons?", "spider": "spiders?"}  # fmt: skip
NUMBERS = ("a", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass
class Reading:
    """What a caption says; None where it does not say."""

    biome: str | None
    time: str | None
    weather: str
    creatures: dict[tuple[str, str], int] = field(default_factory=dict)
    near: set[tuple[str, str]] = field(default_factory=set)
    order: list[str] = field(default_factory=list)


def _which(table: dict[str, tuple[str, ...]], text: str) -> str | None:
    """The key whose phrase stands first in the text, of those at one place the longest."""
    phrases = [(key, f" {phrase} ") for key, row in table.items() for phrase in row]
    found = [(text.index(phrase), -len(phrase), key) for key, phrase in phrases if phrase in text]
    return min(found)[2] if found else None


def read(caption: str) -> Reading:
    """What a caption of any length says."""
    sentences = caption.split(" . ")
    head = f" {sentences[0].split(' with ')[0]} "
    reading = Reading(_which(PLACES, head), _which(TIMES, head), _which(SKIES, head) or "clear")
    sides = {phrase: side for side, phrases in SIDES.items() for phrase in phrases}
    pattern = rf"({'|'.join(NUMBERS)}) ({'|'.join(KINDS.values())}) (?:is |are )?({'|'.join(sides)})( near you)?"
    for number, name, side, near in re.findall(pattern, caption):
        kind = next(kind for kind, form in KINDS.items() if re.fullmatch(form, name))
        reading.creatures[kind, sides[side]] = NUMBERS.index(number) + 1
        if near:
            reading.near.add((kind, sides[side]))
    last = sentences[-1]
    if last.startswith("first ") and " then " in last:
        reading.order = last.removeprefix("first ").split(" then ")
    elif " and after that " in last:
        reading.order = last.split(" and after that ")
    elif " after " in last:
        reading.order = last.split(" after ")[::-1]
    return reading
