"""Order in words: when a change begins, and figures of worlds that keep, reverse or ignore what they are told."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from worldsim.fidelity.harness.orders import onset, orders_figures
from worldsim.fidelity.readers.words import ATTRIBUTES

OPTIONS = {"resamples": 200, "seed": 0}
FRAMES = 20
NIGHT, RAIN, DUSK = "time night", "weather rain", "time twilight"


def shares(begin: int, end: int | None = None) -> list[float]:
    end = 3 * FRAMES if end is None else end
    return [float(begin <= frame < end) for frame in range(3 * FRAMES)]


def run(asked: tuple[str, ...], came: tuple[str, ...]) -> dict[str, Any]:
    """What is read where changes come in the order `came`."""
    def read(order: tuple[str, ...]) -> dict[str, list[float]]:
        return {change: shares(FRAMES * order.index(change)) if change in order else shares(99) for change in asked}

    return {"asked": list(asked), "read": {"candidate": read(came), "truth": read(asked), "ceiling": read(asked)}}


def lines(heard: Any) -> list[dict[str, Any]]:
    labels = {name: list(values) for name, values in ATTRIBUTES.items()}
    facts = {"kind": "attributes", "labels": labels, "legible": {n: list(range(len(v))) for n, v in labels.items()}}
    found = []
    for seed in range(24):
        told = [(NIGHT, RAIN), (RAIN, NIGHT)] if seed % 2 else [[*permutations((DUSK, NIGHT, RAIN))][seed // 2 % 6]]
        values = {name: seed % len(part) for name, part in labels.items()}
        truth = [{"world": seed, "labels": values, "raw": values, "ceiling": values}] * 8
        found.append({"seed": seed, "runs": [run(tuple(one), heard(tuple(one))) for one in told],
                      "reader": facts, "truth": truth})  # fmt: skip
    return found


@pytest.mark.parametrize(("given", "expected"), [
    (shares(7), 7), (shares(3, 9), 3), (shares(99), None), ([0.5] * 30, None), ([0.9] * 4 + [0.0] * 20, None),
    ([0.0, 1.0, *[0.0] * 9, *[0.9] * 12], 11),
])  # fmt: skip
def test_a_change_begins_where_the_stretch_that_shows_it_most_does(given: list[float], expected: int | None) -> None:
    assert onset(given) == expected


def test_a_world_that_keeps_the_order_scores_one() -> None:
    found = orders_figures(lines(lambda told: told), OPTIONS)
    assert found["reader"]["sound"] and found["N"]["value"] == 1.0 and found["c"] == 0.5
    assert found["extras"]["three: order"]["value"] == 1.0 and found["extras"]["three: N"]["value"] == 1.0
    assert found["extras"]["both orders right"]["value"] == 1.0
    assert found["baselines"]["orders exchanged"]["S"]["value"] == 0.0


def test_a_world_that_reverses_or_always_does_the_same_is_told() -> None:
    reversed_ = orders_figures(lines(lambda told: told[::-1]), OPTIONS)
    assert reversed_["S"]["value"] == 0.0 and reversed_["N"]["value"] == -1.0
    same = orders_figures(lines(lambda told: tuple(sorted(told))), OPTIONS)
    assert same["S"]["value"] == 0.5 and same["N"]["value"] == 0.0
    assert same["extras"]["both orders right"]["value"] == 0.0


def test_only_what_came_is_scored() -> None:
    found = orders_figures(lines(lambda told: told[:1]), OPTIONS)
    assert found["S"] is None and found["N"] is None and found["extras"]["all 2 came, candidate"]["value"] == 0.0
    assert found["extras"]["all 2 came, ceiling"]["value"] == 1.0


def test_a_reader_that_tells_no_order_of_truth_scores_nothing() -> None:
    wrong = lines(lambda told: told)
    for line in wrong:
        for one in line["runs"]:
            one["read"]["truth"] = run(tuple(one["asked"]), tuple(one["asked"][::-1]))["read"]["candidate"]
    found = orders_figures(wrong, OPTIONS)
    assert not found["reader"]["sound"] and "N" not in found
