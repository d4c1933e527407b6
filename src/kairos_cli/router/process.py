"""The router as a process: the signals that end it, and where libraries log."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kairos_cli.router.journal import Journal, LibraryLog


@contextmanager
def told_to_stop() -> Iterator[asyncio.Event]:
    """Give the event that the first SIGTERM or SIGINT sets; outside they mean what they always do."""
    stopped, loop, heard = asyncio.Event(), asyncio.get_running_loop(), (signal.SIGTERM, signal.SIGINT)
    with suppress(NotImplementedError):  # on Windows Ctrl-C ends it at once
        for each in heard:
            loop.add_signal_handler(each, stopped.set)
    try:
        yield stopped
    finally:
        with suppress(NotImplementedError):
            for each in heard:
                loop.remove_signal_handler(each)


@contextmanager
def library_log(journal: Journal) -> Iterator[None]:
    """Hand what libraries log on to the journal."""
    handler, loggers = LibraryLog(journal), [logging.getLogger(name) for name in ("aiohttp", "asyncio")]
    for each in loggers:
        each.addHandler(handler)
        each.propagate = False
    try:
        yield
    finally:
        for each in loggers:
            each.removeHandler(handler)
            each.propagate = True
