"""Emulated servers, asked over real connections."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

import aiohttp
import pytest

from kairos_cli.domain.pool import Pool
from kairos_cli.errors import InputError
from kairos_cli.router.emulated_pool import EmulatedPool, emulated_pool
from kairos_cli.router.event_loop import run
from kairos_cli.router.open_inference import HEADER_LENGTH
from tests.router.servers import constant_model, constant_pool

REQUEST = (
    b'{"id":"42","inputs":[{"name":"row","shape":[2,1],"datatype":"INT64","data":[7,8],"parameters":{"k":1}}],'
    b'"outputs":[{"name":"row"}]}'
)
PATH = "/v2/models/ranker"

Ask = Callable[..., Awaitable[tuple[int, bytes]]]


def with_pool(use: Callable[[EmulatedPool, Ask], Awaitable[Any]], latency_ms: float = 1.0, count: int = 1) -> Any:
    """Return what is done with a pool; the second argument asks its first server, by default for inference."""

    async def main() -> Any:
        async with constant_pool(latency_ms, count) as pool, aiohttp.ClientSession() as session:

            async def ask(
                method: str = "POST", path: str = f"{PATH}/infer", data: bytes | None = REQUEST, **headers: str
            ) -> tuple[int, bytes]:
                named = {name.replace("_", "-"): value for name, value in headers.items()}
                url = pool.servers[0].url + path
                body = data if method == "POST" else None
                async with session.request(method, url, data=body, headers=named) as response:
                    return response.status, await response.read()

            return await use(pool, ask)

    return run(main())


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v2/health/live", None),
        ("/v2/health/ready", None),
        (f"{PATH}/ready", None),
        (f"{PATH}/versions/1/ready", None),
        ("/v2", {"name": "kairos-emulate", "version": "1", "extensions": ["binary_tensor_data"]}),
        (
            f"{PATH}/versions/1",
            {
                "name": "ranker",
                "versions": ["1"],
                "platform": "kairos_emulation",
                "inputs": [{"name": "row", "datatype": "INT64", "shape": [-1, 1]}],
                "outputs": [{"name": "row", "datatype": "INT64", "shape": [-1, 1]}],
            },
        ),
    ],
)
def test_a_server_says_that_it_lives_and_what_it_serves(path: str, expected: Any) -> None:
    """The endpoints of the protocol that ask for health and metadata."""
    status, content = with_pool(lambda pool, ask: ask("GET", path))

    assert 200 == status
    assert expected == (json.loads(content) if content else None)


def test_an_answer_holds_the_rows_of_its_request() -> None:
    """With the id and the model's name, and without the parameters that were the request's own."""
    status, content = with_pool(lambda pool, ask: ask())

    assert 200 == status
    assert {
        "model_name": "ranker",
        "model_version": "1",
        "id": "42",
        "outputs": [{"name": "row", "shape": [2, 1], "datatype": "INT64", "data": [7, 8]}],
    } == json.loads(content)


def test_binary_tensors_come_back_as_binary_tensors() -> None:
    """The JSON object of the answer is followed by the very bytes."""
    text = b'{"inputs":[{"name":"x","shape":[3],"datatype":"FP16","parameters":{"binary_data_size":6}}]}'
    status, content = with_pool(lambda pool, ask: ask(data=text + b"abcdef", **{HEADER_LENGTH: str(len(text))}))

    assert 200 == status
    assert content.endswith(b'"parameters":{"binary_data_size":6}}]}abcdef')


@pytest.mark.parametrize(
    ("asked", "status", "message"),
    [
        ({"data": b"{}"}, 400, "the request has no inputs"),
        ({"data": REQUEST.replace(b"[2,1]", b"[3]")}, 400, "tensor 'row' has 2 values, its shape [3] of INT64 needs 3"),
        (
            {"data": REQUEST.replace(b"[2,1]", b"[2000]")},
            400,
            "a batch of 2000 is too large: fast takes at most 1000",
        ),
        ({"path": "/v2/models/other/infer"}, 404, "there is no model 'other' here, only 'ranker'"),
        ({"path": f"{PATH}/versions/2/infer"}, 404, "there is no version '2' of ranker, only '1'"),
        ({"path": "/v1"}, 404, "POST /v1: Not Found"),
        ({"method": "GET"}, 405, "GET /v2/models/ranker/infer: Method Not Allowed"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_refused(asked: dict[str, Any], status: int, message: str) -> None:
    """With the status and the error object of the protocol."""
    found, content = with_pool(lambda pool, ask: ask(**asked))

    assert (status, {"error": message}) == (found, json.loads(content))


def test_one_query_at_a_time_in_the_order_they_came() -> None:
    """Three queries at once on one instance of 40 ms end after 40, 80 and 120 ms; on three instances all after 40."""

    async def three(pool: EmulatedPool, ask: Ask) -> list[float]:
        start_s = perf_counter()

        async def one() -> float:
            await ask()
            return perf_counter() - start_s

        return sorted(await asyncio.gather(one(), one(), one()))

    ended_s = with_pool(three, latency_ms=40)

    assert [True, True, True] == [end >= least - 0.001 for end, least in zip(ended_s, (0.04, 0.08, 0.12), strict=True)]


def test_instances_do_not_wait_for_each_other() -> None:
    """Two servers work at the same time: neither counts the other's query."""

    async def both(pool: EmulatedPool, ask: Ask) -> list[int]:
        async with aiohttp.ClientSession() as session:
            for server in pool.servers:
                async with session.post(f"{server.url}{PATH}/infer", data=REQUEST) as response:
                    assert 200 == response.status
        return [server.taken for server in pool.servers]

    assert [1, 1] == with_pool(both, count=2)


def test_a_crash_loses_the_query_and_a_restart_brings_the_server_back() -> None:
    """On the same port, so that whoever looks for it finds it."""

    async def crash(pool: EmulatedPool, ask: Ask) -> tuple[Any, Any, int, bool]:
        (server,) = pool.servers
        port = server.port
        lost = asyncio.create_task(ask())
        while not server.taken:
            await asyncio.sleep(0.001)
        await server.crash()
        broken = (await asyncio.gather(lost, return_exceptions=True))[0]
        away = (await asyncio.gather(ask(), return_exceptions=True))[0]
        await server.start()
        return broken, away, (await ask())[0], port == server.port

    broken, away, status, same_port = with_pool(crash, latency_ms=300)

    assert isinstance(broken, aiohttp.ClientError)
    assert isinstance(away, aiohttp.ClientConnectorError)
    assert (200, True) == (status, same_port)


def test_a_stopped_server_answers_what_it_took() -> None:
    """And a crash of a server that is not there is nothing."""

    async def stop(pool: EmulatedPool, ask: Ask) -> int:
        (server,) = pool.servers
        asked = asyncio.create_task(ask())
        while not server.taken:
            await asyncio.sleep(0.001)
        await server.stop()
        await server.crash()
        return (await asked)[0]

    assert 200 == with_pool(stop, latency_ms=50)


def test_the_pool_tells_how_to_reach_it() -> None:
    """As flags, the addresses of a type together."""

    async def main() -> tuple[str, list[str]]:
        model = constant_model(1, "fast", "slow")
        async with emulated_pool(model, Pool.of(["fast", "slow:spot"], [1, 2])) as pool:
            return pool.backends, [server.url for server in pool.servers]

    backends, (first, second, third) = run(main())

    assert f"--backend fast={first} --backend slow:spot={second},{third}" == backends


def test_a_port_that_is_taken_is_an_error() -> None:
    """And the servers that had already been started are gone."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        async def main() -> None:
            async with emulated_pool(constant_model(1, "fast"), Pool.of(["fast"], [2]), port_from=port - 1):
                raise AssertionError

        with pytest.raises(InputError) as caught:
            run(main())

    assert f"error: cannot listen on http://127.0.0.1:{port}: " in str(caught.value)
    assert "hint: choose other ports with --port-from, 0 for any that are free" in str(caught.value)
    with socket.socket() as free:
        free.bind(("127.0.0.1", port - 1))
