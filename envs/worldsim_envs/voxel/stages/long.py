"""Long scenes: an hour of looking round, with the same view coming back again and again; and walks by chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from worldsim_envs.voxel.stages.camera import NEAR, apart, views
from worldsim_envs.voxel.stages.ground import Ground, Moments, numbers
from worldsim_envs.voxel.stages.question import Play, Question, Scene
from worldsim_envs.voxel.stages.revisits import WORLDS, others
from worldsim_envs.voxel.stages.told import heed

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

ROUND = (*("turn_right",) * 4, *("noop",) * 2, *("turn_left",) * 4, *("forward",) * 2, "noop", *("back",) * 2, "noop")
OUT = 5  # steps of a round after which the view is farthest from where it was
LENGTH = {"quick": 256, "full": 1024}
WINDOW = 64
# What somebody who tries things does, and how often beside walking.
CHANCES = {"forward": 6, "noop": 1, "turn_left": 2, "turn_right": 2, "forward+jump": 2, "attack": 3, "use": 1,
           "look_up": 1, "look_down": 1, "left": 1, "right": 1, "back": 1}  # fmt: skip


def drift(env: VoxelEnv, seed: int, index: int, length: int = LENGTH["quick"]) -> Scene:
    """Looking round again and again: is the view that comes back still of this world, given that it had left?"""
    ground = Ground(env, seed, pitch=8.0)
    for place, kind in (((4, -2), "planks"), ((5, 2), "brick"), ((7, 0), "pumpkin")):
        ground.put(*place, 0, kind)
    frames, given = ground.given()
    moments = Moments(env)
    acts = numbers(ROUND * (length // len(ROUND)))
    looks = [window * WINDOW for window in range(1, length // WINDOW + 1)]
    turned = [look - len(ROUND) + OUT for look in looks]
    shown, kept, _ = moments.play(acts, (*looks, *turned))
    strangers = others(env, ground, moments.start)
    names = ["the same", *(f"world {number}" for number in range(1, WORLDS))]
    others_seen = views(env, [[other] for other in strangers])
    questions = []
    for look, out in zip(looks, turned, strict=True):
        gone = views(env, [[kept[out]], [moments.start]])
        apart(gone, ("left", "stayed"))
        questions.append(Question(f"left before {look}", (out,), ("left", "stayed"), gone, 0, 1, kind="gate"))
        drawn = np.concatenate([views(env, [[kept[look]]], NEAR), others_seen])
        apart(drawn, names)
        questions.append(Question(f"at {look}", (look,), names, drawn, 0, needs=f"left before {look}"))
    return Scene(seed, frames, given, moments.start, [Play("round and round", acts, shown, questions)])


def strolls(env: VoxelEnv, seed: int, index: int, length: int = 48, texts: Sequence[str] = ()) -> Scene:
    """A walk by chance on open land, without questions: what happens on it, what it pays, how it looks.

    Args:
        env: to stage it in.
        seed: of the world.
        index: of the trial.
        length: steps after the given past.
        texts: prompts that the sky is brought to, one after the other, before the first of these steps.
    """
    ground = Ground(env, seed, level=False, pitch=12.0)
    chances = np.array(list(CHANCES.values()), np.float64)
    drawn = ground.random.choice(list(CHANCES), (length + 16) // 4 + 1, p=chances / chances.sum()).tolist()
    names = [name for name in drawn for _ in range(4)]
    names = [name if i % 4 == 0 or ("turn" not in name and "look" not in name) else "forward"
             for i, name in enumerate(names)]  # fmt: skip
    frames, given = ground.given(names[:16])
    moments = Moments(env)
    acts = numbers(names[16 : 16 + length])
    for text in texts:
        heed(env, text)
    name = " / ".join(texts) or "stroll"
    return Scene(seed, frames, given, moments.start, [Play(name, acts, np.stack([env.step(act)[0] for act in acts]))])
