"""What a stage hands out: a past to start from, plays from there, and questions about what the plays show.

A question is asked of frames alone. Its answers are worlds that might have come of it, each drawn by the engine from
several poses, so that a reader needs to learn nothing: it says which picture the frames are nearest to. Beside each
picture stands what its pixels truly show, for readers that have learned to tell that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]


class StageError(ValueError):
    """A scene that cannot be staged in this world, or with this env."""


@dataclass(frozen=True)
class Question:
    """Which of several worlds do frames show?

    Attributes:
        name: what is asked, e.g. "kept".
        looks: the steps (L,) of the play that are looked at, 1 for the first.
        answers: names (A,) of the worlds. What stands before a colon counts, so one answer may have several pictures.
        views: u8 (A, P, L, H, W, 6), each world from P poses; see `camera` for the channels. Three channels, of the
            picture alone, where nobody shall read labels.
        right: the answer that is true.
        still: the answer that a world shows in which nothing happens; -1 where none does.
        needs: the question, by name and of the same play, whose right answer is the condition of this one; "" for none.
        kind: "score", or "gate" for conditions alone; "extra", or another word, for what is told beside the score.
        values: a number for each answer, where answers are points of a scale; or several, of several scales.
    """

    name: str
    looks: Sequence[int]
    answers: Sequence[str]
    views: Frames
    right: int
    still: int = -1
    needs: str = ""
    kind: str = "score"
    values: Sequence[float] | Sequence[tuple[float, ...]] = ()

    @property
    def pictures(self) -> Frames:
        """u8 (A, P, L, H, W, 3), what each world looks like."""
        return self.views[..., :3]

    @property
    def labels(self) -> Frames | None:
        """u8 (A, P, L, H, W, 3), block, depth and kind of entity of each pixel; None where there are none."""
        return self.views[..., 3:] if self.views.shape[-1] > 3 else None


@dataclass(frozen=True)
class Fates(Question):
    """What may come of a past that chance goes on with: "true" answers are what forks of truth come near.

    Attributes:
        forks: so many of the answers, the first ones, are what forks of truth came to; 0 in a question of another kind.
        points: f64 (A, D), where each answer lies: outcomes are as far apart as their points.
        chance: how much of all that could be is "true".
    """

    forks: int = 0
    points: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    chance: float = 0.0


@dataclass(frozen=True)
class Track:
    """How far along its way is something, frame by frame? Read are truth's own moments.

    Attributes:
        name: what goes along.
        points: f64 (K + 1,), where it is at the start and after each step, in units of its own.
        views: u8 (K + 1, P, 1, H, W, 6), those moments from P poses.
    """

    name: str
    points: NDArray[np.float64]
    views: Frames

    @property
    def answers(self) -> Sequence[str]:
        """A name (K + 1,) for each moment; those of one point are one answer."""
        return [f"{point:.2f}" for point in self.points]

    @property
    def pictures(self) -> Frames:
        """u8 (K + 1, P, 1, H, W, 3), what each moment looks like."""
        return self.views[..., :3]


@dataclass(frozen=True)
class Warp:
    """Where one frame of a play shows what another shows, by truth's depths and poses.

    Attributes:
        steps: the two steps of the play, 1 for the first.
        pixels: i16 (N, 4): row and column in the second, row and column in the first, of what both show.
    """

    steps: tuple[int, int]
    pixels: NDArray[np.int16]


@dataclass(frozen=True)
class Play:
    """Actions from the scene's past on, what truth showed, and what is asked.

    Attributes:
        name: which branch this is.
        actions: of the env's action space, (K,).
        frames: u8 (K, H, W, 3) that truth showed after each.
        questions: asked of whatever plays these actions.
        start: the true state to play from where chance decides; None for the scene's.
        tracks: ways that are followed frame by frame.
        warps: pairs of frames that show the same from two poses.
        rests: whether the view does, so that what changed in it can be compared with the past's last frame.
    """

    name: str
    actions: Sequence[Any]
    frames: Frames
    questions: Sequence[Question] = ()
    start: Any = None
    tracks: Sequence[Track] = ()
    warps: Sequence[Warp] = ()
    rests: bool = False


@dataclass(frozen=True)
class Scene:
    """A past, and what is played from it.

    Attributes:
        seed: of the world: trials with the same one are one cluster.
        frames: u8 (T, H, W, 3), the past.
        actions: (T,), the action that led to each frame; the first is the reset's.
        start: the true state after the last of these frames, for `restore_state`.
        plays: one or more, each from this past.
        facts: what else there is to tell of the scene.
    """

    seed: int
    frames: Frames
    actions: Sequence[Any]
    start: Any
    plays: Sequence[Play]
    facts: Mapping[str, float | str] = field(default_factory=dict)
