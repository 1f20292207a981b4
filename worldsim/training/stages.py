"""The two stages of training, from a dataset to a checkpoint: first the tokenizer, then the dynamics network.

Each writes `FOLDER/checkpoint` with the averaged weights whenever it stops, and its states beside it, so either can be
stopped and resumed at any moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro
from einops import rearrange

from worldsim.clip import Clip, pixels_to_unit
from worldsim.data.batches import Bucket, batches, fewer_rows, prefetch
from worldsim.data.episodes import DatasetInfo
from worldsim.data.sources import RecordedSource, Source
from worldsim.files import write_json
from worldsim.model.card import WorldCard, read_card
from worldsim.model.checkpoint import Checkpoint, CheckpointError, find, load, save
from worldsim.model.config import ConfigError, check_numbers, check_whole
from worldsim.model.dynamics import Dynamics, DynamicsConfig
from worldsim.model.frozen import FrozenEncoder, load_encoder, prompt_reader
from worldsim.model.tensors import continue_from, load_weights, network_fingerprint
from worldsim.model.text import EncoderCard, Vocabulary
from worldsim.model.tokenizer import Tokenizer, TokenizerConfig
from worldsim.training.estimate import estimate_dynamics, estimate_tokenizer, mean_frames
from worldsim.training.history import lean
from worldsim.training.intake import Live, grid_of, latent_feed, look, open_sources, start_clips
from worldsim.training.latents import LatentBucket, check_framewise
from worldsim.training.loop import FitConfig, Fitted, TrainingError, check_folder, fit
from worldsim.training.losses import DynamicsLossConfig, DynamicsObjective, TokenizerLossConfig, TokenizerObjective
from worldsim.training.machine import choose_device, compile_modules
from worldsim.training.parallel import barrier, joined, mean, rank, ranks
from worldsim.training.states import fingerprint

__all__ = ["TrainDynamics", "TrainTokenizer", "steps_done", "train_dynamics", "train_tokenizer", "with_encoder"]

PresetName = Literal["tiny", "small", "base", "large"]

PLAY_BUCKETS = (
    LatentBucket(12, 16, "past", 0.4),
    LatentBucket(6, 32, "past", 0.3),
    LatentBucket(12, 32, "all", 0.1),
    LatentBucket(288, 1, "past", 0.2),
)
"""Play foremost; longer clips now and then, so that the whole window is used; all-seeing clips for the verbs; and
single frames, from which words are learned: where a past is given, they say little that it does not show."""

WORDS = "words.json"  # beside a run from a live source: its vocabulary
USUAL_WORDS = 300  # of a vocabulary, where a dry run has not read the captions


@dataclass(frozen=True)
class TrainTokenizer:
    """Train a tokenizer on the frames of a dataset."""

    data: tuple[Path, ...] = ()
    """Dataset folders, from `worldsim record`."""
    out: Path = Path("runs/tokenizer")
    """Where the run goes; the checkpoint is OUT/checkpoint."""
    live: Live = field(default_factory=Live)
    """A live source instead of datasets."""
    rows: int = 32
    """Frames in a batch, which ranks share; fewer of larger frames, where datasets differ."""
    length: int = 17
    """Frames of a clip, 1 + S·k, where the time stride S is above 1; a batch has as many clips as make about `rows`."""
    images: float = 0.2
    """Share of batches of single frames beside clips."""
    model: TokenizerConfig = field(default_factory=TokenizerConfig)
    loss: TokenizerLossConfig = field(default_factory=TokenizerLossConfig)
    fit: tyro.conf.OmitArgPrefixes[FitConfig] = field(
        default_factory=lambda: FitConfig(steps=2000, adam_rate=1.5e-3, average=0.998)
    )
    resume: bool = False
    """Go on with the run in OUT."""
    start: str = ""
    """Checkpoint whose tokenizer to begin from."""
    preset: PresetName = "small"
    """Sizes and rates to begin with; each may be changed by its own option. See `worldsim.training.presets`."""
    dry_run: bool = False
    """Print parameters, memory and time, and write nothing."""

    def __post_init__(self) -> None:
        check_whole(self, 1, "rows", "length")
        check_numbers(self, 0, 1, "images")

    def buckets(self, ranks: int = 1) -> list[Bucket]:
        """Shapes of batches: single frames, and with a time stride above 1 clips as well."""
        if self.model.time_stride == 1:
            return [Bucket(self.rows, 1)]
        length = self.model.fit_length(self.length)
        shapes = [(fewer_rows(self.rows, 1, length, ranks), length, 1 - self.images), (self.rows, 1, self.images)]
        return [Bucket(rows, frames, weight=weight) for rows, frames, weight in shapes if weight > 0]


@dataclass(frozen=True)
class TrainDynamics:
    """Train a dynamics network on the latents of a dataset."""

    tokenizer: str
    """Checkpoint that holds the tokenizer."""
    data: tuple[Path, ...] = ()
    """Dataset folders, from `worldsim record`."""
    out: Path = Path("runs/dynamics")
    """Where the run goes; the checkpoint is OUT/checkpoint."""
    live: Live = field(default_factory=Live)
    """A live source instead of datasets."""
    name: str = "world"
    """Name of the checkpoint."""
    model: DynamicsConfig = field(default_factory=DynamicsConfig)
    """Sizes; channels, actions, events and words follow the data."""
    loss: DynamicsLossConfig = field(default_factory=DynamicsLossConfig)
    fit: tyro.conf.OmitArgPrefixes[FitConfig] = field(default_factory=FitConfig)
    buckets: tyro.conf.Suppress[tuple[LatentBucket, ...]] = PLAY_BUCKETS
    """Shapes of batches."""
    images: float | None = None
    """Share of batches of single frames, from which words are learned, where the preset has any; its own by default."""
    detailed: float = 0.5
    """Share of batches with detailed captions; the others have short ones."""
    text_encoder: str = ""
    """Text encoder of `transformers` that reads the captions, frozen: a folder, or an id on the hub such as
    google/t5-v1_1-small. By default that of `start`, or a small one that is trained with the network."""
    times_rows: int = 1
    """Times as many clips in each batch as the preset has."""
    resume: bool = False
    """Go on with the run in OUT."""
    start: str = ""
    """Checkpoint whose dynamics network to begin from; rows of words, events and actions are matched by name."""
    preset: PresetName = "small"
    """Sizes and rates to begin with; each may be changed by its own option. See `worldsim.training.presets`."""
    dry_run: bool = False
    """Print parameters, memory and time, and write nothing."""

    def __post_init__(self) -> None:
        check_numbers(self, 0, 1, "detailed")
        if self.live.env and self.loss.rare != 1:
            raise ConfigError("--loss.rare needs recordings, whose events are counted; a live source has none to count")
        if self.images is not None:
            check_numbers(self, 0, 0.99, "images")
            if self.images and not any(bucket.length == 1 for bucket in self.buckets):
                raise ConfigError(f"preset {self.preset!r} has no batches of single frames; leave out --images")

    @property
    def shapes(self) -> tuple[LatentBucket, ...]:
        """Shapes of batches with all their rows, as often as they come."""
        weights = [bucket.weight for bucket in self.buckets]
        if self.images is not None:
            single = [bucket.length == 1 for bucket in self.buckets]
            pairs = list(zip(weights, single, strict=True))
            sums = {kind: sum(weight for weight, one in pairs if one is kind) for kind in (True, False)}
            shares = {True: self.images, False: 1 - self.images}
            weights = [shares[one] * weight / sums[one] for weight, one in pairs]
        return tuple(
            replace(bucket, rows=bucket.rows * self.times_rows, weight=weight)
            for bucket, weight in zip(self.buckets, weights, strict=True) if weight
        )  # fmt: skip


def train_tokenizer(config: TrainTokenizer) -> Path:
    """Run (or resume) the stage; returns the checkpoint folder, which a dry run does not make.

    Raises:
        DatasetError, CheckpointError, TrainingError.
    """
    if config.dry_run:
        print(estimate_tokenizer(config.model, config.buckets(), look(config.data, config.live).size, config.fit))
        return config.out / "checkpoint"
    check_folder(config.out, config.resume)
    with ExitStack() as stack:
        stack.enter_context(joined(config.fit.device))
        sources = stack.enter_context(open_sources(config.data, config.live, Tokenizer.stride))
        return _train_tokenizer(config, sources)


def _train_tokenizer(config: TrainTokenizer, sources: list[Source]) -> Path:
    torch.manual_seed(config.fit.seed)
    tokenizer = Tokenizer(config.model)
    if config.start:
        load_weights(tokenizer, load(config.start).tokenizer.state_dict(), config.start)
    objective = TokenizerObjective(tokenizer, config.loss)
    buckets = config.buckets(ranks())
    if config.fit.compile:
        compile_modules([tokenizer.encoder, tokenizer.decoder])

    def frames(start: int) -> Iterator[torch.Tensor]:
        for clip in batches(sources, buckets, config.fit.seed, rank(), ranks(), start):
            unit = pixels_to_unit(clip.frames)
            yield unit if config.model.time_stride > 1 else rearrange(unit, "b 1 c h w -> b c h w")

    fitted = fit(
        objective, lambda start: prefetch(frames(start), 4), config.fit, config.out,
        frames=mean_frames(buckets), resume=config.resume,
    )  # fmt: skip
    tokenizer = Tokenizer(config.model)
    load_weights(tokenizer, _under("tokenizer.", fitted.average) | _statistics(tokenizer), "average")
    _measure_statistics(tokenizer, frames(10**6), 32)
    record = _record(config, fitted, sources)
    card = _card("tokenizer", sources[0].info, config.model, record)
    return _save(config.out / "checkpoint", card, tokenizer)


def train_dynamics(config: TrainDynamics) -> Path:
    """Run (or resume) the stage; returns the checkpoint folder, which a dry run does not make.

    Raises:
        DatasetError, CheckpointError, PromptError, TrainingError; EncoderError, where captions shall be read by an
            encoder that is not here.
    """
    if config.dry_run:
        info, card = look(config.data, config.live), read_card(find(config.tokenizer))
        check_framewise(card.tokenizer, config.tokenizer)
        config, _ = with_encoder(config)
        sizes = {"channels": card.tokenizer.channels, "actions": info.actions.width, "events": len(info.event_names)}
        model, loss = replace(config.model, **sizes, words=USUAL_WORDS), config.loss
        print(estimate_dynamics(model, config.shapes, grid_of(info.size), loss, config.fit))
        return config.out / "checkpoint"
    check_folder(config.out, config.resume)
    given = load(config.tokenizer)
    check_framewise(given.card.tokenizer, config.tokenizer)
    with ExitStack() as stack:
        device = stack.enter_context(joined(config.fit.device))
        given.tokenizer.to(device)
        config, encoder = with_encoder(config)
        sources = stack.enter_context(open_sources(config.data, config.live, Tokenizer.stride * config.model.patch))
        return _train_dynamics(config, sources, given.card, given.tokenizer, encoder)


def _train_dynamics(
    config: TrainDynamics, sources: list[Source], tokenizer_card: WorldCard, tokenizer: Tokenizer,
    encoder: FrozenEncoder | None,
) -> Path:  # fmt: skip
    torch.manual_seed(config.fit.seed)
    info = sources[0].info
    old = load(config.start) if config.start else None
    if old is not None:
        _check_start(config, old, tokenizer)
    known = old.card.vocabulary if old else Vocabulary.collect([]).words
    kept = _kept_words(config) if encoder is None else None
    feed, words, rare = latent_feed(
        sources, tokenizer, config.shapes, known, config.model.text.longest, config.fit.seed, config.detailed,
        encoder or kept,
    )  # fmt: skip
    if config.live.env and not config.resume and rank() == 0:
        write_json(config.out / WORDS, list(words.words))
    model = replace(
        config.model,
        channels=tokenizer.config.channels, actions=info.actions.width, events=len(info.event_names),
        words=len(words.words),
    )  # fmt: skip
    record = {"tokenizer": tokenizer_card.training}
    card = _card(
        config.name, info, tokenizer_card.tokenizer, record, model, tuple(words.words), encoder and encoder.card
    )
    dynamics = Dynamics(model)
    if old is not None and old.dynamics is not None:
        fresh = continue_from(dynamics, card, old.dynamics, old.card)
        record["start"] = old.card.training | {"anew": fresh}
        if not config.resume and rank() == 0:
            told = f"these tensors start anew: {', '.join(fresh)}" if fresh else "every tensor goes on from there"
            print(f"from {config.start}: {told}")
    objective = DynamicsObjective(dynamics, config.loss, compiled=grid_of(info.size))
    if config.fit.compile:
        compile_modules(dynamics.blocks)
    starts = start_clips(sources[0], np.random.default_rng([config.fit.seed, 0]))
    inputs = {
        "tokenizer": network_fingerprint(tokenizer),
        "words": fingerprint(*words.words, encoder.card.fingerprint if encoder else ""),
        "events": fingerprint(*info.event_names),
        "actions": fingerprint(json.dumps(info.actions.to_json(), sort_keys=True)),
    }
    fitted = fit(
        objective, feed, config.fit, config.out, frames=mean_frames(config.shapes), resume=config.resume, inputs=inputs
    )
    dynamics = Dynamics(model)
    load_weights(dynamics, _under("dynamics.", fitted.average), "average")
    training = lean(record | _record(config, fitted, sources))
    foretells = config.loss.foretell > 0
    redraws = tuple(rare) if foretells and model.draws_events and config.loss.tell > 0 else ()
    card = replace(card, foretells=foretells, redraws=redraws, training=training)
    return _save(config.out / "checkpoint", card, tokenizer.cpu(), dynamics, starts)


def _kept_words(config: TrainDynamics) -> Vocabulary | None:
    """The vocabulary that a live run was begun with: another look at a live source would find other words."""
    file = config.out / WORDS
    if not (config.live.env and config.resume and file.is_file()):
        return None
    try:
        return Vocabulary(json.loads(file.read_text()))
    except (ValueError, TypeError) as error:
        raise TrainingError(f"{file} is damaged ({error}); begin the run anew in another folder") from error


def with_encoder(config: TrainDynamics) -> tuple[TrainDynamics, FrozenEncoder | None]:
    """The frozen text encoder of a run, None for the one that is trained, and the run with sizes that go with it."""
    device, reader = str(choose_device(config.fit.device)), None
    if config.text_encoder:
        reader = load_encoder(config.text_encoder, device=device)
    elif config.start:
        reader = prompt_reader(read_card(find(config.start)), device)
    encoder = reader if isinstance(reader, FrozenEncoder) else None
    text = encoder.fit(config.model.text) if encoder else replace(config.model.text, hidden=0)
    return replace(config, model=replace(config.model, text=text)), encoder


def _save(
    folder: Path, card: WorldCard, tokenizer: Tokenizer, dynamics: Dynamics | None = None, starts: Clip | None = None
) -> Path:
    """Have rank 0 write the checkpoint; all wait until it is there."""
    if rank() == 0:
        save(folder, card, tokenizer, dynamics, starts)
    barrier()
    return folder


def _check_start(config: TrainDynamics, old: Checkpoint, tokenizer: Tokenizer) -> None:
    """Raise `CheckpointError` when there is nothing to begin from; say so when the latents were others."""
    if old.dynamics is None:
        raise CheckpointError(f"{config.start} holds a tokenizer alone; give --start a checkpoint with dynamics")
    if rank() == 0 and not config.resume and network_fingerprint(old.tokenizer) != network_fingerprint(tokenizer):
        print(
            f"{config.start} was trained on the latents of another tokenizer than {config.tokenizer}; training goes "
            "on, and its network has to learn the new ones"
        )


def steps_done(out: Path) -> int:
    """Steps behind the checkpoint of a stage, 0 where there is none."""
    try:
        return int(read_card(find(out / "checkpoint")).training["steps"])
    except CheckpointError:
        return 0


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _statistics(tokenizer: Tokenizer) -> dict[str, torch.Tensor]:
    return {"mean": tokenizer.mean, "std": tokenizer.std}


@torch.no_grad()
def _measure_statistics(tokenizer: Tokenizer, frames: Iterator[torch.Tensor], count: int) -> None:
    """Set the per-channel mean and spread of the latents from `count` batches."""
    raw = torch.cat([tokenizer.raw(next(frames)).movedim(-3, -1).flatten(0, -2) for _ in range(count)])  # (…, C)
    tokenizer.mean.copy_(mean(raw.mean(0)))
    tokenizer.std.copy_(mean((raw - tokenizer.mean).square().mean(0)).sqrt())


def _card(
    name: str, info: DatasetInfo, tokenizer: TokenizerConfig, training: dict[str, Any],
    dynamics: DynamicsConfig | None = None, vocabulary: tuple[str, ...] = tuple(Vocabulary.collect([]).words),
    encoder: EncoderCard | None = None,
) -> WorldCard:  # fmt: skip
    return WorldCard(
        name, info.size, info.fps, info.actions, info.event_names, info.env, tokenizer, dynamics, vocabulary,
        training=training, shown=info.shown, encoder=encoder,
    )  # fmt: skip


def _record(config: TrainTokenizer | TrainDynamics, fitted: Fitted, sources: list[Source]) -> dict[str, Any]:
    """What stands behind a checkpoint."""
    data = [
        {"env": s.info.env_id, "frames": int(s.dataset.lengths.sum()) if isinstance(s, RecordedSource) else "live"}
        for s in sources
    ]
    course = {"fit": asdict(config.fit), "loss": asdict(config.loss)}
    return {"steps": fitted.step, "seconds": round(fitted.seconds), "metrics": fitted.logs, "data": data, **course}
