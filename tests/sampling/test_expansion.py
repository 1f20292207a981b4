"""Prompt expansion: the user's words stay, first and as they were, and nothing is added that speaks against them."""

import numpy as np
import pytest

from worldsim.fidelity.readers.words import ATTRIBUTES
from worldsim.model.text import Vocabulary
from worldsim.sampling.expansion import expand, expand_by
from worldsim.sampling.timelines import VerbError
from worldsim_envs.voxel.language.captions import said
from worldsim_envs.voxel.language.facts import Creatures, Facts
from worldsim_envs.voxel.language.words import PLACES

PAIRS = (
    ("a desert at noon", "a desert at noon with yellow sand . the sky is blue . the player walks forward"),
    ("a desert at night", "a desert at night with yellow sand . the sky is dark . the player stands still"),
    ("a desert at noon with a pig ahead", "a desert at noon with yellow sand . the sky is blue . a pig is ahead"),
    ("a forest at noon with a pig on the left",
     "a forest at noon with oak trees . the sky is blue . a pig is on the left . a cow is ahead"),
)  # fmt: skip


def random_facts(rng: np.random.Generator) -> Facts:
    sides = ("left", "right", "ahead", "behind")
    kinds = ("pig", "cow", "spider")
    skies = ("clear", "clear", "rain", "snow", "thunder")
    return Facts(
        str(rng.choice(list(PLACES))), float(rng.random()), str(rng.choice(skies)),
        (("trees", str(rng.choice(sides[:3]))),) if rng.random() < 0.5 else (), bool(rng.random() < 0.5),
        tuple(Creatures(str(kind), str(rng.choice(sides)), int(rng.integers(1, 4)), bool(rng.random() < 0.5))
              for kind in rng.choice(kinds, rng.integers(3), replace=False)),
        bool(rng.random() < 0.2), str(rng.choice(["walks forward", "turns left", "stands still", "mines a block"])),
    )  # fmt: skip


def values(text: str) -> dict[str, set[str]]:
    """For each attribute all values that a text tells."""
    return {
        name: {value for value, phrases in table.items() if any(phrase and phrase in text for phrase in phrases)}
        for name, table in ATTRIBUTES.items()
    }


def test_what_is_asked_stays_and_no_attribute_is_contradicted() -> None:
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(200):
        facts, other = random_facts(rng), int(rng.integers(2) * rng.integers(1, 2**31))
        pairs.append((said(facts, "short", other), said(facts, "detailed", other)))
    grown = 0
    for number in range(250):
        facts = random_facts(rng)
        words = said(facts, "short", int(rng.integers(2) * rng.integers(1, 2**31))).split()
        first = int(rng.integers(len(words))) if number % 3 == 0 else 0  # pieces of prompts, too
        asked = " ".join(words[first : first + 1 + int(rng.integers(len(words)))])
        asked = asked.title() if number % 5 == 0 else asked
        expansion = expand(asked, pairs)
        assert expansion.text.startswith(asked) and expansion.because
        grown += expansion.changed
        wanted, got = values(asked.lower()), values(expansion.text.lower())
        for name, told in wanted.items():
            if len(told) == 1:
                assert got[name] == told, f"{asked!r} became {expansion.text!r}"
    assert grown > 150


def test_a_usual_moment_that_fits_is_told_and_goes_on_where_the_prompt_ends() -> None:
    assert expand("a desert", PAIRS).text == PAIRS[0][1]
    assert expand("Night!", PAIRS).text == (
        "Night! . a desert at night with yellow sand . the sky is dark . the player stands still"
    )
    assert "3 of 4 recorded moments" in expand("a desert", PAIRS).because
    assert "a cow is ahead" in expand("a pig on the left", PAIRS).text


def test_before_noon_is_not_noon() -> None:
    pairs = [("a desert before noon", "a desert before noon . the sky is bright")]
    assert not expand("noon", pairs).changed and not expand("a desert at noon", pairs).changed
    assert expand("before noon", pairs).text == "before noon . a desert before noon . the sky is bright"


def test_words_that_stand_together_must_be_said_together() -> None:
    assert "dark" not in expand("blue sky", PAIRS).text
    assert not expand("dark desert", PAIRS).changed  # the sky is, not the desert
    assert not expand("a cow on the left", PAIRS).changed, "a pig is, and the cow is ahead"


@pytest.mark.parametrize("text", ["a desert without a pig", "no desert", "it isn't noon", "", "...", "a castle", "the"])
def test_what_is_denied_or_unknown_or_empty_stays_as_it_is(text: str) -> None:
    expansion = expand(text, PAIRS)
    assert expansion.text == text and not expansion.changed and "stays as it is" in str(expansion)


def test_nothing_is_added_about_what_an_unknown_word_stands_beside() -> None:
    asked = "a desert under a green sky at noon"
    assert "sky" not in expand(asked, PAIRS).text.removeprefix(asked)
    assert "walks" not in expand("the player flies over a desert", PAIRS).text


def test_where_no_moment_has_everything_only_what_always_goes_with_a_part_is_added() -> None:
    many = [(f"a desert at {time}", f"a desert at {time} with yellow sand . the sky is {sky}")
            for time, sky in [("noon", "blue"), ("dawn", "orange"), ("dusk", "orange")] for _ in range(3)]  # fmt: skip
    expansion = expand("a desert at midnight", [*many, ("a sea at midnight", "a sea at midnight . the sky is black")])
    assert expansion.text == "a desert at midnight . yellow sand"


def test_what_the_network_cannot_read_is_not_added() -> None:
    vocabulary = Vocabulary.collect(["a desert at noon with yellow sand . the player walks forward"])
    assert expand("a desert", PAIRS, vocabulary).text == (
        "a desert at noon with yellow sand . the player walks forward"
    ), "it has no word for the sky or for blue"
    assert expand("a desert", PAIRS, longest=8).text == "a desert at noon with yellow sand"
    assert not expand("a desert", PAIRS, longest=3).changed


def test_an_expander_of_the_users_own_must_keep_every_word() -> None:
    longer = expand_by("a Desert at noon", lambda text: f" {text.lower()} ,\nwith dunes ")
    assert longer.text == "a desert at noon , with dunes" and longer.changed
    lost = expand_by("a desert at noon", lambda text: "a forest at noon")
    assert lost.text == "a desert at noon" and "leaves out or moves desert" in lost.because
    assert "a forest at noon" in str(lost), "what was offered is shown, too"
    with pytest.raises(VerbError, match="must return a text"):
        expand_by("a desert", lambda text: 3)  # type: ignore[arg-type, return-value]
