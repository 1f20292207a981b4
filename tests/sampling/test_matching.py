"""The matcher and the best of several tries, with a captioner whose answers are known."""

from typing import Any

import numpy as np
import pytest
import torch

from networks import SIZE, tiny_tokenizer, tiny_world
from worldsim.clip import Clip, Prompt
from worldsim.model.captioner import moment
from worldsim.sampling import verbs
from worldsim.sampling.matching import Matcher, best_of
from worldsim.sampling.timelines import VerbError


class Bright:
    """Finds a text likelier the brighter the moments are, or the darker where it says "night"."""

    def rows(self, start: int, end: int) -> np.ndarray:
        return moment(start, end, 3)

    def score(self, latents: torch.Tensor, texts: Any) -> np.ndarray:
        bright = latents.mean((1, 2, 3, 4)).numpy()
        return bright * np.array([-1 if "night" in text else 1 for text in texts], np.float32)


class Plain:
    """A tokenizer whose latents are the pixels."""

    mean, stride = torch.zeros(1), 8

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels


MATCHER = Matcher(Plain(), Bright())  # type: ignore[arg-type]


def levels(*rows: list[int]) -> np.ndarray:
    """Frames u8 (B, T, 8, 8, 3), each of one grey level."""
    return np.array(rows, np.uint8)[..., None, None, None] * np.ones((8, 8, 3), np.uint8)


def made(seeds: list[int]) -> Clip:
    """A clip per seed, 6 frames of grey level 10 · (seed mod 20), the seed in its first action."""
    frames = levels(*([10 * (seed % 20)] * 6 for seed in seeds))
    zeros, flags = np.zeros((len(seeds), 6, 2), np.float32), np.zeros((len(seeds), 6), np.bool_)
    actions = zeros.copy()
    actions[:, 0, 0] = [seed % 20 / 20 for seed in seeds]
    return Clip(frames, actions, zeros, flags, flags, ~flags, [[Prompt(f"{seed}")] for seed in seeds])


def test_each_prompt_is_held_against_the_middle_of_its_own_frames() -> None:
    frames = levels([255] * 8 + [0] * 8, [0] * 16)
    assert MATCHER.score(frames, "at noon").round(2).tolist() == [pytest.approx(-0.33, abs=0.01), -1]
    timeline = [Prompt("at noon", 0, 8), Prompt("at night", 8)]
    assert MATCHER.score(frames, timeline).tolist() == [1, 0]
    long = levels([255] * 16 + [0] * 16)
    assert MATCHER.score(long, "noon").tolist() == [0], "the mean over stretches of 16"
    with pytest.raises(VerbError, match="row 1 has none"):
        MATCHER.score(frames, ["noon", ""])


def test_the_best_of_several_tries_is_kept_row_by_row_and_its_seed_alone_makes_it_again() -> None:
    choice = best_of(4, made, MATCHER, ["at noon", "at night"], seeds=[3, 7])
    assert choice.scores.shape == (2, 4) and [line[0] for line in choice.tried] == [3, 7]
    assert len({seed for line in choice.tried for seed in line}) == 8
    bright = [[seed % 20 for seed in line] for line in choice.tried]
    assert choice.seeds == (choice.tried[0][int(np.argmax(bright[0]))], choice.tried[1][int(np.argmin(bright[1]))])
    again = made(list(choice.seeds))
    assert np.array_equal(choice.clip.frames, again.frames) and np.array_equal(choice.clip.actions, again.actions)
    assert choice.clip.text == again.text
    for seed in choice.seeds:
        assert f"best of 4 is seed {seed}" in str(choice)
    assert str(choice).count("(seed ") == 8, "every try is told"
    assert best_of(4, made, MATCHER, ["at noon", "at night"], seeds=[3, 7]).seeds == choice.seeds


def test_given_frames_are_not_held_against_the_text() -> None:
    def after(seeds: list[int]) -> Clip:
        clip = made(seeds)
        return Clip(**{**vars(clip), "frames": np.concatenate([255 - clip.frames[:, :3], clip.frames[:, 3:]], 1)})

    assert best_of(3, after, MATCHER, "at noon", first=3).scores[0, 0] == pytest.approx(-1)  # seed 0 is black from 3 on


@pytest.mark.parametrize("count", [0, -1, 1.5, True])
def test_tries_are_whole_numbers(count: Any) -> None:
    with pytest.raises(VerbError, match="best_of"):
        best_of(count, made, MATCHER, "at noon")


def test_a_learned_world_is_tried_as_by_its_verb() -> None:
    world = tiny_world()
    matcher = Matcher(tiny_tokenizer(), Bright())  # type: ignore[arg-type]

    def make(seeds: list[int]) -> Clip:
        return verbs.generate(world, "snow", frames=3, seeds=seeds, passes=1)

    choice = verbs.best_of(2, make, matcher, "snow", seeds=5)
    assert choice.clip.frames.shape == (1, 3, *SIZE, 3)
    assert np.array_equal(choice.clip.frames, make(list(choice.seeds)).frames)
