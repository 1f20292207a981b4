"""`Facts`: what a moment is worth saying, read from a state, the blocks in the picture, the action and the story."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import BLOCKS
from worldsim_envs.voxel.controls import ACTION_INDEX
from worldsim_envs.voxel.kinds import FIRST_CREATURE, KINDS
from worldsim_envs.voxel.language.words import DEEDS
from worldsim_envs.voxel.state import VoxelState
from worldsim_envs.voxel.terrain import BIOMES

AHEAD, BEHIND = 25.0, 120.0  # degrees off the direction of sight: within it is ahead, beyond it is behind
SIGHT, CLOSE = 24.0, 4.0  # blocks: creatures farther away are not spoken of; closer ones are near
STRONG = 0.3  # of rain or snow, from here on it is spoken of
LEAST = 0.03  # share of the picture that makes a thing worth a word
BLOCK_WORDS = np.array([block.word for block in BLOCKS])


@dataclass(frozen=True)
class Creatures:
    """So many creatures of one kind on one side of the player."""

    kind: str
    side: str  # "left", "right", "ahead", "behind"
    count: int
    near: bool


@dataclass(frozen=True)
class Facts:
    """What can be said of a moment."""

    biome: str
    time: float  # share of the day
    weather: str  # "clear", "rain", "snow", "thunder"
    things: tuple[tuple[str, str], ...]  # (word, side) of what fills the picture, most first
    sky: bool
    creatures: tuple[Creatures, ...]  # nearest first
    swims: bool
    deed: str
    order: tuple[str, ...] = ()  # events of the last seconds


def facts_of(
    state: VoxelState, seen: NDArray[np.uint8], action: NDArray[np.float32], order: tuple[str, ...] = ()
) -> Facts:
    """Return the facts of a moment.

    Args:
        seen: block ids of the picture, (H, W).
        action: the last action vector, (25,).
        order: events of the last seconds, by name.
    """
    words = in_view(seen)
    return Facts(
        BIOMES[int(state.marks[s.BIOME])],
        float(state.marks[s.CLOCK] / state.marks[s.DAY_LENGTH]),
        weather_of(state),
        tuple((word, side_of(seen, word)) for word in words if word != "sky"),
        "sky" in words,
        creatures_of(state),
        bool(state.marks[s.IN_WATER]),
        doing(state, action),
        order,
    )


def weather_of(state: VoxelState) -> str:
    """Return the weather that shows: "clear", "rain", "snow" or "thunder"."""
    rain, snow, thunder = (float(state.weather[field]) for field in (s.RAIN, s.SNOWFALL, s.THUNDER))
    if max(rain, snow) < STRONG:
        return "clear"
    return "snow" if snow > rain else "thunder" if thunder >= STRONG else "rain"


def creatures_of(state: VoxelState) -> tuple[Creatures, ...]:
    """Return the animals and monsters within sight of a player who turns round, by kind and side, nearest first."""
    rows = np.flatnonzero(state.kinds[:, s.KIND] >= FIRST_CREATURE)
    if len(rows) == 0:
        return ()
    torus = np.array(state.blocks.shape[:2], np.float64)
    gap = (state.entities[rows, :2] - state.body[:2] + torus / 2) % torus - torus / 2
    away = np.hypot(gap[:, 0], gap[:, 1])
    bearing = (np.degrees(np.arctan2(gap[:, 0], gap[:, 1])) - state.body[s.YAW] + 180.0) % 360.0 - 180.0
    found: dict[tuple[str, str], list[float]] = {}
    for index in np.argsort(away, kind="stable"):
        if away[index] <= SIGHT:
            kind = KINDS[int(state.kinds[rows[index], s.KIND])].name
            found.setdefault((kind, side_at(float(bearing[index]))), []).append(float(away[index]))
    return tuple(Creatures(kind, side, len(far), far[0] < CLOSE) for (kind, side), far in found.items())


def side_at(bearing: float) -> str:
    """Return the side of a bearing in degrees (-180…180, positive to the right of the direction of sight)."""
    if abs(bearing) <= AHEAD:
        return "ahead"
    if abs(bearing) >= BEHIND:
        return "behind"
    return "right" if bearing > 0 else "left"


def in_view(seen: NDArray[np.uint8], least: float = LEAST) -> list[str]:
    """Return words for what fills at least a share of the picture (H, W) of block ids, most first."""
    counts = np.bincount(seen.ravel(), minlength=256)
    shares: dict[str, float] = {}
    for number in np.flatnonzero(counts[: len(BLOCKS)]):
        word = BLOCKS[number].word
        if word:
            shares[word] = shares.get(word, 0.0) + counts[number] / seen.size
    return [word for word in sorted(shares, key=lambda w: (-shares[w], w)) if shares[word] >= least]


def side_of(seen: NDArray[np.uint8], word: str) -> str:
    """Return "left", "right" or "ahead": where in the picture a thing mostly is."""
    ids = [number for number, block in enumerate(BLOCKS) if block.word == word]
    columns = np.isin(seen, ids).sum(axis=0).astype(np.float64)
    centre = float((columns * (np.arange(columns.size) + 0.5)).sum() / max(1.0, columns.sum())) / columns.size
    return "left" if centre < 0.38 else "right" if centre > 0.62 else "ahead"


def shown_words(seen: NDArray[np.uint8], entities: NDArray[np.uint8], state: VoxelState) -> NDArray[np.str_]:
    """Return the word of what each pixel shows (H, W): a kind of creature, a block's word, or "".

    Args:
        seen: block ids (H, W).
        entities: row of the entity + 1 in each pixel (H, W), 0 for none.
        state: whose entities they are.
    """
    kinds = [KINDS[kind].name if kind >= FIRST_CREATURE else "" for kind in state.kinds[:, s.KIND].tolist()]
    return np.where(entities > 0, np.array(["", *kinds])[entities], BLOCK_WORDS[seen])


def doing(state: VoxelState, action: NDArray[np.float32]) -> str:
    """Return what the player does by an action (25,), as a verb phrase."""
    held = {name for name, index in ACTION_INDEX.items() if action[index] > 0.5}
    turn, tilt = action[ACTION_INDEX["cameraX"]], action[ACTION_INDEX["cameraY"]]
    held -= {"cameraX", "cameraY"}
    held |= {"turn_right"} if turn > 0.05 else {"turn_left"} if turn < -0.05 else set()
    held |= {"look_down"} if tilt > 0.05 else {"look_up"} if tilt < -0.05 else set()
    held |= {0: set[str](), 1: {"target"}, 2: {"creature"}}[int(state.marks[s.TARGET])]
    phrase = next(words for needs, words in DEEDS if held.issuperset(needs))
    if state.marks[s.IN_WATER] and ("forward" in held or "jump" in held):
        return "swims forward" if "forward" in held else "swims up"
    if "forward" in held and "attack" not in held and "turn_right" in held:
        return phrase + " and turns right"
    if "forward" in held and "attack" not in held and "turn_left" in held:
        return phrase + " and turns left"
    return phrase
