"""Scenes of what happens by itself: falling sand, flowing water, shattering glass, jumps and falls; and of what stays.

Each row sets something up and says what else could have come of it. Truth is what the engine does; the other worlds
are the same moment with the change undone, or carried further than it goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.episodes import Snapshot
from worldsim_envs.voxel.stages.camera import apart, views
from worldsim_envs.voxel.stages.ground import NUMBERS, Ground, Moments
from worldsim_envs.voxel.stages.question import Frames, Play, Question, Scene

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

Edit = Callable[["VoxelEnv"], None]


@dataclass(frozen=True)
class Happening:
    """One row: how it is staged, what the player does, when it is looked at, and what else could be seen.

    Attributes:
        stage: puts things up before the given frames; returns what begins with the last of them, or None.
        acts: discrete actions by name.
        looks: steps.
        answers: truth's name, then the names of the others.
        worlds: makes each of the others of truth's state at a look and the state at the start.
        still: which of the answers a frozen world shows, -1 for none.
    """

    stage: Callable[[Ground], Edit | None]
    acts: tuple[str, ...]
    looks: tuple[int, ...]
    answers: tuple[str, ...]
    worlds: tuple[Callable[[Ground], Edit], ...]
    still: int = 1


def _cells(*changes: tuple[int, int, int, str]) -> Callable[[Ground], Edit]:
    """An edit of cells, each so many blocks ahead, to the right and up."""

    def of(ground: Ground) -> Edit:
        def edit(env: VoxelEnv) -> None:
            env.state.kinds[:] = 0
            env.state.switches[:] = 0
            for ahead, right, up, block in changes:
                env.set_block(*ground.cell(ahead, right, up), block)

        return edit

    return of


def _lifted(by: float) -> Callable[[Ground], Edit]:
    """An edit that puts the player higher."""

    def of(ground: Ground) -> Edit:
        def edit(env: VoxelEnv) -> None:
            env.state.body[s.Z] += by

        return edit

    return of


def _sand_above(ground: Ground) -> Edit:
    return lambda env: env.set_block(*ground.cell(5, 0, 4), "sand")


def _stone_above(ground: Ground) -> None:
    ground.put(5, 0, 3, "stone")


def _sand_on_dirt(ground: Ground) -> None:
    for up, block in enumerate(("dirt", "sand", "sand")):
        ground.put(3, 0, up, block)
    ground.aim(2.6, 0.5)


def _spring(ground: Ground) -> Edit:
    ground.put(5, 0, 0, "stone")
    return lambda env: env.set_block(*ground.cell(5, 0, 1), "water")


def _pane(ground: Ground) -> None:
    ground.put(3, 0, 0, "glass")
    ground.put(3, 0, 1, "glass")
    ground.put(6, 0, 0, "brick")
    ground.aim(3.0, 1.2)


def _cake(ground: Ground) -> None:
    ground.put(2, 0, 0, "cake_7")
    ground.aim(2.0, 0.3)


def _landmarks(ground: Ground) -> None:
    ground.put(4, -1, 0, "pumpkin")
    ground.put(5, 1, 0, "planks")


def _ledge(ground: Ground) -> None:
    _landmarks(ground)
    for up in range(3):
        ground.put(0, 0, up, "stone")
    body = ground.world.body
    ground.env.teleport(float(body[s.X]), float(body[s.Y]), float(ground.z + 3))


HAPPENINGS: dict[str, Happening] = {
    "sand falls": Happening(_sand_above, ("noop",) * 16, (4, 8, 16), ("fell", "floats", "gone"),
                            (_cells((5, 0, 0, "air"), (5, 0, 4, "sand")), _cells((5, 0, 0, "air")))),
    "stone stays": Happening(_stone_above, ("noop",) * 16, (4, 8, 16), ("stays", "fell", "gone"),
                             (_cells((5, 0, 3, "air"), (5, 0, 0, "stone")), _cells((5, 0, 3, "air"))), 0),
    "support removed": Happening(_sand_on_dirt, ("attack",) * 6 + ("noop",) * 10, (12, 16), ("fell", "floats", "held"),
                                 (_cells((3, 0, 0, "air"), (3, 0, 1, "sand"), (3, 0, 2, "sand")),
                                  _cells((3, 0, 0, "dirt"), (3, 0, 1, "sand"), (3, 0, 2, "sand"))), 2),
    "glass shatters": Happening(_pane, ("attack",) + ("noop",) * 9, (6, 10), ("shattered", "stands"),
                                (_cells((3, 0, 1, "glass")),)),
    "cake is eaten": Happening(_cake, (("use",) + ("noop",) * 4) * 3 + ("noop",) * 2, (16,), ("eaten", "whole"),
                               (_cells((2, 0, 0, "cake_7")),)),
    "jump": Happening(_landmarks, ("jump",) + ("noop",) * 7, (2, 3), ("up", "on the ground"), (_lifted(-1.1),)),
    "fall": Happening(_ledge, ("forward",) * 8, (7, 8), ("fell", "walks on air"), (_lifted(2.5),)),
}  # fmt: skip
WATER = Happening(_spring, ("noop",) * 24, (12, 24), ("flowed", "stands"), ())
NAMES = (*HAPPENINGS, "water flows")


def dynamics(env: VoxelEnv, seed: int, index: int) -> Scene:
    """A row of `HAPPENINGS`, or flowing water: did it happen as it does?"""
    name = NAMES[index % len(NAMES)]
    row = HAPPENINGS.get(name, WATER)
    ground = Ground(env, seed, pitch=8.0)
    begins = row.stage(ground)
    frames, given = ground.given(["noop"] * 16)
    if begins is not None:
        begins(env)
        frames, given = _two_more(env, frames, given)
    moments = Moments(env)
    acts = [NUMBERS[act] for act in row.acts]
    shown, kept, _ = moments.play(acts, row.looks)
    if row is WATER:
        worlds = [[kept[look] for look in row.looks], [_standing(moments, kept[look]) for look in row.looks]]
    else:
        worlds = [[kept[look] for look in row.looks],
                  *([moments.edited(kept[look], other(ground)) for look in row.looks]
                    for other in row.worlds)]  # fmt: skip
    drawn = views(env, worlds)
    apart(drawn, row.answers, 16)
    question = Question(name, row.looks, row.answers, drawn, 0, row.still)
    return Scene(seed, frames, given, moments.start, [Play(name, acts, shown, [question])], {"happening": name})


def _two_more(env: VoxelEnv, frames: Frames, given: list[int]) -> tuple[Frames, list[int]]:
    """The past with two more steps at its end, so that it shows how something begins."""
    more = np.stack([env.step(0)[0] for _ in range(2)])
    return np.concatenate([frames[2:], more]), [0, *given[3:], 0, 0]


def _standing(moments: Moments, moment: Snapshot) -> Snapshot:
    """The start's blocks, seen from a later moment's pose: nothing has flowed since."""

    def pose(env: VoxelEnv) -> None:
        env.state.body[:] = moment.world.body

    return moments.edited(moments.start, pose)
