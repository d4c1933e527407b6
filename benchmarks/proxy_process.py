"""`kairos serve` as a process to be measured, before servers that do nothing over HTTP and gRPC."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import grpc
from aiohttp import web

from kairos_cli.router import event_loop
from kairos_cli.router.protobuf_wire import field_bytes

ROOT = Path(__file__).resolve().parent.parent
POOL = {"g4dn.xlarge": 1, "r5n.large": 13}
TOKEN = "the-token-of-a-benchmark"
SERVICE = "inference.GRPCInferenceService"
_JSON = b'{"model_name":"rm2","outputs":[{"name":"y","shape":[1],"datatype":"FP32","data":[1.0]}]}'
_TENSOR = field_bytes(1, b"y") + field_bytes(2, b"FP32") + field_bytes(3, b"\x01")
_PROTOBUF = field_bytes(1, b"rm2") + field_bytes(5, _TENSOR) + field_bytes(6, struct.pack("<f", 1.0))
_YES = field_bytes(1, 1)


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


@contextmanager
def servers_that_do_nothing() -> Iterator[dict[str, list[int]]]:
    """Run them in a process of their own; yields their ports by protocol."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    servers = context.Process(target=_serve_nothing, args=(sum(POOL.values()), theirs), daemon=True)
    servers.start()
    try:
        yield ours.recv()
    finally:
        servers.terminate()


def _serve_nothing(number: int, told: Connection) -> None:
    """Run so many servers of each protocol that answer at once, and tell their ports."""

    async def run() -> None:
        told.send({"http": await _over_http(number), "grpc": await _over_grpc(number)})
        await asyncio.Event().wait()

    event_loop.run(run())


async def _over_http(number: int) -> list[int]:
    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(body=_JSON, content_type="application/json")

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    for _ in range(number):
        await web.TCPSite(runner, "127.0.0.1", 0).start()
    return [address[1] for address in runner.addresses]


async def _over_grpc(number: int) -> list[int]:
    def answering(answer: bytes) -> Any:
        async def handle(content: bytes, context: Any) -> bytes:
            return answer

        return grpc.unary_unary_rpc_method_handler(handle)

    methods = {"ServerReady": answering(_YES), "ModelReady": answering(_YES), "ModelInfer": answering(_PROTOBUF)}
    server = grpc.aio.server(handlers=[grpc.method_handlers_generic_handler(SERVICE, methods)])
    ports = [server.add_insecure_port("127.0.0.1:0") for _ in range(number)]
    await server.start()
    _KEPT.append(server)
    return ports


#: A server that nobody holds is stopped.
_KEPT: list[Any] = []


def started(protocol: str, ports: list[int], folder: Path) -> Running:
    """Start the router for a protocol, and wait until it is ready."""
    (folder / "token").write_text(TOKEN)
    left = iter(ports)
    backends = [
        f"{name}={','.join(f'{protocol}://127.0.0.1:{next(left)}' for _ in range(n))}" for name, n in POOL.items()
    ]
    flags = [part for each in backends for part in ("--backend", each)]
    command = [sys.executable, "-m", "kairos_cli", "serve", "--plan", "examples/ci/plan.json", *flags]
    command += ["--port" if protocol == "http" else "--grpc-port", "0"]
    command += ["--admin-port", "0", "--admin-token-file", str(folder / "token")]
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if '"ready"' in line:
            ready = json.loads(line)
            return Running(
                process, ready["port"] or ready["grpc_port"], ready["admin_port"], time.perf_counter() - begun
            )
    raise SystemExit("the router did not start")


def stop(router: Running) -> None:
    """Let it finish and end."""
    router.process.send_signal(signal.SIGTERM)
    router.process.communicate(timeout=30)
