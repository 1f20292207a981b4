"""The mean of checkpoints: words by name, what one lacks from the last, and nothing of other shapes."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from networks import WORDS, tiny_card, tiny_dynamics, tiny_tokenizer
from worldsim.model.card import CheckpointError
from worldsim.model.checkpoint import load, save
from worldsim.model.config import ConfigError
from worldsim.model.dynamics import Dynamics
from worldsim.model.pull import Pull
from worldsim.training.average import Average, average


def written(folder: Path, seed: int, words: int = len(WORDS), **changes: int) -> Dynamics:
    """A checkpoint with the first so many words; returns its network as it is read back."""
    dynamics = tiny_dynamics(seed, words=words, **changes)
    card = replace(tiny_card(), vocabulary=tuple(WORDS.words[:words]), dynamics=dynamics.config)
    save(folder, card, tiny_tokenizer(), dynamics)
    read = load(folder).dynamics
    assert read is not None
    return read


def test_it_is_the_weighted_mean_and_words_that_one_lacks_are_the_lasts(tmp_path: Path) -> None:
    old, new = written(tmp_path / "old", 1, words=len(WORDS) - 2), written(tmp_path / "new", 2)
    pull = Pull(opening=3.0)
    names = str(tmp_path / "old"), str(tmp_path / "new")
    found = load(average(Average(names, (0.25, 0.75), tmp_path / "mean", pull=pull, context_level=0.2, passes=3)))
    assert (found.card.context_level, found.card.passes) == (0.2, 3)
    assert found.dynamics is not None and found.card.pull == pull and found.card.vocabulary == tuple(WORDS.words)
    assert [part["share"] for part in found.card.training["average"]] == [0.25, 0.75]
    theirs, mine, mean = old.state_dict(), new.state_dict(), found.dynamics.state_dict()
    known = len(WORDS) - 2
    for name, tensor in mean.items():
        before, last, seen = theirs[name], mine[name], tensor
        if name == "text.embed":
            assert torch.equal(seen[known:], last[known:])
            last, seen = last[:known], seen[:known]
        torch.testing.assert_close(seen, 0.25 * before + 0.75 * last, rtol=0.01, atol=1e-3)


@pytest.mark.parametrize("shares", [(1.0,), (0.5, 0.4), (1.5, -0.5), (float("nan"), 0.5)])
def test_shares_that_are_none_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="shares? "):
        Average(("a", "b"), shares)


def test_a_context_level_or_a_number_of_passes_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="passes must be"):
        Average(("a", "b"), (0.5, 0.5), passes=0)
    with pytest.raises(ConfigError, match="context_level must be"):
        Average(("a", "b"), (0.5, 0.5), context_level=1.5)


def test_networks_of_another_shape_or_tokenizer_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    written(tmp_path / "one", 1)
    written(tmp_path / "wide", 1, hidden=3)
    save(tmp_path / "other", tiny_card(), tiny_tokenizer(7), tiny_dynamics(1))
    for name, why in (("wide", "another shape"), ("other", "tokenizer")):
        options = Average((str(tmp_path / name), str(tmp_path / "one")), (0.5, 0.5), tmp_path / "mean")
        with pytest.raises(CheckpointError, match=why):
            average(options)
    assert not (tmp_path / "mean").exists()
