"""The second reader: a learned state decoder tells what frames show, and the world nearest to that is the answer.

It sees no picture of the answers, only their labels: which block or entity each cell shows, and how far away it is. As
for the renderer, the pose is the nearest one, and then only cells in which the worlds differ are compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from worldsim.fidelity.decoder.decoder import ENTITY, Decoder, Schooling, cells, decoder_for
from worldsim.fidelity.harness.bench import Bench
from worldsim.fidelity.harness.lines import frames_hash
from worldsim.fidelity.harness.reading import Reading, groups, planted
from worldsim.fidelity.harness.scenes import Question

__all__ = ["VALIDATION", "DecodeReader", "decoder_of", "validation_trial"]

VALIDATION = "state decoder"  # the name of its trials among a run's lines
UNSURE = 0.02  # share of each reading that is spread over all that could be: what is told for sure may still be wrong
DEPTH_WEIGHT = 0.5
LEAST = 12  # cells of a look by which labels of answers of two names must differ
PAIRS = 16  # of views, in each validated world
Line = dict[str, Any]


class DecodeReader:
    """Reads one question, any number of times.

    Answers that labels hardly tell from the right one's name (an animal all but hidden by another) are left out.
    """

    def __init__(self, question: Question, decoder: Decoder) -> None:
        assert question.labels is not None
        self.question, self.decoder = question, decoder
        self.names = groups(list(question.answers))
        self.kinds, self.depths = decoder.truth(question.labels)  # (A, P, L, h, w)
        right = [i for i, name in enumerate(self.names) if name == self.names[question.right]]
        self.kept = np.array([  # (A,)
            i in right or min(self._differ(i, one) for one in right) >= LEAST for i in range(len(self.names))
        ])  # fmt: skip

    @property
    def told(self) -> bool:
        """Whether labels tell answers of all names apart. A hand's swing, say, stands in no label."""
        kept = np.flatnonzero(self.kept).tolist()
        if {self.names[i] for i in kept} != set(self.names):
            return False
        pairs = [(i, j) for i in kept for j in kept if j < i and self.names[i] != self.names[j]]
        return all(self._differ(i, j) >= LEAST for i, j in pairs)

    def _differ(self, one: int, other: int) -> int:
        """How many cells of the first pose differ between two answers, in the look in which most do."""
        kinds = self.kinds[one, 0] != self.kinds[other, 0]
        far = np.abs(self.depths[one, 0] - self.depths[other, 0]) > 1
        return int((kinds | far).sum((-2, -1)).max())

    def read(self, frames: np.ndarray) -> Reading:
        """Read frames u8 (L, H, W, 3), one for each look."""
        kinds, depths = (_spread(part) for part in self.decoder.read(frames))  # (L, K, h, w), (L, D, h, w)
        costs = -_at(kinds, self.kinds) - DEPTH_WEIGHT * _at(depths, self.depths)  # (A, P, L, h, w)
        poses = costs[self.kept].mean((-2, -1)).min(0).argmin(0)  # (L,)
        looks = np.arange(len(poses))
        chosen, shown, far = (part[:, poses, looks] for part in (costs, self.kinds, self.depths))  # (A, L, h, w)
        shown, far = shown[self.kept], far[self.kept]
        differ = (shown != shown[:1]).any(0) | (np.ptp(far, axis=0) > 1)
        cells = int(differ.sum())
        if not cells:
            return Reading(int(np.argmax(self.kept)), 0.0, 0)
        gaps = np.where(self.kept, (chosen * differ).sum((1, 2, 3)) / cells, np.inf)
        answer = int(gaps.argmin())
        rest = [gap for gap, name in zip(gaps, self.names, strict=True) if name != self.names[answer]]
        return Reading(answer, float(min(rest, default=gaps[answer]) - gaps[answer]), cells)

    def planted(self, rng: np.random.Generator) -> list[list[int]]:
        """Read worlds whose answer is known, one of each name, with noise and from another pose: [planted, read]."""
        names = [name if kept else "" for name, kept in zip(self.names, self.kept, strict=True)]
        return planted(self.question, names, self.read, rng)


def _spread(logs: np.ndarray) -> np.ndarray:
    """Log probabilities (L, K, h, w) of which none is very low."""
    return np.log((1.0 - UNSURE) * np.exp(logs) + UNSURE / logs.shape[1]).astype(np.float32)


def _at(logs: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Of log probabilities (L, K, h, w) those of numbers (A, P, L, h, w); for unknown ones those of none: the least."""
    looks, rows, columns = np.ogrid[: logs.shape[0], : logs.shape[2], : logs.shape[3]]
    found = logs[looks, np.maximum(numbers, 0), rows, columns]
    return np.where(numbers >= 0, found, np.log(UNSURE / logs.shape[1]))


def decoder_of(bench: Bench) -> Decoder | None:
    """The decoder of a study, made once; None where none is asked for, or the reference gives no lessons."""
    if VALIDATION not in bench.kept:
        lesson = None if bench.reference is None else getattr(bench.reference.env.unwrapped, "lesson", None)
        found = None
        if bench.decodes and lesson is not None:
            origin = {"id": bench.true.name, "kwargs": bench.true.kwargs}
            found = decoder_for(lesson, origin, bench.candidate.round_trip, bench.readers, Schooling())
        bench.kept[VALIDATION] = found
    return bench.kept[VALIDATION]


def validation_trial(bench: Bench, decoder: Decoder, index: int) -> Line:
    """Read a new world cell by cell, raw and compressed; and four planted faults, as questions of a staged probe."""
    raw: Any = bench.true.env.unwrapped
    made = raw.lesson(bench.world_seed(VALIDATION, index), PAIRS)
    pairs = np.ascontiguousarray(made.views[..., :3])
    kinds, depths = (part.reshape(-1, *part.shape[2:]) for part in decoder.truth(made.views[..., 3:]))
    entities = cells(made.views[..., 3:].reshape(-1, *made.views.shape[2:4], 3))[0] >= ENTITY
    line: Line = {"seed": bench.world_seed(VALIDATION, index), "hash": frames_hash(pairs), "cells": {}, "moves": {}}
    for who, through in (("raw", lambda frames: frames), ("compressed", bench.candidate.round_trip)):
        frames = through(pairs.reshape(-1, *pairs.shape[2:]))
        read, far = (part.argmax(1) for part in decoder.read(frames))
        line["cells"][who] = _counts(decoder, read, far, kinds, depths, entities)
        line["moves"][who] = decoder.moved(frames.reshape(pairs.shape)).round(3).tolist()
    line["moves"]["truth"] = made.moves.round(3).tolist()
    scene = bench.scene(VALIDATION, "faults", index, {})
    line["faults"] = [_faults(bench, question, decoder) for question in scene.plays[0].questions]
    return line


def _counts(decoder: Decoder, read: np.ndarray, far: np.ndarray, kinds: np.ndarray, depths: np.ndarray,
            entities: np.ndarray) -> dict[str, int]:  # fmt: skip
    """Cells read rightly, of how many: all kinds, depths to within a step, entities told and entities there."""
    return {
        "cells": int(kinds.size), "kind right": int((read == kinds).sum()),
        "depth right": int((np.abs(far - depths) <= 1).sum()), "entities": int(entities.sum()),
        "entities told": int((decoder.kinds[read] >= ENTITY).sum()),
        "entities right": int((entities & (read == kinds)).sum()),
    }  # fmt: skip


def _faults(bench: Bench, question: Question, decoder: Decoder) -> Line:
    """Whether a world as it is and the one with a fault are each read as such, raw and compressed."""
    reader = DecodeReader(question, decoder)
    found: Line = {"name": question.name}
    for who, through in (("raw", lambda frames: frames), ("compressed", bench.candidate.round_trip)):
        read = [reader.read(through(np.ascontiguousarray(question.pictures[answer, 0]))).answer for answer in (0, 1)]
        found[who] = [int(answer == right) for right, answer in enumerate(read)]
    return found
