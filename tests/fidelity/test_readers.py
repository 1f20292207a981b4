"""Readers: what captions say, what lessons hold, a network that learns, and files that spare a second training."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn

import counter
from tiny import KWARGS
from worldsim.actions import ActionSpec
from worldsim.data.episodes import Caption, Episode
from worldsim.fidelity.heldout import FIRST_SEED, FidelityError
from worldsim.fidelity.readers import reader as readers
from worldsim.fidelity.readers.lessons import (
    FIRST_LESSON,
    Lessons,
    Turning,
    Varied,
    action_classes,
    action_lessons,
    attribute_lessons,
    record_varied,
)
from worldsim.fidelity.readers.network import ReaderConfig, fit
from worldsim.fidelity.readers.reader import Training, readers_for
from worldsim.fidelity.readers.words import ATTRIBUTES, caption_values, prompt
from worldsim_envs.voxel.language.words import PLACES, TIMES, WEATHERS

SPEC = ActionSpec.from_env(counter.CounterEnv())
TINY = Training(worlds=6, rows=33, turning=2, turning_rows=9, steps=(40, 2), batch=32)


class Plain(nn.Module):
    """A tokenizer without loss."""

    def __init__(self, mean: float = 0.0) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.tensor([mean]))

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        return frames

    decode = encode


class SlidingEnv(gym.Env[Any, Any]):
    """A view of a texture that slides by two pixels, to a side that the action names; 0 stays."""

    observation_space = spaces.Box(0, 255, (32, 32, 3), np.uint8)
    action_space = spaces.Discrete(5)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        coarse = self.np_random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        self.texture = coarse.repeat(4, 0).repeat(4, 1)
        return self.texture[:32, :32], {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        axis, by = ((0, 0), (0, 2), (0, -2), (1, 2), (1, -2))[int(action)]
        self.texture = np.roll(self.texture, by, axis)
        return self.texture[:32, :32], 0.0, False, False, {}


gym.register("Sliding-v0", entry_point=SlidingEnv)


def sliding_card() -> Any:
    spec = ActionSpec.from_env(SlidingEnv())
    return SimpleNamespace(env={"id": "Sliding-v0", "kwargs": {}}, size=(32, 32), action_spec=spec)


def test_every_phrase_of_the_voxel_worlds_captions_has_its_value() -> None:
    times = dict.fromkeys(("in the morning", "at noon", "in the afternoon"), "day")
    times |= dict.fromkeys(("at sunrise", "at sunset"), "twilight")
    times |= dict.fromkeys(("in the evening", "at midnight", "at night"), "night")
    skies = [("clear", ""), *((weather, phrase) for weather, (phrases, _) in WEATHERS.items() for phrase in phrases)]
    for (biome, (places, _)), (_, whens, _), (weather, sky) in product(PLACES.items(), TIMES, skies):
        for place, when in product(places, whens):
            expected = {"biome": biome, "time": times[whens[0]], "weather": weather}
            assert caption_values(f"the player is in {place} {when} {sky} with snow on the left") == expected


def test_a_prompt_says_what_a_caption_with_it_is_read_to_say() -> None:
    for row in product(*(values for values in ATTRIBUTES.values())):
        values = dict(zip(ATTRIBUTES, row, strict=True))
        assert caption_values(prompt(values)) == values
    assert caption_values("the counter stands at 3") is None


def episode(rows: int, seed: int = 1) -> Episode:
    classes = np.arange(rows) % counter.ACTIONS
    frames = np.broadcast_to(np.arange(rows, dtype=np.uint8)[:, None, None, None], (rows, 8, 8, 3)).copy()
    flags = np.zeros(rows, np.bool_)
    assert SPEC.table is not None
    captions = (Caption(0, 16, "a desert at noon", ""), Caption(16, 32, "the sea at night in the rain", ""))
    return Episode(frames, SPEC.table[classes], np.zeros((rows, 1), np.float32), flags, flags, captions, seed)


def test_an_action_is_that_which_led_to_the_middle_frame() -> None:
    lessons = action_lessons(SPEC, [episode(9, 1), episode(5, 2)], edited=False)
    middles = lessons.frames[lessons.triples][:, :, 0, 0, 0]
    assert middles.tolist() == [[t - 1, t, t + 1] for t in (*range(1, 8), *range(1, 4))]
    assert (lessons.classes["action"] == middles[:, 1] % counter.ACTIONS).all()
    assert lessons.worlds.tolist() == [1] * 7 + [2] * 3 and np.isnan(lessons.turns).all()


def test_no_triple_spans_a_change_of_the_sky() -> None:
    lessons = action_lessons(SPEC, [episode(40)], edited=True)
    assert all(len({t // 16 for t in triple}) == 1 for triple in lessons.triples.tolist())
    attributes = attribute_lessons([episode(40)])
    assert {(t // 16, *row) for triple, *row in zip(attributes.triples.tolist(), *attributes.classes.values(),
            strict=True) for t in triple} == {(0, 2, 0, 0), (1, 6, 2, 1)}  # fmt: skip


def test_a_vector_that_no_action_has_is_no_class() -> None:
    assert SPEC.table is not None
    assert action_classes(SPEC, np.stack([SPEC.table[3], 0.5 * SPEC.table[3]])).tolist() == [3, -1]


def test_a_reader_learns_what_frames_tell_and_is_not_trained_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = sliding_card()
    made = readers_for(["actions", "attributes"], card, Plain(), tmp_path, TINY)  # type: ignore[arg-type]
    assert set(made) == {"actions"}  # this env has no captions
    reader = made["actions"]
    assert reader.legible == {"action": tuple(range(5))}
    new = record_varied(card, 2, 33, FIRST_SEED)
    lessons = action_lessons(card.action_spec, new, edited=False)
    reading = reader.read(lessons.frames, lessons.triples)
    assert (reading.best("action") == lessons.classes["action"]).mean() > 0.8
    still = reader.read(new[0].frames, np.zeros((1, 3), np.int64))
    assert still.best("action").tolist() == [0]
    monkeypatch.setattr(readers, "record_varied", lambda *_: pytest.fail("recorded again"))
    again = readers_for(["actions"], card, Plain(), tmp_path, TINY)["actions"]  # type: ignore[arg-type]
    assert again.facts == reader.facts
    assert np.array_equal(again.read(lessons.frames, lessons.triples).shares["action"], reading.shares["action"])


@pytest.mark.parametrize("other", ["tokenizer", "training", "env"])
def test_another_tokenizer_training_or_env_has_a_reader_of_its_own(other: str) -> None:
    card, labels = sliding_card(), {"action": ("a",)}
    key = readers.reader_key(card, Plain(), TINY, labels)  # type: ignore[arg-type]
    tokenizer = Plain(1.0 if other == "tokenizer" else 0.0)
    training = replace(TINY, seed=1) if other == "training" else TINY
    if other == "env":
        card.env = {"id": "Sliding-v0", "kwargs": {"more": 9}}
    assert readers.reader_key(card, tokenizer, training, labels) != key  # type: ignore[arg-type]


def test_a_damaged_reader_is_named(tmp_path: Path) -> None:
    path = tmp_path / "actions-0"
    path.with_suffix(".json").write_text(json.dumps({"network": {}}))
    with pytest.raises(FidelityError, match="is no reader"):
        readers._load(path, "actions", {})


def test_lessons_lie_apart_from_training_and_from_held_out_worlds() -> None:
    assert FIRST_LESSON > 10**6 and FIRST_LESSON + 2**21 < FIRST_SEED


def test_the_sky_changes_where_the_env_can_be_edited_and_captions_say_so() -> None:
    env = gym.make("worldsim/Voxel-v0", **KWARGS)
    policy, rng, said = Varied(), np.random.default_rng(3), set()
    observation, _ = env.reset(seed=1)
    policy.reset(env, rng)
    for row in range(1, 81):
        observation, *_ = env.step(policy.act(env, observation, rng))
        if row % 16 == 8:
            said.add(tuple((caption_values(env.unwrapped.caption("short")) or {}).values())[1:])  # type: ignore
    assert len(said) >= 3


def test_turning_uses_every_camera_angle_and_stays_near_the_horizon() -> None:
    class Cameras(gym.Env[Any, Any]):
        action_space = spaces.MultiDiscrete([2, 11, 11])
        action_names = ("forward", "cameraX", "cameraY")

        def action_vector(self, action: np.ndarray) -> np.ndarray:
            return np.array([action[0], *(action[1:] - 5) / 5], np.float32)

    env, policy, rng = Cameras(), Turning(), np.random.default_rng(0)
    policy.reset(env, rng)
    actions = np.array([policy.act(env, None, rng) for _ in range(800)])
    assert all(set(column) == set(range(11)) for column in actions[:, 1:].T)
    assert abs(np.cumsum((actions[:, 2] - 5) / 5)).max() < 6


def test_the_same_lessons_and_seed_make_the_same_reader_whatever_was_drawn_before() -> None:
    rng = np.random.default_rng(0)
    lessons = Lessons(
        rng.integers(0, 256, (24, 32, 32, 3), dtype=np.uint8), np.arange(24).reshape(8, 3),
        {"biome": rng.integers(0, 3, 8)}, np.full((8, 2), np.nan, np.float32), np.arange(8),
    )  # fmt: skip
    weights = []
    for drawn in (1, 2):
        torch.manual_seed(drawn)
        network = fit(ReaderConfig({"biome": 3}, widths=(4, 4, 4, 4)), lessons, 3, 4, 1e-3, seed=0)
        weights.append(torch.cat([p.flatten() for p in network.state_dict().values()]))
    assert torch.equal(*weights)
