"""Level A: what can be asked of frames and steps alone, of any env, with no code written and no reference.

With a reference the same is asked of it, and its figure stands beside the candidate's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from scipy.ndimage import label

from worldsim.fidelity.harness.bench import Bench, Trial
from worldsim.fidelity.harness.lines import frames_hash
from worldsim.fidelity.harness.simulator import Simulator, meanings
from worldsim.fidelity.heldout import FidelityError
from worldsim.fidelity.probes.pixels import grey_levels

__all__ = ["ALONE", "alone_trial"]

STILL = ("noop", "no-op", "no_op", "nothing", "stay", "idle")
INVERSES = (("turn_left", "turn_right"), ("turn left", "turn right"), ("left", "right"), ("forward", "back"),
            ("forward", "backward"), ("up", "down"), ("look_up", "look_down"))  # fmt: skip
TRIED = 6  # actions of unknown meaning that are tried as inverses of each other
OUT, REST = 6, 4
MOVED = 0.05  # grey levels of a whole frame: less is no movement
STIR, BLOB = 24, 4  # grey levels and pixels (of a frame of 64×64) from which on something has changed


@dataclass(frozen=True)
class Means:
    """The actions of an env that probes use: one that does nothing, and two of which the second undoes the first."""

    still: Any
    out: Any
    back: Any
    found: str
    """How they were found: "by name" or "by trying"."""


def means_of(simulator: Simulator, seed: int) -> Means:
    """Find them by name, else by trying. Raises `FidelityError` where no action undoes another."""
    names = [name.lower() for name in meanings(simulator.env)]
    still = next((i for i, name in enumerate(names) if name in STILL), None)
    pair = next(((names.index(a), names.index(b)) for a, b in INVERSES if a in names and b in names), None)
    start = int(getattr(simulator.env.action_space, "start", 0))
    if still is not None and pair is not None:
        return Means(still + start, pair[0] + start, pair[1] + start, "by name")
    return _tried(simulator, seed, None if still is None else still + start)


def _tried(simulator: Simulator, seed: int, still: Any) -> Means:
    """Play each action for a while, and each after each other that moves something."""
    actions = _some_actions(simulator.env.action_space, seed)
    moved = {}
    for number, action in enumerate(actions):
        played = simulator.alone(seed, [action] * OUT)
        moved[number] = grey_levels(played.first, played.frames[-1])
    order = sorted(moved, key=lambda number: moved[number])
    still = actions[order[0]] if still is None else still
    best, pair = -1.0, None
    for a in order[::-1][:TRIED]:
        for b in order[::-1][:TRIED]:
            if a != b and moved[a] > MOVED:
                played = simulator.alone(seed, [actions[a]] * OUT + [actions[b]] * OUT)
                closed = 1.0 - grey_levels(played.first, played.frames[-1]) / moved[a]
                best, pair = max((best, pair), (closed, (a, b)), key=lambda found: found[0])
    if pair is None:
        raise FidelityError(f"no action of {simulator.name} moves anything in {OUT} steps")
    return Means(still, actions[pair[0]], actions[pair[1]], "by trying")


def _some_actions(space: spaces.Space[Any], seed: int) -> list[Any]:
    if isinstance(space, spaces.Discrete):
        return [int(space.start) + number for number in range(int(space.n))][:18]
    space.seed(seed % 2**31)
    return [space.sample() for _ in range(12)]


def reversibility(simulator: Simulator, means: Means, seed: int, rng: np.random.Generator) -> float | None:
    """Six steps out and six back: the share of the way, in pixels, that is closed again. None where nothing moved."""
    played = simulator.alone(seed, [means.out] * OUT + [means.back] * OUT)
    out = grey_levels(played.first, played.frames[OUT - 1])
    return None if out < MOVED or played.steps < 2 * OUT else 1.0 - grey_levels(played.first, played.frames[-1]) / out


def stability(simulator: Simulator, means: Means, seed: int, rng: np.random.Generator) -> float | None:
    """1 - what changes when nothing is done / what changes when something is. None where nothing moves."""
    rest = simulator.alone(seed, [means.still] * 16)
    moved = simulator.alone(seed, [means.out] * 16)
    most = np.mean([grey_levels(moved.first, frame) for frame in moved.frames])
    least = np.mean([grey_levels(rest.first, frame) for frame in rest.frames])
    return None if most < MOVED else float(1.0 - least / most)


def revisit(simulator: Simulator, means: Means, seed: int, rng: np.random.Generator) -> float | None:
    """Memory gain: how much nearer to the start one is after out, rest and back than after out, rest and on."""
    there = [means.out] * OUT + [means.still] * REST
    back = simulator.alone(seed, [*there, *[means.back] * OUT])
    on = simulator.alone(seed, [*there, *[means.out] * OUT])
    control = grey_levels(on.first, on.frames[-1])
    return None if control < MOVED else 1.0 - grey_levels(back.first, back.frames[-1]) / control


def determinism(simulator: Simulator, means: Means, seed: int, rng: np.random.Generator) -> float | None:
    """The share of frames that are the same bytes when seed and actions are."""
    some = _some_actions(simulator.env.action_space, seed)
    actions = [some[i] for i in rng.integers(len(some), size=16)]
    one, other = (simulator.alone(seed, actions) for _ in range(2))
    return float((one.frames == other.frames).all((1, 2, 3)).mean())


def stirrings(simulator: Simulator, means: Means, seed: int, rng: np.random.Generator) -> float | None:
    """Things that change place, come or go per frame in which nothing is done: blobs of changed pixels."""
    frames = simulator.alone(seed, [means.still] * 48).frames.astype(np.int16)
    changed = np.abs(np.diff(frames, axis=0)).max(-1) > STIR  # (T - 1, H, W)
    least = BLOB * frames.shape[1] * frames.shape[2] / 4096
    blobs = 0
    for one in changed:
        parts = np.zeros(one.shape, np.int32)
        label(one, output=parts)
        blobs += int((np.bincount(parts.ravel())[1:] >= least).sum())
    return blobs / len(changed)


def fading(simulator: Simulator, means: Means, seed: int, rng: np.random.Generator) -> float | None:
    """How much brighter (darker: below 0) the picture becomes in 32 frames while nothing is done, as a share."""
    frames = simulator.alone(seed, [means.still] * 96).frames
    first, last = (part.mean() + 1.0 for part in (frames[:16], frames[-16:]))
    return float(np.log(last / first) * 32 / 80)


Measure = Callable[[Simulator, Means, int, np.random.Generator], float | None]
ALONE: dict[str, Measure] = {
    "reversibility": reversibility, "no-op stability": stability, "revisit gain": revisit,
    "determinism": determinism, "stirrings": stirrings, "fading": fading,
}  # fmt: skip


def alone_trial(bench: Bench, probe: str, index: int) -> Trial:
    """Ask the candidate, and the reference if there is one, in the same way."""
    rng = bench.draws(probe, index, 1000)
    seed, payload = int(rng.integers(2**31)), {}
    for who, simulator in (("candidate", bench.candidate), ("truth", bench.reference)):
        if simulator is not None:
            if who not in bench.kept:
                bench.kept[who] = means_of(simulator, bench.seed)
            means: Means = bench.kept[who]
            payload[who] = ALONE[probe](simulator, means, seed, np.random.default_rng([seed, 1]))
            payload[f"{who} means"] = [str(means.still), str(means.out), str(means.back), means.found]
    played = bench.candidate.alone(seed, [bench.kept["candidate"].still])
    return Trial(seed, {**payload, "hash": frames_hash(played.frames)})
