"""Attributes of what a learned world shows: biome, time of day and weather, as a prompt asked for them.

Clips are made from noise under a prompt, with no-op actions; or a prompt changes in mid-rollout, beside a twin in which
it does not. Truth under changing skies says how well these attributes can be read at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from worldsim.actions import ActionSpec
from worldsim.data.episodes import Episode
from worldsim.fidelity.heldout import Windows
from worldsim.fidelity.probes.rollout import OpenWorld, roll
from worldsim.fidelity.readers.lessons import action_classes, attribute_lessons, through
from worldsim.fidelity.readers.reader import Reader
from worldsim.fidelity.readers.words import ATTRIBUTES, caption_values, prompt
from worldsim.model.text import PromptReader
from worldsim.model.tokenizer import Tokenizer

__all__ = [
    "ASKED", "END", "AttributeReading", "Change", "EventReading", "PromptReading", "Values", "changes", "clip_values",
    "numbers", "prompt_clips", "text_events", "truth_attributes",
]  # fmt: skip

ASKED = (("time", "night"), ("weather", "rain"), ("time", "day"), ("weather", "snow"), ("weather", "thunder"))
END = 8  # frames at a rollout's end whose readings decide what it became

Values = dict[str, int]  # attribute -> number of its value in ATTRIBUTES


@dataclass(frozen=True)
class AttributeReading:
    """A stretch of truth of which one caption tells.

    Attributes:
        world: its seed.
        labels: what the caption tells.
        raw, ceiling: what is read from it, and from it through the tokenizer.
    """

    world: int
    labels: Values
    raw: Values
    ceiling: Values


@dataclass(frozen=True)
class PromptReading:
    """A clip made from noise under a prompt.

    Attributes:
        world: number of the clip; each has noise of its own.
        prompt: what it was given.
        asked, read: what that asks for, and what is read from the clip.
    """

    world: int
    prompt: str
    asked: Values
    read: Values


@dataclass(frozen=True)
class EventReading:
    """A rollout whose prompt changed at its beginning, and its twin whose prompt did not.

    Attributes:
        world, start: where its true frames come from.
        prompt, then: before and after.
        attribute, value: what the change asks for.
        changed, twin: what is read at the end of either.
        actions: classes of the actions that both were played with.
        changed_actions, twin_actions: what is read of them; empty without a reader of actions.
        again: what is read at the end of a second twin, under other noise.
    """

    world: int
    start: int
    prompt: str
    then: str
    attribute: str
    value: int
    changed: Values
    twin: Values
    actions: list[int]
    changed_actions: list[int]
    twin_actions: list[int]
    again: Values = field(default_factory=dict)


def truth_attributes(reader: Reader, tokenizer: Tokenizer, episodes: Sequence[Episode]) -> list[AttributeReading]:
    """Read each stretch of true episodes of which a caption tells all attributes."""
    trials = []
    for episode in episodes:
        copies = through(tokenizer, episode.frames)
        for caption in episode.captions:
            stretch = attribute_lessons([Episode(**{**vars(episode), "captions": (caption,)})])
            if len(stretch):
                labels = {name: int(column[0]) for name, column in stretch.classes.items()}
                read = [_mean(reader, frames, stretch.triples) for frames in (episode.frames, copies)]
                trials.append(AttributeReading(episode.seed, labels, *read))
    return trials


def prompt_clips(
    open_world: OpenWorld, reader: Reader, spec: ActionSpec, vocabulary: PromptReader | None, clips: int, steps: int,
    rng: np.random.Generator, rows: int = 16, turn: int = 0,
) -> list[PromptReading]:  # fmt: skip
    """Make clips of 1 + `steps` frames from noise, each under a prompt, with no-op actions, and read them.

    Values are asked for in turn, from the one that is due at `turn`, in combinations that truth shows, as far as the
    world knows the words for them; without a vocabulary it knows them all.
    """
    known = [values for values in _combinations(reader) if _speaks(vocabulary, values)]
    wanted = [(name, value) for name in ATTRIBUTES for value in ATTRIBUTES[name]
              if any(values[name] == value for values in known)]  # fmt: skip
    asked = []
    for number in range(clips if wanted else 0):
        name, value = wanted[(turn + number) % len(wanted)]
        fitting = [values for values in known if values[name] == value]
        asked.append(fitting[int(rng.integers(len(fitting)))])
    still = spec.encode(spec.decode(np.zeros(spec.width, np.float32)))
    trials = []
    starts, alone = range(0, len(asked), rows), len(asked) < 2
    for first in tqdm(starts, desc="prompts", unit="batch", dynamic_ncols=True, mininterval=0.5, disable=alone):
        part = asked[first : first + rows]
        world, texts = open_world(len(part)), [prompt(values) for values in part]
        seeds = rng.integers(2**62, size=len(part)).tolist()
        frames = [world.reset(prompts=texts, seeds=seeds).frames]
        frames += [world.imagine(np.tile(still, (len(part), 1))).frames for _ in range(steps)]
        for row, clip in enumerate(np.stack(frames, 1)):
            trials.append(PromptReading(turn + first + row, texts[row], numbers(part[row]), clip_values(reader, clip)))
    return trials


def text_events(
    open_world: OpenWorld, reader: Reader, actions_reader: Reader | None, spec: ActionSpec,
    vocabulary: PromptReader | None, windows: Windows, context: int, rng: np.random.Generator, rows: int = 16,
    turn: int = 0,
) -> list[EventReading]:  # fmt: skip
    """Roll out each window under its own actions, with a prompt that changes one attribute and with one that stays.

    A third rollout keeps the prompt and has other noise: what differs there, no prompt has changed.
    Left out are windows without a caption, or for which no change is left that truth shows and the world has words for.
    `turn` and `vocabulary` are as in `prompt_clips`.
    """
    plans = changes(reader, vocabulary, windows, context, turn)
    clip, trials = windows.clip, []
    starts, alone = range(0, len(plans), rows), len(plans) < 2
    for first in tqdm(starts, desc="events", unit="batch", dynamic_ncols=True, mininterval=0.5, disable=alone):
        part = plans[first : first + rows]
        where = [plan.row for plan in part]
        given = clip.frames[where, :context], clip.actions[where, :context]
        future, seeds = clip.actions[where, context:], rng.integers(2**62, size=len(part)).tolist()
        before, after = [prompt(plan.before) for plan in part], [prompt(plan.after) for plan in part]
        other = [seed + 1 for seed in seeds]
        changed, twin, again = (
            roll(open_world, *given, future, noise, prompts=before, then=then)
            for then, noise in ((after, seeds), (before, seeds), (before, other))
        )
        for i, plan in enumerate(part):
            ends = [clip_values(reader, shown[i, -END:]) for shown in (changed, twin, again)]
            taken: list[int] = []
            read: list[list[int]] = [[], []]
            if actions_reader is not None:
                taken = action_classes(spec, future[i, 1:-1]).tolist()
                read = [actions_reader.read_clip(shown[i]).best("action").tolist() for shown in (changed, twin)]
            trials.append(
                EventReading(
                    windows.worlds[plan.row], windows.starts[plan.row], before[i], after[i],
                    plan.attribute, numbers(plan.after)[plan.attribute], ends[0], ends[1], taken, read[0], read[1],
                    ends[2],
                )
            )  # fmt: skip
    return trials


@dataclass(frozen=True)
class Change:
    """The row of a window, its values before and after a change, and the attribute that changes."""

    row: int
    before: dict[str, str]
    after: dict[str, str]
    attribute: str


def changes(
    reader: Reader, vocabulary: PromptReader | None, windows: Windows, context: int, turn: int,
    asked: Sequence[tuple[str, str]] = ASKED,
) -> list[Change]:  # fmt: skip
    """What changes in which windows; the changes of `asked` in turn, as far as they are possible."""
    shown, plans = _combinations(reader), []
    for row, prompts in enumerate(windows.clip.text):
        now = [one for one in prompts if one.start < context and (one.end is None or context <= one.end)]
        before = caption_values(now[0].text) if now else None
        if before is None or not _speaks(vocabulary, before):
            continue
        for other in range(len(asked)):
            name, value = asked[(turn + len(plans) + other) % len(asked)]
            after = {**before, name: value}
            if before[name] != value and after in shown and _speaks(vocabulary, after):
                plans.append(Change(row, before, after, name))
                break
    return plans


def _speaks(vocabulary: PromptReader | None, values: dict[str, str]) -> bool:
    """Whether all words of the prompt for these values are known."""
    return vocabulary is None or not vocabulary.unknown(prompt(values))


def _combinations(reader: Reader) -> list[dict[str, str]]:
    return [dict(zip(ATTRIBUTES, row, strict=True)) for row in reader.combinations]


def numbers(values: dict[str, str]) -> Values:
    """Values by name as values by number."""
    return {name: list(ATTRIBUTES[name]).index(value) for name, value in values.items()}


def clip_values(reader: Reader, clip: np.ndarray) -> Values:
    """What a whole clip u8 (T, H, W, 3) shows."""
    middles = np.arange(reader.apart, len(clip) - reader.apart)
    return _mean(reader, clip, middles[:, None] + reader.apart * np.array([-1, 0, 1]))


def _mean(reader: Reader, frames: np.ndarray, triples: np.ndarray) -> Values:
    """The value of each attribute that is most probable over all triples."""
    return {name: int(shares.mean(0).argmax()) for name, shares in reader.read(frames, triples).shares.items()}
