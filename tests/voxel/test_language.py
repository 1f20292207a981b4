"""Captions against the state: what a reader who knows nothing of the grammar takes from them is what is there."""

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from caption_reader import read
from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import BLOCKS
from worldsim_envs.voxel.events import CREATURES, EVENT_NAMES
from worldsim_envs.voxel.kinds import KIND_IDS
from worldsim_envs.voxel.language import SENTENCES, event_sentence, vocabulary
from worldsim_envs.voxel.language.captions import HELD_OUT, held_out, said
from worldsim_envs.voxel.language.facts import Facts, facts_of, side_at
from worldsim_envs.voxel.language.story import TOLD, Story, in_order
from worldsim_envs.voxel.terrain import BIOMES

TELLABLE = [name for name, told in zip(EVENT_NAMES, TOLD, strict=True) if told]


def moment(random: np.random.Generator) -> tuple[Any, np.ndarray, np.ndarray, tuple[str, ...]]:
    """A random state, the blocks seen, an action and up to three events."""
    state = SimpleNamespace(
        blocks=np.zeros((64, 64, 4), np.uint8), body=np.zeros(s.BODY_FIELDS), marks=np.zeros(s.MARK_FIELDS, np.int64),
        entities=np.zeros((s.MAX_ENTITIES, s.ENTITY_FIELDS)),
        kinds=np.zeros((s.MAX_ENTITIES, s.KIND_FIELDS), np.int64), weather=np.zeros(s.WEATHER_FIELDS),
    )  # fmt: skip
    state.body[[s.X, s.Y, s.YAW]] = *random.uniform(0, 64, 2), random.uniform(0, 360)
    state.marks[[s.BIOME, s.CLOCK, s.DAY_LENGTH]] = random.integers(len(BIOMES)), random.integers(1000), 1000
    state.weather[[s.RAIN, s.SNOWFALL, s.THUNDER]] = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 0, 1)][random.integers(4)]
    for row in range(random.integers(4)):
        state.kinds[row, s.KIND] = KIND_IDS[str(random.choice(CREATURES))]
        state.entities[row, :2] = (state.body[:2] + random.uniform(-20, 20, 2)) % 64
    seen = random.integers(0, len(BLOCKS), 6).astype(np.uint8).repeat(6).reshape(6, 6).T
    action = (random.random(25) < 0.1).astype(np.float32)
    order = tuple(random.choice(TELLABLE, random.integers(4), replace=False).tolist())
    return state, seen, action, order


def there(state: Any) -> dict[tuple[str, str], list[float]]:
    """The creatures of a state by kind and side, with their distances, reckoned anew."""
    found: dict[tuple[str, str], list[float]] = {}
    facing = np.array([np.sin(np.radians(state.body[s.YAW])), np.cos(np.radians(state.body[s.YAW]))])
    for row in range(s.MAX_ENTITIES):
        number = int(state.kinds[row, s.KIND])
        if number == 0:
            continue
        gap = state.entities[row, :2] - state.body[:2]
        gap -= 64 * np.round(gap / 64)
        away = float(np.linalg.norm(gap))
        ahead, right = float(gap @ facing) / away, float(gap @ [facing[1], -facing[0]])
        angle = np.degrees(np.arccos(np.clip(ahead, -1, 1)))
        side = "ahead" if angle <= 25 else "behind" if angle >= 120 else "right" if right > 0 else "left"
        if away <= 24:
            kind = next(name for name, value in KIND_IDS.items() if value == number)
            found.setdefault((kind, side), []).append(away)
    return found


def hour(share: float) -> str:
    ends = ((0.04, "sunrise"), (0.17, "morning"), (0.33, "noon"), (0.46, "afternoon"), (0.54, "sunset"),
            (0.70, "evening"), (0.80, "midnight"), (0.96, "night"), (2.0, "sunrise"))  # fmt: skip
    return next(name for end, name in ends if share < end)


@pytest.fixture(scope="module")
def samples() -> list[tuple[Any, Facts]]:
    random = np.random.default_rng(0)
    moments = [moment(random) for _ in range(1000)]
    return [(state, facts_of(state, seen, action, order)) for state, seen, action, order in moments]


def mistakes(state: Any, caption: str, order: list[str]) -> list[str]:
    """Return what a full caption says otherwise than the state, and than the events' sentences in their order."""
    reading, actual = read(caption), there(state)
    rain, snow, thunder = state.weather[[s.RAIN, s.SNOWFALL, s.THUNDER]]
    told = {
        "biome": reading.biome == BIOMES[state.marks[s.BIOME]],
        "time": reading.time == hour(state.marks[s.CLOCK] / 1000),
        "weather": reading.weather == ("thunder" if thunder else "rain" if rain else "snow" if snow else "clear"),
        "creatures": reading.creatures == {key: len(far) for key, far in actual.items()},
        "near": reading.near == {key for key, far in actual.items() if min(far) < 4.0},
        "order": len(order) < 2 or reading.order == order,
    }
    return [name for name, right in told.items() if not right]


@pytest.mark.parametrize("other", [0, 1])
def test_a_reader_recovers_a_thousand_full_captions(samples: list[tuple[Any, Facts]], other: int) -> None:
    for number, (state, facts) in enumerate(samples):
        caption = said(facts, "full", other * (number + 1))
        assert mistakes(state, caption, [event_sentence(name) for name in facts.order]) == [], caption


def swapped(creatures: tuple[Any, ...]) -> tuple[Any, ...]:
    other = {"left": "right", "right": "left", "ahead": "ahead", "behind": "behind"}
    return tuple(replace(each, side=other[each.side]) for each in creatures)


FAULTS = {
    "biome": lambda f: replace(f, biome="desert" if f.biome != "desert" else "snow"),
    "time": lambda f: replace(f, time=(f.time + 0.5) % 1.0),
    "weather": lambda f: replace(f, weather="snow" if f.weather != "snow" else "clear"),
    "creatures": lambda f: replace(f, creatures=swapped(f.creatures)),
    "near": lambda f: replace(f, creatures=tuple(replace(c, near=not c.near) for c in f.creatures)),
    "order": lambda f: replace(f, order=f.order[::-1]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_reader_finds_each_fault_that_is_planted_and_no_other(samples: list[tuple[Any, Facts]], fault: str) -> None:
    found = []
    for number, (state, facts) in enumerate(samples):
        wrong = FAULTS[fault](facts)
        if replace(wrong, creatures=facts.creatures) == facts and set(wrong.creatures) == set(facts.creatures):
            continue  # nothing to mistake: no creature at a side, one event or none
        order = [event_sentence(name) for name in facts.order]
        found.append(mistakes(state, said(wrong, "full", number), order))
    assert len(found) > 200
    kinds = {"creatures", "near"} if fault == "creatures" else {fault}  # who is near moves along with its side
    assert all(each and set(each) <= kinds for each in found)


@pytest.mark.parametrize("detail", ["short", "detailed"])
def test_a_reader_recovers_place_time_and_weather_from_shorter_ones(
    samples: list[tuple[Any, Facts]], detail: str
) -> None:
    for number, (_, facts) in enumerate(samples):
        reading = read(said(facts, detail, number))
        assert (reading.biome, reading.time, reading.weather) == (facts.biome, hour(facts.time), facts.weather)


def test_three_lengths_are_three_lengths(samples: list[tuple[Any, Facts]]) -> None:
    lengths = np.array([[len(said(facts, d).split()) for d in ("short", "detailed", "full")] for _, facts in samples])
    assert (np.diff(lengths, axis=1) >= 0).all() and (np.diff(lengths.mean(axis=0)) > 3).all()


def test_paraphrases_differ_and_the_usual_words_stay(samples: list[tuple[Any, Facts]]) -> None:
    facts = samples[0][1]
    assert said(facts, "full") == said(facts, "full")
    assert len({said(facts, "full", other) for other in range(50)}) > 10


def test_held_out_combinations_are_told_from_others() -> None:
    facts = Facts("desert", 0.75, "clear", (), True, (), False, "stands still")
    assert ("desert", "at midnight") in HELD_OUT and held_out(facts)
    assert not held_out(Facts("desert", 0.25, "clear", (), True, (), False, "stands still"))
    assert held_out(Facts("plains", 0.25, "snow", (), True, (), False, "stands still"))


def test_every_held_out_combination_can_occur(samples: list[tuple[Any, Facts]]) -> None:
    shown = {pair for _, f in samples for pair in [(f.biome, f.weather), *((c.kind, c.side) for c in f.creatures)]}
    shown |= {(f.biome, said(f, "short").split(" with ")[0].split(" ", 2)[-1]) for _, f in samples}
    assert sum(pair in shown for pair in HELD_OUT) >= 6


def test_vocabulary_holds_every_word_and_stays_small(samples: list[tuple[Any, Facts]]) -> None:
    words = set(vocabulary())
    assert len(words) <= 400 and all(re.fullmatch(r"[a-z]+|\.", word) for word in words)
    texts = [said(f, d, n) for n, (_, f) in enumerate(samples) for d in ("short", "detailed", "full")]
    texts += [*SENTENCES, *(event_sentence(name) for name in EVENT_NAMES)]
    assert set(" ".join(texts).split()) <= words


def test_every_event_has_a_sentence_of_its_own() -> None:
    sentences = [event_sentence(name) for name in EVENT_NAMES]
    assert len(set(sentences)) > len(sentences) - 4  # charcoal is coal to a reader


def test_sides_are_measured_from_the_direction_of_sight() -> None:
    assert [side_at(b) for b in (0, 24, -60, 60, 119, 121, -180)] == [
        "ahead", "ahead", "left", "right", "right", "behind", "behind",
    ]  # fmt: skip


def test_a_story_keeps_the_order_and_forgets_what_is_long_ago() -> None:
    story = Story()
    for tick, name in ((1, "jumped"), (5, "day_broke"), (7, "jumped"), (8, "bumped")):
        story.note(tick, np.array([float(n == name) for n in EVENT_NAMES], np.float32))
    assert story.tell(0) == "first the player jumps then day breaks"
    assert story.tell(5) == "the player jumps" and story.tell(7) == ""
    twin = story.copy()
    twin.note(9, np.array([float(n == "placed") for n in EVENT_NAMES], np.float32))
    assert story.tell(7) == "" and twin.tell(7) == "a block is placed"


def test_order_is_told_in_three_ways() -> None:
    pair = ("jumped", "placed")
    assert [in_order(pair, other) for other in range(3)] == [
        "first the player jumps then a block is placed", "the player jumps and after that a block is placed",
        "a block is placed after the player jumps",
    ]  # fmt: skip
