"""`kairos serve --grpc-port` as a command."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.conftest import ROOT, Kairos
from tests.router.grpc_live import SERVICE, GrpcBackend, doubled
from tests.router.protocol import infer_request
from tests.router.test_serve_command import CPU, GPU, PLAN, serving


@pytest.fixture(scope="module")
def backend() -> Iterator[GrpcBackend]:
    """A server that runs in a thread."""
    running, ready, loop = GrpcBackend(), threading.Event(), asyncio.new_event_loop()
    done = asyncio.Event()

    async def run() -> None:
        await running.start()
        ready.set()
        await done.wait()
        await running.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert ready.wait(10)
    yield running
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()


def test_serving_grpc_from_ready_to_stopped(backend: GrpcBackend) -> None:
    """Without HTTP backends it listens for gRPC alone; SIGTERM ends it with exit code 0."""
    with serving("--plan", PLAN, "--backend", f"{CPU}={backend.url}", "--grpc-port", "0") as server:
        ready = server.journal[-1]
        assert (None, 1, 1) == (ready["port"], ready["backends"], ready["up"])
        request = infer_request(10).SerializeToString()
        with grpc.insecure_channel(f"127.0.0.1:{ready['grpc_port']}") as channel:
            infer = channel.unary_unary(f"/{SERVICE}/ModelInfer")
            assert [doubled(request)] * 20 == [infer(request) for _ in range(20)]
        code, journal, stdout = server.stop()
        assert (0, "") == (code, stdout)
        assert ["stopping", "stopped"] == [each["event"] for each in journal][-2:]
        assert 20 == journal[-1]["on_time"] + journal[-1].get("late", 0)


def test_a_grpc_port_in_use_is_told(kairos: Kairos, backend: GrpcBackend) -> None:
    """A port that another program has ends with exit code 2."""
    taken = str(backend.port)
    result = kairos("serve", "--plan", PLAN, "--backend", f"{CPU}={backend.url}", "--grpc-port", taken)

    assert (2, "--grpc-port: error") == (result.exit_code, result.stderr.splitlines()[-2][:18])
    assert result.stderr.endswith(f"127.0.0.1:{taken} cannot be had for gRPC\nhint: choose another port or address\n")


BOTH = "name both of a server that speaks both: http://127.0.0.1:8000+grpc://127.0.0.1:8001"
BAD = {
    "no_port": (
        ["--backend", f"{CPU}=grpc://a:1"],
        "error: grpc://a:1 is reached over gRPC, for which there is no port\nhint: --grpc-port 8001",
    ),
    "mixed": (
        ["--backend", f"{CPU}=grpc://a:1", "--backend", f"{GPU}=http://a", "--grpc-port", "0"],
        "error: grpc://a:1 has no http:// address for the queries that come over HTTP\n"
        f"hint: {BOTH}\n"
        "error: http://a has no grpc:// address for the queries that come over gRPC\n"
        f"hint: {BOTH}",
    ),
    "both_ports": (
        ["--backend", f"{CPU}=grpc://a:1", "--port", "0", "--grpc-port", "0"],
        f"error: grpc://a:1 has no http:// address for the queries that come over HTTP\nhint: {BOTH}",
    ),
    "no_number": (
        ["--backend", f"{CPU}=grpc://a", "--grpc-port", "0"],
        "error: a grpc:// URL ends with its port, got 'grpc://a'",
    ),
    "a_path": (
        ["--backend", f"{CPU}=grpc://a:1/b", "--grpc-port", "0"],
        "error: a grpc:// URL ends with its port, got 'grpc://a:1/b'",
    ),
    "two_of_one": (
        ["--backend", f"{CPU}=grpc://a:1+grpcs://a:2", "--grpc-port", "0"],
        "error: a backend is one server, got two addresses of one protocol: 'grpc://a:1+grpcs://a:2'",
    ),
    "batch_from": (
        ["--backend", f"{CPU}=grpc://a:1", "--grpc-port", "0", "--batch-from", "json:a"],
        "--batch-from: error: there is no JSON over gRPC\nhint: write it as header:X-Items",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("args", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_served_is_told(kairos: Kairos, args: list[str], message: str) -> None:
    """Each mistake ends with exit code 2, before anything listens, and its message says what to do."""
    result = kairos("serve", "--plan", PLAN, *args)

    assert (2, f"{message}\n") == (result.exit_code, result.stderr)


def test_the_missing_extra_is_named(kairos: Kairos, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without grpcio the command says what to install; the table [serve] may ask for the port as well."""
    monkeypatch.setitem(sys.modules, "grpc", None)
    result = kairos("serve", "--plan", PLAN, "--backend", f"{CPU}=grpc://a:1", "--grpc-port", "0")

    assert (2, 'error: kairos serve --grpc-port needs grpcio\nhint: pip install "kairos-cli[serve,grpc]"\n') == (
        result.exit_code, result.stderr,
    )  # fmt: skip


def test_the_table_may_name_the_port(kairos: Kairos, tmp_path: Path) -> None:
    """grpc_port of [serve] is checked as the flag is."""
    scenario = tmp_path / "serve.toml"
    scenario.write_text(f'schema = "kairos.scenario/1"\n[serve]\nplan = "{ROOT / PLAN}"\ngrpc_port = 70000\n')
    result = kairos("serve", scenario, "--backend", f"{CPU}=grpc://a:1")

    assert (2, f"{scenario}:4: error: must be a port, got 70000\n") == (result.exit_code, result.stderr)
