"""Learning what players do: recorded actions and captions → `Habits`, a softmax fitted to how often what follows what.

`worldsim train habits` writes OUT/habits.safetensors. It takes no network and a minute at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from worldsim.data.episodes import Caption, Dataset
from worldsim.data.sources import HELDOUT
from worldsim.model.captioner import moment
from worldsim.model.config import ConfigError, check_numbers, check_whole
from worldsim.model.habits import FILE, Habits, phrases_of, write_habits
from worldsim.training.loop import TrainingError

__all__ = ["TrainHabits", "learn_habits", "train_habits"]

NEAR = 3  # rows around its middle for which a caption speaks: what a player does changes faster than captions do
ROUNDS = 100  # of L-BFGS


@dataclass(frozen=True)
class TrainHabits:
    """Learn from recordings what players do, for worlds that act by themselves."""

    data: tuple[Path, ...] = ()
    """Dataset folders."""
    out: Path = Path("runs/habits")
    """Where OUT/habits.safetensors goes."""
    actions: int = 64
    """Most actions that are told apart; rarer ones count as the nearest of these."""
    least: int = 30
    """How often a phrase must have been said to say something."""
    decay: float = 1e-5
    """Weight of the squared weights: rare phrases say little."""
    heldout: float = HELDOUT
    """Share of the episodes, chosen by world seed, that are left out."""

    def __post_init__(self) -> None:
        check_whole(self, 1, "actions", "least")
        check_numbers(self, 0, 1, "decay", "heldout")
        if not self.data:
            raise ConfigError("TrainHabits.data must name dataset folders; none is given")


def train_habits(config: TrainHabits) -> Path:
    """Learn, and write the file, which is returned.

    Raises:
        DatasetError: no dataset there.
        TrainingError: nothing to learn from, or datasets of different actions.
    """
    datasets = [Dataset.open(folder).split(config.heldout)[0] for folder in config.data]
    specs = {str(dataset.info.actions.to_json()) for dataset in datasets}
    if len(specs) > 1:
        raise TrainingError(f"{', '.join(map(str, config.data))} have different actions; learn from one kind at a time")
    episodes = [(each.actions(i), each.captions(i)) for each in datasets for i in range(len(each))]
    habits = learn_habits(episodes, config.actions, config.least, config.decay)
    config.out.mkdir(parents=True, exist_ok=True)
    return write_habits(config.out / FILE, habits)


def learn_habits(
    episodes: Sequence[tuple[np.ndarray, Sequence[Caption]]], actions: int = 64, least: int = 30, decay: float = 1e-5
) -> Habits:
    """Habits of whoever took the actions f32 (T, A) of episodes, row 0 a reset, under these captions.

    Raises:
        TrainingError: not one action.
    """
    if not any(len(taken) > 1 for taken, _ in episodes):
        raise TrainingError("habits are learned from recorded actions, and there are none")
    vectors, counts = np.unique(np.concatenate([taken[1:] for taken, _ in episodes]), axis=0, return_counts=True)
    common = vectors[np.argsort(-counts, kind="stable")[:actions]].astype(np.float32)
    kinds = len(common)
    table = Habits(common, np.zeros((kinds + 1, kinds), np.float32), (), np.zeros((0, kinds), np.float32))
    seen: Counter[tuple[str, int, int]] = Counter()
    told: Counter[str] = Counter()
    for taken, captions in episodes:
        places = table.places(taken)
        places[0] = kinds  # a reset is no action
        seen.update(("", int(a), int(b)) for a, b in pairwise(places))
        for caption in captions:
            first, end = max(caption.start, 1), min(caption.end, len(places))
            if first >= end:  # it tells of the reset alone
                continue
            rows = moment(first, end, NEAR)
            told.update((caption.short, caption.detailed))
            for text in (caption.short, caption.detailed):
                seen.update((text, int(places[row - 1]), int(places[row])) for row in dict.fromkeys(rows.tolist()))
    phrases = _common(told, least)
    before, said = _fitted(seen, ["", *told], phrases, kinds, decay)
    return Habits(common, before, phrases, said)


def _common(told: Counter[str], least: int) -> tuple[str, ...]:
    """The phrases that were said at least so often, in texts that were told as often as counted."""
    counts: Counter[str] = Counter()
    for text, times in told.items():
        counts.update(dict.fromkeys(phrases_of(text), times))
    return tuple(sorted(phrase for phrase, count in counts.items() if count >= least))


def _fitted(
    seen: Counter[tuple[str, int, int]], texts: Sequence[str], phrases: Sequence[str], kinds: int, decay: float
) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest weights (K + 1, K) and (W, K). What is said and what is not count for as much."""
    number, row_of = {phrase: i for i, phrase in enumerate(phrases)}, {text: i for i, text in enumerate(texts)}
    heard = [(row, number[p]) for row, text in enumerate(texts) for p in phrases_of(text) if p in number]
    where = torch.tensor(heard, dtype=torch.int64).reshape(-1, 2).T
    shape = len(texts), len(phrases)
    spoken = torch.sparse_coo_tensor(where, torch.ones(where.shape[1]), shape, check_invariants=True)
    keys = list(seen)
    text = torch.tensor([row_of[key[0]] for key in keys])
    last, following = torch.tensor([key[1:] for key in keys]).T
    weight = torch.tensor([float(seen[key]) for key in keys])
    told = torch.tensor([bool(key[0]) for key in keys])
    for part in (told, ~told):
        weight[part] /= weight[part].sum().clamp(min=1)
    weight /= weight.sum()
    before = torch.zeros(kinds + 1, kinds, requires_grad=True)
    said = torch.zeros(len(phrases), kinds, requires_grad=True)
    solver = torch.optim.LBFGS([before, said], max_iter=ROUNDS, history_size=20, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        solver.zero_grad()
        logits = before[last] + torch.sparse.mm(spoken, said)[text]
        missed = torch.nn.functional.cross_entropy(logits, following, reduction="none")
        total = (weight * missed).sum() + decay * (before.square().sum() + said.square().sum())
        total.backward()
        return total

    solver.step(loss)
    return before.detach().numpy(), said.detach().numpy()
