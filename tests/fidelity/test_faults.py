"""Planted faults are caught by the probe that is meant for them, and the others stay quiet."""

from pathlib import Path

import numpy as np
import pytest

from worldsim.fidelity import study
from worldsim.fidelity.harness.levels import find_levels
from worldsim.fidelity.harness.simulator import open_simulator
from worldsim_envs.voxel.answering import Answering
from worldsim_envs.voxel.checks import VoxelError
from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.faults import FAULTS, faulty

# Fault -> the probe meant for it, and one that has nothing to do with it.
MEANT = {
    "frozen": ("counterfactual pairs", "determinism"),
    "random frames": ("action control", "fading"),
    "shuffled actions": ("action control", "determinism"),
    "always reverting": ("persistence", "left and right"),
    "crumbling": ("persistence", "left and right"),
    "late": ("physics", "births and deaths"),
    "splitting": ("births and deaths", "left and right"),
    "wide turns": ("turns", "physics"),
    "floating sand": ("physics", "persistence"),
    "mirrored": ("left and right", "physics"),
    "brightening": ("drift", "persistence"),
    "free reward": ("events and reward", "persistence"),
    "misheard": ("sides in words", "left and right"),
}

# Of twelve happenings four are about sand, of four deeds one is mining; 8 for the others.
TRIALS = {"floating sand": 16, "always reverting": 16, "crumbling": 16}


@pytest.mark.slow
@pytest.mark.parametrize("name", MEANT)
def test_a_planted_fault_is_caught_by_its_probe_and_by_no_other(name: str, tmp_path: Path) -> None:
    probe, other = MEANT[name]
    found = study(faulty(name), "worldsim/Voxel-v0", out=tmp_path, probes=[probe, other], trials=TRIALS.get(name, 8),
                  decode=False)["probes"]  # fmt: skip
    assert found[probe]["departs"], found[probe]
    assert not found[other]["departs"], found[other]


@pytest.mark.slow
def test_truth_as_its_own_candidate_departs_nowhere(tmp_path: Path) -> None:
    found = study("worldsim/Voxel-v0", "worldsim/Voxel-v0", out=tmp_path, trials=8, readers=tmp_path / "readers")
    for name, part in found["probes"].items():
        second = part.get("second", {"reader": {"sound": False}})
        assert not second["reader"]["sound"] or second["N"]["value"] >= 0.98, name
        assert part["departs"] == [] and part.get("reader", {"sound": True})["sound"], name
        assert part.get("N") is None or part["N"]["value"] >= 0.98, name


@pytest.mark.slow
def test_a_frozen_world_may_be_true_once_but_not_as_often(tmp_path: Path) -> None:
    probe = "stochastic truth"
    asked = {"reference": "worldsim/Voxel-v0", "probes": [probe], "decode": False}
    found = study(faulty("frozen"), out=tmp_path / "frozen", **asked)["probes"][probe]
    assert {"rank, candidate - truth", "spread of outcomes, candidate / truth"} <= set(found["departs"])
    found = study(faulty("splitting"), out=tmp_path / "two", **asked)["probes"][probe]
    assert "N" in found["departs"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "probe", "trials", "departs"), [
    ("late", "physics", 12, ["onset error, frames", "arrival error, frames", "path error, share of the way"]),
    ("frozen", "physics", 12, ["onset error, frames", "path error, share of the way", "changed-cell F1"]),
    ("wide turns", "3-D consistency", 24, ["pose closure, degrees"]),
    ("crumbling", "persistence", 16, ["collateral changes"]),
    ("splitting", "births and deaths", 12, ["count error, animals", "P(count grows)"]),
])  # fmt: skip
def test_a_planted_fault_shows_in_the_figures_beside_the_score(
    name: str, probe: str, trials: int, departs: list[str], tmp_path: Path
) -> None:
    found = study(faulty(name), "worldsim/Voxel-v0", out=tmp_path, probes=[probe], trials=trials,
                  decode=False)["probes"][probe]  # fmt: skip
    assert {f"{figure}, candidate - truth" for figure in departs} <= set(found["departs"])
    if name == "late":
        assert found["extras"]["onset error, frames"]["value"] == 2.0 and "N" not in found["departs"]
    if name == "wide turns":
        assert "depth reprojection" in found["departs"]


class Oracle(VoxelEnv):
    """Truth that is surprised by all that it would not have shown."""

    def surprise_at(self, frame: np.ndarray, action: int) -> float:
        return float(np.abs(self.step(action)[0].astype(float) - frame).mean())


@pytest.mark.slow
def test_truth_is_surprised_at_every_altered_rule(tmp_path: Path) -> None:
    found = study(Oracle, "worldsim/Voxel-v0", out=tmp_path, probes=["surprise"], trials=6)["probes"]["surprise"]
    names = ("actions swapped", "nothing moves", "gravity off", "blocks revert")
    assert {name: part["value"] for name, part in found["extras"].items()} == {f"AUC, {name}": 1.0 for name in names}


def test_truth_that_takes_prompts_offers_words_and_starts_from_states() -> None:
    candidate, reference = open_simulator(Answering), open_simulator("worldsim/Voxel-v0")
    levels = find_levels(candidate, reference)
    assert levels["D"] == "" and candidate.starts == "state"
    assert "no set_prompt" in find_levels(open_simulator("worldsim/Voxel-v0"), reference)["D"]


def test_animals_split_as_far_as_a_world_has_room() -> None:
    env = faulty("splitting")()
    env.reset(seed=1)
    raw = env.unwrapped
    while True:
        try:
            raw.spawn("pig", *raw.state.body[:3].tolist())  # type: ignore[attr-defined]
        except VoxelError:
            break
    for _ in range(10):
        env.step(0)


def test_every_fault_is_a_world_that_starts_from_a_true_state() -> None:
    for name in FAULTS:
        env = faulty(name)()
        first, _ = env.reset(seed=1)
        state = env.unwrapped.clone_state()  # type: ignore[attr-defined]
        assert (env.get_wrapper_attr("restore_state")(state) == first).all(), name
        assert env.step(0)[0].shape == first.shape
