"""Scripted policies that record the voxel world with varied, balanced actions: `mix` is the one to record with.

A script is a generator of action names; it looks through a `View` at the engine's own state. `explorer`, `miner`,
`builder`, `gazer`, `jitter` and `mix` make policies for `worldsim.data.record.record`. `shares` says what was recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import gymnasium as gym
import numpy as np

from worldsim.data.episodes import Dataset
from worldsim_envs.voxel import state as voxel
from worldsim_envs.voxel.blocks import SOLID, WATER

__all__ = ["Scripted", "Shares", "builder", "explorer", "gazer", "jitter", "miner", "mix", "shares"]

TURN, TILT = 15.0, 10.0  # degrees of one turning and one looking action
ARM = 4.0  # blocks that surely lie within reach


class View:
    """What a script may know: the player's pose, what touches it, and the blocks around."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        self._raw: Any = env.unwrapped
        self.actions: list[str] = self._raw.get_action_meanings()

    @property
    def yaw(self) -> float:
        """Degrees clockwise from north."""
        return float(self._raw.state.body[voxel.YAW])

    @property
    def pitch(self) -> float:
        """Degrees, positive looking down."""
        return float(self._raw.state.body[voxel.PITCH])

    @property
    def eye(self) -> np.ndarray:
        """f64 (3,): where the eye is, in blocks."""
        return self._raw.state.body[:3] + np.array([0.0, 0.0, voxel.EYE])

    @property
    def in_water(self) -> bool:
        return bool(self._raw.state.marks[voxel.IN_WATER])

    @property
    def under_water(self) -> bool:
        """Whether the eye is in water."""
        blocks, eye = self._raw.state.blocks, self.eye
        x, y, z = int(eye[0]) % blocks.shape[0], int(eye[1]) % blocks.shape[1], int(eye[2])
        return 0 <= z < blocks.shape[2] and blocks[x, y, z] == WATER

    @property
    def bumped(self) -> bool:
        """Whether something solid stopped the player a moment ago."""
        return bool(self._raw.state.marks[voxel.BUMP])

    @property
    def target(self) -> tuple[int, int, int] | None:
        """The block within reach at the crosshair."""
        marks = self._raw.state.marks
        if not marks[voxel.TARGET]:
            return None
        return int(marks[voxel.TARGET_X]), int(marks[voxel.TARGET_Y]), int(marks[voxel.TARGET_Z])

    def room(self, turn: float) -> int:
        """Free blocks at the eye's height, 0 … 10, in the direction `turn` degrees to the right."""
        blocks, eye = self._raw.state.blocks, self.eye
        yaw = np.radians(self.yaw + turn)
        height = min(int(eye[2]), blocks.shape[2] - 1)
        for step in range(1, 11):
            x, y = int(eye[0] + step * np.sin(yaw)), int(eye[1] + step * np.cos(yaw))
            if SOLID[blocks[x % blocks.shape[0], y % blocks.shape[1], height]]:
                return step - 1
        return 10

    def shore(self) -> float | None:
        """Degrees to turn towards the nearest land, of 24 directions; None when there is none within 60 blocks."""
        state = self._raw.state
        turns, away = np.arange(-165.0, 181.0, TURN), np.arange(1.0, 60.0)
        yaw = np.radians(self.yaw + turns)[:, None]
        x = np.floor(self.eye[0] + away * np.sin(yaw)).astype(int) % state.blocks.shape[0]  # (24, 59)
        y = np.floor(self.eye[1] + away * np.cos(yaw)).astype(int) % state.blocks.shape[1]
        land = state.blocks[x, y, np.minimum(state.tops[x, y], state.blocks.shape[2] - 1)] != WATER
        first = np.where(land.any(axis=1), land.argmax(axis=1), len(away))
        return float(turns[first.argmin()]) if first.min() < len(away) else None

    def reachable(self) -> tuple[np.ndarray, np.ndarray]:
        """The solid blocks near the eye that have a free side: offsets from the eye f64 (N, 3), and ids u8 (N,)."""
        blocks, eye = self._raw.state.blocks, self.eye
        base, reach = np.floor(eye).astype(int), 5
        x, y = (np.arange(base[i] - reach, base[i] + reach + 1) % blocks.shape[i] for i in range(2))
        z = np.clip(np.arange(base[2] - reach, base[2] + reach + 1), 0, blocks.shape[2] - 1)
        near = blocks[np.ix_(x, y, z)]  # (11, 11, 11)
        solid = SOLID[near].astype(bool)
        free = np.zeros_like(solid)
        for axis in range(3):
            free |= ~np.roll(solid, 1, axis) | ~np.roll(solid, -1, axis)
        cells = np.argwhere(solid & free)
        offsets = cells - reach + 0.5 + base - eye
        kept = (np.square(offsets).sum(axis=1) < ARM**2) & ~((cells == 0) | (cells == 2 * reach)).any(axis=1)
        return offsets[kept], near[tuple(cells[kept].T)]


Script = Callable[[View, np.random.Generator], Iterator[str]]


class Scripted:
    """A policy that follows a script, begun anew in every episode."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def reset(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        view = View(env)
        self._numbers = {name: number for number, name in enumerate(view.actions)}
        self._names = self._script(view, rng)

    def act(self, env: gym.Env[Any, Any], observation: Any, rng: np.random.Generator) -> int:
        return self._numbers[next(self._names)]


def explorer() -> Scripted:
    """Walks on and on, looks about, jumps what it can and turns away from what it cannot, swims up."""
    return Scripted(_explore)


def miner() -> Scripted:
    """Mines a few blocks of different kinds wherever it comes."""
    return Scripted(_mine)


def builder() -> Scripted:
    """Places rows, walls and single blocks, from three hotbar slots, and takes some away again."""
    return Scripted(_build)


def gazer() -> Scripted:
    """Stands and looks around: whole turns, there and back, up and down, so that views come again."""
    return Scripted(_gaze)


def jitter() -> Scripted:
    """Random actions, each held for a moment."""
    return Scripted(_jitter)


def mix() -> Scripted:
    """All of them in turn, 40 to 120 steps each."""
    return Scripted(_mix)


# ---------------------------------------------------------------------------------------------- scripts


def _mix(view: View, rng: np.random.Generator) -> Iterator[str]:
    scripts = {_explore: 0.35, _mine: 0.19, _build: 0.18, _gaze: 0.11, _jitter: 0.17}
    while True:
        script = list(scripts)[rng.choice(len(scripts), p=list(scripts.values()))]
        if view.in_water and rng.random() < 0.7:
            script = _explore
        for name in islice(script(view, rng), int(rng.integers(40, 121))):
            while view.under_water and rng.random() < 0.8:  # come up for air: the deep is dull
                yield _STROKES[rng.integers(len(_STROKES))]
            yield name
        yield from _level(view)
        if view.room(0.0) < 2:
            yield from _turn(_way_out(view, rng))


def _explore(view: View, rng: np.random.Generator) -> Iterator[str]:
    while True:
        yield from _walk(view, rng, int(rng.integers(10, 35)))
        aside = rng.random()
        if aside < 0.14:
            yield from _turn(rng.choice([-1, 1]) * rng.integers(2, 7) * TURN)
        elif aside < 0.32:
            yield from _nod(view, rng)
        elif aside < 0.58:
            yield from _hold(str(rng.choice(["left", "right"])), rng, 4, 10)
        elif aside < 0.68:
            yield from _hold("back", rng, 3, 8)
        elif aside < 0.74:
            yield from _hold("jump", rng, 1, 6)
        elif aside < 0.86:
            yield from _hold("noop", rng, 2, 8)
        elif aside < 0.92:
            yield from _hold(_slot(rng), rng, 1, 4)


def _mine(view: View, rng: np.random.Generator) -> Iterator[str]:
    while True:
        for _ in range(rng.integers(1, 4)):
            offsets, kinds = view.reachable()
            if len(kinds):
                kind = rng.choice(np.unique(kinds))  # any kind as likely as any other, so rare ones are not left out
                chosen = offsets[rng.choice(np.flatnonzero(kinds == kind))]
                yield from _look_at(view, chosen)
                yield from _break(view)
        yield from _level(view)
        yield from _turn(_way_out(view, rng))
        yield from _hold("forward+attack", rng, 1, 6)
        yield from _walk(view, rng, int(rng.integers(3, 14)))


def _build(view: View, rng: np.random.Generator) -> Iterator[str]:
    while True:
        yield from _hold(_slot(rng), rng, 2, 5)
        while view.target is None and view.pitch < 60.0:
            yield "look_down"
        side = str(rng.choice(["turn_left", "turn_right"]))
        for _ in range(rng.integers(3, 8)):
            yield from _hold("use", rng, 1, 3)
            yield from _hold(str(rng.choice([side, side, "back", "look_up", "noop", _slot(rng)])), rng, 1, 3)
        if rng.random() < 0.3 and view.target is not None:
            yield from _break(view)
        yield from _level(view)
        yield from _turn(_way_out(view, rng))
        yield from _walk(view, rng, int(rng.integers(2, 12)))


def _gaze(view: View, rng: np.random.Generator) -> Iterator[str]:
    while True:
        there, back = ("turn_left", "turn_right") if rng.random() < 0.5 else ("turn_right", "turn_left")
        steps = int(rng.choice([3, 6, 12, 24]))
        yield from [there] * steps
        yield from _hold("noop", rng, 2, 8)
        if rng.random() < 0.7:
            yield from [back] * steps
        yield from _nod(view, rng)
        yield from _hold("noop", rng, 1, 5)


# What the other scripts do seldom, and random actions therefore more often.
_SELDOM = ("noop", "left", "right", "hotbar.1", "hotbar.2", "hotbar.3", "use", "forward+attack")


def _jitter(view: View, rng: np.random.Generator) -> Iterator[str]:
    while True:
        name = str(rng.choice([*view.actions, *_SELDOM]))
        for _ in range(rng.geometric(0.4)):
            if abs(view.pitch) > 35.0:
                name = "look_up" if view.pitch > 0 else "look_down"
            yield name


# ---------------------------------------------------------------------------------------------- their parts


def _walk(view: View, rng: np.random.Generator, steps: int) -> Iterator[str]:
    """Go some steps in one gait, with bends; when bumped jump, and when that is no help turn to where there is room."""
    if view.in_water:
        yield from _swim(view, rng, 2 * steps)
    gait = str(rng.choice(["forward", "sprint", "sprint+jump", "forward+jump"], p=[0.52, 0.26, 0.13, 0.09]))
    bend, bumps = 0, 0
    for _ in range(steps):
        if bend == 0 and rng.random() < 0.08:
            bend = int(rng.choice([-1, 1]) * rng.integers(1, 5))
        if view.bumped and bumps < 5:
            bumps += 1
            yield "sprint+jump" if gait == "sprint" else "forward+jump"
        elif view.bumped:
            bumps = 0
            yield from _hold("back", rng, 1, 3)
            yield from _turn(_way_out(view, rng))
        elif view.under_water:
            yield _STROKES[rng.integers(len(_STROKES))]
        elif bend:
            name = "forward+turn_right" if bend > 0 else "forward+turn_left"
            bend -= int(np.sign(bend))
            yield name
        else:
            bumps = max(0, bumps - 1)
            yield gait


_STROKES = ("forward+jump", "forward+jump", "sprint+jump", "jump", "forward")


def _swim(view: View, rng: np.random.Generator, steps: int) -> Iterator[str]:
    """Make for the nearest land, mostly, and swim until it is reached."""
    turn = view.shore() if rng.random() < 0.8 else float(rng.integers(-6, 7) * TURN)
    yield from _turn(turn or 0.0)
    for _ in range(steps):
        if not view.in_water:
            return
        yield _STROKES[rng.integers(len(_STROKES))]


def _slot(rng: np.random.Generator) -> str:
    return str(rng.choice(["hotbar.1", "hotbar.2", "hotbar.3"]))


def _way_out(view: View, rng: np.random.Generator) -> float:
    """Degrees to turn, mostly to where there is room; 0 most likely when there is room ahead."""
    turns = np.arange(-165.0, 181.0, TURN)
    rooms = np.array([view.room(turn) for turn in turns])
    likely = (0.1 + rooms) ** 2 / (1.0 + np.abs(turns) / 45.0)
    return float(rng.choice(turns, p=likely / likely.sum()))


def _break(view: View) -> Iterator[str]:
    """Attack the block at the crosshair until it is gone, or for as long as the hardest takes."""
    target = view.target
    for _ in range(24):
        if target is None or view.target != target:
            return
        yield "attack"


def _look_at(view: View, offset: np.ndarray) -> Iterator[str]:
    """Turn and tilt towards a point, given from the eye f64 (3,), as near as whole steps come."""
    yaw, pitch = np.degrees(np.arctan2(offset[0], offset[1])), np.degrees(-np.arctan2(offset[2], np.hypot(*offset[:2])))
    yield from _turn((yaw - view.yaw + 180.0) % 360.0 - 180.0)
    yield from _tilt(pitch - view.pitch)


def _turn(degrees: float) -> Iterator[str]:
    yield from ["turn_right" if degrees > 0 else "turn_left"] * round(abs(degrees) / TURN)


def _tilt(degrees: float) -> Iterator[str]:
    yield from ["look_down" if degrees > 0 else "look_up"] * round(abs(degrees) / TILT)


def _level(view: View) -> Iterator[str]:
    yield from _tilt(-view.pitch)


def _nod(view: View, rng: np.random.Generator) -> Iterator[str]:
    """Look up a little or down a bit more, wait, and look ahead again."""
    yield from _tilt(float(rng.choice([-30.0, -20.0, -10.0, 10.0, 20.0, 30.0, 40.0, 50.0])))
    yield from _hold(str(rng.choice(["noop", "forward", "turn_left", "turn_right"])), rng, 1, 5)
    yield from _level(view)


def _hold(name: str, rng: np.random.Generator, low: int, high: int) -> Iterator[str]:
    """The same action `low` … `high` - 1 times."""
    yield from [name] * int(rng.integers(low, high))


# ---------------------------------------------------------------------------------------------- what was recorded


@dataclass(frozen=True)
class Shares:
    """How often things happen in a dataset: share of steps by action, and of rows by event."""

    actions: dict[str, float]
    events: dict[str, float]


def shares(dataset: Dataset) -> Shares:
    """The share of steps with each action and of rows with each event, from the index alone."""
    steps = max(1, sum(entry.length - 1 for entry in dataset.entries))
    rows = max(1, int(dataset.lengths.sum()))
    actions: dict[str, int] = {}
    events: dict[str, int] = {}
    for entry in dataset.entries:
        for total, counts in ((actions, entry.actions), (events, entry.events)):
            for name, n in counts.items():
                total[name] = total.get(name, 0) + n
    return Shares({k: n / steps for k, n in actions.items()}, {k: n / rows for k, n in events.items()})
