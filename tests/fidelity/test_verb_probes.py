"""The probes of the verbs: known distances give known ratios, and every probe of the table runs."""

from __future__ import annotations

import numpy as np
import pytest

from networks import EVENTS, SIZE, SPEC, tiny_world
from worldsim.clip import Clip, Prompt
from worldsim.fidelity.heldout import FidelityError, Windows
from worldsim.fidelity.probes.verbs import BARS, GAP, Compared, figures, neighbours, probe_verbs, table
from worldsim.fidelity.statistics import StatisticsError, median

ROWS, LENGTH = 3, 2 * GAP + 2


def windows(length: int = LENGTH) -> Windows:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (ROWS, length, *SIZE, 3), dtype=np.uint8)
    flags = np.zeros((ROWS, length), np.bool_)
    rows = (np.zeros((ROWS, length, width), np.float32) for width in (SPEC.width, len(EVENTS)))
    text = [[Prompt(said, 0, length)] for said in ("snow", "snow", "a desert at night")]
    return Windows(Clip(frames, *rows, flags, flags, ~flags, text), (7, 8, 8), (0, 0, 0))


def test_neighbours_are_as_far_apart_as_their_grey_levels() -> None:
    frames = np.array([10, 13, 13, 3], np.uint8)[:, None, None, None] * np.ones((1, 4, 5, 3), np.uint8)
    assert neighbours(frames).round(2).tolist() == [3.0, 0.29, 10.0]
    assert neighbours(np.stack([frames, frames])).shape == (2, 3)


def test_every_figure_of_the_table_is_measured() -> None:
    trials = probe_verbs(tiny_world(), windows(), passes=1, rows=2)
    assert {trial.probe for trial in trials} == set(BARS)
    assert sum(trial.probe == "extend forward: seam" for trial in trials) == ROWS
    assert all(trial.value > 0 and trial.truth > 0 and trial.world in (7, 8) for trial in trials)
    found = figures(trials)
    assert list(found) == list(BARS) and all(one["clips"] == ROWS and one["worlds"] == 2 for one in found.values())
    assert all(name in table(found) for name in BARS)
    assert trials == probe_verbs(tiny_world(), windows(), passes=1, rows=2)


def test_ratios_and_bars_are_what_the_distances_say() -> None:
    trials = [Compared("loop: seam", world, value, 2.0) for world, value in ((1, 1.0), (2, 2.0), (3, 6.0))]
    trials += [Compared("animate: motion", world, 1.0, 4.0) for world in (1, 2)]
    found = figures(trials)
    assert found["loop: seam"]["median"]["value"] == 1.0 and found["loop: seam"]["of_sums"]["value"] == 1.5
    assert found["loop: seam"]["met"] and not found["animate: motion"]["met"]
    assert found["animate: motion"]["median"] == {"value": 0.25, "low": 0.25, "high": 0.25}


def test_the_median_lies_in_its_interval_and_whole_worlds_are_drawn() -> None:
    values, worlds = np.array([1.0, 1.0, 1.0, 9.0]), [1, 1, 1, 2]
    assert (median(values, worlds).value, median(values, worlds).low, median(values, worlds).high) == (1.0, 1.0, 9.0)
    with pytest.raises(StatisticsError, match="2 clusters"):
        median(values, [1] * 4)
    with pytest.raises(StatisticsError, match="finite"):
        median(values * np.nan, worlds)


def test_what_cannot_be_probed_is_named() -> None:
    with pytest.raises(FidelityError, match="extend, loop"):
        probe_verbs(tiny_world(), windows(), ["fly"])
    with pytest.raises(FidelityError, match=f"at least {LENGTH} frames"):
        probe_verbs(tiny_world(), windows(LENGTH - 1))
