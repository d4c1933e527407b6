"""Batches and parts over gRPC: what servers get, and what clients get back, to the bit."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import grpc

from kairos_cli.router.settings import GrpcAddress
from tests.router.grpc_live import SERVICE, GrpcBackend, GrpcLive, doubled, grpc_live
from tests.router.live import CPU, Backend, live
from tests.router.protocol import infer_request, message
from tests.router.test_shared_requests import Merging, Splitting


def run(main: Coroutine[Any, Any, Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(20):
            return await main

    return asyncio.run(bounded())


def following(proxy: GrpcLive, policy: Any) -> GrpcLive:
    proxy.router.distributor.servers.decision = policy
    return proxy


def sizes_seen(backend: GrpcBackend) -> list[int]:
    return [message("ModelInferRequest").FromString(content).inputs[0].shape[0] for content, _ in backend.seen]


def test_queries_that_share_a_batch_get_their_own_rows_back() -> None:
    """Three queries are one request of 60 rows; each gets the answer, with its id, that it would have got alone."""

    async def main() -> None:
        async with grpc_live((CPU, GrpcBackend())) as proxy:
            following(proxy, Merging(3))
            requests = [infer_request(items, id=f"q{items}").SerializeToString() for items in (10, 20, 30)]
            answers = await asyncio.gather(*(proxy.call("ModelInfer", each) for each in requests))
            assert [60] == sizes_seen(proxy.backends[0])
            read = message("ModelInferResponse").FromString
            assert [read(doubled(each)) for each in requests] == [read(each) for each in answers]

    run(main())


def test_a_query_served_in_parts_is_answered_as_a_whole() -> None:
    """45 items over three servers in parts of ten, and the five that are left: the rows come back in order."""

    async def main() -> None:
        async with grpc_live(*((CPU, GrpcBackend(delay_s=0.01)) for _ in range(3))) as proxy:
            following(proxy, Splitting())
            assert [2.0 * each for each in range(45)] == await proxy.infer(45)
            assert [5, 10, 10, 10, 10] == sorted(size for each in proxy.backends for size in sizes_seen(each))

    run(main())


def test_queries_of_both_protocols_in_one_batch_are_sent_one_after_the_other() -> None:
    """A batch may hold queries that came on different ways: each goes on its own, and neither is disturbed."""

    async def main() -> None:
        over_grpc, over_http = GrpcBackend(), Backend()
        await over_grpc.start()
        await over_http.start()
        both = [(CPU, f"{over_http.url}+{over_grpc.url}")]
        async with (
            live(backends=both, grpc=GrpcAddress("127.0.0.1", 0)) as web,
            grpc.aio.insecure_channel(f"127.0.0.1:{web.router.grpc_port}") as channel,
        ):
            web.router.distributor.servers.decision = Merging(2)  # type: ignore[assignment]
            request = infer_request(20).SerializeToString()
            call = channel.unary_unary(f"/{SERVICE}/ModelInfer")(request)
            (status, answer), content = await asyncio.gather(web.infer(10), call)
            assert (200, [10, 1], doubled(request)) == (status, answer["outputs"][0]["shape"], content)
        await over_grpc.stop()
        await over_http.stop()

    run(main())


def test_an_answer_with_too_few_rows_is_nobodys() -> None:
    """A server that answers a shared batch with one row has failed: UNAVAILABLE for all, and it is taken out."""

    async def lie(backend: GrpcBackend, content: bytes, context: Any) -> bytes:
        return doubled(infer_request(1).SerializeToString())

    async def main() -> None:
        async with grpc_live((CPU, GrpcBackend(lie))) as proxy:
            following(proxy, Merging(2))
            requests = [infer_request(items).SerializeToString() for items in (10, 20)]
            errors = await asyncio.gather(*(proxy.refused("ModelInfer", each) for each in requests))
            said = "its answer is of no use: 'y' has the shape [1, 1], not 30 rows"
            assert [(grpc.StatusCode.UNAVAILABLE, said)] * 2 == [(each.code(), each.details()) for each in errors]
            assert 1 == proxy.router.distributor.tally.quarantined

    run(main())


def test_a_query_that_spoils_a_shared_batch_fails_alone() -> None:
    """Where a shared request is refused each query is sent by itself, and only the bad one gets the error."""

    async def refuse_20(backend: GrpcBackend, content: bytes, context: Any) -> bytes:
        if sizes_seen(backend)[-1] in (20, 30):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no such row")
        return doubled(content)

    async def main() -> None:
        async with grpc_live((CPU, GrpcBackend(refuse_20))) as proxy:
            following(proxy, Merging(2))
            good, bad = await asyncio.gather(
                proxy.infer(10), proxy.refused("ModelInfer", infer_request(20).SerializeToString())
            )
            assert [2.0 * each for each in range(10)] == good
            assert (grpc.StatusCode.INVALID_ARGUMENT, "no such row") == (bad.code(), bad.details())
            together, *alone = sizes_seen(proxy.backends[0])
            assert (30, [10, 20]) == (together, sorted(alone))  # which of the two arrives first is up to gRPC

    run(main())
