"""The router as clients see it over gRPC, over real loopback connections."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import grpc
import pytest

from kairos_cli.router.answer_limits import AnswerLimits
from kairos_cli.router.http_site import Limits
from kairos_cli.router.rules import Rules
from kairos_cli.router.settings import GrpcAddress
from tests.conftest import ROOT
from tests.router.grpc_live import SERVICE, GrpcBackend, doubled, grpc_live
from tests.router.live import CPU, GPU, Backend, live
from tests.router.protocol import infer_request, message

Code = grpc.StatusCode
CERT, KEY = ROOT / "tests/data/router/cert.pem", ROOT / "tests/data/router/key.pem"


def run(main: Coroutine[Any, Any, Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(20):
            return await main

    return asyncio.run(bounded())


def test_a_query_is_passed_on_and_answered_byte_by_byte() -> None:
    """Message and metadata reach the server; its answer, with both of its metadata, the client."""

    async def act(backend: GrpcBackend, content: bytes, context: Any) -> bytes:
        await context.send_initial_metadata([("x-first", "1")])
        context.set_trailing_metadata([("x-last-bin", b"\x02")])
        return content[::-1]

    async def main() -> None:
        async with grpc_live((CPU, GrpcBackend(act))) as proxy:
            request = infer_request(3, id="seven").SerializeToString()
            call = proxy.call("ModelInfer", request, metadata=[("x-trace", "t")])
            assert request[::-1] == await call
            assert "1" == (await call.initial_metadata())["x-first"]
            assert b"\x02" == (await call.trailing_metadata())["x-last-bin"]
            ((content, metadata),) = proxy.backends[0].seen
            assert (request, "t") == (content, metadata["x-trace"])

    run(main())


def test_large_queries_go_to_the_type_that_is_in_time() -> None:
    """The policy sees batch sizes and types: 1000 items go to g4dn.xlarge, 10 to r5n.large."""

    async def main() -> None:
        async with grpc_live((GPU, GrpcBackend()), (CPU, GrpcBackend())) as proxy:
            await asyncio.gather(proxy.infer(10), proxy.infer(1000))
            read = message("ModelInferRequest").FromString
            assert [[1000], [10]] == [
                [read(content).inputs[0].shape[0] for content, _ in each.seen] for each in proxy.backends
            ]

    run(main())


def test_a_server_has_one_query_at_a_time() -> None:
    """Servers queue silently what they are sent, so they are sent nothing while they work."""

    async def main() -> None:
        async with grpc_live((CPU, GrpcBackend(delay_s=0.01)), (CPU, GrpcBackend(delay_s=0.01))) as proxy:
            answers = await asyncio.gather(*(proxy.infer(2) for _ in range(12)))
            assert [[0.0, 2.0]] * 12 == answers
            assert [1, 1] == [each.most_at_once for each in proxy.backends]

    run(main())


def test_what_clients_ask_first_is_answered() -> None:
    """Health is the router's own, metadata and the readiness of a model those of a server."""

    async def main() -> None:
        async with grpc_live((CPU, GrpcBackend())) as proxy:
            for method in ("ServerLive", "ServerReady"):
                assert (await proxy.ask(method, "ServerReadyResponse")).ready
            assert b"\x08\x01" == await proxy.call("/grpc.health.v1.Health/Check")
            assert ("backend", "7") == _named(await proxy.ask("ServerMetadata", "ServerMetadataResponse"))
            assert "test" == (await proxy.ask("ModelMetadata", "ModelMetadataResponse", name="rm2")).platform
            assert [True, False] == [
                (await proxy.ask("ModelReady", "ModelReadyResponse", name=name)).ready for name in ("rm2", "rm3")
            ]
            error = await proxy.refused("ModelMetadata", message("ModelReadyRequest")(name="rm3").SerializeToString())
            assert (Code.NOT_FOUND, "no rm3 here") == (error.code(), error.details())

    run(main())


def _named(answer: Any) -> tuple[str, str]:
    return answer.name, answer.version


def test_without_a_server_that_is_up_it_is_live_and_not_ready() -> None:
    """So say the protocol's own questions and the health checking protocol."""

    async def main() -> None:
        async with grpc_live((CPU, GrpcBackend(ready=False))) as proxy:
            assert (await proxy.ask("ServerLive", "ServerReadyResponse")).ready
            assert not (await proxy.ask("ServerReady", "ServerReadyResponse")).ready
            assert b"\x08\x02" == await proxy.call("/grpc.health.v1.Health/Check")
            error = await proxy.refused("ServerMetadata", b"")
            assert (Code.UNAVAILABLE, "no server is up") == (error.code(), error.details())

    run(main())


REFUSED = {
    "no_protobuf": (
        "ModelInfer", b"\x0a\x05ab", Code.INVALID_ARGUMENT,
        "the request is no protocol buffer: it breaks off after byte 2",
    ),
    "batch_0": (
        "ModelInfer", infer_request(0).SerializeToString(), Code.INVALID_ARGUMENT,
        "the batch size must be at least 1, got 0",
    ),
    "too_many": (
        "ModelInfer", infer_request(1001).SerializeToString(), Code.INVALID_ARGUMENT,
        "a batch of 1001 is larger than any that was planned for: at most 1000",
    ),
    "unknown_model": (
        "ModelInfer", infer_request(1, "rm3").SerializeToString(), Code.NOT_FOUND, "the servers know no model rm3",
    ),
    "unknown_version": (
        "ModelInfer", infer_request(1, "rm3", model_version="2").SerializeToString(), Code.NOT_FOUND,
        "the servers know no model rm3 in version 2",
    ),
    "loading": ("RepositoryModelLoad", b"", Code.UNIMPLEMENTED, "Method not found!"),
    "elsewhere": ("/a.B/C", b"", Code.UNIMPLEMENTED, "Method not found!"),
}  # fmt: skip


@pytest.mark.parametrize(("method", "content", "code", "details"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_served_is_refused(method: str, content: bytes, code: Any, details: str) -> None:
    """Each mistake has its code and message, none reaches a server, and the next query is served."""

    async def main() -> None:
        async with grpc_live((CPU, GrpcBackend())) as proxy:
            error = await proxy.refused(method, content)
            assert (code, details) == (error.code(), error.details())
            assert [] == proxy.backends[0].seen
            assert [0.0] == await proxy.infer(1)

    run(main())


def test_an_oversized_message_is_refused() -> None:
    """RESOURCE_EXHAUSTED, and the connection goes on."""

    async def main() -> None:
        async with grpc_live((CPU, GrpcBackend()), limits=Limits(body_bytes=2000)) as proxy:
            error = await proxy.refused("ModelInfer", infer_request(1000).SerializeToString())
            assert Code.RESOURCE_EXHAUSTED == error.code()
            assert [0.0] == await proxy.infer(1)

    run(main())


def test_an_answer_that_is_too_large_is_an_error_and_nobody_else_suffers() -> None:
    """The query gets RESOURCE_EXHAUSTED, and the server goes on."""

    async def main() -> None:
        async with grpc_live((CPU, GrpcBackend()), answers=AnswerLimits(bytes=2000)) as proxy:
            error = await proxy.refused("ModelInfer", infer_request(1000).SerializeToString())
            assert Code.RESOURCE_EXHAUSTED == error.code()
            assert [0.0] == await proxy.infer(1)

    run(main())


def test_the_batch_size_may_stand_in_the_metadata() -> None:
    """Then the shape does not matter; without it the query is refused."""

    async def main() -> None:
        async with grpc_live((GPU, GrpcBackend()), (CPU, GrpcBackend()), batch_header="x-items") as proxy:
            await proxy.infer(1, metadata=[("x-items", "1000")])
            assert [1, 0] == [len(each.seen) for each in proxy.backends]
            error = await proxy.refused("ModelInfer", infer_request(1).SerializeToString())
            assert (Code.INVALID_ARGUMENT, "the header x-items, which tells the batch size, is missing") == (
                error.code(), error.details(),
            )  # fmt: skip

    run(main())


def test_too_many_waiting_queries_are_told_when_to_come_back() -> None:
    """UNAVAILABLE with google.rpc.RetryInfo."""

    async def main() -> None:
        async with grpc_live((CPU, GrpcBackend(delay_s=0.2)), rules=Rules(most_waiting=1)) as proxy:
            calls = [proxy.call("ModelInfer", infer_request(1).SerializeToString()) for _ in range(3)]
            ended = await asyncio.gather(*calls, return_exceptions=True)
            (error,) = [each for each in ended if isinstance(each, grpc.RpcError)]
            assert (Code.UNAVAILABLE, "too many queries wait") == (error.code(), error.details())
            status = message("Status").FromString(error.trailing_metadata()["grpc-status-details-bin"])
            assert 1 == message("RetryInfo").FromString(status.details[0].value).retry_delay.seconds

    run(main())


def test_calls_at_once_are_limited() -> None:
    """As many as connections and waiting queries may be; one more is RESOURCE_EXHAUSTED at once."""

    async def main() -> None:
        limits = {"limits": Limits(connections=1), "rules": Rules(most_waiting=1)}
        async with grpc_live((CPU, GrpcBackend(delay_s=0.5)), **limits) as proxy:
            calls = [asyncio.create_task(proxy.infer(1)) for _ in range(2)]
            await proxy.until(lambda: len(proxy.router.distributor.line) == 1)
            error = await proxy.refused("ModelInfer", infer_request(1).SerializeToString())
            assert Code.RESOURCE_EXHAUSTED == error.code()
            assert [[0.0]] * 2 == await asyncio.gather(*calls)

    run(main())


def test_a_query_whose_deadline_passes_leaves_the_line() -> None:
    """Its client gets DEADLINE_EXCEEDED in time, no server gets it, and one that works on another is not disturbed."""

    async def main() -> None:
        async with grpc_live((CPU, GrpcBackend(delay_s=1.0))) as proxy:
            first = asyncio.create_task(proxy.infer(1))
            await proxy.until(lambda: len(proxy.backends[0].seen) == 1)
            error = await proxy.refused("ModelInfer", infer_request(2).SerializeToString(), timeout=0.05)
            assert Code.DEADLINE_EXCEEDED == error.code()
            await proxy.until(lambda: proxy.router.distributor.tally.ended["cancelled"] == 1, 0.5)
            assert [0.0] == await first
            assert [0.0] == await proxy.infer(1)
            assert 2 == len(proxy.backends[0].seen)

    run(main())


def test_a_cancelled_query_leaves_the_line() -> None:
    """A client that goes takes its query with it."""

    async def main() -> None:
        async with grpc_live((CPU, GrpcBackend(delay_s=1.0))) as proxy:
            first = asyncio.create_task(proxy.infer(1))
            await proxy.until(lambda: len(proxy.backends[0].seen) == 1)
            call = proxy.call("ModelInfer", infer_request(2).SerializeToString())
            await proxy.until(lambda: len(proxy.router.distributor.line) == 1)
            call.cancel()
            await proxy.until(lambda: len(proxy.router.distributor.line) == 0, 0.5)
            assert [0.0] == await first
            assert 1 == len(proxy.backends[0].seen)

    run(main())


def test_a_query_whose_server_dies_is_served_by_another() -> None:
    """The server is taken out, its query answered, and once it is back it is used again."""

    async def main() -> None:
        dying, other = GrpcBackend(delay_s=5.0), GrpcBackend()
        async with grpc_live((CPU, dying), (CPU, other)) as proxy:
            answers = [asyncio.create_task(proxy.infer(3)) for _ in range(2)]
            await proxy.until(lambda: len(dying.seen) == 1)
            await dying.stop()
            assert [[0.0, 2.0, 4.0]] * 2 == await asyncio.gather(*answers)
            assert 1 == proxy.router.distributor.tally.resubmitted
            dying.delay_s = 0.0
            await dying.start()
            await proxy.until(lambda: len(proxy.router.distributor.servers.members.up) == 2)
            await asyncio.gather(*(proxy.infer(1) for _ in range(4)))
            assert len(dying.seen) > 1

    run(main())


def test_a_server_that_hangs_is_taken_out() -> None:
    """Its query ends with DEADLINE_EXCEEDED after --answer-timeout, the next one goes elsewhere."""

    async def main() -> None:
        hanging = GrpcBackend(delay_s=30.0)
        async with grpc_live((CPU, hanging), answers=AnswerLimits(seconds=0.2)) as proxy:
            error = await proxy.refused("ModelInfer", infer_request(1).SerializeToString())
            assert (Code.DEADLINE_EXCEEDED, "no answer within 0.2 s") == (error.code(), error.details())
            assert [] == proxy.router.distributor.servers.members.up

    run(main())


@pytest.mark.parametrize("code", [Code.INVALID_ARGUMENT, Code.INTERNAL])
def test_a_servers_own_error_is_passed_on(code: Any) -> None:
    """Code, message and metadata; what may be the query's fault is not held against the server."""

    async def act(backend: GrpcBackend, content: bytes, context: Any) -> bytes:
        await context.abort(code, "no good", (("x-why", "because"),))
        return b""

    async def main() -> None:
        async with grpc_live((CPU, GrpcBackend(act))) as proxy:
            for _ in range(4):
                error = await proxy.refused("ModelInfer", infer_request(1).SerializeToString())
                assert (code, "no good", "because") == (
                    error.code(), error.details(), error.trailing_metadata()["x-why"],
                )  # fmt: skip
            assert 1 == len(proxy.router.distributor.servers.members.up)

    run(main())


def test_a_server_that_fails_alone_is_taken_out() -> None:
    """After three errors of its own in a row, while another one does its work."""

    async def act(backend: GrpcBackend, content: bytes, context: Any) -> bytes:
        await context.abort(Code.INTERNAL, "broken")
        return b""

    async def main() -> None:
        broken = GrpcBackend(act)
        async with grpc_live((CPU, broken), (CPU, GrpcBackend())) as proxy:
            for _ in range(20):
                await asyncio.gather(*(proxy.infer(1) for _ in range(2)), return_exceptions=True)
            assert 3 <= len(broken.seen) < 6

    run(main())


def test_told_to_stop_it_finishes_what_it_accepted() -> None:
    """New queries are refused, the one in hand is answered."""

    async def main() -> None:
        async with grpc_live((CPU, GrpcBackend(delay_s=0.2))) as proxy:
            first = asyncio.create_task(proxy.infer(2))
            await proxy.until(lambda: len(proxy.backends[0].seen) == 1)
            stopping = asyncio.create_task(proxy.router.stop())
            await proxy.until(lambda: proxy.router.distributor.stopping)
            error = await proxy.refused("ModelInfer", infer_request(1).SerializeToString())
            assert (Code.UNAVAILABLE, "shutting down") == (error.code(), error.details())
            assert [0.0, 2.0] == await first
            assert await stopping

    run(main())


def test_over_tls() -> None:
    """The same certificate serves HTTPS and gRPC."""

    async def main() -> None:
        tls = KEY.read_bytes(), CERT.read_bytes()
        async with grpc_live((CPU, GrpcBackend()), grpc=GrpcAddress("localhost", 0, tls)) as proxy:
            credentials = grpc.ssl_channel_credentials(CERT.read_bytes())
            async with grpc.aio.secure_channel(f"localhost:{proxy.router.grpc_port}", credentials) as channel:
                request = infer_request(1).SerializeToString()
                assert doubled(request) == await channel.unary_unary(f"/{SERVICE}/ModelInfer")(request)

    run(main())


def test_both_protocols_share_servers() -> None:
    """A server with two addresses has one query at a time, whichever way it came, and it goes the way it came."""

    async def main() -> None:
        over_grpc = GrpcBackend(delay_s=0.05)
        await over_grpc.start()
        over_http = Backend(delay_s=0.05)
        await over_http.start()
        both = [(CPU, f"{over_http.url}+{over_grpc.url}")]
        async with (
            live(backends=both, grpc=GrpcAddress("127.0.0.1", 0)) as web,
            grpc.aio.insecure_channel(f"127.0.0.1:{web.router.grpc_port}") as channel,
        ):
            call = channel.unary_unary(f"/{SERVICE}/ModelInfer")(infer_request(3).SerializeToString())
            begun = asyncio.get_running_loop().time()
            (status, answer), content = await asyncio.gather(web.infer(2), call)
            assert asyncio.get_running_loop().time() - begun >= 0.1
            assert (200, [0.0, 2.0]) == (status, answer["outputs"][0]["data"])
            assert [3, 1] == message("ModelInferResponse").FromString(content).outputs[0].shape
            assert (1, 1) == (len(over_grpc.seen), len(over_http.seen))
            await over_grpc.stop()
            await web.until(lambda: not web.router.distributor.servers.members.up)
            status, said = await web.admin("POST", "/v1/backends", type=CPU, url=over_http.url)
            lacking = f"{over_http.url} has no grpc:// address, to which queries that come over gRPC are passed on"
            assert (400, lacking) == (status, said["error"])
        await over_http.stop()

    run(main())


def test_a_port_in_use_is_an_error() -> None:
    """Nobody shares a port with another program by accident."""

    async def main() -> None:
        taken = GrpcBackend()
        await taken.start()
        with pytest.raises(OSError, match=f"127.0.0.1:{taken.port}"):
            async with grpc_live(grpc=GrpcAddress("127.0.0.1", taken.port)):
                pass
        await taken.stop()

    run(main())


def test_a_defect_is_told_and_the_router_goes_on() -> None:
    """An exception that nobody foresaw is INTERNAL for its query and a line in the journal."""

    async def main() -> None:
        async with grpc_live((CPU, GrpcBackend())) as proxy:
            serve, proxy.router.distributor.serve = proxy.router.distributor.serve, None  # type: ignore[method-assign]
            error = await proxy.refused("ModelInfer", infer_request(1).SerializeToString())
            assert (Code.INTERNAL, "defect of kairos: TypeError") == (error.code(), error.details())
            assert "defect" in [each["event"] for each in proxy.journal]
            proxy.router.distributor.serve = serve  # type: ignore[method-assign]
            assert [0.0] == await proxy.infer(1)

    run(main())
