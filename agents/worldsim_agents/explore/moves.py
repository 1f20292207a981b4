"""What scripts are made of: walking, swimming, turning, looking, mining on; each yields action names."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from worldsim_agents.explore.view import TILT, TURN, View

SLOTS = ("hotbar.1", "hotbar.2", "hotbar.3", "hotbar.4", "hotbar.5")


def walk(view: View, rng: np.random.Generator, steps: int) -> Iterator[str]:
    """Go some steps in one gait, with bends; when bumped jump, and when that is no help turn to where there is room."""
    if view.in_water:
        yield from swim(view, rng, 2 * steps)
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
            yield from hold("back", rng, 1, 3)
            yield from turn(way_out(view, rng))
        elif view.under_water:
            yield STROKES[rng.integers(len(STROKES))]
        elif bend:
            name = "forward+turn_right" if bend > 0 else "forward+turn_left"
            bend -= int(np.sign(bend))
            yield name
        else:
            bumps = max(0, bumps - 1)
            yield gait


STROKES = ("forward+jump", "forward+jump", "sprint+jump", "jump", "forward")


def swim(view: View, rng: np.random.Generator, steps: int) -> Iterator[str]:
    """Make for the nearest land, mostly, and swim until it is reached."""
    degrees = view.shore() if rng.random() < 0.8 else float(rng.integers(-6, 7) * TURN)
    yield from turn(degrees or 0.0)
    for _ in range(steps):
        if not view.in_water:
            return
        yield STROKES[rng.integers(len(STROKES))]


def slot(rng: np.random.Generator) -> str:
    return str(rng.choice(SLOTS))


def way_out(view: View, rng: np.random.Generator) -> float:
    """Degrees to turn, mostly to where there is room; 0 most likely when there is room ahead."""
    turns = np.arange(-165.0, 181.0, TURN)
    rooms = np.array([view.room(turn) for turn in turns])
    likely = (0.1 + rooms) ** 2 / (1.0 + np.abs(turns) / 45.0)
    return float(rng.choice(turns, p=likely / likely.sum()))


def mine_on(view: View) -> Iterator[str]:
    """Attack the block at the crosshair until it is gone, or for as long as the hardest takes."""
    target = view.target
    for _ in range(24):
        if target is None or view.target != target:
            return
        yield "attack"


def look_at(view: View, offset: np.ndarray) -> Iterator[str]:
    """Turn and tilt towards a point, given from the eye f64 (3,), as near as whole steps come."""
    yaw, pitch = np.degrees(np.arctan2(offset[0], offset[1])), np.degrees(-np.arctan2(offset[2], np.hypot(*offset[:2])))
    yield from turn((yaw - view.yaw + 180.0) % 360.0 - 180.0)
    yield from tilt(pitch - view.pitch)


def turn(degrees: float) -> Iterator[str]:
    yield from ["turn_right" if degrees > 0 else "turn_left"] * round(abs(degrees) / TURN)


def tilt(degrees: float) -> Iterator[str]:
    yield from ["look_down" if degrees > 0 else "look_up"] * round(abs(degrees) / TILT)


def level(view: View) -> Iterator[str]:
    yield from tilt(-view.pitch)


def nod(view: View, rng: np.random.Generator) -> Iterator[str]:
    """Look up a little or down a bit more, wait, and look ahead again."""
    yield from tilt(float(rng.choice([-30.0, -20.0, -10.0, 10.0, 20.0, 30.0, 40.0, 50.0])))
    yield from hold(str(rng.choice(["noop", "forward", "turn_left", "turn_right"])), rng, 1, 5)
    yield from level(view)


def hold(name: str, rng: np.random.Generator, low: int, high: int) -> Iterator[str]:
    """The same action `low` … `high` - 1 times."""
    yield from [name] * int(rng.integers(low, high))


def approach(view: View, offset: np.ndarray, rng: np.random.Generator) -> Iterator[str]:
    """Walk towards a point, given from the eye f64 (3,), until it is within reach or the way takes too long."""
    goal = view.eye + offset
    for step in range(30):
        gap = goal - view.eye
        if np.hypot(*gap[:2]) < 2.2:
            break
        if step % 4 == 0:
            yaw = float(np.degrees(np.arctan2(gap[0], gap[1])))
            yield from turn((yaw - view.yaw + 180.0) % 360.0 - 180.0)
        yield "forward+jump" if view.bumped or view.in_water else "forward"
    yield from look_at(view, goal - view.eye)
