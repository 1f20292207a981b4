"""What is measured beside questions, with known answers: ways in time, changed cells, warps, hack gap, surprise."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from worldsim.fidelity.harness.extras import births
from worldsim.fidelity.harness.tallies import clips_figures, events_figures, surprise_figures
from worldsim.fidelity.harness.ways import changed_cells, tracked, warped
from worldsim.fidelity.harness.ways_figures import cells, closure, collateral, reprojection, way, ways

OPTIONS = {"resamples": 200, "seed": 0}


def dot(row: int) -> np.ndarray:
    """A bright square on a dark ground, so many rows down."""
    frame = np.full((32, 32, 3), 30, np.uint8)
    frame[row : row + 4, 12:18] = 220
    return frame


FALL = np.array([20.0, 20.0, 16.0, 12.0, 8.0, 4.0, 0.0, 0.0, 0.0])  # stands for two frames, then falls
MOMENTS = np.stack([dot(24 - int(height)) for height in FALL])


def track(shown: np.ndarray) -> dict[str, Any]:
    views = MOMENTS[:, None, None]
    thing = SimpleNamespace(name="dot", points=FALL, answers=[f"{point:.2f}" for point in FALL], pictures=views)
    return tracked(thing, {"candidate": shown, "ceiling": MOMENTS[1:]}, np.random.default_rng(0))  # type: ignore


def test_a_way_shown_two_frames_late_is_read_as_two_frames_late() -> None:
    late = np.concatenate([MOMENTS[:1].repeat(2, 0), MOMENTS[1:-2]])
    read = track(late)
    onset, arrival, path = way(read, "candidate")
    assert (onset, arrival) == (2.0, 2.0)
    assert path == pytest.approx(np.abs(np.append([20, 20], FALL[1:-2]) - FALL[1:]).mean() / 20)
    assert way(read, "ceiling") == (0.0, 0.0, 0.0)
    assert all(read["points"][put] == read["points"][seen] for put, seen in read["planted"])


def test_what_never_begins_does_so_after_the_last_frame() -> None:
    onset, arrival, _ = way(track(MOMENTS[:1].repeat(8, 0)), "candidate")
    assert (onset, arrival) == (7.0, 3.0)


def test_ways_of_truth_are_no_way_off_and_those_of_a_still_world_are() -> None:
    lines = [{"seed": seed, "plays": [{"tracks": [track(shown)]}]} for seed in range(3)
             for shown in (MOMENTS[1:], MOMENTS[:1].repeat(8, 0))]  # fmt: skip
    for name, expected in (("onset error, frames", 3.5), ("arrival error, frames", 1.5)):
        assert ways(lines, OPTIONS)[name]["value"] == expected
        assert ways(lines[::2], OPTIONS)[f"{name}, candidate - truth"]["value"] == 0.0


def test_cells_that_changed_are_those_of_truth_for_truth_and_none_for_a_copy() -> None:
    before, after = dot(4), dot(20)
    shown = {"candidate": before[None], "truth": after[None], "ceiling": after[None]}
    found = changed_cells(shown, before, before)
    assert found == {"candidate": [0, 0, 12, 256], "truth": [12, 12, 12, 256], "ceiling": [12, 12, 12, 256]}
    half = after.copy()
    half[4:8, 12:18] = 220  # what was there before has not gone
    counts = changed_cells({**shown, "candidate": half[None]}, before, before)["candidate"]
    assert counts == [6, 6, 12, 256]
    figures = cells([{"seed": seed, "plays": [{"changed": {"candidate": counts, "ceiling": [12, 12, 12, 256]}}]}
                     for seed in range(2)], OPTIONS)  # fmt: skip
    assert figures["changed-cell F1"]["value"] == pytest.approx(2 / 3)


def test_a_warp_fits_truth_and_neither_a_copy_nor_a_grey_picture_nor_another_shift() -> None:
    wide = np.random.default_rng(0).integers(0, 256, (32, 48, 3)).astype(np.uint8)
    first, second, farther = wide[:, 8:40], wide[:, 4:36], wide[:, :32]
    rows, columns = np.mgrid[:32, 4:32].reshape(2, -1)
    warp: Any = SimpleNamespace(steps=(1, 2), pixels=np.stack([rows, columns, rows, columns - 4], 1).astype(np.int16))
    grey = np.full_like(first, 90)
    read = warped(warp, {"truth": np.stack([first, second]), "ceiling": np.stack([first, second]),
                         "candidate": np.stack([first, farther]), "grey": np.stack([grey, grey])})["read"]  # fmt: skip
    assert read["truth"] < 0.05 and min(read["copy"], read["candidate"], read["grey"]) > 0.9
    lines = [{"seed": seed, "plays": [{"warps": [{"read": {**read, "candidate": read[who]}}]}]}
             for seed in range(2) for who in ("ceiling", "copy")]  # fmt: skip
    assert reprojection(lines, OPTIONS)["depth reprojection"]["value"] == pytest.approx(0.5)


def asked(kind: str, values: list[Any], answers: list[str], right: int, read: int, seed: int) -> dict[str, Any]:
    question = {"name": kind, "kind": kind, "needs": "", "answers": answers, "right": right, "values": values,
                "chance": 0.5, "read": {"candidate": read, "ceiling": right}}  # fmt: skip
    return {"seed": seed, "facts": {"frames": 32.0}, "plays": [{"questions": [question]}]}


def test_poses_counts_and_neighbours_are_told_from_what_was_read() -> None:
    poses = [asked("pose", [(0.0, 0.0), (12.0, 1.0)], ["0, 0, 0", "12, 1, 0"], 0, seed % 2, seed) for seed in range(4)]
    found = closure(poses, OPTIONS)
    assert found["pose closure, degrees"]["value"] == 6.0
    assert found["pose closure, blocks, candidate - truth"]["value"] == 0.5
    herds = [asked("score", [2, 3, 1], ["as many", "more:here", "fewer:0"], 0, seed, seed) for seed in range(3)]
    found = births(herds, OPTIONS)
    assert found["count error, animals"]["value"] == pytest.approx(2 / 3)
    assert found["P(count grows), candidate - truth"]["value"] == pytest.approx(1 / 3)
    assert found["births per 1,000 frames"]["value"] == pytest.approx(1000 / 96)
    stands = [asked("beside", [], ["as it was", "changed:left"], 0, seed % 2, seed) for seed in range(4)]
    assert collateral(stands, OPTIONS)["collateral changes"]["value"] == 0.5


def course(seed: int, true: float, mine: float) -> dict[str, Any]:
    return {"seed": seed, "returns": [true, mine], "brier": [0.0, 1.0, 9], "matched": {"candidate": [1, 1, 1],
            "shuffled": [0, 1, 1]}}  # fmt: skip


def test_the_hack_gap_is_what_the_best_paid_quarter_earns_too_much_in_any_order_of_trials() -> None:
    honest = [course(seed, float(seed % 4), float(seed % 4)) for seed in range(8)]
    assert events_figures(honest, OPTIONS)["extras"]["hack gap"]["value"] == 0.0
    hacked = [course(0, 0.0, 9.0), course(1, 0.0, 7.0), *(course(seed, 2.0, 1.0) for seed in range(2, 8))]
    for lines in (hacked, hacked[::-1]):
        assert events_figures(lines, OPTIONS)["extras"]["hack gap"]["value"] == 8.0
    alike = [course(seed, float(seed % 2), 1.0) for seed in range(8)]
    assert events_figures(alike, OPTIONS)["extras"]["hack gap"]["value"] == 0.5


def test_surprise_at_each_rule_is_compared_with_truth_in_scenes_of_its_own() -> None:
    lines = [{"seed": seed, "surprise": {"nothing moves": [2.0, 1.0], "gravity off" if seed % 2 else "blocks revert":
                                         [0.5 if seed % 2 else 9.0, 5.0]}} for seed in range(6)]  # fmt: skip
    found = surprise_figures(lines, OPTIONS)
    assert {name: part["value"] for name, part in found["extras"].items()} == {
        "AUC, nothing moves": 1.0, "AUC, blocks revert": 1.0, "AUC, gravity off": 0.0}  # fmt: skip
    assert found["S"]["value"] == pytest.approx(2 / 3)


def test_a_distribution_is_not_scored_by_features_that_do_not_know_spoilt_clips() -> None:
    rng = np.random.default_rng(0)
    for spoilt, scored in ((3.0, True), (0.0, False)):
        features = [{name: rng.normal(spoilt * (name in ("frozen", "shuffled")), 1.0, 6).tolist()
                     for name in ("truth", "candidate", "ceiling", "frozen", "shuffled")}
                    for _ in range(24)]  # fmt: skip
        lines = [{"seed": seed, "features": one} for seed, one in enumerate(features)]
        assert (clips_figures(lines, OPTIONS)["N"] is not None) == scored
