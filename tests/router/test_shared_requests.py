"""Batches and parts on the wire: what servers get, and what clients get back, to the bit."""

from __future__ import annotations

import asyncio
import json
import math
import struct
from collections.abc import Coroutine
from typing import Any

from aiohttp import web

from kairos_cli.policies.state import PoolState, Service, Waiting
from kairos_cli.router.decision import Assignment, Decided
from tests.router.live import CPU, Backend, Live, doubled, live, query


def run(main: Coroutine[Any, Any, Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(20):
            return await main

    return asyncio.run(bounded())


class Merging:
    """A policy that gives all that waits to the first idle instance, once so many queries wait."""

    policy, one_a_call = "merging", False

    def __init__(self, number: int) -> None:
        self.number = number

    def ask(self, now_ms: float, waiting: Waiting, pool: PoolState, service: Service) -> Decided:
        idle = [place for place, has in enumerate(pool.outstanding) if has == 0]
        if len(waiting.size) < self.number or not idle:
            return Decided([], math.inf)
        return Decided([Assignment(place, idle[0], int(size)) for place, size in enumerate(waiting.size)], math.inf)


class Splitting:
    """A policy that gives every idle instance ten items of the first query."""

    policy, one_a_call = "splitting", False

    def ask(self, now_ms: float, waiting: Waiting, pool: PoolState, service: Service) -> Decided:
        idle = [place for place, has in enumerate(pool.outstanding) if has == 0]
        parts = min(len(idle), int(waiting.size[0]) + 1)
        return Decided([Assignment(0, place, 0) for place in idle[:parts]], math.inf)


def following(proxy: Live, policy: Any) -> Live:
    proxy.router.distributor.servers.decision = policy
    return proxy


def sizes_seen(backend: Backend) -> list[int]:
    return [json.loads(content)["inputs"][0]["shape"][0] for _, _, content in backend.seen]


def test_queries_that_share_a_batch_get_their_own_rows_back() -> None:
    """Three queries are one request of 60 rows; each answer has the rows, the id and the shape of its own query."""

    async def main() -> None:
        async with live((CPU, Backend())) as proxy:
            following(proxy, Merging(3))
            asked = [(10, "a"), (20, "b"), (30, "c")]
            answers = await asyncio.gather(*(proxy.infer(items, id=name) for items, name in asked))
            assert [60] == sizes_seen(proxy.backends[0])
            assert "id" not in json.loads(proxy.backends[0].seen[0][2])
            for (items, name), (status, answer) in zip(asked, answers, strict=True):
                (output,) = answer["outputs"]
                assert (200, name, [items, 1]) == (status, answer["id"], output["shape"])
                assert [2.0 * each for each in range(items)] == output["data"]

    run(main())


def test_a_query_served_in_parts_is_answered_as_a_whole() -> None:
    """45 items over three servers in parts of ten, and the five that are left: the rows come back in order."""

    async def main() -> None:
        async with live(*((CPU, Backend(delay_s=0.01)) for _ in range(3))) as proxy:
            following(proxy, Splitting())
            status, answer = await proxy.infer(45, id="whole")
            assert (200, "whole", [45, 1]) == (status, answer["id"], answer["outputs"][0]["shape"])
            assert [2.0 * each for each in range(45)] == answer["outputs"][0]["data"]
            assert [5, 10, 10, 10, 10] == sorted(size for each in proxy.backends for size in sizes_seen(each))

    run(main())


def test_queries_of_different_kinds_in_one_batch_are_sent_one_after_the_other() -> None:
    """Another input name, other parameters or another model make another request; a server has one at a time."""

    async def main() -> None:
        async with live((CPU, Backend(models=("rm2", "other")))) as proxy:
            assert 200 == (await proxy.infer(10, model="other"))[0]
            proxy.backends[0].seen.clear()
            following(proxy, Merging(4))
            body = json.dumps(query(10, name="z")).encode()
            answers = await asyncio.gather(
                proxy.infer(10),
                proxy.infer(20, parameters={"p": 1}),
                proxy.infer(10, model="other"),
                proxy.post("/v2/models/rm2/infer", body),
            )
            assert [200] * 4 == [status for status, _ in answers]
            assert [10, 10, 10, 20] == sorted(sizes_seen(proxy.backends[0]))
            assert 1 == proxy.backends[0].most_at_once

    run(main())


async def _reversed_rows(backend: Backend, request: web.Request) -> web.Response:
    """Answer a binary request with its rows, four bytes each, as one binary output."""
    _, headers, content = backend.seen[-1]
    length = int(headers["Inference-Header-Content-Length"])
    asked, data = json.loads(content[:length]), content[length:]
    described = {**asked["inputs"][0], "name": "y", "parameters": {"binary_data_size": len(data)}}
    text = json.dumps({"model_name": "rm2", "outputs": [described]}).encode()
    return web.Response(
        body=text + data,
        content_type="application/octet-stream",
        headers={"Inference-Header-Content-Length": str(len(text))},
    )


def test_binary_tensors_are_joined_and_cut_to_the_bit() -> None:
    """Rows that are not numbers at all, NaN with a payload and infinity, come back as the bytes they were."""
    rows = [struct.pack("<I", 0x7FC00000 + number) for number in range(30)]

    def body(mine: list[bytes]) -> tuple[bytes, str]:
        described = {"name": "x", "shape": [len(mine), 1], "datatype": "FP32"}
        parameters = {"binary_data_size": 4 * len(mine)}
        text = json.dumps({"inputs": [{**described, "parameters": parameters}]}).encode()
        return text + b"".join(mine), str(len(text))

    async def one(proxy: Live, mine: list[bytes]) -> bytes:
        content, length = body(mine)
        headers = {"Inference-Header-Content-Length": length}
        async with proxy.client.post(proxy.url + "/v2/models/rm2/infer", data=content, headers=headers) as response:
            assert 200 == response.status
            answer = await response.read()
            return answer[int(response.headers["Inference-Header-Content-Length"]) :]

    async def main() -> None:
        async with live((CPU, Backend(_reversed_rows))) as proxy:
            following(proxy, Merging(2))
            answers = await asyncio.gather(one(proxy, rows[:10]), one(proxy, rows[10:]))
            assert [b"".join(rows[:10]), b"".join(rows[10:])] == answers
            following(proxy, Splitting())
            assert b"".join(rows) == await one(proxy, rows)

    run(main())


def test_an_answer_with_too_few_rows_is_nobodys() -> None:
    """A server that answers a shared batch with one row has failed: 502 for all, and it is taken out."""

    async def lie(backend: Backend, request: web.Request) -> web.Response:
        output = {"name": "y", "shape": [1], "datatype": "FP32", "data": [1.0]}
        return web.json_response({"outputs": [output]})

    async def main() -> None:
        async with live((CPU, Backend(lie))) as proxy:
            following(proxy, Merging(2))
            answers = await asyncio.gather(proxy.infer(10), proxy.infer(20))
            assert [502, 502] == [status for status, _ in answers]
            assert "its answer is of no use: 'y' has the shape [1], not 30 rows" == answers[0][1]["error"]
            assert 1 == proxy.router.distributor.tally.quarantined

    run(main())


def test_a_query_that_spoils_a_shared_batch_fails_alone() -> None:
    """Where a shared request is refused each query is sent by itself, and only the bad one gets the error."""

    async def refuse_20(backend: Backend, request: web.Request) -> web.Response:
        content = backend.seen[-1][2]
        if json.loads(content)["inputs"][0]["shape"][0] in (20, 30):
            return web.json_response({"error": "no such row"}, status=400)
        return doubled(content)

    async def main() -> None:
        async with live((CPU, Backend(refuse_20))) as proxy:
            following(proxy, Merging(2))
            (good, answer), bad = await asyncio.gather(proxy.infer(10), proxy.infer(20))
            assert (200, [10, 1]) == (good, answer["outputs"][0]["shape"])
            assert (400, {"error": "no such row"}) == bad
            together, *alone = sizes_seen(proxy.backends[0])
            assert (30, [10, 20]) == (together, sorted(alone))  # which of the two arrives first is up to the sockets

    run(main())


def test_a_part_whose_server_dies_is_served_by_another() -> None:
    """Only that part is sent again; the query is answered once, whole."""

    async def die(backend: Backend, request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        await asyncio.sleep(1)
        return web.Response()

    async def main() -> None:
        async with live((CPU, Backend(die)), (CPU, Backend()), (CPU, Backend())) as proxy:
            following(proxy, Splitting())
            status, answer = await proxy.infer(60)
            assert (200, [60, 1]) == (status, answer["outputs"][0]["shape"])
            assert [2.0 * each for each in range(60)] == answer["outputs"][0]["data"]
            assert proxy.router.distributor.tally.resubmitted >= 1

    run(main())


def test_one_of_a_sequence_is_not_cut() -> None:
    """A request with a sequence id has to reach one server whole: where parts are asked for it gets 400."""

    async def main() -> None:
        async with live((CPU, Backend())) as proxy:
            following(proxy, Splitting())
            status, answer = await proxy.infer(20, parameters={"sequence_id": 7})
            assert 400 == status
            assert answer["error"].startswith("this request cannot be served in parts")

    run(main())
