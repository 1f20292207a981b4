"""From options to raw trials: which probes run, on which windows, and what they share.

A rollout is made once for all that is read from it. Each probe draws its chances from a generator of its own, so that
its trials do not depend on which others run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from worldsim.data.episodes import Dataset
from worldsim.fidelity.heldout import FIRST_SEED, FidelityError, Windows, cut_windows, record_heldout
from worldsim.fidelity.options import EVENT_STEPS, Evaluate
from worldsim.fidelity.probes.actions import drift_of_rollouts, drift_of_truth, read_actions
from worldsim.fidelity.probes.attributes import prompt_clips, text_events, truth_attributes
from worldsim.fidelity.probes.next_frame import next_frame
from worldsim.fidelity.probes.rollout import rollout
from worldsim.fidelity.probes.stamina import Sticky, stamina, true_stretches
from worldsim.fidelity.readers.lessons import record_varied
from worldsim.fidelity.readers.reader import Reader, Training, readers_for
from worldsim.fidelity.trials import Trial
from worldsim.sampling.world import World

__all__ = ["Measured", "measure"]

SHOWN = 4  # worlds in the pictures
NEEDS = {"actions": ("actions",), "prompts": ("attributes",), "events": ("attributes",)}  # probe -> readers
SKY_ROWS = 33  # two captions
TRUE_TIMES = 4  # as many true episodes as long rollouts: few would make the range of truth too narrow
DRAWS = ("windows", "next-frame", "free-running", "stamina", "prompts", "events")


@dataclass
class Measured:
    """Trials, frames for the pictures, and the worlds they are of."""

    trials: list[Trial] = field(default_factory=list)
    windows: tuple[np.ndarray, np.ndarray, tuple[int, ...]] | None = None
    long: tuple[np.ndarray, Sequence[int], np.ndarray, Sequence[int]] | None = None
    worlds: list[int] = field(default_factory=list)


def measure(options: Evaluate, world: World, dataset: Dataset, training: Training) -> Measured:
    """Run the probes that are asked for.

    Raises:
        RecordError, FidelityError: new worlds cannot be recorded, or there is no reader for what is asked.
    """

    readers = _readers(options, world, training)
    found = Measured([reader.facts for reader in readers.values()])
    draws = {name: np.random.default_rng([options.seed, number]) for number, name in enumerate(DRAWS)}
    windows = cut_windows(
        dataset, options.worlds, options.windows, options.context + options.steps, draws["windows"]
    )
    found.worlds = sorted(set(windows.worlds))
    if "next-frame" in options.probes:
        found.trials += next_frame(world, windows, options.context, draws["next-frame"], options.rows)
    if {"free-running", "actions"} & set(options.probes):
        _free_running(options, world, windows, readers, draws["free-running"], found)
    if options.long and {"stamina", "actions"} & set(options.probes):
        _long(options, world, dataset, readers, draws["stamina"], found)
    if {"prompts", "events"} & set(options.probes):
        _texts(options, world, dataset, readers, draws, found)
    return found


def _readers(options: Evaluate, world: World, training: Training) -> dict[str, Reader]:
    kinds = sorted({kind for probe in options.probes for kind in NEEDS.get(probe, ())})
    if not kinds:
        return {}
    readers = readers_for(kinds, world.card, world.tokenizer, options.readers, training, options.workers)
    if missing := [kind for kind in kinds if kind not in readers]:
        why = {"actions": "a Discrete action space", "attributes": "captions that tell biome and time of day"}
        needed = " and ".join(f"{why[kind]} for its reader of {kind}" for kind in missing)
        asked = [probe for probe in options.probes if set(NEEDS.get(probe, ())) & set(missing)]
        raise FidelityError(f"{world.card.env['id']} lacks {needed}; leave {' and '.join(asked)} out of --probes")
    return readers


def _free_running(
    options: Evaluate, world: World, windows: Windows, readers: dict[str, Reader],
    rng: np.random.Generator, found: Measured,
) -> None:  # fmt: skip
    """Free running under the true actions, and what a reader says that these were."""
    rollouts, shown = rollout(world.alike, world.tokenizer, windows, options.context, rng, options.rows)
    if "free-running" in options.probes:
        found.trials += rollouts
    if "actions" in options.probes:
        found.trials += read_actions(
            readers["actions"], world.card.action_spec, world.tokenizer, windows, options.context, shown
        )
    few = slice(0, SHOWN * options.windows, options.windows)
    truth = windows.clip.frames[few, options.context - 1 :]
    found.windows = truth, np.concatenate([truth[:, :1], shown[few]], 1), windows.worlds[few]


def _long(
    options: Evaluate, world: World, dataset: Dataset, readers: dict[str, Reader],
    rng: np.random.Generator, found: Measured,
) -> None:  # fmt: skip
    """Long rollouts, their statistics and how readings of actions drift; beside them truth under such actions."""
    spec = world.card.action_spec
    starts = cut_windows(dataset, options.long_worlds, 1, options.context, rng)
    learned, frames, taken = stamina(world.alike, spec, starts, options.context, options.long, rng)
    read = "actions" in options.probes
    with TemporaryDirectory() as folder:
        truth = dataset
        if options.data is None or read:
            truth = record_heldout(
                Path(folder), world.card, TRUE_TIMES * options.long_worlds, options.long, options.seed + 1,
                f"{Sticky.__module__}:{Sticky.__name__}", options.workers,
            )  # fmt: skip
        if "stamina" in options.probes:
            found.trials += [*true_stretches(dataset if options.data is not None else truth), *learned]
        whole = [number for number, entry in enumerate(truth.entries) if entry.length >= options.long][:SHOWN]
        beside = [truth.read(number) for number in whole]
        below = np.array([episode.frames[: options.long] for episode in beside]).reshape(-1, *frames.shape[1:])
        found.long = frames[:SHOWN], starts.worlds[:SHOWN], below, [episode.seed for episode in beside]
        if read:
            found.trials += drift_of_truth(readers["actions"], spec, world.tokenizer, truth)
            found.trials += drift_of_rollouts(readers["actions"], spec, starts.worlds, frames, taken)


def _texts(
    options: Evaluate, world: World, dataset: Dataset, readers: dict[str, Reader],
    draws: dict[str, np.random.Generator], found: Measured,
) -> None:  # fmt: skip
    """Clips under prompts, prompts that change, and truth under changing skies to validate their reader on."""
    reader, spec, card, vocabulary = readers["attributes"], world.card.action_spec, world.card, world.vocabulary
    skies = record_varied(card, options.sky_worlds, SKY_ROWS, FIRST_SEED + 2**20 + options.seed, options.workers)
    found.trials += truth_attributes(reader, world.tokenizer, skies)
    if "prompts" in options.probes:
        found.trials += prompt_clips(
            world.alike, reader, spec, vocabulary, options.clips, options.steps, draws["prompts"], options.rows
        )
    if "events" in options.probes:
        length = options.context + EVENT_STEPS
        windows = cut_windows(dataset, options.event_worlds, 1, length, draws["events"])
        found.trials += text_events(
            world.alike, reader, readers.get("actions"), spec, vocabulary, windows, options.context, draws["events"],
            options.rows,
        )  # fmt: skip
