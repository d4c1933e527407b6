"""Memory that a router needs only until it serves."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from pathlib import Path

_COMPILER = "libllvmlite"
#: MADV_DONTNEED of Linux.
_NOT_NEEDED = 4


def settle() -> None:
    """Let go of what is needed no more, and keep the collector from what stays as long as queries are served."""
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        _let_go_of_compiler()


def _let_go_of_compiler() -> None:
    """Give the pages of the compiler's machine code back, some 50 MB, once all that it has to compile is there.

    They are as they stand in its file, and come back from there one by one should it be called after all.
    """
    libc = ctypes.CDLL(None)
    for start, end in _code_of_compiler():
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _NOT_NEEDED)


def _code_of_compiler() -> Iterator[tuple[int, int]]:
    """Yield where its code is: of what is mapped from its file only that which nobody can have written to."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        where, may, *_, file = line.split(maxsplit=5)
        if _COMPILER in file and may == "r-xp":
            start, _, end = where.partition("-")
            yield int(start, 16), int(end, 16)
