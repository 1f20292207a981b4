"""What captions say of a place, as values: a table of phrases for each attribute, and prompts made of the same.

The phrases are those of the voxel world's captions. Times of day that no picture tells apart (noon and afternoon,
evening and midnight) share a value. A caption without any of these phrases has no attributes; then nothing is read.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ATTRIBUTES", "caption_values", "prompt"]

# attribute -> value -> phrases, the one for prompts first; "" stands for a caption that has none of the others.
ATTRIBUTES: dict[str, dict[str, tuple[str, ...]]] = {
    "biome": {
        "plains": ("grassy plains", "a green field", "a meadow"),
        "forest": ("a forest", "the woods", "woodland"),
        "desert": ("a desert", "dry land of sand", "sand dunes"),
        "snow": ("a snowy field", "land under white snow", "a snowy forest"),
        "mountains": ("mountains", "high rocks", "rocky heights"),
        "beach": ("a beach", "the edge of the water", "a sandy shore"),
        "ocean": ("the sea", "open water", "the ocean"),
        "savanna": ("a savanna", "dry yellow grass", "a hot savanna"),
        "swamp": ("a swamp", "wet dark land", "a marsh"),
    },
    "time": {
        "day": ("at noon", "in the morning", "early in the day", "before noon", "in the middle of the day",
                "at midday", "in the afternoon", "late in the day", "past noon"),
        "twilight": ("at sunset", "at sunrise", "as the sun rises", "at dawn", "as the sun sets", "at dusk"),
        "night": ("at midnight", "in the evening", "early in the night", "after dusk", "in the middle of the night",
                  "at the darkest hour", "at night", "late in the night", "before dawn"),
    },
    "weather": {
        "clear": ("",),
        "rain": ("in the rain", "while it rains", "in pouring rain"),
        "snow": ("while it snows", "under falling snow", "in falling snow"),
        "thunder": ("in a storm", "under black clouds", "in a thunderstorm"),
    },
}  # fmt: skip


def caption_values(caption: str) -> dict[str, str] | None:
    """The value of each attribute that a short caption tells, or None when it does not tell each of them."""
    found: dict[str, str] = {}
    for attribute, values in ATTRIBUTES.items():
        said = [value for value, phrases in values.items() if any(phrase and phrase in caption for phrase in phrases)]
        silent = [value for value, phrases in values.items() if "" in phrases]
        if not (said or silent):
            return None
        found[attribute] = (said or silent)[0]
    return found


def prompt(values: Mapping[str, str]) -> str:
    """A prompt that asks for a value of each attribute, as the shortest captions say it."""
    return " ".join(filter(None, (ATTRIBUTES[attribute][values[attribute]][0] for attribute in ATTRIBUTES)))
