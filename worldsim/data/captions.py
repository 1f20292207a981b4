"""`captions.json`: captions that were written after the recording, and stand for those in the episodes' files.

It is one file for the whole dataset, so a kill while it is written leaves all captions as they were.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path

from worldsim.data.format import Caption, DatasetError
from worldsim.files import replacing_file

__all__ = ["FILE", "read_rewritten", "write_rewritten"]

FILE = "captions.json"
VERSION = 1


def read_rewritten(folder: Path) -> dict[str, tuple[Caption, ...]]:
    """By the name of an episode's file what its captions are now; empty where nobody wrote any.

    Raises:
        DatasetError: a file that is not what `write_rewritten` writes.
    """
    file = folder / FILE
    if not file.is_file():
        return {}
    try:
        data = json.loads(file.read_text())
        if data["format"] != VERSION:
            raise DatasetError(f"{file}: format must be {VERSION}, got {data['format']!r}")
        return {name: tuple(_caption(*row) for row in rows) for name, rows in data["captions"].items()}
    except DatasetError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(
            f"{file}: not a file of captions: {error}; remove it, and the recorded captions count again"
        ) from error


def write_rewritten(folder: Path, captions: Mapping[str, tuple[Caption, ...]], author: str) -> Path:
    """Write what the captions of episodes are from now on, and who wrote them; there at once and whole."""
    rows = {name: [astuple(caption) for caption in line] for name, line in captions.items()}
    with replacing_file(folder / FILE) as temporary:
        temporary.write_text(json.dumps({"format": VERSION, "author": author, "captions": rows}))
    return folder / FILE


def _caption(start: int, end: int, short: str, detailed: str) -> Caption:
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end):
        raise ValueError(f"a caption must cover rows start … end - 1 with 0 <= start < end, got {start!r} … {end!r}")
    return Caption(start, end, str(short), str(detailed))
