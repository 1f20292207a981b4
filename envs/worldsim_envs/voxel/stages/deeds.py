"""Scenes of doing something that stays done: mining, placing, eating slices of a cake, painting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldsim_envs.voxel.episodes import Snapshot
from worldsim_envs.voxel.stages.camera import apart, views
from worldsim_envs.voxel.stages.ground import NUMBERS, Ground, Moments, numbers
from worldsim_envs.voxel.stages.question import Play, Question, Scene, StageError

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

BLOCKS = ("planks", "dirt", "pumpkin", "hay", "oak_log", "snow")
AWAY = ("turn_right",) * 6 + ("noop",) * 4 + ("turn_left",) * 6
LATER = {"quick": 48, "full": 256}


Edit = Callable[["VoxelEnv"], None]


@dataclass(frozen=True)
class Deed:
    """How a deed is staged: what stands there, what is pressed how often, which event says that it is done.

    `prepare` returns the edits that make of the state after it the one before it, and another one that is wrong too.
    """

    prepare: Callable[[Ground], tuple[Edit, Edit]]
    act: str
    event: str
    most: int
    pause: int = 0


def _mine(ground: Ground) -> tuple[Edit, Edit]:
    kinds = ground.random.permutation(BLOCKS).tolist()
    for right in (-1, 0, 1):
        ground.put(3, right, 0, kinds[right + 1])
    ground.aim(2.6, 0.5)
    where, beside = ground.cell(3, 0, 0), ground.cell(3, 1, 0)

    def undo(env: VoxelEnv) -> None:
        env.set_block(*where, kinds[1])

    def other(env: VoxelEnv) -> None:
        env.set_block(*where, kinds[1])
        env.set_block(*beside, "air")

    return undo, other


def _place(ground: Ground) -> tuple[Edit, Edit]:
    ground.aim(2.5, 0.0)
    item = str(ground.random.choice(("planks", "brick", "snow")))
    inventory = ground.world.inventory
    inventory[:] = 0
    ground.env.give(item, 8)
    beside = ground.cell(3, 1, 0)

    def undo(env: VoxelEnv) -> None:
        for ahead in (2, 3):  # where the block may have come to lie
            env.set_block(*ground.cell(ahead, 0, 0), "air")

    def other(env: VoxelEnv) -> None:
        undo(env)
        env.set_block(*beside, item)

    return undo, other


def _eat(ground: Ground) -> tuple[Edit, Edit]:
    ground.put(2, 0, 0, "cake_7")
    ground.aim(2.0, 0.35)
    where = ground.cell(2, 0, 0)

    def undo(env: VoxelEnv) -> None:
        env.set_block(*where, "cake_7")

    def other(env: VoxelEnv) -> None:
        env.set_block(*where, "air")

    return undo, other


DEEDS: dict[str, Deed] = {
    "mine": Deed(_mine, "attack", "mined_", 16),
    "place": Deed(_place, "use", "placed", 1),
    "eat": Deed(_eat, "use", "cake_eaten", 4, 4),
}


def deeds(env: VoxelEnv, seed: int, index: int, later: int = LATER["quick"]) -> Scene:
    """Something is done: is it done at once, a while later, after looking away, and long after?"""
    name = list(DEEDS)[index % len(DEEDS)]
    deed = DEEDS[name]
    ground = Ground(env, seed)
    undo, other = deed.prepare(ground)
    frames, given = ground.given(["noop"] * 16)
    moments = Moments(env)
    done = _until(moments, deed)
    way = [*done, *numbers(("noop",) * 16), *numbers(AWAY), *numbers(("noop",) * later)]
    moment = len(done)
    looks = {"at once": moment + 1, "16 later": moment + 16, "away and back": moment + 16 + len(AWAY),
             f"{later} after that": len(way)}  # fmt: skip
    shown, kept, _ = moments.play(way, tuple(looks.values()))
    names = ("done", "undone", "other")
    questions = []
    for when, look in looks.items():
        worlds: list[list[Snapshot]] = [[kept[look]], [moments.edited(kept[look], _tidy, undo)],
                                        [moments.edited(kept[look], _tidy, other)]]  # fmt: skip
        drawn = views(env, worlds)
        apart(drawn, names, 16)
        questions.append(Question(when, (look,), names, drawn, 0, 1, needs="at once" if questions else ""))
    return Scene(seed, frames, given, moments.start, [Play(name, way, shown, questions)], {"deed": name})


def _tidy(env: VoxelEnv) -> None:
    """Take away what a mined block left lying."""
    env.state.kinds[:] = 0


def _until(moments: Moments, deed: Deed) -> list[int]:
    """Return the actions that do it: as many as it takes until the event, or `most` presses with pauses between."""
    if deed.act == "use":
        return [act for _ in range(deed.most) for act in (NUMBERS["use"], *[0] * deed.pause)]
    _, _, told = moments.play([NUMBERS[deed.act]] * deed.most)
    for step, events in enumerate(told, 1):
        if any(event.startswith(deed.event) for event in events):
            return [NUMBERS[deed.act]] * step
    raise StageError(f"{deed.event} did not happen in {deed.most} steps")

