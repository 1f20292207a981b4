"""Events of a frame that is made are what was foretold of it, where the card says that the network foretells."""

from typing import Any

import numpy as np
import pytest

from networks import tiny_card, tiny_world
from rollouts import PROMPTS, ROWS, SEEDS, actions, given
from worldsim.model.card import WorldCard
from worldsim.model.dynamics import Prediction
from worldsim.sampling.denoise import Guidance
from worldsim.sampling.steps import read_events


def test_frames_stay_the_same_and_given_ones_are_told_as_ever() -> None:
    told, foretold = (tiny_world(ROWS, card={"foretells": foretells}) for foretells in (False, True))
    frames, taken = given()
    first = [world.reset(frames, taken, PROMPTS, SEEDS) for world in (told, foretold)]
    assert np.array_equal(first[0].events, first[1].events), "given"
    for t in range(3):
        one, other = (world.imagine(actions()[t]) for world in (told, foretold))
        assert np.array_equal(one.frames, other.frames) and np.array_equal(one.latents, other.latents)
        assert (one.events != other.events).any(1).all() and (one.ended != other.ended).all()
    one, other = (world.observe(frames[:, -1:], taken[:, -1:]) for world in (told, foretold))
    assert np.array_equal(one.events, other.events), "and given again"


@pytest.mark.parametrize("passes", [1, 3])
@pytest.mark.parametrize("guidance", [Guidance(), Guidance(text=2.0, actions=1.5)])
def test_it_is_the_first_pass_that_saw_everything(
    passes: int, guidance: Guidance, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = tiny_world(ROWS, card={"foretells": True}, steps=passes, guidance=guidance)
    world.reset(*given(), PROMPTS, SEEDS)
    said: list[tuple[bool, bool, Prediction]] = []
    step = world.dynamics.step

    def heard(noisy: Any, level: Any, condition: Any, cache: Any, read: Any) -> Prediction:
        found = step(noisy, level, condition, cache, read)
        said.append((bool(condition.acted.all()), read is world._read, found))
        return found

    monkeypatch.setattr(world.dynamics, "step", heard)
    shown = world.imagine(actions()[0])
    assert len(said) == passes * (3 if guidance.actions != 1 else 1) + 1, "the last one keeps the frame"
    events, ended = read_events(next(found for acted, told, found in said if acted and told))
    assert np.array_equal(shown.events, events[:, 0]) and np.array_equal(shown.ended, ended[:, 0])


def test_cards_keep_it_and_old_cards_do_not_foretell() -> None:
    card = tiny_card(foretells=True)
    assert WorldCard.from_json(card.to_json()).foretells
    old = {key: value for key, value in card.to_json().items() if key != "foretells"}
    assert not WorldCard.from_json(old).foretells
