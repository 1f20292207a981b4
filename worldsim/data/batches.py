"""Batches for training: which bucket, which source and which rows come k-th is decided by seed, rank and k alone.

So a run that stops after k batches goes on exactly with `start=k`. Reading ahead in a thread is here too.
"""

from __future__ import annotations

import math
import queue
import sys
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TypeVar

import numpy as np

from worldsim.clip import Clip
from worldsim.data.frames import resize
from worldsim.data.sources import Source

__all__ = ["Bucket", "BucketError", "batches", "fewer_rows", "prefetch", "rows_of_rank"]

Item = TypeVar("Item")


class BucketError(ValueError):
    """A bucket, or a way to draw batches, that makes no sense."""


@dataclass(frozen=True)
class Bucket:
    """One shape of batches.

    Attributes:
        rows: clips per batch, which ranks share evenly. Where sources with different sizes are left as they are, this
            holds for the smallest, and larger frames come in fewer rows: every batch has about the same work.
        length: rows of a clip; 1 makes images.
        size: (H, W) in pixels; frames of another size are brought to it by area averages. None leaves them.
        weight: how often this bucket comes, against others.
    """

    rows: int
    length: int
    size: tuple[int, int] | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.rows < 1 or self.length < 1 or not self.weight > 0 or (self.size is not None and min(self.size) < 1):
            raise BucketError(f"rows, length, size and weight of a bucket must be positive, got {self}")


def batches(
    sources: Sequence[Source],
    buckets: Sequence[Bucket],
    seed: int,
    rank: int = 0,
    ranks: int = 1,
    start: int = 0,
    detail_mix: float = 0.5,
) -> Iterator[Clip]:
    """Clips for ever, beginning with batch number `start`.

    Bucket and source are the same on all ranks, and each takes its own part of the rows: together they have the batch
    of one process.

    Args:
        sources: where clips come from; all with the same actions and events.
        buckets: the shapes to choose from.
        seed: decides everything, with rank and batch number.
        rank: this process, in [0, ranks).
        ranks: processes that train together.
        start: number of the first batch.
        detail_mix: share of batches with detailed captions; the others have short ones.

    Raises:
        DatasetError: sources whose actions or events differ.
        BucketError: nothing to choose from, a source without weight, rows that ranks cannot share evenly, or arguments
            out of range.
    """
    if not sources or not buckets:
        raise BucketError(f"batches needs at least one source and one bucket, got {len(sources)} and {len(buckets)}")
    if not 0 <= rank < ranks or start < 0 or not 0.0 <= detail_mix <= 1.0:
        raise BucketError(
            "needs 0 <= rank < ranks, start >= 0 and detail_mix in [0, 1], "
            f"got rank={rank}, ranks={ranks}, start={start}, detail_mix={detail_mix}"
        )
    if not all(source.weight > 0 for source in sources):
        raise BucketError(f"weights of sources must be positive, got {[source.weight for source in sources]}")
    for bucket in buckets:
        rows_of_rank(bucket.rows, rank, ranks)
    for source in sources[1:]:
        sources[0].info.check_same_rows(source.info, f"dataset of {source.info.env_id}")
    return _endless(sources, buckets, seed, rank, ranks, start, detail_mix)


def _endless(
    sources: Sequence[Source], buckets: Sequence[Bucket], seed: int, rank: int, ranks: int, start: int,
    detail_mix: float,
) -> Iterator[Clip]:  # fmt: skip
    smallest = min(math.prod(source.info.size) for source in sources)
    for k in count(start):
        shared = np.random.default_rng([seed, k, 0])
        bucket = buckets[_weighted(shared, [bucket.weight for bucket in buckets])]
        source = sources[_weighted(shared, [source.weight for source in sources])]
        detail = "detailed" if shared.random() < detail_mix else "short"
        rng = np.random.default_rng([seed, k, 1])
        rows = bucket.rows if bucket.size else fewer_rows(bucket.rows, smallest, math.prod(source.info.size), ranks)
        clip = source.sample(rng, rows, bucket.length, detail, rows_of_rank(rows, rank, ranks))
        yield clip if bucket.size is None else replace(clip, frames=resize(clip.frames, bucket.size))


def fewer_rows(rows: int, smallest: int, area: int, ranks: int = 1) -> int:
    """Rows of a batch of frames of `area` that cost what `rows` of the `smallest` ones cost; in steps of `ranks`."""
    return ranks * max(1, round(rows * smallest / area / ranks))


def rows_of_rank(rows: int, rank: int, ranks: int) -> slice:
    """The rows of a batch that are a rank's own. Raises `BucketError` when they cannot be shared evenly."""
    if rows % ranks:
        raise BucketError(f"{ranks} ranks must share the rows of a bucket evenly, got {rows} rows; choose a multiple")
    share = rows // ranks
    return slice(rank * share, (rank + 1) * share)


def _weighted(rng: np.random.Generator, weights: Sequence[float]) -> int:
    return int(rng.choice(len(weights), p=np.asarray(weights) / np.sum(weights)))


def prefetch(items: Iterable[Item], depth: int) -> Generator[Item]:
    """The same items in the same order, read up to `depth` ahead by a thread; its errors are raised here.

    Close the generator, or let go of it, to end the thread: it reads to the end of the item at hand, and is waited for.
    """
    if depth < 1:
        raise BucketError(f"prefetch depth must be at least 1, got {depth}")
    return _prefetch(items, depth)


def _prefetch(items: Iterable[Item], depth: int) -> Generator[Item]:
    ready: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item: Item | None, error: BaseException | None) -> bool:
        """Whether somebody still waits for it."""
        while not stopped.is_set():
            try:
                ready.put((item, error), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def read() -> None:
        try:
            for item in items:
                if not put(item, None):
                    return
            put(None, StopIteration())
        except BaseException as error:
            put(None, error)

    thread = threading.Thread(target=read, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # pyright: ignore[reportReturnType]
    finally:
        stopped.set()
        if not sys.is_finalizing():  # Python that ends stands all threads still, and would wait for ever
            thread.join()
