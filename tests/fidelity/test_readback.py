"""Probes that read, on worlds whose faults are planted, with a reader that makes no mistakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from painted import ACTIONS, EVERY, PLAIN, SKIES, START, VOCABULARY, paint
from worldsim.actions import ActionSpec
from worldsim.clip import Clip, Prompt
from worldsim.data.episodes import Caption, Episode
from worldsim.fidelity.heldout import Windows
from worldsim.fidelity.probes.actions import DriftReading, drift_of_rollouts, read_actions
from worldsim.fidelity.probes.attributes import prompt_clips, text_events, truth_attributes
from worldsim.fidelity.probes.rollout import roll
from worldsim.fidelity.readers.reader import ReaderFacts
from worldsim.fidelity.readers.words import ATTRIBUTES, caption_values, prompt
from worldsim.fidelity.report import summarise, table
from worldsim.fidelity.trials import read_trials, write_trials
from worldsim.model.text import Vocabulary

TABLE = np.array([[0, 0, 0], [1, 0, 0], [0, 0.75, 0], [0, -0.75, 0], [0, 0, 0.5], [0, 0, -0.5]], np.float32)
SPEC = ActionSpec(spaces.Discrete(6), ("forward", "cameraX", "cameraY"), TABLE, meanings=tuple("nfrlud"))
CONTEXT, STEPS = 4, 14


class PaintedWorld:
    """Does what it is told, under the last prompt, unless a fault is planted.

    Args:
        rows: B.
        act: (action, step, changed prompt) → the action that shows.
        far: how far turns go.
        hear: (values of the prompt, values shown before) → those shown from then on.
    """

    def __init__(self, rows: int, act: Callable[..., int], far: float, hear: Callable[..., dict[str, str]]) -> None:
        self.rows, self.act, self.far, self.hear = rows, act, far, hear
        self.values, self.step, self.changed = [START] * rows, 0, False

    def reset(self, frames=None, actions=None, prompts=None, seeds=()) -> Any:
        assert len(seeds) == self.rows
        if prompts is not None:
            self.set_prompt(prompts)
        self.changed = False
        return SimpleNamespace(frames=np.stack([paint(0, np.zeros(2), values) for values in self.values]))

    def set_prompt(self, texts: list[str]) -> None:
        told = [caption_values(text) for text in texts]
        heard = [self.hear(one, before) for one, before in zip(told, self.values, strict=True)]
        self.changed, self.values = heard != self.values, heard

    def imagine(self, actions: np.ndarray) -> Any:
        self.step += 1
        classes = np.abs(actions[:, None] - TABLE).max(-1).argmin(1)
        shown = [self.act(int(one), self.step, self.changed) for one in classes]
        turns = [self.far * TABLE[one, 1:] for one in shown]
        return SimpleNamespace(frames=np.stack(list(map(paint, shown, turns, self.values))))


def world(act=lambda action, step, changed: action, far=1.0, hear=lambda asked, before: asked) -> Any:
    return lambda rows: PaintedWorld(rows, act, far, hear)


def windows(count: int = 12, steps: int = STEPS, seed: int = 0) -> Windows:
    """True windows under random actions, two from each world."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(6, size=(count, CONTEXT + steps))
    frames = np.stack([np.stack([paint(one, TABLE[one, 1:], START) for one in row]) for row in classes])
    flags = np.zeros(classes.shape, np.bool_)
    text = [[Prompt(prompt(START), 0, None)] for _ in range(count)]
    clip = Clip(frames, TABLE[classes], np.zeros((*classes.shape, 1), np.float32), flags, flags, ~flags, text=text)
    return Windows(clip, tuple((np.arange(count) // 2).tolist()), (0,) * count)


def read_back(open_world: Any) -> dict[str, Any]:
    """The figures of action readback in 24 windows."""
    truth = windows(24)
    clip = truth.clip
    shown = roll(open_world, clip.frames[:, :CONTEXT], clip.actions[:, :CONTEXT], clip.actions[:, CONTEXT:], [0] * 24)
    trials = read_actions(ACTIONS, SPEC, PLAIN, truth, CONTEXT, shown)  # type: ignore[arg-type]
    return summarise([ACTIONS.facts, *trials], resamples=200)


def test_truth_as_its_own_candidate_scores_one_and_its_turns_have_gain_one() -> None:
    figures = read_back(world())
    assert figures["readers"]["action"]["passed"] and figures["readers"]["action"]["accuracy"] == 1
    assert figures["actions"]["n"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert figures["actions"]["turn_gain"]["yaw"]["value"] == pytest.approx(1)
    assert all(bar["met"] for bar in figures["bars"]) and len(figures["bars"]) == 4
    assert figures["readers"]["action"]["turn_correlation"] == pytest.approx({"yaw": 1, "pitch": 1})


@pytest.mark.parametrize(
    "act",
    [lambda action, step, changed: 1, lambda action, step, changed: step % 6],
    ids=["always forward", "a round of its own"],
)
def test_a_world_that_ignores_actions_scores_about_nothing(act: Any) -> None:
    found = read_back(world(act))["actions"]
    assert found["n"]["value"] < 0.1 and found["ceiling"]["value"] == 1


def test_a_world_that_turns_a_fifth_too_far_is_caught_by_the_gain_and_by_nothing_else() -> None:
    figures = read_back(world(far=1.2))
    assert figures["actions"]["turn_gain"]["yaw"]["value"] == pytest.approx(1.2)
    assert figures["actions"]["turn_gain"]["pitch"]["low"] > 1.1 and figures["actions"]["n"]["value"] == 1
    assert [bar["met"] for bar in figures["bars"]] == [True, True, False, False]


def test_a_world_that_turns_the_other_way_has_a_negative_gain() -> None:
    mirrored = {2: 3, 3: 2}
    found = read_back(world(lambda action, step, changed: mirrored.get(action, action)))["actions"]
    assert found["turn_gain"]["yaw"]["value"] == pytest.approx(-1) and found["turn_gain"]["pitch"]["value"] > 0.99
    assert found["classes"]["r"] == {"model": 0.0, "ceiling": 1.0}


def test_a_reader_that_misreads_truth_fails_its_validation_and_nothing_is_scored_by_it() -> None:
    truth = windows(24)
    trials = read_actions(ACTIONS, SPEC, PLAIN, truth, CONTEXT, truth.clip.frames[:, CONTEXT:])  # type: ignore
    guesses = np.random.default_rng(0)
    blind = [type(one)(**{**vars(one), "raw": guesses.integers(6, size=len(one.raw)).tolist()}) for one in trials]
    figures = summarise([ACTIONS.facts, *blind], resamples=100)
    assert not figures["readers"]["action"]["passed"] and "actions" not in figures
    assert "FAILED" in table(figures) and "not scored" in table(figures)


def test_classes_that_are_not_legible_do_not_count() -> None:
    truth = windows(24)
    shown = roll(world(), *_given(truth), truth.clip.actions[:, CONTEXT:], [0] * 24)
    trials = read_actions(ACTIONS, SPEC, PLAIN, truth, CONTEXT, shown)  # type: ignore[arg-type]
    dim = ReaderFacts("actions", ACTIONS.facts.labels, {"action": [0, 2]})
    found = summarise([dim, *trials], resamples=50)
    assert found["readers"]["action"]["counted"] == ["n", "r"] and set(found["actions"]["classes"]) == {"n", "r"}


def drift(open_world: Any, steps: int = 512) -> dict[str, Any]:
    truth = windows(6, steps=steps, seed=1)
    shown = roll(open_world, *_given(truth), truth.clip.actions[:, CONTEXT:], [0] * 6)
    learned = drift_of_rollouts(ACTIONS, SPEC, range(6), shown, truth.clip.actions[:, CONTEXT:])  # type: ignore
    true = [DriftReading("true", 7 + one.world, one.actions, one.actions, one.frozen) for one in learned]
    first = read_actions(ACTIONS, SPEC, PLAIN, windows(24), CONTEXT, windows(24).clip.frames[:, CONTEXT:])  # type: ignore
    return summarise([ACTIONS.facts, *first, *true, *learned], resamples=100)["drift"]


def test_a_world_that_always_obeys_does_not_drift() -> None:
    found = drift(world())
    assert found["half_life"] is None and found["last_over_first"]["value"] == pytest.approx(1)
    assert len(found["n_per_window"]) == 7 and found["first"]["value"] == pytest.approx(1)


def test_a_world_that_stops_obeying_at_frame_200_has_its_half_life_there() -> None:
    found = drift(world(lambda action, step, changed: action if step < 200 else 0))
    assert found["half_life"] == 192 + 32 and found["last_over_first"]["high"] < 0.3
    assert [one["value"] > 0.9 for one in found["n_per_window"]] == [True] * 3 + [False] * 4


def _given(truth: Windows) -> tuple[np.ndarray, np.ndarray]:
    return truth.clip.frames[:, :CONTEXT], truth.clip.actions[:, :CONTEXT]


# -- attributes ------------------------------------------------------------------------------------------------------


def skies() -> list[Any]:
    """Truth of every combination, read without a mistake."""
    episodes = []
    for number, values in enumerate(EVERY):
        frames = np.repeat(paint(0, np.zeros(2), values)[None], 16, axis=0)
        flags = np.zeros(16, np.bool_)
        caption = Caption(0, 16, prompt(values), "")
        blank = np.zeros((16, 3), np.float32)
        episodes.append(Episode(frames, blank, blank[:, :1], flags, flags, (caption,), seed=number))
    trials = truth_attributes(SKIES, PLAIN, episodes)  # type: ignore[arg-type]
    assert len(trials) == len(EVERY) and all(one.labels == one.raw == one.ceiling for one in trials)
    return trials


def prompted(open_world: Any, clips: int = 160, vocabulary: Vocabulary = VOCABULARY) -> dict[str, Any]:
    trials = prompt_clips(open_world, SKIES, SPEC, vocabulary, clips, 8, np.random.default_rng(0))  # type: ignore
    return summarise([SKIES.facts, *skies(), *trials], resamples=200)


def test_a_world_that_hears_prompts_scores_one_and_a_deaf_one_nothing() -> None:
    for hear, expected in ((lambda asked, before: asked, 1.0), (lambda asked, before: before, 0.0)):
        figures = prompted(world(hear=hear))
        for head in ATTRIBUTES:
            assert figures["prompts"][head]["n"]["value"] == pytest.approx(expected, abs=0.01)
        assert [bar["met"] for bar in figures["bars"][-3:]] == [bool(expected)] * 3


def test_a_world_that_hears_of_the_time_alone_is_caught_by_the_other_attributes() -> None:
    figures = prompted(world(hear=lambda asked, before: {**before, "time": asked["time"]}))
    assert figures["prompts"]["time"]["n"]["value"] == 1
    assert figures["prompts"]["biome"]["n"]["high"] < 0.1 and figures["prompts"]["weather"]["n"]["high"] < 0.1


def test_what_a_world_has_no_words_for_is_not_asked_and_the_report_says_so() -> None:
    words = Vocabulary.collect([prompt(values) for values in EVERY if values["weather"] == "clear"])
    figures = prompted(world(), vocabulary=words)
    assert figures["prompts"]["weather"]["never_asked"] == ["rain", "snow", "thunder"]
    assert "refused" in figures["prompts"]["weather"] and figures["prompts"]["biome"]["n"]["value"] == 1
    assert "never asked for: rain, snow, thunder" in table(figures)


def changed(open_world: Any) -> dict[str, Any]:
    truth = windows(24, steps=32)
    trials = text_events(
        open_world, SKIES, ACTIONS, SPEC, VOCABULARY, truth, CONTEXT, np.random.default_rng(0)  # type: ignore[arg-type]
    )
    assert len(trials) == 24 and {one.attribute for one in trials} == {"time", "weather"}
    first = read_actions(ACTIONS, SPEC, PLAIN, truth, CONTEXT, truth.clip.frames[:, CONTEXT:])  # type: ignore[arg-type]
    return summarise([ACTIONS.facts, SKIES.facts, *first, *skies(), *trials], resamples=200)


@pytest.mark.parametrize(
    ("fault", "missed"),
    [
        ({}, []),
        ({"hear": lambda asked, before: before}, ["named change"]),
        ({"hear": lambda asked, before: asked if asked == START else {**asked, "biome": "swamp"}}, ["kept"]),
        ({"act": lambda action, step, changed: 0 if changed else action}, ["action readback"]),
    ],
    ids=["none", "deaf", "another place", "actions forgotten"],
)
def test_each_fault_of_a_text_event_is_caught_by_its_own_bar(fault: dict[str, Any], missed: list[str]) -> None:
    bars = [bar for bar in changed(world(**fault))["bars"] if bar["bar"].startswith("text events")]
    assert len(bars) == 3
    assert [any(word in bar["bar"] for word in missed) for bar in bars] == [not bar["met"] for bar in bars]


class Wanderer(PaintedWorld):
    """Its noise decides where it is; prompts decide all but that."""

    def reset(self, frames=None, actions=None, prompts=None, seeds=()) -> Any:
        step = super().reset(frames, actions, prompts, seeds)
        places = ("plains", "swamp")
        self.values = [{**one, "biome": places[seed % 2]} for one, seed in zip(self.values, seeds, strict=True)]
        return step


def test_what_noise_alone_changes_stands_beside_what_a_prompt_changed() -> None:
    hear = lambda asked, before: {**asked, "biome": before["biome"]}  # noqa: E731
    figures = changed(lambda rows: Wanderer(rows, lambda action, step, changed: action, 1.0, hear))
    assert figures["events"]["others_kept"]["value"] == 1 and figures["events"]["others_alike"]["value"] == 0.5
    assert "in a twin under other noise 0.500" in table(figures)


def test_figures_of_readings_follow_from_their_lines(tmp_path: Path) -> None:
    truth = windows(24, steps=32)
    trials: list[Any] = [ACTIONS.facts, SKIES.facts, *skies()]
    trials += read_actions(ACTIONS, SPEC, PLAIN, truth, CONTEXT, truth.clip.frames[:, CONTEXT:])  # type: ignore
    trials += prompt_clips(world(), SKIES, SPEC, VOCABULARY, 20, 8, np.random.default_rng(0))  # type: ignore[arg-type]
    again = read_trials(write_trials(tmp_path / "trials.jsonl", trials))
    assert again == trials and summarise(again, resamples=20) == summarise(trials, resamples=20)
