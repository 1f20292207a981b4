"""Counterfactual pairs, action control, turns, sides and orders: what the player's own actions lead to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from worldsim_envs.voxel.stages.camera import NEAR, Pose, apart, views
from worldsim_envs.voxel.stages.ground import Ground, Moments, numbers
from worldsim_envs.voxel.stages.question import Play, Question, Scene

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

# What is done in either branch of a pair, and the steps that are looked at.
PAIRS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("forward",) * 8, ("noop",) * 8),
    (("turn_left",) * 4 + ("noop",) * 4, ("turn_right",) * 4 + ("noop",) * 4),
    (("left",) * 8, ("right",) * 8),
    (("forward",) * 8, ("back",) * 8),
    (("look_up",) * 3 + ("noop",) * 5, ("look_down",) * 3 + ("noop",) * 5),
    (("attack",) * 8, ("noop",) * 8),
    (("use",) + ("noop",) * 7, ("noop",) * 8),
    (("turn_right",) * 3 + ("forward",) * 5, ("turn_right",) * 3 + ("noop",) * 5),
)
CONTROL = ("noop", "forward", "back", "left", "right", "jump", "turn_left", "turn_right", "look_up", "look_down",
           "attack", "use", "hotbar.2")  # fmt: skip
SIDES = ((("turn_left",) * 3 + ("noop",), ("turn_right",) * 3 + ("noop",)), (("left",) * 6, ("right",) * 6))
CHAIN = {"walk": ("forward",) * 5, "turn": ("turn_right",) * 3, "strafe": ("right",) * 5}
ANGLES, BAND = tuple(np.arange(-30.0, 121.0, 3.0).tolist()), 15  # degrees; those of one band count as one
STANDING: tuple[Pose, ...] = ((0.0, 0.0, 0.0, 0.0), (0.0, -4.0, 0.0, 0.0), (0.0, 4.0, 0.0, 0.0))


def furnished(env: VoxelEnv, seed: int, pitch: float) -> Ground:
    """A clearing with a few blocks of different kinds around the player, none nearer than three blocks."""
    ground = Ground(env, seed, pitch=pitch)
    kinds = ("planks", "stone", "brick", "oak_log", "pumpkin", "hay", "snow", "stone_bricks")
    for place, kind in zip(((4, -2), (5, 2), (-4, 1), (1, 5), (-1, -5), (6, -4), (7, 0), (3, 4)),
                           ground.random.permutation(kinds).tolist(), strict=True):  # fmt: skip
        for up in range(1 + int(ground.random.integers(2))):
            ground.put(place[0], place[1], up, kind)
    return ground


def branches(env: VoxelEnv, ground: Ground, acts: Sequence[Sequence[str]], names: Sequence[str], looks: Sequence[int],
             question: str, poses: Sequence[Pose] = NEAR, still: int = -1) -> Scene:  # fmt: skip
    """Return a scene with a play for each branch, and the same answers to the same question in each."""
    frames, given = ground.given()
    moments = Moments(env)
    played = [moments.play(numbers(branch), looks) for branch in acts]
    drawn = views(env, [[kept[look] for look in looks] for _, kept, _ in played], poses)
    apart(drawn, names)
    plays = [
        Play(name, numbers(branch), shown[0], [Question(question, looks, names, drawn, right, still)])
        for right, (name, branch, shown) in enumerate(zip(names, acts, played, strict=True))
    ]
    return Scene(ground.seed, frames, given, moments.start, plays)


def pairs(env: VoxelEnv, seed: int, index: int) -> Scene:
    """Two actions from one past: does each lead to its own world? A row of `PAIRS`."""
    acts = PAIRS[index % len(PAIRS)]
    ground = furnished(env, seed, 30.0 if acts[0][0] in ("attack", "use") else 12.0)
    names = [f"{one[0]}, {one[-1]}" for one in acts]
    names = names if names[0] != names[1] else [one[0] for one in acts]
    return branches(env, ground, acts, names, (4, 8), "branch", still=next(
        (i for i, one in enumerate(acts) if set(one) == {"noop"}), -1))  # fmt: skip


def control(env: VoxelEnv, seed: int, index: int) -> Scene:
    """Every action from one past, held for six steps: which was it?"""
    ground = furnished(env, seed, 30.0)
    return branches(env, ground, [(name,) * 6 for name in CONTROL], CONTROL, (2, 4, 6), "action", STANDING, 0)


def turns(env: VoxelEnv, seed: int, index: int) -> Scene:
    """Turns by 30 and 60 degrees to either side: how far did the view turn?"""
    ground = furnished(env, seed, 8.0)
    frames, given = ground.given()
    moments, plays = Moments(env), []
    for side, sign in (("turn_right", 1), ("turn_left", -1)):
        for count in (2, 4):
            acts = numbers((side,) * count)
            shown, _, _ = moments.play(acts)
            poses = [(sign * angle, 0.0, 0.0, 0.0) for angle in ANGLES]
            drawn = views(env, [[moments.start]], poses)[0][:, None]  # (angles, 1, 1, H, W, 6)
            right = int(np.argmin(np.abs(np.array(ANGLES) - 15.0 * count)))
            names = [f"{BAND * round(angle / BAND):g}:{angle:g}" for angle in ANGLES]
            question = Question("angle", (count,), names, drawn, right, ANGLES.index(0.0), values=ANGLES)
            plays.append(Play(f"{side} × {count}", acts, shown, [question]))
    return Scene(seed, frames, given, moments.start, plays)


def sides(env: VoxelEnv, seed: int, index: int) -> Scene:
    """Left or right, turning and walking: is each told from the other?"""
    acts = SIDES[index % len(SIDES)]
    return branches(env, furnished(env, seed, 8.0), acts, ("left", "right"), (len(acts[0]),), "side")


def orders(env: VoxelEnv, seed: int, index: int) -> Scene:
    """The same deeds in another order, two of them or three: which order was it?"""
    ground = furnished(env, seed, 8.0)
    deeds = list(CHAIN) if index % 2 else sorted(ground.random.choice(list(CHAIN), 2, replace=False).tolist())
    if deeds == ["strafe", "walk"]:
        deeds = ["turn", "walk"]  # walking and strafing on level ground lead to one place in either order
    chains = list(permutations(deeds))
    acts = [tuple(act for deed in chain for act in CHAIN[deed]) for chain in chains]
    looks = tuple(sorted({len(acts[0]) // 2, len(acts[0])}))
    return branches(env, ground, acts, [" then ".join(chain) for chain in chains], looks, "order")
