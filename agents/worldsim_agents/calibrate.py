"""`worldsim agent calibrate`: in worlds that training never saw, from which probability on each event has happened.

True episodes are recorded with players that training did not use, or given (`--data`, which any other world than the
voxel one needs), and cut into stretches; each stretch is played by the learned world under the true actions after a few
true frames, as agents will play it. Half of the worlds, or of the given episodes, choose the thresholds, the other half
says how good they are; an event that is hardly told there is left out. What frames surprise the model is measured on
the way. Where frames are drawn again from these very thresholds on, all is played twice: the first time chooses them,
and the second says how good they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from tqdm import tqdm

from worldsim.clip import Clip
from worldsim.data.envs import is_voxel
from worldsim.data.episodes import Dataset
from worldsim.data.record import record
from worldsim.model.calibration import END, Calibration, EventScore, played_fingerprint, write_calibration
from worldsim.model.checkpoint import find
from worldsim.sampling.world import SURPRISES, World
from worldsim_agents.clumsy import clumsy
from worldsim_agents.sightings import best_threshold, score
from worldsim_agents.solve import SOLUTIONS

__all__ = ["Calibrate", "CalibrateError", "calibrate"]

FIRST_SEED = 2**29  # of recordings: those for training take small seeds, fidelity begins at 2**30
ENVS = {"Explore": "worldsim/Voxel-v0"} | {task: f"worldsim/{task}-v0" for task in ("Workshop", *SOLUTIONS)}
EPISODE = 160  # rows
TELLING = 0.1  # F1 below which a threshold tells nothing: such a one would let a policy live on false alarms
QUANTILES = (0.5, 0.9, 0.95, 0.99)


class CalibrateError(ValueError):
    """What cannot be calibrated, or not with these episodes."""


@dataclass(frozen=True)
class Calibrate:
    """Measure from which probability on each event counts, and write it beside the weights as events.json."""

    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder."""
    data: tuple[Path, ...] = ()
    """Datasets of true episodes that training did not see, instead of episodes of the voxel world's tasks."""
    out: Path | None = None
    """Folder for events.json; the checkpoint's own by default."""
    frames: int = 16_000
    """True frames to record, over all tasks, or to take of each dataset at most."""
    context: int = 8
    """True frames before each stretch of play."""
    steps: int = 16
    """Frames of each stretch."""
    rows: int = 16
    """Stretches at a time."""
    passes: int | None = None
    """Denoising passes per frame; by default as many as the checkpoint plays with."""
    seed: int = 0
    """Decides worlds, players and noise."""
    device: str = "cpu"
    """Where the networks run."""

    def __post_init__(self) -> None:
        for name in ("frames", "context", "steps", "rows", "passes"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"--{name} must be at least 1, got {value}")


@dataclass
class _Played:
    """Stretches as the learned world played them: N of T frames, E events."""

    probabilities: np.ndarray
    happened: np.ndarray
    worlds: np.ndarray
    surprise: dict[str, list[np.ndarray]]
    error: dict[str, list[np.ndarray]]


def calibrate(options: Calibrate) -> Path:
    """Run the measurement as the options say; returns the path of the table.

    Raises:
        CheckpointError: no such checkpoint.
        CalibrateError: datasets of another world or without two long episodes, or none where they are needed.
        DatasetError: no dataset there.
    """
    folder = find(options.checkpoint)
    world = World.from_pretrained(options.checkpoint, rows=options.rows, steps=options.passes, device=options.device)
    if options.data:
        stretches = _given(options, world)
    elif is_voxel(world.card.env["id"]):
        with TemporaryDirectory() as place:
            stretches = list(_stretches(options, world, Path(place)))
    else:
        raise CalibrateError(
            f"{options.checkpoint} was learned from {world.card.env['id'] or 'imported data'}, whose players and tasks "
            "are not known here; give --data with episodes that training did not see"
        )
    world.calibration = None
    if world.card.redraws:
        world.calibration = Calibration(_scores(world, _play(options, world, stretches))[0])
    played = _play(options, world, stretches)
    events, untold = _scores(world, played, world.calibration)
    odd = played.worlds % 2 == 1
    first = {kind: np.concatenate([part[:, 0] for part in parts]) for kind, parts in played.surprise.items()}
    limits = {kind: {f"{q:g}": round(float(np.quantile(far, q)), 5) for q in QUANTILES} for kind, far in first.items()}
    table = Calibration(
        events,
        limits,
        played_fingerprint(folder),
        {"stretches": len(odd), "worlds": len(set(played.worlds.tolist())), "frames": int(odd.size * options.steps),
         "untold": untold, "context": options.context, "steps": options.steps, "passes": world.steps,
         "temperature": world.temperature.usual,
         "rank correlation of surprise and error": _correlations(played)},
    )  # fmt: skip
    path = write_calibration(options.out or folder, table)
    print(_table(table))
    print(f"{len(events)} of {len(world.card.event_names)} events told, {len(untold)} others happened: {path}")
    return path


def _scores(
    world: World, played: _Played, chosen: Calibration | None = None
) -> tuple[dict[str, EventScore], dict[str, int]]:
    """How well each event is told, and how often those happened that are not; from thresholds that were chosen before,
    or else are now."""
    odd = played.worlds % 2 == 1
    events: dict[str, EventScore] = {}
    untold: dict[str, int] = {}
    names = (*world.card.event_names[1:], END)
    for column, name in enumerate(tqdm(names, desc="thresholds", leave=False)):
        chance, truth = played.probabilities[:, :, column], played.happened[:, :, column]
        known = None if chosen is None else chosen.threshold(name)
        found = score(chance[~odd], truth[~odd], known or best_threshold(chance[odd], truth[odd]))
        if found.f1 >= TELLING:
            events[name] = found
        elif truth.any():
            untold[name] = int(truth.sum())
    return events, untold


def _stretches(options: Calibrate, world: World, place: Path) -> Iterator[tuple[Clip, int]]:
    """Record each task's episodes, and cut them into clips of one row, each with the number of its world."""
    length, card = options.context + options.steps, world.card
    share = max(options.frames // len(ENVS), length)
    kwargs = {key: value for key, value in card.env["kwargs"].items() if key != "task"}
    for number, (task, env_id) in enumerate(tqdm(ENVS.items(), desc="recording", leave=False)):
        folder = place / task
        policy: Any = partial(clumsy, task, 0.05, 0.3)
        record(
            env_id, policy, share, folder, FIRST_SEED + 1000 * options.seed + number, episode_length=EPISODE,
            env_kwargs=kwargs, size=card.size,
        )  # fmt: skip
        data = Dataset.open(folder)
        for episode, clip in _cut(options, data):
            yield clip, data.entries[episode].seed


def _given(options: Calibrate, world: World) -> list[tuple[Clip, int]]:
    """The stretches of the given datasets, each with the number of its episode over all of them."""
    card, found, episodes = world.card, [], 0
    for folder in options.data:
        data = Dataset.open(folder)
        for name, got, expected in (
            ("frames", tuple(data.info.size), tuple(card.size)),
            ("actions", data.info.actions.names, card.action_spec.names),
            ("events", tuple(data.info.event_names), tuple(card.event_names)),
        ):
            if got != expected:
                raise CalibrateError(f"{folder}: {name} must be {expected}, as {card.name!r} has them, got {got}")
        taken = 0
        for episode, clip in _cut(options, data):
            if taken >= options.frames:
                break
            taken += options.steps
            found.append((clip, episodes + episode))
        episodes += len(data)
    if len({number % 2 for _, number in found}) < 2:
        raise CalibrateError(
            f"--data must hold two episodes of {options.context + options.steps} frames or more, one after another, to "
            f"choose thresholds by one and judge them by the other; got {len({number for _, number in found})}"
        )
    return found


def _cut(options: Calibrate, data: Dataset) -> Iterator[tuple[int, Clip]]:
    """Clips of one row, each with the number of its episode; the last one of an episode holds its end."""
    length = options.context + options.steps
    for episode, rows in enumerate(data.lengths.tolist()):
        firsts = {*range(0, rows - length, options.steps), rows - length}
        for first in sorted(first for first in firsts if first >= 0):
            yield episode, data.clip([(episode, first, first + length)])


def _play(options: Calibrate, world: World, stretches: list[tuple[Clip, int]]) -> _Played:
    """Let the learned world play all stretches, some at a time; what is left over repeats the last."""
    steps, context, rows = options.steps, options.context, options.rows
    kinds, chances, truths, seeds = list(SURPRISES), [], [], []
    surprise, error = {kind: [] for kind in kinds}, {kind: [] for kind in kinds}
    for number, first in enumerate(tqdm(range(0, len(stretches), rows), desc="playing")):
        batch = stretches[first : first + rows]
        filled = [*batch, *[batch[-1]] * (rows - len(batch))]
        frames, actions, events = (
            np.concatenate([getattr(clip, part) for clip, _ in filled]) for part in ("frames", "actions", "events")
        )
        ends = np.concatenate([clip.terminated for clip, _ in filled])
        noise = [int(s) for s in np.random.default_rng([options.seed, number]).integers(2**62, size=rows)]
        world.reset(frames[:, :context], actions[:, :context], None, noise)
        kind = kinds[number % len(kinds)]
        told, far, off = [], [], []
        for t in range(steps):
            step = world.imagine(actions[:, context + t], pixels=False, surprise=kind)
            told.append(np.concatenate([step.events[:, 1:], step.ended[:, None]], 1))
            far.append(step.surprise)
            off.append(np.sqrt(np.square(step.latents - world.latents(frames[:, context + t])).mean(axis=(1, 2, 3))))
        happened = np.concatenate([events[:, context:, 1:] > 0, ends[:, context:, None]], 2)
        for rolls, values in ((surprise, far), (error, off)):
            rolls[kind].append(np.stack(values, 1)[: len(batch)])
        chances.append(np.stack(told, 1)[: len(batch)])
        truths.append(happened[: len(batch)])
        seeds += [seed for _, seed in batch]
    kept = {kind: parts for kind, parts in surprise.items() if parts}
    return _Played(np.concatenate(chances), np.concatenate(truths), np.array(seeds), kept, error)


def _correlations(played: _Played) -> dict[str, float]:
    """By kind of surprise, Spearman's rank correlation with the latents' true error over all frames of play."""
    found = {}
    for kind, parts in played.surprise.items():
        far, off = (np.concatenate([part.ravel() for part in rolls]) for rolls in (parts, played.error[kind]))
        found[kind] = round(float(spearmanr(far, off)[0]), 3)  # pyright: ignore[reportArgumentType]
    return found


def _table(found: Calibration) -> str:
    lines = [f"{'event':28}threshold precision recall    F1   seen"]
    for name, row in sorted(found.events.items(), key=lambda item: -item[1].f1):
        numbers = f"{row.threshold:9.3f}{row.precision:10.2f}{row.recall:7.2f}{row.f1:6.2f}{row.seen:7}"
        lines.append(f"{name:28}{numbers}")
    return "\n".join(lines)
