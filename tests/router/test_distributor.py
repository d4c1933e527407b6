"""The distributor on emulated servers and a virtual clock."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from kairos_cli.policies import NAMES
from kairos_cli.router.members import Instance
from kairos_cli.router.refused import Refused
from kairos_cli.router.rules import Rules
from kairos_cli.router.work import BackendFailed, BackendLost, NotServed
from kairos_cli.simulate.simulator import Simulator
from kairos_cli.simulate.streams import stream
from tests.router.virtual_servers import Served, VirtualServers, latency_ms, poisson, rm2_table, virtual
from tests.router.virtual_time import run

GPU, CPU = "g4dn.xlarge", "r5n.large"


def test_a_query_goes_where_it_is_cheapest_in_time() -> None:
    """With all idle, shadow sends a small query to the cheap type and the largest to the only one that is in time."""

    async def main() -> list[str]:
        servers = virtual({GPU: 1, CPU: 2})
        answers = await asyncio.gather(servers.distributor.serve(10, None), servers.distributor.serve(1000, None))
        return [answer[0].by for answer in answers]  # type: ignore[attr-defined]

    assert [f"{CPU}/0", f"{GPU}/0"] == run(main())


@pytest.mark.parametrize("policy", NAMES)
def test_every_policy_answers_every_query_once(policy: str) -> None:
    """Two hundred queries at half the capacity: each is answered, and each was sent to one server once."""

    async def main() -> tuple[int, int]:
        servers = virtual({GPU: 1, CPU: 4}, policy)
        results = await poisson(servers, 25, 200)
        return sum(isinstance(each, float) for each in results), len(servers.sent)

    assert (200, 200) == run(main())


@pytest.mark.parametrize("policy", ["shadow", "kairos", "greedy", "fcfs", "clockwork"])
def test_live_is_as_simulated(policy: str) -> None:
    """On the very arrivals, sizes and luck of a simulation the distributor has as many queries on time."""
    table = rm2_table()
    queries, rate_qps = stream(table, 1500, seed=3, replication=0), 55.0
    counts = np.array([{GPU: 1, CPU: 5}.get(name, 0) for name in table.names], dtype=np.int64)
    from kairos_cli.planner.capacity import shadow_prices

    simulated = Simulator(table, [queries], shadow_prices=shadow_prices).observe(counts, policy, 0.0, rate_qps)
    arrival_s, sizes = queries.arrival / rate_qps, table.batch_size[queries.size]

    async def main() -> np.ndarray:
        luck = {}
        servers = virtual({GPU: 1, CPU: 5}, policy, takes_ms=lambda instance, batch: luck_ms(instance, batch))

        def luck_ms(instance: Instance, batch: object) -> float:
            place = luck[id(batch.pieces[0].query.content)]  # type: ignore[attr-defined]
            step, part = queries.step[place], queries.fraction[place]
            low, high = table.quantile_ms[instance.type, queries.size[place], step : step + 2]
            return float(low + part * (high - low))

        async def one(place: int) -> float:
            content = [place]
            luck[id(content)] = place
            kept.append(content)
            await asyncio.sleep(float(arrival_s[place]) - loop.time())
            arrived = loop.time()
            await servers.distributor.serve(int(sizes[place]), content)
            return (loop.time() - arrived) * 1000

        loop, kept = asyncio.get_running_loop(), []
        return np.array(await asyncio.gather(*(one(place) for place in range(len(sizes)))))

    live_ms = run(main())[150:]
    assert (simulated.latency_ms <= 350).mean() == pytest.approx((live_ms <= 350).mean(), abs=0.01)
    assert np.median(simulated.latency_ms) == pytest.approx(np.median(live_ms), rel=0.05)


def test_a_cancelled_query_leaves_the_line() -> None:
    """Who goes before being served is served by nobody, and the next in the line is."""

    async def main() -> tuple[list[tuple[str, int]], int]:
        servers = virtual({GPU: 1})
        first = asyncio.create_task(servers.distributor.serve(1000, None))
        await asyncio.sleep(0.001)
        gone = asyncio.create_task(servers.distributor.serve(500, None))
        await asyncio.sleep(0.001)
        last = asyncio.create_task(servers.distributor.serve(20, None))
        await asyncio.sleep(0.001)
        gone.cancel()
        await asyncio.gather(first, last)
        return servers.sent, servers.distributor.tally.ended["cancelled"]

    assert ([(f"{GPU}/0", 1000), (f"{GPU}/0", 20)], 1) == run(main())


def test_a_query_cancelled_in_service_keeps_its_server_busy_until_that_is_done() -> None:
    """A server goes on working for one who has gone, so nothing is sent to it before it answers."""

    async def main() -> float:
        servers = virtual({GPU: 1})
        gone = asyncio.create_task(servers.distributor.serve(1000, None))
        await asyncio.sleep(0.001)
        gone.cancel()
        (answer,) = await servers.distributor.serve(10, None)
        assert isinstance(answer, Served)
        return answer.began_ms

    table = rm2_table()
    assert table.mean_ms[table.names.index(GPU), -1] == pytest.approx(run(main()), abs=0.01)


def test_an_overdue_instance_is_not_taken_for_a_free_one() -> None:
    """A server that hangs draws no query to itself while another one is idle or soon free."""

    def takes_ms(instance: Instance, batch: object) -> float:
        return 60_000.0 if instance.name == f"{CPU}/0" else 20.0

    async def main() -> list[tuple[str, int]]:
        servers = virtual({CPU: 2}, takes_ms=takes_ms)
        hung = asyncio.create_task(servers.distributor.serve(10, None))
        await asyncio.sleep(5)
        for _ in range(5):
            await asyncio.gather(servers.distributor.serve(10, None), servers.distributor.serve(10, None))
        hung.cancel()
        return servers.sent[1:]

    assert [(f"{CPU}/1", 10)] * 10 == run(main())


def test_late_queries_are_rejected_as_soon_as_none_could_be_in_time() -> None:
    """With --late reject a query that can no longer be on time is refused with 503 and told when to come back."""

    async def main() -> tuple[float, NotServed]:
        servers = virtual({GPU: 1}, rules=Rules(late="reject"), takes_ms=lambda instance, batch: 2000.0)
        first = asyncio.create_task(servers.distributor.serve(1000, None))
        await asyncio.sleep(0)
        started = asyncio.get_running_loop().time()
        with pytest.raises(NotServed) as raised:
            await servers.distributor.serve(10, None)
        waited_ms = (asyncio.get_running_loop().time() - started) * 1000
        await first
        return waited_ms, raised.value

    waited_ms, error = run(main())
    fastest_ms = rm2_table().mean_ms[rm2_table().names.index(GPU), 0]
    assert 350 - fastest_ms == pytest.approx(waited_ms, abs=0.1)
    assert (503, 1) == (error.status, error.retry_after_s)
    assert "not served within 345 ms" == str(error)


def test_late_queries_wait_no_longer_than_the_bound() -> None:
    """With --late serve a query is refused once it has waited the longest time."""

    async def main() -> NotServed:
        servers = virtual({GPU: 1}, rules=Rules(longest_wait_ms=5000), takes_ms=lambda instance, batch: 30_000.0)
        first = asyncio.create_task(servers.distributor.serve(1000, None))
        await asyncio.sleep(0)
        with pytest.raises(NotServed) as raised:
            await servers.distributor.serve(10, None)
        first.cancel()
        return raised.value

    assert "not served within 5000 ms" == str(run(main()))


def test_nothing_starves_in_overload() -> None:
    """At twice the capacity late queries are served too, and none waits beyond the bound."""

    async def main() -> list[float | Exception]:
        servers = virtual({GPU: 1, CPU: 2}, rules=Rules(longest_wait_ms=30_000))
        return await poisson(servers, 70, 1500)

    results = run(main())
    served = [each for each in results if isinstance(each, float)]
    assert all(isinstance(each, NotServed) for each in results if not isinstance(each, float))
    assert 31_000 > max(served) > 17_500  # the oldest are served, after 50 targets, before they are refused
    assert len(served) > 700


def test_no_more_queries_wait_than_there_may() -> None:
    """A query that finds the line full is refused at once."""

    async def main() -> str:
        servers = virtual({GPU: 1}, rules=Rules(most_waiting=2))
        tasks = [asyncio.create_task(servers.distributor.serve(1000, None)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(NotServed) as raised:
            await servers.distributor.serve(10, None)
        await asyncio.gather(*tasks)
        return str(raised.value)

    assert "too many queries wait" == run(main())


def test_a_query_whose_server_is_lost_goes_to_another() -> None:
    """The server is quarantined, its query answered by another one, counted as of its first arrival."""

    async def main() -> tuple[str, VirtualServers]:
        servers = virtual(
            {CPU: 2}, fails=lambda instance, _: BackendLost("reset") if instance.name[-1] == "0" else None
        )
        (answer,) = await servers.distributor.serve(10, None)
        assert isinstance(answer, Served)
        return answer.by, servers

    by, servers = run(main())
    assert f"{CPU}/1" == by
    assert [(f"{CPU}/0", "reset")] == servers.told
    assert ["quarantined", "up"] == [each.state for each in servers.distributor.servers.members]
    assert (1, 1) == (servers.distributor.tally.resubmitted, servers.distributor.tally.ended["on_time"])


def test_a_query_that_loses_every_server_ends() -> None:
    """A query that kills the servers it comes to is not handed on for ever."""

    async def main() -> BackendFailed:
        servers = virtual({CPU: 7}, fails=lambda instance, _: BackendLost("reset"))
        with pytest.raises(BackendFailed) as raised:
            await servers.distributor.serve(10, None)
        return raised.value

    error = run(main())
    assert (502, "5 servers were lost while they served it") == (error.status, str(error))


def test_what_waits_at_a_lost_server_is_served_by_others() -> None:
    """Clockwork gives busy instances a line of their own; those in it move on with the server lost."""

    async def main() -> int:
        down = {f"{GPU}/0"}
        servers = virtual(
            {GPU: 2}, "clockwork", fails=lambda instance, _: BackendLost("gone") if instance.name in down else None
        )
        results = await asyncio.gather(*(latency_ms(servers.distributor, 500) for _ in range(8)))
        return sum(isinstance(each, float) for each in results)

    assert 8 == run(main())


def test_a_restored_instance_gets_work_at_once() -> None:
    """Queries that wait with no server up are served when one comes back."""

    async def main() -> float | Exception:
        servers = virtual({GPU: 1})
        (instance,) = servers.distributor.servers.members
        servers.distributor.servers.quarantine(instance, "test")
        waiting = asyncio.create_task(latency_ms(servers.distributor, 10))
        await asyncio.sleep(0.1)
        servers.distributor.servers.restore(instance)
        return await waiting

    table = rm2_table()
    assert 100 + table.mean_ms[table.names.index(GPU), 0] == pytest.approx(run(main()), abs=0.1)


def test_a_draining_instance_finishes_and_is_forgotten() -> None:
    """What its server has in hand is answered, and what waits in its line moves to others."""

    async def main() -> tuple[list[str], list[str]]:
        servers = virtual({GPU: 2}, "clockwork")
        tasks = [asyncio.create_task(servers.distributor.serve(500, None)) for _ in range(4)]
        await asyncio.sleep(0.001)
        servers.distributor.servers.drain(servers.distributor.servers.members[f"{GPU}/0"])
        answers = await asyncio.gather(*tasks)
        names = [each.name for each in servers.distributor.servers.members]
        return sorted(answer[0].by for answer in answers), names  # type: ignore[attr-defined]

    assert ([f"{GPU}/0"] + [f"{GPU}/1"] * 3, [f"{GPU}/1"]) == run(main())


def test_a_removed_name_can_be_taken_again() -> None:
    """A server removed while it works and added anew is another instance; the old one's end does not remove it."""

    async def main() -> list[str]:
        servers = virtual({GPU: 1})
        task = asyncio.create_task(servers.distributor.serve(500, None))
        await asyncio.sleep(0.001)
        pool = servers.distributor.servers
        pool.remove(pool.members[f"{GPU}/0"])
        pool.add(Instance(f"{GPU}/0", 0))
        await task
        return [each.state for each in pool.members]

    assert ["up"] == run(main())


def test_shutting_down_finishes_what_was_accepted() -> None:
    """New queries are refused, those that wait are answered, and the distributor says when it is done."""

    async def main() -> tuple[bool, str, bool]:
        servers = virtual({GPU: 1})
        tasks = [asyncio.create_task(servers.distributor.serve(1000, None)) for _ in range(3)]
        await asyncio.sleep(0.001)
        finished = asyncio.create_task(servers.distributor.finished(10))
        await asyncio.sleep(0.001)
        with pytest.raises(NotServed) as raised:
            await servers.distributor.serve(10, None)
        return await finished, str(raised.value), all(task.done() for task in tasks)

    assert (True, "shutting down", True) == run(main())


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (0, "the batch size must be at least 1, got 0"),
        (1001, "a batch of 1001 is larger than any that was planned for: at most 1000"),
    ],
)
def test_sizes_that_no_plan_has_are_refused(items: int, message: str) -> None:
    """Batch 0, or one beyond the plan, is the client's mistake and takes no place in the line."""

    async def main() -> Refused:
        servers = virtual({GPU: 1})
        with pytest.raises(Refused) as raised:
            await servers.distributor.serve(items, None)
        return raised.value

    error = run(main())
    assert (400, message) == (error.status, str(error))


def test_a_size_between_two_of_the_plan_counts_as_the_larger() -> None:
    """Eleven items are predicted to take what twenty take."""

    async def main() -> float:
        servers = virtual({CPU: 1})
        await servers.distributor.serve(11, None)
        return servers.distributor.tally.types[servers.table.names.index(CPU)].predicted_ms

    table = rm2_table()
    assert table.mean_ms[table.names.index(CPU), 1] == run(main())
