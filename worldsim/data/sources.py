"""Where training clips come from: `RecordedSource` reads a dataset, `LiveSource` plays the env while training runs.

Both answer `sample(rng, rows, length, detail)`. A start is as likely as any other, over all episodes; clips may hang
over an episode's end by up to half their length, so that ends are seen as often as they happen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from worldsim.clip import Clip
from worldsim.data.episodes import Dataset, DatasetError, DatasetInfo, Detail, Episode, stack
from worldsim.data.rollout import Job, Policy, Recorder, RecordError
from worldsim.data.workers import EpisodeWorkers

__all__ = ["HELDOUT", "LiveSource", "RecordedSource", "Source", "draw_spans"]

Split = Literal["train", "heldout", "all"]

ALL = slice(None)
HELDOUT = 0.05  # share of a dataset's episodes, chosen by world seed, that no training sees


class Source(Protocol):
    """Something that gives clips. `weight` is how often `batches` takes it, against others."""

    @property
    def info(self) -> DatasetInfo:
        """What the clips have in common."""
        ...

    @property
    def weight(self) -> float: ...

    def sample(
        self, rng: np.random.Generator, rows: int, length: int, detail: Detail = "short", part: slice = ALL
    ) -> Clip:
        """`part` of `rows` clips of `length` rows each, with the given captions as text; all of them are drawn."""
        ...


class RecordedSource:
    """Clips from a dataset folder. `sample` depends on the state of `rng` only, so training resumes exactly.

    Args:
        folder: a dataset.
        split: the part to take; see `Dataset.split`.
        heldout: the share that is held out.
        weight: how often `batches` takes this source, against others.

    Raises:
        DatasetError: no readable dataset, or no episode in this part of it.
    """

    def __init__(
        self, folder: str | Path, split: Split = "train", heldout: float = HELDOUT, weight: float = 1.0
    ) -> None:
        whole = Dataset.open(folder)
        train, held = whole.split(heldout)
        parts = {"train": train, "heldout": held, "all": whole}
        if split not in parts:
            raise DatasetError(f"split must be one of {sorted(parts)}, got {split!r}")
        self.dataset = parts[split]
        self.weight = weight
        if not len(self.dataset):
            raise DatasetError(f"{folder}: {len(whole)} episodes, none of them in split {split!r} at heldout={heldout}")
        self._lengths = self.dataset.lengths

    @property
    def info(self) -> DatasetInfo:
        return self.dataset.info

    def sample(
        self, rng: np.random.Generator, rows: int, length: int, detail: Detail = "short", part: slice = ALL
    ) -> Clip:
        return self.dataset.clip(draw_spans(rng, self._lengths, rows, length)[part], detail)


class LiveSource:
    """Clips from env worker processes, without a disk: the newest `capacity` episodes stay in memory to draw from.

    Workers play on while training works on a batch, and wait when nobody takes their episodes. Not reproducible:
    what is in memory depends on who was faster. Use it as a context manager, or call `close`.

    Args:
        env_id: a Gymnasium id; see `worldsim.data.record.record` for this, `policy`, `env_kwargs`, `size`, `image_key`.
        policy: who acts.
        workers: processes.
        episode_length: most rows of an episode.
        env_kwargs: keyword arguments for `gym.make`.
        seed: decides the episodes that come, in the order of each worker.
        size: (H, W) to bring frames to, or "fit"; None keeps the env's own.
        image_key: which entry of a Dict observation is the picture, when it has several.
        capacity: episodes kept in memory.
        weight: how often `batches` takes this source, against others.

    Raises:
        RecordError, FrameError: an env or a policy that cannot be recorded, no workers, or no room for an episode.
        WorkerError: from `sample`, when an env failed inside a worker.
    """

    def __init__(
        self,
        env_id: str,
        policy: str | Callable[[], Policy],
        workers: int = 2,
        episode_length: int = 256,
        env_kwargs: dict[str, Any] | None = None,
        seed: int = 0,
        size: tuple[int, int] | Literal["fit"] | None = None,
        image_key: str | None = None,
        capacity: int = 64,
        weight: float = 1.0,
    ) -> None:
        if workers < 1 or capacity < 1:
            raise RecordError(f"workers and capacity must be at least 1, got workers={workers}, capacity={capacity}")
        job = Job(env_id, policy, episode_length, dict(env_kwargs or {}), seed, size, image_key)
        recorder = Recorder.open(job)
        try:
            self._info = recorder.info()
        finally:
            recorder.close()
        self.weight = weight
        self.episodes: deque[Episode] = deque(maxlen=capacity)
        self._workers = EpisodeWorkers(job, workers)
        for number in range(2 * workers):  # one in work and one in waiting for each worker
            self._workers.request(number)

    @property
    def info(self) -> DatasetInfo:
        return self._info

    def sample(
        self, rng: np.random.Generator, rows: int, length: int, detail: Detail = "short", part: slice = ALL
    ) -> Clip:
        self._take_in(wait=not self.episodes)
        lengths = np.array([episode.length for episode in self.episodes])
        spans = draw_spans(rng, lengths, rows, length)[part]
        return stack([self.episodes[i].slice(start, stop) for i, start, stop in spans], length, detail, self._info.fps)

    def close(self) -> None:
        """End the workers."""
        self._workers.close()

    def __enter__(self) -> LiveSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take_in(self, wait: bool) -> None:
        """Put the episodes that are ready into memory, and ask each worker for one more for each it gave."""
        for number, episode in self._workers.receive(None if wait else 0.0):
            self.episodes.append(episode)
            self._workers.request(number + 2 * self._workers.count)


def draw_spans(
    rng: np.random.Generator, lengths: Sequence[int] | np.ndarray, rows: int, length: int
) -> list[tuple[int, int, int]]:
    """`rows` times (episode, start, start + length), evenly over all starts that keep half of the clip inside.

    An episode shorter than that has one start, its reset.
    """
    starts = np.maximum(np.asarray(lengths) - (length + 1) // 2 + 1, 1)
    ends = np.cumsum(starts)
    drawn = rng.integers(ends[-1], size=rows)
    episodes = np.searchsorted(ends, drawn, side="right")
    firsts = drawn - (ends - starts)[episodes]
    return [(int(i), int(first), int(first) + length) for i, first in zip(episodes, firsts, strict=True)]
