"""Figures of made-up trials, worked out by hand."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from worldsim.fidelity.heldout import FidelityError
from worldsim.fidelity.probes.next_frame import NextFrame
from worldsim.fidelity.probes.rollout import Rollout
from worldsim.fidelity.probes.stamina import Stretch
from worldsim.fidelity.report import summarise, table


def rollouts(model: float, copy: float, worlds: int = 4, steps: int = 20) -> list[Rollout]:
    errors = [[error] * steps for error in (model, copy, 4 * copy, 1.0)]
    return [Rollout(world, 0, *errors) for world in range(worlds)]


def test_a_tenth_of_copys_error_is_ten_decibels_above_it_by_either_average() -> None:
    found = summarise(rollouts(10.0, 100.0), resamples=50)["free_running"]
    assert found["psnr_average"].keys() == {"1-16", "1-20"}
    assert found["psnr_average"]["1-16"]["model_minus_copy"]["value"] == pytest.approx(10)
    assert found["psnr_average"]["1-16"]["model_minus_shuffled"]["low"] == pytest.approx(16.0206, abs=1e-4)
    assert found["psnr_of_pooled_error"]["model_minus_copy"] == pytest.approx({"value": 10, "low": 10, "high": 10})
    assert len(found["psnr_per_step"]["model"]) == 20


def test_a_window_where_nothing_moves_weighs_much_in_the_mean_and_little_in_the_pooled_error() -> None:
    still = [Rollout(world, 0, [10.0] * 16, [0.0] * 16, [10.0] * 16, [1.0] * 16) for world in range(4, 6)]
    found = summarise([*rollouts(50.0, 100.0, steps=16), *still], resamples=50)
    free = found["free_running"]
    assert free["psnr_average"]["1-16"]["model_minus_copy"]["value"] < 0
    expected = -10 * np.log10((4 * 50 + 2 * 10) / (4 * 100))
    assert free["psnr_of_pooled_error"]["model_minus_copy"]["value"] == pytest.approx(expected)


@pytest.mark.parametrize(("decibels", "met"), [(1.9, False), (2.1, True)])
def test_the_bar_of_free_running_is_two_decibels_above_copy(decibels: float, met: bool) -> None:
    (bar,) = summarise(rollouts(100 / 10 ** (decibels / 10), 100.0), resamples=50)["bars"]
    assert bar["met"] is met and bar["sure"] is met and bar["value"] == pytest.approx(decibels)


@pytest.mark.parametrize(("model", "shuffled", "met"), [(0.49, 0.8, [True, True]), (0.51, 0.51, [False, False])])
def test_the_bars_of_the_next_frame_are_half_of_copy_and_a_difference_by_actions(model, shuffled, met) -> None:
    trials = [NextFrame(world, 0, model, 1.0, shuffled, 2.0, 3.0, 1.0) for world in range(4)]
    found = summarise(trials, resamples=50)
    assert [bar["met"] for bar in found["bars"]] == met
    assert found["next_frame"]["ratio_to_copy"]["shuffled_minus_model"]["value"] == pytest.approx(shuffled - model)


def test_one_rollout_outside_the_range_of_truth_is_enough_to_miss_the_bar() -> None:
    level = np.linspace(0.2, 0.6, 200).tolist()
    true = [Stretch("true", world, level, level, level, level, [0.0]) for world in range(3)]
    good, dark = [0.4] * 150, [0.4] * 50 + [0.01] * 100
    inside = Stretch("learned", 7, good, good, good, good, [0.0])
    for name, stretch in {"mean": Stretch("learned", 8, dark, good, good, good, [0.0]), "nothing": inside}.items():
        found = summarise([*true, inside, stretch])
        missed = [bar["bar"] for bar in found["bars"] if not bar["met"]]
        assert len(missed) == (name == "mean") and all(f": {name} of" in bar for bar in missed)
    assert found["stamina"]["mean"]["rollouts_inside_frames"]["count"] == 2


def test_stamina_needs_a_hundred_frames_on_both_sides() -> None:
    short = [0.5] * 99
    learned = Stretch("learned", 1, short, short, short, short, [0.0])
    with pytest.raises(FidelityError, match="give --long more steps"):
        summarise([Stretch("true", 1, *([0.5] * 100,) * 4, [0.0]), learned])


def test_the_end_of_a_minute_is_held_against_its_beginning() -> None:
    def fading(kind: Literal["true", "learned"], world: int, half: float) -> Stretch:
        level = (0.4 * half ** (np.arange(700) / 575)).tolist()
        return Stretch(kind, world, level, level, level, level, [0.0])

    trials = [fading("learned", world, 0.5) for world in (1, 2)] + [fading("true", world, 1.0) for world in (3, 4, 5)]
    trials.append(Stretch("true", 6, *([0.5] * 300,) * 4, [0.0]))  # an episode that ended early says nothing of it
    found = summarise(trials, resamples=50)
    told = found["stamina"]["minute"]["motion"]
    assert told["learned"]["value"] == pytest.approx(0.5 ** (550 / 575)) and told["true"]["value"] == pytest.approx(1)
    assert "spread of frames 551 … 600 over that of the first 50: learned 0.52" in table(found)
    short = [Stretch(one.kind, one.world, *([0.5] * 599,) * 4, [0.0]) for one in trials]
    assert "minute" not in summarise(short, resamples=50)["stamina"]


@pytest.mark.parametrize(("near", "met"), [(1.0, True), (0.1, False)])
def test_rollouts_that_all_end_in_one_place_are_told_from_true_episodes(near: float, met: bool) -> None:
    rng, steady = np.random.default_rng(0), [0.5] * 100
    ends = rng.random((24, 48))

    def stretch(kind: Literal["true", "learned"], place: np.ndarray) -> Stretch:
        return Stretch(kind, 0, steady, steady, steady, steady, place.tolist())

    learned = [stretch("learned", near * place) for place in ends[:6]]
    found = summarise([*learned, *(stretch("true", place) for place in ends[6:])], resamples=200)
    apart = found["stamina"]["apart"]
    assert apart["value"] == pytest.approx(near * np.sqrt(1 / 6), rel=0.1), "two numbers drawn from 0 … 1"
    assert apart["truth"]["low"] <= apart["truth"]["median"] <= apart["truth"]["high"]
    assert [bar["met"] for bar in found["bars"] if "as far apart" in bar["bar"]] == [met]
