"""The study: levels, trials on disk, figures with known answers, and what it refuses."""

import json
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from study_worlds import FromFrames, Mirrored, Question, Ring, Tossed, drawn
from worldsim.fidelity import study
from worldsim.fidelity.harness.compare import compare, holm
from worldsim.fidelity.harness.conduct import report
from worldsim.fidelity.harness.courses import matched
from worldsim.fidelity.harness.departures import departures
from worldsim.fidelity.harness.lines import Lines, read_lines
from worldsim.fidelity.harness.reading import RenderReader
from worldsim.fidelity.harness.tallies import mmrv
from worldsim.fidelity.heldout import FidelityError

SIDES = ["left and right"]


def ask(candidate, out: Path, **options):
    return study(candidate, Ring, out=out, probes=SIDES, trials=6, **options)


def test_truth_as_its_own_candidate_scores_one(tmp_path: Path) -> None:
    found = ask(Ring, tmp_path)["probes"]["left and right"]
    assert found["reader"]["sound"] and found["N"]["value"] == 1.0 and found["departs"] == []
    assert found["c"] == 0.5 and found["baselines"]["copy"]["S"]["value"] <= 0.5


def test_a_world_in_which_left_is_right_scores_minus_one(tmp_path: Path) -> None:
    found = ask(FromMirrored, tmp_path)["probes"]["left and right"]
    assert found["S"]["value"] == 0.0 and found["N"]["value"] == -1.0 and "N" in found["departs"]


def test_a_world_that_starts_from_frames_is_read_like_one_that_starts_from_states(tmp_path: Path) -> None:
    assert ask(lambda: FromFrames(Ring()), tmp_path)["probes"]["left and right"]["N"]["value"] == 1.0


class FromMirrored(FromFrames):
    def __init__(self) -> None:
        super().__init__(Mirrored())


WORLDS = pytest.mark.parametrize(("world", "probe"), [(Ring, "left and right"), (Tossed, "stochastic truth"),
                                                      (Tossed, "determinism")])  # fmt: skip


@WORLDS
def test_the_same_seed_gives_the_same_report_and_another_seed_another(world, probe: str, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        study(world, world, out=tmp_path / name, probes=[probe], trials=6, seed=seed)
    one, two, other = ((tmp_path / name / "report.json").read_bytes() for name in "abc")
    assert one == two != other


@WORLDS
def test_a_killed_run_goes_on_at_the_next_trial_and_counts_none_twice(world, probe: str, tmp_path: Path) -> None:
    for name in ("whole", "killed"):
        study(world, world, out=tmp_path / name, probes=[probe], trials=6)
    lines = (tmp_path / "killed" / "trials.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "killed" / "trials.jsonl").write_text("".join(lines[:3]) + lines[3][:40])
    study(world, world, out=tmp_path / "killed", probes=[probe], trials=6)
    again = read_lines(tmp_path / "killed")
    assert [line["index"] for line in again] == list(range(6))
    assert (tmp_path / "whole" / "report.json").read_bytes() == (tmp_path / "killed" / "report.json").read_bytes()


class Stuck(Tossed):
    steps = (0,)


class Wild(Tossed):
    steps = (3, 4)


class Driven(Tossed):
    """Does what truth may do, but always the same."""

    steps = (1,)


def toss(candidate, out: Path):
    return study(candidate, Tossed, out=out, probes=["stochastic truth"], trials=12)["probes"]["stochastic truth"]


def test_truth_by_another_luck_is_covered_and_comes_as_often(tmp_path: Path) -> None:
    for name, candidate in (("states", Tossed), ("frames", lambda: FromFrames(Tossed()))):
        found = toss(candidate, tmp_path / name)
        assert found["reader"]["sound"] and found["N"]["value"] == pytest.approx(1.0, abs=0.1)
        assert found["departs"] == [] and found["c"] == pytest.approx(3 / 8, abs=0.05)
        assert abs(found["extras"]["energy distance of outcomes, truth from truth"]["value"]) < 0.1


def test_what_truth_never_comes_to_is_not_covered(tmp_path: Path) -> None:
    found = toss(lambda: FromFrames(Wild()), tmp_path)
    assert found["S"]["value"] == 0.0 and "N" in found["departs"]


def test_outcomes_that_are_true_but_always_the_same_are_covered_and_not_calibrated(tmp_path: Path) -> None:
    for name, candidate, goes in (("stuck", Stuck, -1), ("driven", Driven, 1)):
        found = toss(lambda candidate=candidate: FromFrames(candidate()), tmp_path / name)
        assert found["S"]["value"] == 1.0 and "N" not in found["departs"]
        spread, rank = (found["extras"][key] for key in ("spread of outcomes, candidate / truth",
                                                         "rank, candidate - truth"))  # fmt: skip
        assert spread["value"] == 0.0 and np.sign(rank["value"]) == goes
        assert {"energy distance, candidate - truth", "rank, candidate - truth"} < set(found["departs"])


def test_the_report_is_computed_again_from_the_lines_alone(tmp_path: Path) -> None:
    first = ask(Ring, tmp_path)
    (tmp_path / "report.json").unlink()
    assert report(tmp_path) == json.loads(json.dumps(first)) == json.loads((tmp_path / "report.json").read_text())
    page = (tmp_path / "report.html").read_text()
    assert "data:image/png;base64," in page and "http" not in page.replace("http://www.w3.org", "")


def test_a_folder_of_another_run_is_refused_and_says_what_differs(tmp_path: Path) -> None:
    Lines(tmp_path, {"seed": 0, "tier": "quick"})
    with pytest.raises(FidelityError, match="other seed"):
        Lines(tmp_path, {"seed": 1, "tier": "quick"})


def test_levels_that_a_candidate_lacks_are_refused_with_a_reason(tmp_path: Path) -> None:
    class Deaf(gym.Wrapper):
        unwrapped = property(lambda self: self)  # type: ignore[assignment]

        def reset(self, *, seed=None, options=None):
            return self.env.reset(seed=seed)

    found = ask(lambda: Deaf(Ring()), tmp_path)
    assert found["probes"] == {} and "does not show the last given frame" in found["refused"]["left and right"]


def test_without_a_reference_level_a_is_asked_of_any_env(tmp_path: Path) -> None:
    found = study("CartPole-v1", out=tmp_path, trials=3)
    assert {"reversibility", "determinism", "stirrings"} <= set(found["probes"])
    assert found["probes"]["determinism"]["S"]["value"] == 1.0
    assert all("reference" in reason for reason in found["refused"].values())


def test_level_a_finds_that_a_ring_comes_back_and_a_random_world_does_not(tmp_path: Path) -> None:
    class Lost(Ring):
        def moved(self, action: int) -> int:
            return int(self.np_random.integers(8))

    probes = ["reversibility", "no-op stability", "determinism"]
    ring = study(Ring, out=tmp_path / "ring", probes=probes, trials=4)["probes"]
    lost = study(Lost, out=tmp_path / "lost", probes=probes, trials=4)["probes"]
    assert ring["reversibility"]["S"]["value"] == 1.0 and ring["no-op stability"]["S"]["value"] == 1.0
    assert lost["reversibility"]["S"]["value"] < 0.5 > lost["no-op stability"]["S"]["value"]


def test_a_reader_that_fails_its_validation_scores_nothing(tmp_path: Path) -> None:
    ask(Ring, tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "trials.jsonl").read_text().splitlines()]
    for row in rows:
        for play in row["plays"]:
            play["questions"][0]["read"]["truth"] = 1 - play["questions"][0]["right"]
    (tmp_path / "trials.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = report(tmp_path)["probes"]["left and right"]
    assert not found["reader"]["sound"] and "N" not in found


def test_the_renderer_reads_through_noise_and_another_pose() -> None:
    pictures = np.stack([np.stack([drawn(place), np.roll(drawn(place), 1, 0)]) for place in (1, 3, 6)])[:, :, None]
    reader = RenderReader(Question("place", (1,), ("1", "3", "6"), pictures, 0))
    rng = np.random.default_rng(0)
    noisy = np.clip(np.roll(drawn(3), 1, 0) + rng.normal(0, 20, drawn(3).shape), 0, 255).astype(np.uint8)
    assert reader.read(noisy[None]).answer == 1
    assert all(put == read for put, read in reader.planted(rng))


def test_events_match_once_within_two_frames() -> None:
    happened, told = np.zeros((10, 2)), np.zeros((10, 2))
    happened[[2, 8], 0], told[[4, 5], 0], told[1, 1] = 1, 0.9, 0.6
    assert matched(happened, told) == [1, 2, 3]


def test_holm_steps_down_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_rank_violations_cost_what_the_worst_wrong_pair_costs_in_truth() -> None:
    assert mmrv(np.array([0.0, 1.0, 3.0]), np.array([5.0, 6.0, 9.0])) == 0.0
    assert mmrv(np.array([0.0, 1.0]), np.array([1.0, 0.0])) == 1.0


def test_departures_are_figures_whose_interval_leaves_truth_out() -> None:
    figures = {"N": {"value": 0.8, "low": 0.7, "high": 0.9},
               "extras": {"gain": {"value": 1.2, "low": 1.1, "high": 1.3, "truth": 1.0},
                          "bias": {"value": 0.1, "low": -0.1, "high": 0.3, "truth": 0.0}}}  # fmt: skip
    assert departures(figures) == ["N", "gain"]


@pytest.mark.parametrize(
    ("words", "says"),
    [({"probes": "turns"}, r"write \['turns'\]"), ({"candidate": 3}, "candidate must be an id or a function")],
)
def test_what_is_no_study_is_told(words: dict, says: str) -> None:
    with pytest.raises(FidelityError, match=says):
        study(**{"candidate": Ring, "reference": Ring, **words})


def test_two_candidates_are_compared_on_the_worlds_that_both_met(tmp_path: Path) -> None:
    ask(Ring, tmp_path / "a")
    ask(FromMirrored, tmp_path / "b")
    found = compare([tmp_path / "a", tmp_path / "b"], tmp_path)
    row = found["differences"][0]
    assert row["S, first - other"]["value"] == 1.0 and row["p, Holm"] < 0.05
    assert (tmp_path / "compare.html").exists()
    with pytest.raises(FidelityError, match="two runs"):
        compare([tmp_path / "a"], tmp_path)
