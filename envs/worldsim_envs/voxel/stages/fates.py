"""Scenes that chance goes on with: an animal at rest, one that walks, a sky. Truth is forked, each by its own luck.

What the past does not show is drawn anew for each fork by the world's own rule: how long the rest, the walk or the
weather under way still lasts, and all that is chosen after it. Outcomes are points: how far ahead and to the right an
animal is in blocks, and how many there are; or how strong rain, snow and thunder are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.kinds import FIRST_CREATURE, STILL, WANDER
from worldsim_envs.voxel.stages.camera import APART, Pose, views
from worldsim_envs.voxel.stages.ground import Ground, Moments, numbers
from worldsim_envs.voxel.stages.question import Fates, Frames, Play, Scene, StageError
from worldsim_envs.voxel.switches import SWITCH
from worldsim_envs.voxel.systems.weather import CLEAR_TICKS, RAMP, SKIES, WET_TICKS

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

Point = tuple[float, float, float]

FORKS = 16
WAITS = ("rest", "walk", "rest", "sky")
STEPS = {"rest": 24, "walk": 24, "sky": 64}
KINDS = ("pig", "sheep", "cow")
MODE_TICKS = (30, 120)  # how long an animal does one thing
LONG = 100_000  # ticks for which it does the same in the past
RINGS = ((1.0, 8), (2.0, 12), (3.0, 16), (4.0, 20), (5.0, 24))  # places around it: blocks away, how many
NEAR = 3.0  # blocks within which a second one stands
CLEARED = 7.0  # blocks ahead and to either side of the player within which places lie
AHEAD, FAR, ASIDE = 4.5, 5.5, 3.8  # blocks ahead at rest and walking; to the side that it walks from
NEARBY = 1.0  # blocks from a fork's outcome within which others count as what truth comes to
WHOLE = 4.0  # blocks that a whole sky, or an animal too many or too few, counts as
TOLD = 10  # pixels in which outcomes must differ
POSES: tuple[Pose, ...] = ((0.0, 0.0, 0.0, 0.0), (-4.0, 0.0, 0.0, 0.0), (4.0, 0.0, 0.0, 0.0), (0.0, -4.0, 0.0, 0.0),
                           (0.0, 4.0, 0.0, 0.0))  # fmt: skip


@dataclass(frozen=True)
class Other:
    """An outcome to draw beside those of the forks.

    Attributes:
        name: of it.
        point: where it lies.
        edit: makes the end of a fork such a world.
        even: whether it is one of those that lie evenly over all that could be, by which chance is told.
    """

    name: str
    point: Point
    edit: Callable[[VoxelEnv], object]
    even: bool = True


class Animal:
    """One animal on a clearing, at rest or walking across the view."""

    def __init__(self, ground: Ground, walks: bool) -> None:
        self.ground, self.random = ground, ground.random
        side = float(self.random.choice([-1.0, 1.0]))
        right = -side * ASIDE if walks else float(self.random.uniform(-1.0, 1.0))
        x, y = self._at(FAR if walks else AHEAD, right)
        self.kind = str(self.random.choice(KINDS))
        self.row = ground.env.spawn(self.kind, x, y, float(ground.z))
        world = ground.world
        yaw = self._yaw(0.0, side) if walks else float(self.random.uniform(0.0, 360.0))
        world.entities[self.row, [s.YAW, s.HEAD_YAW]] = yaw
        world.kinds[self.row, [s.MODE, s.TIMER]] = WANDER if walks else STILL, LONG
        world.kinds[self.row, s.GOAL_X] = int(yaw)

    def begin(self) -> None:
        """Remember how things are when the forks begin."""
        self.before = self.ground.world.entities[self.row].copy()
        self.place = self.point(self.ground.env)

    def draw(self, env: VoxelEnv, past: int) -> None:
        """Let chance go another way from here: what is done lasts as long as it may, and all choices are new."""
        env.state.kinds[self.row, s.TIMER] = lasts(self.random, MODE_TICKS, past)
        env.state.random[0] = self.random.integers(2**63)

    def point(self, env: VoxelEnv) -> Point:
        """Where it is."""
        if env.state.kinds[self.row, s.KIND] < FIRST_CREATURE:
            return self.gone
        size, ground = env.state.blocks.shape, self.ground
        away = [(float(env.state.entities[self.row, axis]) - start - 0.5 + size[axis] / 2) % size[axis] - size[axis] / 2
                for axis, start in ((s.X, ground.x), (s.Y, ground.y))]  # fmt: skip
        east, north = ground.east, ground.north
        return away[0] * east + away[1] * north, away[0] * north - away[1] * east, 0.0

    @property
    def gone(self) -> Point:
        """The point of a world without it."""
        return self.place[0], self.place[1], -WHOLE

    def others(self, forks: list[Point]) -> list[Other]:
        """It stays as it was, is gone, is two where a fork came to or where it was, or stands at places all around."""
        found = [Other("still", self.place, lambda env: env.state.entities.__setitem__(self.row, self.before), False),
                 Other("gone", self.gone, lambda env: env.remove(self.row), False)]  # fmt: skip
        for number, (ahead, right, count) in enumerate(forks):
            if not count and forks.index((ahead, right, count)) == number:
                beside = right + (1.0 if right < 0 else -1.0)
                found.append(Other(f"two, {number}", (ahead, right, WHOLE), self._both((ahead, right), (ahead, beside)),
                                   False))  # fmt: skip
        for far, count in RINGS:
            for angle in 2.0 * np.pi * np.arange(count) / count:
                ahead, right = self.place[0] + far * float(np.cos(angle)), self.place[1] + far * float(np.sin(angle))
                if 0.5 < ahead < CLEARED and abs(right) < CLEARED:
                    point = ahead, right, 0.0
                    name = f"{far:g} blocks, {np.degrees(angle):.0f}"
                    found.append(Other(name, point, self._moved(ahead, right)))
                    if far <= NEAR:
                        both = self._both(self.place[:2], (ahead, right))
                        found.append(Other(f"here and {name}", (ahead, right, WHOLE), both, False))
        return found

    def _at(self, ahead: float, right: float) -> tuple[float, float]:
        ground = self.ground
        return (ground.x + 0.5 + ahead * ground.east + right * ground.north,
                ground.y + 0.5 + ahead * ground.north - right * ground.east)  # fmt: skip

    def _yaw(self, ahead: float, right: float) -> float:
        """The direction, in degrees clockwise from north, of a way so far ahead and to the right."""
        east, north = self.ground.east, self.ground.north
        return float(np.degrees(np.arctan2(ahead * east + right * north, ahead * north - right * east)) % 360.0)

    def _moved(self, ahead: float, right: float) -> Callable[[VoxelEnv], None]:
        """It stands there, and looks away from where it came from."""

        def edit(env: VoxelEnv) -> None:
            size, (x, y) = env.state.blocks.shape, self._at(ahead, right)
            entity = env.state.entities[self.row]
            entity[[s.X, s.Y, s.Z]] = x % size[0], y % size[1], float(self.ground.z)
            entity[[s.YAW, s.HEAD_YAW]] = self._yaw(ahead - self.place[0], right - self.place[1])

        return edit

    def _both(self, one: tuple[float, float], other: tuple[float, float]) -> Callable[[VoxelEnv], None]:
        """One stands here and one there."""

        def edit(env: VoxelEnv) -> None:
            self._moved(*one)(env)
            twin = env.spawn(self.kind, *self._at(*other), float(self.ground.z))
            env.state.entities[twin, [s.YAW, s.HEAD_YAW]] = env.state.entities[self.row, [s.YAW, s.HEAD_YAW]]

        return edit


class Sky:
    """One of the skies that the land knows."""

    def __init__(self, ground: Ground) -> None:
        self.ground, self.random = ground, ground.random
        wet = {"snow": ["snow"], "desert": []}.get(ground.biome, ["rain", "thunder"])
        self.sky = str(self.random.choice(["clear", *wet]))
        ground.env.set_weather(self.sky)

    def begin(self) -> None:
        """Remember how things are when the forks begin."""
        self.place = self.point(self.ground.env)
        self.gone = None

    def draw(self, env: VoxelEnv, past: int) -> None:
        """Let the sky reign as long as it may, and another one follow."""
        env.state.switches[SWITCH["weather"]] = 1
        ticks = CLEAR_TICKS if self.sky == "clear" else WET_TICKS
        env.state.marks[s.SKY_TICKS] = lasts(self.random, ticks, past + RAMP)

    def point(self, env: VoxelEnv) -> Point:
        """How strong rain, snow and thunder are."""
        rain, snow, thunder = (WHOLE * float(env.state.weather[field]) for field in (s.RAIN, s.SNOWFALL, s.THUNDER))
        return rain, snow, thunder

    def others(self, forks: list[Point]) -> list[Other]:
        """Each sky at its full strength, the one that reigned first."""
        strength = {"clear": (0.0, 0.0, 0.0), "rain": (WHOLE, 0.0, 0.0), "snow": (0.0, WHOLE, 0.0),
                    "thunder": (WHOLE, 0.0, WHOLE)}  # fmt: skip
        return [Other(sky, strength[sky], lambda env, sky=sky: env.set_weather(sky))
                for sky in (self.sky, *(sky for sky in SKIES if sky != self.sky))]  # fmt: skip


def lasts(random: np.random.Generator, ticks: tuple[int, int], past: int) -> int:
    """How many ticks are left of what lasts between two numbers of them, evenly, and has gone on for `past` or more."""
    while True:
        whole = float(random.uniform(*ticks))
        gone = float(random.uniform(0.0, ticks[1]))  # long ones are met more often
        if past <= gone < whole:
            return int(whole - gone) + 1


def fates(env: VoxelEnv, seed: int, index: int, rollouts: int = 4) -> Scene:
    """What becomes of an animal, or of the sky, while nothing is done: one of the things that may?

    Each play is truth by a luck that no fork had, from its own `start`.
    """
    wait = WAITS[index % len(WAITS)]
    ground = Ground(env, seed, pitch=2.0 if wait == "sky" else 16.0)
    course = Sky(ground) if wait == "sky" else Animal(ground, wait == "walk")
    frames, given = ground.given(["noop"] * 16)
    course.begin()
    moments, acts = Moments(env), numbers(("noop",) * STEPS[wait])

    def fork() -> tuple[Moments, Frames]:
        """Let truth go on by another luck; the env is left at its end."""
        moments.edited(moments.start, lambda env: course.draw(env, env.frame_skip * len(given)))
        forked = Moments(env)
        return forked, forked.play(acts)[0]

    names, points, drawn, last = [], [], [], moments.start
    for number in range(FORKS):
        fork()
        last, point = env.clone_state(), course.point(env)
        names.append(f"fork {number}")
        points.append(point)
        drawn.append(views(env, [[last]], POSES)[0])  # (P, 1, H, W, 6)
    even = [False] * FORKS
    for other in course.others(points):
        names.append(other.name)
        points.append(other.point)
        drawn.append(views(env, [[moments.edited(last, other.edit)]], POSES)[0])
        even.append(other.even)
    question = _question(names, points, np.stack(drawn), np.array(even), course.gone, len(acts))
    plays = []
    for number in range(rollouts):
        forked, shown = fork()
        plays.append(Play(f"rollout {number}", acts, shown, [question], forked.start))
    return Scene(seed, frames, given, moments.start, plays, {"wait": wait})


def _question(names: list[str], points: list[Point], drawn: Frames, even: np.ndarray, gone: Point | None,
              look: int) -> Fates:  # fmt: skip
    """Name outcomes by whether a fork came near them, and leave out those that no picture tells from another kind."""
    here = drawn[:, 0, 0, ..., :3].astype(np.int16)
    told = np.stack([(np.abs(here - one).max(-1) > APART).sum((1, 2)) >= TOLD for one in here])  # (A, A)
    spots, kept = np.array(points), np.ones(len(names), np.bool_)
    if gone is not None:
        hidden = ~told[names.index("gone")]
        spots[hidden] = gone
        kept = ~hidden | (np.arange(len(names)) < FORKS)
        kept[names.index("gone")] = True
    away = np.linalg.norm(spots[:, None] - spots[None, :FORKS], axis=-1).min(1)
    true = away <= NEARBY
    kept &= true | told[:, true].all(1)
    still = FORKS  # the first beside the forks
    if not (kept & ~true).any() or not (kept & even).any() or not kept[still]:
        raise StageError("nothing but what truth comes to can be told apart here; take another seed")
    chosen = np.flatnonzero(kept)
    return Fates(
        "fate", (look,), [f"{'true' if true[i] else 'other'}:{names[i]}" for i in chosen], drawn[chosen], 0,
        int(np.searchsorted(chosen, still)), forks=FORKS, points=spots[chosen].round(2),
        chance=float(true[kept & even].mean()),
    )  # fmt: skip
