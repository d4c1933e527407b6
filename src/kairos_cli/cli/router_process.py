"""`kairos serve` as a process of its own, for a while: what is rehearsed is the command that will run."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from kairos_cli.errors import InputError


@asynccontextmanager
async def router_process(plan_file: Path, backends: str, policy: str, slow: float) -> AsyncIterator[str]:
    """Run a router before servers, given by the flags that name them; yields the address for clients.

    Raises InputError where it does not start. In the end it finishes what it has accepted.
    """
    flags = ["--plan", str(plan_file), "--policy", policy, "--slow", repr(slow), "--port", "0", *backends.split()]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "kairos_cli", "serve", *flags, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )
    assert process.stderr is not None
    try:
        port = await _ready(process, process.stderr)
        # A process whose messages nobody reads stops at one of them.
        reading = asyncio.create_task(process.stderr.read())
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            await _stop(process)
            await reading
    finally:
        await _stop(process)


async def _ready(process: Process, messages: asyncio.StreamReader) -> int:
    """Return the port on which a router is ready."""
    said = []
    async for line in messages:
        with suppress(ValueError):  # a note in words, or an error
            event = json.loads(line)
            if event["event"] == "ready":
                return int(event["port"])
            continue
        said.append(line.decode(errors="replace").strip())
    reason = " ".join(said)[:500] or f"exit code {await process.wait()}"
    raise InputError.of(f"the router did not start: {reason}", None, "try kairos serve alone")


async def _stop(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
