"""`worldsim train`: a world from recordings of any env, in a given time, with nothing to choose.

Sizes and steps follow from how many frames there are and how fast this machine is. What was decided is printed and
kept in OUT/plan.json, so that the same command, after a stop, goes on with the very run that it began.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from worldsim.data.episodes import Dataset, DatasetError, DatasetInfo
from worldsim.files import replacing_file, write_json
from worldsim.model import habits, refiner
from worldsim.model.card import WorldCard, read_card
from worldsim.model.checkpoint import CheckpointError, find
from worldsim.model.config import check_numbers, check_whole
from worldsim.model.dynamics import Dynamics, DynamicsConfig
from worldsim.model.frozen import prompt_reader
from worldsim.model.refiner import Refiner, RefinerConfig
from worldsim.model.text import PromptReader, TextConfig, Vocabulary
from worldsim.model.tokenizer import Tokenizer, TokenizerConfig
from worldsim.training.estimate import mean_frames
from worldsim.training.habits import TrainHabits, train_habits
from worldsim.training.intake import check_size, grid_of
from worldsim.training.latents import LatentBucket, random_batch
from worldsim.training.loop import FitConfig, TrainingError, begun, seconds_per_step
from worldsim.training.losses import (
    DynamicsLossConfig,
    DynamicsObjective,
    TokenizerLossConfig,
    TokenizerObjective,
)
from worldsim.training.machine import Device, choose_device
from worldsim.training.parallel import barrier, from_first, joined, rank
from worldsim.training.refiner import (
    Guesses,
    RefinerObjective,
    TrainRefiner,
    random_guesses,
    refiner_fit,
    train_refiner,
)
from worldsim.training.stages import TrainDynamics, TrainTokenizer, steps_done, train_dynamics, train_tokenizer

__all__ = ["Amount", "Plan", "Train", "amount_of", "make_plan", "train"]


@dataclass(frozen=True)
class Train:
    """Train a world on recordings of any env; the same command again goes on where it was stopped."""

    data: tuple[Path, ...]
    """Dataset folders, from `worldsim record` or `worldsim import`."""
    out: Path = Path("runs/world")
    """Where the run goes; the world is OUT/checkpoint."""
    minutes: float = 60.0
    """Minutes of this machine to plan for, if it has nothing else to do."""
    start: str = "overworld-small"
    """Checkpoint to begin from: what it knows of pictures and motion is half of the work. "none" begins from nothing,
    with networks as large as the data can teach."""
    name: str = ""
    """Name of the checkpoint; the env's by default."""
    seed: int = 0
    """Seed of everything random."""
    device: Device = "auto"
    """Where to train."""
    dry_run: bool = False
    """Print the plan, and write nothing."""

    def __post_init__(self) -> None:
        check_whole(self, 0, "seed")
        check_numbers(self, 0, math.inf, "minutes")
        if self.minutes == 0:
            raise TrainingError("--minutes must be above 0, got 0")


@dataclass(frozen=True)
class Amount:
    """How to learn from so much data.

    Attributes:
        frames: up to so many frames.
        passes: most times that a frame is a target: with more, few frames are learned by heart.
        noise: highest noise level of given frames, against learning by heart.
        decay: weight decay, likewise.
        tokenizer, dynamics: sizes of networks that begin from nothing.
    """

    frames: float
    passes: int
    noise: float
    decay: float
    tokenizer: TokenizerConfig
    dynamics: DynamicsConfig


_LIGHT = TokenizerConfig(widths=(32, 64, 128), encoder_blocks=(0, 0, 1), decoder_blocks=(0, 1, 1))
_TEXT = TextConfig(64, 1)

AMOUNTS = (
    Amount(
        5_000, 80, 0.5, 0.1, _LIGHT,
        DynamicsConfig(width=128, depth=4, head_width=32, condition=64, hidden=3, window=16, text=_TEXT),
    ),
    Amount(
        50_000, 40, 0.3, 0.03, _LIGHT, DynamicsConfig(width=128, depth=6, head_width=32, condition=64, text=_TEXT)
    ),
    Amount(math.inf, 20, 0.3, 0.01, TokenizerConfig(), DynamicsConfig()),
)  # fmt: skip

TOKENIZER_SHARE = {True: 0.2, False: 0.35}  # of the time, for a tokenizer that begins from another, or from nothing
REFINER_SHARE = 0.1  # of the time, for the refiner: half of it to make guesses, half to learn from them
GUESS = 1 / 3  # of the time of a frame in training, a guess takes
GUESSES = 50_000  # more than these teach a refiner little
LEAST_GUESSES = 1_000  # with fewer it would learn them by heart
EPOCHS = 7  # most times that a refiner sees a guess
GIVEN = 8  # frames at the beginning of a clip that are not guessed
RATES = {True: (1e-3, 1e-3), False: (2e-3, 2e-3)}  # Muon's and AdamW's, likewise; the tokenizer takes AdamW's
LEAST = 20  # steps of a stage: fewer are no training
WORTH_COMPILING = 1200.0  # seconds of a stage: compiling takes a minute or two, and saves a quarter
FRAMES = 32  # frames in a batch of the tokenizer
BUCKETS = (
    LatentBucket(8, 16, "past", 0.8),
    LatentBucket(4, 32, "past", 0.1),
    LatentBucket(6, 16, "all", 0.05),
    LatentBucket(64, 1, "past", 0.05),
)
"""Play foremost: in little time there is little to spare for the verbs and for words."""


@dataclass(frozen=True)
class Plan:
    """What `worldsim train` decided.

    Attributes:
        frames, episodes: of the data.
        start: the checkpoint that both stages begin from; "" for none.
        tokenizer, dynamics: sizes of the networks.
        tokenizer_steps, steps, refiner_steps: of the three stages; the last is 0 where too little can be guessed.
        tokenizer_seconds, seconds, refiner_seconds: of a step here, as measured.
        guesses: that the refiner learns from.
        noise, decay: see `Amount`.
    """

    frames: int
    episodes: int
    start: str
    tokenizer: TokenizerConfig
    dynamics: DynamicsConfig
    tokenizer_steps: int
    steps: int
    refiner_steps: int
    tokenizer_seconds: float
    seconds: float
    refiner_seconds: float
    guesses: int
    noise: float
    decay: float
    limited: bool = False
    """Whether the data, not the time, set the number of steps."""
    asked: dict[str, Any] = field(default_factory=dict)
    """The options that it follows."""

    def __str__(self) -> str:
        took = (
            self.tokenizer_steps * self.tokenizer_seconds + self.steps * self.seconds
            + self.refiner_steps * self.refiner_seconds + self.guesses * _guess_seconds(self.seconds)
        )  # fmt: skip
        why = "as often as so few frames bear" if self.limited else "in the time given"
        third = f", {self.refiner_steps} of the refiner on {self.guesses} guesses" if self.guesses else ""
        return "\n".join([
            f"data:      {self.frames} frames in {self.episodes} episodes",
            f"begin:     {'from ' + self.start if self.start else 'from nothing'}",
            f"networks:  {_millions(Tokenizer, self.tokenizer)} and {_millions(Dynamics, self.dynamics)} M parameters",
            f"steps:     {self.tokenizer_steps} of the tokenizer, {self.steps} of the dynamics network{third}, {why}",
            f"time:      about {took / 60:.0f} minutes on this machine, when it does nothing else",
        ])  # fmt: skip


def train(config: Train) -> Path:
    """Plan, or read the plan that was made, and go on with its stages; returns the checkpoint.

    Raises:
        DatasetError, CheckpointError, PromptError, TrainingError.
    """
    kept = config.out / "plan.json"
    asked = _asked(config)
    with joined(config.device):
        plan = from_first(_read_plan(kept, asked) if kept.is_file() else make_plan(config))
        if rank() == 0:
            print(plan)
        if config.dry_run:
            return config.out / "checkpoint"
        if not kept.is_file() and rank() == 0:
            write_json(kept, asdict(plan))
        first, second, third = _runs(config, plan)
        if steps_done(first.out) < plan.tokenizer_steps:
            train_tokenizer(replace(first, resume=begun(first.out)))
        if steps_done(second.out) < plan.steps and steps_done(first.out) >= plan.tokenizer_steps:
            train_dynamics(replace(second, resume=begun(second.out)))
        made = second.out / "checkpoint"
        finished = steps_done(second.out) >= plan.steps
        if finished and plan.frames > plan.episodes and from_first(not (made / habits.FILE).is_file()):
            if rank() == 0:
                _add(train_habits(TrainHabits(config.data, config.out / "habits")), made)
            barrier()
        if finished and plan.guesses and from_first(not (made / refiner.FILE).is_file()):
            learned = train_refiner(replace(third, resume=begun(third.out)))
            if rank() == 0:
                _add(learned, made)
            barrier()
        if rank() == 0:
            print(_next_steps(first, second, plan))
    return made


def amount_of(frames: int) -> Amount:
    """The row of the table for so many frames."""
    return next(amount for amount in AMOUNTS if frames <= amount.frames)


def make_plan(config: Train, measure: Callable[..., float] = seconds_per_step) -> Plan:
    """Decide sizes and steps.

    Args:
        config: what was asked for.
        measure: how the time of a step is found.

    Raises:
        DatasetError: no data, data that differ, or frames that cannot be learned.
        CheckpointError: no such start.
    """
    start = "" if config.start == "none" else config.start
    card = read_card(find(start)) if start else None
    info, lengths, words, longest = _survey(config.data, card)
    frames = sum(lengths)
    amount = amount_of(frames)
    tokenizer, dynamics = amount.tokenizer, amount.dynamics
    if card is not None:
        if card.dynamics is None:
            raise CheckpointError(f"{start} holds a tokenizer alone; give --start a world, or none")
        tokenizer, dynamics = card.tokenizer, replace(card.dynamics, draws_events=True)
    text = dynamics.text if longest <= dynamics.text.longest else replace(dynamics.text, longest=-(-longest // 8) * 8)
    dynamics = replace(
        dynamics, channels=tokenizer.channels, actions=info.actions.width, events=len(info.event_names), words=words,
        text=text,
    )  # fmt: skip
    check_size(info.size, Tokenizer.stride * dynamics.patch, str(config.data[0]))
    fit = _fit(amount, 1, bool(start), config)
    device = choose_device(config.device)
    first = measure(
        TokenizerObjective(Tokenizer(tokenizer), TokenizerLossConfig()), torch.zeros(FRAMES, 3, *info.size), fit, device
    )
    objective = DynamicsObjective(Dynamics(dynamics), DynamicsLossConfig())
    second = measure(objective, random_batch(BUCKETS[0], dynamics, grid_of(info.size)), fit, device)
    budget = 60 * config.minutes
    third, guesses, refining = 0.0, 0, 0
    if (able := sum(max(0, length - GIVEN) for length in lengths)) >= LEAST_GUESSES:
        third = measure(*_refining(dynamics, grid_of(info.size)), _refiner_fit(1, config), device)
        half = REFINER_SHARE * budget / 2
        guesses = max(LEAST_GUESSES, min(able, GUESSES, int(half / _guess_seconds(second))))
        refining = max(LEAST, int(min(half / third, EPOCHS * guesses / TrainRefiner.rows)))
    most = amount.passes * frames
    share = TOKENIZER_SHARE[bool(start)]
    left = 1 - share - (REFINER_SHARE if guesses else 0)
    wanted = share * budget / first, left * budget / second
    allowed = most / FRAMES, most / mean_frames(BUCKETS)
    ahead, behind = (max(LEAST, int(min(pair))) for pair in zip(wanted, allowed, strict=True))
    return Plan(
        frames, len(lengths), start, tokenizer, dynamics, ahead, behind, refining, round(first, 4), round(second, 4),
        round(third, 4), guesses, amount.noise, amount.decay, allowed[1] < wanted[1], _asked(config),
    )  # fmt: skip


def _asked(config: Train) -> dict[str, Any]:
    """The options that a plan follows."""
    return {"data": [str(folder) for folder in config.data], "minutes": config.minutes, "start": config.start}


def _survey(folders: tuple[Path, ...], start: WorldCard | None) -> tuple[DatasetInfo, list[int], int, int]:
    """What the data is, its episodes' frames, the words of its captions, and how many the longest caption has, as
    a network reads them that begins from such a checkpoint."""
    datasets = [Dataset.open(folder) for folder in folders]
    for dataset, folder in zip(datasets, folders, strict=True):
        datasets[0].info.check_same_rows(dataset.info, str(folder))
    lengths = [int(length) for dataset in datasets for length in dataset.lengths]
    if sum(lengths) < 2:
        raise DatasetError(f"{folders[0]}: holds {sum(lengths)} frames; record more")
    texts = {
        text
        for dataset in datasets
        for number in range(len(dataset))
        for caption in dataset.captions(number)
        for text in (caption.short, caption.detailed)
    }
    words: PromptReader = Vocabulary.collect(texts) if start is None or start.encoder is None else prompt_reader(start)
    longest = max((len(words.encode(text, 10**6)) for text in texts), default=0)
    return datasets[0].info, lengths, len(words.words), longest


def _fit(amount: Amount | Plan, steps: int, started: bool, config: Train, compiled: bool = False) -> FitConfig:
    muon, adam = RATES[started]
    return FitConfig(
        steps=steps, muon_rate=muon, adam_rate=adam, warmup=max(1, min(50, steps // 10)), cooldown=0.5,
        decay=amount.decay, average=1 - 1 / max(2.0, steps / 20), save_every=max(1, min(200, steps // 4)), log_every=10,
        seed=config.seed, compile=compiled, device=config.device,
    )  # fmt: skip


def _add(file: Path, checkpoint: Path) -> None:
    """Put a file that a stage made beside the weights that it is for."""
    with replacing_file(checkpoint / file.name) as temporary:
        shutil.copyfile(file, temporary)


def _refiner_fit(steps: int, config: Train) -> FitConfig:
    save = max(1, min(500, steps // 4))
    return replace(refiner_fit(), steps=steps, warmup=max(1, min(50, steps // 10)), save_every=save, log_every=10,
                   seed=config.seed, device=config.device)  # fmt: skip


def _refining(dynamics: DynamicsConfig, grid: tuple[int, int]) -> tuple[RefinerObjective, Guesses]:
    """A refiner for such a network, and a batch, to see what a step takes."""
    model = RefinerConfig(channels=dynamics.channels, actions=dynamics.actions)
    return RefinerObjective(Refiner(model), TrainRefiner.floor), random_guesses(TrainRefiner.rows, model, grid)


def _guess_seconds(seconds: float) -> float:
    """How long a guess takes, where a step of the dynamics network takes `seconds`."""
    return GUESS * seconds / (BUCKETS[0].rows * BUCKETS[0].length)


def _runs(config: Train, plan: Plan) -> tuple[TrainTokenizer, TrainDynamics, TrainRefiner]:
    """The stages of a plan."""
    started = bool(plan.start)
    fits = [
        _fit(plan, steps, started, config, steps * seconds > WORTH_COMPILING)
        for steps, seconds in ((plan.tokenizer_steps, plan.tokenizer_seconds), (plan.steps, plan.seconds))
    ]
    name = config.name or Dataset.open(config.data[0]).info.env_id.rpartition(":")[2].rpartition("/")[2] or "world"
    return (
        TrainTokenizer(
            config.data, config.out / "tokenizer", rows=FRAMES, model=plan.tokenizer, fit=fits[0], start=plan.start
        ),
        TrainDynamics(
            str(config.out / "tokenizer" / "checkpoint"), config.data, config.out, name=name, model=plan.dynamics,
            loss=DynamicsLossConfig(context_noise=plan.noise, actions=0.3), fit=fits[1], buckets=BUCKETS,
            start=plan.start,
        ),
        TrainRefiner(
            str(config.out / "checkpoint"), config.data, config.out / "refiner", guesses=max(1, plan.guesses),
            given=GIVEN, fit=_refiner_fit(max(1, plan.refiner_steps), config),
        ),
    )  # fmt: skip


def _read_plan(file: Path, asked: dict[str, Any]) -> Plan:
    """The plan of a run that was begun. Raises `TrainingError` when it was made for something else."""
    try:
        data = json.loads(file.read_text())
        text = TextConfig(**data["dynamics"].pop("text"))
        tuples: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data["tokenizer"].items()}
        old = {"draws_events": False}  # plans from before there were such
        dynamics = DynamicsConfig(**old | data["dynamics"], text=text)
        sizes = {"dynamics": dynamics, "tokenizer": TokenizerConfig(**tuples)}
        plan = Plan(**{**data, **sizes})
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"{file} is not a plan of `worldsim train`: {error}; choose another --out") from error
    for name, value in asked.items():
        if plan.asked.get(name) != value:
            raise TrainingError(
                f"{file.parent} holds a run with {name} {plan.asked.get(name)}, got {value}; choose another --out"
            )
    return plan


def _millions(kind: type[Tokenizer] | type[Dynamics], config: Any) -> str:
    with torch.device("meta"):
        return f"{sum(p.numel() for p in kind(config).parameters()) / 1e6:.1f}"


def _next_steps(first: TrainTokenizer, second: TrainDynamics, plan: Plan) -> str:
    for run, steps in ((first, plan.tokenizer_steps), (second, plan.steps)):
        if (done := steps_done(run.out)) < steps:
            return f"{run.out} has done {done} of {steps} steps; the same command goes on from there"
    made = second.out / "checkpoint"
    return "\n".join([
        f"the world is {made}; next:",
        f"  worldsim play --checkpoint {made}",
        f"  worldsim eval --checkpoint {made}",
        f'  gymnasium.make("worldsim/Learned-v0", checkpoint="{made}")',
    ])  # fmt: skip
