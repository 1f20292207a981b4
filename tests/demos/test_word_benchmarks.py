"""Benchmarks of words: texts ask for what is counted, new ones were never said, and shares are of what was asked."""

import runpy
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from networks import tiny_world
from worldsim.fidelity.heldout import FidelityError
from worldsim.fidelity.readers.words import ATTRIBUTES, caption_values

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
PROMPTS, ACTING = (runpy.run_path(str(FOLDER / name)) for name in ("prompts.py", "acting.py"))
SAID = Counter({"a forest at noon": 9, "the woods at noon": 2, "in the rain at night in a desert": 1, "a red door": 3})
LABELS = {name: tuple(values) for name, values in ATTRIBUTES.items()}


class AnyText(Counter[str]):
    """Captions that have every text."""

    def __contains__(self, text: object) -> bool:
        return True


def reader(**shown: str) -> SimpleNamespace:
    """A reader that tells every value, and reads the same values in whatever it is shown."""
    shares = {name: np.eye(len(LABELS[name]))[[LABELS[name].index(value)]] for name, value in shown.items()}
    legible = {name: tuple(range(len(values))) for name, values in LABELS.items()}
    return SimpleNamespace(labels=LABELS, legible=legible, read_clip=lambda clip: SimpleNamespace(shares=shares))


def test_every_suite_asks_for_the_same_and_new_texts_were_never_said() -> None:
    rng = np.random.default_rng(0)
    asked = PROMPTS["demands"](reader(), SAID, 30, rng)
    combinations = {tuple(demand.values()) for demand in asked}
    assert combinations == {("forest", "day", "clear"), ("desert", "night", "rain")}, "those that captions have"
    suites = PROMPTS["worded"](asked, SAID, rng)
    assert set(suites["captions' words"]) == {"a forest at noon", "in the rain at night in a desert"}, "the usual ones"
    for name in ("captions' words", "new combination of words", "foreign words around"):
        assert [caption_values(text) for text in suites[name]] == asked, name
    assert not set(suites["new combination of words"]) & set(SAID) and len(set(suites["new combination of words"])) > 20
    with pytest.raises(FidelityError, match="nothing to ask"):
        PROMPTS["demands"](reader(), AnyText(SAID), 3, rng)


def test_all_three_are_met_only_together_and_suites_are_compared_in_pairs() -> None:
    world = tiny_world(1)
    options = SimpleNamespace(rows=2, steps=1)
    asked = [dict(zip(ATTRIBUTES, values, strict=True)) for values in (
        ("forest", "day", "clear"), ("forest", "day", "rain"), ("desert", "day", "rain"),
    )]  # fmt: skip
    seen = reader(biome="forest", time="day", weather="clear")
    frames = PROMPTS["clips"](world, ["snow", "", "rain"], [1, 2, 3], options)
    assert frames.shape[:2] == (3, 2)
    right = PROMPTS["adherence"](seen, frames, asked)
    assert {name: column.tolist() for name, column in right.items()} == {
        "biome": [1, 1, 0], "time": [1, 1, 1], "weather": [1, 0, 0], "all three": [1, 0, 0],
    }  # fmt: skip
    none = {name: np.zeros(3) for name in right}
    figures = PROMPTS["compared"]({"a": right, "b": none})
    assert figures["a: biome"].value == pytest.approx(2 / 3) and figures["b - a: time"].value == -1


def test_the_best_of_several_tries_is_the_one_that_the_matcher_gives_most() -> None:
    tries = [np.full((2, 1, 1, 1, 3), shade, np.uint8) for shade in (10, 20, 30)]
    tries[1][1] = 99
    matcher = SimpleNamespace(score=lambda frames, texts: frames[:, 0, 0, 0, 0].astype(float))
    assert PROMPTS["best"](matcher, ["a", "b"], tries)[:, 0, 0, 0, 0].tolist() == [30, 99]


def test_a_clip_fits_a_deed_that_no_other_action_outnumbers() -> None:
    fits, mostly = {"turns": [1, 2], "walks": [3]}, ACTING["_mostly"]
    assert mostly(np.array([1, 2, 1, 3, 3]), fits, "turns") == 1
    assert mostly(np.array([1, 3, 3, -1, -1, -1]), fits, "turns") == 0
    assert mostly(np.array([1, 3]), fits, "walks") == 1, "a tie is no majority of others"
    assert mostly(np.array([-1, -1]), fits, "turns") == 0
