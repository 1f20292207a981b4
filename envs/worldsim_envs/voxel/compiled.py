"""`compiled`: numba's `njit` as this package uses it, cached on disk and releasing the GIL.

Numba's cache looks only at the file of the function itself; a change in a function that it calls goes unseen.
Here the stamp is the content of the function's module and of all modules of the package that it imports, near or far,
so a stale cache is never loaded, and an edit compiles anew only what depends on it.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit, types
from numba.core import event

Function = TypeVar("Function", bound=Callable[..., Any])

PACKAGE = __name__.rpartition(".")[0]
FOLDER = Path(__file__).parent
# Arrays are lent to compiled functions, never made by them; without numba's counting of references (`_nrt`) rays are
# twice as fast.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False, "no_cfunc_wrapper": True}


class Notice(event.Listener):
    """Says once, on stderr, why a first start takes so long."""

    def __init__(self) -> None:
        self.said = False

    def on_start(self, event: Any) -> None:
        """Called when numba begins to compile something that its cache does not hold."""
        function = event.data["dispatcher"].py_func
        if not self.said and function.__module__.startswith(PACKAGE):
            self.said = True
            print("worldsim: compiling the voxel world for this machine; it takes two or three minutes, once",
                  file=sys.stderr, flush=True)  # fmt: skip

    def on_end(self, event: Any) -> None:
        """Nothing more to say."""


event.register("numba:compile", Notice())


def inlined(function: Function) -> Function:
    """Return `function` compiled into the body of each of its callers, which spares the passing of many arrays."""
    return cast(Function, njit(inline="always", **_OPTIONS)(function))


def inner(function: Function) -> Function:
    """Return `function` for other compiled code only: without a way in from Python, which takes longest to compile."""
    return _cached(function, no_cpython_wrapper=True)


def compiled(function: Function) -> Function:
    """Return `function` compiled at first call: exact IEEE arithmetic, no GIL, cached until its sources change."""
    return _cached(function)


def _cached(function: Function, **options: Any) -> Function:
    """Return `function` compiled at first call, once for each set of argument types; constants are no types."""
    dispatcher: Any = njit(cache=True, **_OPTIONS, **options)(function)
    template = getattr(dispatcher, "get_call_template", None)
    if template is not None:  # numba would compile anew for each constant that a caller passes
        dispatcher.get_call_template = lambda args, kws: template(
            tuple(types.unliteral(kind) for kind in args), {name: types.unliteral(kind) for name, kind in kws.items()}
        )
    index = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if index is not None:
        index._source_stamp = (index._source_stamp, sources_stamp(function.__module__))
    return cast(Function, dispatcher)


@cache
def sources_stamp(module: str) -> str:
    """Return a hash of the sources of a module of the package and of all that it imports from the package."""
    known, waiting = set[Path](), [_file(module)]
    while waiting:
        file = waiting.pop()
        if file is not None and file not in known:
            known.add(file)
            waiting += [_file(name) for name in _imports(file)]
    digest = hashlib.sha256()
    for file in sorted(known):
        digest.update(str(file.relative_to(FOLDER)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _file(module: str) -> Path | None:
    """Return the source of a module of the package, or of one run by its path; None for any other name."""
    if not module.startswith(PACKAGE):
        place = getattr(sys.modules.get(module), "__file__", None)
        return Path(place) if place is not None and FOLDER in Path(place).parents else None
    place = FOLDER.joinpath(*module.removeprefix(PACKAGE).split(".")[1:])
    options = (place.with_suffix(".py"), place / "__init__.py")
    return next((option for option in options if option.is_file()), None)


def _imports(file: Path) -> list[str]:
    """Return the names that a source imports from the package: modules, and things in them."""
    names = []
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith(PACKAGE):
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names
