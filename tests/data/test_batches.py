import threading
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import counter
from worldsim.clip import Clip
from worldsim.data.batches import Bucket, BucketError, batches, prefetch
from worldsim.data.episodes import DatasetError
from worldsim.data.record import record
from worldsim.data.sources import RecordedSource

BUCKETS = [Bucket(3, 8), Bucket(6, 1, weight=0.5), Bucket(2, 4, size=(8, 8))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("counter")
    record(counter.ID, "random", 30 * 24, folder, seed=0, env_kwargs={"horizon": 24})
    return folder


def same(a: Clip, b: Clip) -> bool:
    names = ("frames", "actions", "events", "terminated", "truncated", "mask")
    return a.text == b.text and all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


def test_the_counter_world_survives_recording_and_batching(folder: Path) -> None:
    for clip in islice(batches([RecordedSource(folder)], BUCKETS, seed=0), 40):
        counts, actions = counter.read_counts(clip.frames), counter.read_actions(clip.frames)
        for row in range(clip.rows):
            kept = clip.mask[row]
            assert np.array_equal(np.diff(counts[row][kept]), np.ones(kept.sum() - 1))
            assert np.array_equal(clip.events[row, kept, 0], counts[row][kept])
            inside = kept & (counts[row] > 0)
            assert np.array_equal(clip.actions[row, inside].argmax(axis=-1), actions[row, inside])
            assert np.array_equal(clip.terminated[row, kept], counts[row][kept] == 24)


def test_batches_resumed_at_k_equal_those_that_never_stopped(folder: Path) -> None:
    source = RecordedSource(folder)
    whole = list(islice(batches([source], BUCKETS, seed=1), 12))
    resumed = list(islice(batches([RecordedSource(folder)], BUCKETS, seed=1, start=5), 7))
    assert all(same(a, b) for a, b in zip(whole[5:], resumed, strict=True))
    assert not same(next(batches([source], BUCKETS, seed=2)), whole[0])


def test_ranks_share_the_rows_of_one_process_and_must_be_able_to(folder: Path) -> None:
    source, even = RecordedSource(folder), [Bucket(4, 8), Bucket(6, 1, weight=0.5), Bucket(2, 4, size=(8, 8))]
    alone = islice(batches([source], even, seed=0), 12)
    both = [islice(batches([source], even, seed=0, rank=rank, ranks=2), 12) for rank in range(2)]
    for whole, *parts in zip(alone, *both, strict=True):
        assert parts[0].rows == parts[1].rows == whole.rows // 2
        for part, rows in zip(parts, np.split(np.arange(whole.rows), 2), strict=True):
            assert same(part, whole.take(rows))
    with pytest.raises(BucketError, match="2 ranks must share the rows of a bucket evenly, got 3 rows"):
        batches([source], BUCKETS, seed=0, rank=1, ranks=2)


def test_buckets_come_by_their_weights_and_in_their_sizes(folder: Path) -> None:
    shapes = [clip.frames.shape for clip in islice(batches([RecordedSource(folder)], BUCKETS, seed=0), 400)]
    assert set(shapes) == {(3, 8, 16, 16, 3), (6, 1, 16, 16, 3), (2, 4, 8, 8, 3)}
    assert 0.13 < shapes.count((6, 1, 16, 16, 3)) / 400 < 0.27


def test_larger_frames_come_in_fewer_rows_so_that_every_batch_has_the_same_work(folder: Path, tmp_path: Path) -> None:
    record(counter.ID, "random", 4 * 24, tmp_path, seed=1, env_kwargs={"horizon": 24}, size=(16, 32))
    sources = [RecordedSource(folder), RecordedSource(tmp_path)]
    shapes = {clip.frames.shape for clip in islice(batches(sources, [Bucket(6, 4)], seed=0), 30)}
    assert shapes == {(6, 4, 16, 16, 3), (3, 4, 16, 32, 3)}


def test_both_details_of_captions_come(folder: Path) -> None:
    def texts(mix: float) -> list[str]:
        clips = islice(batches([RecordedSource(folder)], [Bucket(2, 8)], seed=0, detail_mix=mix), 30)
        return [clip.text[0][0].text for clip in clips]

    assert all(text.startswith("count") for text in texts(0.0))
    assert all(text.startswith("the counter") for text in texts(1.0))
    assert 5 < sum(text.startswith("count") for text in texts(0.5)) < 25


def test_every_row_of_an_episode_is_drawn_and_its_last_ones_too(folder: Path) -> None:
    clip = RecordedSource(folder, "all").sample(np.random.default_rng(0), 3000, 8)
    drawn = np.bincount(counter.read_counts(clip.frames)[clip.mask], minlength=25)
    assert drawn.min() > 0
    assert drawn[24] > 0.4 * drawn[12]  # the end is no rarity


def test_train_and_heldout_episodes_are_disjoint(folder: Path) -> None:
    train, held = (RecordedSource(folder, split, heldout=0.3) for split in ("train", "heldout"))
    files = [{entry.file for entry in source.dataset.entries} for source in (train, held)]
    assert files[0] and files[1] and not files[0] & files[1]
    with pytest.raises(DatasetError, match="none of them in split 'heldout'"):
        RecordedSource(folder, "heldout", heldout=0.0)


def test_sources_that_mean_different_things_are_refused(folder: Path) -> None:
    first, second = RecordedSource(folder), RecordedSource(folder)
    second.dataset = replace(second.dataset, info=replace(second.info, event_names=("reward", "a", "b")))
    with pytest.raises(DatasetError, match="event_names differ"):
        batches([first, second], BUCKETS, seed=0)


@pytest.mark.parametrize("change", [{"rows": 0}, {"length": 0}, {"size": (0, 4)}, {"weight": 0.0}])
def test_a_bucket_without_content_is_an_error(change) -> None:
    with pytest.raises(BucketError):
        Bucket(**({"rows": 1, "length": 1} | change))


def test_a_source_that_never_comes_is_an_error_at_the_call(folder: Path) -> None:
    with pytest.raises(BucketError, match=r"weights of sources must be positive, got \[1.0, 0.0\]"):
        batches([RecordedSource(folder), RecordedSource(folder, weight=0.0)], BUCKETS, seed=0)


@pytest.mark.parametrize("change", [{"rank": 2, "ranks": 2}, {"start": -1}, {"detail_mix": 1.5}, {"buckets": []}])
def test_arguments_out_of_range_are_errors_at_the_call(folder: Path, change) -> None:
    with pytest.raises(BucketError):
        batches(**({"sources": [RecordedSource(folder)], "buckets": BUCKETS, "seed": 0} | change))


def test_prefetching_keeps_the_order_reads_ahead_and_ends() -> None:
    read = []

    def items():
        for i in range(20):
            read.append(i)
            yield i

    ahead = prefetch(items(), depth=3)
    assert next(ahead) == 0
    for _ in range(200):
        if len(read) == 5:
            break
        threading.Event().wait(0.01)
    assert len(read) == 5  # one taken, three ready, one waiting for room
    assert list(ahead) == list(range(1, 20))


def test_prefetching_raises_errors_where_they_belong() -> None:
    def items():
        yield 1
        raise RuntimeError("broken batch")

    ahead = prefetch(items(), depth=4)
    assert next(ahead) == 1
    with pytest.raises(RuntimeError, match="broken batch"):
        next(ahead)


def test_prefetching_that_is_closed_ends_its_thread() -> None:
    ahead = prefetch(iter(int, 1), depth=2)
    next(ahead)
    ahead.close()
    assert not any(thread.name == "prefetch" for thread in threading.enumerate())


def test_closing_waits_for_an_item_that_takes_long_to_read() -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def items():
        yield 0
        begun.set()
        goes_on.wait()
        yield 1

    ahead = prefetch(items(), depth=2)
    next(ahead)
    begun.wait()
    threading.Timer(1.2, goes_on.set).start()
    ahead.close()
    assert goes_on.is_set() and not any(thread.name == "prefetch" for thread in threading.enumerate())
