"""Training a captioner: moments of recorded episodes, as latents, and their captions, in few words and at length.

`worldsim train captioner` writes OUT/language.safetensors whenever it stops, and its states beside it. Batch k depends
on (seed, k) alone, so it is as resumable as the other stages.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path

import numpy as np
import torch
import tyro
from torch import nn
from torch.nn import functional as F

from worldsim.data.batches import fewer_rows, prefetch, rows_of_rank
from worldsim.data.episodes import Caption, Detail
from worldsim.data.sources import HELDOUT, RecordedSource
from worldsim.model.captioner import Captioner, CaptionerConfig, moment
from worldsim.model.checkpoint import load
from worldsim.model.config import ConfigError, check_numbers, check_whole
from worldsim.model.language import FILE, SIGNS, STOP, Language, begin_of, distinct_pairs, save_language
from worldsim.model.tensors import load_weights, network_fingerprint
from worldsim.model.text import Vocabulary
from worldsim.training.latents import LatentEpisode, check_framewise, encode_dataset
from worldsim.training.loop import FitConfig, TrainingError, check_folder, fit
from worldsim.training.parallel import barrier, drawn, joined, rank, ranks
from worldsim.training.states import fingerprint

__all__ = ["CaptionBatch", "CaptionerLossConfig", "CaptionerObjective", "TrainCaptioner", "caption_batches",
           "train_captioner"]  # fmt: skip

IGNORED = -100  # F.cross_entropy's mark for words that do not count


@dataclass(frozen=True)
class CaptionBatch:
    """Moments f32 (B, F, C, h, w), and words i64 (B, L + 1) from the sign that begins a caption to the one that ends
    it, padded with 0."""

    latents: torch.Tensor
    words: torch.Tensor


@dataclass(frozen=True)
class CaptionerLossConfig:
    """What makes the task harder than it is."""

    void: float = 0.1
    """Share of moments that are hidden, from which the prior of words is learned."""
    noise: float = 0.3
    """Largest spread of the noise added to a moment's latents; imagined clips are less clean than true ones."""

    def __post_init__(self) -> None:
        check_numbers(self, 0, 1, "void", "noise")


class CaptionerObjective(nn.Module):
    """Cross-entropy of each next word of a caption."""

    def __init__(self, captioner: Captioner, config: CaptionerLossConfig) -> None:
        super().__init__()
        self.captioner, self.config = captioner, config

    def forward(self, batch: CaptionBatch, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        latents, rows = batch.latents, len(batch.latents)
        void = drawn(torch.rand, (rows,), generator, latents.device) < self.config.void
        spread = self.config.noise * drawn(torch.rand, (rows, 1, 1, 1, 1), generator, latents.device)
        latents = latents + spread * drawn(torch.randn, latents.shape, generator, latents.device)
        goal = batch.words[:, 1:].masked_fill(batch.words[:, 1:] == 0, IGNORED)
        logits = self.captioner(latents, batch.words[:, :-1], void).float()
        each = F.cross_entropy(logits.flatten(0, 1), goal.flatten(), ignore_index=IGNORED, reduction="none")
        told = (goal != IGNORED) & ~void[:, None]
        right = (logits.argmax(-1) == goal) & told
        loss = each.sum() / (goal != IGNORED).sum()
        seen = told.sum().clamp(min=1)
        return loss, {"words right": right.sum() / seen, "loss with clip": each.view(goal.shape)[told].sum() / seen}


@dataclass(frozen=True)
class TrainCaptioner:
    """Train a captioner, which is the matcher too, on recorded captions."""

    tokenizer: str
    """Checkpoint that holds the tokenizer."""
    data: tuple[Path, ...] = ()
    """Dataset folders with captions, from `worldsim record`."""
    out: Path = Path("runs/captioner")
    """Where the run goes; what it makes is OUT/language.safetensors."""
    rows: int = 64
    """Moments in a batch."""
    detailed: float = 0.4
    """Share of batches of detailed captions."""
    pairs: int = 2000
    """Captions kept by pairs, short and detailed, from which prompts are expanded."""
    model: CaptionerConfig = field(default_factory=lambda: CaptionerConfig(frames=8, around=4))
    """Sizes; channels and words follow the data."""
    loss: CaptionerLossConfig = field(default_factory=CaptionerLossConfig)
    fit: tyro.conf.OmitArgPrefixes[FitConfig] = field(
        default_factory=lambda: FitConfig(steps=1500, cooldown=0.5, average=0.995, compile=False)
    )
    resume: bool = False
    """Go on with the run in OUT."""
    heldout: float = HELDOUT
    """Share of the episodes, chosen by world seed, that training does not see."""

    def __post_init__(self) -> None:
        check_whole(self, 1, "rows")
        check_whole(self, 0, "pairs")
        check_numbers(self, 0, 1, "detailed", "heldout")
        if not self.data:
            raise ConfigError("TrainCaptioner.data must name dataset folders with captions; none is given")


def train_captioner(config: TrainCaptioner) -> Path:
    """Run (or resume) the training; returns the file that holds what was learned.

    Raises:
        DatasetError, CheckpointError, TrainingError: also where nothing in the data has a caption.
    """
    check_folder(config.out, config.resume)
    tokenizer = load(config.tokenizer).tokenizer
    check_framewise(tokenizer.config, config.tokenizer)
    with joined(config.fit.device) as device:
        torch.manual_seed(config.fit.seed)
        sources = [RecordedSource(folder, "train", config.heldout) for folder in config.data]
        tokenizer.to(device)
        episodes = [episode for source in sources for episode in encode_dataset(source.dataset, tokenizer)]
        captions = [caption for episode in episodes for caption in episode.captions]
        if not captions:
            raise TrainingError(f"none of the episodes in {', '.join(map(str, config.data))} has a caption to learn")
        words = Vocabulary.collect((text for each in captions for text in (each.short, each.detailed)), SIGNS)
        model = replace(config.model, channels=tokenizer.config.channels, words=len(words))

        def batches(start: int) -> Generator[CaptionBatch]:
            return prefetch(caption_batches(episodes, words, model, config, start), 4)

        fitted = fit(
            CaptionerObjective(Captioner(model), config.loss), batches, config.fit, config.out,
            frames=config.rows * model.frames, resume=config.resume,
            inputs={"tokenizer": network_fingerprint(tokenizer), "words": fingerprint(*words.words)},
        )  # fmt: skip
        network = Captioner(model)
        own = {name.removeprefix("captioner."): tensor for name, tensor in fitted.average.items()}
        load_weights(network, own, "average")
        shuffled = np.random.default_rng(config.fit.seed).permutation(len(captions))
        pairs = distinct_pairs(((captions[i].short, captions[i].detailed) for i in shuffled), config.pairs)
        record = {
            "steps": fitted.step, "seconds": round(fitted.seconds), "metrics": fitted.logs, "captions": len(captions),
            "data": [source.info.env_id for source in sources], "heldout": config.heldout,
            "fit": asdict(config.fit), "loss": asdict(config.loss),
        }  # fmt: skip
        if rank() == 0:
            save_language(config.out / FILE, Language(network, words, network_fingerprint(tokenizer), pairs, record))
        barrier()
    return config.out / FILE


def caption_batches(
    episodes: Sequence[LatentEpisode], words: Vocabulary, model: CaptionerConfig, config: TrainCaptioner, start: int = 0
) -> Iterator[CaptionBatch]:
    """This rank's part of batches for ever from number `start`: captions of one length, moments of one size.

    Larger moments come in proportionally fewer rows, as often as makes every caption as likely as any other.

    Raises:
        PromptError: a caption with more words than `model.longest` leaves room for.
    """
    grids: dict[tuple[int, ...], list[tuple[LatentEpisode, Caption]]] = {}
    for episode in episodes:
        grids.setdefault(episode.latents.shape[2:], []).extend((episode, caption) for caption in episode.captions)
    grids = {grid: moments for grid, moments in grids.items() if moments}
    smallest = min(map(math.prod, grids))
    weights = np.array([math.prod(grid) * len(moments) for grid, moments in grids.items()], float)
    for k in count(start):
        rng = np.random.default_rng([config.fit.seed, k])
        grid = list(grids)[int(rng.choice(len(grids), p=weights / weights.sum()))]
        detail: Detail = "detailed" if rng.random() < config.detailed else "short"
        rows = fewer_rows(config.rows, smallest, math.prod(grid), ranks())
        chosen = rng.integers(len(grids[grid]), size=rows)[rows_of_rank(rows, rank(), ranks())]
        told = [grids[grid][number] for number in chosen]
        latents = np.stack([_moment(episode, caption, model) for episode, caption in told])
        texts = [getattr(caption, detail) for _, caption in told]
        yield CaptionBatch(torch.from_numpy(latents), _sentences(texts, detail, words, model.longest))


def _moment(episode: LatentEpisode, caption: Caption, model: CaptionerConfig) -> np.ndarray:
    rows = moment(caption.start, min(caption.end, len(episode.latents)), model.frames, model.around)
    return episode.latents[rows].astype(np.float32)


def _sentences(texts: Sequence[str], detail: Detail, words: Vocabulary, longest: int) -> torch.Tensor:
    """Word numbers i64 (B, L + 1), from the sign that begins each to the one that ends it."""
    lines = [[begin_of(detail), *words.encode(text, longest - 1), SIGNS.index(STOP)] for text in texts]
    table = torch.zeros(len(lines), -(-max(map(len, lines)) // 8) * 8, dtype=torch.int64)  # so that shapes repeat
    for row, line in enumerate(lines):
        table[row, : len(line)] = torch.tensor(line)
    return table
