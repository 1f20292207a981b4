"""Scenes of coming back: there and back, a full turn, a square, and a block that is out of sight for a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.editor import aim_again
from worldsim_envs.voxel.episodes import Snapshot
from worldsim_envs.voxel.stages.camera import Pose, apart, views
from worldsim_envs.voxel.stages.geometry import warp
from worldsim_envs.voxel.stages.ground import Ground, Moments, numbers
from worldsim_envs.voxel.stages.question import Play, Question, Scene
from worldsim_envs.voxel.switches import SWITCH

if TYPE_CHECKING:
    from worldsim_envs.voxel.env import VoxelEnv

WORLDS = 8
# The way out and back, and one of the same length that ends where nobody has looked yet.
WAYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "full turn": (("turn_right",) * 24, ("turn_right",) * 12 + ("noop",) * 12),
    "there and back": (("back",) * 8 + ("noop",) * 2 + ("forward",) * 8,
                       ("turn_left",) * 9 + ("noop",) * 9),
    "commanded inverse": (("turn_left",) * 5 + ("turn_right",) * 5, ("turn_left",) * 7 + ("noop",) * 3),
    "square": (("back",) * 5 + ("right",) * 5 + ("forward",) * 5 + ("left",) * 5,
               ("turn_right",) * 11 + ("noop",) * 9),
}  # fmt: skip
# Steps on the way out between which views are compared by depth.
COMPARED: dict[str, tuple[tuple[int, int], ...]] = {
    "full turn": ((1, 3), (8, 10)), "there and back": ((2, 5), (3, 8)), "commanded inverse": ((1, 3), (2, 4)),
    "square": ((1, 4), (5, 9)),
}  # fmt: skip
# Poses among which the one at the return is sought: turned by so many degrees, and so many blocks off.
TURNED = tuple(float(yaw) for yaw in range(-90, 91, 6))
ASIDE = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
RETURNS: tuple[Pose, ...] = (
    *((yaw, 0.0, 0.0, 0.0) for yaw in TURNED),
    *((yaw, 0.0, off, 0.0) for yaw in (-12.0, 0.0, 12.0) for off in ASIDE),
    *((yaw, 0.0, 0.0, off) for yaw in (-12.0, 0.0, 12.0) for off in ASIDE),
)
AWAY = 6  # turns to either side: 90 degrees
SPANS = {"quick": (4, 16, 64), "full": (4, 16, 64, 256, 1024)}
COLOURS = ("planks", "brick", "stone_bricks", "pumpkin", "hay", "oak_log", "snow")


def others(env: VoxelEnv, ground: Ground, moment: Snapshot) -> list[Snapshot]:
    """Seven other places of one biome in the same land, at the same time of day, the player looking as in `moment`."""
    found = []
    pitch, marks = float(moment.world.body[s.PITCH]), moment.world.marks
    share = float(marks[s.CLOCK] / marks[s.DAY_LENGTH])
    for _ in range(WORLDS - 1):
        options = {"world_seed": ground.seed, "start_time": share, "biome": ground.biome}
        env.reset(seed=int(ground.random.integers(2**31)), options=options)
        ground.quiet()
        x, y, z = (float(v) for v in env.state.body[:3])
        env.teleport(x, y, z, None, pitch)
        aim_again(env.state)
        found.append(env.clone_state())
    return found


def revisits(env: VoxelEnv, seed: int, index: int) -> Scene:
    """Out and back again: is it still the same world, among eight, given that it was left? And one never seen?"""
    name = list(WAYS)[index % len(WAYS)]
    ground = Ground(env, seed, level=True, pitch=6.0)
    for place, kind in zip(((4, -2), (5, 3), (7, 0), (-5, 2), (-4, -3)), ground.random.permutation(COLOURS).tolist(),
                           strict=False):  # fmt: skip
        ground.put(*place, 0, kind)
    frames, given = ground.given()
    moments = Moments(env)
    there = len(WAYS[name][0]) // 2  # as far away as it goes
    pairs = COMPARED[name]
    played = [(way, *moments.play(numbers(way), (there, len(way), *(step for pair in pairs for step in pair))))
              for way in WAYS[name]]  # fmt: skip
    strangers = others(env, ground, moments.start)
    names = ["the same", *(f"world {number}" for number in range(1, WORLDS))]
    plays = []
    for kind, (way, shown, kept, _) in zip(("revisit", "control"), played, strict=True):
        gone = views(env, [[kept[there]], [moments.start]])
        apart(gone, ("left", "stayed"))
        drawn = views(env, [[kept[len(way)]], *([other] for other in strangers)])
        apart(drawn, names)
        questions = [
            Question("left", (there,), ("left", "stayed"), gone, 0, 1, kind="gate"),
            Question(kind, (len(way),), names, drawn, 0, needs="left",
                     kind="score" if kind == "revisit" else "extra"),
        ]  # fmt: skip
        warps = []
        if kind == "revisit":
            questions.append(_return(env, kept[len(way)], len(way)))
            warps = [warp(env, kept[one], kept[other], (one, other)) for one, other in pairs]
        plays.append(Play(f"{name}, {kind}", numbers(way), shown, questions, warps=warps))
    return Scene(seed, frames, given, moments.start, plays, {"way": name})


def _return(env: VoxelEnv, end: Snapshot, look: int) -> Question:
    """From which pose is the place seen at the end? Values are degrees turned and blocks off, by pose."""
    drawn = views(env, [[end]], RETURNS)[0][:, None, ..., :3]  # (poses, 1, 1, H, W, 3)
    names = [f"{yaw:g}, {ahead:g}, {right:g}" for yaw, _, ahead, right in RETURNS]
    values = [(abs(yaw), float(np.hypot(ahead, right))) for yaw, _, ahead, right in RETURNS]
    return Question("pose", (look,), names, drawn, RETURNS.index((0.0, 0.0, 0.0, 0.0)), needs="left", kind="pose",
                    values=values)  # fmt: skip


def absence(env: VoxelEnv, seed: int, index: int, spans: Sequence[int] = SPANS["quick"]) -> Scene:
    """A block, out of sight for N steps: the same, changed as truth changed, gone, or another?

    In every second world it is water that goes on flowing unseen, and truth is the changed one.
    """
    span, flows = spans[(index // 2) % len(spans)], index % 2 == 1
    ground = Ground(env, seed, pitch=18.0)
    marks = ground.random.permutation(COLOURS).tolist()
    where = (4, int(ground.random.integers(-1, 2)), 0)
    ground.put(-4, 1, 0, marks[2])
    ground.put(1, 4, 0, marks[3])
    if flows:
        env.state.switches[SWITCH["fluids"]] = 0
        ground.put(*where, "water")
        ground.put(where[0] + 1, where[1], 0, marks[0])
    else:
        ground.put(*where, marks[0])
    frames, given = ground.given()
    if flows:
        env.state.switches[SWITCH["fluids"]] = 1
        env.set_block(*ground.cell(*where), "air")
        env.set_block(*ground.cell(*where), "water")
        shown = [env.step(0)[0] for _ in range(3)]
        frames, given = np.concatenate([frames[3:], np.stack(shown)]), [0, *given[4:], 0, 0, 0]
    moments = Moments(env)
    way = numbers(("turn_right",) * AWAY + ("noop",) * span + ("turn_left",) * AWAY)
    middle, end = AWAY + span, len(way)
    shown, kept, _ = moments.play(way, (middle, end))
    before = moments.start
    if flows:
        options = _options(moments, kept[end], ground, where, None, "clay", before)
        names, right = ["updated", "same", "absent", "other"], 0
    else:
        options = _options(moments, kept[end], ground, where, marks[0], marks[1], before)
        names, right = ["same", "moved", "absent", "other"], 0
    drawn = views(env, [[moment] for moment in options])
    apart(drawn, names)
    turned = views(env, [[kept[middle]], [before]])
    apart(turned, ("turned", "not turned"))
    still = names.index("same")
    questions = [
        Question("turned", (middle,), ("turned", "not turned"), turned, 0, 1, kind="gate"),
        Question("kept", (end,), names, drawn, right, still, needs="turned"),
    ]
    facts: dict[str, float | str] = {"steps away": float(span), "what": "water" if flows else "block"}
    return Scene(seed, frames, given, before, [Play(f"away for {span}", way, shown, questions)], facts)


def _options(moments: Moments, end: Snapshot, ground: Ground, where: tuple[int, int, int], block: str | None,
             other: str, before: Snapshot) -> list[Snapshot]:  # fmt: skip
    """Return the worlds at the end: truth's, the second one, without the block, with another."""
    ahead, right, up = where

    def put(block: str, aside: int = 0):
        return lambda env: env.set_block(*ground.cell(ahead, right + aside, up), block)

    if block is None:  # water: as it was before it flowed, dried up, turned to something else
        pose = end.world.body.copy()

        def stand(env: VoxelEnv) -> None:
            env.state.body[:] = pose

        absent = moments.edited(before, stand, put("air"))
        return [end, moments.edited(before, stand), absent, moments.edited(before, stand, put(other))]
    aside = 1 if right <= 0 else -1
    return [end, moments.edited(end, put("air"), put(block, aside)), moments.edited(end, put("air")),
            moments.edited(end, put(other))]  # fmt: skip


