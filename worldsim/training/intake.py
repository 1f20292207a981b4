"""What training is fed with: the datasets or the live env that its options name; batches and a vocabulary from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from worldsim.clip import Clip
from worldsim.data.batches import prefetch
from worldsim.data.episodes import Dataset, DatasetError, DatasetInfo, Detail
from worldsim.data.rollout import Job, Recorder
from worldsim.data.sources import LiveSource, RecordedSource, Source
from worldsim.model.text import PromptReader, Vocabulary
from worldsim.model.tokenizer import Tokenizer
from worldsim.training.latents import (
    LatentBucket,
    encode_dataset,
    latent_batches,
    live_batches,
    longest_caption,
    rare_events,
)
from worldsim.training.loop import TrainingError
from worldsim.training.losses import LatentBatch
from worldsim.training.parallel import from_first, rank

__all__ = ["Live", "check_size", "grid_of", "latent_feed", "look", "open_sources", "start_clips"]

APART = 1_000_003  # between the seeds of live sources of neighbouring ranks
STARTS = (24, 8)  # start clips that a checkpoint carries, and their frames


@dataclass(frozen=True)
class Live:
    """A live source: clips straight from env workers, no disk."""

    env: str = ""
    """Gymnasium id; none by default."""
    policy: str = "random"
    """Who acts: "random", or "module:function"; "worldsim_agents.explore:mix" explores the voxel world."""
    workers: int = 2
    """Processes, for each rank."""
    seed: int = 0
    """Decides the worlds that come; each rank has its own."""


def look(data: tuple[Path, ...], live: Live) -> DatasetInfo:
    """What the clips will be like, without any worker or clip.

    Raises:
        TrainingError, DatasetError, RecordError: neither data nor a live source, or none that can be read.
    """
    _check_given(data, live)
    if data:
        return Dataset.open(data[0]).info
    recorder = Recorder.open(Job(live.env, live.policy, 2, {}, live.seed, "fit"))
    try:
        return recorder.info()
    finally:
        recorder.close()


@contextmanager
def open_sources(data: tuple[Path, ...], live: Live, grain: int) -> Generator[list[Source]]:
    """The sources, all of one kind, with frames whose sides are multiples of `grain` pixels, of one size or several.

    Each weighs as much as it has pixels: larger frames come in fewer rows, so every frame is as likely as any other.

    Raises:
        TrainingError, DatasetError, RecordError: neither data nor a live source, or none that can be trained on.
    """
    _check_given(data, live)
    if live.env:
        with LiveSource(live.env, live.policy, live.workers, seed=live.seed + rank() * APART, size="fit") as source:
            check_size(source.info.size, grain, live.env)
            yield [source]
        return
    found = [RecordedSource(folder, "train") for folder in data]
    first = found[0].info
    for source, folder in zip(found, data, strict=True):
        first.check_same_rows(source.info, str(folder))
        check_size(source.info.size, grain, str(folder))
        source.weight = float(source.dataset.lengths.sum() * math.prod(source.info.size))
    yield list(found)


def check_size(size: tuple[int, int], grain: int, where: str) -> None:
    """Raise `DatasetError` naming `where` frames come from when a side is no multiple of `grain` pixels."""
    if size[0] % grain or size[1] % grain:
        raise DatasetError(f"{where}: sides of frames must be in steps of {grain}, got {size}; record with --size")


def grid_of(size: tuple[int, int]) -> tuple[int, int]:
    """The (h, w) of the latents of frames of this size."""
    return size[0] // Tokenizer.stride, size[1] // Tokenizer.stride


def start_clips(source: Source, rng: np.random.Generator) -> Clip:
    """Clips for episodes to begin from: whole ones, in which no episode ends, as far as there are such."""
    rows, length = STARTS
    clip = source.sample(rng, 4 * rows, length)
    whole = clip.mask.all(1) & ~clip.terminated.any(1) & ~clip.truncated.any(1)
    return clip.take(np.argsort(~whole, kind="stable")[:rows])


def latent_feed(
    sources: Sequence[Source], tokenizer: Tokenizer, buckets: Sequence[LatentBucket], known: Iterable[str],
    longest: int, seed: int, detailed: float, encoder: PromptReader | None = None,
) -> tuple[Callable[[int], Generator[LatentBatch]], PromptReader, list[str]]:  # fmt: skip
    """The batches from a step on, the vocabulary of the captions, or else what reads them, and which events are rare.

    Args:
        sources: of `open_sources`.
        tokenizer: makes latents of frames.
        buckets: shapes of batches.
        known: words that come first in the vocabulary.
        longest: most words of a caption.
        seed: decides the batches.
        detailed: share of batches with detailed captions.
        encoder: reads the captions in place of a vocabulary.

    Raises:
        PromptError: a caption with more words.
    """
    live = next((source for source in sources if isinstance(source, LiveSource)), None)
    if live is not None:
        details: tuple[Detail, Detail] = ("short", "detailed")
        draws: list[tuple[np.random.Generator, Detail]] = [
            (np.random.default_rng([seed, number]), detail) for number in range(16) for detail in details
        ]
        seen = [live.sample(rng, 8, 32, detail) for rng, detail in draws]
        texts = [prompt.text for clip in seen for line in clip.text for prompt in line]
        words = encoder or Vocabulary(from_first(Vocabulary.collect(texts, known).words))
        return lambda start: prefetch(
            live_batches(live, buckets, tokenizer, words, longest, seed, start, detailed), 2
        ), words, []
    parts = [source.dataset for source in sources if isinstance(source, RecordedSource)]
    episodes = [episode for part in parts for episode in encode_dataset(part, tokenizer)]
    texts = (text for e in episodes for caption in e.captions for text in (caption.short, caption.detailed))
    words = encoder or Vocabulary.collect(texts, known)
    longest = longest_caption(episodes, words, longest)
    names, rare = sources[0].info.event_names, rare_events(episodes)
    return lambda start: prefetch(
        latent_batches(episodes, buckets, words, longest, seed, start, detailed), 4
    ), words, [name for name, seldom in zip(names, rare, strict=True) if seldom]


def _check_given(data: tuple[Path, ...], live: Live) -> None:
    if bool(data) == bool(live.env):
        raise TrainingError("give either --data with dataset folders, or --live.env with a Gymnasium id")
