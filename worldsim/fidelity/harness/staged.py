"""A trial on a staged scene: every play of it by the candidate, read; and what reader and baselines do there.

Read are, for each question: the candidate; truth raw (the reader must know it); truth through the candidate's
compression (the ceiling); the last given frame over and over (copy); a world in which nothing happens (still); and
the candidate under other actions (shuffled): those of another branch, or its own in another order. Candidate, truth and
ceiling are read a second time by the state decoder, where there is one and labels tell the answers apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from worldsim.fidelity.harness.bench import Bench, Strip, Trial
from worldsim.fidelity.harness.decoding import DecodeReader, decoder_of
from worldsim.fidelity.harness.lines import frames_hash
from worldsim.fidelity.harness.reading import RenderReader, groups
from worldsim.fidelity.harness.scenes import Play, Question, Scene
from worldsim.fidelity.harness.ways import changed_cells, tracked, warped
from worldsim.fidelity.probes.pixels import grey_levels, psnr, squared_error

__all__ = ["staged_trial", "strip_of"]

COLUMNS = 12  # of a film strip
PARTED = 18.0  # decibels under which a frame no longer is truth's, softened or not


def staged_trial(bench: Bench, probe: str, stage: str, index: int, detail: dict[str, Any], shuffle: bool) -> Trial:
    """Stage a scene, play it, read it. Raises `FidelityError` where it cannot be staged or started."""
    scene = bench.scene(probe, stage, index, detail)
    rng = bench.draws(probe, index, 1000)
    seed = int(rng.integers(2**31))  # the same noise in every branch
    played = [bench.candidate.play(scene, play.actions, seed) for play in scene.plays]
    shown = [one.frames for one in played]
    other = _shuffled(bench, scene, shown, seed, rng) if shuffle else [None] * len(shown)
    plays = []
    for play, one, frames, wrong in zip(scene.plays, played, shown, other, strict=True):
        plays.append({
            "name": play.name,
            "hash": frames_hash(frames),
            "steps": one.steps,
            "psnr": [round(float(value), 1) for value in psnr(squared_error(frames, play.frames))],
            "looks": _looks(play),
            "colour": _colour(frames, play),
            "questions": [_asked(bench, scene, play, question, frames, wrong, rng) for question in play.questions],
            **_measured(bench, scene, play, frames, rng.spawn(1)[0]),
        })  # fmt: skip
    payload = {"facts": dict(scene.facts), "effect": _effect(scene, shown), "plays": plays}
    return Trial(scene.seed, payload, tuple(strip_of(scene, play, frames)
                                            for play, frames in zip(scene.plays[:2], shown, strict=False)))  # fmt: skip


def _asked(bench: Bench, scene: Scene, play: Play, question: Question, frames: np.ndarray, wrong: np.ndarray | None,
           rng: np.random.Generator) -> dict[str, Any]:  # fmt: skip
    """All readings of one question."""
    reader = RenderReader(question)
    looks = np.array(question.looks) - 1
    truth = play.frames[looks]
    mine = reader.read(frames[looks])
    compressed = bench.candidate.round_trip(truth)
    last = np.broadcast_to(scene.frames[-1], truth.shape)
    read = {
        "candidate": mine.answer,
        "truth": reader.read(truth).answer,
        "ceiling": reader.read(compressed).answer,
        "copy": reader.read(last).answer,
        "still": reader.read(question.pictures[question.still, 0]).answer if question.still >= 0 else -1,
        "shuffled": -1 if wrong is None else reader.read(wrong[np.minimum(looks, len(wrong) - 1)]).answer,
    }
    if question.still < 0:
        read["still"] = read["copy"]
    names = list(question.answers)
    return {
        "name": question.name, "kind": question.kind, "needs": question.needs, "answers": names,
        "right": question.right, "chance": 1.0 / len(set(groups(names))), "values": list(question.values),
        "read": read, "margin": round(mine.margin, 2), "mask": mine.pixels, "planted": reader.planted(rng),
        **_decoded(bench, question, rng.spawn(1)[0], {"candidate": frames[looks], "truth": truth,
                                                       "ceiling": compressed}),
    }  # fmt: skip


def _measured(bench: Bench, scene: Scene, play: Play, frames: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    """What is measured of a play beside its questions: ways, cells that changed, warps. Nothing where none is asked."""
    if not (play.tracks or play.warps or play.rests):
        return {}
    copy = np.broadcast_to(scene.frames[-1], play.frames.shape)
    shown = {"candidate": frames, "truth": play.frames, "ceiling": bench.candidate.round_trip(play.frames),
             "copy": copy}  # fmt: skip
    found: dict[str, Any] = {}
    if play.tracks:
        found["tracks"] = [tracked(track, shown, rng) for track in play.tracks]
    if play.warps:
        found["warps"] = [warped(warp, shown) for warp in play.warps]
    if play.rests:
        before = scene.frames[-1]
        found["changed"] = changed_cells(shown, before, bench.candidate.round_trip(before[None])[0])
    return found


def _decoded(bench: Bench, question: Question, rng: np.random.Generator,
             shown: dict[str, np.ndarray]) -> dict[str, Any]:  # fmt: skip
    """The second reader's readings of what was shown, and of planted worlds."""
    decoder = decoder_of(bench)
    if decoder is None or question.labels is None:
        return {}
    reader = DecodeReader(question, decoder)
    if not reader.told:
        return {}
    read = {who: reader.read(frames) for who, frames in shown.items()}
    return {"decoded": {"read": {who: one.answer for who, one in read.items()}, "mask": read["candidate"].pixels,
                        "margin": round(read["candidate"].margin, 2), "planted": reader.planted(rng)}}  # fmt: skip


def _shuffled(bench: Bench, scene: Scene, shown: list[np.ndarray], seed: int, rng: np.random.Generator) -> list[Any]:
    """For each play the candidate's frames under other actions."""
    if len(shown) > 1:
        return shown[1:] + shown[:1]
    actions = scene.plays[0].actions
    order = rng.permutation(len(actions))
    if len(set(map(str, actions))) == 1:  # the order of equal actions does not matter
        return [None]
    return [bench.candidate.play(scene, [actions[i] for i in order], seed).frames]


def _looks(play: Play) -> list[int]:
    """All steps of a play that are looked at."""
    return sorted({int(look) for question in play.questions for look in question.looks})


def _colour(frames: np.ndarray, play: Play) -> list[float]:
    """How bright the frames are beside truth's, as logarithms of ratios, at each look."""
    pairs = [(frames[look - 1].mean(), play.frames[look - 1].mean()) for look in _looks(play)]
    return [round(float(np.log((mine + 1.0) / (true + 1.0))), 5) for mine, true in pairs]


def _effect(scene: Scene, shown: list[np.ndarray]) -> list[float]:
    """How far the first two branches lie apart at their end, in grey levels: the candidate's and truth's."""
    if len(shown) < 2:
        return []
    both = (shown[0][-1], shown[1][-1]), (scene.plays[0].frames[-1], scene.plays[1].frames[-1])
    return [round(grey_levels(*pair), 3) for pair in both]


def strip_of(scene: Scene, play: Play, frames: np.ndarray) -> Strip:
    """The film strip of a play."""
    columns = np.unique(np.linspace(0, len(frames), min(COLUMNS, len(frames) + 1)).round().astype(int))
    first = scene.frames[-1:]
    truth, shown = np.concatenate([first, play.frames]), np.concatenate([first, frames])
    below = np.flatnonzero(psnr(squared_error(frames, play.frames)) < PARTED)
    return Strip(truth[columns], shown[columns], tuple(columns.tolist()), int(below[0]) + 1 if len(below) else 0)
