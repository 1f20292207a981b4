"""Scenes that words ask for: a place, a sky and a thing on a side; views of all sorts; and skies that words change.

`told` searches a world for what a prompt says, `skies` changes a stroll's sky as prompts do, `glimpses` shows a world
from many places with creatures put into it, and tells what each view shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.kinds import FIRST_CREATURE, KINDS, STILL
from worldsim_envs.voxel.language.asked import Asked, asked
from worldsim_envs.voxel.language.edits import place_of
from worldsim_envs.voxel.language.facts import facts_of, weather_of
from worldsim_envs.voxel.language.words import PLURALS, WEATHERS, time_words
from worldsim_envs.voxel.stages.ground import NUMBERS, QUIET, Ground, Moments, numbers
from worldsim_envs.voxel.stages.question import Frames, Play, Scene, StageError
from worldsim_envs.voxel.switches import SWITCH
from worldsim_envs.voxel.terrain import BIOMES

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

PLACES, TURNS = 6, 24  # places of a world that are tried, and directions at each
SPAN = 6.0  # degrees beyond the border of a side within which a creature is put, so that the picture holds it
BEARINGS = {"left": -25.5, "right": 25.5, "ahead": 0.0, "behind": 180.0}
NEAREST, FARTHEST = 3.0, 6.5  # blocks
LEAST = {"creature": 0.005, "block": 0.03}  # share of the picture that a thing has to fill
BORDERS = {"left": (0.0, 0.38), "right": (0.62, 1.0), "ahead": (0.0, 1.0)}  # where the middle of a thing may lie
LASTS = 1_000_000  # ticks that a creature stands
AROUND = ("turn_right",) * 12 + ("noop",) * 2  # half a turn, and a look
SKIES = ("snow", "rain", "thunder")
ANIMALS, MONSTERS = ([kind.name for kind in KINDS if getattr(kind, sort)] for sort in ("animal", "monster"))
TAME = 0.92  # share of animals among the creatures of glimpses
HANDS = ("noop", "hotbar.1", "hotbar.2", "hotbar.3", "hotbar.4", "hotbar.5", "attack", "forward")


def told(env: VoxelEnv, seed: int, index: int, text: str = "") -> Scene:
    """A scene that fits a prompt: sixteen frames in which nothing is done, then half a turn and a look.

    Raises:
        StageError: this world has no such place in some tries.
    """
    wish, random = asked(text), np.random.default_rng([seed, index, 13])
    for _ in range(PLACES):
        _begin(env, seed, wish, random)
        if wish.biome and BIOMES[int(env.state.marks[s.BIOME])] != wish.biome:
            continue
        if _found(env, wish, random):
            break
    else:
        raise StageError(f"world {seed} shows nothing like {text!r} in {PLACES} places; take another seed")
    frames = np.stack([env.picture(), *(env.step(0)[0] for _ in range(15))])
    moments, acts = Moments(env), numbers(AROUND)
    return Scene(seed, frames, [0] * 16, moments.start, [Play("half a turn", acts, moments.play(acts)[0])])


def heed(env: VoxelEnv, text: str) -> None:
    """Bring time and weather to what a prompt names, as far as they differ from it."""
    wish, now = asked(text), float(env.state.marks[s.CLOCK] / env.state.marks[s.DAY_LENGTH])
    if wish.time is not None and time_words(wish.time)[0] != time_words(now)[0]:
        env.set_time(wish.time)
    if wish.weather != weather_of(env.state):
        env.set_weather(wish.weather)


def skies(
    env: VoxelEnv, seed: int, index: int, texts: Sequence[Sequence[str]] = (("",),), hold: int = 24
) -> Scene:
    """A stroll by day under a clear sky; in each play the sky changes to that of the next prompt every `hold` steps.

    Args:
        env: to stage it in.
        seed: of the world.
        index: of the trial.
        texts: prompts of each play, in their order.
        hold: steps that each of them holds.
    """
    ground = Ground(env, seed, level=False, pitch=4.0)
    frames, given = ground.given(["noop"] * 16)
    moments, plays = Moments(env), []
    for row in texts:
        acts = numbers(("noop",) * (hold * len(row)))
        env.restore_state(moments.start)
        shown: list[Frames] = []
        for step, act in enumerate(acts):
            if step % hold == 0:
                heed(env, row[step // hold])
            shown.append(env.step(act)[0])
        plays.append(Play(" / ".join(row), acts, np.stack(shown)))
    return Scene(seed, frames, given, moments.start, plays)


def glimpses(env: VoxelEnv, seed: int, count: int) -> tuple[Frames, NDArray[np.str_]]:
    """Show a world from `count` places and directions, mostly by day, with creatures put into some of the views.

    Returns:
        Pictures u8 (count, H, W, 3), and the word of what each pixel shows (count, H, W).
    """
    random, pictures, shown = np.random.default_rng([seed, 17]), [], []
    biome = str(random.choice(BIOMES))
    for number in range(count):
        if number % 6 == 0:
            sky = str(random.choice(SKIES)) if random.random() < 0.2 else "clear"
            time = float(random.uniform(0.0, 0.5) if random.random() < 0.8 else random.random())
            _begin(env, seed, Asked(biome, time, sky), random)
        body = env.state.body
        env.state.kinds[env.state.kinds[:, s.KIND] >= FIRST_CREATURE] = 0
        env.teleport(float(body[s.X]), float(body[s.Y]), float(body[s.Z]), float(random.uniform(0, 360)),
                     float(random.normal(6.0, 8.0)))  # fmt: skip
        for _ in range(int(random.integers(0, 6))):
            kind = str(random.choice(ANIMALS if random.random() < TAME else MONSTERS))
            _put(env, kind, float(random.uniform(-34, 34)), float(2.0 + 7.0 * random.random() ** 1.5))
        env.step(NUMBERS[str(random.choice(HANDS))])
        pictures.append(env.picture())
        shown.append(env.shown_words())
    return np.stack(pictures), np.stack(shown)


def _begin(env: VoxelEnv, seed: int, wish: Asked, random: np.random.Generator) -> None:
    """A quiet world at a new place of the wished biome, time and weather."""
    options = {"world_seed": seed, **({"biome": wish.biome} if wish.biome else {}),
               **({} if wish.time is None else {"start_time": wish.time})}  # fmt: skip
    env.reset(seed=int(random.integers(2**31)), options=options)
    world = env.state
    world.kinds[world.kinds[:, s.KIND] >= FIRST_CREATURE] = 0
    world.switches[[SWITCH[name] for name in QUIET]] = 0
    env.set_weather(wish.weather if wish.weather in WEATHERS else "clear")


def _found(env: VoxelEnv, wish: Asked, random: np.random.Generator) -> bool:
    """Look round for a view that fits, with a creature put where it is asked for."""
    if not wish.thing:
        return True
    body = env.state.body
    x, y, z, yaw = (float(body[field]) for field in (s.X, s.Y, s.Z, s.YAW))
    for turn in random.permutation(TURNS):
        env.state.kinds[env.state.kinds[:, s.KIND] >= FIRST_CREATURE] = 0
        env.teleport(x, y, z, yaw + 360.0 / TURNS * float(turn), 4.0)
        if wish.thing in PLURALS:
            aside = float(random.uniform(0.0, SPAN)) * (-1.0 if wish.side == "left" else 1.0)
            _put(env, wish.thing, BEARINGS[wish.side] + aside, float(random.uniform(NEAREST, FARTHEST)))
        if _fits(env, wish):
            return True
    return False


def _fits(env: VoxelEnv, wish: Asked) -> bool:
    """Whether the picture shows the thing on its side, and a caption would say so; "behind", whether it does not."""
    creature = wish.thing in PLURALS
    share, middle = _sight(env, wish.thing)
    facts = facts_of(env.state, env.view.seen, np.zeros(25, np.float32))
    said = [(group.kind, group.side) for group in facts.creatures] if creature else facts.things
    if (wish.thing, wish.side) not in said:
        return False
    least = LEAST["creature" if creature else "block"]
    if wish.side == "behind":
        turned = [_turned(env) or _sight(env, wish.thing)[0] for _ in range(2)]  # round, and back again
        return share == 0.0 and turned[0] >= least
    low, high = BORDERS[wish.side]
    return share >= least and low <= middle <= high


def _sight(env: VoxelEnv, word: str) -> tuple[float, float]:
    """How much of the picture a thing fills, and the middle of its columns, 0 left … 1 right."""
    columns = (env.shown_words() == word).mean(0)  # (W,)
    weighed = float(columns @ (np.arange(columns.size) + 0.5)) / columns.size
    return float(columns.mean()), weighed / max(float(columns.sum()), 1e-9)


def _turned(env: VoxelEnv) -> None:
    """Turn the player half round."""
    body = env.state.body
    x, y, z, yaw = (float(body[field]) for field in (s.X, s.Y, s.Z, s.YAW))
    env.teleport(x, y, z, yaw + 180.0)


def _put(env: VoxelEnv, kind: str, bearing: float, away: float) -> None:
    """Put a creature on the ground at a bearing in degrees to the right, where it stands and shows any of its sides."""
    x, y, z = place_of(env, bearing, away)
    row = env.spawn(kind, x + 0.5, y + 0.5, float(z))
    env.state.entities[row, s.YAW] = (37.0 * (x + 3 * y)) % 360.0
    env.state.kinds[row, [s.MODE, s.TIMER]] = STILL, LASTS
