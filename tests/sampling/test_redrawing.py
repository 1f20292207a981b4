"""A frame for which something rare is foretold is drawn again, told of it; no other frame changes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from networks import tiny_card, tiny_dynamics, tiny_world
from rollouts import PROMPTS, ROWS, SEEDS, actions, given
from worldsim.model.calibration import Calibration, EventScore
from worldsim.model.card import CheckpointError, WorldCard
from worldsim.sampling.denoise import Guidance
from worldsim.sampling.steps import Step
from worldsim.sampling.world import World

REDRAWS = {"foretells": True, "redraws": ("jumped",)}


def played(thresholds: dict[str, float], guidance: Guidance | None = None, **card: object) -> tuple[World, Step]:
    """A world after one frame of its own."""
    world = tiny_world(ROWS, card=REDRAWS | card, guidance=guidance)
    world.calibration = Calibration({name: EventScore(threshold=at, precision=0.6) for name, at in thresholds.items()})
    world.reset(*given(), PROMPTS, SEEDS)
    return world, world.imagine(actions()[0])


@pytest.mark.parametrize("guidance", [Guidance(), Guidance(text=2.0, actions=1.5)])
def test_rows_that_are_told_of_something_are_drawn_again_and_others_stay(guidance: Guidance) -> None:
    _, plain = played({"jumped": 1.0, "fell": 1e-6}, guidance)
    foretold = plain.events[:, 1]
    between = float(np.sort(foretold)[-2:].mean())
    _, some = played({"jumped": between}, guidance)
    changed = (some.latents != plain.latents).any((1, 2, 3))
    assert changed.tolist() == (foretold >= between).tolist() and changed.sum() == 1
    same = np.abs(some.latents - plain.latents)[~changed]
    assert not same.any(), "the others, to the bit"
    assert np.array_equal(some.events, plain.events), "what was foretold stays"
    _, every = played({"jumped": 1e-6}, guidance)
    assert (every.latents != plain.latents).any((1, 2, 3)).all()
    np.testing.assert_allclose(every.latents[changed], some.latents[changed], atol=1e-5)  # alone as among others


def test_what_is_told_wrongly_more_often_than_not_is_drawn_from_one_half_on() -> None:
    _, plain = played({"jumped": 1.0})
    foretold = plain.events[:, 1]
    for precision, at in ((0.49, 0.5), (0.5, 0.01)):
        world = tiny_world(ROWS, card=REDRAWS)
        world.calibration = Calibration({"jumped": EventScore(threshold=0.01, precision=precision)})
        world.reset(*given(), PROMPTS, SEEDS)
        changed = (world.imagine(actions()[0]).latents != plain.latents).any((1, 2, 3))
        assert changed.tolist() == (foretold >= at).tolist()
    assert (foretold >= 0.5).any() != (foretold >= 0.5).all(), "or this shows nothing"


def test_a_large_reward_is_no_event() -> None:
    world = tiny_world(ROWS, card=REDRAWS)
    world.calibration = Calibration({"jumped": EventScore(threshold=1.0)})
    world.reset(*given(), PROMPTS, SEEDS)
    snapshot = world.snapshot()
    plain = world.imagine(actions()[0])
    with torch.no_grad():
        world.dynamics.event_head.bias[0] += 3
    world.restore(snapshot)
    rich = world.imagine(actions()[0])
    assert (rich.events[:, 0] > 2).all() and np.array_equal(plain.latents, rich.latents)


def test_what_is_not_named_by_the_card_or_was_not_told_in_training_changes_nothing() -> None:
    _, plain = played({"jumped": 1.0})
    _, other = played({"fell": 1e-6, "jumped": 1.0})
    assert np.array_equal(plain.latents, other.latents), "not among those that are redrawn"
    _, never = played({"jumped": 1e-6}, redraws=())
    assert np.array_equal(plain.latents, never.latents)


def test_openings_and_given_frames_are_never_drawn_again() -> None:
    seen = []
    for threshold in (1.0, 1e-6):
        world = tiny_world(ROWS, card=REDRAWS)
        world.calibration = Calibration({"jumped": EventScore(threshold=threshold, precision=0.6)})
        seen.append(world.reset(prompts=PROMPTS, seeds=SEEDS).latents)
        frames, taken = given()
        seen.append(world.observe(frames[:, -1:], taken[:, -1:]).latents)
    assert np.array_equal(seen[0], seen[2]) and np.array_equal(seen[1], seen[3])


def test_a_short_memory_and_forks_draw_alike() -> None:
    world, _ = played({"jumped": 1e-6})
    twin = world.fork()
    one, other = (each.imagine(actions()[1]) for each in (world, twin))
    assert np.array_equal(one.latents, other.latents)
    rings = [tiny_world(ROWS, card=REDRAWS, window=2) for _ in range(2)]
    rings[1].calibration = Calibration({"jumped": EventScore(threshold=1e-6, precision=0.6)})
    for ring in rings:
        ring.reset(*given(), PROMPTS, SEEDS)
    assert (rings[0].imagine(actions()[0]).latents != rings[1].imagine(actions()[0]).latents).any()


def test_the_fingerprint_knows_from_where_on_frames_are_drawn_again() -> None:
    one, other, plain = (played({"jumped": at}, redraws=names)[0] for at, names in
                         ((0.2, ("jumped",)), (0.3, ("jumped",)), (0.2, ())))  # fmt: skip
    assert len({one.fingerprint, other.fingerprint, plain.fingerprint}) == 3
    plain.calibration = None
    assert played({"jumped": 0.3}, redraws=())[0].fingerprint == plain.fingerprint


def test_cards_keep_it_and_say_what_does_not_go_together() -> None:
    card = tiny_card(**REDRAWS)
    told = card.to_json()
    assert WorldCard.from_json(told).redraws == ("jumped",)
    old = {key: value for key, value in told.items() if key != "redraws"}
    del old["dynamics"]["draws_events"]
    read = WorldCard.from_json(old)
    assert read.redraws == () and read.dynamics is not None and not read.dynamics.draws_events
    with pytest.raises(CheckpointError, match=r"redraws must be among event_names, .* \['reward', 'swam'\]"):
        WorldCard.from_json(replace(card, redraws=("swam", "reward")).to_json())
    with pytest.raises(CheckpointError, match="redraws needs foretells"):
        WorldCard.from_json(replace(card, foretells=False).to_json())
    assert "event_in.weight" not in tiny_dynamics(draws_events=False).state_dict()
