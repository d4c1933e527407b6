"""The router as clients see it, over real loopback connections."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
import struct
from collections.abc import Coroutine
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from kairos_cli.router.batch_source import batch_source
from kairos_cli.router.http_backends import AnswerLimits
from kairos_cli.router.http_router import Address
from kairos_cli.router.http_site import Limits
from kairos_cli.router.rules import Rules
from tests.conftest import ROOT
from tests.router.live import CPU, GPU, Backend, doubled, live, query

#: Of the tests alone, for localhost, valid until 2126.
CERT, KEY = ROOT / "tests/data/router/cert.pem", ROOT / "tests/data/router/key.pem"


def run(main: Coroutine[Any, Any, Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(20):
            return await main

    return asyncio.run(bounded())


def test_a_query_is_passed_on_and_answered_as_the_server_did() -> None:
    """Body, path, query string and headers reach the server, its answer the client."""

    async def main() -> None:
        async with live((CPU, Backend())) as proxy:
            body = json.dumps(query(3, id="seven")).encode()
            status, answer = await proxy.post("/v2/models/rm2/infer?a=1", body, **{"X-Trace": "t"})
            (path, headers, content) = proxy.backends[0].seen[0]
            assert (200, [0.0, 2.0, 4.0], "seven") == (status, answer["outputs"][0]["data"], answer["id"])
            assert ("/v2/models/rm2/infer?a=1", "t", body) == (path, headers["X-Trace"], content)

    run(main())


def test_binary_tensors_pass_both_ways() -> None:
    """The header that tells where the JSON object ends is passed on with the bytes behind it, both ways."""
    text = json.dumps(
        {"inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": 8}}]}
    ).encode()
    content = text + struct.pack("<2f", 1.5, -2.0)

    async def act(backend: Backend, request: web.Request) -> web.Response:
        return web.Response(
            body=backend.seen[-1][2][::-1],
            content_type="application/octet-stream",
            headers={"Inference-Header-Content-Length": "5"},
        )

    async def main() -> None:
        async with live((CPU, Backend(act))) as proxy:
            headers = {"Inference-Header-Content-Length": str(len(text))}
            async with proxy.client.post(proxy.url + "/v2/models/rm2/infer", data=content, headers=headers) as response:
                assert content[::-1] == await response.read()
                assert "5" == response.headers["Inference-Header-Content-Length"]
            _, seen, received = proxy.backends[0].seen[0]
            assert (str(len(text)), content) == (seen["Inference-Header-Content-Length"], received)

    run(main())


def test_a_packed_body_is_unpacked_and_a_packed_answer_passed_on() -> None:
    """The batch size is read from a gzipped body too; a gzipped answer goes to the client as it is."""

    async def act(backend: Backend, request: web.Request) -> web.Response:
        assert "Content-Encoding" not in request.headers
        response = doubled(backend.seen[-1][2])
        return web.Response(body=gzip.compress(response.body), headers={"Content-Encoding": "gzip"})  # type: ignore[arg-type]

    async def main() -> None:
        async with live((CPU, Backend(act))) as proxy:
            packed = gzip.compress(json.dumps(query(2)).encode())
            status, answer = await proxy.post("/v2/models/rm2/infer", packed, **{"Content-Encoding": "gzip"})
            assert (200, [0.0, 2.0]) == (status, answer["outputs"][0]["data"])

    run(main())


def test_large_queries_go_to_the_type_that_is_in_time() -> None:
    """The policy sees batch sizes and types: 1000 items go to g4dn.xlarge, 10 to r5n.large."""

    async def main() -> None:
        async with live((GPU, Backend()), (CPU, Backend())) as proxy:
            await asyncio.gather(proxy.infer(10), proxy.infer(1000))
            sizes = [[json.loads(seen[2])["inputs"][0]["shape"][0] for seen in each.seen] for each in proxy.backends]
            assert [[1000], [10]] == sizes

    run(main())


def test_a_server_has_one_query_at_a_time() -> None:
    """Servers queue silently what they are sent, so they are sent nothing while they work."""

    async def main() -> None:
        async with live((CPU, Backend(delay_s=0.01)), (CPU, Backend(delay_s=0.01))) as proxy:
            answers = await asyncio.gather(*(proxy.infer(10) for _ in range(12)))
            assert [200] * 12 == [status for status, _ in answers]
            assert [1, 1] == [each.most_at_once for each in proxy.backends]

    run(main())


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2", {"name": "backend", "version": "7", "extensions": ["binary_tensor_data"]}),
        ("/v2/models/rm2", {"name": "rm2", "platform": "test"}),
    ],
)
def test_what_clients_ask_first_is_answered(path: str, answer: dict[str, Any]) -> None:
    """Health is the router's own, metadata that of a server."""

    async def main() -> None:
        async with live((CPU, Backend())) as proxy, proxy.client.get(proxy.url + path) as response:
            assert (200, answer) == (response.status, await response.json())

    run(main())


BAD = {
    "not_json": ("rm2", b"{", {}, 400, "the body is no JSON, or not the object expected, at byte 1"),
    "no_inputs": ("rm2", b"{}", {}, 400, "the request has no inputs"),
    "batch_0": (
        "rm2", b'{"inputs":[{"shape":[0]}]}', {}, 400,
        "the batch size must be at least 1: the shape of the first input is [0]",
    ),
    "batch_beyond": (
        "rm2", b'{"inputs":[{"shape":[1001]}]}', {}, 400,
        "a batch of 1001 is larger than any that was planned for: at most 1000",
    ),
    "header_length": (
        "rm2", b"{}", {"Inference-Header-Content-Length": "9"}, 400,
        "Inference-Header-Content-Length must be a length within the 2 bytes of the body: '9'",
    ),
    "unknown_model": ("nosuch", b'{"inputs":[{"shape":[1]}]}', {}, 404, "the servers know no model nosuch"),
    "oversized": ("rm2", b"x" * 70_000, {}, 413, "the body may have at most 65536 bytes"),
    "bomb": (
        "rm2", gzip.compress(b" " * 10_000_000), {"Content-Encoding": "gzip"}, 413,
        "the body may have at most 65536 bytes",
    ),
    "not_gzip": (
        "rm2", b"plain", {"Content-Encoding": "gzip"}, 400,
        "the body cannot be read: Can not decode content-encoding: gzip",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("model", "body", "headers", "status", "message"), BAD.values(), ids=BAD)
def test_bad_requests_are_the_clients_and_disturb_nobody(
    model: str, body: bytes, headers: dict[str, str], status: int, message: str
) -> None:
    """Each gets its status and a message, reaches no server, and the next query is served."""

    async def main() -> None:
        async with live((CPU, Backend()), limits=Limits(body_bytes=65_536)) as proxy:
            got, answer = await proxy.post(f"/v2/models/{model}/infer", body, **headers)
            assert (status, message) == (got, answer["error"])
            assert [] == proxy.backends[0].seen
            assert 200 == (await proxy.infer())[0]

    run(main())


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("POST", "/v2/repository/models/rm2/load", 404, "kairos passes on inference and nothing that changes a server"),
        ("DELETE", "/v2/models/rm2", 405, "there is nothing to DELETE here"),
        ("GET", "/metrics", 404, "there is nothing here: paths begin with /v2"),
        ("GET", "/v2/" + "x" * 9000, 431, "a header or the URL is too long"),
    ],
)
def test_other_requests_are_refused(method: str, path: str, status: int, message: str) -> None:
    """What would change one server of many, or is not of the protocol, is refused."""

    async def main() -> None:
        async with live((CPU, Backend())) as proxy, proxy.client.request(method, proxy.url + path) as response:
            assert (status, {"error": message}) == (response.status, await response.json())

    run(main())


def test_a_request_that_is_no_http_is_refused_in_json() -> None:
    """Bytes of another protocol get 400 and the connection is closed."""

    async def main() -> bytes:
        async with live((CPU, Backend())) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.router.port)
            writer.write(b"\x16\x03\x01\x02\x00 hello\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return answer

    answer = run(main())
    assert answer.startswith((b"HTTP/1.0 400 Bad Request", b"HTTP/1.1 400 Bad Request"))
    assert b'{"error": ' in answer


def test_slow_loris_connections_are_closed() -> None:
    """A connection that does not get its headers out in time is closed; others are served meanwhile."""

    async def main() -> None:
        async with live((CPU, Backend()), limits=Limits(idle_s=0.2)) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.router.port)
            writer.write(b"POST /v2/models/rm2/infer HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            assert 200 == (await proxy.infer())[0]
            assert b"" == await reader.read()
            writer.close()

    run(main())


def test_a_body_that_does_not_come_is_given_up() -> None:
    """A client that says 100 bytes and sends 3 gets 408 in time, and its connection is closed."""

    async def main() -> bytes:
        async with live((CPU, Backend()), limits=Limits(body_s=0.1)) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.router.port)
            writer.write(b"POST /v2/models/rm2/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{ab")
            answer = await reader.read()
            writer.close()
            return answer

    answer = run(main())
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout")
    assert answer.endswith(b'{"error": "the body did not come within 0.1 s"}')


def test_a_client_that_asks_before_it_sends_a_body_is_told_to_go_on() -> None:
    """Expect: 100-continue, which curl sends before large bodies, is answered at once; then the body is served."""

    async def main() -> tuple[bytes, bytes]:
        async with live((CPU, Backend())) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.router.port)
            body = json.dumps(query(2)).encode()
            head = b"POST /v2/models/rm2/infer HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n"
            writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body))
            go_on = await reader.readuntil(b"\r\n\r\n")
            writer.write(body)
            answer = await reader.read()
            writer.close()
            return go_on, answer

    go_on, answer = run(main())
    assert b"HTTP/1.1 100 Continue\r\n\r\n" == go_on
    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_with_a_certificate_clients_use_https() -> None:
    """The front port speaks TLS, with the certificate that was given."""
    server, trusted = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context(cafile=CERT)
    server.load_cert_chain(CERT, KEY)

    async def main() -> None:
        async with live((CPU, Backend()), front=Address("127.0.0.1", 0, server)) as proxy:
            url = f"https://localhost:{proxy.router.port}/v2/models/rm2/infer"
            async with proxy.client.post(url, json=query(2), ssl=trusted) as response:
                assert 200 == response.status
            with pytest.raises(aiohttp.ClientConnectionError):
                await proxy.infer()

    run(main())


def test_there_are_no_more_connections_than_there_may_be() -> None:
    """One connection too many is closed at once; those there are go on."""

    async def main() -> None:
        async with live((CPU, Backend()), limits=Limits(connections=1)) as proxy:
            assert 200 == (await proxy.infer())[0]
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.router.port)
            with pytest.raises(ConnectionError):
                assert b"" == await reader.read()
                raise ConnectionError
            writer.close()
            assert 200 == (await proxy.infer())[0]

    run(main())


def test_a_client_that_goes_leaves_the_line() -> None:
    """A query whose client hung up while it waited is never sent to a server."""

    async def main() -> None:
        async with live((CPU, Backend(delay_s=0.3))) as proxy:
            first = asyncio.create_task(proxy.infer(10))
            await proxy.until(lambda: bool(proxy.backends[0].seen))
            gone = asyncio.create_task(proxy.infer(20))
            await proxy.until(lambda: len(proxy.router.distributor.line) == 1)
            gone.cancel()
            await proxy.until(lambda: len(proxy.router.distributor.line) == 0)
            await first
            assert 1 == len(proxy.backends[0].seen)
            assert 1 == proxy.router.distributor.tally.ended["cancelled"]

    run(main())


def test_late_queries_can_be_rejected() -> None:
    """With --late reject a query that can no longer be in time gets 503 and Retry-After."""

    async def main() -> None:
        async with live((CPU, Backend(delay_s=0.6)), rules=Rules(late="reject")) as proxy:
            first = asyncio.create_task(proxy.infer(10))
            await proxy.until(lambda: bool(proxy.backends[0].seen))
            async with proxy.client.post(proxy.url + "/v2/models/rm2/infer", json=query(10)) as response:
                assert (503, "1") == (response.status, response.headers["Retry-After"])
                assert (await response.json())["error"].startswith("not served within 3")
            assert 200 == (await first)[0]

    run(main())


def test_a_query_whose_server_dies_is_answered_by_another() -> None:
    """A connection that breaks in the middle of a query costs nobody an answer."""

    async def die(backend: Backend, request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        await asyncio.sleep(1)
        return web.Response()

    async def main() -> None:
        dying = Backend(die)
        async with live((CPU, dying), (CPU, Backend())) as proxy:
            answers = await asyncio.gather(*(proxy.infer(10) for _ in range(6)))
            assert [200] * 6 == [status for status, _ in answers]
            assert len(dying.seen) >= 1
            assert len(dying.seen) == proxy.router.distributor.tally.resubmitted

    run(main())


def test_a_server_that_goes_and_comes_back_is_used_again_within_a_second() -> None:
    """It is quarantined when it is found gone, and gets queries again soon after it is back."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        backend = Backend()
        async with live((CPU, backend)) as proxy:
            assert 200 == (await proxy.infer())[0]
            await backend.stop()
            waiting = asyncio.create_task(proxy.infer())
            (instance,) = proxy.router.distributor.servers.members
            await proxy.until(lambda: instance.state == "quarantined")
            await asyncio.sleep(0.3)
            assert 503 == (await proxy.client.get(proxy.url + "/v2/health/ready")).status
            await backend.start()
            back = loop.time()
            assert 200 == (await waiting)[0]
            return loop.time() - back

    assert run(main()) < 1.0


def test_servers_that_die_and_return_under_load_lose_no_query() -> None:
    """Each of three servers dies in turn while queries come; every query is answered, and answered right."""

    async def main() -> None:
        backends = [Backend(delay_s=0.004) for _ in range(3)]
        async with live(*((CPU, each) for each in backends)) as proxy:

            async def client(number: int) -> None:
                for turn in range(25):
                    status, answer = await proxy.infer(10, id=f"{number}-{turn}")
                    assert (200, f"{number}-{turn}") == (status, answer["id"])

            async def killer() -> None:
                for each in backends:
                    await asyncio.sleep(0.05)
                    await each.stop()
                    await asyncio.sleep(0.05)
                    await each.start()

            await asyncio.gather(killer(), *(client(number) for number in range(8)))
            await proxy.until(lambda: len(proxy.router.distributor.servers.members.up) == 3)
            tally = proxy.router.distributor.tally
            assert (200, 0) == (tally.arrived, tally.ended["failed"] + tally.ended["refused"])
            assert tally.quarantined >= 3

    run(main())


def test_a_server_that_hangs_costs_one_query_its_time() -> None:
    """Beyond the time limit that query gets 504; the others are served by the other server."""

    async def hang(backend: Backend, request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async def main() -> None:
        hanging = Backend(hang)
        async with live((CPU, hanging), (CPU, Backend()), answers=AnswerLimits(seconds=0.3)) as proxy:
            answers = await asyncio.gather(*(proxy.infer(10) for _ in range(5)))
            assert [200] * 4 + [504] == sorted(status for status, _ in answers)
            assert ["no answer within 0.3 s"] == [each["error"] for status, each in answers if status == 504]

    run(main())


async def _garbage_server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    asked = await reader.read(65_536)
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" if b"/v2/health" in asked else b"\x00\x01garbage\r\n\r\n"
    )
    writer.close()


def test_a_server_that_answers_garbage_is_left_alone() -> None:
    """What is no HTTP is a bad gateway, 502, and that server gets no more for a while."""

    async def main() -> None:
        server = await asyncio.start_server(_garbage_server, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with live((CPU, Backend())) as proxy:
            assert 200 == (await proxy.infer())[0]
            garbage = proxy.router.add(CPU, f"http://127.0.0.1:{port}")
            await proxy.until(lambda: garbage.state == "up")
            answers = [await asyncio.gather(*(proxy.infer(10) for _ in range(4))) for _ in range(3)]
            statuses = sorted(status for each in answers for status, _ in each)
            assert [200] * 11 + [502] == statuses
            assert "quarantined" == garbage.state
        server.close()

    run(main())


def test_a_server_that_fails_fast_does_not_draw_all_queries() -> None:
    """Three failures in a row and it is left alone; its own messages reach the clients."""

    async def fail(backend: Backend, request: web.Request) -> web.Response:
        return web.json_response({"error": "CUDA error"}, status=500)

    async def main() -> None:
        failing = Backend(fail)
        async with live((GPU, failing), (GPU, Backend(delay_s=0.005))) as proxy:
            answers = [await proxy.infer(100) for _ in range(20)]
            bad = [each for status, each in answers if status == 500]
            assert [{"error": "CUDA error"}] * 3 == bad
            assert 17 == sum(status == 200 for status, _ in answers)

    run(main())


def test_queries_that_fail_everywhere_take_no_server_out() -> None:
    """Where all servers answer 500 it may be the queries: clients get the errors, and the servers stay."""

    async def fail(backend: Backend, request: web.Request) -> web.Response:
        return web.json_response({"error": "poison"}, status=500)

    async def main() -> None:
        async with live((CPU, Backend(fail))) as proxy:
            assert [500] * 6 == [(await proxy.infer(10))[0] for _ in range(6)]
            assert 1 == len(proxy.router.distributor.servers.members.up)

    run(main())


def test_with_no_server_up_clients_are_told() -> None:
    """Queries wait for a server as long as the rules let them, and get 503."""

    async def main() -> None:
        async with live((CPU, Backend(ready=False)), rules=Rules(longest_wait_ms=100)) as proxy:
            status, answer = await proxy.infer()
            assert 503 == status
            assert answer["error"].endswith(": no server is up")

    run(main())


def test_shutting_down_finishes_what_was_accepted() -> None:
    """Queries in hand are answered after the stop; new ones on an open connection get 503."""

    async def main() -> None:
        async with live((CPU, Backend(delay_s=0.1))) as proxy:
            tasks = [asyncio.create_task(proxy.infer()) for _ in range(3)]
            await proxy.until(lambda: len(proxy.router.distributor.line) == 2)
            stopping = asyncio.create_task(proxy.router.stop())
            await proxy.until(lambda: proxy.router.distributor.stopping)
            status, answer = await proxy.infer()
            assert (503, "shutting down") == (status, answer["error"])
            assert [200] * 3 == [(await task)[0] for task in tasks]
            assert await stopping

    run(main())


@pytest.mark.parametrize(
    ("source", "headers", "fields", "message"),
    [
        ("header:X-Items", {"X-Items": "1000"}, {}, None),
        ("header:X-Items", {}, {}, "the header X-Items, which tells the batch size, is missing"),
        ("header:X-Items", {"X-Items": "-1"}, {}, "the header X-Items must be a batch size, got '-1'"),
        ("json:parameters.items", {}, {"parameters": {"items": 1000}}, None),
        ("json:parameters.items", {}, {"parameters": {"items": [0] * 1000}}, None),
        ("json:parameters.items", {}, {}, "the body has no parameters.items, which tells the batch size"),
        ("json:parameters.items", {}, {"parameters": {"items": "a"}}, 'parameters.items must be a batch size, got "a"'),
    ],
)
def test_the_batch_size_can_be_read_elsewhere(
    source: str, headers: dict[str, str], fields: dict[str, Any], message: str | None
) -> None:
    """By a header or a place in the JSON object: 1000 items go to the fast type whatever the tensors say."""

    async def main() -> None:
        async with live((CPU, Backend()), (GPU, Backend()), source=batch_source(source)) as proxy:
            body = json.dumps(query(1, **fields)).encode()
            status, answer = await proxy.post("/v2/models/rm2/infer", body, **headers)
            assert (
                (400, message) == (status, answer["error"])
                if message
                else (200, 1) == (status, len(proxy.backends[1].seen))
            )

    run(main())
