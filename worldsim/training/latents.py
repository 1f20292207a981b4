"""Latents kept on disk, so that training the dynamics network never encodes a video twice, and batches of them.

`encode_dataset` writes one file per episode beside the dataset, in a folder named after the tokenizer's fingerprint;
it goes on where it was stopped. A 64×64 frame takes about 1 KB. `live_batches` encodes what a source brings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from tqdm import tqdm

from worldsim.clip import Clip, Prompt, pixels_to_unit
from worldsim.data.batches import fewer_rows, rows_of_rank
from worldsim.data.episodes import Caption, Dataset, Detail
from worldsim.data.sources import Source, draw_spans
from worldsim.files import remove_leftovers
from worldsim.model.card import CheckpointError
from worldsim.model.config import ConfigError, check_numbers, check_whole
from worldsim.model.dynamics import Attend, DynamicsConfig
from worldsim.model.prompts import no_words, pack_words
from worldsim.model.tensors import network_fingerprint, read_tensors, write_tensors
from worldsim.model.text import PromptError, PromptReader
from worldsim.model.tokenizer import Tokenizer, TokenizerConfig
from worldsim.training.losses import LatentBatch
from worldsim.training.machine import has_bfloat16
from worldsim.training.parallel import barrier, rank, ranks

__all__ = [
    "LatentBucket",
    "LatentEpisode",
    "check_framewise",
    "clip_to_latents",
    "encode_dataset",
    "latent_batches",
    "live_batches",
    "longest_caption",
    "most_captions",
    "random_batch",
    "rare_events",
]

RARE = 0.01  # share of frames


@dataclass(frozen=True)
class LatentEpisode:
    """An episode without its pixels: latents f16 (T, C, h, w), actions (T, A), events (T, E), ended (T,), captions."""

    latents: np.ndarray
    actions: np.ndarray
    events: np.ndarray
    ended: np.ndarray
    captions: tuple[Caption, ...]


@dataclass(frozen=True)
class LatentBucket:
    """One shape of batches for the dynamics network."""

    rows: int
    """Clips in a batch."""
    length: int
    """Frames of a clip."""
    attend: Attend = "past"
    """How the batch looks: at the past, as in play, or at all frames."""
    weight: float = 1.0
    """How often this bucket comes, against others."""

    def __post_init__(self) -> None:
        check_whole(self, 1, "rows", "length")
        check_numbers(self, 0, math.inf, "weight")
        if self.weight == 0:
            raise ConfigError("LatentBucket.weight must be above 0, got 0; leave the bucket out")
        if self.attend not in get_args(Attend):
            raise ConfigError(f"LatentBucket.attend must be one of {get_args(Attend)}, got {self.attend!r}")


def check_framewise(tokenizer: TokenizerConfig, origin: str) -> None:
    """Raise `CheckpointError` where a latent stands for several frames: what is trained here takes them one by one."""
    if tokenizer.time_stride > 1:
        raise CheckpointError(
            f"{origin} has a tokenizer of time stride {tokenizer.time_stride}, whose latents stand for "
            f"{tokenizer.time_stride} frames each; this needs one with a latent for each frame, of "
            "`worldsim train tokenizer --model.time-stride 1`"
        )


def encode_dataset(dataset: Dataset, tokenizer: Tokenizer, chunk: int = 128) -> list[LatentEpisode]:
    """The latents of a dataset, encoded where they are not on disk yet, and read into memory. Ranks share the work."""
    place = dataset.folder / f"latents-{network_fingerprint(tokenizer)}"
    place.mkdir(exist_ok=True)
    remove_leftovers(place)
    files = [place / Path(entry.file).name for entry in dataset.entries]
    mine = range(rank(), len(files), ranks())
    for number in tqdm(mine, desc="latents", unit="episode", dynamic_ncols=True, disable=rank() > 0):
        if not files[number].exists():
            _encode_episode(dataset, number, tokenizer, files[number], chunk)
    barrier()
    return [_read_latents(file, dataset, number) for number, file in enumerate(files)]


def _encode_episode(dataset: Dataset, number: int, tokenizer: Tokenizer, file: Path, chunk: int) -> None:
    episode = dataset.read(number)
    parts, device = [], tokenizer.mean.device
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device)):
        for start in range(0, episode.length, chunk):
            frames = pixels_to_unit(episode.frames[None, start : start + chunk]).to(device)
            parts.append(tokenizer.encode(frames).float()[0].cpu())
    tensors = {
        "latents": torch.cat(parts).half(),
        "actions": torch.from_numpy(episode.actions),
        "events": torch.from_numpy(episode.events),
        "ended": torch.from_numpy(episode.terminated.astype(np.float32)),
    }
    write_tensors(file, tensors)


def _read_latents(file: Path, dataset: Dataset, number: int) -> LatentEpisode:
    """Captions come from the dataset, where they may have been written anew since."""
    tensors, length = read_tensors(file), dataset.entries[number].length
    arrays = {name: tensors[name].numpy() for name in ("latents", "actions", "events", "ended")}
    if len(arrays["latents"]) != length:
        raise ValueError(f"{file} holds {len(arrays['latents'])} frames, the episode {length}; delete its folder")
    return LatentEpisode(**arrays, captions=dataset.captions(number))


# -- batches ---------------------------------------------------------------------------------------------------------


def latent_batches(
    episodes: Sequence[LatentEpisode], buckets: Sequence[LatentBucket], vocabulary: PromptReader, longest: int,
    seed: int, start: int = 0, detail_mix: float = 0.5,
) -> Iterator[LatentBatch]:  # fmt: skip
    """This rank's part of batches for ever from number `start`; batch k of all ranks depends on (seed, k) alone.

    A batch holds latents of one size; larger ones come in proportionally fewer rows, as often as makes every frame as
    likely as any other.
    """
    grids: dict[tuple[int, ...], list[LatentEpisode]] = {}
    for episode in episodes:
        grids.setdefault(episode.latents.shape[2:], []).append(episode)
    smallest = min(math.prod(grid) for grid in grids)
    lengths = {grid: np.array([len(episode.latents) for episode in group]) for grid, group in grids.items()}
    weights = np.array([math.prod(grid) * lengths[grid].sum() for grid in grids], float)
    prompts = {bucket.length: most_captions(episodes, bucket.length) for bucket in buckets}
    rare = torch.from_numpy(rare_events(episodes))
    for k in count(start):
        rng, bucket, detail = _draw(seed, k, buckets, detail_mix)
        grid = list(grids)[int(rng.choice(len(grids), p=weights / weights.sum()))]
        rows = fewer_rows(bucket.rows, smallest, math.prod(grid), ranks())
        drawn = draw_spans(rng, lengths[grid], rows, bucket.length)[rows_of_rank(rows, rank(), ranks())]
        spans = [(grids[grid][number], first) for number, first, _ in drawn]
        batch = _cut(spans, bucket, vocabulary, longest, detail, prompts[bucket.length])
        yield replace(batch, rare=rare)


def live_batches(
    source: Source, buckets: Sequence[LatentBucket], tokenizer: Tokenizer, vocabulary: PromptReader, longest: int,
    seed: int, start: int = 0, detail_mix: float = 0.5,
) -> Iterator[LatentBatch]:  # fmt: skip
    """This rank's part of batches for ever from number `start`, of clips that are encoded as they come.

    Raises:
        PromptError: a caption of more than `longest` words.
    """
    for k in count(start):
        rng, bucket, detail = _draw(seed, k, buckets, detail_mix)
        part = rows_of_rank(bucket.rows, rank(), ranks())
        clip = source.sample(rng, bucket.rows, bucket.length, detail, part)
        yield clip_to_latents(clip, tokenizer, vocabulary, longest, bucket.attend)


def _draw(
    seed: int, k: int, buckets: Sequence[LatentBucket], detail_mix: float
) -> tuple[np.random.Generator, LatentBucket, Detail]:
    """What batch k looks like, and the generator that decides the rest of it."""
    rng = np.random.default_rng([seed, k])
    weights = np.array([bucket.weight for bucket in buckets])
    bucket = buckets[int(rng.choice(len(buckets), p=weights / weights.sum()))]
    return rng, bucket, "detailed" if rng.random() < detail_mix else "short"


def _cut(
    spans: Sequence[tuple[LatentEpisode, int]], bucket: LatentBucket, vocabulary: PromptReader, longest: int,
    detail: Detail, prompts: int,
) -> LatentBatch:  # fmt: skip
    length = bucket.length
    mask = np.zeros((len(spans), length), np.float32)
    arrays: dict[str, np.ndarray] = {}
    for row, (episode, first) in enumerate(spans):
        for name in ("latents", "actions", "events", "ended"):
            piece = getattr(episode, name)[first : first + length]
            if name not in arrays:
                arrays[name] = np.zeros((len(spans), length, *piece.shape[1:]), np.float32)
            arrays[name][row, : len(piece)] = piece
        mask[row, : len(episode.latents) - first] = 1
    text = [
        [
            Prompt(getattr(c, detail), max(c.start - first, 0), c.end - first)
            for c in episode.captions
            if c.end > first and c.start < first + length
        ]
        for episode, first in spans
    ]
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    words = pack_words(text, length, vocabulary, longest, prompts)
    return LatentBatch(**tensors, mask=torch.from_numpy(mask), words=words, attend=bucket.attend)


def clip_to_latents(
    clip: Clip, tokenizer: Tokenizer, vocabulary: PromptReader, longest: int, attend: Attend = "past"
) -> LatentBatch:
    """A clip as a batch for the dynamics network, encoded on the spot.

    Raises:
        PromptError: a prompt of more than `longest` words.
    """
    with torch.no_grad():
        latents = tokenizer.encode(pixels_to_unit(clip.frames).to(tokenizer.mean.device)).float()
    words = pack_words(clip.text or [[] for _ in range(clip.rows)], clip.length, vocabulary, longest)
    return LatentBatch(
        latents,
        torch.from_numpy(clip.actions),
        torch.from_numpy(clip.events),
        torch.from_numpy(clip.terminated.astype(np.float32)),
        torch.from_numpy(clip.mask.astype(np.float32)),
        words,
        attend,
    )


def random_batch(bucket: LatentBucket, model: DynamicsConfig, grid: tuple[int, int]) -> LatentBatch:
    """A batch of a bucket's shape, of nothing but noise, to see what a step on such batches takes."""
    shape, generator = (bucket.rows, bucket.length), torch.Generator().manual_seed(0)
    return LatentBatch(
        torch.randn(*shape, model.channels, *grid, generator=generator),
        torch.zeros(*shape, model.actions),
        torch.zeros(*shape, model.events),
        torch.zeros(shape),
        torch.ones(shape),
        no_words(model.text, *shape),
        bucket.attend,
    )


def rare_events(episodes: Sequence[LatentEpisode]) -> np.ndarray:
    """Which columns of `events`, the reward aside, some frame has, and fewer than one in a hundred: bool (E,)."""
    happened = np.sum([(episode.events > 0).sum(0) for episode in episodes], axis=0)
    rare = (happened > 0) & (happened < RARE * sum(len(episode.events) for episode in episodes))
    rare[0] = False
    return rare


def most_captions(episodes: Sequence[LatentEpisode], length: int) -> int:
    """The most captions that a clip of `length` frames meets: room for so many lets shapes repeat."""
    most = 1
    for episode in episodes:
        spans = np.array([(caption.start, caption.end) for caption in episode.captions]).reshape(-1, 2)
        firsts = spans[:, 1:] - 1  # a clip meets most when it begins with the last frame of a caption
        meets = (spans[:, 1] > firsts) & (spans[:, 0] < firsts + length)  # (clips, captions)
        most = max(most, int(meets.sum(1).max(initial=0)))
    return most


def longest_caption(episodes: Sequence[LatentEpisode], vocabulary: PromptReader, longest: int) -> int:
    """Words of the longest caption, in steps of 8 so that shapes repeat. Raises `PromptError` above `longest`."""
    most = 1
    for episode in episodes:
        for caption in episode.captions:
            for text in (caption.short, caption.detailed):
                try:
                    most = max(most, len(vocabulary.encode(text, longest)))
                except PromptError as error:
                    told = f"a caption of the data does not fit: {error}; raise text.longest if its encoder allows"
                    raise PromptError(told) from error
    return min(-(-most // 8) * 8, longest)
