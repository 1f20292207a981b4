"""Prompts pull more strongly where words decide, in their own rows alone, and for as long as the card says."""

from typing import Any

import numpy as np
import pytest

from networks import tiny_card, tiny_world
from rollouts import PROMPTS, ROWS, SEEDS, TOLERANCE, actions, assert_same, frames_of, given, roll
from worldsim.model.card import WorldCard
from worldsim.model.config import ConfigError
from worldsim.model.pull import Pull
from worldsim.sampling.denoise import Guidance
from worldsim.sampling.world import World

PULL = Pull(opening=3.0, passes=4, change=2.5, frames=3)
CHANGE_AT, TOLD = 2, [1, 3]


def changed(pull: Pull, rows: int = ROWS) -> tuple[World, np.ndarray]:
    """A world whose rows `TOLD` were given new prompts after two frames, and its frames (T, B, H, W, 3)."""
    world = tiny_world(rows, card={"pull": pull})
    world.reset(*given(), prompts=PROMPTS, seeds=SEEDS)

    def before(t: int) -> None:
        if t == CHANGE_AT:
            world.set_prompt(["rain falls", "snow on high hills"], TOLD)

    return world, frames_of(roll(world, actions(), before))


def looks(world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows with each pass of the network."""
    seen: list[int] = []
    step = world.dynamics.step
    monkeypatch.setattr(world.dynamics, "step", lambda *a, **k: (seen.append(1), step(*a, **k))[1])
    return seen


def test_a_first_frame_from_noise_is_pulled_in_the_rows_that_have_a_prompt() -> None:
    told = [bool(prompt) for prompt in PROMPTS]
    world = tiny_world(ROWS, card={"pull": PULL})
    found = world.reset(prompts=PROMPTS, seeds=SEEDS).latents
    plain, pulled = tiny_world(ROWS), tiny_world(ROWS)
    pulled.guidance = Guidance(PULL.opening)
    unpulled, expected = (
        each.reset(prompts=PROMPTS, seeds=SEEDS, passes=PULL.passes).latents for each in (plain, pulled)
    )
    assert np.array_equal(found, expected)
    assert (found != unpulled).any((1, 2, 3)).tolist() == told


def test_a_first_frame_is_laid_out_by_its_seed_and_pulled_from_some_level_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four passes start from 1, .75, .5 and .25; below .5 is two of them, each of which then looks twice."""
    low = Pull(opening=3.0, below=0.5, passes=4)
    world = tiny_world(1, card={"pull": low})
    seen = looks(world, monkeypatch)
    found = world.reset(prompts=["rain falls"], seeds=[5]).latents
    assert len(seen) == 4 + 2 + 1, "and the pass that keeps it"
    same = tiny_world(1, guidance=Guidance(3.0, below=0.5)).reset(prompts=["rain falls"], seeds=[5], passes=4).latents
    assert np.array_equal(found, same)
    once = world.reset(prompts=["rain falls"], seeds=[5], passes=1).latents
    throughout = tiny_world(1, card={"pull": PULL}).reset(prompts=["rain falls"], seeds=[5], passes=1).latents
    assert np.array_equal(once, throughout), "a lone pass starts from pure noise, and is pulled all the same"
    seen.clear()
    world.reset(prompts=["rain falls"], seeds=[5], passes=2)
    assert len(seen) == 2 + 1 + 1, "the last of few passes is pulled wherever it starts"
    high = tiny_world(1, card={"pull": Pull(opening=3.0, below=0.8, passes=5)})
    counted = looks(high, monkeypatch)
    high.reset(prompts=["rain falls"], seeds=[5])
    assert len(counted) == 5 + 4 + 1, "a level that is the limit is pulled"


def test_a_new_prompt_pulls_for_some_frames_and_only_in_its_own_rows() -> None:
    _, plain = changed(Pull())
    _, pulled = changed(PULL)
    others = [row for row in range(ROWS) if row not in TOLD]
    assert np.array_equal(plain[:CHANGE_AT], pulled[:CHANGE_AT])
    assert (plain[CHANGE_AT, TOLD] != pulled[CHANGE_AT, TOLD]).any((1, 2, 3)).all()
    assert np.array_equal(plain[:, others], pulled[:, others])


def test_only_frames_under_a_new_prompt_cost_more(monkeypatch: pytest.MonkeyPatch) -> None:
    world = tiny_world(2, card={"pull": PULL})
    world.reset(*given(2), prompts=["", "rain falls"], seeds=[1, 2])  # a prompt that tells of given frames is not new
    seen = looks(world, monkeypatch)
    passes = []
    for t, action in enumerate(actions(2)):
        if t == CHANGE_AT:
            world.set_prompt("rain falls")  # new to row 0 alone
        before = len(seen)
        world.imagine(action)
        passes.append(len(seen) - before)
    usual, more = world.steps + 1, 2 * world.steps + 1
    assert passes == [more if CHANGE_AT <= t < CHANGE_AT + PULL.frames else usual for t in range(len(passes))]


@pytest.mark.parametrize("pull", [Pull(alone=0.5, frames=3), Pull(change=2.5, alone=0.5, frames=3)])
def test_words_alone_pull_in_the_rows_of_a_new_prompt_and_cost_two_passes(
    pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, plain = changed(Pull(change=pull.change, frames=3))
    world, pulled = changed(pull)
    others = [row for row in range(ROWS) if row not in TOLD]
    assert np.array_equal(plain[:CHANGE_AT], pulled[:CHANGE_AT])
    assert (plain[CHANGE_AT, TOLD] != pulled[CHANGE_AT, TOLD]).any()
    assert np.array_equal(plain[:, others], pulled[:, others])
    seen = looks(world, monkeypatch)
    world.set_prompt("snow on high hills", [0])
    world.imagine(actions()[0])
    assert len(seen) == (1 if pull.change == 1 else 2) * world.steps + 3


def test_a_prompt_that_is_told_again_goes_on_pulling() -> None:
    once, again = (tiny_world(2, card={"pull": PULL}) for _ in range(2))
    for world in (once, again):
        world.reset(*given(2), seeds=[1, 2])
        world.set_prompt(["rain falls", "rain falls"])
    mine = [once.imagine(action).latents for action in actions(2, 4)]
    theirs = []
    for action in actions(2, 4):
        again.set_prompt(["rain falls", "rain falls" if len(theirs) < 1 else "snow on high hills"])
        theirs.append(again.imagine(action).latents)
    assert np.array_equal(np.stack(mine)[:, 0], np.stack(theirs)[:, 0]), "another row's change is no change"


def test_without_prompts_nothing_is_pulled(monkeypatch: pytest.MonkeyPatch) -> None:
    world = tiny_world(2, card={"pull": PULL})
    seen = looks(world, monkeypatch)
    world.reset(seeds=[1, 2])
    assert len(seen) == PULL.passes + 1
    world.set_prompt("")
    world.imagine(actions(2)[0])
    assert len(seen) == PULL.passes + 1 + world.steps + 1


def test_snapshots_and_forks_go_on_in_mid_pull() -> None:
    world = tiny_world(2, card={"pull": PULL})
    world.reset(*given(2), seeds=[1, 2])
    world.set_prompt(["rain falls", ""])
    roll(world, actions(2, 1))
    snapshot, fork = world.snapshot(), world.fork()
    mine = roll(world, actions(2, 5))
    assert_same(mine, roll(fork, actions(2, 5)))
    world.restore(snapshot)
    assert_same(mine, roll(world, actions(2, 5)))


def test_a_pulled_row_of_a_batch_is_as_a_single_world() -> None:
    _, batch = changed(PULL)
    frames, taken = given()
    single = tiny_world(1, card={"pull": PULL})
    single.reset(frames[1:2], taken[1:2], PROMPTS[1:2], SEEDS[1:2])
    shown = roll(single, actions()[:, 1:2], lambda t: single.set_prompt("rain falls") if t == CHANGE_AT else None)
    assert np.abs(frames_of(shown)[:, 0] - batch[:, 1]).max() <= TOLERANCE


def test_guidance_of_ones_own_comes_before_the_cards() -> None:
    def first(guidance: Guidance) -> np.ndarray:
        world = tiny_world(1, card={"pull": PULL}, guidance=guidance)
        return world.reset(prompts=["rain falls"], seeds=[5]).latents

    assert (first(Guidance()) != first(Guidance(text=1))).any()
    assert np.array_equal(first(Guidance()), first(Guidance(PULL.opening)))


def test_guidance_by_actions_leaves_text_to_the_card_and_binds_all_rows() -> None:
    def rolled(pull: Pull, guidance: Guidance) -> np.ndarray:
        world = tiny_world(ROWS, card={"pull": pull}, guidance=guidance)
        world.reset(*given(ROWS), seeds=SEEDS[:ROWS])
        world.set_prompt("rain falls", rows=[0])
        return np.stack([step.latents for step in roll(world, actions(ROWS, 3))])  # (T, B, C, h, w)

    obeyed, both = rolled(Pull(), Guidance(actions=3.0)), rolled(PULL, Guidance(actions=3.0))
    assert (obeyed[0] != rolled(Pull(), Guidance())[0]).any((1, 2, 3)).all(), "in every row"
    assert (both[0, 0] != obeyed[0, 0]).any() and np.array_equal(both[:, 1:], obeyed[:, 1:]), "text in its own"
    twice = rolled(Pull(), Guidance(PULL.change, 3.0))
    assert np.array_equal(both[0, 0], twice[0, 0])


def test_cards_keep_it_and_old_cards_pull_nothing() -> None:
    card = tiny_card(pull=PULL)
    assert WorldCard.from_json(card.to_json()).pull == PULL
    old = {key: value for key, value in card.to_json().items() if key != "pull"}
    assert WorldCard.from_json(old).pull == Pull()


WRONG = [("opening", -1.0), ("below", 1.5), ("change", float("nan")), ("passes", 0), ("frames", -1)]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_what_makes_no_sense_is_named(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"Pull\.{field}"):
        Pull(**{field: value})
