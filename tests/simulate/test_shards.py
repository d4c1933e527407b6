"""Pools split among independent routers: nothing is lost on the way, and one shard is the whole."""

from __future__ import annotations

import numpy as np
import pytest

from kairos_cli.planner.capacity import CapacityProgram, shadow_prices
from kairos_cli.policies import NAMES
from kairos_cli.simulate.allowable import allowable
from kairos_cli.simulate.measure import Effort, simulator
from kairos_cli.simulate.shards import ShardedSimulator, at_random, dealt, in_turn
from kairos_cli.simulate.streams import Stream
from kairos_cli.simulate.tuning import options
from tests.simulate.tables import fixed, shipped_table

EFFORT = Effort(2000, 2, seed=3)


def test_instances_are_dealt_evenly_by_type() -> None:
    """No shard has two instances more of a type than another, nor in all; none is lost."""
    counts = np.array([3, 0, 20, 5])
    for shards in range(1, 29):
        pools = dealt(counts, shards)
        assert counts.tolist() == pools.sum(axis=0).tolist()
        assert 1 >= np.ptp(pools, axis=0).max()
        assert 1 >= np.ptp(pools.sum(axis=1))


def test_four_and_eight_among_three() -> None:
    """By hand: the first type goes to shards 0, 1, 2, 0, the second goes on with shard 1."""
    assert [[2, 2], [1, 3], [1, 3]] == dealt(np.array([4, 8]), 3).tolist()


def queries_of(streams: list[Stream]) -> list[tuple[float, int, int, float]]:
    """Return all queries, the earliest first."""
    return sorted(
        query
        for each in streams
        for query in zip(
            each.arrival.tolist(), each.size.tolist(), each.step.tolist(), each.fraction.tolist(), strict=True
        )
    )


@pytest.mark.parametrize("random", [True, False])
def test_every_query_goes_to_one_shard(random: bool) -> None:
    """With its time, its size and its luck."""
    streams = simulator(shipped_table("rm2"), EFFORT).streams
    parts = at_random(streams, np.array([0.5, 0.3, 0.2]), 0) if random else in_turn(streams, 3)

    for replication, whole in enumerate(streams):
        assert queries_of([whole]) == queries_of([part[replication] for part in parts])


def test_queries_go_to_shards_by_their_shares() -> None:
    """Within four standard errors; a shard without a share has none."""
    (stream,) = simulator(shipped_table("rm2"), Effort(10_000, 1)).streams
    share = np.array([0.5, 0.0, 0.3, 0.2])
    found = np.array([len(part[0].size) for part in at_random([stream], share, 0)]) / 10_000

    assert 0 == found[1]
    assert (np.abs(found - share) <= 4 * np.sqrt(share * (1 - share) / 10_000)).all()


def test_queries_in_turn_are_a_round_robin() -> None:
    """The first, fourth and seventh query are the first shard's."""
    (stream,) = simulator(shipped_table("rm2"), Effort(100, 1)).streams
    parts = in_turn([stream], 3)

    assert stream.arrival[::3].tolist() == parts[0][0].arrival.tolist()
    assert stream.size[1::3].tolist() == parts[1][0].size.tolist()


@pytest.mark.parametrize("policy", NAMES)
def test_one_shard_is_the_whole_pool(policy: str) -> None:
    """Its late shares, verdicts and observations are those of the simulator that knows no shards."""
    table = shipped_table("rm2")
    counts = np.array([1, 0, 5, 0])
    whole = simulator(table, EFFORT, shadow_prices)
    alone = ShardedSimulator(table, whole.streams, at_random(whole.streams, np.ones(1), 0), 2, shadow_prices)
    option = options(policy, table, counts)[0]

    for rate_qps in (20.0, 50.0, 80.0):
        expected, found = (each.late_share(counts, policy, option, rate_qps) for each in (whole, alone))
        assert expected.tolist() == pytest.approx(found.tolist(), abs=1e-12)
        for quick in (True, False):
            assert whole.keeps_target(counts, policy, option, rate_qps, quick=quick) == alone.keeps_target(
                counts, policy, option, rate_qps, quick=quick
            )
    expected_run, found_run = (each.observe(counts, policy, option, 50.0) for each in (whole, alone))
    assert expected_run.latency_ms.tolist() == found_run.latency_ms.tolist()
    assert expected_run.busy_ms.tolist() == found_run.busy_ms.tolist()
    assert expected_run.span_ms == found_run.span_ms


def test_single_instances_in_turn_are_queues_of_their_own() -> None:
    """Lindley's recursion: each waits for what its own instance has left, whatever is idle beside it."""
    table = fixed([[30.0, 80.0]])
    whole = simulator(table, Effort(400, 1))
    (stream,), rate_qps = whole.streams, 40.0
    run = ShardedSimulator(table, whole.streams, in_turn(whole.streams, 3)).observe(
        np.array([3]), "fcfs", (0.0,), rate_qps
    )

    expected = []
    for shard in range(3):
        free_ms, latency_ms = 0.0, []
        for arrival_ms, size in zip(stream.arrival[shard::3] * 1000 / rate_qps, stream.size[shard::3], strict=True):
            free_ms = max(free_ms, arrival_ms) + (30.0, 80.0)[size]
            latency_ms.append(free_ms - arrival_ms)
        expected += latency_ms[len(latency_ms) // 10 :]
    assert expected == pytest.approx(run.latency_ms.tolist())


def test_splitting_never_gains_more_than_chance() -> None:
    """Two routers with half of the pool each serve less than one with all of it."""
    table, counts = shipped_table("rm2"), np.array([2, 0, 10, 0])
    whole = simulator(table, Effort(5000, 3), shadow_prices)
    halves = ShardedSimulator(table, whole.streams, at_random(whole.streams, np.full(2, 0.5), 0), 2, shadow_prices)
    capacity_qps = CapacityProgram(table).solve(counts).qps
    together, apart = (allowable(each, counts, "shadow", capacity_qps) for each in (whole, halves))

    assert together is not None
    assert apart is not None
    assert 0.5 * together.qps < apart.qps < together.qps


def test_a_shard_without_queries_is_out_of_use() -> None:
    """The pool is then what is left of it, but its use is told of all instances."""
    table = fixed([[30.0, 80.0]])
    whole = simulator(table, Effort(400, 1))
    parts = at_random(whole.streams, np.array([1.0, 0.0]), 0)
    run = ShardedSimulator(table, whole.streams, parts).observe(np.array([2]), "fcfs", (0.0,), 5.0)
    single = whole.observe(np.array([1]), "fcfs", (0.0,), 5.0)

    assert single.latency_ms.tolist() == run.latency_ms.tolist()
    assert single.span_ms == run.span_ms
