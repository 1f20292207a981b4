"""Trials on strolls without questions: events and reward, how clips are distributed, policies ranked, surprise.

The reference plays the same actions from the same past beside the candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from worldsim.data.frames import resize
from worldsim.fidelity.harness.bench import Bench, Trial
from worldsim.fidelity.harness.lines import frames_hash
from worldsim.fidelity.harness.scenes import Scene
from worldsim.fidelity.harness.simulator import Played, Simulator
from worldsim.fidelity.harness.staged import strip_of
from worldsim.fidelity.heldout import FidelityError

__all__ = ["clips_trial", "events_trial", "matched", "ranking_trial", "surprise_trial"]

NEAR = 2  # frames that an event may be early or late
SURE = 0.5  # probability from which on an event counts as told
SKETCH, GRID = 48, 8  # numbers of a clip's features of either kind, and cells along a frame's side
CLIP = 16
WATCHED = 12


def events_trial(bench: Bench, probe: str, index: int, length: int) -> Trial:
    """The same actions in both: which events, when, and what reward?"""
    scene = bench.scene(probe, "strolls", index, {"length": length})
    play, rng = scene.plays[0], bench.draws(probe, index, 1000)
    seed = int(rng.integers(2**31))
    order = rng.permutation(len(play.actions))
    true = bench.true.play(scene, play.actions, seed)
    mine = bench.candidate.play(scene, play.actions, seed)
    wrong = bench.candidate.play(scene, [play.actions[i] for i in order], seed)
    names = [name for name in bench.true.event_names if name in bench.candidate.event_names]
    happened, told, other = (_columns(one, who, names) for one, who in (
        (true, bench.true), (mine, bench.candidate), (wrong, bench.candidate)))  # fmt: skip
    payload = {
        "hash": frames_hash(mine.frames),
        "steps": len(play.actions),
        "matched": {"candidate": matched(happened, told), "shuffled": matched(happened, other)},
        "brier": [float(np.square(np.clip(told, 0, 1) - (happened > 0)).sum()),
                  float(np.square(happened > 0).sum()), int(happened.size)],
        "returns": [float(true.rewards.sum()), float(mine.rewards.sum())],
        "ended": [true.steps, mine.steps],
        "events": sorted({names[column] for column in np.flatnonzero((happened > 0).any(0))}),
    }  # fmt: skip
    return Trial(scene.seed, payload, (strip_of(scene, play, mine.frames),))


def _columns(played: Played, who: Simulator, names: Sequence[str]) -> np.ndarray:
    """Events (K, names) of the named ones."""
    return played.events[:, [who.event_names.index(name) for name in names]]


def matched(happened: np.ndarray, told: np.ndarray) -> list[int]:
    """Hits, events that happened, events that were told: each of them (K, E) is matched once, within `NEAR` frames."""
    hits = 0
    for column in range(happened.shape[1]):
        left = np.flatnonzero(told[:, column] >= SURE).tolist()
        for step in np.flatnonzero(happened[:, column] > 0):
            near = [other for other in left if abs(other - step) <= NEAR]
            if near:
                left.remove(min(near, key=lambda other: abs(other - step)))
                hits += 1
    return [hits, int((happened > 0).sum()), int((told >= SURE).sum())]


def clips_trial(bench: Bench, probe: str, index: int) -> Trial:
    """Features of a clip: truth's, the candidate's, truth's frozen at its first frame, truth's in a random order."""
    scene = bench.scene(probe, "strolls", index, {"length": CLIP})
    play, rng = scene.plays[0], bench.draws(probe, index, 1000)
    mine = bench.candidate.play(scene, play.actions, int(rng.integers(2**31))).frames
    true = play.frames
    clips = {"truth": true, "candidate": mine, "ceiling": bench.candidate.round_trip(true),
             "frozen": np.repeat(true[:1], len(true), 0), "shuffled": true[rng.permutation(len(true))]}  # fmt: skip
    features = {name: [round(float(value), 4) for value in _features(clip)] for name, clip in clips.items()}
    return Trial(scene.seed, {"hash": frames_hash(mine), "features": features})


def _features(clip: np.ndarray) -> np.ndarray:
    """What a clip u8 (T, H, W, 3) looks like and how it moves: f64 (2·SKETCH,), by fixed random projections."""
    small = resize(clip, (GRID, GRID)).astype(np.float64) / 127.5 - 1.0
    seen = small[:: max(1, len(clip) // 4)][:4].ravel()
    steps = np.abs(np.diff(clip.astype(np.float32), axis=0)).mean(-1) / 127.5  # (T - 1, H, W)
    height, width = (side // GRID for side in steps.shape[1:])
    cells = steps[:, : height * GRID, : width * GRID].reshape(len(steps), GRID, height, GRID, width).mean((2, 4))
    thirds = np.stack([part.mean(0) for part in np.array_split(cells, 3)])
    moves = np.sqrt(thirds).ravel()
    rng = np.random.default_rng(0)
    return np.concatenate([
        seen @ rng.normal(0.0, 1.0 / np.sqrt(len(seen)), (len(seen), SKETCH)),
        moves @ rng.normal(0.0, 8.0 / np.sqrt(len(moves)), (len(moves), SKETCH)),
    ])  # fmt: skip


def ranking_trial(bench: Bench, probe: str, index: int, policies: int, length: int) -> Trial:
    """One policy on one start, in both: what does it earn? Policies are fixed chances of the actions, held for a while.

    All policies meet the same starts under the same draws.
    """
    policy, episode = index % policies, index // policies
    scene = bench.scene(probe, "strolls", episode, {"length": 1})
    space: Any = bench.true.env.action_space
    if not hasattr(space, "n"):
        raise FidelityError(f"policies are drawn for Discrete actions, {bench.true.name} has {space}")
    habits = np.random.default_rng([bench.seed, policy])
    chances = habits.dirichlet(np.full(int(space.n), 0.25))
    held = int(habits.integers(2, 7))
    drawn = bench.draws(probe, episode, 2000).choice(int(space.n), -(-length // held), p=chances)
    actions = [int(action) + int(space.start) for action in np.repeat(drawn, held)[:length]]
    seed = int(bench.draws(probe, episode, 1000).integers(2**31))
    true, mine = (who.play(scene, actions, seed) for who in (bench.true, bench.candidate))
    payload = {"hash": frames_hash(mine.frames), "policy": policy,
               "returns": [float(true.rewards.sum()), float(mine.rewards.sum())]}  # fmt: skip
    return Trial(scene.seed, payload)


def surprise_trial(bench: Bench, probe: str, index: int) -> Trial:
    """The candidate's own surprise at truth and at truth altered, in pairs [altered, truth] of one scene.

    On a stroll other actions were told, or nothing moves; on a scene of the stage "altered", where the reference has
    it, a rule of the world does not hold.
    """
    scene = bench.scene(probe, "strolls", index, {"length": WATCHED})
    play, seed = scene.plays[0], int(bench.draws(probe, index, 1000).integers(2**31))
    order = bench.draws(probe, index, 3000).permutation(len(play.actions))
    swapped = bench.true.play(scene, [play.actions[i] for i in order], seed).frames
    still = np.repeat(scene.frames[-1:], len(play.actions), 0)
    true = _surprise(bench.candidate, scene, play.frames, seed)
    found = {name: [_surprise(bench.candidate, scene, frames, seed), true]
             for name, frames in (("actions swapped", swapped), ("nothing moves", still))}  # fmt: skip
    raw: Any = bench.true.env.unwrapped
    if "altered" in raw.stages():
        other = bench.scene(probe, "altered", index, {})
        surprises = [_surprise(bench.candidate, other, one.frames, seed) for one in other.plays]
        found |= {one.name: [surprise, surprises[0]] for one, surprise in zip(other.plays[1:], surprises[1:],
                                                                              strict=True)}  # fmt: skip
    return Trial(scene.seed, {"surprise": found, "hash": frames_hash(play.frames)})


def _surprise(candidate: Simulator, scene: Scene, frames: np.ndarray, seed: int) -> float:
    candidate.begin(scene, seed)
    surprise_at = candidate.env.get_wrapper_attr("surprise_at")
    told = [surprise_at(frame, candidate.action(action))
            for frame, action in zip(frames, scene.plays[0].actions, strict=True)]  # fmt: skip
    return round(float(np.mean(told)), 5)
