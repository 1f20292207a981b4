"""Habits: draws come as often as they should, each row by itself, and the file comes back or says what is wrong."""

from pathlib import Path

import numpy as np
import pytest
import torch

from worldsim.model.card import CheckpointError
from worldsim.model.habits import FILE, Habits, phrases_of, read_habits, write_habits

ACTIONS = np.array([[0, 0], [1, 0], [0, -1]], np.float32)
UNKNOWN = np.full((1, 2), np.nan, np.float32)
HABITS = Habits(
    ACTIONS,
    np.array([[2, 0, 0], [0, 3, 0], [0, 0, 1], [0, 1, 0]], np.float32),
    ("turns left", "walks"),
    np.array([[0, 0, 5], [0, 5, 0]], np.float32),
)


def test_chances_follow_from_the_action_before_and_from_what_is_said() -> None:
    after = np.concatenate([ACTIONS, UNKNOWN, [[0.9, 0.2]]]).astype(np.float32)
    assert HABITS.places(after).tolist() == [0, 1, 2, 3, 1], "the nearest, or none"
    logits = np.stack([HABITS.before[[0, 1, 2, 3, 1]] + said for said in ([0, 0, 0], [0, 0, 5])])
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(HABITS.chances(after, ["a forest"] * 5), expected[0], rtol=1e-6)
    np.testing.assert_allclose(HABITS.chances(after, ["The player turns left."] * 5), expected[1], rtol=1e-6)
    assert np.array_equal(HABITS.chances(after, ["left turns"] * 5), HABITS.chances(after, [""] * 5)), "order counts"
    assert phrases_of("A b a b") == ["a", "b", "a b", "b a"]


def test_draws_come_as_often_as_they_should_and_no_row_knows_of_another() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = HABITS.places(HABITS.draw(UNKNOWN.repeat(3000, 0), [""] * 3000, [generator] * 3000))
    shares = np.bincount(drawn, minlength=3) / 3000
    np.testing.assert_allclose(shares, HABITS.chances(UNKNOWN, [""])[0], atol=0.03)
    texts = ["", "walks", "turns left", "walks"]
    batch, single = ([torch.Generator().manual_seed(seed) for seed in range(4)] for _ in range(2))
    together = HABITS.draw(UNKNOWN.repeat(4, 0), texts, batch)
    alone = [HABITS.draw(UNKNOWN, [text], [each])[0] for text, each in zip(texts, single, strict=True)]
    assert np.array_equal(together, alone)


def test_habits_come_back_from_their_file_and_a_wrong_file_says_so(tmp_path: Path) -> None:
    assert read_habits(tmp_path, 2) is None, "a checkpoint may have none"
    write_habits(tmp_path / FILE, HABITS)
    found = read_habits(tmp_path, 2)
    assert found is not None and found.phrases == HABITS.phrases
    for name in ("actions", "before", "said"):
        assert np.array_equal(getattr(found, name), getattr(HABITS, name))
    with pytest.raises(CheckpointError, match="K actions of 3 fields"):
        read_habits(tmp_path, 3)
    write_habits(tmp_path / FILE, Habits(ACTIONS * np.nan, HABITS.before, HABITS.phrases, HABITS.said))
    with pytest.raises(CheckpointError, match="NaN or infinity"):
        read_habits(tmp_path, 2)
    (tmp_path / FILE).write_bytes(b"no")
    with pytest.raises(CheckpointError, match="damaged"):
        read_habits(tmp_path, 2)
