"""Pictures and films on disk: mp4 and png, in and out, and contact sheets with labels.

Frames are u8 (T, H, W, 3), images u8 (H, W, 3), as everywhere outside the networks. A reader never meets half a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from worldsim.files import replacing_file

__all__ = ["VideoError", "contact_sheet", "enlarge", "film_scale", "read_mp4", "read_png", "write_mp4", "write_png"]

BACKGROUND, INK = 250, 30  # grey levels of a contact sheet
QUALITY = "17"  # x264's constant rate factor of films: 0 (lossless in YUV) … 51 (worst)
GAP = 2  # pixels between the frames of a contact sheet
SCALE = "worldsim scale "  # how the comment in a film begins that says how often its frames were enlarged


class VideoError(ValueError):
    """Frames that cannot be written as a film or picture, or a file that cannot be read as one."""


def write_mp4(path: str | Path, frames: np.ndarray, fps: float, scale: int = 1) -> Path:
    """Write frames as an H.264 film that any player and browser shows.

    Args:
        path: where to; missing folders are made.
        frames: u8 (T, H, W, 3), T ≥ 1. Height and width times scale must be even.
        fps: frames per second, > 0.
        scale: whole number of times to enlarge, pixels staying sharp.

    Raises:
        VideoError: the frames, or the numbers, are not as described.
    """
    _check_frames(frames)
    if not fps > 0:
        raise VideoError(f"fps must be above 0, got {fps}")
    height, width = enlarge(frames[:1], scale).shape[1:3]
    if height % 2 or width % 2:
        raise VideoError(f"an mp4 needs an even height and width, got {height} × {width}; pass scale=2")
    with replacing_file(path) as temporary, av.open(str(temporary), "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": QUALITY, "preset": "veryfast"}
        film.metadata["comment"] = f"{SCALE}{scale}"
        for frame in frames:
            large = enlarge(frame[None], scale)[0]  # one at a time: all of a long film would fill the memory
            film.mux(stream.encode(av.VideoFrame.from_ndarray(large, format="rgb24")))
        film.mux(stream.encode())
    return Path(path)


def read_mp4(path: str | Path) -> tuple[np.ndarray, float]:
    """All frames u8 (T, H, W, 3) of a film, in order of showing, and its frames per second.

    Raises:
        VideoError: there is no such file, or it holds no film.
    """
    if not Path(path).is_file():
        raise VideoError(f"no film at {path}")
    try:
        with av.open(str(path)) as film:
            if not film.streams.video:
                raise VideoError(f"{path} holds no video stream")
            stream = film.streams.video[0]
            frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(stream)]
            rate = stream.average_rate
    except av.error.FFmpegError as error:
        raise VideoError(f"{path} cannot be read as a film: {error}") from error
    if not frames:
        raise VideoError(f"{path} holds no frames")
    return np.stack(frames), float(rate or 0)


def film_scale(path: str | Path) -> int:
    """How many times `write_mp4` enlarged the frames of a film; 1 for films of others. Raises `VideoError`."""
    try:
        with av.open(str(path)) as film:
            said = film.metadata.get("comment", "")
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(f"{path} cannot be read as a film: {error}") from error
    number = said.removeprefix(SCALE)
    return int(number) if said.startswith(SCALE) and number.isdigit() else 1


def write_png(path: str | Path, image: np.ndarray, scale: int = 1) -> Path:
    """Write an image u8 (H, W, 3), enlarged by a whole number, without loss. Raises `VideoError`."""
    _check_image(image)
    with replacing_file(path) as temporary:
        Image.fromarray(enlarge(image[None], scale)[0]).save(temporary, format="PNG")
    return Path(path)


def read_png(path: str | Path) -> np.ndarray:
    """The image u8 (H, W, 3) in a png (or any other picture that Pillow reads). Raises `VideoError`."""
    try:
        with Image.open(path) as picture:
            return np.array(picture.convert("RGB"))
    except FileNotFoundError as error:
        raise VideoError(f"no picture at {path}") from error
    except (UnidentifiedImageError, OSError) as error:
        raise VideoError(f"{path} cannot be read as a picture: {error}") from error


def enlarge(frames: np.ndarray, scale: int) -> np.ndarray:
    """Frames u8 (T, H, W, 3) → (T, H·scale, W·scale, 3), each pixel a square."""
    if scale < 1 or scale != int(scale):
        raise VideoError(f"scale must be a whole number of at least 1, got {scale}")
    return frames if scale == 1 else frames.repeat(int(scale), axis=1).repeat(int(scale), axis=2)


def contact_sheet(
    rows: Sequence[np.ndarray],
    labels: Sequence[str] = (),
    columns: Sequence[str] = (),
    title: str = "",
    scale: int = 1,
) -> np.ndarray:
    """Film strips below one another as one image.

    Args:
        rows: one u8 (T, H, W, 3) per strip; all have the same H and W, strips may differ in length.
        labels: what stands left of each strip; one each, or none.
        columns: what stands above the frames, in one line or several; one for each frame of the longest strip, or none.
        title: a line above everything.
        scale: whole number of times to enlarge the frames, not the text.

    Returns:
        u8 (H', W', 3).

    Raises:
        VideoError: no strips, strips of different frame sizes, or labels that do not match their number.
    """
    if not rows:
        raise VideoError("a contact sheet needs at least one strip of frames")
    for strip in rows:
        _check_frames(strip)
    if len({strip.shape[1:3] for strip in rows}) > 1:
        raise VideoError(f"strips must share one frame size, got {[strip.shape for strip in rows]}")
    longest = max(len(strip) for strip in rows)
    if labels and len(labels) != len(rows):
        raise VideoError(f"labels must be one per strip ({len(rows)}), got {len(labels)}")
    if columns and len(columns) != longest:
        raise VideoError(f"columns must be one per frame of the longest strip ({longest}), got {len(columns)}")

    font = ImageFont.load_default(size=13)
    height, width = (side * scale for side in rows[0].shape[1:3])
    line = 20  # pixels of a line of text
    left = 0 if not labels else max(int(font.getlength(label)) for label in labels) + 10
    head = line * max((column.count("\n") + 1 for column in columns), default=0)
    top = line * bool(title) + head
    across = max(left + longest * (width + GAP), int(font.getlength(title)) + 8)
    sheet = Image.new("RGB", (across, top + len(rows) * (height + GAP)), (BACKGROUND,) * 3)
    draw = ImageDraw.Draw(sheet)
    ink = (INK,) * 3
    draw.text((4, 2), title, ink, font)
    for column, label in enumerate(columns):
        for number, part in enumerate(label.split("\n")):
            place = left + column * (width + GAP) + 2, top - head + number * line + 2
            draw.text(place, part, ink, _fitting(part, width))
    for row, strip in enumerate(rows):
        y = top + row * (height + GAP)
        if labels:
            draw.text((4, y + height // 2 - 8), labels[row], ink, font)
        for column, frame in enumerate(enlarge(strip, scale)):
            sheet.paste(Image.fromarray(frame), (left + column * (width + GAP), y))
    return np.array(sheet)


def _fitting(text: str, width: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The largest of a few fonts in which a text is no wider than so many pixels, or the smallest."""
    fonts = [ImageFont.load_default(size=size) for size in (13, 12, 11, 10, 9)]
    return next((font for font in fonts if font.getlength(text) <= width - 2), fonts[-1])


def _check_frames(frames: np.ndarray) -> None:
    if not isinstance(frames, np.ndarray) or frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
        raise VideoError(f"frames must be (T, H, W, 3) uint8, got {_describe(frames)}")
    if not frames.size:
        raise VideoError(f"frames must hold at least one pixel, got {_describe(frames)}")


def _check_image(image: np.ndarray) -> None:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        raise VideoError(f"an image must be (H, W, 3) uint8, got {_describe(image)}")


def _describe(value: object) -> str:
    return f"{value.shape} {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
