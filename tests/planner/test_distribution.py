"""Who serves what: whole queries of a window, given to the types of a pool."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given

from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.planner.capacity import CapacityProgram
from kairos_cli.planner.distribution import Distribution, distribution
from kairos_cli.planner.enumeration import Counts
from tests.planner.tables import (
    MODELS,
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
    offered = capacity_qps * window_s * table.probability
    whole = [max(1, math.ceil(each - 1e-6)) for each in offered.tolist()]

    assert whole == split.queries.sum(axis=0).tolist()
    assert (split.queries >= 0).all()
    assert not split.queries[counts == 0].any()
    busy_s = (split.queries * table.mean_ms).sum(axis=1) / 1000
    assert (busy_s <= counts * split.answer.objective * (1 + 1e-9) + 1e-5).all()
    late = (split.queries * (1 - table.on_time)).sum(axis=0) * offered / whole
    assert late.sum() <= table.qos.late_share * offered.sum() + 1e-5
    assert split.qps <= capacity_qps * (1 + 1e-9)


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
