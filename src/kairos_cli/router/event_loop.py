"""Running what is asynchronous, on uvloop where there is one."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from kairos_cli.errors import InputError

Result = TypeVar("Result")


def check_installed(command: str) -> None:
    """Raise InputError where the libraries of the extra `serve` are missing."""
    try:
        import aiohttp  # noqa: F401
    except ImportError:
        raise InputError.of(f"{command} needs aiohttp", None, 'pip install "kairos-cli[serve]"') from None


def check_grpc_installed(command: str) -> None:
    """Raise InputError where the library of the extra `grpc` is missing."""
    try:
        import grpc  # noqa: F401
    except ImportError:
        raise InputError.of(f"{command} needs grpcio", None, 'pip install "kairos-cli[serve,grpc]"') from None


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end; Ctrl-C ends it early with KeyboardInterrupt."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


async def until_terminated() -> None:
    """Wait until the process is asked to end by SIGTERM, as service managers do."""
    asked = asyncio.Event()
    with suppress(NotImplementedError):  # on Windows, which has no such signal
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    await asked.wait()


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
