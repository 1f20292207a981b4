"""Sides in words: figures with known answers, a world that hears and others that do not, and the reader of sights."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from study_worlds import Play, Scene
from worldsim.actions import ActionSpec
from worldsim.fidelity import study
from worldsim.fidelity.harness import sides
from worldsim.fidelity.harness.sides_figures import sides_figures
from worldsim.fidelity.heldout import FidelityError
from worldsim.fidelity.readers.sights import THINGS, Sights, SightTraining, labelled, sight_reader, views_of

SIZE, OPTIONS = 16, {"resamples": 200, "seed": 0}
COLOURS = {word: (40 + 25 * number, 255 - 25 * number, 60 * (number % 4)) for number, word in enumerate(THINGS)}
TINY = SightTraining(worlds=12, views=16, steps=120, batch=16)
PLAIN: Any = SimpleNamespace(mean=torch.zeros(1), encode=lambda x: x, decode=lambda x: x, state_dict=dict)


def drawn(thing: str, side: str) -> np.ndarray:
    """A grey frame with a thing on a side of it; "behind" and "" show nothing."""
    frame = np.full((SIZE, SIZE, 3), 90, np.uint8)
    first = {"left": 1, "ahead": 6, "right": 11}.get(side)
    if first is not None:
        frame[6:12, first : first + 4] = COLOURS[thing]
    return frame


class Meadow(gym.Env[np.ndarray, Any]):
    """A true world with one thing in it; action 1 turns half round."""

    observation_space = gym.spaces.Box(0, 255, (SIZE, SIZE, 3), np.uint8)
    action_space = gym.spaces.Discrete(2)
    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self) -> None:
        self.thing, self.side = "pig", ""

    def get_action_meanings(self) -> list[str]:
        return ["noop", "round"]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.side = ""
        return drawn(self.thing, self.side), {}

    def restore_state(self, state: tuple[str, str]) -> np.ndarray:
        self.thing, self.side = state
        return drawn(*state)

    def hear(self, text: str) -> None:
        words = text.split()
        self.thing = next(word for word in words if word in THINGS)
        self.side = next(word for word in reversed(words) if word in ("left", "right", "ahead", "behind"))
        self.side = "behind" if words[-2:] == ["behind", "you"] else self.side

    def step(self, action: int):
        if action == 1:
            self.side = {"ahead": "behind", "behind": "ahead"}.get(self.side, "")
        return drawn(self.thing, self.side), 0.0, False, False, {}

    def glimpses(self, seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        shown = [(str(rng.choice(list(THINGS))), str(rng.choice(["left", "ahead", "right", ""]))) for _ in range(count)]
        frames = np.stack([drawn(*one) for one in shown])
        words = np.where((frames != 90).any(-1), np.array([one[0] for one in shown])[:, None, None], "")
        return frames, words

    def stages(self):
        def told(env: Meadow, seed: int, index: int, text: str = "") -> Scene:
            env.hear(text)
            start = (env.thing, env.side)
            frames = np.stack([drawn(*start)] * 16)
            turned = np.stack([env.step(act)[0] for act in (1, 0)])
            return Scene(seed, frames, (0,) * 16, start, (Play("half a turn", (1, 0), turned),))

        return {"told": told}


class Hearing(Meadow):
    """Takes given frames, and begins as a prompt says."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        frame, info = super().reset(seed=seed)
        options = options or {}
        if "frames" in options:
            return options["frames"][-1], info
        if "prompt" in options:
            self.set_prompt(options["prompt"])
            frame = drawn(self.thing, self.side)
        return frame, info

    def set_prompt(self, text: str) -> None:
        self.hear(text)


class Deaf(Hearing):
    """Shows the thing on the left and ahead, whatever it is told."""

    def set_prompt(self, text: str) -> None:
        self.hear(text)
        self.side = "left" if self.side in ("left", "right") else "ahead"


class Swapping(Hearing):
    """Takes each side for the other."""

    def set_prompt(self, text: str) -> None:
        self.hear(text)
        self.side = {"left": "right", "right": "left", "ahead": "behind", "behind": "ahead"}[self.side]


class Empty(Hearing):
    """Shows nothing."""

    def set_prompt(self, text: str) -> None:
        self.hear(text)
        self.side = ""


class Exact:
    """A reader that makes no mistakes."""

    least = dict.fromkeys(THINGS, 0.005)

    def read(self, frames: np.ndarray) -> Sights:
        things = np.zeros(frames.shape[:3], np.uint8)
        for number, word in enumerate(THINGS, 1):
            things[(frames == COLOURS[word]).all(-1)] = number
        return labelled(SimpleNamespace(things=things))  # type: ignore[arg-type]


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides, "_reader", lambda bench: (Exact(), None))


def ask(candidate: Any, out: Path) -> dict[str, Any]:
    # the reference is no class of which a candidate is an instance, so candidates start from frames
    return study(candidate, lambda: type("Truth", (Meadow,), {})(), out=out, probes=["sides in words"], trials=36)


@pytest.mark.usefixtures("exact")
def test_a_world_that_hears_sides_scores_one(tmp_path: Path) -> None:
    found = ask(Hearing, tmp_path)["probes"]["sides in words"]
    assert found["reader"]["sound"] and set(found["reader"]["things"]) == set(THINGS)
    assert found["N"]["value"] == 1.0 and found["c"] == 0.25 and not found["departs"]
    assert found["extras"]["bias to the left"]["value"] == 0.0
    assert set(found["by"]["axis"]) == {"left/right", "ahead/behind"}
    assert found["baselines"]["frozen"]["S"]["value"] == found["baselines"]["sides exchanged"]["S"]["value"] == 0.0


@pytest.mark.usefixtures("exact")
def test_a_world_that_does_not_hear_sides_scores_below_chance_and_is_biased(tmp_path: Path) -> None:
    found = ask(Deaf, tmp_path)["probes"]["sides in words"]
    assert found["S"]["value"] == 0.0 and "N" in found["departs"]
    assert found["extras"]["bias to the left"]["value"] == 0.5 and "bias to the left" in found["departs"]
    assert found["extras"]["each right"]["value"] == 0.5


@pytest.mark.usefixtures("exact")
def test_a_world_that_swaps_sides_is_caught_without_a_bias(tmp_path: Path) -> None:
    found = ask(Swapping, tmp_path)["probes"]["sides in words"]
    assert found["S"]["value"] == 0.0 and found["N"]["high"] < 0.0 and found["departs"] == ["N"]


@pytest.mark.usefixtures("exact")
def test_what_does_not_show_is_not_scored(tmp_path: Path) -> None:
    found = ask(Empty, tmp_path)["probes"]["sides in words"]
    assert found["N"] is None and found["S"] is None and found["questions"] == 0
    assert found["extras"]["shown at all, candidate"]["value"] == 0.0
    assert found["extras"]["shown at all, ceiling"]["value"] == 1.0


@pytest.mark.usefixtures("exact")
def test_a_thing_that_the_reader_does_not_tell_is_left_out_and_named(tmp_path: Path) -> None:
    ask(Hearing, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "trials.jsonl").read_text().splitlines()]
    for line in lines:
        line["views"]["pig"] = [[share, middle, read, 1.0 - middle] for share, middle, read, _ in line["views"]["pig"]]
    found = sides_figures(lines, OPTIONS)
    assert set(found["reader"]["things"]) == set(THINGS) - {"pig"} == set(found["by"]["thing"])
    for line in lines:
        line["views"] = {word: [[*view[:2], 0.0, 0.5] for view in views] for word, views in line["views"].items()}
    found = sides_figures(lines, OPTIONS)
    assert not found["reader"]["sound"] and "N" not in found


def card(env_id: str = "Meadow-v0") -> Any:
    spec = ActionSpec.from_env(Meadow())
    return SimpleNamespace(env={"id": env_id, "kwargs": {}}, size=(SIZE, SIZE), action_spec=spec)


gym.register("Meadow-v0", entry_point=lambda **kwargs: Meadow())


def test_a_reader_learns_where_things_are_and_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = sight_reader(card(), PLAIN, tmp_path, TINY)
    assert reader is not None
    for thing in ("pig", "water"):
        frames = np.stack([drawn(thing, side) for side in ("left", "right", "")])
        sights = reader.read(frames)
        left, right, _ = sights.middles[thing]
        assert left < 0.4 and right > 0.6
        assert (sights.shares[thing][:2] >= reader.least[thing]).all() and sights.shares[thing][2] < reader.least[thing]
    monkeypatch.setattr(Meadow, "glimpses", None)
    again = sight_reader(card(), PLAIN, tmp_path, TINY)
    assert again is not None and again.least == reader.least
    np.testing.assert_array_equal(again.read(frames).shares["pig"], reader.read(frames).shares["pig"])
    next(tmp_path.glob("*.json")).write_text("{}")
    with pytest.raises(FidelityError, match="is no reader"):
        sight_reader(card(), PLAIN, tmp_path, TINY)


def test_no_reader_is_made_of_an_env_without_glimpses(tmp_path: Path) -> None:
    assert sight_reader(card("CartPole-v1"), PLAIN, tmp_path, TINY) is None


def test_labels_tell_share_and_middle() -> None:
    views = views_of(Meadow(), (SIZE, SIZE), 0, 40)
    told = labelled(views)
    for word in THINGS:
        for i, frame in enumerate(views.frames):
            there = (frame == COLOURS[word]).all(-1)
            assert told.shares[word][i] == pytest.approx(there.mean())
            if there.any():
                assert told.middles[word][i] == pytest.approx((np.nonzero(there)[1].mean() + 0.5) / SIZE)
    with pytest.raises(FidelityError, match="whole multiple"):
        views_of(Meadow(), (12, 12), 0, 1)
