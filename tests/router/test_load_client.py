"""Load offered to real servers, good and bad ones."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest
from aiohttp import web

from kairos_cli.errors import InputError
from kairos_cli.router.added_latency import in_turns
from kairos_cli.router.event_loop import run
from kairos_cli.router.load_bodies import LoadBodies
from kairos_cli.router.load_client import End, Outcomes, Target, offer
from tests.router.servers import Handler, constant_pool, server

EMULATED = {"platform": "kairos_emulation", "inputs": [{"name": "row", "datatype": "INT64", "shape": [-1, 1]}]}


def offered_to_pool(latency_ms: float, arrival_s: list[float], count: int = 1, binary: bool = False) -> Outcomes:
    """Return what becomes of queries of two rows sent to the first server of a pool."""

    async def main() -> Outcomes:
        async with constant_pool(latency_ms, count) as pool:
            target = Target(pool.servers[0].url, "ranker", binary=binary)
            return await offer(target, np.array(arrival_s), np.full(len(arrival_s), 2))

    return run(main())


def offered_to(infer: Handler, number: int = 3, metadata: Any = EMULATED, timeout_s: float = 10.0) -> Outcomes:
    """Return what becomes of queries of two rows sent, 20 ms apart, to a server that answers as it is told."""

    async def main() -> Outcomes:
        async with server(infer, metadata) as url:
            return await offer(Target(url, "ranker", timeout_s), np.arange(number) / 50, np.full(number, 2))

    return run(main())


def echo(asked: dict[str, Any], *rows: int) -> web.Response:
    """Return an answer with these rows to a request."""
    output = {"name": "row", "datatype": "INT64", "shape": [len(rows), 1], "data": rows}
    return web.json_response({"id": asked["id"], "outputs": [output]})


@pytest.mark.parametrize("binary", [False, True], ids=["json", "binary"])
def test_every_query_is_answered_with_its_own_rows(binary: bool) -> None:
    """By an emulated server, in whatever form the tensors travel."""
    outcomes = offered_to_pool(1.0, [number / 200 for number in range(20)], binary=binary)

    assert [End.ANSWERED] * 20 == outcomes.end.tolist()
    assert (0, Counter()) == (outcomes.duplicated, outcomes.reasons)
    assert (outcomes.latency_ms >= 0.5).all()


def test_queries_do_not_wait_for_answers() -> None:
    """Five queries at once to a server of 30 ms each: the last feels all five services."""
    latency_ms = sorted(offered_to_pool(30.0, [0.0] * 5).latency_ms)

    assert [True] * 5 == [latency > 30 * (place + 1) - 2 for place, latency in enumerate(latency_ms)]


def test_latency_counts_from_the_intended_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that hangs for 100 ms before a query that was due hides none of it."""
    real = LoadBodies.request

    def slow(self: LoadBodies, number: int, first_row: int, rows: int) -> Any:
        time.sleep(0.1 if number == 0 else 0)
        return real(self, number, first_row, rows)

    monkeypatch.setattr(LoadBodies, "request", slow)
    outcomes = offered_to_pool(1.0, [0.0, 0.01])

    assert outcomes.sent_late_ms[1] > 80
    assert outcomes.latency_ms[1] > outcomes.sent_late_ms[1]


def test_refusals_are_counted_with_their_reasons() -> None:
    """An answer with an error is an answer, but no latency."""

    async def refuse(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503, text="too late")

    outcomes = offered_to(refuse)

    assert [End.REFUSED] * 3 == outcomes.end.tolist()
    assert Counter({"refused: 503 too late": 3}) == outcomes.reasons
    assert np.isnan(outcomes.answered_ms).all()


def test_a_broken_connection_and_a_server_that_hangs_lose_queries() -> None:
    """Each with its reason; the others are answered."""

    async def lose(request: web.Request) -> web.StreamResponse:
        asked = json.loads(await request.read())
        if asked["id"] == "0":
            assert request.transport is not None
            request.transport.close()
        if asked["id"] == "1":
            await asyncio.sleep(30)
        return echo(asked, *asked["inputs"][0]["data"])

    outcomes = offered_to(lose, timeout_s=0.3)

    assert [End.LOST, End.LOST, End.ANSWERED] == outcomes.end.tolist()
    assert Counter({"lost: Server disconnected": 1, "lost: no answer in time": 1}) == outcomes.reasons
    assert [2, 0, 1] == [outcomes.number(end) for end in (End.LOST, End.WRONG, End.ANSWERED)]


def test_rows_of_another_query_are_wrong_and_twice_the_same_are_duplicated() -> None:
    """Queries 0 and 1 both get the rows of query 0, query 2 gets rows that nobody sent."""

    async def mix_up(request: web.Request) -> web.StreamResponse:
        asked = json.loads(await request.read())
        return echo(asked, *((0, 1) if asked["id"] in "01" else (70, 90)))

    outcomes = offered_to(mix_up)

    assert [End.ANSWERED, End.WRONG, End.WRONG] == outcomes.end.tolist()
    assert 1 == outcomes.duplicated
    assert Counter({"wrong: an answer did not hold the rows of its query": 2}) == outcomes.reasons


def test_garbage_is_wrong() -> None:
    """A page of HTML is no answer, even with status 200."""

    async def page(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>")

    assert [End.WRONG] * 3 == offered_to(page).end.tolist()


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "/v2/models/ranker answers 404: no such model\nhint: name a model that it serves with --model"),
        ({"inputs": []}, "/v2/models/ranker: the model's metadata name no inputs"),
        ("<html>", "/v2/models/ranker is no description of a model"),
    ],
)
def test_a_model_that_is_not_there_is_an_error(metadata: Any, message: str) -> None:
    """No query is sent."""

    async def never(request: web.Request) -> web.StreamResponse:
        raise AssertionError

    with pytest.raises(InputError) as caught:
        offered_to(never, metadata=metadata)

    assert str(caught.value).startswith("--url: error: http://127.0.0.1:")
    assert str(caught.value).endswith(message)


def test_no_server_is_an_error() -> None:
    """With the reason, and what an address looks like."""
    with pytest.raises(InputError) as caught:
        run(offer(Target("http://127.0.0.1:1", "ranker"), np.zeros(1), np.ones(1, dtype=np.int64)))

    assert str(caught.value).startswith("--url: error: no server answers at http://127.0.0.1:1: Cannot connect to host")
    assert str(caught.value).endswith(
        "hint: give the address of a server of the Open Inference Protocol, such as http://127.0.0.1:8000"
    )


def test_several_servers_are_asked_in_turn() -> None:
    """Seven queries at three servers: three, two and two, whatever each has to do."""

    async def main() -> tuple[Outcomes, list[int]]:
        async with constant_pool(30.0, 3) as pool:
            first, *others = (server.url for server in pool.servers)
            target = Target(first, "ranker", others=tuple(others))
            outcomes = await offer(target, np.zeros(7), np.full(7, 2))
            return outcomes, [server.taken for server in pool.servers]

    outcomes, taken = run(main())

    assert [3, 2, 2] == taken
    assert 7 == outcomes.number(End.ANSWERED)
    assert (outcomes.latency_ms[:3] < outcomes.latency_ms[6]).all()


def test_what_a_router_adds_is_told_from_what_a_server_takes() -> None:
    """One query at a time to a server of 5 ms, and to one of 20 ms as though a router stood before it."""

    async def main() -> list[float]:
        async with constant_pool(5.0) as near, constant_pool(20.0) as far:
            targets = [Target(pool.servers[0].url, "ranker") for pool in (near, far)]
            both = await in_turns(*targets, np.full(20, 3))
            assert (2, 20) == both.shape
            return [float(each) for each in np.median(both, axis=1)]

    assert [5, 20] == pytest.approx(run(main()), abs=4)
