"""Scenes of doing something that stays done: mining, placing, eating slices of a cake, painting; once or more often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from worldsim_envs.voxel.episodes import Snapshot
from worldsim_envs.voxel.stages.camera import APART, HERE, PIXELS, Pose, apart, views
from worldsim_envs.voxel.stages.ground import NUMBERS, Ground, Moments, numbers
from worldsim_envs.voxel.stages.question import Frames, Play, Question, Scene, StageError

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

BLOCKS = ("planks", "dirt", "pumpkin", "hay", "oak_log", "snow")
AWAY = ("turn_right",) * 6 + ("noop",) * 4 + ("turn_left",) * 6
LATER = {"quick": 48, "full": 256}
BESIDE = ((4, -2), (4, 2))  # where blocks stand that nobody touches: ahead, right
AROUND: tuple[Pose, ...] = (*HERE, (-4.0, 0.0, 0.0, 0.0), (4.0, 0.0, 0.0, 0.0), (0.0, -4.0, 0.0, 0.0),
                            (0.0, 4.0, 0.0, 0.0))  # fmt: skip
LEFT, RIGHT, UP, DOWN = ("turn_left",), ("turn_right",), ("look_up",), ("look_down",)

Edit = Callable[["VoxelEnv"], object]


@dataclass(frozen=True)
class Deed:
    """How a deed is staged: what stands there, what is pressed, which event says that it is done, where it goes on.

    `prepare` returns an edit that makes of the state before it one that is wrong, too. `moves` are made before each
    time that it is done; `times` says how often it is, in turn.
    """

    prepare: Callable[[Ground], Edit]
    act: str
    event: str
    moves: tuple[tuple[str, ...], ...]
    times: tuple[int, ...] = (1, 2, 4, 8)
    most: int = 1
    pause: int = 0


def _mine(ground: Ground) -> Edit:
    """A wall three blocks wide and high, of which the lowest on the left stays."""
    kinds = ground.random.permutation(BLOCKS).tolist()
    for right in (-1, 0, 1):
        for up in range(3):
            ground.put(4, right, up, kinds[(right + 2 * up + 1) % len(kinds)])
    ground.aim(3.5, 0.48)
    return lambda env: env.set_block(*ground.cell(4, -1, 0), "air")


def _place(ground: Ground) -> Edit:
    ground.aim(2.7, 0.0)
    item = str(ground.random.choice(("planks", "brick", "snow")))
    _hold(ground, item, 16)
    return lambda env: env.set_block(*ground.cell(4, 1, 0), item)


def _eat(ground: Ground) -> Edit:
    ground.put(2, 0, 0, "cake_7")
    ground.aim(2.0, 0.35)
    return lambda env: env.set_block(*ground.cell(2, 0, 0), "air")


def _paint(ground: Ground) -> Edit:
    for up in range(3):
        ground.put(2, 0, up, str(ground.random.choice(("planks", "snow", "sandstone"))) if up == 1 else "stone")
    ground.aim(1.5, 1.5)
    _hold(ground, "brush", 1)
    return lambda env: env.set_block(*ground.cell(2, 0, 1), "stone")


def _hold(ground: Ground, item: str, count: int) -> None:
    ground.world.inventory[:] = 0
    ground.env.give(item, count)


DEEDS: dict[str, Deed] = {
    "mine": Deed(_mine, "attack", "mined_", ((), RIGHT, UP * 2, LEFT, LEFT, UP, RIGHT, RIGHT), most=24),
    "place": Deed(_place, "use", "placed", ((), RIGHT, RIGHT * 2, LEFT * 4, LEFT * 2, UP * 2, RIGHT * 2, RIGHT)),
    "eat": Deed(_eat, "use", "cake_eaten", ((),) * 8, (4, 2, 5, 3), pause=4),
    "paint": Deed(_paint, "use", "painted", ((), RIGHT, UP, LEFT, LEFT, DOWN, DOWN, RIGHT)),
}


def deeds(env: VoxelEnv, seed: int, index: int, later: int = LATER["quick"]) -> Scene:
    """Something is done: is it done at once, a while later, after looking away, and long after? And is nothing else?"""
    name = list(DEEDS)[index % len(DEEDS)]
    deed = DEEDS[name]
    times = deed.times[index // len(DEEDS) % len(deed.times)]
    ground = Ground(env, seed)
    other = deed.prepare(ground)
    beside = ground.random.permutation(BLOCKS).tolist()
    for place, kind in zip(BESIDE, beside, strict=False):
        ground.put(*place, 0, kind)
        ground.put(*place, 1, kind)
    frames, given = ground.given(["noop"] * 16)
    moments = Moments(env)
    done = _done(moments, deed, times)
    way = [*done, *numbers(("noop",) * 16), *numbers(AWAY), *numbers(("noop",) * later)]
    moment = len(done)
    looks = {"at once": moment + 1, "16 later": moment + 16, "away and back": moment + 16 + len(AWAY),
             f"{later} after that": len(way)}  # fmt: skip
    shown, kept, _ = moments.play(way, tuple(looks.values()))
    undo = _undoing(moments.start, kept[moment + 1])
    changes: dict[str, Edit] = {
        "changed:left": lambda env: env.set_block(*ground.cell(*BESIDE[0], 1), "air"),
        "changed:right": lambda env: env.set_block(*ground.cell(*BESIDE[1], 1), "air"),
        "changed:more": lambda env: env.set_block(*ground.cell(*BESIDE[1], 2), beside[2]),
    }
    questions = []
    for when, look in looks.items():
        end, names = kept[look], ("done", "undone", "other")
        worlds: list[list[Snapshot]] = [[end], [moments.edited(end, _tidy, undo)],
                                        [moments.edited(end, _tidy, undo, other)]]  # fmt: skip
        drawn = views(env, worlds)
        apart(drawn, names, 16)
        questions.append(Question(when, (look,), names, drawn, 0, 1, needs="at once" if questions else ""))
        drawn = views(env, [[end], *([moments.edited(end, change)] for change in changes.values())], AROUND)
        questions.append(_beside(f"beside, {when}", look, ("as it was", *changes), drawn[..., :3]))
    facts: dict[str, float | str] = {"deed": name, "times": float(times)}
    return Scene(seed, frames, given, moments.start, [Play(f"{name} × {times}", way, shown, questions)], facts)


def _beside(name: str, look: int, kinds: Sequence[str], drawn: Frames) -> Question:
    """Is what stands beside as it was? Changes that what was done hides are not asked about."""
    here = drawn[:, 0, 0].astype(np.int16)
    told = [i for i in range(1, len(here)) if (np.abs(here[i] - here[0]).max(-1) > APART).sum() >= PIXELS]
    if not told:
        raise StageError(f"{name}: nothing beside is seen; take another seed")
    kept = [0, *told]
    return Question(name, (look,), [kinds[i] for i in kept], drawn[kept], 0, 0, kind="beside")


def _undoing(before: Snapshot, after: Snapshot) -> Edit:
    """An edit that brings back the blocks and the paint that were there before."""
    cells = np.argwhere(before.world.blocks != after.world.blocks)
    blocks = [int(before.world.blocks[tuple(cell)]) for cell in cells]

    def undo(env: VoxelEnv) -> None:
        for (x, y, z), block in zip(cells.tolist(), blocks, strict=True):
            env.set_block(x, y, z, block)
        env.state.canvas[:], env.state.canvas_keys[:] = before.world.canvas, before.world.canvas_keys

    return undo


def _tidy(env: VoxelEnv) -> None:
    """Take away what a mined block left lying."""
    env.state.kinds[:] = 0


def _done(moments: Moments, deed: Deed, times: int) -> list[int]:
    """Return the actions that do it so often and look again where the player looked at first."""
    env, acts = moments.env, []
    env.restore_state(moments.start)

    def step(act: str) -> bool:
        """Do it. Returns whether the event happened."""
        acts.append(NUMBERS[act])
        told = env.step(acts[-1])[4]["events"]
        return any(env.event_names[i].startswith(deed.event) for i in np.flatnonzero(told))

    moved: list[str] = []
    for moves in deed.moves[:times]:
        for move in moves:
            step(move)
        moved += moves
        if not any(step(deed.act) for _ in range(deed.most)):
            raise StageError(f"{deed.event} did not happen {times} times, each in {deed.most} steps")
        for _ in range(deed.pause):
            step("noop")
    for move in _home(moved):
        step(move)
    return acts


def _home(moved: Sequence[str]) -> list[str]:
    """The fewest moves that undo these."""
    found = []
    for one, back in (("turn_left", "turn_right"), ("look_up", "look_down")):
        net = moved.count(one) - moved.count(back)
        found += [back] * net if net > 0 else [one] * -net
    return found
