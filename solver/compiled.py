"""The decorator of compiled functions: numba with a cache that notices changes in other modules.

Numba keys a cached function by the source file that it stands in, although its machine code contains
the functions that it calls from other files; after an update of those the old code would still run.
Here the cache folder is named by a digest of all modules of the package that hold compiled functions.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from numba import config, njit

P = ParamSpec("P")
R = TypeVar("R")


def _folder() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        source = path.read_bytes()
        if b"from solver.compiled import" in source:
            digest.update(source)
    base = os.environ.get("NUMBA_CACHE_DIR")
    if not base:
        base = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "quasipot")
    return os.path.join(base, digest.hexdigest()[:16])


_FOLDER = _folder()


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` by numba in nopython mode, cached on disk where some folder is writable.

    Division by zero gives inf or NaN, as in NumPy.
    """
    kept = getattr(config, "CACHE_DIR")  # noqa: B009 (numba sets it at run time, mypy does not see it)
    setattr(config, "CACHE_DIR", _FOLDER)  # noqa: B010
    try:
        return njit(cache=True, error_model="numpy")(function)  # type: ignore[no-any-return]
    except RuntimeError:  # no folder to cache in
        return njit(error_model="numpy")(function)  # type: ignore[no-any-return]
    finally:
        setattr(config, "CACHE_DIR", kept)  # noqa: B010


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` into every compiled caller: for short functions inside hot loops.

    A call costs numba some 30 ns for passing arrays and a status code, as much as the work itself.
    """
    return njit(inline="always", error_model="numpy")(function)  # type: ignore[no-any-return]
