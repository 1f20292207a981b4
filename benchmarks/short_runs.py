"""Short runs of dynamics networks from scratch, on the same batches, measured on the same held-out windows.

`scaling.py` and `ablations.py` stand on it. A run stops by the processor time of its own process, for other programs
may share the machine; the first two steps, in which torch gets ready, do not count. A point of a run is its averaged
weights at that moment. Points that are done are kept, and a run that was stopped goes on.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange

from worldsim.clip import stack
from worldsim.data.episodes import Dataset
from worldsim.data.sources import HELDOUT
from worldsim.fidelity.heldout import Windows, cut_windows
from worldsim.fidelity.probes.next_frame import next_frame
from worldsim.fidelity.probes.pixels import psnr
from worldsim.fidelity.probes.rollout import Rollout, rollout
from worldsim.fidelity.report import summarise
from worldsim.fidelity.statistics import mean
from worldsim.fidelity.trials import Trial, read_trials, write_trials
from worldsim.files import write_json
from worldsim.model.card import WorldCard
from worldsim.model.checkpoint import load
from worldsim.model.conditions import Attend, Condition, Words
from worldsim.model.dynamics import Dynamics, DynamicsConfig
from worldsim.model.noise import mix
from worldsim.model.precision import has_bfloat16
from worldsim.model.tensors import load_weights, read_tensors, write_tensors
from worldsim.model.text import TextConfig, Vocabulary
from worldsim.sampling.world import World
from worldsim.training.intake import Live, latent_feed, open_sources
from worldsim.training.latents import LatentBucket, clip_to_latents
from worldsim.training.loop import FitConfig, TrainingError, begun, fit, seconds_per_step
from worldsim.training.losses import DynamicsLossConfig, DynamicsObjective, LatentBatch
from worldsim.training.states import newest_state
from worldsim.video import write_png

TEXT = TextConfig(width=64, depth=1)  # small, so that reading prompts does not decide what small networks cost
LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
FIT = FitConfig(steps=10**9, warmup=30, cooldown=0, save_every=10**9, log_every=20, compile=False)
PREFIX = "dynamics."  # of the network's tensors in its objective


@dataclass(frozen=True)
class Common:
    """What all runs of a study have in common."""

    data: tuple[Path, ...]
    """Dataset folders; 5 % of the worlds are held out, and measured on."""
    tokenizer: str = "overworld-small"
    """Checkpoint that holds the tokenizer."""
    length: int = 16
    """Frames of a short clip; a long one has twice as many: so many given ones, and so many free-running steps."""
    frames: int = 96
    """Frames in a batch."""
    windows: int = 1
    """Windows to measure on from each held-out world."""
    head_width: int = 32
    """Channels of an attention head, in all networks."""
    seed: int = 0
    """Seed of training, of the windows and of the noise that they are measured with."""
    threads: int = 1
    """Threads of the networks."""
    json: bool = False
    """Print JSON instead of the table."""

    @property
    def buckets(self) -> tuple[LatentBucket, ...]:
        """Shapes of batches: those of `worldsim train dynamics`, smaller."""
        short, long, rows = self.length, 2 * self.length, self.frames
        return (
            LatentBucket(max(1, rows // short), short, "past", 0.45),
            LatentBucket(max(1, rows // long), long, "past", 0.25),
            LatentBucket(max(1, rows // short), short, "all", 0.1),
            LatentBucket(max(1, rows // 2), 1, "past", 0.2),
        )


@dataclass(frozen=True)
class Run:
    """A network, and how it is trained.

    Attributes:
        model: its sizes; channels, actions, events and words follow the data.
        loss, fit, buckets: as in `worldsim train dynamics`; the buckets of all runs by default.
        context_level: the noise level of given frames in play.
        change: what is done to the network when it is made.
    """

    model: DynamicsConfig
    loss: DynamicsLossConfig = field(default_factory=DynamicsLossConfig)
    fit: FitConfig = FIT
    buckets: tuple[LatentBucket, ...] = ()
    context_level: float = 0.1
    change: Callable[[Dynamics], Dynamics] = lambda network: network


class Ground:
    """Data, tokenizer and held-out windows, opened once for all runs; close it by leaving its `with`."""

    def __init__(self, options: Common) -> None:
        self.options = options
        torch.set_num_threads(options.threads)
        self.tokenizer = load(options.tokenizer).tokenizer.eval()
        self._stack = ExitStack()
        self.sources = self._stack.enter_context(open_sources(options.data, Live(), self.tokenizer.stride * 2))
        self.info = self.sources[0].info
        self.feeds: dict[tuple[LatentBucket, ...], Any] = {}
        self.feed, self.vocabulary = self.batches(options.buckets)
        self.windows = _windows(options)
        batch = clip_to_latents(self.windows.clip, self.tokenizer, self.vocabulary, TEXT.longest)
        self.latents, self.actions, self.words = batch.latents, batch.actions, batch.words

    def __enter__(self) -> Ground:
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.close()

    def batches(self, buckets: tuple[LatentBucket, ...]) -> Any:
        """The batches of such buckets from a step on, and the vocabulary."""
        if buckets not in self.feeds:
            known, seed = Vocabulary.collect([]).words, self.options.seed
            self.feeds[buckets] = latent_feed(
                self.sources, self.tokenizer, buckets, known, TEXT.longest, seed, detailed=0.5
            )[:2]
        return self.feeds[buckets]

    def network(self, run: Run) -> Dynamics:
        """The network of a run, its sizes those of the data."""
        sizes = {"channels": self.tokenizer.config.channels, "actions": self.info.actions.width}
        sizes |= {"events": len(self.info.event_names), "words": len(self.vocabulary)}
        return run.change(Dynamics(replace(run.model, **sizes, text=TEXT)))

    def card(self, run: Run, model: DynamicsConfig, name: str) -> WorldCard:
        """What the run's world is, as play needs to know."""
        return WorldCard(
            name, self.info.size, self.info.fps, self.info.actions, self.info.event_names, self.info.env,
            self.tokenizer.config, model, tuple(self.vocabulary.words), run.context_level,
        )  # fmt: skip


def _windows(options: Common) -> Windows:
    """Windows of two short clips each, from the held-out worlds of all datasets."""
    rng = np.random.default_rng([options.seed, 0])
    held = [Dataset.open(folder).split(HELDOUT)[1] for folder in options.data]
    found = [cut_windows(part, len(part), options.windows, 2 * options.length, rng) for part in held if len(part)]
    if not found:
        raise TrainingError("the data hold out no world; record more")
    clip = stack([part.clip for part in found])
    return Windows(clip, sum((part.worlds for part in found), ()), sum((part.starts for part in found), ()))


def keep_options(out: Path, options: Common, **more: Any) -> None:
    """Write down what all rows have in common. Raises `TrainingError` where rows of something else are there."""
    file = out / "options.json"
    names = ("tokenizer", "length", "frames", "windows", "head_width", "seed", "threads")
    asked = {"data": [str(folder) for folder in options.data]} | {name: getattr(options, name) for name in names} | more
    asked = json.loads(json.dumps(asked))
    if file.is_file() and (there := json.loads(file.read_text())) != asked:
        other = sorted(name for name in asked if there.get(name) != asked[name])
        raise TrainingError(f"{out} holds rows with other {', '.join(other)}; choose another --out")
    write_json(file, asked)


# -- training --------------------------------------------------------------------------------------------------------


def train_to(ground: Ground, run: Run, folder: Path, minutes: float, seed: int) -> bool:
    """Train the run in `folder` until `minutes` of processor time; returns whether it came so far.

    Its averaged weights then lie in `folder/after-MINUTES`.
    """
    point = point_of(folder, minutes)
    if (point / "weights.safetensors").is_file():
        return True
    newest = newest_state(folder / "run")
    before = 0.0 if newest is None else float(json.loads((newest / "state.json").read_text())["seconds"])
    feed = ground.feed if not run.buckets else ground.batches(run.buckets)[0]
    torch.manual_seed(seed)
    network = ground.network(run)
    objective = DynamicsObjective(network, run.loss)
    config = replace(run.fit, seed=seed, minutes=max(minutes - before / 60, 1e-9))
    source = feed(0)
    seconds_per_step(copy.deepcopy(objective), next(source), config, torch.device("cpu"), tries=1)
    source.close()
    fitted = fit(objective, feed, config, folder / "run", resume=begun(folder / "run"), clock=time.process_time)
    if fitted.seconds < 60 * minutes - 0.1:
        print(f"{folder.name} was stopped; the same command goes on from there")
        return False
    tensors = {name.removeprefix(PREFIX): part for name, part in fitted.average.items()}
    parameters = sum(p.numel() for p in network.parameters())
    write_json(point / "run.json", {"steps": fitted.step, "seconds": fitted.seconds, "parameters": parameters})
    write_tensors(point / "weights.safetensors", tensors)
    return True


def point_of(folder: Path, minutes: float) -> Path:
    """Where a point of a run lies."""
    return folder / f"after-{minutes:g}"


# -- measuring -------------------------------------------------------------------------------------------------------


def measure(ground: Ground, run: Run, place: Path, name: str) -> dict[str, Any]:
    """What a point reaches, measured once: its figures, and beside them trials, errors and pictures of all windows."""
    file, options = place / "row.json", ground.options
    if not file.is_file():
        network = ground.network(run)
        load_weights(network, read_tensors(place / "weights.safetensors"), str(place))
        network.eval()
        card = ground.card(run, network.config, name)

        def open_world(rows: int) -> World:
            return World(card, ground.tokenizer, network, None, rows=rows, steps=2)

        losses = errors_by_level(ground, network)
        draws = [np.random.default_rng([options.seed, number]) for number in (1, 2)]
        trials: list[Trial] = [*next_frame(open_world(1), ground.windows, options.length, draws[0])]
        rollouts, shown = rollout(open_world, ground.tokenizer, ground.windows, options.length, draws[1], rows=32)
        trials += rollouts
        write_trials(place / "trials.jsonl", trials)
        write_json(place / "losses.json", losses)
        write_png(place / "rollouts.png", rearrange(shown, "n k h w c -> (n h) (k w) c"))
        worlds = ground.windows.worlds
        told = {bucket: [asdict(mean(np.array(each), worlds)) for each in rows] for bucket, rows in losses.items()}
        figures = summarise(trials)
        known = json.loads((place / "run.json").read_text())
        write_json(file, {"name": name, **known, "levels": LEVELS, "losses": told, "figures": figures})
    return json.loads(file.read_text())


@torch.no_grad()
def errors_by_level(ground: Ground, network: Dynamics) -> dict[str, list[list[float]]]:
    """Squared error of predicted clean latents: for each kind of clip, at each of `LEVELS`, for each window.

    Given frames are clean. First frames of clips, which nothing precedes, count as images alone.
    """
    length = ground.options.length
    generator = torch.Generator().manual_seed(ground.options.seed)
    noise = torch.randn(ground.latents.shape, generator=generator)
    kinds: tuple[tuple[str, int, Attend], ...] = (
        ("image", 1, "past"), (f"{length} frames", length, "past"), (f"{2 * length} frames", 2 * length, "past"),
        (f"{length} frames, all seen", length, "all"),
    )  # fmt: skip
    found = {}
    for kind, frames, attend in kinds:
        found[kind] = [
            torch.cat([
                _errors(network, _part(ground, slice(first, first + 32), frames, attend), noise[first:], level)
                for first in range(0, len(ground.latents), 32)
            ]).tolist()
            for level in LEVELS
        ]  # fmt: skip
    return found


def _part(ground: Ground, rows: slice, frames: int, attend: Attend) -> LatentBatch:
    """The first frames of some windows."""
    latents, words = ground.latents[rows, :frames], ground.words
    empty = torch.zeros(latents.shape[:2])
    part = Words(words.numbers[rows], words.present[rows], words.seen[rows, :frames])
    return LatentBatch(latents, ground.actions[rows, :frames], empty, empty, empty, part, attend)


def _errors(network: Dynamics, batch: LatentBatch, noise: torch.Tensor, level: float) -> torch.Tensor:
    """(B,): mean squared error over the frames that count."""
    clean = batch.latents
    levels = torch.full(clean.shape[:2], level)
    noisy = mix(clean, noise[: len(clean), : clean.shape[1]], levels)
    condition = Condition(batch.actions, torch.ones(clean.shape[:2], dtype=torch.bool), batch.words)
    context = (clean, torch.zeros_like(levels)) if batch.attend == "past" else None
    with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16(torch.device("cpu"))):
        guess = network(noisy, levels, condition, attend=batch.attend, context=context).clean.float()
    error = (guess - clean).square().mean((2, 3, 4))  # (B, T)
    return error[:, 1:].mean(1) if batch.attend == "past" and clean.shape[1] > 1 else error.mean(1)


def decibels_above_copy(place: Path) -> tuple[np.ndarray, list[int]]:
    """Of a measured point: mean PSNR over free-running steps above copying (N,), and the windows' worlds."""
    rollouts = [trial for trial in read_trials(place / "trials.jsonl") if isinstance(trial, Rollout)]
    above = [(psnr(np.array(one.model)) - psnr(np.array(one.copy))).mean() for one in rollouts]
    return np.array(above), [one.world for one in rollouts]


def mean_loss(place: Path, kind: str) -> np.ndarray:
    """Of a measured point: the error on one kind of clips, averaged over `LEVELS`, of each window (N,)."""
    return np.array(json.loads((place / "losses.json").read_text())[kind]).mean(0)


def interval(estimate: dict[str, float], digits: int = 2) -> str:
    """An estimate for a table: value [low, high]."""
    value, low, high = (f"{estimate[key]:.{digits}f}" for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def curve(axes: Any, minutes: Sequence[float], estimates: Sequence[dict[str, float]], label: str) -> None:
    """Values over processor time with their intervals."""
    value, low, high = (np.array([estimate[key] for estimate in estimates]) for key in ("value", "low", "high"))
    axes.errorbar(minutes, value, yerr=[value - low, high - value], label=label, marker="o", capsize=3)
