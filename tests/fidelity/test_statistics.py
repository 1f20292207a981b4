"""Intervals that cover what they should, on made-up worlds whose truth is known."""

import numpy as np
import pytest

from worldsim.fidelity.statistics import StatisticsError, mean, nested_mean, ratio, wilson


def test_the_interval_over_clusters_covers_the_truth_as_often_as_it_says() -> None:
    rng, repeats, worlds, windows = np.random.default_rng(0), 120, 40, 4
    by_world = np.repeat(np.arange(worlds), windows)
    covered = alone = 0
    for repeat in range(repeats):
        values = rng.normal(size=worlds).repeat(windows) + 0.3 * rng.normal(size=worlds * windows)  # their mean is 0
        clustered = mean(values, by_world, resamples=300, seed=repeat)
        naive = mean(values, np.arange(len(values)), resamples=300, seed=repeat)
        covered += clustered.low <= 0 <= clustered.high
        alone += naive.low <= 0 <= naive.high
    assert 0.87 <= covered / repeats <= 0.99
    assert alone / repeats < 0.8  # windows of one world are no independent witnesses


def test_a_ratio_of_sums_is_not_a_mean_of_ratios() -> None:
    found = ratio(np.array([1.0, 9.0]), np.array([1.0, 3.0]), [0, 1])
    assert (found.value, found.low, found.high) == (2.5, 1.0, 3.0)


def test_equal_values_leave_no_doubt() -> None:
    found = mean(np.full(6, 0.25), [0, 0, 1, 1, 2, 2])
    assert (found.value, found.low, found.high) == (0.25, 0.25, 0.25)


def test_the_same_seed_gives_the_same_interval() -> None:
    values, worlds = np.random.default_rng(1).normal(size=20), np.arange(20) // 2
    assert mean(values, worlds, seed=3) == mean(values, worlds, seed=3) != mean(values, worlds, seed=4)


def test_wilsons_interval_is_the_published_one() -> None:
    found = wilson(8, 10)  # Wilson 1927, to four digits: 0.4902, 0.9433
    assert (found.value, round(found.low, 4), round(found.high, 4)) == (0.8, 0.4902, 0.9433)
    assert wilson(0, 5).low == 0 < wilson(0, 5).high < 0.5


@pytest.mark.parametrize(
    ("numerator", "denominator", "clusters", "message"),
    [
        ([1.0, 2.0], [1.0, 1.0], [7, 7], "at least 2 clusters, got 1"),
        ([1.0, np.nan], [1.0, 1.0], [0, 1], "finite"),
        ([1.0, 2.0], [0.0, 0.0], [0, 1], "sum to zero"),
        ([1.0, 2.0, 3.0], [1.0, 1.0], [0, 1], "must all be"),
    ],
)
def test_numbers_without_an_interval_are_refused(numerator, denominator, clusters, message) -> None:
    with pytest.raises(StatisticsError, match=message):
        ratio(np.array(numerator), np.array(denominator), clusters)


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(StatisticsError, match="got 3 of 2"):
        wilson(3, 2)


def test_few_agents_of_many_episodes_are_drawn_and_so_are_their_episodes() -> None:
    rng, repeats, agents, episodes = np.random.default_rng(0), 120, 6, 10
    by_agent = np.repeat(np.arange(agents), episodes)
    covered = alone = 0
    for repeat in range(repeats):
        values = rng.normal(size=agents).repeat(episodes) + rng.normal(size=agents * episodes)  # their mean is 0
        nested = nested_mean(values, by_agent, resamples=300, seed=repeat)
        naive = nested_mean(values, np.zeros(len(values)), resamples=300, seed=repeat)
        covered += nested.low <= 0 <= nested.high
        alone += naive.low <= 0 <= naive.high
    assert covered / repeats >= 0.85 and alone / repeats < 0.7
    uneven = nested_mean(np.array([0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]), [0, 0, 1, 1, 1, 1, 1])
    assert (uneven.value, uneven.low, uneven.high) == (5 / 7, 0.0, 1.0), "either agent may stand for both"
    with pytest.raises(StatisticsError, match="at least 2 values, got 1"):
        nested_mean(np.array([1.0]), [0])
