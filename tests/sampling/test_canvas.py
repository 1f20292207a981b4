"""`paint`: one window is the plain sampler, windows of a long clip are blended, on a ring no place is special."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from networks import DYNAMICS, random_clip, tiny_dynamics, tiny_world
from worldsim.clip import Prompt
from worldsim.model.dynamics import Condition, Prediction
from worldsim.model.prompts import pack_words
from worldsim.sampling.canvas import Canvas, _windows, paint
from worldsim.sampling.denoise import denoise
from worldsim.sampling.world import World

TEXT = [[Prompt("a desert at night", 0, 2)], [Prompt("snow", 1, 3), Prompt("rain falls", 3, 4)]]


def canvas_of(length: int, seed: int = 0) -> tuple[Canvas, torch.Tensor]:
    """Two clips with some known frames and actions, and noise."""
    noise, _, condition = random_clip(2, length, seed, prompts=0)
    latents = random_clip(2, length, seed + 1)[0]
    known = torch.rand(2, length, generator=torch.Generator().manual_seed(seed)) < 0.3
    return Canvas(latents, known, condition.actions, condition.acted, TEXT), noise


class Shifting:
    """A network whose answer at a frame is known, and does not depend on the window that it is seen through."""

    config = DYNAMICS

    def __call__(self, noisy: torch.Tensor, level: torch.Tensor, condition: Condition, *, attend: str) -> Prediction:
        assert attend == "all" and noisy.shape[1] <= DYNAMICS.window
        number = condition.actions[..., 0]
        return Prediction(
            torch.zeros_like(noisy) + number[:, :, None, None, None],
            number[..., None].expand(-1, -1, 3), number, condition.actions,
        )  # fmt: skip


def test_a_canvas_within_the_window_is_painted_by_the_plain_sampler() -> None:
    world = tiny_world()
    canvas, noise = canvas_of(4)
    words = pack_words(TEXT, 4, world.vocabulary, 8)
    condition = Condition(canvas.actions, canvas.acted, words)
    expected = denoise(world.dynamics, noise, condition, steps=3, known=(canvas.latents, canvas.known))
    painted = paint(world, canvas, noise, passes=3)
    assert torch.equal(painted.latents, expected)
    with torch.no_grad():
        read = world.dynamics(expected, torch.zeros(2, 4), condition, attend="all")
    np.testing.assert_allclose(painted.events[..., 1:], read.events[..., 1:].sigmoid(), rtol=1e-5)
    acted = canvas.acted.numpy()
    assert np.array_equal(painted.actions[acted], canvas.actions.numpy()[acted])
    imagined = painted.actions[~acted]
    assert len(imagined) and np.array_equal(imagined, world.card.action_spec.nearest(read.actions.numpy())[~acted])
    assert ((imagined == 1).sum(-1) == 1).all() and (imagined.sum(-1) == 1).all(), "each is one of the five actions"


@pytest.mark.parametrize("ring", [False, True])
@pytest.mark.parametrize("length", [1, 3, 4, 5, 11, 30])
def test_windows_cover_every_frame_and_blend_to_what_all_of_them_say(length: int, ring: bool) -> None:
    world = tiny_world()
    world = World(world.card, world.tokenizer, tiny_dynamics(), None, rows=1, steps=1)
    world.dynamics = Shifting()  # type: ignore[assignment]
    canvas, noise = canvas_of(length)
    canvas = replace(canvas, acted=torch.ones_like(canvas.acted))
    painted = paint(world, canvas, noise, passes=2, ring=ring)
    number = canvas.actions[..., 0]
    expected = torch.where(canvas.known[:, :, None, None, None], canvas.latents, number[:, :, None, None, None])
    torch.testing.assert_close(painted.latents, expected.expand_as(painted.latents), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(painted.ended, number.sigmoid(), rtol=1e-5)


@pytest.mark.parametrize("length", [2, 4, 5, 12, 13])
def test_on_a_ring_every_place_lies_inside_a_window_and_no_pass_has_its_seams_where_the_one_before_had(
    length: int,
) -> None:
    world, joined = tiny_world(), []
    for turn in range(6):
        windows = _windows(world, length, True, turn)
        pairs = {(int(a), int(b)) for window in windows for a, b in pairwise(window)}
        assert pairs == {(place, (place + 1) % length) for place in range(length)}, "the last is followed by the first"
        joined.append({int(window[0]) for window in windows})
    assert length < 4 or all(a != b for a, b in pairwise(joined))


def test_a_ring_painted_from_turned_noise_is_the_same_ring_turned() -> None:
    """Without text and known frames no place of a ring is special but for where the windows are."""
    world = tiny_world()
    noise = random_clip(1, 4)[0]
    nothing = torch.zeros(1, 4, dtype=torch.bool)
    canvas = Canvas(noise, nothing, torch.zeros(1, 4, DYNAMICS.actions), nothing, [[]])
    straight = paint(world, canvas, noise, passes=1, ring=True).latents
    turned = paint(world, canvas, noise.roll(2, 1), passes=1, ring=True).latents  # two windows, half a ring apart
    torch.testing.assert_close(turned, straight.roll(2, 1), rtol=1e-4, atol=1e-5)
