"""The time convention and the two layouts of pixels."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from worldsim.clip import Clip, ClipError, Prompt, pixels_from_unit, pixels_to_unit, stack


def counting_clip(rows: int = 2, length: int = 6) -> Clip:
    """A clip in which frame, action and event of row t all show t."""
    time = np.broadcast_to(np.arange(length), (rows, length))
    flags = np.zeros((rows, length), np.bool_)
    flags[:, -1] = True
    return Clip(
        frames=np.broadcast_to(time[..., None, None, None], (rows, length, 4, 5, 3)).astype(np.uint8),
        actions=(time[..., None] / 10).astype(np.float32),
        events=time[..., None].astype(np.float32),
        terminated=flags,
        truncated=np.zeros_like(flags),
        mask=np.ones_like(flags),
        text=[[Prompt("one", 0, 3), Prompt("two", 3)] for _ in range(rows)],
    )


def test_every_slice_keeps_frame_action_event_and_end_flag_together() -> None:
    clip = counting_clip()
    for start in range(clip.length):
        for stop in range(start + 1, clip.length + 1):
            cut = clip.slice(start, stop)
            expected = np.arange(start, stop)
            assert np.array_equal(cut.frames[1, :, 0, 0, 0], expected)
            assert np.allclose(cut.actions[1, :, 0], expected / 10)
            assert np.array_equal(cut.events[1, :, 0], expected)
            assert cut.terminated[1, -1] == (stop == clip.length)
            assert (cut.rows, cut.length, cut.fps) == (2, stop - start, clip.fps)


def test_prompts_move_along_with_a_slice_and_those_outside_fall_away() -> None:
    assert counting_clip().slice(2, 5).text[0] == [Prompt("one", 0, 1), Prompt("two", 1, 3)]
    assert counting_clip().slice(3, 6).text[0] == [Prompt("two", 0, 3)]
    assert counting_clip().slice(0, 3).text[0] == [Prompt("one", 0, 3)]


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (3, 3), (4, 2), (0, 7)])
def test_a_slice_outside_the_clip_is_refused(start: int, stop: int) -> None:
    with pytest.raises(ClipError, match="slice needs"):
        counting_clip().slice(start, stop)


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ({"frames": np.zeros((2, 6, 3, 4, 5), np.uint8)}, r"\(B, T, H, W, 3\) uint8"),
        ({"frames": np.zeros((2, 6, 4, 5, 3), np.float32)}, "float32"),
        ({"actions": np.zeros((2, 5, 1), np.float32)}, "Clip.actions"),
        ({"events": np.zeros((2, 6, 1), np.float64)}, "Clip.events"),
        ({"mask": np.ones((2, 6), np.uint8)}, "Clip.mask"),
        ({"terminated": np.ones((2, 5), np.bool_)}, "Clip.terminated"),
        ({"text": [[]]}, "Clip.text"),
    ],
)
def test_a_part_in_another_layout_is_named(part: dict, says: str) -> None:
    with pytest.raises(ClipError, match=says):
        replace(counting_clip(), **part)


def test_rows_of_clips_become_the_rows_of_one() -> None:
    one, other = counting_clip(), replace(counting_clip(), text=[[Prompt("night", 0, None)]] * counting_clip().rows)
    both = stack([one, other])
    assert both.rows == 2 * one.rows and np.array_equal(both.take(np.arange(one.rows)).frames, one.frames)
    assert both.text[one.rows :] == other.text
    with pytest.raises(ClipError, match="agree in length"):
        stack([one, one.slice(0, 2)])
    with pytest.raises(ClipError, match="at least one"):
        stack([])


def test_every_pixel_value_survives_the_way_into_the_networks_and_out() -> None:
    frames = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 1, 16, 16, 3)
    unit = pixels_to_unit(frames)
    assert unit.shape == (1, 1, 3, 16, 16) and unit.dtype == torch.float32
    assert (unit.min().item(), unit.max().item()) == (-1.0, 1.0)
    assert np.array_equal(pixels_from_unit(unit), frames)


def test_pixels_out_of_range_are_clipped_and_memory_is_not_shared() -> None:
    assert pixels_from_unit(torch.tensor([-3.0, 0.0, 3.0]).view(1, 1, 3, 1, 1)).ravel().tolist() == [0, 128, 255]
    frames = np.full((1, 1, 2, 2, 3), 7, np.uint8)
    unit = pixels_to_unit(frames)
    frames[:] = 9
    assert pixels_from_unit(unit).max() == 7


@pytest.mark.parametrize("shape", [(1, 3, 4, 4), (1, 1, 4, 4, 3)])
def test_pixels_in_another_layout_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ClipError, match="pixels must be"):
        pixels_from_unit(torch.zeros(shape))
    with pytest.raises(ClipError, match="floating"):
        pixels_from_unit(torch.zeros(1, 1, 3, 4, 4, dtype=torch.int32))
