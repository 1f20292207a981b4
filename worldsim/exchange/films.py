"""Stretches of films, frame by frame, so that an hour of video never lies in memory at its own size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np

from worldsim.exchange.foreign import ExchangeError

__all__ = ["frames_between", "picture_size"]


def picture_size(file: Path) -> tuple[int, int]:
    """(H, W) of a film. Raises `ExchangeError` when it cannot be read."""
    with _opened(file) as (_, stream):
        return stream.height, stream.width


def frames_between(file: Path, start: float = 0.0, count: int | None = None) -> Iterator[np.ndarray]:
    """Frames u8 (H, W, 3) of a film, from `start` seconds on, `count` of them or all that there are.

    Raises:
        ExchangeError: it cannot be read, or is broken somewhere on the way.
    """
    with _opened(file) as (film, stream):
        given = 0
        early = 0.5 / float(stream.average_rate or 30)  # a frame begins within half a frame of when it should
        try:
            if start > early:
                film.seek(int(start / stream.time_base), stream=stream)  # to the key frame before it
            for frame in film.decode(stream):
                if count is not None and given == count:
                    return
                if frame.time is None or frame.time >= start - early:
                    given += 1
                    yield frame.to_ndarray(format="rgb24")
        except av.error.FFmpegError as error:
            raise ExchangeError(f"{file}: broken after {given} frames: {error}") from error


@contextmanager
def _opened(file: Path) -> Iterator[tuple[Any, Any]]:
    if not file.is_file():
        raise ExchangeError(f"{file}: no such film")
    try:
        film = av.open(str(file))
    except (av.error.FFmpegError, OSError) as error:
        raise ExchangeError(f"{file}: cannot be read as a film: {error}") from error
    with film:
        if not film.streams.video:
            raise ExchangeError(f"{file}: holds no video")
        yield film, film.streams.video[0]
