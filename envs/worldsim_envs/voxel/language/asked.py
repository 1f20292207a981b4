"""`Asked`: what a prompt of the grammar asks for, read back from its words."""

from __future__ import annotations

from dataclasses import dataclass

from worldsim_envs.voxel.blocks import BLOCKS
from worldsim_envs.voxel.language.words import PLACES, PLURALS, SIDES, TIMES, WEATHERS

__all__ = ["Asked", "asked"]


@dataclass(frozen=True)
class Asked:
    """What words ask for; "" and None where they are silent.

    Attributes:
        biome: of terrain.BIOMES.
        time: a share of the day in the middle of what the phrase means.
        weather: "clear", "rain", "snow" or "thunder".
        thing: a kind of creature or the word of a block.
        side: "left", "right", "ahead" or "behind".
    """

    biome: str = ""
    time: float | None = None
    weather: str = "clear"
    thing: str = ""
    side: str = ""


def asked(text: str) -> Asked:
    """Return what a prompt asks for; of several things the one that is named first."""
    text = f" {text} "
    biome = next((name for name, (phrases, _) in PLACES.items() if _says(text, phrases)), "")
    weather = next((name for name, (phrases, _) in WEATHERS.items() if _says(text, phrases)), "clear")
    time, since = None, 0.0
    for until, phrases, _ in TIMES:
        if time is None and _says(text, phrases):
            time = (since + min(until, 1.0)) / 2
        since = until
    places = [(text.find(f" {name} {phrase} "), thing, side)
              for thing, names in _things().items() for name in names
              for side, phrases in SIDES.items() for phrase in phrases]  # fmt: skip
    _, thing, side = min((place for place in places if place[0] >= 0), default=(0, "", ""))
    return Asked(biome, time, weather, thing, side)


def _says(text: str, phrases: tuple[str, ...]) -> bool:
    return any(f" {phrase} " in text for phrase in phrases)


def _things() -> dict[str, tuple[str, ...]]:
    """What words stand for each creature and each block that captions name."""
    blocks = {block.word: (block.word,) for block in BLOCKS if block.word and block.word != "sky"}
    return {**blocks, **{kind: (kind, plural) for kind, plural in PLURALS.items()}}
