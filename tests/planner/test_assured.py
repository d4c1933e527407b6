"""What a pool is sure to serve: spot instances away, any few instances lost."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.planner.assured import AssuredCapacity, assured_measure, losses
from kairos_cli.planner.capacity import CapacityProgram
from tests.planner.tables import (
    capacity_by_vertices,
    law,
    markets,
    measure_by,
    pools_for,
    small_table,
    tables_and_pools,
    with_options,
)

#: a serves a query in 10 ms, b in 20: 100 and 50 queries/s an instance.
TWO = small_table([[10.0], [20.0]])


def test_every_way_to_lose_two() -> None:
    """Of two a and one b, two a or one of each can be lost; never two b."""
    assert [[2, 0], [1, 1]] == [lost.tolist() for lost in losses(np.array([2, 1]), 2)]


def test_the_rate_is_what_the_worst_loss_leaves() -> None:
    """Of 2 a and 3 b, worth 350 queries/s, the loss of an a leaves 250 and that of a b 300."""
    found = AssuredCapacity(TWO, 1).by_loss(np.array([2, 3]))

    assert [([1, 0], 250.0), ([0, 1], 300.0)] == [(lost.tolist(), pytest.approx(left.qps)) for lost, left in found]
    assert 250.0 == pytest.approx(AssuredCapacity(TWO, 1).solve(np.array([2, 3])).qps)


def test_a_pool_that_is_lost_whole_serves_nothing() -> None:
    """One instance does not withstand the loss of one, nor two that of three."""
    assert 0.0 == AssuredCapacity(TWO, 1).solve(np.array([1, 0])).qps
    assert 0.0 == AssuredCapacity(TWO, 3).solve(np.array([1, 1])).qps


def test_present_instances_count_before_they_are_lost() -> None:
    """Of four spot a at 90 %, two are there 99 % of the time; one of them lost, 100 queries/s are left."""
    table = with_options(TWO, ("a:spot", "b"), (0.9, 1.0))

    assert 200.0 == pytest.approx(AssuredCapacity(table).solve(np.array([4, 0])).qps)
    assert 100.0 == pytest.approx(AssuredCapacity(table, 1).solve(np.array([4, 0])).qps)


@law(40)
@given(tables_and_pools(), st.integers(0, 3))
def test_assured_is_the_least_of_all_losses(case: tuple[ServiceTable, list[Counts]], number: int) -> None:
    """Taking any so many instances away, and looking at every vertex, leaves no less than the assured capacity."""
    table, [counts] = case
    left = [
        counts - np.bincount(lost, minlength=len(counts)) if len(lost) else counts
        for lost in itertools.combinations_with_replacement(range(len(counts)), number)
    ]
    least = min((capacity_by_vertices(table, each) for each in left if (each >= 0).all()), default=0.0)

    assert least == pytest.approx(AssuredCapacity(table, number).solve(counts).qps, rel=1e-6, abs=1e-9)


@law(40)
@given(st.data())
def test_losing_is_never_better(data: st.DataObject) -> None:
    """A pool is sure of no more after one more loss, nor of more than all its instances serve."""
    table = data.draw(markets())
    counts = data.draw(pools_for(table))
    whole = CapacityProgram(table).solve(counts).qps
    sure = [AssuredCapacity(table, number).solve(counts).qps for number in range(4)]

    assert all(less <= more * (1 + 1e-9) for more, less in itertools.pairwise([whole, *sure]))


@law(40)
@given(st.data())
def test_shadow_prices_bound_every_pool(data: st.DataObject) -> None:
    """The prices found for one pool bound the assured capacity of any other."""
    table, number = data.draw(markets()), data.draw(st.integers(0, 2))
    one, other = data.draw(pools_for(table)), data.draw(pools_for(table))
    program = AssuredCapacity(table, number)
    bound = program.bounding(other[None, :])(program.solve(one).shadow_price)[0]

    assert program.solve(other).qps <= bound * (1 + 1e-6) + 1e-9


def test_the_worst_loss_is_measured_first_and_bounds_the_others() -> None:
    """The measured rate is the least; after the worst loss others are measured up to what it left only."""
    asked: list[tuple[int, ...]] = []
    ceilings: list[float] = []

    def rate(counts: Counts, capacity_qps: float) -> float:
        ceilings.append(capacity_qps)
        return 0.8 * capacity_qps

    measure = assured_measure(measure_by(rate, asked), AssuredCapacity(TWO, 1))
    found = measure(np.array([2, 3]), 250.0, 0.0)

    assert found is not None
    assert [(1, 3), (2, 2)] == asked
    assert [250.0, 200.0] == pytest.approx(ceilings)
    assert 160.0 == pytest.approx(found.qps)  # the second one served less than it might have


def test_a_pool_is_not_better_if_it_is_not_after_one_loss() -> None:
    """As soon as one loss leaves less than the rate to beat, no other is measured."""
    asked: list[tuple[int, ...]] = []
    measure = assured_measure(measure_by(lambda _, capacity: capacity, asked), AssuredCapacity(TWO, 1))

    assert measure(np.array([2, 3]), 250.0, 260.0) is None
    assert [(1, 3)] == asked


def test_without_losses_what_is_present_is_measured() -> None:
    """Four spot instances at 90 % are measured as two."""
    asked: list[tuple[int, ...]] = []
    table = with_options(TWO, ("a:spot", "b"), (0.9, 1.0))
    measure = assured_measure(measure_by(lambda _, capacity: capacity, asked), AssuredCapacity(table))
    measure(np.array([4, 1]), 250.0, 0.0)

    assert [(2, 1)] == asked
