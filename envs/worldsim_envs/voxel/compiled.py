"""`compiled`: numba's `njit` as this package uses it, cached on disk and releasing the GIL.

Numba's cache looks only at the file of the function itself; a change in a function that it calls goes unseen.
Here the stamp is the content of all modules of the package, so a stale cache is never loaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def _sources_stamp() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.name in ("env.py", "captions.py"):  # nothing compiled there
            continue
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


SOURCES = _sources_stamp()
# Arrays are lent to compiled functions, never made by them; without numba's counting of references (`_nrt`) rays are
# twice as fast.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}


def inlined(function: Function) -> Function:
    """Return `function` compiled into the body of each of its callers, which spares the passing of many arrays."""
    return cast(Function, njit(inline="always", **_OPTIONS)(function))


def compiled(function: Function) -> Function:
    """Return `function` compiled at first call: exact IEEE arithmetic, no GIL, cached until any module here changes."""
    dispatcher = njit(cache=True, **_OPTIONS)(function)
    index = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if index is not None:
        index._source_stamp = (index._source_stamp, SOURCES)
    return cast(Function, dispatcher)
