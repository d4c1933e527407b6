"""Capacity of servers that merge and split: solved by hand, with every batch there is, and by its laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.domain.serving import ONE_AT_A_TIME, Serving
from kairos_cli.planner.capacity import CapacityProgram, by_capacity
from kairos_cli.planner.enumeration import Counts, able_to_serve
from tests.planner.tables import (
    BATCHING,
    MODELS,
    batching_tables,
    batching_tables_and_pools,
    capacity_by_every_batch,
    every_pool,
    law,
    pools_for,
    shipped_pools,
    shipped_table,
    small_table,
    tables_and_pools,
)

#: The solver's tolerance, with room for the oracles' own.
RELATIVE = 1e-5
MERGING, SPLITTING, BOTH = BATCHING

Some = tuple[ServiceTable, Counts]


def qps(table: ServiceTable, *counts: int) -> float:
    """Return the capacity of a pool, of one instance of each type if not given."""
    return CapacityProgram(table).solve(np.array(counts or [1] * len(table.names))).qps


# --- by hand


@pytest.mark.parametrize(("largest", "capacity"), [(1, 1000 / 6), (2, 1000 / 3.5), (4, 1000 / 2.25)])
def test_merged_queries_share_the_time_of_their_batch(largest: int, capacity: float) -> None:
    """A batch takes 5 ms and one for each ten items: a query of ten takes 6 ms alone, 9 / 4 in a batch of forty."""
    table = small_table([[6, 7, 8, 9]], weights=[1, 0, 0, 0], serving=MERGING, largest=[largest])

    assert capacity == pytest.approx(qps(table))


def test_the_largest_batch_need_not_be_the_best() -> None:
    """A batch of twenty takes 4 ms a query of ten, the one of thirty 5: two queries are merged, not three."""
    assert 250.0 == pytest.approx(qps(small_table([[6, 8, 15]], weights=[1, 0, 0], serving=MERGING)))


def test_large_batches_are_taken_as_often_as_they_may_be_late() -> None:
    """The batch of forty, 2.25 ms a query, is late with 2 %; that of thirty, 8 / 3 ms, never.

    At a 99th percentile half of the queries go in each: 2.4583 ms a query.
    """
    table = small_table([[6, 7, 8, 9]], [[1, 1, 1, 0.98]], weights=[1, 0, 0, 0], serving=MERGING)

    assert 1000 / ((9 / 4 + 8 / 3) / 2) == pytest.approx(qps(table))


def test_parts_are_cheaper_where_time_rises_faster_than_size() -> None:
    """A query of twenty takes 4 ms whole and 1 in each of two parts."""
    table = small_table([[1, 4]], weights=[0, 1])

    assert [250.0, 500.0] == pytest.approx([qps(replace(table, serving=each)) for each in (ONE_AT_A_TIME, SPLITTING)])


def test_parts_are_on_time_where_the_whole_is_not() -> None:
    """Whole, every query of twenty is late; in two parts of 10 ms it is on time, on one instance or on two.

    One in a hundred may be late, and is served whole, in 15 ms: 0.99 * 20 + 0.01 * 15 = 19.95 ms a query.
    """
    table = small_table([[10, 15]], [[1, 0]], weights=[0, 1])

    assert [0.0, 1000 / 19.95] == pytest.approx(
        [qps(replace(table, serving=each)) for each in (ONE_AT_A_TIME, SPLITTING)]
    )


@pytest.mark.parametrize(
    ("serving", "mean_ms"),
    [
        (ONE_AT_A_TIME, (10 + 44) / 2),
        (MERGING, (5.5 + 44) / 2),  # the small ones by twos
        (SPLITTING, (10 + 22) / 2),  # the large ones in halves
        (BOTH, (5.5 + 22) / 2),
    ],
)
def test_each_setting_has_its_own_batches(serving: Serving, mean_ms: float) -> None:
    """Batches of twenty are the cheapest, 5.5 ms for ten items: small queries merge to them, large ones split."""
    table = small_table([[10, 11, 30, 44]], weights=[1, 0, 0, 1], serving=serving)

    assert 1000 / mean_ms == pytest.approx(qps(table))


def test_a_type_whose_batches_are_too_small_serves_what_fits() -> None:
    """b is fast, but only with batches of ten: without splitting a has the large queries, 20 ms each, alone."""
    table = small_table([[20, 20], [1, 1]], weights=[1, 1], serving=MERGING, largest=[2, 1])

    assert [100.0, 2000 / 3] == pytest.approx([qps(table), qps(replace(table, serving=BOTH), 0, 1)])
    assert 0.0 == qps(table, 0, 1)


def test_what_runs_in_which_batch() -> None:
    """At 2.4583 ms a query half of 406.8 queries/s go in batches of thirty, half of forty; the instance is busy."""
    table = small_table([[6, 7, 8, 9]], [[1, 1, 1, 0.98]], weights=[1, 0, 0, 0], serving=MERGING)
    program = CapacityProgram(table)
    found = program.solve(np.array([2]))
    qps_by_batch = {int(x): each for x, each in zip(program.ways.batch, found.way_qps, strict=True) if each > 1e-6}

    assert {3: pytest.approx(found.qps / 2), 2: pytest.approx(found.qps / 2)} == qps_by_batch
    assert [[pytest.approx(found.qps), 0.0, 0.0, 0.0]] == found.rate_qps.tolist()
    assert [2.0] == pytest.approx(found.busy.tolist())


# --- by brute force


@law(40)
@given(batching_tables_and_pools())
def test_no_batch_is_missing(some: Some) -> None:
    """With every batch that a query may be served in, not only those at the corners, the capacity is the same."""
    table, counts = some

    assert capacity_by_every_batch(table, counts) == pytest.approx(qps(table, *counts), rel=RELATIVE, abs=1e-5)


@pytest.mark.parametrize("serving", BATCHING, ids=str)
@pytest.mark.parametrize("model", ["wnd", "rm2"])
def test_no_batch_of_a_shipped_model_is_missing(model: str, serving: Serving) -> None:
    """Of two shipped models, one for which merging pays and one for which splitting does, every batch is tried."""
    table = shipped_table(model, serving)
    counts = np.array([2, 0, 9, 0])

    assert capacity_by_every_batch(table, counts) == pytest.approx(qps(table, *counts), rel=RELATIVE)


# --- laws


@law(40)
@given(st.data(), batching_tables([ONE_AT_A_TIME]))
def test_allowing_more_never_lowers_a_capacity(data: st.DataObject, table: ServiceTable) -> None:
    """Who merges may also serve one at a time, and who does both may do either."""
    counts = data.draw(pools_for(table))
    free = replace(table, batch_rows=None)
    one, merging, splitting, both = (qps(replace(free, serving=each), *counts) for each in (ONE_AT_A_TIME, *BATCHING))

    for less, more in ((one, merging), (one, splitting), (merging, both), (splitting, both)):
        assert less <= more * (1 + RELATIVE) + 1e-9


@law(30)
@given(batching_tables_and_pools(), st.integers(0, 1))
def test_larger_batches_never_lower_a_capacity(some: Some, at: int) -> None:
    """One size of batch more on one type is one way more to serve."""
    table, counts = some
    sizes = len(table.batch_size)
    rows = table.largest.copy()
    rows[at % len(rows)] = min(rows[at % len(rows)] + 1, sizes)

    assert qps(table, *counts) <= qps(replace(table, batch_rows=rows), *counts) * (1 + RELATIVE) + 1e-9


@law(30)
@given(batching_tables_and_pools())
def test_rates_by_way_reach_the_capacity(some: Some) -> None:
    """They serve each size at its share, within time and lateness allowed, in batches that the setting allows."""
    table, counts = some
    program = CapacityProgram(table)
    found, way = program.solve(counts), program.ways
    share = table.batch_size[way.size] / table.batch_size[way.batch]
    busy = np.bincount(
        way.type, found.way_qps * table.mean_ms[way.type, way.batch] * share / 1000, minlength=len(counts)
    )
    late_qps = (found.way_qps * (1 - table.on_time[way.type, way.batch])).sum()

    assert (found.way_qps >= -1e-9).all()
    assert (way.batch < table.largest[way.type]).all()
    assert (table.serving.merge | (way.batch <= way.size)).all()
    assert (table.serving.split | (way.batch >= way.size)).all()
    assert found.rate_qps.sum(axis=0) == pytest.approx(table.probability * found.qps, rel=RELATIVE, abs=1e-6)
    assert found.busy.tolist() == pytest.approx(busy.tolist(), rel=RELATIVE, abs=1e-9)
    assert (busy <= counts * (1 + RELATIVE) + 1e-9).all()
    assert late_qps <= table.qos.late_share * found.qps * (1 + RELATIVE) + 1e-9


@law(30)
@given(batching_tables())
def test_able_to_serve_means_capacity_in_batches_too(table: ServiceTable) -> None:
    """The pools able to meet the target at some rate, in the batches that suit it, are those with a capacity."""
    counts = every_pool(len(table.names), 2)[1:]

    assert [qps(table, *each) > 1e-9 for each in counts] == able_to_serve(table, counts).tolist()


@law(20)
@given(batching_tables())
def test_ranking_in_batches_falls_and_leaves_nobody_out(table: ServiceTable) -> None:
    """Each pool comes once, with its own capacity, none after a smaller one."""
    counts = every_pool(len(table.names), 2)
    ranked = [(row, found.qps) for row, found in by_capacity(CapacityProgram(table), counts)]

    assert list(range(len(counts))) == sorted(row for row, _ in ranked)
    assert [qps(table, *counts[row]) for row, _ in ranked] == pytest.approx([each for _, each in ranked], rel=1e-8)
    assert sorted((each for _, each in ranked), reverse=True) == [each for _, each in ranked]


@law(20)
@given(tables_and_pools())
def test_one_at_a_time_batches_of_other_sizes_change_nothing(some: tuple[ServiceTable, list[Counts]]) -> None:
    """A size that no query has counts for nothing, whatever it takes: the capacity is that of the others."""
    table, [counts] = some
    wider = replace(
        table,
        batch_size=np.append(table.batch_size, table.batch_size[-1] + 10),
        probability=np.append(table.probability, 0.0),
        mean_ms=np.column_stack([table.mean_ms, np.full(len(counts), 1.0)]),
        on_time=np.column_stack([table.on_time, np.ones(len(counts))]),
    )

    assert qps(table, *counts) == pytest.approx(qps(wider, *counts), rel=1e-8)


# --- the values of the issue: the greatest capacity at 2.5 $/h, and how much more that is than one at a time


@pytest.mark.parametrize(
    ("model", "serving", "best", "at_least", "at_most"),
    [
        ("wnd", MERGING, [4, 0, 2, 0], 1.225, 1.305),
        ("dien", MERGING, [4, 0, 2, 0], 1.225, 1.305),
        ("mtwnd", MERGING, [3, 0, 6, 0], 1.225, 1.305),
        ("ncf", MERGING, [1, 0, 13, 0], 1.225, 1.305),
        ("rm2", BOTH, [0, 0, 16, 0], 1.125, 1.135),
    ],
)
def test_batches_change_the_best_pool(
    model: str, serving: Serving, best: list[int], at_least: float, at_most: float
) -> None:
    """Merging adds 23 to 30 % to the best pool of four models; splitting, and merging the rest, 13 % to that of rm2."""
    one, table = shipped_table(model), shipped_table(model, serving)
    counts = every_pool_within(table, 2.5)
    row, found = next(by_capacity(CapacityProgram(table), counts))
    _, before = next(by_capacity(CapacityProgram(one), shipped_pools(model)))

    assert best == counts[row].tolist()
    assert at_least <= found.qps / before.qps <= at_most


def every_pool_within(table: ServiceTable, budget_usd_per_hour: float) -> Counts:
    """Return all pools within a budget, by brute force."""
    most = [int(budget_usd_per_hour / price + 1e-9) for price in table.price_usd_per_hour]
    counts = np.stack(np.meshgrid(*(np.arange(each + 1) for each in most)), axis=-1).reshape(-1, len(most))
    return counts[counts @ table.price_usd_per_hour <= budget_usd_per_hour + 1e-9]


@pytest.mark.parametrize("model", MODELS)
def test_allowing_more_never_lowers_the_capacity_of_a_shipped_pool(model: str) -> None:
    """On every fortieth pool of a shipped model."""
    one, merging, splitting, both = (CapacityProgram(shipped_table(model, each)) for each in (ONE_AT_A_TIME, *BATCHING))
    for counts in shipped_pools(model)[::40]:
        a, b, c, d = (each.solve(counts).qps for each in (one, merging, splitting, both))
        assert a <= min(b, c) * (1 + 1e-8)
        assert max(b, c) <= d * (1 + 1e-8)


def test_batches_that_are_all_alike_are_one_way() -> None:
    """Where a query takes as long in every batch, and is as often late, one way to serve it is enough."""
    table = small_table([[6, 12, 18, 24]], weights=[1, 0, 0, 0], serving=MERGING)

    assert 1 == len(CapacityProgram(table).ways.ms)
