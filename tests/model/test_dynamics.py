"""The dynamics network sees what it may see and nothing else, with a cache and without."""

from dataclasses import replace

import pytest
import torch

from networks import DYNAMICS, at, random_clip, tiny_dynamics
from worldsim.model.cache import Cache
from worldsim.model.dynamics import Condition, Dynamics, Prediction, Words
from worldsim.model.layers import TimeAttention, rotary_table

WINDOW = DYNAMICS.window
CLOSE = {"rtol": 0.0, "atol": 2e-5}  # float32 sums in another order; predictions are of size one


def outputs(prediction: Prediction) -> tuple[torch.Tensor, ...]:
    return prediction.clean, prediction.events, prediction.end, prediction.actions


def assert_close(first: Prediction, second: Prediction) -> None:
    for mine, theirs in zip(outputs(first), outputs(second), strict=True):
        torch.testing.assert_close(mine, theirs, **CLOSE)


def frames_of(prediction: Prediction, rows: slice, frames: slice) -> Prediction:
    return Prediction(*(part[rows, frames] for part in outputs(prediction)))


@torch.no_grad()
def roll(
    dynamics: Dynamics, noisy: torch.Tensor, level: torch.Tensor, condition: Condition, cache: Cache | None = None
) -> Prediction:
    """The clip frame by frame through a cache."""
    rows, time = noisy.shape[:2]
    cache = cache or dynamics.new_cache(rows, *noisy.shape[3:])
    found = []
    for t in range(time):
        found.append(dynamics.step(noisy[:, t : t + 1], level[:, t : t + 1], at(condition, t), cache))
        cache.advance(noisy[:, t])
    return Prediction(*(torch.cat(parts, 1) for parts in zip(*map(outputs, found), strict=True)))


def test_a_random_network_answers_with_numbers_of_size_one_that_differ_from_frame_to_frame() -> None:
    with torch.no_grad():
        prediction = tiny_dynamics()(*random_clip(3, 6))
    assert prediction.clean.shape == (3, 6, 3, 4, 6) and prediction.events.shape == (3, 6, 3)
    assert prediction.end.shape == (3, 6)
    for part in outputs(prediction):
        assert 0.05 < float(part.std(1).mean()) < 5, "the tests below would show nothing"


@pytest.mark.parametrize("length", [WINDOW + 1, 3 * WINDOW + 2], ids=["inside the window", "ring turned thrice"])
def test_with_a_cache_is_as_without(length: int) -> None:
    dynamics, clip = tiny_dynamics(), random_clip(2, length)
    with torch.no_grad():
        assert_close(roll(dynamics, *clip), dynamics(*clip))


def test_a_frame_that_is_denoised_in_several_passes_leaves_no_trace_of_the_first_ones() -> None:
    dynamics, (noisy, level, condition) = tiny_dynamics(), random_clip(2, 2 * WINDOW)
    cache = dynamics.new_cache(2, 4, 6)
    with torch.no_grad():
        for t in range(2 * WINDOW):
            for _ in range(2):
                dynamics.step(torch.randn(2, 1, 3, 4, 6), torch.ones(2, 1), at(condition, t), cache)
            last = dynamics.step(noisy[:, t : t + 1], level[:, t : t + 1], at(condition, t), cache)
            cache.advance(noisy[:, t])
        whole = dynamics(noisy, level, condition)
    assert_close(last, frames_of(whole, slice(None), slice(-1, None)))


def test_rows_of_different_ages_see_their_own_past_only() -> None:
    dynamics, (noisy, level, condition) = tiny_dynamics(), random_clip(3, 3 * WINDOW)
    cache = dynamics.new_cache(3, 4, 6)
    births = [0, 3, WINDOW + 3]  # row 1 begins anew with a half-full ring, row 2 with one that has turned
    found = []
    with torch.no_grad():
        for t in range(3 * WINDOW):
            again = [row for row, birth in enumerate(births) if t == birth]
            if again:
                cache.clear(torch.tensor(again))
            found.append(dynamics.step(noisy[:, t : t + 1], level[:, t : t + 1], at(condition, t), cache))
            cache.advance(noisy[:, t])
        rolled = Prediction(*(torch.cat(parts, 1) for parts in zip(*map(outputs, found), strict=True)))
        for row, birth in enumerate(births):
            one, words = slice(row, row + 1), condition.words
            assert words is not None
            own = Condition(
                condition.actions[one, birth:], condition.acted[one, birth:],
                Words(words.numbers[one], words.present[one], words.seen[one, birth:]),
            )  # fmt: skip
            whole = dynamics(noisy[one, birth:], level[one, birth:], own)
            assert_close(frames_of(rolled, one, slice(birth, None)), whole)
    assert cache.count.tolist() == [3 * WINDOW - birth for birth in births]


def changed(noisy: torch.Tensor, level: torch.Tensor, condition: Condition, t: int) -> tuple:
    """The clip with another frame, level, action and prompt at t."""
    noisy, level, actions = noisy.clone(), level.clone(), condition.actions.clone()
    noisy[:, t] += 1
    level[:, t] = 1 - level[:, t]
    actions[:, t] *= -1
    words = condition.words
    assert words is not None
    seen = words.seen.clone()
    seen[:, t] = ~seen[:, t]
    return noisy, level, replace(condition, actions=actions, words=replace(words, seen=seen))


@pytest.mark.parametrize("with_context", [False, True])
@pytest.mark.parametrize("t", [0, 3, 9])
def test_future_frames_do_not_change_the_past(with_context: bool, t: int) -> None:
    dynamics, clip = tiny_dynamics(), random_clip(2, 10)
    other = changed(*clip, t)
    given = (random_clip(2, 10, seed=1)[0], torch.full((2, 10), 0.1)) if with_context else None
    altered = given
    if given is not None:
        altered = (given[0].clone(), given[1].clone())
        altered[0][:, t] += 1
        altered[1][:, t] = 0.4
    with torch.no_grad():
        first, second = dynamics(*clip, context=given), dynamics(*other, context=altered)
    for mine, theirs in zip(outputs(first), outputs(second), strict=True):
        assert torch.equal(mine[:, :t], theirs[:, :t])
        assert (mine[:, t] - theirs[:, t]).abs().max() > 1e-3
        if t == 3:
            assert (mine[:, t + 1] - theirs[:, t + 1]).abs().max() > 1e-3, "the next frame should see the change"


def test_seeing_all_frames_sees_the_future() -> None:
    dynamics, clip = tiny_dynamics(), random_clip(2, 10)
    noisy = clip[0].clone()
    noisy[:, 9] += 1
    with torch.no_grad():
        first = dynamics(*clip, attend="all").clean
        second = dynamics(noisy, *clip[1:], attend="all").clean
    assert ((first - second).abs().amax((0, 2, 3, 4)) > 1e-4).all()


def test_with_context_a_noisy_frame_sees_the_given_past_as_in_play() -> None:
    dynamics, length = tiny_dynamics(), 2 * WINDOW + 1
    noisy, level, condition = random_clip(2, length)
    given, given_level, _ = random_clip(2, length, seed=1)
    found, cache = [], dynamics.new_cache(2, 4, 6)
    with torch.no_grad():
        whole = dynamics(noisy, level, condition, context=(given, given_level))
        for t in range(length):
            now = slice(t, t + 1)
            guess = dynamics.step(noisy[:, now], level[:, now], at(condition, t), cache)
            kept = dynamics.step(given[:, now], given_level[:, now], at(condition, t), cache)
            cache.advance(given[:, t])
            found.append(Prediction(guess.clean, kept.events, kept.end, kept.actions))
    assert_close(Prediction(*(torch.cat(p, 1) for p in zip(*map(outputs, found), strict=True))), whole)


def test_with_context_noisy_frames_do_not_see_each_other() -> None:
    dynamics, (noisy, level, condition) = tiny_dynamics(), random_clip(2, 6)
    given = (random_clip(2, 6, seed=1)[0], torch.zeros(2, 6))
    other = noisy.clone()
    other[:, 2] += 1
    with torch.no_grad():
        first, second = (dynamics(frames, level, condition, context=given) for frames in (noisy, other))
    moved = (first.clean - second.clean).abs().amax((0, 2, 3, 4)) > 0
    assert moved.tolist() == [False, False, True, False, False, False]
    assert torch.equal(first.events, second.events), "events are read from the given frames"
    with pytest.raises(ValueError, match='attend="past"'):
        dynamics(noisy, level, condition, context=given, attend="all")


@pytest.mark.parametrize("attend", ["past", "all"])
def test_words_that_are_padding_or_not_shown_change_nothing(attend: str) -> None:
    dynamics, (noisy, level, condition) = tiny_dynamics(), random_clip(2, 5)
    words = condition.words
    assert words is not None
    words.present[0, 1] = False  # a prompt of padding alone
    words.seen[:, :, 1] = False  # and one that nobody is shown
    other = words.numbers.clone()
    other[~words.present] = torch.randint(2, 10, other.shape)[~words.present]
    other[:, 1] = 3
    with torch.no_grad():
        first = dynamics(noisy, level, condition, attend=attend)
        second = dynamics(noisy, level, replace(condition, words=replace(words, numbers=other)), attend=attend)
        third = dynamics(noisy, level, replace(condition, words=replace(words, seen=~words.seen)), attend=attend)
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(outputs(first), outputs(second), strict=True))
    assert (first.clean - third.clean).abs().max() > 1e-3, "words that are shown should matter"


def test_more_padding_and_no_prompt_at_all_are_as_an_unseen_prompt() -> None:
    dynamics, (noisy, level, condition) = tiny_dynamics(), random_clip(2, 5, prompts=1)
    words = condition.words
    assert words is not None
    short = words.present[..., :4]
    cut = Words(words.numbers[..., :4], short, words.seen)
    padded = Words(words.numbers, torch.cat([short, torch.zeros_like(short)], -1), words.seen)
    none = Words(words.numbers, words.present, torch.zeros_like(words.seen))
    with torch.no_grad():
        pairs = [[replace(condition, words=w) for w in two] for two in ((cut, padded), (none, None))]
        for first, second in pairs:
            assert_close(dynamics(noisy, level, first), dynamics(noisy, level, second))


def test_a_hidden_action_does_not_matter_and_a_shown_one_does() -> None:
    dynamics, (noisy, level, condition) = tiny_dynamics(), random_clip(2, 5)
    other = -condition.actions
    hidden, shown = torch.zeros(2, 5, dtype=torch.bool), torch.ones(2, 5, dtype=torch.bool)
    with torch.no_grad():
        first, second, third, fourth = (
            dynamics(noisy, level, replace(condition, actions=actions, acted=acted)).clean
            for acted in (hidden, shown)
            for actions in (condition.actions, other)
        )
    assert torch.equal(first, second) and (third - fourth).abs().max() > 1e-3


@pytest.mark.parametrize(("height", "width"), [(2, 2), (4, 10), (8, 6), (6, 14)])
def test_frame_sizes_that_were_never_seen_run_with_and_without_a_cache(height: int, width: int) -> None:
    dynamics, clip = tiny_dynamics(), random_clip(1, WINDOW + 2, height=height, width=width)
    with torch.no_grad():
        whole = dynamics(*clip)
        assert whole.clean.shape == clip[0].shape and torch.isfinite(whole.clean).all()
        assert_close(roll(dynamics, *clip), whole)
        with pytest.raises(ValueError, match="patches of 2"):
            dynamics(clip[0][..., :-1], *clip[1:])


def test_positions_a_million_frames_on_change_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 7, 3, 32, generator=generator)
    frequencies, mask = tiny_dynamics().time_frequencies, torch.ones(1, 7, 7, dtype=torch.bool).tril()
    position = torch.arange(7).expand(2, -1)
    attention = TimeAttention(32, 16, 1)
    with torch.no_grad():
        first, second, third = (
            attention(x, rotary_table(at[..., None], frequencies), mask)
            for at in (position, position + 10**6, position * 2)
        )
    torch.testing.assert_close(first, second, **CLOSE)
    assert (first - third).abs().max() > 1e-3, "distances between frames should matter"


@pytest.mark.parametrize("groups", [1, 2])
def test_grouped_queries_equal_plain_attention_with_repeated_keys(groups: int) -> None:
    attention, heads = TimeAttention(32, 8, groups), 4
    x = torch.randn(2, 5, 3, 32, generator=torch.Generator().manual_seed(0))
    table = rotary_table(torch.arange(5.0).expand(2, -1)[..., None], tiny_dynamics(head_width=8).time_frequencies)
    mask = torch.ones(1, 5, 5, dtype=torch.bool).tril()
    with torch.no_grad():
        q, k, v = attention._project(x, table)
        k, v = (part.repeat_interleave(heads // groups, dim=2) for part in (k, v))
        weights = (q @ k.mT / 8**0.5).masked_fill(~mask, -torch.inf).softmax(-1)  # (B, N, heads, T, T)
        expected = attention.out((weights @ v).permute(0, 3, 1, 2, 4).reshape(2, 5, 3, 32))
        torch.testing.assert_close(attention(x, table, mask), expected, **CLOSE)


def test_a_cache_is_taken_put_and_copied_row_by_row() -> None:
    dynamics, clip = tiny_dynamics(), random_clip(3, 6)
    cache = dynamics.new_cache(3, 4, 6)
    roll(dynamics, *clip, cache=cache)
    before = cache.copy()
    cache.clear(torch.tensor([1]))
    assert cache.count.tolist() == [6, 0, 6] and not cache.last[1].any()
    cache.put(torch.tensor([1]), before.take(torch.tensor([1])))
    pairs = zip([*cache.keys, cache.count, cache.last], [*before.keys, before.count, before.last], strict=True)
    for mine, theirs in pairs:
        assert torch.equal(mine, theirs) and mine.data_ptr() != theirs.data_ptr()
