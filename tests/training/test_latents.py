"""Latents on disk and their batches: encoded once, cut where they should be, drawn by seed and number alone."""

import os
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

import counter
from networks import WORDS, tiny_tokenizer
from training_runs import record_counter
from worldsim.clip import Prompt, pixels_to_unit
from worldsim.data.episodes import Caption, Dataset
from worldsim.data.sources import RecordedSource
from worldsim.model.checkpoint import CheckpointError
from worldsim.model.prompts import pack_words
from worldsim.model.text import PromptError, Vocabulary
from worldsim.training.latents import (
    LatentBucket,
    LatentEpisode,
    clip_to_latents,
    encode_dataset,
    latent_batches,
    live_batches,
    longest_caption,
    most_captions,
)

BUCKETS = (LatentBucket(3, 6, "past", 0.6), LatentBucket(2, 9, "all", 0.4))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return Dataset.open(record_counter(tmp_path_factory.mktemp("data")))


def counting(length: int, number: int = 0) -> LatentEpisode:
    """An episode whose latents hold 100·number + t, and whose actions, events and captions say t."""
    t = np.arange(length, dtype=np.float32)
    latents = np.broadcast_to((100 * number + t)[:, None, None, None], (length, 3, 2, 2)).astype(np.float16)
    ended = (t == length - 1).astype(np.float32)
    captions = tuple(Caption(s, min(s + 16, length), f"w{s}", f"at length w{s}") for s in range(0, length, 16))
    return LatentEpisode(latents, t[:, None], np.stack([t, -t], 1), ended, captions)


def test_latents_are_those_of_the_frames_in_half_precision_beside_everything_else_of_the_episode(
    dataset: Dataset,
) -> None:
    tokenizer = tiny_tokenizer()
    episodes = encode_dataset(dataset, tokenizer, chunk=13)
    assert len(episodes) == 3
    for number, found in enumerate(episodes):
        episode = dataset.read(number)
        with torch.no_grad():
            expected = tokenizer.encode(pixels_to_unit(episode.frames[None]))[0]
        assert found.latents.dtype == np.float16
        np.testing.assert_allclose(found.latents, expected.numpy(), atol=0.05)  # convolutions in bfloat16
        assert np.array_equal(found.actions, episode.actions) and np.array_equal(found.events, episode.events)
        assert found.ended.tolist() == episode.terminated.tolist() and found.captions == episode.captions


def test_no_video_is_encoded_twice_and_other_weights_get_a_folder_of_their_own(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = encode_dataset(dataset, tiny_tokenizer(7))
    folders = set(dataset.folder.glob("latents-*"))
    (place,) = [folder for folder in folders if folder.stat().st_mtime == max(f.stat().st_mtime for f in folders)]
    files = sorted(place.iterdir())
    files[1].unlink()  # a kill came before it was written
    half = place / f".{files[1].name}.1.tmp"
    half.write_bytes(b"half")
    os.utime(half, (0, 0))  # long ago
    encoded = []
    tokenizer = tiny_tokenizer(7)
    monkeypatch.setattr(tokenizer, "encode", lambda x: encoded.append(x) or type(tokenizer).encode(tokenizer, x))
    second = encode_dataset(dataset, tokenizer)
    assert len(encoded) == 1 and sorted(place.iterdir()) == files
    assert all(np.array_equal(a.latents, b.latents) for a, b in zip(first, second, strict=True))
    encode_dataset(dataset, tiny_tokenizer(8))
    assert len(set(dataset.folder.glob("latents-*")) - folders) == 1
    files[0].write_bytes(files[0].read_bytes()[:-9])
    with pytest.raises(CheckpointError, match=files[0].name):
        encode_dataset(dataset, tiny_tokenizer(7))


def test_batch_k_depends_on_the_seed_and_k_alone() -> None:
    episodes = [counting(20), counting(31, 1)]
    words = Vocabulary.collect(["at length"])

    def draw(seed: int, start: int, count: int):
        return list(islice(latent_batches(episodes, BUCKETS, words, 8, seed, start), count))

    whole, later = draw(3, 0, 8), draw(3, 5, 3)
    for mine, theirs in zip(whole[5:], later, strict=True):
        assert mine.attend == theirs.attend and torch.equal(mine.latents, theirs.latents)
        assert torch.equal(mine.words.numbers, theirs.words.numbers)
    assert {batch.attend for batch in draw(3, 0, 30)} == {"past", "all"}
    assert not all(torch.equal(a.latents, b.latents) for a, b in zip(draw(4, 0, 8), draw(5, 0, 8), strict=True))


def test_latents_of_several_sizes_come_apart_and_every_frame_is_as_likely_as_any_other() -> None:
    wide = counting(30, 1)
    wide = replace(wide, latents=np.repeat(wide.latents, 3, axis=3))
    words = Vocabulary.collect(["at length"])
    drawn = list(islice(latent_batches([counting(30), wide], [LatentBucket(6, 2)], words, 8, 0), 400))
    shapes = [tuple(batch.latents.shape) for batch in drawn]
    assert set(shapes) == {(6, 2, 3, 2, 2), (2, 2, 3, 2, 6)}, "a third of the rows where frames are thrice as large"
    assert 2.3 < shapes.count((2, 2, 3, 2, 6)) / shapes.count((6, 2, 3, 2, 2)) < 3.9, "and three times as often"


def test_rows_of_a_batch_line_up_and_what_hangs_over_the_end_is_masked() -> None:
    episodes = [counting(4), counting(60, 1)]
    words = Vocabulary.collect(["at length", "w0 w16 w32 w48"])
    seen = set()
    for batch in islice(latent_batches(episodes, [LatentBucket(8, 18)], words, 8, 0), 60):
        assert batch.latents.shape == (8, 18, 3, 2, 2) and batch.latents.dtype == torch.float32
        for row in range(8):
            number, first = divmod(int(batch.latents[row, 0, 0, 0, 0]), 100)
            inside = min(len(episodes[number].latents) - first, 18)
            seen.add((number, first))
            assert batch.mask[row].tolist() == [1.0] * inside + [0.0] * (18 - inside)
            t = torch.arange(first, first + inside)
            assert torch.equal(batch.latents[row, :inside, 2, 1, 1], 100.0 * number + t)
            assert torch.equal(batch.actions[row, :inside, 0], t.float())
            assert torch.equal(batch.events[row, :inside], torch.stack([t, -t], 1).float())
            assert batch.ended[row, :inside].tolist() == [float(i == len(episodes[number].latents) - 1) for i in t]
            shown = batch.words.seen[row]
            for i in range(inside):  # each frame reads the caption of its own sixteen rows
                (place,) = shown[i].nonzero().flatten().tolist()
                present = batch.words.numbers[row, place][batch.words.present[row, place]]
                assert words.words[int(present[-1])] == f"w{(first + i) // 16 * 16}"
    assert {first for number, first in seen if number == 1} == set(range(52)), "every start with half inside"
    assert (0, 0) in seen, "and so does an episode that is shorter than the clip"


def test_rare_is_what_fewer_than_one_frame_in_a_hundred_of_all_recordings_shows() -> None:
    """Of 400 frames three have the first event, four the second; the reward is none, however rare."""
    long, short = counting(300), counting(100, 1)
    events = [np.zeros((len(episode.latents), 3), np.float32) for episode in (long, short)]
    events[0][5, 0] = 9
    events[0][[20, 70], 1] = events[1][30, 1] = 1
    events[0][[40, 90, 150], 2] = events[1][60, 2] = 1
    episodes = [replace(one, events=part) for one, part in zip((long, short), events, strict=True)]
    words, shown = Vocabulary.collect(["at length"]), set()
    for batch in islice(latent_batches(episodes, [LatentBucket(8, 18)], words, 8, 0), 200):
        assert batch.rare is not None and batch.rare.tolist() == [False, True, False]
        for row, frame in batch.happened.any(-1).nonzero().tolist():
            shown.add(int(batch.latents[row, frame, 0, 0, 0]))
    assert shown == {20, 70, 130}


def test_every_prompt_of_a_clip_fits_however_often_they_change() -> None:
    often = replace(counting(40), captions=tuple(Caption(s, s + 2, f"w{s}", f"w{s}") for s in range(1, 39, 2)))
    assert [most_captions([counting(60)], length) for length in (1, 2, 16, 17, 18, 33, 34)] == [1, 2, 2, 2, 3, 3, 4]
    assert [most_captions([counting(60), often], length) for length in (1, 2, 3, 4, 6)] == [1, 2, 2, 3, 4]
    assert most_captions([replace(often, captions=())], 6) == 1
    words = Vocabulary.collect(caption.short for caption in often.captions)
    for batch in islice(latent_batches([often], [LatentBucket(8, 6)], words, 8, 0), 20):
        assert batch.words.numbers.shape == (8, 4, 8)
        for row in range(8):
            for t, shown in zip(batch.actions[row, :, 0], batch.words.seen[row], strict=True):
                places = shown.nonzero().flatten().tolist()
                found = [words.words[int(batch.words.numbers[row, place, 0])] for place in places]
                told = 1 <= t < 39 and batch.mask[row].all()
                assert not told or found == [f"w{(int(t) - 1) // 2 * 2 + 1}"]


def test_live_batches_of_one_shape_look_in_their_own_ways(dataset: Dataset) -> None:
    buckets = [LatentBucket(2, 6, "past"), LatentBucket(2, 6, "all"), LatentBucket(3, 4, "all")]
    words, source = Vocabulary.collect(["count 1"]), RecordedSource(dataset.folder, "all")
    drawn = list(islice(live_batches(source, buckets, tiny_tokenizer(), words, 8, seed=0), 24))
    assert {(*batch.mask.shape, batch.attend) for batch in drawn} == {(2, 6, "past"), (2, 6, "all"), (3, 4, "all")}
    later = next(live_batches(source, buckets, tiny_tokenizer(), words, 8, seed=0, start=7))
    assert torch.equal(later.latents, drawn[7].latents) and torch.equal(later.words.seen, drawn[7].words.seen)


def test_prompts_are_packed_with_the_frames_that_read_them() -> None:
    lines = [[Prompt("snow", 0, 2), Prompt("a desert", 2)], []]
    words = pack_words(lines, 4, WORDS, 8)
    assert words.numbers.shape == (2, 2, 8) and words.present.sum(-1).tolist() == [[1, 2], [0, 0]]
    assert words.seen[0].tolist() == [[True, False], [True, False], [False, True], [False, True]]
    assert not words.seen[1].any()
    assert words.numbers[0, 1, :2].tolist() == WORDS.encode("a desert", 8)
    assert pack_words(lines, 4, WORDS, 8, prompts=3).numbers.shape == (2, 3, 8)
    assert pack_words(lines, 4, WORDS, 8, prompts=1).numbers.shape == (2, 2, 8), "none is left out"
    assert pack_words([], 4, WORDS, 8).numbers.shape == (0, 1, 8)
    with pytest.raises(PromptError, match="at most 2 words"):
        pack_words([[Prompt("a desert at night")]], 4, WORDS, 2)


def test_the_longest_caption_sets_the_length_and_one_that_does_not_fit_is_told() -> None:
    episodes = [counting(9)]
    words = Vocabulary.collect(["at length"])
    assert longest_caption(episodes, words, 64) == 8 and longest_caption(episodes, words, 3) == 3
    with pytest.raises(PromptError, match="caption of the data does not fit.*raise text.longest"):
        longest_caption(episodes, words, 2)


def test_a_clip_becomes_a_batch_on_the_spot(dataset: Dataset) -> None:
    clip = dataset.clip([(0, 0, 6), (1, 27, 33)])
    batch = clip_to_latents(clip, tiny_tokenizer(), WORDS, 8, "all")
    assert batch.attend == "all" and batch.mask.tolist() == clip.mask.astype(float).tolist()
    assert batch.latents.shape == (2, 6, 3, 2, 4) and batch.ended[1].tolist() == [0, 0, 0, 1, 0, 0]
    assert np.array_equal(batch.actions.numpy(), clip.actions) and np.array_equal(batch.events.numpy(), clip.events)
    assert counter.read_counts(clip.frames)[0].tolist() == batch.events[0, :, 0].tolist()
