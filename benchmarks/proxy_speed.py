"""What `kairos serve` costs: added latency, queries/s, start, memory and decisions, before servers that do nothing.

Client, router and servers share the machine, so that all figures depend on what else it does. Queries go directly to a
server and through the router in turns: the difference of the two is the router's, whatever the machine is busy with.
The processor time of a query is what stays the same on a busy machine.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
import numpy as np
from aiohttp import web

from kairos_cli.router import event_loop
from shared import print_table

ROOT = Path(__file__).resolve().parent.parent
POOL = {"g4dn.xlarge": 1, "r5n.large": 13}
TOKEN = "the-token-of-a-benchmark"
PATH = "/v2/models/rm2/infer"
TURNS, WARM_UP = 3000, 200
QUERIES, AT_ONCE = 12_000, 16
ANSWER = b'{"model_name":"rm2","outputs":[{"name":"y","shape":[1],"datatype":"FP32","data":[1.0]}]}'
_TENSOR = {"name": "x", "shape": [100, 1], "datatype": "FP32", "data": [0.5] * 100}
BODY = json.dumps({"inputs": [_TENSOR]}).encode()


@dataclass(frozen=True)
class Running:
    """A router that runs, and how long it took to be ready."""

    process: subprocess.Popen[str]
    port: int
    admin_port: int
    ready_s: float

    def processor_s(self) -> float:
        """Return the processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def memory_mb(self) -> tuple[int, int]:
        """Return the memory that it holds, and how much of it no other process could share."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        said = {name: rest.split()[0] for name, _, rest in (line.partition(":") for line in lines) if rest.strip()}
        return int(said["VmRSS"]) // 1024, int(said["RssAnon"]) // 1024


def main() -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    servers = context.Process(target=_serve_nothing, args=(sum(POOL.values()), theirs), daemon=True)
    servers.start()
    ports = ours.recv()
    with tempfile.TemporaryDirectory() as folder:
        _stop(_started(ports, Path(folder)))  # the first start may compile
        router = _started(ports, Path(folder))
        try:
            event_loop.run(_measure(router, ports[0]))
        finally:
            _stop(router)
    servers.terminate()


def _serve_nothing(number: int, told: Connection) -> None:
    """Run so many servers that answer at once, and tell their ports."""

    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(body=ANSWER, content_type="application/json")

    async def run() -> None:
        runner = web.ServerRunner(web.Server(answer, access_log=None))
        await runner.setup()
        for _ in range(number):
            await web.TCPSite(runner, "127.0.0.1", 0).start()
        told.send([address[1] for address in runner.addresses])
        await asyncio.Event().wait()

    event_loop.run(run())


def _started(ports: list[int], folder: Path) -> Running:
    (folder / "token").write_text(TOKEN)
    left = iter(ports)
    backends = [f"{name}={','.join(f'http://127.0.0.1:{next(left)}' for _ in range(n))}" for name, n in POOL.items()]
    flags = [part for each in backends for part in ("--backend", each)]
    command = [sys.executable, "-m", "kairos_cli", "serve", "--plan", "examples/ci/plan.json", *flags, "--port", "0"]
    command += ["--admin-port", "0", "--admin-token-file", str(folder / "token")]
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if '"ready"' in line:
            ready = json.loads(line)
            return Running(process, ready["port"], ready["admin_port"], time.perf_counter() - begun)
    raise SystemExit("the router did not start")


def _stop(router: Running) -> None:
    router.process.send_signal(signal.SIGTERM)
    router.process.communicate(timeout=30)


async def _measure(router: Running, server_port: int) -> None:
    urls = [f"http://127.0.0.1:{port}{PATH}" for port in (server_port, router.port)]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        direct_ms, through_ms = await _in_turns(session, urls)
        direct_qps = await _rate(session, urls[0])
        before_s = router.processor_s()
        through_qps = await _rate(session, urls[1])
        each_us = (router.processor_s() - before_s) / QUERIES * 1e6
        decisions = (await _status(session, router.admin_port))["decisions"]
    _print_latency(direct_ms, through_ms)
    resident_mb, own_mb = router.memory_mb()
    print_table(
        [
            ("", "value"),
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


async def _in_turns(session: aiohttp.ClientSession, urls: list[str]) -> np.ndarray:
    """Return latencies (2, TURNS) in ms, directly and through the router, one query at a time in turns."""
    times = np.empty((len(urls), TURNS + WARM_UP))
    for turn in range(TURNS + WARM_UP):
        for place, url in enumerate(urls):
            begun = time.perf_counter()
            await _ask(session, url)
            times[place, turn] = (time.perf_counter() - begun) * 1000
    return times[:, WARM_UP:]


async def _rate(session: aiohttp.ClientSession, url: str) -> float:
    async def worker() -> None:
        for _ in range(QUERIES // AT_ONCE):
            await _ask(session, url)

    begun = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return QUERIES / (time.perf_counter() - begun)


async def _ask(session: aiohttp.ClientSession, url: str) -> None:
    async with session.post(url, data=BODY, headers={"Content-Type": "application/json"}) as response:
        assert response.status == 200, await response.text()
        await response.read()


async def _status(session: aiohttp.ClientSession, port: int) -> dict[str, dict[str, float]]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with session.get(f"http://127.0.0.1:{port}/v1/status", headers=headers) as response:
        status: dict[str, dict[str, float]] = await response.json()
        return status


def _print_latency(direct_ms: np.ndarray, through_ms: np.ndarray) -> None:
    rows = [("latency in ms, one connection", "p50", "p99")]
    for name, ms in (("directly", direct_ms), ("through kairos serve", through_ms)):
        rows.append((name, *(f"{each:.3f}" for each in np.percentile(ms, (50, 99)))))
    added = [np.percentile(through_ms, level) - np.percentile(direct_ms, level) for level in (50, 99)]
    rows.append(("added", *(f"{each:.3f}" for each in added)))
    print_table(rows)


if __name__ == "__main__":
    main()
