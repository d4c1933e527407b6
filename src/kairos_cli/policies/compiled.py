"""How kernels are compiled: by numba, once, and kept on disk.

A compiled kernel has those it calls built in, but numba looks only at the age of its own file to see
whether it is still good. So the folder of compiled code is named by the text of all kernels together: a
change to any of them, or an upgrade of kairos, starts a new one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_FOLDERS = ("policies", "simulate")


def _cache_folder() -> Path:
    """Return the folder for compiled code of this text of the kernels."""
    package = Path(__file__).resolve().parent.parent
    files = sorted(path for folder in _FOLDERS for path in (package / folder).glob("*.py"))
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]
    cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache_home) / "kairos" / f"numba-{digest}"


if "NUMBA_CACHE_DIR" not in os.environ:
    setattr(numba.config, "CACHE_DIR", str(_cache_folder()))  # noqa: B010 - not in its type stubs


def kernel(function: Kernel) -> Kernel:
    """Compile a function of numbers and arrays; it may run in several threads at once."""
    compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return cast("Kernel", compiled)


def inlined(function: Kernel) -> Kernel:
    """Compile a kernel into those that call it: passing arrays to a call costs more than a small kernel does."""
    compiled: Any = numba.njit(inline="always", nogil=True, error_model="numpy")(function)
    return cast("Kernel", compiled)
