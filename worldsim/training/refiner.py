"""Training a refiner: what a world guesses of recorded episodes, frame by frame, and what truth shows there.

`worldsim train refiner` first plays: each frame of many clips is guessed as in play, after true frames. Guesses are
kept in OUT/guesses, a file for each batch, so this is done once and goes on where it was stopped. Then the refiner
learns from them, and OUT/refiner.safetensors is written whenever that stops. Batch k depends on (seed, k) alone.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from itertools import count
from pathlib import Path

import numpy as np
import torch
import tyro
from torch import nn
from tqdm import tqdm

from worldsim.data.batches import fewer_rows, prefetch, rows_of_rank
from worldsim.data.sources import HELDOUT, RecordedSource
from worldsim.files import remove_leftovers
from worldsim.model.card import CheckpointError, WorldCard
from worldsim.model.checkpoint import load
from worldsim.model.conditions import Condition
from worldsim.model.config import ConfigError, check_numbers, check_whole
from worldsim.model.dynamics import Dynamics
from worldsim.model.noise import mix
from worldsim.model.refiner import FILE, Refiner, RefinerConfig, write_refiner
from worldsim.model.tensors import load_weights, network_fingerprint, read_tensors, write_tensors
from worldsim.model.text import Vocabulary
from worldsim.sampling.denoise import denoise
from worldsim.training.latents import LatentBucket, LatentEpisode, encode_dataset, latent_batches
from worldsim.training.loop import FitConfig, TrainingError, check_folder, fit
from worldsim.training.losses import LatentBatch
from worldsim.training.machine import has_bfloat16
from worldsim.training.parallel import barrier, joined, rank, ranks
from worldsim.training.states import fingerprint

__all__ = ["Guesses", "RefinerObjective", "TrainRefiner", "guess", "random_guesses", "refiner_fit", "train_refiner"]

EPSILON = 1e-6


@dataclass(frozen=True)
class Guesses:
    """N frames as a world guessed them: guess and truth (N, C, h, w), shown (N, K, C, h, w), the true frames before
    them, the newest first, and the actions (N, A) that led to them."""

    guess: torch.Tensor
    shown: torch.Tensor
    actions: torch.Tensor
    truth: torch.Tensor


class RefinerObjective(nn.Module):
    """The mean logarithm of each frame's squared error: a tenth less counts alike in still scenes and in wild ones.

    That is what PSNR averages. The plain squared error is nearly all made by frames of which little can be known, and
    teaches nothing about those of which much can.
    """

    def __init__(self, refiner: Refiner, floor: float) -> None:
        super().__init__()
        self.refiner, self.floor = refiner, floor

    def forward(self, batch: Guesses, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        refined = self.refiner(batch.guess, batch.shown, batch.actions).float()
        before, after = ((x - batch.truth).square().mean((1, 2, 3)) for x in (batch.guess, refined))
        loss = (after + self.floor).log().mean()
        gain = ((before + EPSILON) / (after.detach() + EPSILON)).log10()
        return loss, {"gain in dB": 10 * gain.mean(), "error": after.detach().mean(), "of guesses": before.mean()}


def refiner_fit() -> FitConfig:
    """Steps and rates that suit a refiner."""
    return FitConfig(
        steps=5000, cooldown=0.5, average=0.995, compile=False, muon=False, bf16=False, save_every=500
    )  # fmt: skip


@dataclass(frozen=True)
class TrainRefiner:
    """Train what gives a world's frames their detail, on recorded episodes."""

    checkpoint: str
    """The world whose guesses are refined."""
    data: tuple[Path, ...] = ()
    """Dataset folders, from `worldsim record`."""
    out: Path = Path("runs/refiner")
    """Where the run goes; what it makes is OUT/refiner.safetensors."""
    guesses: int = 50_000
    """Frames that are guessed, at least."""
    played: tuple[int, int] = (16, 32)
    """Clips that are guessed together, and their frames."""
    given: int = 8
    """Frames at the beginning of each clip that are not guessed."""
    passes: int | None = None
    """Denoising passes of a guess, as in play; by default as many as the checkpoint plays with."""
    rows: int = 64
    """Guesses in a batch of training."""
    floor: float = 2e-3
    """Squared error of a frame, in latents, below which being nearer to truth gains nothing."""
    model: RefinerConfig = field(default_factory=RefinerConfig)
    """Sizes; channels and actions follow the world."""
    fit: tyro.conf.OmitArgPrefixes[FitConfig] = field(default_factory=refiner_fit)
    resume: bool = False
    """Go on with the run in OUT."""
    heldout: float = HELDOUT
    """Share of the episodes, chosen by world seed, that training does not see."""

    def __post_init__(self) -> None:
        check_whole(self, 1, "guesses", "given", "rows", *([] if self.passes is None else ["passes"]))
        check_numbers(self, 0, 1, "heldout", "floor")
        if min(self.played) < 1 or self.played[1] <= self.given:
            raise ConfigError(
                f"TrainRefiner.played must be clips, and frames of each above given {self.given}, or nothing is "
                f"guessed, got {self.played}"
            )
        if self.floor == 0:
            raise ConfigError("TrainRefiner.floor must be above 0, got 0")
        if not self.data:
            raise ConfigError("TrainRefiner.data must name dataset folders; none is given")


def train_refiner(config: TrainRefiner) -> Path:
    """Run (or resume) the training; returns the file that holds what was learned.

    Raises:
        DatasetError, CheckpointError, TrainingError: also where the data has other actions than the world.
    """
    check_folder(config.out, config.resume)
    card, tokenizer, dynamics, _ = load(config.checkpoint)
    if dynamics is None:
        raise CheckpointError(f"{config.checkpoint} holds a tokenizer alone; a refiner needs a world that guesses")
    with joined(config.fit.device) as device:
        torch.manual_seed(config.fit.seed)
        sources = [RecordedSource(folder, "train", config.heldout) for folder in config.data]
        for folder, source in zip(config.data, sources, strict=True):
            if source.info.actions.to_json() != card.action_spec.to_json():
                raise TrainingError(f"{folder} has other actions than {config.checkpoint}; record that world's env")
            if card.redraws and source.info.event_names != card.event_names:
                raise TrainingError(f"{folder} has other events than {config.checkpoint}; record that world's env")
        tokenizer.to(device)
        found = [episode for source in sources for episode in encode_dataset(source.dataset, tokenizer)]
        episodes = [replace(episode, captions=()) for episode in found]  # nobody is told anything
        model = replace(config.model, channels=dynamics.config.channels, actions=dynamics.config.actions)
        dynamics.to(device).eval().requires_grad_(False)
        passes = config.passes or card.passes
        data = fingerprint(*(repr(source.dataset.entries) for source in sources))
        pools = _pools(_guesses(config, passes, card, dynamics, episodes, data), model.past)

        def batches(start: int) -> Generator[Guesses]:
            return prefetch(_batches(pools, config, start), 4)

        fitted = fit(
            RefinerObjective(Refiner(model), config.floor), batches, config.fit, config.out, frames=config.rows,
            resume=config.resume, inputs={"world": network_fingerprint(dynamics)},
        )  # fmt: skip
        refiner = Refiner(model)
        own = {name.removeprefix("refiner."): tensor for name, tensor in fitted.average.items()}
        load_weights(refiner, own, "average")
        record = {
            "steps": fitted.step, "seconds": round(fitted.seconds), "metrics": fitted.logs, "rows": config.rows,
            "guesses": sum(len(pool.guess) for pool in pools), "passes": passes, "floor": config.floor,
            "data": [source.info.env_id for source in sources], "heldout": config.heldout, "fit": asdict(config.fit),
        }  # fmt: skip
        if rank() == 0:
            write_refiner(config.out / FILE, refiner, dynamics, record)
        barrier()
    return config.out / FILE


def random_guesses(rows: int, model: RefinerConfig, grid: tuple[int, int]) -> Guesses:
    """A batch of nothing but noise, of latents of (h, w) `grid`, to see what a step on such batches takes."""
    guess, truth = torch.randn(2, rows, model.channels, *grid, generator=torch.Generator().manual_seed(0))
    shown = truth[:, None].expand(-1, model.past, -1, -1, -1)
    return Guesses(guess, shown, torch.zeros(rows, model.actions), truth)


# -- guessing --------------------------------------------------------------------------------------------------------


def _guesses(
    config: TrainRefiner, passes: int, card: WorldCard, dynamics: Dynamics, episodes: Sequence[LatentEpisode],
    data: str,
) -> list[dict[str, torch.Tensor]]:
    """Guessed clips, file by file: latents (B, T, C, h, w), actions (B, T, A), guess (B, T - given, C, h, w) and
    present (B, T). What is on disk already is not played again; ranks share the work."""
    rows, length = config.played
    how = repr((card.temperature, card.context_level, card.shift)) + " ".join(card.redraws)
    played = blake2b(how.encode(), digest_size=4).hexdigest()
    seen = f"{network_fingerprint(dynamics)}-{played}-{passes}-{rows}x{length}-{config.given}-{config.fit.seed}-{data}"
    place = config.out / "guesses" / seen
    place.mkdir(parents=True, exist_ok=True)
    if rank() == 0:
        remove_leftovers(place)
    barrier()
    dynamics.prepare(has_bfloat16(dynamics.no_text.device))
    files = [place / f"{number:06d}.safetensors" for number in range(_count(config))]
    mine = [number for number in range(rank(), len(files), ranks()) if not files[number].exists()]
    for number in tqdm(mine, desc="guesses", unit="batch", dynamic_ncols=True, disable=rank() > 0):
        bucket = LatentBucket(*config.played)
        vocabulary = Vocabulary(card.vocabulary)
        seed = config.fit.seed * 1_000_003 + number
        batch = next(iter(latent_batches(episodes, [bucket], vocabulary, card.max_prompt_words, seed)))
        generator = torch.Generator().manual_seed(seed)
        made = guess(dynamics, card, batch, config.given, passes, generator)
        tensors = {"latents": batch.latents, "actions": batch.actions, "guess": made, "present": batch.mask}
        write_tensors(files[number], {name: tensor.half().cpu() for name, tensor in tensors.items()})
    barrier()
    return [read_tensors(file) for file in files]


def _count(config: TrainRefiner) -> int:
    """Batches that hold so many guesses, if no clip is shorter than wished; a rank makes its part of each alone."""
    return math.ceil(config.guesses * ranks() / (config.played[0] * (config.played[1] - config.given)))


@torch.no_grad()
def guess(
    dynamics: Dynamics, card: WorldCard, batch: LatentBatch, given: int, passes: int, generator: torch.Generator
) -> torch.Tensor:
    """What a world, as it is played, makes of each frame of a batch after the first `given`, every one after true
    frames: (B, T - given, C, h, w). Of half of what its card redraws it is told, as play foretells some of it."""
    device = dynamics.no_text.device
    truth, actions = batch.latents.to(device), batch.actions.to(device)
    rows, time = batch.mask.shape
    cache, read = dynamics.new_cache(rows, *truth.shape[3:]), dynamics.read(None, rows, 1)
    happened = None
    if card.redraws:
        redrawn = torch.tensor([name in card.redraws for name in card.event_names])
        told = torch.rand((rows, time, 1), generator=generator) < 0.5
        happened = ((batch.events > 0) & redrawn & told).float().to(device)
    acted = torch.ones(rows, 1, dtype=torch.bool, device=device)
    level = torch.full((rows, 1), card.context_level, device=device)
    made = []
    for t in range(time):
        condition, frame = Condition(actions[:, t : t + 1], acted), truth[:, t : t + 1]
        noise = torch.randn((2, *frame.shape), generator=generator).to(device)
        if t >= given:
            size = card.temperature.after(cache.last, cache.count)[:, None, None, None, None]
            told = replace(condition, events=None if happened is None else happened[:, t : t + 1])
            made.append(
                denoise(
                    dynamics, size * noise[0], told, steps=passes, shift=card.shift, cache=cache, read=read
                ).clone()
            )  # fmt: skip
        kept = mix(frame, noise[1], level)
        dynamics.step(kept, level, condition, cache, read)
        cache.advance(kept[:, 0])
    return torch.cat(made, 1)


# -- batches ---------------------------------------------------------------------------------------------------------


def _pools(clips: Sequence[dict[str, torch.Tensor]], past: int) -> list[Guesses]:
    """All guesses of each size of frames, f16."""
    sizes: dict[tuple[int, ...], list[Guesses]] = {}
    for clip in clips:
        latents, made = clip["latents"], clip["guess"]
        given = latents.shape[1] - made.shape[1]
        at = torch.arange(given, latents.shape[1])
        before = (at[:, None] - 1 - torch.arange(past)).clamp(min=0)  # (T - given, K)
        there = clip["present"][:, given:] > 0
        part = Guesses(made[there], latents[:, before][there], clip["actions"][:, given:][there],
                       latents[:, given:][there])  # fmt: skip
        sizes.setdefault(tuple(latents.shape[3:]), []).append(part)
    pools = [
        Guesses(*(torch.cat([getattr(part, name) for part in parts]) for name in Guesses.__dataclass_fields__))
        for parts in sizes.values()
    ]
    if not any(len(pool.guess) for pool in pools):
        raise TrainingError("no episode of the data is longer than the frames that are given; give less of them")
    return [pool for pool in pools if len(pool.guess)]


def _batches(pools: Sequence[Guesses], config: TrainRefiner, start: int) -> Iterator[Guesses]:
    """This rank's part of batches for ever from number `start`, of guesses of one size; larger ones come in
    proportionally fewer rows, as often as makes every guess as likely as any other."""
    cells = [math.prod(pool.guess.shape[2:]) for pool in pools]
    weights = np.array([size * len(pool.guess) for size, pool in zip(cells, pools, strict=True)], float)
    for k in count(start):
        rng = np.random.default_rng([config.fit.seed, k])
        number = int(rng.choice(len(pools), p=weights / weights.sum()))
        pool, rows = pools[number], fewer_rows(config.rows, min(cells), cells[number], ranks())
        chosen = torch.from_numpy(rng.integers(len(pool.guess), size=rows)[rows_of_rank(rows, rank(), ranks())])
        yield Guesses(*(getattr(pool, name)[chosen].float() for name in Guesses.__dataclass_fields__))
