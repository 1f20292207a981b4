"""Held-out worlds: episodes that training never saw, and the windows cut out of them.

They come from the held-out split of a dataset, or are recorded on the spot under seeds that no
training recording takes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from worldsim.clip import Clip
from worldsim.data.episodes import Dataset
from worldsim.data.record import record
from worldsim.data.rollout import default_policy
from worldsim.model.card import WorldCard

__all__ = [
    "FIRST_SEED", "FidelityError", "Windows", "cut_windows", "heldout_windows", "open_heldout", "record_heldout",
]  # fmt: skip

FIRST_SEED = 2**30  # of recordings made here; those for training take small seeds, and world seeds are hashes of either


class FidelityError(ValueError):
    """A measurement that the data, or the options, do not allow."""


@dataclass(frozen=True)
class Windows:
    """Stretches of truth to measure on.

    Attributes:
        clip: N windows, all of one length and without padding.
        worlds: the seed of each window's world; windows of one world are one cluster.
        starts: the row of its episode that each window begins with.
    """

    clip: Clip
    worlds: tuple[int, ...]
    starts: tuple[int, ...]


def open_heldout(folder: Path, share: float, card: WorldCard) -> Dataset:
    """The episodes of a dataset that training with this held-out share leaves out.

    Raises:
        DatasetError: no dataset there.
        FidelityError: nothing is held out, or the dataset and the checkpoint speak of different things.
    """
    _, held = Dataset.open(folder).split(share)
    if not len(held):
        raise FidelityError(f"{folder} holds out no episode at a share of {share}; record more, or leave out --data")
    info = held.info
    pairs = {
        "size": (info.size, card.size),
        "actions": (info.actions.to_json(), card.action_spec.to_json()),
        "event_names": (info.event_names, card.event_names),
    }
    for name, (found, expected) in pairs.items():
        if found != expected:
            raise FidelityError(f"{folder}: {name} must be those of checkpoint {card.name!r}, {expected}; got {found}")
    return held


def record_heldout(
    folder: Path, card: WorldCard, worlds: int, length: int, seed: int, policy: str, workers: int = 1
) -> Dataset:
    """Record an episode of `length` rows in each of `worlds` new worlds of the true env that the card names.

    Raises:
        RecordError: the env or the policy cannot be made.
    """
    if not card.env["id"]:
        raise FidelityError(
            f"checkpoint {card.name!r} was learned from imported data, of which no env can make more; give --data with "
            "that dataset: what it holds out is then used"
        )
    record(
        card.env["id"], policy, worlds * (length - 1), folder, FIRST_SEED + seed,
        workers=workers, episode_length=length, env_kwargs=card.env["kwargs"], size=card.size,
        image_key=card.env.get("image_key"),
    )  # fmt: skip
    return Dataset.open(folder)


def cut_windows(dataset: Dataset, worlds: int, per_world: int, length: int, rng: np.random.Generator) -> Windows:
    """Windows of `length` rows: `per_world` from each of at most `worlds` worlds, spread over their episodes.

    Raises:
        FidelityError: fewer than two worlds with episodes that are long enough.
    """
    of_world: dict[int, list[int]] = defaultdict(list)
    for number, entry in enumerate(dataset.entries):
        if entry.length >= length:
            of_world[entry.seed].append(number)
    if len(of_world) < 2:
        raise FidelityError(
            f"{dataset.folder}: {len(of_world)} held-out worlds have episodes of at least {length} rows, 2 are needed; "
            "record more, or measure fewer steps"
        )
    seeds = rng.permutation(sorted(of_world))[:worlds]
    spans, names = [], []
    for seed in seeds.tolist():
        episodes = of_world[seed]
        for i in range(per_world):
            episode = episodes[i % len(episodes)]
            room = dataset.entries[episode].length - length + 1  # one start from each equal part of the episode
            start = int((i + rng.random()) / per_world * room)
            spans.append((episode, start, start + length))
            names.append(seed)
    return Windows(dataset.clip(spans), tuple(names), tuple(start for _, start, _ in spans))


def heldout_windows(
    data: Path | None, share: float, card: WorldCard, worlds: int, length: int, rows: int, seed: int
) -> Windows:
    """A window of `length` rows from each of so many worlds: of the held-out share of a dataset, or else of new worlds.

    Args:
        data, share: the dataset's folder, None for new worlds, and the share that training held out.
        card: of the world.
        worlds, length: as above.
        rows: of an episode in a new world.
        seed: decides new worlds and windows.

    Raises:
        DatasetError, RecordError, FidelityError: no such dataset or env, or too few long episodes.
    """
    with TemporaryDirectory() as folder:
        if data is not None:
            dataset = open_heldout(data, share, card)
        else:
            dataset = record_heldout(Path(folder), card, worlds, rows, seed, default_policy(card.env["id"]))
        return cut_windows(dataset, worlds, 1, length, np.random.default_rng(seed))
