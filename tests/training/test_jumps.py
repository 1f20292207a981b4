"""Jumps: where they shall lead, how actions pull on them, and what other rows learn."""

from dataclasses import replace

import pytest
import torch

from networks import random_clip, tiny_dynamics
from worldsim.model.dynamics import Condition
from worldsim.model.noise import FINEST, random_jumps, step_down
from worldsim.training.jumps import PARTS, walk
from worldsim.training.losses import DynamicsLossConfig, DynamicsObjective, LatentBatch

ROWS, TIME = 3, 5


@pytest.fixture
def given() -> tuple[torch.Tensor, torch.Tensor, Condition, tuple[torch.Tensor, torch.Tensor]]:
    """Noisy latents, levels, a condition whose actions are shown, and a clean past."""
    latents, _, condition = random_clip(ROWS, TIME)
    noisy = torch.randn(latents.shape, generator=torch.Generator().manual_seed(2))
    level = torch.full((ROWS, TIME), 0.5)
    level[:, 3:] = 1.0
    shown = replace(condition, acted=torch.ones(ROWS, TIME, dtype=torch.bool))
    return noisy, level, shown, (latents, torch.zeros(ROWS, TIME))


def steps(dynamics, noisy, level, span, condition, past) -> torch.Tensor:
    short = replace(condition, span=span / PARTS)
    with torch.no_grad():
        for part in range(PARTS):
            here, below = level - part * span / PARTS, level - (part + 1) * span / PARTS
            noisy = step_down(noisy, dynamics(noisy, here, short, context=past).clean.float(), here, below)
    return noisy


@pytest.mark.parametrize("obey", [1.0, 2.0])
def test_a_long_jump_leads_where_shorter_steps_lead_which_have_learned_to_obey(given, obey: float) -> None:
    noisy, level, condition, past = given
    dynamics, span = tiny_dynamics(), torch.full((ROWS, TIME), 0.5)
    expected = steps(dynamics, noisy, level, span, condition, past)
    torch.testing.assert_close(walk(dynamics, noisy, level, span, condition, past, obey), expected, rtol=0, atol=1e-5)


def test_actions_pull_only_where_a_step_follows_the_flow(given) -> None:
    noisy, level, condition, past = given
    dynamics, span = tiny_dynamics(), torch.full((ROWS, TIME), 0.25)
    span[1] = 0.5
    assert span[0, 0] / PARTS <= FINEST < span[1, 0] / PARTS
    free = walk(dynamics, noisy, level, span, condition, past, 1.0)
    led = walk(dynamics, noisy, level, span, condition, past, 3.0)
    changed = (free - led).abs().amax((1, 2, 3, 4)) > 1e-5
    assert changed.tolist() == [True, False, True]
    hidden = replace(condition, acted=torch.zeros(ROWS, TIME, dtype=torch.bool))
    torch.testing.assert_close(
        walk(dynamics, noisy, level, span, hidden, past, 3.0), walk(dynamics, noisy, level, span, hidden, past, 1.0),
        rtol=0, atol=1e-5, msg="nothing pulls where no action is shown",
    )  # fmt: skip


def test_the_pull_is_what_the_actions_change_times_its_strength(given) -> None:
    """Of one step, whose two answers can be had by hand: over a tiny span nothing else moves."""
    noisy, level, condition, past = given
    dynamics, tiny = tiny_dynamics(), torch.full((ROWS, TIME), 1e-3)
    shown, hidden = (
        walk(dynamics, noisy, level, tiny, replace(condition, acted=torch.full((ROWS, TIME), seen)), past, 1.0)
        for seen in (True, False)
    )
    led = walk(dynamics, noisy, level, tiny, condition, past, 3.0)
    torch.testing.assert_close(led - shown, 2 * (shown - hidden), rtol=0.01, atol=1e-5)


def test_rows_that_jump_shall_come_where_the_walk_ends_and_other_rows_learn_the_truth(given) -> None:
    noisy, level, condition, past = given
    dynamics, span = tiny_dynamics(), torch.full((ROWS, TIME), 0.25)
    objective = DynamicsObjective(dynamics, DynamicsLossConfig(jumps=0.5))
    jumps = torch.tensor([False, True, True])
    target = objective._jump_targets(noisy, level, replace(condition, span=span), past, jumps, past[0])
    assert torch.equal(target[0], past[0][0])
    end = walk(dynamics, noisy, level, span, condition, past, objective.config.obey)
    torch.testing.assert_close(step_down(noisy, target, level, level - span)[1:], end[1:], rtol=0, atol=1e-4)


def test_drawn_jumps_start_where_sampling_starts_them() -> None:
    start, span = random_jumps((500, 4), torch.Generator().manual_seed(0)).unbind(-1)
    assert (span == span[:, :1]).all(), "one for each row"
    assert set(span[:, 0].tolist()) == {1 / 8, 1 / 4, 1 / 2, 1.0}
    assert torch.equal(start / span, (start / span).round()) and start.min() > 0 and start.max() == 1


def test_a_batch_without_a_row_that_jumps_learns_the_truth() -> None:
    latents, level, condition = random_clip(2, 3)
    assert condition.words is not None
    events = torch.zeros(2, 3, 3)
    batch = LatentBatch(latents, condition.actions, events, level * 0, level * 0 + 1, condition.words)
    objective = DynamicsObjective(tiny_dynamics(), DynamicsLossConfig(jumps=1e-9))
    with torch.no_grad():
        _, logs = objective(batch, torch.Generator().manual_seed(0))
    assert "jumps" not in logs
