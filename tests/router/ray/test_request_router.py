"""The router for Ray Serve as Ray calls it, without a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kairos_cli.errors import InputError
from kairos_cli.router.refused import Refused
from kairos_cli.router.work import NotServed
from tests.router.ray.conftest import planned
from tests.router.ray.replicas import CPU, GPU, Replica, choose, opened, over, request, router, settled

Plan = dict[str, Any]


def run(main: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(main, 20))


def test_a_large_query_goes_to_the_fast_type_and_a_small_one_to_the_cheap(plan: Plan) -> None:
    """With all idle, 1000 items go to the only type that is in time, 10 items to the other."""

    async def main() -> list[str]:
        gpu, cpu = Replica(GPU), Replica(CPU)
        kairos = router(cpu, gpu, plan=plan)
        chosen = await asyncio.gather(choose(kairos, request(1000)), choose(kairos, request(10)))
        return [each.type for each in chosen]

    assert [GPU, CPU] == run(main())


def test_a_plan_may_be_a_path(plan_file: Any) -> None:
    """The configuration of a deployment may name a file that is there on every node."""

    async def main() -> bool:
        gpu = Replica(GPU)
        return await choose(router(gpu, plan=str(plan_file)), request(1000)) is gpu

    assert run(main())


def test_a_query_waits_until_the_one_before_it_is_over(plan: Plan) -> None:
    """A replica has one query at a time, and the next is handed over the moment it frees."""

    async def main() -> tuple[bool, bool]:
        gpu, first, second = Replica(GPU), request(1000), request(1000)
        kairos = router(gpu, plan=plan)
        await choose(kairos, first)
        waiting = choose(kairos, second)
        await settled()
        waited = not waiting.done()
        over(kairos, gpu, first)
        await settled()
        return waited, waiting.done() and waiting.result() is gpu

    assert (True, True) == run(main())


def test_a_query_cancelled_while_it_waits_is_sent_to_nobody(plan: Plan) -> None:
    """The one behind it gets the replica."""

    async def main() -> bool:
        gpu, first = Replica(GPU), request(1000)
        kairos = router(gpu, plan=plan)
        await choose(kairos, first)
        gone, last = choose(kairos, request(500)), choose(kairos, request(20))
        await settled()
        gone.cancel()
        await settled()
        over(kairos, gpu, first)
        return await last is gpu

    assert run(main())


def test_a_query_cancelled_as_it_is_placed_frees_its_slot(plan: Plan) -> None:
    """Ray sends nothing for it and will never say that it is over, so the replica is free at once."""

    async def main() -> bool:
        gpu, first = Replica(GPU), request(1000)
        kairos = router(gpu, plan=plan)
        await choose(kairos, first)
        gone = choose(kairos, request(500))
        await settled()
        over(kairos, gpu, first)
        while not _placed(kairos):  # the replica is chosen, and who waits for it has not been told yet
            await asyncio.sleep(0)
        gone.cancel()
        await settled()
        assert gone.cancelled()
        return await choose(kairos, request(20)) is gpu

    def _placed(kairos: Any) -> bool:
        return any(
            each.placed.done() for each in kairos._kairos._hands._requests.values() if each.pending.args == [500]
        )

    assert run(main())


def test_a_query_cancelled_in_service_keeps_its_replica_until_ray_says_it_is_over(plan: Plan) -> None:
    """Ray cancels it there, and tells of that as of any other end."""

    async def main() -> tuple[bool, bool]:
        gpu, first = Replica(GPU), request(1000)
        kairos = router(gpu, plan=plan)
        await choose(kairos, first)
        waiting = choose(kairos, request(20))
        await settled()
        waited = not waiting.done()
        over(kairos, gpu, first)
        return waited, await waiting is gpu

    assert (True, True) == run(main())


def test_a_replica_that_had_no_room_is_asked_again_when_it_has(plan: Plan) -> None:
    """The query keeps its place; the late word that the refused call is over frees nobody."""

    async def main() -> tuple[bool, bool, bool]:
        gpu, query = Replica(GPU, ongoing=1), request(1000)
        kairos = router(gpu, plan=plan)
        await choose(kairos, query)
        again = choose(kairos, query, is_retry=True)
        await asyncio.sleep(0.05)
        waited = not again.done()
        gpu.ongoing = 0
        placed = await again is gpu
        over(kairos, gpu, query)  # the refused call
        behind = choose(kairos, request(20))
        await settled()
        still_busy = not behind.done()
        over(kairos, gpu, query)
        return waited, placed, still_busy and await behind is gpu

    assert (True, True, True) == run(main())


def test_a_replica_that_died_gets_nothing_more(plan: Plan) -> None:
    """Though it is idle and listed still, all queries go to the other one; and its own is asked anew elsewhere."""

    async def main() -> list[bool]:
        dead, alive, query = Replica(GPU, dead=True), Replica(GPU), request(1000)
        kairos = router(dead, plan=plan)
        await choose(kairos, query)
        over(kairos, dead, query)
        kairos.on_replica_actor_died(dead.replica_id)
        kairos.update_replicas([dead, alive])
        found = [await choose(kairos, query, is_retry=True) is alive]
        over(kairos, alive, query)
        for _ in range(3):
            query = request(1000)
            found.append(await choose(kairos, query) is alive)
            over(kairos, alive, query)
            await settled()
        return found

    assert [True] * 4 == run(main())


def test_a_replica_that_did_not_answer_is_used_again_once_it_does(plan: Plan) -> None:
    """It is probed while it is out."""

    async def main() -> tuple[bool, bool]:
        gpu = Replica(GPU, dead=True)
        kairos = router(gpu, plan=plan)
        await opened(kairos)
        kairos.on_replica_actor_unavailable(gpu.replica_id)
        waiting = choose(kairos, request(1000))
        await asyncio.sleep(0.1)
        waited = not waiting.done()
        gpu.dead = False
        return waited, await waiting is gpu

    assert (True, True) == run(main())


def test_replicas_that_are_gone_finish_and_new_ones_serve_at_once(plan: Plan) -> None:
    """A replica that is no longer listed gets nothing new; what waited goes to the one that came."""

    async def main() -> tuple[bool, list[str]]:
        old, new, first = Replica(GPU), Replica(GPU), request(1000)
        kairos = router(old, plan=plan)
        await choose(kairos, first)
        waiting = choose(kairos, request(1000))
        await settled()
        kairos.update_replicas([new])
        placed = await waiting is new
        over(kairos, old, first)
        await settled()
        return placed, [each.name for each in kairos._kairos.distributor.servers.members] == [new.name]

    assert (True, True) == run(main())


def test_a_replica_that_comes_back_while_it_finishes_serves_on(plan: Plan) -> None:
    """The controller lost sight of it for a moment only."""

    async def main() -> bool:
        gpu, first = Replica(GPU), request(1000)
        kairos = router(gpu, plan=plan)
        await choose(kairos, first)
        kairos.update_replicas([])
        kairos.update_replicas([gpu])
        over(kairos, gpu, first)
        return await choose(kairos, request(20)) is gpu

    assert run(main())


def test_queries_wait_for_the_first_replica(plan: Plan) -> None:
    """A deployment that scales from zero has none when the first query comes."""

    async def main() -> bool:
        gpu = Replica(GPU)
        kairos = router(plan=plan)
        waiting = choose(kairos, request(1000))
        await opened(kairos)
        kairos.update_replicas([gpu])
        return await waiting is gpu

    assert run(main())


def test_replicas_of_unknown_types_are_told_to_the_caller(plan: Plan) -> None:
    """They get no query; where there are no others, a call does not hang but says why."""

    async def main() -> tuple[bool, str]:
        gpu, other, silent = Replica(GPU), Replica("p5.48xlarge"), Replica(None)
        kairos = router(other, gpu, silent, plan=plan)
        placed = await choose(kairos, request(10)) is gpu
        with pytest.raises(NotServed) as refused:
            await choose(router(other, silent, plan=plan), request(10))
        return placed, refused.value.message

    assert (True, "no replica is of a type of the plan: they tell None, p5.48xlarge") == run(main())


def test_late_queries_are_refused_if_that_is_asked_for(plan: Plan) -> None:
    """With late: reject a call raises as soon as no replica could be in time, with a time to come back after."""

    async def main() -> tuple[str, int | None]:
        gpu = Replica(GPU)
        kairos = router(gpu, plan=plan, late="reject", slow=0.1)
        await choose(kairos, request(1000))
        with pytest.raises(NotServed) as refused:
            await choose(kairos, request(1000))
        return refused.value.message[:17], refused.value.retry_after_s

    assert ("not served within", 1) == run(main())


def test_a_batch_beyond_the_plan_is_refused(plan: Plan) -> None:
    """The caller is told, and nobody waits."""

    async def main() -> None:
        with pytest.raises(Refused, match="a batch of 1001 is larger than any that was planned for: at most 1000"):
            await choose(router(Replica(GPU), plan=plan), request(1001))

    run(main())


def test_the_batch_size_is_read_from_a_tensor_or_a_keyword(plan: Plan) -> None:
    """The first dimension of an array, or what `batch_from` names."""

    async def main() -> list[str]:
        gpu, cpu = Replica(GPU), Replica(CPU)
        kairos = router(cpu, gpu, plan=plan)
        by_name = router(cpu, gpu, plan=plan, batch_from="candidates")
        chosen = [
            await choose(kairos, request(np.zeros((1000, 3)))),
            await choose(by_name, request("user", candidates=list(range(10)))),
        ]
        return [each.type for each in chosen]

    assert [GPU, CPU] == run(main())


def test_an_http_request_is_refused_with_a_reason(plan: Plan) -> None:
    """The proxy's router sees no body, hence no batch size."""

    async def main() -> None:
        with pytest.raises(Refused, match="put an ingress before this deployment"):
            await choose(router(Replica(GPU), plan=plan), request(b"", http=True))

    run(main())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "request_router_kwargs: error: no plan is given"),
        ({"plan": "nowhere.json"}, "nowhere.json"),
        ({"plan": {"schema": "kairos.plan/9"}}, "is no plan of this version"),
        ({"plan": "p", "policy": "best"}, "policy: error: must be one of fcfs, "),
        ({"plan": "p", "late": "drop"}, "late: error: must be one of serve, reject, got 'drop'"),
        ({"plan": "p", "slow": 0}, "slow: error: must be > 0, got 0"),
        ({"plan": "p", "longest_wait_s": "1"}, "longest_wait_s: error: must be > 0, got '1'"),
        ({"plan": "p", "batch_from": "a b"}, "batch_from: error: cannot read 'a b'"),
        ({"plan": "p", "plans": 1}, "request_router_kwargs: error: there is no 'plans'"),
    ],
)
def test_what_is_wrong_with_the_configuration_is_raised_by_every_call(given: dict[str, Any], message: str) -> None:
    """Ray logs what a router raises while it starts, and lets all calls hang; so it is raised when called."""

    async def main() -> list[str]:
        kairos = router(Replica(GPU), **given)
        results = await asyncio.gather(*(choose(kairos, request(1)) for _ in range(2)), return_exceptions=True)
        return [str(each) for each in results if isinstance(each, InputError)]

    texts = run(main())
    assert 2 == len(texts)
    assert message in texts[0]


def test_a_plan_whose_servers_merge_is_refused(tmp_path: Path) -> None:
    """What a call holds is known to the model alone, so nothing can be merged; the plan would promise too much."""
    path = planned(tmp_path, "--merge")

    async def main() -> None:
        with pytest.raises(InputError, match="the plan's servers are merging; on Ray a replica serves one whole query"):
            await choose(router(Replica(GPU), plan=str(path)), request(1))

    run(main())


def test_a_burst_is_served_completely(plan: Plan) -> None:
    """Three hundred queries at once on three replicas: each is answered once, and no replica has two at a time."""

    async def main() -> tuple[int, int]:
        replicas = [Replica(GPU), Replica(CPU), Replica(CPU)]
        kairos, most = router(*replicas, plan=plan), 0
        sizes = np.random.default_rng(0).integers(1, 1001, 300).tolist()

        async def one(size: int) -> str:
            nonlocal most
            query = request(size)
            replica = await choose(kairos, query)
            replica.ongoing += 1
            most = max(most, replica.ongoing)
            await asyncio.sleep(0.001)
            replica.ongoing -= 1
            over(kairos, replica, query)
            return str(query.metadata.request_id)

        return len(set(await asyncio.gather(*map(one, sizes)))), most

    assert (300, 1) == run(main())
