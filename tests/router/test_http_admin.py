"""The admin port: who may use it, and what it does."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.cli.test_documents import check
from tests.router.live import CPU, GPU, TOKEN, Backend, live


def run(main: Coroutine[Any, Any, Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(20):
            return await main

    return asyncio.run(bounded())


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", "é"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/metrics"), ("GET", "/v1/status"), ("POST", "/v1/backends"), ("GET", "/nothing")]
)
def test_without_the_token_nothing_is_told_or_done(token: str, method: str, path: str) -> None:
    """A missing or wrong token gets 401 everywhere, and changes nothing."""

    async def main() -> None:
        async with live((CPU, Backend())) as proxy:
            answer = await proxy.admin(method, path, token, type=CPU, url="http://127.0.0.1:1")
            assert (401, {"error": "the admin token is missing or wrong"}) == answer
            assert 1 == len(proxy.router.distributor.servers.members)

    run(main())


def test_the_status_tells_of_queries_types_and_instances() -> None:
    """After five queries: five on time, all served by the one instance, by the policy asked for."""

    async def main() -> None:
        async with live((CPU, Backend()), policy="greedy") as proxy:
            for _ in range(5):
                await proxy.infer(10)
            status, document = await proxy.admin("GET", "/v1/status")
            assert (200, "kairos.router/1", "greedy", "p99<350ms") == (
                status, document["schema"], document["policy"], document["qos"],
            )  # fmt: skip
            assert {"on_time": 5, "late": 0, "refused": 0, "failed": 0, "cancelled": 0} == document["ended"]
            assert (5, 0, 1.0) == (document["arrived"], document["waiting"], document["on_time_fraction"])
            check(document)
            (instance,), (of_type,) = document["instances"], document["types"]
            assert (CPU, "up", 5) == (instance["type"], instance["state"], instance["served"])
            assert (CPU, 1, 5, 50) == (of_type["type"], of_type["up"], of_type["batches"], of_type["items"])
            assert 5 == document["decisions"]["number"]

    run(main())


def test_metrics_are_what_prometheus_reads() -> None:
    """Counters by outcome and type, a histogram with as many buckets as edges, gauges by state."""
    from prometheus_client.parser import text_string_to_metric_families

    async def main() -> None:
        async with live((CPU, Backend()), (GPU, Backend(ready=False))) as proxy:
            await proxy.infer(10)
            _, text = await proxy.admin("GET", "/metrics")
            found = {
                (sample.name, *sorted(sample.labels.values())): sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            }
            assert 1 == found["kairos_queries_total", "on_time"]
            assert 1 == found["kairos_batches_total", CPU]
            assert 10 == found["kairos_items_total", CPU]
            assert 1 == found["kairos_query_seconds_bucket", "0.35"]
            assert 1 == found["kairos_query_seconds_count",]
            assert 1 == found["kairos_instances", GPU, "quarantined"]
            assert 0.35 == found["kairos_target_seconds",]

    run(main())


def test_a_backend_added_is_used_and_one_drained_is_forgotten() -> None:
    """What is added gets queries once it is ready, within a second; what is drained gets none and goes."""

    async def main() -> None:
        new = Backend()
        await new.start()
        async with live((CPU, Backend())) as proxy:
            started = asyncio.get_running_loop().time()
            status, answer = await proxy.admin("POST", "/v1/backends", type=CPU, url=new.url + "/")
            assert (200, new.url, "quarantined") == (status, answer["backend"], answer["state"])
            await proxy.until(lambda: len(proxy.router.distributor.servers.members.up) == 2)
            assert asyncio.get_running_loop().time() - started < 1.0
            old = proxy.backends[0].url
            status, answer = await proxy.admin("POST", "/v1/backends/drain", url=old)
            assert (200, old, "draining") == (status, answer["backend"], answer["state"])
            assert 200 == (await proxy.infer())[0]
            assert (0, 1) == (len(proxy.backends[0].seen), len(new.seen))
            assert [new.url] == [each.name for each in proxy.router.distributor.servers.members]
            await proxy.admin("POST", "/v1/backends/remove", url=new.url)
            assert [] == list(proxy.router.distributor.servers.members)
        await new.stop()

    run(main())


@pytest.mark.parametrize(
    ("path", "fields", "status", "message"),
    [
        ("/v1/backends", {}, 400, "the body is no JSON"),
        ("/v1/backends", {"type": CPU}, 400, "'url' must be given, as text"),
        ("/v1/backends", {"url": "http://a", "type": 3}, 400, "'type' must be given, as text"),
        (
            "/v1/backends", {"url": "http://a", "type": "x"}, 400,
            "there is no type 'x' in the plan: g4dn.xlarge, c5n.2xlarge, r5n.large, t3.xlarge",
        ),
        (
            "/v1/backends", {"url": "ftp://a", "type": CPU}, 400,
            "a backend is an http://, https://, grpc:// or grpcs:// URL, got 'ftp://a'",
        ),
        (
            "/v1/backends", {"url": "http://a?b", "type": CPU}, 400,
            "the URL of a backend ends with its host, port or path, got 'http://a?b'",
        ),
        ("/v1/backends", {"url": "http://[a", "type": CPU}, 400, "'http://[a' is no URL"),
        ("/v1/backends/drain", {"url": "http://a"}, 404, "http://a is no backend"),
        ("/v1/backends/explode", {"url": "http://a"}, 404, "there is no POST /v1/backends/explode"),
    ],
)  # fmt: skip
def test_bad_requests_are_told_what_is_wrong(path: str, fields: dict[str, Any], status: int, message: str) -> None:
    """Each gets its status and a message, and the pool is as it was."""

    async def main() -> None:
        async with live((CPU, Backend())) as proxy:
            assert (status, {"error": message}) == await proxy.admin("POST", path, **fields)
            assert 1 == len(proxy.router.distributor.servers.members)

    run(main())


def test_a_backend_is_added_once() -> None:
    """The same URL again is a conflict."""

    async def main() -> None:
        async with live((CPU, Backend())) as proxy:
            url = proxy.backends[0].url
            answer = await proxy.admin("POST", "/v1/backends", type=CPU, url=url)
            assert (409, {"error": f"{url} is a backend already"}) == answer

    run(main())


def test_learned_latencies_are_told_in_the_form_of_a_plan() -> None:
    """All types, each with rows of batch size, mean and quantiles, and how many batches it served."""

    async def main() -> None:
        async with live((CPU, Backend(delay_s=0.002)), (GPU, Backend())) as proxy:
            for _ in range(3):
                await proxy.infer(10)
            _, document = await proxy.admin("GET", "/v1/latency")
            assert ("kairos.latency/1", "rm2", "p99<350ms") == (
                document["schema"], document["model"], document["qos"],
            )  # fmt: skip
            assert {GPU: 0, "c5n.2xlarge": 0, CPU: 3, "t3.xlarge": 0} == document["measured"]
            check(document)
            rows = document["latency_ms"][CPU]
            assert (100, 14, 10) == (len(rows), len(rows[0]), rows[0][0])

    run(main())
