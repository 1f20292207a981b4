"""The tokenizer with a stride in time: causal, exact however a clip is cut, at any size, and an image is a clip."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from networks import TOKENIZER, tiny_card, tiny_tokenizer
from worldsim.model.checkpoint import load, save
from worldsim.model.tokenizer import Tokenizer, TokenizerConfig


def video_tokenizer(stride: int = 4, seed: int = 0) -> Tokenizer:
    tokenizer = tiny_tokenizer(seed, time_stride=stride)
    tokenizer.mean.copy_(torch.tensor([0.5, -1.0, 2.0]))
    tokenizer.std.copy_(torch.tensor([0.5, 2.0, 3.0]))
    return tokenizer


def some_frames(length: int, size: tuple[int, int] = (16, 24), rows: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.rand(rows, length, 3, *size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def pieces(rng: np.random.Generator, count: int) -> list[int]:
    """Lengths that add up to `count`."""
    kept = [end for end in range(1, count + 1) if end == count or rng.random() < 0.5]
    return [end - begin for begin, end in pairwise([0, *kept])]


@torch.no_grad()
@pytest.mark.parametrize("stride", [2, 3, 4])
@pytest.mark.parametrize("size", [(8, 8), (24, 40), (40, 16)])
def test_a_clip_of_1_and_k_times_s_frames_has_1_and_k_latents_at_any_size(stride: int, size: tuple[int, int]) -> None:
    tokenizer, frames = video_tokenizer(stride), some_frames(1 + 2 * stride, size)
    latents = tokenizer.encode(frames)
    assert latents.shape == (2, 3, 3, size[0] // 8, size[1] // 8)
    assert tokenizer.decode(latents).shape == frames.shape


@torch.no_grad()
def test_no_latent_depends_on_a_later_frame_and_no_frame_on_a_later_latent() -> None:
    tokenizer, frames = video_tokenizer(), some_frames(13)
    latents = tokenizer.encode(frames)
    painted = tokenizer.decode(latents)
    for t, group in ((0, 0), (1, 1), (4, 1), (5, 2), (12, 3)):
        other = frames.clone()
        other[:, t] *= -1
        moved = (tokenizer.encode(other) != latents).flatten(2).any(-1).any(0)
        assert not moved[:group].any() and moved[group], f"frame {t}"
    for n, first in ((0, 0), (1, 1), (2, 5), (3, 9)):
        other = latents.clone()
        other[:, n] += 1
        moved = (tokenizer.decode(other) != painted).flatten(2).any(-1).any(0)
        assert not moved[:first].any() and moved[first : first + (4 if n else 1)].all(), f"latent {n}"


@torch.no_grad()
@pytest.mark.parametrize("seed", range(8))
def test_streaming_equals_the_whole_to_the_bit_however_a_clip_is_cut(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stride, groups, rows = (int(rng.integers(*ends)) for ends in ((2, 6), (2, 7), (1, 4)))
    size = 8 * int(rng.integers(1, 5)), 8 * int(rng.integers(1, 5))
    tokenizer = video_tokenizer(stride, seed)
    frames = some_frames(1 + stride * groups, size, rows, seed)
    latents = tokenizer.encode(frames)
    painted = tokenizer.decode(latents)
    past, parts, first = None, [], 0
    for count in pieces(rng, 1 + groups):
        length = stride * count - (0 if first else stride - 1)
        part, past = tokenizer.encode_next(frames[:, first : first + length].clone(), past)
        parts.append(part)
        first += length
    assert torch.equal(torch.cat(parts, 1), latents)
    past, parts = None, []
    for part in latents.split(pieces(rng, 1 + groups), 1):
        part, past = tokenizer.decode_next(part.clone(), past)
        parts.append(part)
    assert torch.equal(torch.cat(parts, 1), painted)


@torch.no_grad()
def test_a_tail_needs_the_past_at_the_seam_and_alone_it_is_another_clip() -> None:
    tokenizer, frames = video_tokenizer(), some_frames(17)
    latents = tokenizer.encode(frames)
    painted = tokenizer.decode(latents)
    _, seen = tokenizer.encode_next(frames[:, :9])
    assert torch.equal(tokenizer.encode_next(frames[:, 9:], seen)[0], latents[:, 3:])
    _, shown = tokenizer.decode_next(latents[:, :3])
    assert torch.equal(tokenizer.decode_next(latents[:, 3:], shown)[0], painted[:, 9:])
    with pytest.raises(ValueError, match=r"takes 1 \+ 4·k frames where a clip begins, got 8"):
        tokenizer.encode_next(frames[:, 9:])
    alone = tokenizer.encode(frames[:, 8:])  # frame 8 becomes a first frame, and the rest hears nothing before it
    assert (alone != latents[:, 2:]).flatten(2).any(-1).all()
    assert tokenizer.decode(latents[:, 3:]).shape[1] == 5, "and the first latent of a tail alone is but one frame"


@torch.no_grad()
def test_an_image_is_a_clip_of_one_frame_and_a_clip_begins_as_an_image() -> None:
    tokenizer, frames = video_tokenizer(), some_frames(9)
    latents, image = tokenizer.encode(frames), tokenizer.encode(frames[:, :1])
    assert image.shape == (2, 1, 3, 2, 3) and torch.equal(image, latents[:, :1])
    assert torch.equal(tokenizer.decode(image), tokenizer.decode(latents)[:, :1])


@torch.no_grad()
def test_training_on_whole_clips_sees_what_groups_one_by_one_give() -> None:
    tokenizer, frames = video_tokenizer(), some_frames(13)
    raw = tokenizer.raw(frames)
    latents = tokenizer.encode(frames)
    normal = (raw - tokenizer.mean[:, None, None]) / tokenizer.std[:, None, None]
    torch.testing.assert_close(normal, latents, rtol=0, atol=1e-5)
    torch.testing.assert_close(tokenizer.paint(raw), tokenizer.decode(latents), rtol=0, atol=1e-5)


@torch.no_grad()
def test_stride_1_goes_on_from_nothing() -> None:
    tokenizer, frames = tiny_tokenizer(), some_frames(5)
    latents, past = tokenizer.encode_next(frames)
    assert past == () and torch.equal(latents, tokenizer.encode(frames))
    assert tokenizer.encode_next(frames[:, 3:], past)[0].shape[1] == 2
    assert torch.equal(tokenizer.decode_next(latents)[0], tokenizer.decode(latents))


@torch.no_grad()
@pytest.mark.parametrize(("length", "past"), [(0, False), (2, False), (4, False), (8, False), (0, True), (5, True)])
def test_frames_that_do_not_fit_the_stride_are_refused(length: int, past: bool) -> None:
    tokenizer = video_tokenizer()
    before = tokenizer.encode_next(some_frames(1))[1] if past else None
    with pytest.raises(ValueError, match=rf"takes {int(not past)} \+ 4·k frames .* got {length}; add or drop some"):
        tokenizer.encode_next(some_frames(length), before)
    with pytest.raises(ValueError, match="at least one of them"):
        tokenizer.decode(torch.zeros(1, 0, 3, 2, 2))


def test_a_length_that_does_not_fit_is_rounded_with_a_warning() -> None:
    config = TokenizerConfig(time_stride=4)
    assert [config.fit_length(length) for length in (1, 5, 17)] == [1, 5, 17] and TokenizerConfig().fit_length(6) == 6
    for length, fitting in ((2, 1), (3, 5), (8, 9), (16, 17), (18, 17)):
        with pytest.warns(UserWarning, match=f"{length} frames do not fit a time stride of 4.*: {fitting} are used"):
            assert config.fit_length(length) == fitting


def test_a_checkpoint_keeps_the_stride_and_a_card_from_before_there_was_one_has_stride_1(tmp_path: Path) -> None:
    tokenizer = video_tokenizer()
    save(tmp_path / "one", tiny_card(dynamics=None, tokenizer=tokenizer.config), tokenizer)
    card, found, _, _ = load(tmp_path / "one")
    assert card.tokenizer == tokenizer.config and card.tokenizer.time_stride == 4
    frames = some_frames(5)
    with torch.no_grad():
        torch.testing.assert_close(found.eval().encode(frames), tokenizer.encode(frames), rtol=0.1, atol=0.1)
    save(tmp_path / "two", tiny_card(dynamics=None), tiny_tokenizer())
    place = tmp_path / "two" / "card.json"
    data = json.loads(place.read_text())
    del data["tokenizer"]["time_stride"]
    place.write_text(json.dumps(data))
    assert load(tmp_path / "two").card.tokenizer == TOKENIZER
