"""Learning habits: how long players hold an action, what follows it, and what captions say of it."""

from pathlib import Path

import numpy as np
import pytest

from training_runs import record_counter
from worldsim.cli import main
from worldsim.data.episodes import Caption, Dataset
from worldsim.model.config import ConfigError
from worldsim.model.habits import FILE, read_habits
from worldsim.training.habits import TrainHabits, learn_habits, train_habits
from worldsim.training.loop import TrainingError

WALK, TURN = np.array([[1, 0], [0, -0.75]], np.float32)
UNKNOWN = np.full((1, 2), np.nan, np.float32)


def episode(seed: int, captions: bool = True) -> tuple[np.ndarray, tuple[Caption, ...]]:
    """64 rows of whoever holds each action for 8 frames, and captions that tell which it is."""
    rng = np.random.default_rng(seed)
    turns = rng.random(8) < 0.5
    actions = np.where(turns.repeat(8)[:, None], TURN, WALK)
    actions[0] = 0  # the reset
    deeds = [("turns" if turn else "walks") for turn in turns]
    told = [Caption(8 * k, 8 * k + 8, "a field", f"a field . the player {deed} left") for k, deed in enumerate(deeds)]
    return actions, tuple(told) if captions else ()


def test_actions_are_held_as_players_hold_them_and_captions_decide_where_they_speak() -> None:
    habits = learn_habits([episode(seed) for seed in range(40)], least=5)
    walk, turn = habits.places(np.stack([WALK, TURN]))
    assert sorted(habits.actions.tolist()) == sorted([WALK.tolist(), TURN.tolist()]), "a reset is no action"
    held = habits.chances(np.stack([WALK, TURN]), ["", ""])
    assert held[0, walk] > 0.85 and held[1, turn] > 0.85
    free = habits.chances(UNKNOWN, ["a field"])[0]
    assert 0.3 < free[turn] < 0.7
    for text, place in (("the player turns", turn), ("the player walks", walk)):
        assert habits.chances(UNKNOWN, [text])[0, place] > 0.9 and text.split()[2] in habits.phrases
    assert "sea" not in habits.phrases


def test_recordings_without_captions_have_habits_too_and_no_actions_have_none() -> None:
    habits = learn_habits([episode(seed, captions=False) for seed in range(10)])
    assert habits.phrases == () and habits.chances(UNKNOWN, ["anything"]).shape == (1, 2)
    with pytest.raises(TrainingError, match="there are none"):
        learn_habits([(np.zeros((1, 2), np.float32), ())])
    assert len(learn_habits([episode(0)], actions=1).actions) == 1, "rarer actions count as the nearest"


def test_a_caption_of_the_reset_alone_tells_of_no_action() -> None:
    actions, _ = episode(0)
    told = (Caption(0, 1, "welcome", "welcome"), Caption(1, 64, "go", "go"))
    assert "welcome" not in learn_habits([(actions, told)] * 3, least=1).phrases
    lone = actions[:1], (Caption(0, 1, "welcome", "welcome"),)
    assert learn_habits([(actions, ()), lone]).phrases == ()


def test_the_command_writes_what_a_dataset_holds(tmp_path: Path) -> None:
    data = record_counter(tmp_path / "data")
    main(["train", "habits", "--data", str(data), "--out", str(tmp_path / "out"), "--heldout", "0"])
    dataset = Dataset.open(data)
    found = read_habits(tmp_path / "out", dataset.info.actions.width)
    taken = np.concatenate([dataset.read(i).actions[1:] for i in range(len(dataset))])
    assert found is not None and {*map(tuple, found.actions.tolist())} == {*map(tuple, taken.tolist())}
    assert np.array_equal(dataset.actions(0), dataset.read(0).actions)
    first = (tmp_path / "out" / FILE).read_bytes()
    train_habits(TrainHabits((data,), tmp_path / "out", heldout=0))
    assert (tmp_path / "out" / FILE).read_bytes() == first, "the same recordings teach the same"
    with pytest.raises(ConfigError, match="none is given"):
        TrainHabits()
