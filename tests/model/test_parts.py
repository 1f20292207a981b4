"""Patches, noise and the tokenizer: small functions with known answers."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from networks import DYNAMICS, TOKENIZER, tiny_tokenizer
from worldsim.clip import pixels_from_unit, pixels_to_unit
from worldsim.model.config import ConfigError
from worldsim.model.noise import mix, random_levels, sampling_levels, step_down, weight
from worldsim.model.patches import patchify, space_coordinates, unpatchify
from worldsim.model.text import PAD, UNKNOWN, PromptError, TextConfig, Vocabulary


@pytest.mark.parametrize(
    ("shape", "patch"), [((1, 1, 1, 1, 1), 1), ((2, 3, 5, 6, 9), 3), ((1, 7, 3, 10, 4), 2), ((3, 1, 2, 5, 15), 5)]
)
def test_unpatchify_inverts_patchify(shape: tuple[int, ...], patch: int) -> None:
    latents = torch.arange(float(torch.tensor(shape).prod())).reshape(shape)
    tokens, coords = patchify(latents, patch)
    grid = (shape[1], shape[3] // patch, shape[4] // patch)
    assert tokens.shape == (shape[0], grid[0] * grid[1] * grid[2], shape[2] * patch**2)
    assert coords.shape == (*tokens.shape[:2], 3)
    assert torch.equal(unpatchify(tokens, grid, patch), latents)


def test_a_token_holds_one_patch_of_one_frame_and_its_coordinates_say_which() -> None:
    latents = torch.zeros(1, 3, 1, 4, 6)
    latents[0, 2, 0, 2:4, 4:6] = 1  # frame 2, lower row, right column of a grid of 2 x 3
    tokens, coords = patchify(latents, 2)
    assert tokens[0].sum(-1).nonzero().tolist() == [[2 * 6 + 5]]
    frame, y, x = coords[0, 2 * 6 + 5].tolist()
    assert frame == 2 and y == pytest.approx(0.5) and x == pytest.approx(1.0)
    with pytest.raises(ValueError, match="5x6"):
        patchify(torch.zeros(1, 1, 1, 5, 6), 2)


def test_a_wider_frame_reaches_further_and_a_finer_grid_only_lies_denser() -> None:
    square, wide, fine = space_coordinates(2, 2), space_coordinates(2, 6), space_coordinates(4, 4)
    assert wide[:, 1].max() > square[:, 1].max() and wide[:, 0].max() == square[:, 0].max()
    assert fine.abs().max() < 1 and torch.allclose(fine.reshape(2, 2, 2, 2, 2).mean((1, 3)).reshape(4, 2), square)


def test_level_0_is_the_identity_and_level_1_is_pure_noise() -> None:
    clean, noise = torch.randn(2, 3, 4, 5, 5), torch.randn(2, 3, 4, 5, 5)
    assert torch.equal(mix(clean, noise, torch.zeros(2, 3)), clean)
    assert torch.equal(mix(clean, noise, torch.ones(2, 3)), noise)
    level = torch.rand(2, 3)
    level[1, 2] = 0
    assert torch.equal(mix(clean, noise, level)[1, 2], clean[1, 2]), "each frame has a level of its own"


def test_stepping_down_to_0_gives_the_clean_prediction_and_halfway_lies_on_the_line() -> None:
    clean, noise, level = torch.randn(2, 3, 4, 5, 5), torch.randn(2, 3, 4, 5, 5), torch.rand(2, 3) * 0.9 + 0.1
    noisy = mix(clean, noise, level)
    assert torch.equal(step_down(noisy, clean, level, torch.zeros(2, 3)), clean)
    torch.testing.assert_close(step_down(noisy, clean, level, level / 3), mix(clean, noise, level / 3))
    torch.testing.assert_close(step_down(noisy, clean, level, level), noisy)


def test_sampling_walks_from_1_to_0_in_even_steps() -> None:
    assert sampling_levels(1) == [1, 0] and sampling_levels(4) == [1, 0.75, 0.5, 0.25, 0]
    assert sampling_levels(2, shift=3) == [1, 0.75, 0] and sampling_levels(1, shift=9) == [1, 0]
    with pytest.raises(ValueError, match="at least 1, got 0"):
        sampling_levels(0)


def test_training_levels_lie_in_0_to_1_are_pure_as_often_as_asked_and_weigh_clean_frames_more() -> None:
    level = random_levels((200, 200), 0.4, torch.Generator().manual_seed(0))
    assert level.min() > 0 and level.max() == 1 and abs(float((level == 1).float().mean()) - 0.4) < 0.01
    assert torch.equal(level, random_levels((200, 200), 0.4, torch.Generator().manual_seed(0)))
    assert weight(torch.tensor(0.0)) > weight(torch.tensor(0.5)) > weight(torch.tensor(1.0)) > 0


def test_the_tokenizer_frame_by_frame_equals_the_whole_clip_and_no_frame_leaks_into_another() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.mean.copy_(torch.tensor([0.5, -1.0, 2.0]))
    tokenizer.std.copy_(torch.tensor([0.5, 2.0, 3.0]))
    frames = torch.rand(2, 5, 3, 24, 40, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        latents = tokenizer.encode(frames)
        assert latents.shape == (2, 5, 3, 3, 5)
        streamed = torch.cat([tokenizer.encode(frames[:, t : t + 1]) for t in range(5)], 1)
        torch.testing.assert_close(latents, streamed, rtol=0, atol=1e-5)
        painted = tokenizer.decode(latents)
        assert painted.shape == frames.shape
        streamed = torch.cat([tokenizer.decode(latents[:, t : t + 1]) for t in range(5)], 1)
        torch.testing.assert_close(painted, streamed, rtol=0, atol=1e-5)
        frames[:, 2] *= -1
        moved = (tokenizer.encode(frames) - latents).abs().amax((0, 2, 3, 4)) > 1e-4
    assert moved.tolist() == [False, False, True, False, False]


def test_stored_statistics_normalise_latents_and_decoding_undoes_it() -> None:
    plain, scaled = tiny_tokenizer(), tiny_tokenizer()
    scaled.mean.fill_(0.25)
    scaled.std.fill_(4.0)
    frames = torch.rand(1, 2, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(scaled.encode(frames) * 4 + 0.25, plain.encode(frames))
        torch.testing.assert_close(scaled.decode(scaled.encode(frames)), plain.decode(plain.encode(frames)))
        for wrong in (frames[0], frames[..., :-1], frames[:, :, :2]):
            with pytest.raises(ValueError, match="multiples of 8"):
                scaled.encode(wrong)
        with pytest.raises(ValueError, match=r"latents must be \(B, T, 3, h, w\)"):
            scaled.decode(torch.zeros(1, 1, 4, 2, 2))


def test_pixels_of_all_values_survive_the_way_into_the_network_and_out() -> None:
    frames = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 1, 16, 16, 3)
    unit = pixels_to_unit(frames)
    assert unit.min() == -1 and unit.max() == 1 and np.array_equal(pixels_from_unit(unit), frames)


def test_a_growing_vocabulary_keeps_the_places_of_its_words() -> None:
    old = Vocabulary.collect(["zebra, apple"])
    assert old.words == [PAD, UNKNOWN, ",", "apple", "zebra"]
    new = Vocabulary.collect(["an apple and a bear"], old.words)
    assert new.words == [*old.words, "a", "an", "and", "bear"]
    assert new.encode("zebra, APPLE", 8) == old.encode("Zebra, apple", 8) == [4, 2, 3]
    assert old.encode("a zebra", 8) == [1, 4] and old.unknown("a zebra!") == ["a", "!"] and not new.unknown("a zebra")
    with pytest.raises(PromptError, match="at most 2 words, got 3"):
        new.encode("a bear and", 2)
    with pytest.raises(PromptError, match="must start with"):
        Vocabulary(["apple"])
    with pytest.raises(PromptError, match="repeat no word"):
        Vocabulary([PAD, UNKNOWN, "apple", "apple"])


@pytest.mark.parametrize(
    ("config", "field", "value"),
    [
        (TOKENIZER, "channels", 0), (TOKENIZER, "channels", 2.5), (TOKENIZER, "channels", True),
        (TOKENIZER, "time_stride", 0),
        (TOKENIZER, "widths", (8, 8)), (TOKENIZER, "widths", (8, -8, 8)), (TOKENIZER, "decoder_blocks", (1, 1, "1")),
        (DYNAMICS, "depth", 0), (DYNAMICS, "time_every", 0), (DYNAMICS, "time_every", 5), (DYNAMICS, "window", -1),
        (DYNAMICS, "head_width", 0), (DYNAMICS, "head_width", 2), (DYNAMICS, "width", 40),
        (DYNAMICS, "time_groups", 3), (DYNAMICS, "actions", None),
        (TextConfig(), "width", 100), (TextConfig(), "depth", -1), (TextConfig(), "longest", 0),
    ],
)  # fmt: skip
def test_a_config_with_a_broken_value_names_the_field(config, field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=re.escape(repr(value))) as caught:
        replace(config, **{field: value})
    assert f"{type(config).__name__}." in str(caught.value) and field in str(caught.value)
