"""The example application on a cluster of two nodes: three replicas of two types."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kairos_cli.router.ray import Resubmitting
from tests.router.ray.replicas import CPU, GPU

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def ask(plan_file: Path) -> Iterator[Resubmitting]:
    """Return what calls the ranker on one instance of the fast type and two of the cheap one."""
    from examples.ray.one_machine import cluster
    from examples.ray.ranker import Ranker
    from ray import serve
    from ray.serve.config import RequestRouterConfig

    config = RequestRouterConfig(
        request_router_class="kairos_cli.router.ray:KairosRequestRouter",
        request_router_kwargs={"plan": str(plan_file)},
    )
    with cluster({GPU: 1, CPU: 2}):
        ranker = Ranker.options(
            num_replicas=3,
            max_ongoing_requests=1,
            health_check_period_s=1,
            ray_actor_options={"num_cpus": 0, "resources": {"instance": 1}},
            request_router_config=config,
        )
        yield Resubmitting(serve.run(ranker.bind(str(plan_file))))


def answers(ask: Resubmitting, *sizes: int, gap_s: float = 0.0) -> list[dict[str, Any]]:
    """Ask so many queries, one every so many seconds."""

    async def one(place: int, items: int) -> Any:
        await asyncio.sleep(place * gap_s)
        return await ask(items)

    async def main() -> list[dict[str, Any]]:
        return await asyncio.wait_for(asyncio.gather(*(one(*each) for each in enumerate(sizes))), 20)

    return asyncio.run(main())


def test_large_queries_go_to_the_fast_type(ask: Resubmitting) -> None:
    """Asked one after the other, 1000 items are served by the fast type and 10 items by the cheap one."""
    served = [answers(ask, size)[0] for size in (1000, 10) * 4]

    assert [GPU, CPU] * 4 == [each["type"] for each in served]


def test_a_burst_is_answered_whole(ask: Resubmitting) -> None:
    """Sixty queries at once: each gets its own answer, and all three replicas serve."""
    sizes = [10 * (1 + place % 20) for place in range(60)]

    served = answers(ask, *sizes)

    assert sizes == [each["items"] for each in served]
    replicas = {(each["process"], each["type"]) for each in served}
    assert {GPU: 1, CPU: 2} == Counter(kind for _, kind in replicas)


def test_two_routers_that_know_nothing_of_each_other_answer_all_the_same(ask: Resubmitting) -> None:
    """Replicas refuse what they have no room for, and it waits for another one."""
    from ray import serve

    other = Resubmitting(serve.get_deployment_handle("Ranker", app_name="default"))

    async def main() -> list[dict[str, Any]]:
        asked = [each(300) for _ in range(12) for each in (ask, other)]
        return await asyncio.wait_for(asyncio.gather(*asked), 20)

    assert [300] * 24 == [each["items"] for each in asyncio.run(main())]


def test_a_killed_replica_loses_no_query_and_is_replaced(ask: Resubmitting) -> None:
    """With a replica killed amid a query, all are answered; its successor serves soon after."""
    before = {each["process"] for each in answers(ask, *[100] * 12)}
    victim = next(each["process"] for each in answers(ask, 10))

    async def main() -> list[dict[str, Any]]:
        asked = [asyncio.ensure_future(ask(500)) for _ in range(12)]
        await asyncio.sleep(0.1)  # half of what such a query takes there
        os.kill(victim, signal.SIGKILL)
        return await asyncio.wait_for(asyncio.gather(*asked), 20)

    served = asyncio.run(main())
    assert 12 == len(served)

    until = time.monotonic() + 15
    while time.monotonic() < until:
        now = {each["process"] for each in answers(ask, *[100] * 12)}
        if now - before:
            break
    assert 3 == len(now)
    assert victim not in now
