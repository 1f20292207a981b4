"""What the engine's state looks like in words: a small lower-case grammar written as tables.

`describe` builds the short and the detailed caption, `event_sentence` names an event or an edit, `vocabulary` lists
every word that any of them can use, so that a text encoder trained on captions knows the words of edits to come.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import BLOCKS
from worldsim_envs.voxel.controls import ACTION_INDEX
from worldsim_envs.voxel.events import MEANINGS
from worldsim_envs.voxel.state import VoxelState
from worldsim_envs.voxel.terrain import BIOMES

PLACES = {
    "plains": ("grassy plains", "green grass and a few trees"),
    "forest": ("a forest", "oak and birch trees"),
    "desert": ("a desert", "yellow sand and green cactus"),
    "snow": ("a snowy field", "white snow and dark spruce trees"),
    "mountains": ("mountains", "gray stone and high peaks"),
    "beach": ("a beach", "yellow sand beside the water"),
    "ocean": ("the sea", "deep blue water"),
    "savanna": ("a savanna", "yellow grass and wide trees"),
    "swamp": ("a swamp", "dark water and old trees"),
}
TIMES = (  # (until share of the day, words, sky)
    (0.04, "at sunrise", "the sky is orange"),
    (0.17, "in the morning", "the sky is bright"),
    (0.33, "at noon", "the sky is blue"),
    (0.46, "in the afternoon", "the sky is blue"),
    (0.54, "at sunset", "the sky is orange"),
    (0.70, "in the evening", "the sky is dark"),
    (0.80, "at midnight", "the sky is black with stars"),
    (0.96, "at night", "the sky is dark with stars"),
    (1.01, "at sunrise", "the sky is orange"),
)
ACTIONS = (  # first match wins
    (("attack", "target"), "mines a block"),
    (("use", "target"), "places a block"),
    (("jump", "forward"), "jumps forward"),
    (("jump",), "jumps"),
    (("sprint", "forward"), "runs forward"),
    (("forward",), "walks forward"),
    (("back",), "walks backward"),
    (("left",), "steps left"),
    (("right",), "steps right"),
    (("turn_right",), "turns right"),
    (("turn_left",), "turns left"),
    (("look_up",), "looks up"),
    (("look_down",), "looks down"),
    (("attack",), "swings a hand"),
    ((), "stands still"),
)
EVENT_SENTENCES = {
    **{name: re.sub("[^a-z]+", " ", meaning.lower()) for name, meaning in MEANINGS.items()},
    "placed": "a block is placed",
    "jumped": "the player jumps",
    "landed": "the player lands",
    "entered_water": "the player falls into the water",
    "left_water": "the player leaves the water",
    "hurt": "the player is hurt",
    "died": "the player dies",
    "bumped": "the player bumps into a wall",
    "day_broke": "day breaks",
    "night_fell": "night falls",
    "rain_began": "it starts to rain",
    "rain_ended": "it stops raining",
    "snow_began": "it starts to snow",
    "snow_ended": "it stops snowing",
    **{f"mined_{kind}": f"{word} breaks" for kind, word in {
        "grass": "a grass block", "dirt": "a dirt block", "stone": "a stone block", "wood": "a wood block",
        "leaves": "a block of leaves", "sand": "a sand block", "snow": "a snow block", "ice": "an ice block",
        "ore": "an ore block", "plant": "a plant", "other": "a block"}.items()},
    **{f"entered_{biome}": f"the player enters {PLACES[biome][0]}" for biome in BIOMES},
}  # fmt: skip
EDITS = (
    *(f"{thing} appears {where}"
    for thing in ("a pig", "a sheep", "a cow", "a chicken", "a zombie", "a skeleton", "a spider", "a house", "a tower",
                  "a tree", "a wall", "a river", "a lake", "a door", "a chest", "a torch", "a fire", "a cake", "a sign")
    for where in ("in front of you", "behind you", "on the left", "on the right", "far away", "near you", "above you")),
    "night falls", "day breaks", "the sun rises", "the sun sets", "it starts to rain", "it starts to snow",
    "it stops raining", "it stops snowing", "the rain gets stronger", "fog comes", "the fog clears", "a storm begins",
    "lightning strikes", "the water freezes", "the ice melts", "the block falls down", "the block turns to gold",
    "the block turns to stone", "the glass shatters", "lava flows over the ground", "the trees burn", "the leaves fall",
    "the animal walks away", "the animal runs to you", "nothing changes", "first this then that", "before and after",
    "while the player looks up and down", "one two three four five six seven eight nine ten", "red green yellow white",
    "brown pink orange purple black blue gray", "coal iron diamond gold", "inside a cave under the ground",
    "swamp savanna village ruins", "small big tall short wide dark bright", "the player eats", "the player sleeps",
    "the player crafts a pickaxe", "a video game world made of blocks", "without with and or not no of at to from",
)  # fmt: skip


def _time_words(share: float) -> tuple[str, str]:
    for until, words, sky in TIMES:
        if share < until:
            return words, sky
    raise AssertionError(f"share of the day must be in [0, 1], got {share}")


def in_view(seen: NDArray[np.uint8], least: float = 0.03) -> list[str]:
    """Return words for what fills at least a share of the picture (H, W) of block ids, most first."""
    counts = np.bincount(seen.ravel(), minlength=256)
    shares: dict[str, float] = {}
    for number, block in enumerate(BLOCKS):
        if counts[number]:
            shares[block.word] = shares.get(block.word, 0.0) + counts[number] / seen.size
    return [word for word in sorted(shares, key=lambda w: (-shares[w], w)) if shares[word] >= least]


def side_of(seen: NDArray[np.uint8], word: str) -> str:
    """Return "on the left", "on the right" or "ahead": where in the picture a thing mostly is."""
    ids = [number for number, block in enumerate(BLOCKS) if block.word == word]
    columns = np.isin(seen, ids).sum(axis=0).astype(np.float64)
    centre = float((columns * (np.arange(columns.size) + 0.5)).sum() / max(1.0, columns.sum())) / columns.size
    return "on the left" if centre < 0.38 else "on the right" if centre > 0.62 else "ahead"


def doing(state: VoxelState, action: NDArray[np.float32]) -> str:
    """Return what the player does by an action (25,), as a verb phrase."""
    held = {name for name, index in ACTION_INDEX.items() if action[index] > 0.5}
    turn, tilt = action[ACTION_INDEX["cameraX"]], action[ACTION_INDEX["cameraY"]]
    held -= {"cameraX", "cameraY"}
    held |= {"turn_right"} if turn > 0.05 else {"turn_left"} if turn < -0.05 else set()
    held |= {"look_down"} if tilt > 0.05 else {"look_up"} if tilt < -0.05 else set()
    held |= {"target"} if state.marks[s.TARGET] else set()
    phrase = next(words for needs, words in ACTIONS if held.issuperset(needs))
    if state.marks[s.IN_WATER] and ("forward" in held or "jump" in held):
        return "swims forward" if "forward" in held else "swims up"
    if "forward" in held and "attack" not in held and "turn_right" in held:
        return phrase + " and turns right"
    if "forward" in held and "attack" not in held and "turn_left" in held:
        return phrase + " and turns left"
    return phrase


def describe(state: VoxelState, seen: NDArray[np.uint8], action: NDArray[np.float32], detail: str = "short") -> str:
    """Return the caption of a moment: place and time, and in detail also the view and what the player does.

    Args:
        seen: block ids of the picture, (H, W).
        action: the last action vector, (25,).
        detail: "short" or "detailed".
    """
    if detail not in ("short", "detailed"):
        raise ValueError(f'detail must be "short" or "detailed", got {detail!r}')
    biome = BIOMES[int(state.marks[s.BIOME])]
    when, sky = _time_words(float(state.marks[s.CLOCK] / state.marks[s.DAY_LENGTH]))
    place, look = PLACES[biome]
    words = in_view(seen)
    if detail == "short":
        things = [word for word in words if word != "sky"][:1]
        return f"{place} {when}" + (f" with {things[0]} {side_of(seen, things[0])}" if things else "")
    things = [f"{word} {side_of(seen, word)}" for word in words if word != "sky"][:3]
    sentences = [f"{place} {when} with {look}"]
    if "sky" in words:
        sentences.append(sky)
    if things:
        sentences.append("in view are " + " and ".join(things))
    if state.marks[s.IN_WATER]:
        sentences.append("the player is in the water")
    sentences.append("the player " + doing(state, action))
    return " . ".join(sentences)


def event_sentence(name: str) -> str:
    """Return the sentence of a named event; raises KeyError for a name without one."""
    return EVENT_SENTENCES[name]


def vocabulary() -> list[str]:
    """Return every word that captions, event sentences and edits can hold, sorted."""
    texts = [phrase for row in PLACES.values() for phrase in row]
    texts += [phrase for row in TIMES for phrase in row[1:]] + [phrase for _, phrase in ACTIONS]
    texts += [*EVENT_SENTENCES.values(), *EDITS, *(block.word for block in BLOCKS)]
    texts += ["with on the left right ahead . in view are and the player is in the water swims forward up turns"]
    return sorted(set(re.findall(r"[a-z]+|\.", " ".join(texts))))
