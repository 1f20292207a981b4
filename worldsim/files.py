"""Files and folders that appear whole or not at all: made under a temporary name, forced to disk, then renamed.

A kill at any moment leaves all that was there before, or all that is new. A temporary name begins with a dot and
carries the number of its process, so that no two write into one; `remove_leftovers` removes what kills left behind.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["former", "remove_leftovers", "replacing_file", "replacing_folder", "write_json"]

FORGOTTEN = 3600.0  # seconds without a change after which a temporary name is taken for what a kill left behind


@contextmanager
def replacing_file(path: str | Path) -> Iterator[Path]:
    """A path to write a file to; it becomes `path` when the body succeeds, and is removed when it fails.

    Missing folders are made. The file may be read by whom the system lets read new files, whatever its writer says.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(final)
    temporary.touch()
    mode = temporary.stat().st_mode
    try:
        yield temporary
        temporary.chmod(mode)  # safetensors writes for its owner alone
        _force_to_disk(temporary)
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)
    _force_to_disk(final.parent)


@contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """An empty folder to fill; it becomes `path` when the body succeeds, and is removed when it fails.

    A folder cannot be renamed over another, so the one that is there steps aside to `former(path)` for a moment. A
    kill in just that moment leaves it under that name.
    """
    final = Path(path)
    temporary = _temporary(final)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for part in (*temporary.rglob("*"), temporary):
            _force_to_disk(part)
        if final.exists():
            shutil.rmtree(former(final), ignore_errors=True)
            final.rename(former(final))
        temporary.rename(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _force_to_disk(final.parent)
    shutil.rmtree(former(final), ignore_errors=True)


def former(path: Path) -> Path:
    """Where the folder at `path` stays while another takes its place."""
    return path.with_name(f"{path.name}.old")


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files and folders directly in `folder` that have not changed for an hour."""
    for path in folder.glob(".*.tmp"):
        with suppress(FileNotFoundError):  # its process has just renamed it
            if time.time() - path.stat().st_mtime < FORGOTTEN:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def write_json(path: str | Path, data: Any) -> None:
    """Write a value as JSON, indented for people."""
    with replacing_file(path) as temporary:
        temporary.write_text(json.dumps(data, indent=1))


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _force_to_disk(path: Path) -> None:
    """Have the system write a file or folder out; systems other than POSIX do so with folders by themselves."""
    if path.is_dir() and os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
