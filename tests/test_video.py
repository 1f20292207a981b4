"""Films and pictures: what is written is what is read, and what cannot be written is named."""

from pathlib import Path

import numpy as np
import pytest

from worldsim.video import VideoError, contact_sheet, enlarge, read_mp4, read_png, write_mp4, write_png


def gradient(time: int = 6, height: int = 32, width: int = 48) -> np.ndarray:
    """Smooth frames u8 (T, H, W, 3) whose brightness rises with time."""
    base = np.linspace(0, 120, width)[None, None, :, None] + np.arange(time)[:, None, None, None] * 20
    return np.broadcast_to(base, (time, height, width, 3)).astype(np.uint8)


def test_a_film_comes_back_frame_by_frame_with_its_rate(tmp_path: Path) -> None:
    frames = gradient()
    write_mp4(tmp_path / "new" / "film.mp4", frames, fps=12.5)
    read, fps = read_mp4(tmp_path / "new" / "film.mp4")
    assert read.shape == frames.shape and read.dtype == np.uint8
    assert fps == pytest.approx(12.5)
    assert np.abs(read.astype(int) - frames).mean(axis=(1, 2, 3)).max() < 3  # every frame in its own place


def test_a_scaled_film_shows_every_pixel_as_a_square(tmp_path: Path) -> None:
    read, _ = read_mp4(write_mp4(tmp_path / "film.mp4", gradient(2, 15, 17), fps=10, scale=4))
    assert read.shape == (2, 60, 68, 3)


def test_a_png_is_lossless(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    assert np.array_equal(read_png(write_png(tmp_path / "a.png", image)), image)
    assert np.array_equal(read_png(write_png(tmp_path / "b.png", image, scale=3))[1::3, 1::3], image)


def test_nothing_but_the_file_itself_is_left_behind(tmp_path: Path) -> None:
    write_mp4(tmp_path / "film.mp4", gradient(), fps=10)
    with pytest.raises(VideoError):
        write_mp4(tmp_path / "odd.mp4", gradient(2, 15, 17), fps=10)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_a_contact_sheet_holds_each_frame_unchanged() -> None:
    strips = [gradient(3), gradient(2)[..., ::-1].copy()]
    higher = contact_sheet(strips, columns=["0", "1\nforward", "2"])
    assert higher.shape[0] == contact_sheet(strips, columns=["0", "1", "2"]).shape[0] + 20
    sheet = contact_sheet(strips, labels=["truth", "learned"], columns=["0", "1", "2"], title="Beside", scale=2)
    assert sheet.dtype == np.uint8 and sheet.ndim == 3
    height, width = 64, 96
    windows = np.lib.stride_tricks.sliding_window_view(sheet[..., 0], (height, width))
    for frame in enlarge(strips[0], 2):
        assert any(np.array_equal(windows[y, x], frame[..., 0]) for y in range(60) for x in range(windows.shape[1]))
    assert (sheet < 100).any() and (contact_sheet(strips)[:64] != sheet[:64, : 3 * 50]).any()


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        (np.zeros((4, 32, 32, 3), np.float32), r"\(T, H, W, 3\) uint8, got \(4, 32, 32, 3\) float32"),
        (np.zeros((32, 32, 3), np.uint8), r"\(T, H, W, 3\) uint8"),
        (np.zeros((0, 32, 32, 3), np.uint8), "at least one"),
        (np.zeros((2, 31, 32, 3), np.uint8), "even height and width, got 31 × 32"),
    ],
)
def test_frames_that_cannot_be_a_film_are_refused(tmp_path: Path, frames: np.ndarray, says: str) -> None:
    with pytest.raises(VideoError, match=says):
        write_mp4(tmp_path / "film.mp4", frames, fps=10)
    assert not list(tmp_path.iterdir())


def test_files_that_are_no_film_or_picture_are_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a film")
    with pytest.raises(VideoError, match="broken.mp4 cannot be read"):
        read_mp4(broken)
    with pytest.raises(VideoError, match="broken.mp4 cannot be read as a picture"):
        read_png(broken)
    with pytest.raises(VideoError, match="no film at"):
        read_mp4(tmp_path / "none.mp4")
    with pytest.raises(VideoError, match="no picture at"):
        read_png(tmp_path / "none.png")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": ["one"]}, "one per strip"),
        ({"columns": ["0"]}, "longest strip"),
        ({"scale": 0}, "whole number"),
    ],
)
def test_a_contact_sheet_says_what_does_not_fit(change: dict, says: str) -> None:
    with pytest.raises(VideoError, match=says):
        contact_sheet([gradient(), gradient()], **change)
    with pytest.raises(VideoError, match="one frame size"):
        contact_sheet([gradient(), gradient(2, 8, 8)])
    with pytest.raises(VideoError, match="at least one strip"):
        contact_sheet([])
