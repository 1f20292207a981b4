"""The objectives: what counts, what is hidden, and that every weight learns."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from networks import random_clip, tiny_dynamics, tiny_tokenizer
from worldsim.model.config import ConfigError
from worldsim.model.dynamics import Attend, Condition
from worldsim.training.losses import (
    OWN,
    DynamicsLossConfig,
    DynamicsObjective,
    LatentBatch,
    TokenizerLossConfig,
    TokenizerObjective,
    symlog,
)


def a_batch(attend: Attend = "past", rows: int = 3, length: int = 7) -> LatentBatch:
    latents, level, condition = random_clip(rows, length)
    assert condition.words is not None
    events = torch.stack([level * 9 - 4, (level > 0.5).float(), (level > 0.7).float()], -1)
    mask = torch.ones(rows, length)
    return LatentBatch(latents, condition.actions, events, (level > 0.9).float(), mask, condition.words, attend)


def loss_of(batch: LatentBatch, seed: int = 0, **config) -> torch.Tensor:
    objective = DynamicsObjective(tiny_dynamics(), DynamicsLossConfig(**config))
    with torch.no_grad():
        return objective(batch, torch.Generator().manual_seed(seed))[0]


def test_symlog_is_odd_and_undone_by_symexp() -> None:
    value = torch.tensor([-250.0, -1.0, 0.0, 0.5, 1e6])
    assert torch.equal(symlog(-value), -symlog(value)) and symlog(value)[2] == 0
    torch.testing.assert_close(symlog(value).sign() * symlog(value).abs().expm1(), value)


def test_a_rare_reward_of_any_scale_pulls_no_harder_than_one_of_one() -> None:
    """In symlog's scale, an error's pull grows up to 1 and stays there."""
    objective, batch = DynamicsObjective(tiny_dynamics(), DynamicsLossConfig()), a_batch(rows=1, length=1)

    def pull(reward: float) -> float:
        told = replace(batch, events=torch.tensor([[[reward, 0.0, 0.0]]]))
        said, end = torch.zeros(1, 1, 3, requires_grad=True), torch.zeros(1, 1)
        objective._event_loss(said, end, told).backward()
        assert said.grad is not None
        return float(said.grad[0, 0, 0])

    assert pull(0.5) == pytest.approx(-2 * float(torch.tensor(0.5).log1p()) / 4)  # squared, a mean over four columns
    assert pull(10.0) == pull(1e6) == -pull(-1e6) == pytest.approx(-2 / 4)


@pytest.mark.parametrize("attend", ["past", "all"])
def test_the_generator_alone_decides_what_is_random(attend: Attend) -> None:
    torch.manual_seed(1)
    first = loss_of(a_batch(attend), rollout=1.0)
    torch.manual_seed(2)
    assert torch.equal(first, loss_of(a_batch(attend), rollout=1.0))
    assert not torch.equal(first, loss_of(a_batch(attend), seed=1, rollout=1.0))


def test_every_weight_learns_from_the_two_kinds_of_batches() -> None:
    objective = DynamicsObjective(tiny_dynamics(), DynamicsLossConfig(drop_actions=0.5, drop_text=0.5, jumps=0.7))
    for attend in ("past", "all"):
        batch = replace(a_batch(attend), rare=torch.tensor([False, True, True]))
        objective(batch, torch.Generator().manual_seed(0))[0].backward()
    still = [name for name, p in objective.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert not still
    objective = TokenizerObjective(tiny_tokenizer(), TokenizerLossConfig())
    objective(torch.rand(2, 3, 16, 16) * 2 - 1, torch.Generator().manual_seed(0))[0].backward()
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in objective.parameters())


def test_padding_does_not_count() -> None:
    batch = a_batch()
    batch.mask[1, 4:] = 0
    other = replace(batch, latents=batch.latents.clone(), events=batch.events.clone(), ended=batch.ended.clone())
    other.latents[1, 4:] += 5
    other.events[1, 4:] = 1
    other.ended[1, 4:] = 1
    assert torch.equal(loss_of(batch), loss_of(other))
    other.latents[1, 3] += 5
    assert not torch.equal(loss_of(batch), loss_of(other))


def test_hidden_actions_and_prompts_do_not_matter_and_shown_ones_do() -> None:
    batch = a_batch()
    acted = replace(batch, actions=-batch.actions)
    told = replace(batch, words=replace(batch.words, numbers=batch.words.numbers.flip(-1)))
    for other, name in ((acted, "drop_actions"), (told, "drop_text")):
        assert torch.equal(loss_of(batch, **{name: 1.0}, actions=0.0), loss_of(other, **{name: 1.0}, actions=0.0))
        assert not torch.equal(loss_of(batch, **{name: 0.0}), loss_of(other, **{name: 0.0}))


def test_only_hidden_actions_are_guessed() -> None:
    batch = a_batch()
    for drop, guessed in ((0.0, False), (1.0, True)):
        difference = loss_of(batch, drop_actions=drop) - loss_of(batch, drop_actions=drop, actions=0.0)
        assert bool(difference > 0) is guessed


def test_the_models_own_frames_as_context_change_the_loss() -> None:
    assert not torch.equal(loss_of(a_batch(), rollout=0.0), loss_of(a_batch(), rollout=1.0))
    assert loss_of(a_batch(length=1)).isfinite(), "images are clips of one frame"


def test_frames_with_which_another_prompt_begins_count_as_much_as_asked() -> None:
    """One prompt for all frames, or none shown, leaves nothing to count; else only where it changes does it matter."""
    batch = a_batch(rows=2, length=6)
    prompts = batch.words.numbers.shape[1]
    all_one = batch.words.seen.new_zeros(2, 6, prompts)
    all_one[..., 0] = True
    then = all_one.clone()
    then[:, 3:] = False
    same, changed = (replace(batch, words=replace(batch.words, seen=seen)) for seen in (all_one, then))
    still: dict[str, Any] = {"drop_text": 0.0, "jumps": 0.0, "events": 0.0, "foretell": 0.0, "actions": 0.0}
    assert torch.equal(loss_of(same, **still), loss_of(same, **still, change=50.0))
    hidden = still | {"drop_text": 1.0}
    assert torch.equal(loss_of(changed, **hidden), loss_of(changed, **hidden, change=50.0))
    lone, most, all_of_it = (loss_of(changed, **still, change=value) for value in (1.0, 50.0, 1e6))
    assert lone != most
    other = replace(changed, latents=changed.latents.clone())
    other.latents[:, 5] += 3  # a later frame, which no other one sees: nearly all of the loss is the third one's
    assert (loss_of(other, **still, change=1e6) - all_of_it).abs() < 1e-3 < (loss_of(other, **still) - lone).abs()


def test_frames_in_which_something_rare_happens_count_as_much_as_asked() -> None:
    batch = a_batch(rows=2, length=6)
    batch.events[..., 1:] = 0
    batch.events[:, 3, 2] = 1
    still: dict[str, Any] = {"jumps": 0.0, "events": 0.0, "foretell": 0.0, "actions": 0.0, "tell": 0.0}
    for nothing in (batch, replace(batch, rare=torch.tensor([False, True, False]))):
        assert torch.equal(loss_of(nothing, **still), loss_of(nothing, **still, rare=50.0))
    seldom = replace(batch, rare=torch.tensor([False, False, True]))
    lone, most, all_of_it = (loss_of(seldom, **still, rare=value) for value in (1.0, 50.0, 1e6))
    assert lone == loss_of(batch, **still) != most
    other = replace(seldom, latents=seldom.latents.clone())
    other.latents[:, 4:] += 3  # later frames, which those do not see
    assert (loss_of(other, **still, rare=1e6) - all_of_it).abs() < 1e-3 < (loss_of(other, **still) - lone).abs()


def test_some_frames_are_told_of_what_is_rare_and_foretell_nothing_then() -> None:
    """Told frames change by what they are told, and count for no foretelling; common events are never told."""
    batch = replace(a_batch(rows=4, length=6), rare=torch.tensor([False, False, True]))
    batch.events[..., 1:] = torch.tensor([1.0, 0.0])
    batch.events[:, 3, 2] = 1
    dynamics = tiny_dynamics()
    assert dynamics.event_in is not None

    def loss(**config: float) -> torch.Tensor:
        """The same with and without told frames, but for what telling does."""
        objective = DynamicsObjective(dynamics, DynamicsLossConfig(**{"jumps": 0.0, "events": 0.0, **config}))
        objective(batch, torch.Generator().manual_seed(0))[0].backward()
        grad = dynamics.event_in.weight.grad.clone()  # pyright: ignore[reportOptionalMemberAccess]
        dynamics.zero_grad()
        return grad

    for of in ({"foretell": 0.0}, {"foretell": 1.0}):
        assert not loss(tell=0.0, **of).any()
        told = loss(tell=0.999, **of).abs().sum(0)
        assert told[2] > 0 and not told[:2].any()
    assert torch.equal(loss(tell=0.999, foretell=5.0), loss(tell=0.999, foretell=0.0)), "what is told is not foretold"


def test_what_is_left_to_foretell_counts_for_what_is_told() -> None:
    """However many of the rare frames are told, the others stand for all; nothing is told where it cannot be."""
    batch = replace(a_batch(rows=64, length=6), rare=torch.tensor([False, False, True]))
    batch.events[..., 1:] = 0
    batch.events[:, 3, 2] = 1
    plain: dict[str, Any] = {"jumps": 0.0, "events": 0.0, "foretell": 1000.0, "actions": 0.0, "drown": 0.0}
    untold, some = (float(loss_of(batch, **plain, tell=tell)) for tell in (0.0, 0.5))
    assert some == pytest.approx(untold, rel=0.05)
    with pytest.raises(ConfigError, match="tell must be below 1"):
        DynamicsLossConfig(tell=1.0)
    deaf = [DynamicsObjective(tiny_dynamics(draws_events=False), DynamicsLossConfig(tell=tell)) for tell in (0, 0.9)]
    with torch.no_grad():
        losses = [each(batch, torch.Generator().manual_seed(0))[0] for each in deaf]
    assert torch.equal(*losses)


def test_events_are_foretold_from_the_past_and_the_action_alone() -> None:
    """Frames of pure noise say nothing of what is in them; the past and the actions do. A whole clip has no past."""
    batch = a_batch()
    pure: dict[str, Any] = {"pure": 1.0, "jumps": 0.0, "drop_actions": 0.0, "drop_text": 0.0, "drown": 0.0}

    def foretold(given: LatentBatch) -> torch.Tensor:
        return loss_of(given, **pure) - loss_of(given, **pure, foretell=0.0)

    last = replace(batch, latents=batch.latents.clone())
    last.latents[:, -1] += 3
    torch.testing.assert_close(foretold(last), foretold(batch))
    earlier, acted = replace(batch, latents=batch.latents.clone()), replace(batch, actions=-batch.actions)
    earlier.latents[:, -2] += 3
    for other in (earlier, acted):
        assert (foretold(other) - foretold(batch)).abs() > 1e-4
    assert torch.equal(loss_of(a_batch("all")), loss_of(a_batch("all"), foretell=9.0))


def test_given_frames_that_have_faded_change_the_loss_and_nothing_else_does() -> None:
    batch = a_batch()
    assert loss_of(batch, fade=1.0) != loss_of(batch, fade=0.0)
    whole = a_batch("all")
    assert loss_of(whole, fade=1.0) == loss_of(whole, fade=0.0), "clips that are whole have no given frames"


def test_a_rollout_begins_with_true_frames_and_ends_with_the_models_own() -> None:
    batch, generator = a_batch(length=12), torch.Generator().manual_seed(0)
    objective = DynamicsObjective(tiny_dynamics(), DynamicsLossConfig())
    condition = Condition(batch.actions, torch.ones(batch.mask.shape, dtype=torch.bool), batch.words)
    noise, level = torch.randn(batch.latents.shape, generator=generator), 0.1 * torch.ones(batch.mask.shape)
    played = objective._roll_out(batch, noise, level, condition, generator)
    same = (played == batch.latents).flatten(2).all(2)  # (B, T)
    assert same[:, : 12 - 1 - OWN + 1].all() and not same[:, 11].any(), "a few at the end are its own"
    assert (same.long().diff(dim=1) <= 0).all(), "once on its own, always on its own"


@pytest.mark.parametrize(("share", "rows"), [(0.0, 0), (0.25, 2), (0.5, 4), (1.0, 8)])
def test_the_share_of_rows_that_jump_is_exact_and_every_row_may(share: float, rows: int) -> None:
    objective, generator = DynamicsObjective(tiny_dynamics(), DynamicsLossConfig(jumps=share)), torch.Generator()
    drawn = torch.stack([objective._jumping(8, generator, torch.device("cpu")) for _ in range(64)])
    assert (drawn.sum(1) == rows).all() and (drawn.any(0) == (share > 0)).all()


def test_a_tokenizer_that_repeats_its_frames_has_no_error_to_pay_for() -> None:
    class Mirror(torch.nn.Module):
        def raw(self, frames: torch.Tensor) -> torch.Tensor:
            return frames

        def paint(self, raw: torch.Tensor) -> torch.Tensor:
            return raw

    frames = torch.ones(2, 3, 16, 16)
    objective = TokenizerObjective(Mirror(), TokenizerLossConfig(noise=0.0))  # type: ignore[arg-type]
    loss, logs = objective(frames, torch.Generator().manual_seed(0))
    assert loss == 0 and logs["latent size"] == 0
    objective = TokenizerObjective(Mirror(), TokenizerLossConfig(noise=0.2, absolute=0.0))  # type: ignore[arg-type]
    loss, logs = objective(frames, torch.Generator().manual_seed(0))
    assert float(loss) == pytest.approx(0.04, rel=0.1) and float(logs["psnr"]) == pytest.approx(20, abs=0.5)


def test_weights_and_shares_out_of_range_are_named() -> None:
    cases = [(DynamicsLossConfig, "drop_text", 1.5), (DynamicsLossConfig, "events", -1.0)]
    for config, field, value in [*cases, (TokenizerLossConfig, "noise", "x")]:
        with pytest.raises(ConfigError, match=rf"{config.__name__}\.{field} must be a number .* got {value!r}"):
            config(**{field: value})
