"""Who serves what: whole queries of a window, given to the types of a pool."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.domain.serving import Serving
from kairos_cli.domain.ways import ways
from kairos_cli.planner.capacity import CapacityProgram
from kairos_cli.planner.distribution import Distribution, distribution
from kairos_cli.planner.enumeration import Counts
from tests.planner.tables import (
    BATCHING,
    MODELS,
    batching_tables_and_pools,
    law,
    shipped_capacities,
    shipped_pools,
    shipped_table,
    small_table,
    tables_and_pools,
)


def split_at_capacity(table: ServiceTable, counts: Counts) -> tuple[Distribution, float]:
    """Return the split of a pool at its capacity, and the capacity."""
    capacity_qps = CapacityProgram(table).solve(counts).qps
    return distribution(table, counts, capacity_qps), capacity_qps


def assert_sound(table: ServiceTable, counts: Counts, split: Distribution, capacity_qps: float) -> None:
    """Check a split against the sentences of the module: each query once, within time and lateness, by the pool.

    Rounding up to whole queries may not cost the pool its target, so each size counts at its share of the mix.
    """
    window_s = split.qps * split.answer.objective / capacity_qps
    offered, way = capacity_qps * window_s * table.probability, ways(table)
    whole = [max(1, math.ceil(each - 1e-6)) if each else 0 for each in offered.tolist()]
    ms = table.mean_ms[way.type, way.batch] * table.batch_size[way.size] / table.batch_size[way.batch]
    late = split.way_queries * (1 - table.on_time[way.type, way.batch])

    assert whole == split.queries.sum(axis=0).tolist()
    assert (split.way_queries >= 0).all()
    assert not split.queries[counts == 0].any()
    busy_s = np.bincount(way.type, split.way_queries * ms, minlength=len(counts)) / 1000
    assert (busy_s <= counts * split.answer.objective * (1 + 1e-9) + 1e-5).all()
    stands_for = offered[way.size] / np.array(whole)[way.size]
    assert (late * stands_for).sum() <= table.qos.late_share * offered.sum() + 1e-5
    assert split.qps <= capacity_qps * (1 + 1e-9)
    assert_adds_up(table, split, late)


def assert_adds_up(table: ServiceTable, split: Distribution, late: Floats) -> None:
    """Check what is told of each type and size against the queries by way, of which so many are late."""
    way = ways(table)
    for j, b in np.ndindex(split.queries.shape):
        here = (way.type == j) & (way.size == b)
        items = (split.way_queries[here] * table.batch_size[way.batch[here]]).sum()

        assert split.queries[j, b] == split.way_queries[here].sum()
        assert items == pytest.approx(split.batch_size[j, b] * split.queries[j, b])
        assert late[here].sum() == pytest.approx((1 - split.on_time[j, b]) * split.queries[j, b], abs=1e-6)


@pytest.mark.parametrize("rank", [0, 330])
@pytest.mark.parametrize("model", MODELS)
def test_a_split_of_whole_queries_nearly_reaches_the_capacity(model: str, rank: int) -> None:
    """Every query is served once, in time and often enough on time, at 98 % of the capacity or more, never above it.

    Of each model: the best pool, and the one of least capacity.
    """
    table, capacities = shipped_table(model), shipped_capacities(model)
    counts = shipped_pools(model)[np.argsort(-capacities)[rank]]
    split, capacity_qps = split_at_capacity(table, counts)

    assert_sound(table, counts, split, capacity_qps)
    assert split.qps >= 0.98 * capacity_qps
    assert "optimal" == split.answer.status


@law(25)
@given(tables_and_pools())
def test_a_split_of_any_pool_is_sound(some: tuple[ServiceTable, list[Counts]]) -> None:
    """Whatever the table, a pool with any capacity has a split, and the split keeps the rules."""
    table, [counts] = some
    capacity_qps = CapacityProgram(table).solve(counts).qps
    assume(capacity_qps > 1e-6)

    assert_sound(table, counts, distribution(table, counts, capacity_qps), capacity_qps)


@pytest.mark.parametrize("serving", BATCHING, ids=str)
@pytest.mark.parametrize("model", MODELS)
def test_a_split_in_batches_nearly_reaches_the_capacity(model: str, serving: Serving) -> None:
    """On two GPUs and nine CPUs each query is served once, at 98 % of the capacity or more, never above it."""
    table, counts = shipped_table(model, serving), np.array([2, 0, 9, 0])
    split, capacity_qps = split_at_capacity(table, counts)

    assert_sound(table, counts, split, capacity_qps)
    assert split.qps >= 0.98 * capacity_qps
    assert "optimal" == split.answer.status


@law(25)
@given(batching_tables_and_pools())
def test_a_split_of_any_pool_in_batches_is_sound(some: tuple[ServiceTable, Counts]) -> None:
    """Whatever is merged and split, a pool with any capacity has a split, and the split keeps the rules."""
    table, counts = some
    capacity_qps = CapacityProgram(table).solve(counts).qps
    assume(capacity_qps > 1e-6)

    assert_sound(table, counts, distribution(table, counts, capacity_qps), capacity_qps)


def test_half_of_the_queries_go_in_batches_that_are_late() -> None:
    """A query of ten takes 9 / 4 ms in forty, late with 2 %, and 8 / 3 in thirty: half of them may go in forty.

    That is batches of 35 as the queries see them, 99 % of them on time. Sizes that no query has are served by none.
    """
    table = small_table([[6, 7, 8, 9]], [[1, 1, 1, 0.98]], weights=[1, 0, 0, 0], serving=Serving(merge=True))
    split, capacity_qps = split_at_capacity(table, np.array([1]))

    assert [60 * 406.78] == pytest.approx([split.queries[0, 0]], rel=1e-4)
    assert not split.queries[0, 1:].any()
    assert [35.0, 0.0, 0.0, 0.0] == pytest.approx(split.batch_size[0].tolist(), rel=1e-3)
    assert [0.99, 0.0, 0.0, 0.0] == pytest.approx(split.on_time[0].tolist(), rel=1e-4)
    assert [[1.0, 0.0, 0.0, 0.0]] == split.share.tolist()
    assert capacity_qps == pytest.approx(split.qps, rel=1e-3)


def test_of_equally_good_splits_in_batches_large_queries_go_to_the_fast_type() -> None:
    """a takes 1 ms an item, b 2, in whatever batches: b has a third of the items, and it may be those of any queries.

    It takes the ten items of all small queries, and twenty of half of the middle ones: 10 + 20 / 2 of 60.
    """
    table = small_table([[10, 20, 30], [20, 40, 60]], serving=Serving(merge=True, split=True))
    split, capacity_qps = split_at_capacity(table, np.array([1, 1]))

    assert 75.0 == pytest.approx(capacity_qps)
    assert [1.0, 0.5, 0.0] == pytest.approx(split.share[1].tolist(), abs=1e-3)
    assert 75.0 == pytest.approx(split.qps, rel=1e-3)


def test_a_split_in_batches_that_rounding_spoils_is_not_called_optimal() -> None:
    """One query in a million takes 300 s. At 1538 queries/s, a minute brings one, and 92 307 of 1 ms.

    Fractions of it would keep two instances busy for 196.2 s each. As a whole it takes 300 s of one.
    """
    table = small_table([[1, 3e5], [1, 3e5]], weights=[999_999, 1], serving=Serving(merge=True))
    split, _ = split_at_capacity(table, np.array([1, 1]))

    assert 1 == split.queries[:, 1].sum()
    assert ("feasible", 300.0) == (split.answer.status, pytest.approx(split.answer.objective))
    assert 196.2 == pytest.approx(split.answer.bound, rel=1e-3)


def test_a_query_in_parts_counts_once() -> None:
    """In two parts of ten a query takes 2 ms, whole 4: 500 queries/s for a minute are 30 000, in batches of ten."""
    split, _ = split_at_capacity(small_table([[1, 4]], weights=[0, 1], serving=Serving(split=True)), np.array([1]))

    assert [[0, 30_000]] == split.queries.tolist()
    assert [[0.0, 10.0]] == split.batch_size.tolist()
    assert 500.0 == pytest.approx(split.qps)


def test_one_type_takes_everything() -> None:
    """At 100 queries/s, 100 s bring the 10 000 queries that a window needs; half are of each size."""
    split, capacity_qps = split_at_capacity(small_table([[5, 15], [1, 1]]), np.array([1, 0]))

    assert [[5000, 5000], [0, 0]] == split.queries.tolist()
    assert [[1.0, 1.0], [0.0, 0.0]] == split.share.tolist()
    assert 100.0 == pytest.approx(capacity_qps)
    assert 100.0 == pytest.approx(split.qps)


def test_two_types_take_what_each_is_better_at() -> None:
    """a takes 10 and 20 ms, b 40 and 20: at 133.3 queries/s a serves all small queries and a quarter of the large.

    75 s bring the 10 000 queries: 5000 of each size, 1250 of the large ones to a.
    """
    split, _ = split_at_capacity(small_table([[10, 20], [40, 20]]), np.array([1, 1]))

    assert [[5000, 1250], [0, 3750]] == split.queries.tolist()
    assert [[1.0, 0.25], [0.0, 0.75]] == split.share.tolist()
    assert 400 / 3 == pytest.approx(split.qps)


def test_a_fast_pool_is_looked_at_for_a_minute() -> None:
    """At 1000 queries/s the window is 60 s, 60 000 queries."""
    split, _ = split_at_capacity(small_table([[1]]), np.array([1]))

    assert 60_000 == split.queries.sum()
    assert 60.0 == pytest.approx(split.answer.objective)


def test_a_slow_pool_is_looked_at_until_enough_queries_came() -> None:
    """A pool that serves one query in ten seconds gets 10 000 of them, not the six of a minute."""
    split, _ = split_at_capacity(small_table([[10_000]]), np.array([1]))

    assert 10_000 == split.queries.sum()
    assert 0.1 == pytest.approx(split.qps)


def test_a_size_too_rare_for_the_window_still_comes_once() -> None:
    """A size of one query in a million is served once in a window of 60 000, so that someone serves each size."""
    split, _ = split_at_capacity(small_table([[1, 1]], weights=[999_999, 1]), np.array([1]))

    assert 1 == split.queries[0, 1]


def test_a_pool_that_may_not_be_late_once_more_has_a_split() -> None:
    """A type exactly 99 % on time at every size meets a 99th percentile, at its capacity of 150 queries/s.

    Rounding up to whole queries rounds up the late ones with them: that must not leave the pool without a split.
    """
    table = small_table([[5, 10, 5]], [[0.99, 0.99, 0.99]])
    split, capacity_qps = split_at_capacity(table, np.array([1]))

    assert 150.0 == pytest.approx(capacity_qps)
    assert_sound(table, np.array([1]), split, capacity_qps)
    assert split.qps >= 0.98 * capacity_qps
