"""The integer program of the nearest pools, against looking at every pool."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.planner.assured import AssuredCapacity
from kairos_cli.planner.enumeration import Counts
from kairos_cli.planner.nearest_pool import Limits, nearest_pools
from kairos_cli.planner.permitted import permitted
from tests.planner.tables import (
    capacity_by_vertices,
    constraints_of,
    every_pool,
    law,
    markets,
    small_table,
    small_tables,
)

MOST = 3


@st.composite
def questions(draw: st.DrawFn) -> tuple[ServiceTable, Counts, float, Limits, int]:
    """Draw a table, a start perhaps over the limits, a rate off the capacity of any pool, limits, a distance."""
    table = draw(small_tables(most_types=2, most_sizes=2))
    types = len(table.names)
    counts = st.lists(st.integers(0, MOST), min_size=types, max_size=types).map(np.array)
    start, aim = draw(counts.filter(lambda each: bool(each.any()))), draw(counts)
    budget = draw(st.none() | st.floats(0.1, 4.0).map(lambda usd: round(usd, 2) + 0.005))
    rate_qps = round(capacity_by_vertices(table, aim), 6) * draw(st.sampled_from([0.31, 0.73, 0.97])) or 1.0
    return table, start, rate_qps, Limits(draw(counts), budget), draw(st.integers(0, 2 * MOST))


def found_from(*question: Any) -> list[tuple[int, ...]]:
    return [tuple(counts.tolist()) for counts, _ in nearest_pools(*question)]


def distance(counts: Counts, start: Counts) -> int:
    return int(np.abs(counts - start).sum())


@law(60)
@given(questions())
def test_all_pools_come_and_the_nearest_first(question: tuple[ServiceTable, Counts, float, Limits, int]) -> None:
    """Each pool within limits and of enough capacity comes once, by distance; of those alike, by capacity, roughly."""
    table, start, rate_qps, limits, farthest = question
    wanted = {
        tuple(counts.tolist()): (distance(counts, start), -min(round(capacity / rate_qps, 4), 2.0))
        for counts in every_pool(len(start), MOST)
        if (counts <= limits.most).all()
        and distance(counts, start) <= farthest
        and (limits.budget_usd_per_hour or np.inf) >= table.cost_usd_per_hour(counts)
        and (capacity := capacity_by_vertices(table, counts)) >= rate_qps
    }
    found = [
        tuple(each.tolist()) for each, _ in nearest_pools(AssuredCapacity(table), start, rate_qps, limits, farthest)
    ]

    assert sorted(wanted) == sorted(found)
    ranks = [wanted[each] for each in found]
    assert all(low[0] <= high[0] for low, high in itertools.pairwise(ranks))
    assert all(low[1] <= high[1] + 0.011 for low, high in itertools.pairwise(ranks) if low[0] == high[0])


def test_the_start_itself_is_the_nearest() -> None:
    """Two machines of 10 queries/s have the capacity for 15: nothing need change."""
    table = small_table([[100.0]])
    limits = Limits(np.array([5]), None)
    counts, capacity = next(nearest_pools(AssuredCapacity(table), np.array([2]), 15.0, limits, 3))

    assert [2] == counts.tolist()
    assert 20.0 == capacity.qps


def test_a_type_over_its_limit_goes_first() -> None:
    """Of three b none may stay; each a does as much as one: they are exchanged one by one, at distance 6."""
    table = small_table([[100.0], [100.0]])
    limits = Limits(np.array([9, 0]), None)
    start = np.array([0, 3])
    counts, _ = next(nearest_pools(AssuredCapacity(table), start, 29.0, limits, 6))

    assert [3, 0] == counts.tolist()
    assert [] == list(nearest_pools(AssuredCapacity(table), start, 29.0, limits, 5))


@law(60)
@given(markets(), constraints_of(), st.randoms(use_true_random=False))
def test_so_they_do_under_constraints(table: ServiceTable, asked: Constraints, random: Random) -> None:
    """With spot instances, losses, shared caps and variety: those that keep all and are sure of the rate, no other."""
    program = AssuredCapacity(table, asked.tolerate_loss)
    types = len(table.names)
    start = np.array([random.randint(0, 2) for _ in range(types)])
    pools = every_pool(types, 2)
    sure_qps = {tuple(each.tolist()): program.solve(each).qps for each in pools}
    rate_qps = max(sure_qps.values()) * random.choice([0.31, 0.73, 0.97]) or 1.0
    farthest = random.randint(0, 4)
    wanted = {
        tuple(counts.tolist()): distance(counts, start)
        for counts in pools[permitted(table, asked, pools)]
        if distance(counts, start) <= farthest and sure_qps[tuple(counts.tolist())] >= rate_qps
    }
    found = found_from(program, start, rate_qps, Limits(np.full(types, 2), None, asked), farthest)

    assert sorted(wanted) == sorted(found)
    assert sorted(wanted.values()) == [wanted[each] for each in found]
