"""What studies conclude, on numbers whose answers are known."""

import json
from pathlib import Path

import numpy as np
import pytest

from worldsim.model.checkpoint import find
from worldsim_agents.rl.results import figure, interval, iqm, rank_agreement, ratio, table
from worldsim_agents.rl.study import Study, read_trials, report
from worldsim_envs.voxel.tasks import TASKS


def test_the_interquartile_mean_leaves_out_the_outer_quarters() -> None:
    assert iqm([0, 1, 2, 3, 4, 5, 6, 1000]) == pytest.approx((2 + 3 + 4 + 5) / 4)


def test_an_interval_holds_its_mean_and_is_a_point_where_all_agree() -> None:
    values = np.random.default_rng(0).normal(3.0, 1.0, 100)
    mean, low, high = interval(values)
    assert mean == pytest.approx(values.mean()) and low < mean < high and 0.3 < high - low < 0.5
    assert interval([2.0, 2.0]) == [2.0, 2.0, 2.0]


def test_episodes_of_one_agent_are_no_independent_witnesses() -> None:
    rng = np.random.default_rng(0)
    returns = {seed: level + 0.1 * rng.normal(size=100) for seed, level in enumerate([0.1, 0.5, 0.9])}
    values = np.concatenate([*returns.values()])
    mean, low, high = interval(values, np.repeat([0, 1, 2], 100))
    _, lowest, highest = interval(values)
    assert mean == pytest.approx(0.5, abs=0.02) and low < 0.3 and high > 0.7, "another agent may be any of these"
    assert high - low > 5 * (highest - lowest)
    trials = [{**trial("A", "learned", 0.0), "seed": seed, "returns": [*part]} for seed, part in returns.items()]
    assert f"{mean:.3f} [{low:.3f}, {high:.3f}]" in table(trials)


def test_the_ratio_is_one_for_equals_nought_for_chance_and_ignores_tasks_that_say_nothing() -> None:
    def task(learned: float, true: float = 0.8, random: float = 0.2) -> dict[str, list[float]]:
        return {"learned": [learned] * 3, "true": [true] * 3, "random": [random] * 3}

    assert ratio([task(0.8)] * 3) == [1.0, 1.0, 1.0]
    assert ratio([task(0.2)] * 3) == [0.0, 0.0, 0.0]
    assert ratio([task(0.5), task(0.9, 0.1, 0.1)])[0] == pytest.approx(0.5)
    assert np.isnan(ratio([task(0.9, 0.1, 0.1)])).all()
    spread = {"learned": [0.3, 0.5, 0.7], "true": [0.7, 0.8, 0.9], "random": [0.1, 0.2, 0.3]}
    value, low, high = ratio([spread] * 3)
    assert value == pytest.approx(0.5) and low < 0.5 < high


def test_rankings_that_agree_are_told_from_chance() -> None:
    order = np.arange(12.0)
    agreement, chance = rank_agreement(order, order**2)
    assert agreement == pytest.approx(1.0) and chance < 0.001
    agreement, chance = rank_agreement(order, -order)
    assert agreement == pytest.approx(-1.0) and chance > 0.99
    assert rank_agreement(np.zeros(12), order) == (0.0, 1.0)


def trial(task: str, arm: str, value: float, **more) -> dict:
    return {"task": task, "arm": arm, "seed": 0, "returns": [value] * 4, "successes": [value > 0.5] * 4, **more}


def test_a_report_says_what_the_trials_say(tmp_path: Path) -> None:
    trials = [
        trial("A", arm, value) for arm, value in {"random": 0.0, "clone": 0.25, "learned": 0.5, "true": 1.0}.items()
    ]
    trials[2]["gap"] = 0.125
    found = report(trials, tmp_path)
    assert found["transfer"] == [0.5, 0.5, 0.5] and found["gap"] == {"A": [0.125] * 3}
    text = (tmp_path / "report.md").read_text()
    assert "| A | trained in the learned world | 0.500 [0.500, 0.500] | 0.00 | 1 × 4 | +0.125 |" in text
    assert table(trials) in text and "0.50 [0.50, 0.50]" in text
    assert figure(trials, tmp_path / "again.png").stat().st_size > 1000


def test_a_report_says_what_each_way_cost(tmp_path: Path) -> None:
    budget = {"true_steps": 1000, "learner": "ppo", "episodes": 4, "slips": 0.2, "gap_episodes": 0, "epochs": 3,
              "setting": {"checkpoint": "a world", "rows": 16}}  # fmt: skip
    trials = [
        trial("A", "random", 0.0, **{**budget, "true_steps": 0}, agent_steps=0, training_seconds=0.0),
        trial("A", "clone", 0.1, **budget, agent_steps=0, recording_seconds=30.0, training_seconds=5.0),
        trial("A", "learned", 0.5, **budget, learned_steps=8000, agent_steps=8192, recording_seconds=0.0,
              training_seconds=70.0),
        trial("A", "true", 1.0, **budget, agent_steps=1024, recording_seconds=0.0, training_seconds=9.0),
    ]  # fmt: skip
    rows = {row["arm"]: row for row in report(trials, tmp_path)["rows"]}
    assert rows["learned"]["times"] == pytest.approx(8.192) and rows["true"]["recording_seconds"] is None
    assert rows["learned"]["recording_seconds"] == 30.0, "the clone was first, and made it for both"
    assert rows["clone"]["times"] is None and rows["random"]["true_steps"] == 0
    text = (tmp_path / "report.md").read_text()
    assert "| A | trained in the learned world | 1,000 | 30 s | 8,192 | 8.2 | 70 s | `worldsim agent study" in text
    assert ("A: with 1,000 true steps each, the learned world allowed 8.0 times as many agent steps, 8,192 in 100 s "
            "for 1,024 in 9 s, recording included.") in text  # fmt: skip
    assert "--checkpoint 'a world'" in rows["true"]["command"] and "--rows" not in rows["true"]["command"]
    assert "--learned-steps 8000" in rows["learned"]["command"] and "--epochs" not in rows["learned"]["command"]


def test_the_usual_tasks_are_those_whose_events_the_shipped_weights_tell() -> None:
    told = json.loads((find("overworld-small") / "events.json").read_text())["events"]
    for task in Study().tasks:
        assert set(TASKS[task].needs) <= set(told), task


def test_a_torn_line_of_a_study_is_named(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    path.write_text('{"task": "A"}\n{"task"\n')
    with pytest.raises(ValueError, match="line 2 is no trial"):
        read_trials(path)
    assert read_trials(tmp_path / "none") == []
