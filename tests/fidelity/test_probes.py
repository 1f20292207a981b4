"""Probes on worlds whose answers are known: one that tells the truth, one that copies, one that counts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import counter
from tiny import save_tiny_checkpoint
from worldsim.actions import ActionSpec
from worldsim.clip import Clip
from worldsim.data.episodes import Dataset
from worldsim.data.record import record
from worldsim.fidelity.heldout import FidelityError, Windows, cut_windows, open_heldout, record_heldout
from worldsim.fidelity.probes.next_frame import next_frame
from worldsim.fidelity.probes.pixels import elsewhere, psnr, squared_error
from worldsim.fidelity.probes.rollout import rollout
from worldsim.fidelity.probes.stamina import Sticky, frame_statistics, stamina, sticky_actions, true_stretches
from worldsim.fidelity.report import summarise
from worldsim.model.card import read_card
from worldsim.model.dynamics import Prediction
from worldsim.model.tokenizer import Tokenizer, TokenizerConfig
from worldsim.sampling.world import World

TOKENIZER = Tokenizer(TokenizerConfig(channels=4, widths=(8, 8, 8)))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("counter")
    record(counter.ID, "random", 240, folder, seed=1, episode_length=31)
    return Dataset.open(folder)


@pytest.fixture(scope="module")
def windows(dataset: Dataset) -> Windows:
    return cut_windows(dataset, 8, 2, 12, np.random.default_rng(0))


class CountingWorld:
    """Counts on from the frames it was given, as the counter env does: its frames equal the truth's."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def reset(self, frames: np.ndarray, actions: np.ndarray, *, seeds: list[int]) -> None:
        assert len(frames) == len(actions) == len(seeds) == self.rows
        self.count, self.like = counter.read_counts(frames[:, -1]), frames[:, -1]

    def imagine(self, actions: np.ndarray) -> Any:
        self.count = self.count + 1
        frames = np.empty_like(self.like)
        half = frames.shape[1] // 2
        frames[:, :half] = self.count[:, None, None, None]
        frames[:, half:] = 30 * actions.argmax(1)[:, None, None, None]
        return SimpleNamespace(frames=frames)


def world_of(predict) -> Any:
    """A world whose network says what `predict` makes of the true latents and the actions."""

    def dynamics(noisy, level, condition, *, context):
        assert (level == 1).all() and noisy.shape == context[0].shape
        return Prediction(predict(context[0], condition.actions), *[torch.empty(0)] * 3)

    return SimpleNamespace(tokenizer=TOKENIZER, dynamics=dynamics, card=SimpleNamespace(context_level=0.0))


def ratios(predict, windows: Windows) -> dict[str, Any]:
    trials = next_frame(world_of(predict), windows, 8, np.random.default_rng(0), rows=5)
    assert len(trials) == 16
    return summarise(trials, resamples=200)["next_frame"]["ratio_to_copy"]


def test_a_network_that_knows_the_next_frame_has_ratio_zero(windows: Windows) -> None:
    found = ratios(lambda latents, actions: latents, windows)
    assert found["model"] == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_a_network_that_copies_the_last_frame_has_ratio_one(windows: Windows) -> None:
    found = ratios(lambda latents, actions: latents.roll(1, dims=1), windows)
    assert found["model"] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_shuffling_changes_the_action_of_the_predicted_frame_only(windows: Windows) -> None:
    seen = []

    def remember(latents, actions):
        seen.append(actions)
        return latents

    next_frame(world_of(remember), windows, 8, np.random.default_rng(0), rows=16)
    own, other = seen
    assert torch.equal(own[:, :-1], other[:, :-1])
    assert torch.equal(own[:, -1].sort(0).values, other[:, -1].sort(0).values) and not torch.equal(own, other)


def test_the_frame_to_predict_is_hidden_from_a_real_network(tmp_path: Path) -> None:
    world = World.from_pretrained(save_tiny_checkpoint(tmp_path / "tiny"))
    rng = np.random.default_rng(0)
    clip = _clip(rng.integers(0, 256, (4, 6, 64, 64, 3), dtype=np.uint8), world.card.action_spec.width)
    frames = clip.frames.copy()
    frames[:, 5] = 255 - frames[:, 5]
    shown = []
    for truth in (clip.frames, frames):
        seen = world.tokenizer.decode
        world.tokenizer.decode = lambda latents, seen=seen: shown.append(latents) or seen(latents)  # type: ignore
        changed = Windows(_clip(truth, clip.actions.shape[2]), (1, 2, 3, 4), (0,) * 4)
        next_frame(world, changed, 5, np.random.default_rng(0))
        world.tokenizer.decode = seen  # type: ignore[method-assign]
    prediction, truth, prediction_after_change, changed_truth = shown
    assert torch.equal(prediction, prediction_after_change) and not torch.equal(truth, changed_truth)


def test_a_rollout_that_equals_truth_is_perfect_and_the_wrong_actions_show(windows: Windows) -> None:
    trials, shown = rollout(CountingWorld, TOKENIZER, windows, 8, np.random.default_rng(0), rows=5)  # type: ignore
    assert np.array_equal(shown, windows.clip.frames[:, 8:])
    assert all(trial.model == [0.0] * 4 for trial in trials)
    found = summarise(trials, resamples=200)["free_running"]
    average = found["psnr_average"]["1-4"]
    assert average["model"]["value"] == pytest.approx(58.92, abs=0.01)  # the accuracy of 8 bits
    assert average["model"]["low"] == pytest.approx(average["model"]["high"])
    assert average["model_minus_shuffled"]["low"] > 3 and average["model_minus_copy"]["low"] > 3
    assert found["psnr_per_step"]["copy"][0]["value"] > found["psnr_per_step"]["copy"][3]["value"]


def test_copy_last_frame_is_the_last_given_frame(windows: Windows) -> None:
    trials, _ = rollout(CountingWorld, TOKENIZER, windows, 8, np.random.default_rng(0))  # type: ignore[arg-type]
    frames = windows.clip.frames[0].astype(float)
    assert trials[0].copy == pytest.approx([np.square(frames[7] - frames[t]).mean() for t in range(8, 12)])


def test_windows_lie_where_they_say_in_the_worlds_they_name(dataset: Dataset, windows: Windows) -> None:
    assert windows.clip.mask.all() and windows.clip.frames.shape[:2] == (16, 12)
    assert len(set(windows.worlds)) == 8 == len(windows.worlds) // 2
    assert [frame[0, 0, 0] for frame in windows.clip.frames[:, 0]] == list(windows.starts)
    assert set(windows.worlds) <= {entry.seed for entry in dataset.entries}


def test_new_worlds_are_none_that_training_recordings_use(tmp_path: Path, dataset: Dataset) -> None:
    card: Any = SimpleNamespace(env={"id": counter.ID, "kwargs": {}}, size=(16, 16))
    new = record_heldout(tmp_path / "new", card, worlds=5, length=9, seed=1, policy="random")
    assert new.lengths.tolist() == [9] * 5
    seeds = {entry.seed for entry in new.entries}
    assert len(seeds) == 5 and not seeds & {entry.seed for entry in dataset.entries}


def test_data_that_does_not_fit_is_refused(tmp_path: Path, dataset: Dataset) -> None:
    with pytest.raises(FidelityError, match="holds out no episode"):
        open_heldout(dataset.folder, 0.0, read_card(save_tiny_checkpoint(tmp_path / "tiny")))
    with pytest.raises(FidelityError, match="size must be those of checkpoint 'tiny'"):
        open_heldout(dataset.folder, 1.0, read_card(tmp_path / "tiny"))
    with pytest.raises(FidelityError, match="0 held-out worlds have episodes of at least 32 rows"):
        cut_windows(dataset, 8, 1, 32, np.random.default_rng(0))


def test_equal_pictures_are_as_close_as_8_bits_allow_and_one_grey_level_off_is_48_db() -> None:
    frame = np.full((2, 4, 4, 3), 7, np.uint8)
    assert squared_error(frame, frame + 1).tolist() == [1.0, 1.0]
    assert psnr(np.array([0.0, 1.0])) == pytest.approx([58.92, 48.13], abs=0.01)


@pytest.mark.parametrize("count", [2, 3, 17])
def test_everybody_gets_the_actions_of_somebody_else(count: int) -> None:
    for seed in range(20):
        lent = elsewhere(count, np.random.default_rng(seed))
        assert sorted(lent) == list(range(count)) and (lent != np.arange(count)).all()


def test_frame_statistics_of_pictures_known_by_heart() -> None:
    flat = np.full((3, 8, 8, 3), 51, np.uint8)
    flat[2] = 102
    stripes = np.zeros((3, 8, 8, 3), np.uint8)
    stripes[:, :, ::2] = 255
    still, striped = frame_statistics(flat), frame_statistics(stripes)
    assert still["mean"] == pytest.approx([0.2, 0.4]) and still["motion"] == pytest.approx([0.0, 0.2])
    assert still["spread"] == pytest.approx([0, 0]) and still["sharpness"] == pytest.approx([0, 0])
    assert striped["spread"] == pytest.approx([0.5, 0.5]) and striped["sharpness"] == pytest.approx([0.5, 0.5])


def test_sticky_actions_stay_a_while_and_visit_the_whole_space() -> None:
    spec = ActionSpec.from_env(counter.CounterEnv())
    actions = sticky_actions(spec, 2000, np.random.default_rng(0)).argmax(1)
    assert set(actions) == set(range(counter.ACTIONS))
    assert (actions[1:] != actions[:-1]).mean() == pytest.approx(0.2 * 4 / 5, abs=0.03)
    assert np.array_equal(actions, sticky_actions(spec, 2000, np.random.default_rng(0)).argmax(1))


def test_the_true_world_is_played_with_the_same_kind_of_actions() -> None:
    env, policy, rng = counter.CounterEnv(), Sticky(), np.random.default_rng(0)
    policy.reset(env, rng)
    actions = np.array([policy.act(env, None, rng) for _ in range(2000)])
    assert set(actions) == set(range(counter.ACTIONS))
    assert (actions[1:] != actions[:-1]).mean() == pytest.approx(0.2 * 4 / 5, abs=0.03)
    again = np.random.default_rng(0)
    policy.reset(env, again)
    assert [policy.act(env, None, again) for _ in range(50)] == actions[:50].tolist()


def test_a_world_that_freezes_has_left_the_range_of_truth_and_one_that_counts_on_has_not(dataset: Dataset) -> None:
    class Frozen(CountingWorld):
        def imagine(self, actions: np.ndarray) -> Any:
            return SimpleNamespace(frames=np.full_like(self.like, 255))

    long = Path(dataset.folder.parent / "long")
    record(counter.ID, Sticky, 4800, long, seed=2, episode_length=201, env_kwargs={"horizon": 240})
    truth = Dataset.open(long)
    starts = cut_windows(dataset, 3, 1, 4, np.random.default_rng(0))
    verdicts = {}
    for kind in (CountingWorld, Frozen):
        spec = truth.info.actions
        learned, shown, taken = stamina(kind, spec, starts, 4, 101, np.random.default_rng(0))  # type: ignore[arg-type]
        assert shown.shape == (3, 101, 16, 16, 3) and taken.shape == (3, 101, spec.width)
        found = summarise([*true_stretches(truth), *learned], resamples=100)
        verdicts[kind] = [bar["met"] for bar in found["bars"]]
    assert verdicts[CountingWorld] == [True] * 5
    assert verdicts[Frozen] == [False] * 5


def _clip(frames: np.ndarray, width: int) -> Clip:
    rows, time = frames.shape[:2]
    flags = np.zeros((rows, time), np.bool_)
    return Clip(
        frames, np.zeros((rows, time, width), np.float32), np.zeros((rows, time, 1), np.float32), flags, flags, ~flags
    )
