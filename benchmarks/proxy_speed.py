"""What `kairos serve` costs: added latency, queries/s, start, memory and decisions, before servers that do nothing.

Client, router and servers share the machine, so that all figures depend on what else it does. Queries go directly to a
server and through the router in turns: the difference of the two is the router's, whatever the machine is busy with.
The processor time of a query is what stays the same on a busy machine.
"""

from __future__ import annotations

import asyncio
import json
import struct
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import grpc
import numpy as np

from kairos_cli.router import event_loop
from kairos_cli.router.protobuf_wire import field_bytes
from proxy_process import SERVICE, TOKEN, Running, servers_that_do_nothing, started, stop
from shared import print_table

TURNS, WARM_UP = 3000, 200
QUERIES, AT_ONCE = 12_000, 16
_NUMBERS = [0.5] * 100
_JSON = json.dumps({"inputs": [{"name": "x", "shape": [100, 1], "datatype": "FP32", "data": _NUMBERS}]}).encode()
_TENSOR = field_bytes(1, b"x") + field_bytes(2, b"FP32") + field_bytes(3, b"\x64\x01")
_PROTOBUF = field_bytes(1, b"rm2") + field_bytes(5, _TENSOR) + field_bytes(7, struct.pack("<100f", *_NUMBERS))

#: Sends one query and waits for its answer.
Ask = Callable[[], Awaitable[object]]


def main() -> None:
    with servers_that_do_nothing() as ports, tempfile.TemporaryDirectory() as folder:
        stop(started("http", ports["http"], Path(folder)))  # the first start may compile
        for protocol in ("http", "grpc"):
            router = started(protocol, ports[protocol], Path(folder))
            try:
                event_loop.run(_measure(protocol, router, ports[protocol][0]))
            finally:
                stop(router)


async def _measure(protocol: str, router: Running, server_port: int) -> None:
    asking = _asking_http if protocol == "http" else _asking_grpc
    async with asking(server_port) as directly, asking(router.port) as through:
        direct_ms, through_ms = await _in_turns([directly, through])
        direct_qps = await _rate(directly)
        before_s = router.processor_s()
        through_qps = await _rate(through)
        each_us = (router.processor_s() - before_s) / QUERIES * 1e6
    decisions = (await _status(router.admin_port))["decisions"]
    _print_latency(protocol, direct_ms, through_ms)
    resident_mb, own_mb = router.memory_mb()
    print_table(
        [
            (protocol, "value"),
            (f"queries/s directly, {AT_ONCE} at once", f"{direct_qps:.0f}"),
            (f"queries/s through kairos serve, {AT_ONCE} at once", f"{through_qps:.0f}"),
            ("share of the direct rate", f"{through_qps / direct_qps:.2f}"),
            ("router's processor time a query, µs", f"{each_us:.0f}"),
            ("a decision at 14 instances, µs", f"{decisions['mean_us']:.0f}"),
            ("ready after, s", f"{router.ready_s:.2f}"),
            ("memory, MB", f"{resident_mb}"),
            ("of it not shared, MB", f"{own_mb}"),
        ]
    )


@asynccontextmanager
async def _asking_http(port: int) -> AsyncIterator[Ask]:
    url, headers = f"http://127.0.0.1:{port}/v2/models/rm2/infer", {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask() -> None:
            async with session.post(url, data=_JSON, headers=headers) as response:
                assert response.status == 200, await response.text()
                await response.read()

        yield ask


@asynccontextmanager
async def _asking_grpc(port: int) -> AsyncIterator[Ask]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        infer = channel.unary_unary(f"/{SERVICE}/ModelInfer")
        yield lambda: infer(_PROTOBUF)


async def _in_turns(ways: list[Ask]) -> np.ndarray:
    """Return latencies (2, TURNS) in ms, directly and through the router, one query at a time in turns."""
    times = np.empty((len(ways), TURNS + WARM_UP))
    for turn in range(TURNS + WARM_UP):
        for place, ask in enumerate(ways):
            begun = time.perf_counter()
            await ask()
            times[place, turn] = (time.perf_counter() - begun) * 1000
    return times[:, WARM_UP:]


async def _rate(ask: Ask) -> float:
    async def worker() -> None:
        for _ in range(QUERIES // AT_ONCE):
            await ask()

    begun = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return QUERIES / (time.perf_counter() - begun)


async def _status(port: int) -> dict[str, dict[str, float]]:
    url, headers = f"http://127.0.0.1:{port}/v1/status", {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        status: dict[str, dict[str, float]] = await response.json()
        return status


def _print_latency(protocol: str, direct_ms: np.ndarray, through_ms: np.ndarray) -> None:
    rows = [(f"latency over {protocol} in ms, one connection", "p50", "p99")]
    for name, ms in (("directly", direct_ms), ("through kairos serve", through_ms)):
        rows.append((name, *(f"{each:.3f}" for each in np.percentile(ms, (50, 99)))))
    added = [np.percentile(through_ms, level) - np.percentile(direct_ms, level) for level in (50, 99)]
    rows.append(("added", *(f"{each:.3f}" for each in added)))
    print_table(rows)


if __name__ == "__main__":
    main()
