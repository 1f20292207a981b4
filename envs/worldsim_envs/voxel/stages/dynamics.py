"""Scenes of what happens by itself: falling sand, flowing water, shattering glass, jumps and falls; and of what stays.

Each row sets something up and says what else could have come of it. Truth is what the engine does; the other worlds
are the same moment with the change undone, or carried further than it goes. Beside what is usual stand heights and
combinations that hardly occur in recordings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import BLOCK_IDS, BLOCKS
from worldsim_envs.voxel.episodes import Snapshot
from worldsim_envs.voxel.kinds import FALLING
from worldsim_envs.voxel.stages.camera import Pose, apart, views
from worldsim_envs.voxel.stages.ground import NUMBERS, Ground, Moments
from worldsim_envs.voxel.stages.question import Frames, Play, Question, Scene, Track

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

Edit = Callable[["VoxelEnv"], None]
Where = Callable[["VoxelEnv"], float]
FOLLOWED: tuple[Pose, ...] = ((0.0, 0.0, 0.0, 0.0), (-4.0, 0.0, 0.0, 0.0), (4.0, 0.0, 0.0, 0.0), (0.0, -4.0, 0.0, 0.0),
                              (0.0, 4.0, 0.0, 0.0))  # fmt: skip


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
        where: makes a measure of how far along its way what happens is; None where nothing does.
        setting: "usual", "height" or "combination": what is unusual about it.
        pitch: where the player looks, in degrees, positive down.
        walks: whether the player goes anywhere.
    """

    stage: Callable[[Ground], Edit | None]
    acts: tuple[str, ...]
    looks: tuple[int, ...]
    answers: tuple[str, ...]
    worlds: tuple[Callable[[Ground], Edit], ...]
    still: int = 1
    where: Callable[[Ground], Where] | None = None
    setting: str = "usual"
    pitch: float = 8.0
    walks: bool = False


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


def _above(ahead: int, up: int, *under: str) -> Callable[[Ground], Edit]:
    """Sand that begins to fall so many blocks up, on what stands below it."""

    def stage(ground: Ground) -> Edit:
        for k, block in enumerate(under):
            ground.put(ahead, 0, k, block)
        return lambda env: env.set_block(*ground.cell(ahead, 0, up), "sand")

    return stage


def _stone_above(ground: Ground) -> None:
    ground.put(5, 0, 3, "stone")


def _sand_on_dirt(ground: Ground) -> None:
    for up, block in enumerate(("dirt", "sand", "sand")):
        ground.put(3, 0, up, block)
    ground.aim(2.6, 0.5)


def _spring(ground: Ground) -> Edit:
    ground.put(5, 0, 0, "stone")
    return lambda env: env.set_block(*ground.cell(5, 0, 1), "water")


def _spring_on_brick(ground: Ground) -> Edit:
    for ahead in range(2, 8):
        for right in range(-3, 4):
            ground.put(ahead, right, -1, "brick")
    return _spring(ground)


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


def ledge(height: int) -> Callable[[Ground], None]:
    """The player stands on a pillar so many blocks high."""

    def stage(ground: Ground) -> None:
        _landmarks(ground)
        for up in range(height):
            ground.put(0, 0, up, "stone")
        body = ground.world.body
        ground.env.teleport(float(body[s.X]), float(body[s.Y]), float(ground.z + height))

    return stage


def _heights(ahead: int) -> Callable[[Ground], Where]:
    """The heights of all sand of a column, added up, in blocks."""

    def of(ground: Ground) -> Where:
        x, y, z = ground.cell(ahead, 0, 0)

        def where(env: VoxelEnv) -> float:
            world = env.state
            here = np.array([x, y]) % world.blocks.shape[:2]
            lying = np.flatnonzero(world.blocks[here[0], here[1], z : z + 7] == BLOCK_IDS["sand"])
            inside = (np.floor(world.entities[:, [s.X, s.Y]]) == here).all(1) & (world.kinds[:, s.KIND] == FALLING)
            return float(lying.sum()) + float((world.entities[inside, s.Z] - z).sum())

        return where

    return of


def _count(ahead: int, block: str) -> Callable[[Ground], Where]:
    """How many blocks of a kind stand within three blocks of a cell; a cake counts its slices."""

    def of(ground: Ground) -> Where:
        x, y, z = ground.cell(ahead, 0, 0)
        weights = np.zeros(256)
        for number, kind in enumerate(BLOCKS):
            if kind.name == block or kind.name.startswith(f"{block}_"):
                weights[number] = float(kind.name.removeprefix("cake_")) if block == "cake" else 1.0

        def where(env: VoxelEnv) -> float:
            blocks, side = env.state.blocks, np.arange(-3, 4)
            near = blocks[np.ix_((x + side) % blocks.shape[0], (y + side) % blocks.shape[1], np.arange(z, z + 3))]
            return float(weights[near].sum())

        return where

    return of


def _height(ground: Ground) -> Where:
    """How high the player's feet are, in blocks."""
    return lambda env: float(env.state.body[s.Z]) - ground.z


STAYS = ("noop",) * 16
FLOWS = ("noop",) * 24
HAPPENINGS: dict[str, Happening] = {
    "sand falls": Happening(_above(5, 4), STAYS, (4, 8, 16), ("fell", "floats", "gone"),
                            (_cells((5, 0, 0, "air"), (5, 0, 4, "sand")), _cells((5, 0, 0, "air"))),
                            where=_heights(5)),
    "stone stays": Happening(_stone_above, STAYS, (4, 8, 16), ("stays", "fell", "gone"),
                             (_cells((5, 0, 3, "air"), (5, 0, 0, "stone")), _cells((5, 0, 3, "air"))), 0),
    "support removed": Happening(_sand_on_dirt, ("attack",) * 6 + ("noop",) * 10, (12, 16), ("fell", "floats", "held"),
                                 (_cells((3, 0, 0, "air"), (3, 0, 1, "sand"), (3, 0, 2, "sand")),
                                  _cells((3, 0, 0, "dirt"), (3, 0, 1, "sand"), (3, 0, 2, "sand"))), 2, _heights(3)),
    "glass shatters": Happening(_pane, ("attack",) + ("noop",) * 9, (6, 10), ("shattered", "stands"),
                                (_cells((3, 0, 1, "glass")),), where=_count(3, "glass")),
    "cake is eaten": Happening(_cake, (("use",) + ("noop",) * 4) * 3 + ("noop",) * 2, (16,), ("eaten", "whole"),
                               (_cells((2, 0, 0, "cake_7")),), where=_count(2, "cake")),
    "jump": Happening(_landmarks, ("jump",) + ("noop",) * 7, (2, 3), ("up", "on the ground"), (_lifted(-1.1),),
                      where=_height, walks=True),
    "fall": Happening(ledge(3), ("forward",) * 8, (7, 8), ("fell", "walks on air"), (_lifted(2.5),),
                      where=_height, walks=True),
    "water flows": Happening(_spring, FLOWS, (12, 24), ("flowed", "stands"), (), where=_count(5, "water")),
    "sand falls from high up": Happening(_above(6, 6), STAYS, (6, 10, 16), ("fell", "floats", "gone"),
                                         (_cells((6, 0, 0, "air"), (6, 0, 6, "sand")), _cells((6, 0, 0, "air"))),
                                         where=_heights(6), setting="height", pitch=-8.0),
    "fall from high up": Happening(ledge(5), ("forward",) * 8 + ("noop",) * 4, (11, 12), ("fell", "walks on air"),
                                   (_lifted(4.5),), where=_height, setting="height", walks=True),
    "sand falls on glass": Happening(_above(5, 4, "glass"), STAYS, (4, 8, 16), ("fell", "floats", "gone"),
                                     (_cells((5, 0, 1, "air"), (5, 0, 4, "sand")), _cells((5, 0, 1, "air"))),
                                     where=_heights(5), setting="combination"),
    "water flows on brick": Happening(_spring_on_brick, FLOWS, (12, 24), ("flowed", "stands"), (),
                                      where=_count(5, "water"), setting="combination"),
}  # fmt: skip


def dynamics(env: VoxelEnv, seed: int, index: int) -> Scene:
    """A row of `HAPPENINGS`: did it happen as it does, when, and which way?"""
    name = list(HAPPENINGS)[index % len(HAPPENINGS)]
    row = HAPPENINGS[name]
    ground = Ground(env, seed, pitch=row.pitch)
    begins = row.stage(ground)
    frames, given = ground.given(["noop"] * 16)
    if begins is not None:
        begins(env)
        frames, given = _two_more(env, frames, given)
    moments = Moments(env)
    acts = [NUMBERS[act] for act in row.acts]
    shown, kept, _ = moments.play(acts, range(1, len(acts) + 1))
    ends = [kept[look] for look in row.looks]
    others = [[moments.edited(end, other(ground)) for end in ends] for other in row.worlds]
    drawn = views(env, [ends, *(others or [[_standing(moments, end) for end in ends]])])
    apart(drawn, row.answers, 16)
    question = Question(name, row.looks, row.answers, drawn, 0, row.still)
    tracks = [] if row.where is None else [_track(env, name, row.where(ground), [moments.start, *kept.values()])]
    play = Play(name, acts, shown, [question], tracks=tracks, rests=not row.walks)
    return Scene(seed, frames, given, moments.start, [play], {"happening": name, "setting": row.setting})


def _track(env: VoxelEnv, name: str, where: Where, along: list[Snapshot]) -> Track:
    """The way of what happens, at the start and after each step."""
    points, drawn = [], []
    for moment in along:
        drawn.append(views(env, [[moment]], FOLLOWED)[0])  # (P, 1, H, W, 6); the env is in that moment
        points.append(where(env))
    return Track(name, np.array(points), np.stack(drawn))


def _two_more(env: VoxelEnv, frames: Frames, given: list[int]) -> tuple[Frames, list[int]]:
    """The past with two more steps at its end, so that it shows how something begins."""
    more = np.stack([env.step(0)[0] for _ in range(2)])
    return np.concatenate([frames[2:], more]), [0, *given[3:], 0, 0]


def _standing(moments: Moments, moment: Snapshot) -> Snapshot:
    """The start's blocks, seen from a later moment's pose: nothing has flowed since."""

    def pose(env: VoxelEnv) -> None:
        env.state.body[:] = moment.world.body

    return moments.edited(moments.start, pose)
