"""A session without a display: a scripted player presses keys, and what was shown is written as film and picture."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np

from worldsim.play.games import PlayError
from worldsim.play.recording import write_film
from worldsim.play.session import Session
from worldsim.video import contact_sheet, write_png

__all__ = ["play_headless"]

SCRIPT = (  # keys held, and for how many steps; over and over
    (("w",), 12),
    (("w", "right"), 6),
    (("w", "space"), 6),
    (("w", "left ctrl"), 8),
    (("left",), 8),
    (("d",), 6),
    (("down",), 3),
    (("f",), 10),
    (("up",), 3),
    (("w", "left", "space"), 8),
)
PICTURES = 12  # frames on the contact sheet


def play_headless(session: Session, steps: int, folder: Path) -> tuple[list[Path], float]:
    """Play `steps` steps by script; in their middle the world is switched, if there are two.

    Returns:
        `folder/play.mp4` and `folder/play.png`, and the steps per second.

    Raises:
        PlayError: fewer than one step.
    """
    if steps < 1:
        raise PlayError(f"steps must be at least 1, got {steps}")
    keys = itertools.chain.from_iterable(itertools.repeat(keys, count) for keys, count in itertools.cycle(SCRIPT))
    frames, labels = [session.frame], [session.world]
    start = time.perf_counter()
    for step, held in zip(range(steps), keys, strict=False):
        if step and step == steps // 2 and len(session.games) > 1:
            session.press("tab")
        session.release_all()
        for key in held:
            session.press(key)
        frames.append(session.tick())
        labels.append(f"{session.world} {step + 1}")
    speed = steps / (time.perf_counter() - start)
    chosen = np.linspace(0, steps, min(PICTURES, steps + 1)).round().astype(int)
    film = np.stack(frames)
    scale = max(1, 128 // film.shape[1])
    sheet = contact_sheet([film[chosen]], columns=[labels[i] for i in chosen], scale=scale)
    info = session.game.info
    files = [write_film(folder / "play.mp4", film, info.fps, info.shown), write_png(folder / "play.png", sheet)]
    return files, speed
