"""The integer programs under constraints, purchase options and losses: they must agree with enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.planner.assured import AssuredCapacity
from kairos_cli.planner.enumeration import affordable_counts
from kairos_cli.planner.pool_program import PoolProgram
from kairos_cli.planner.pools_by_program import PoolsByProgram
from tests.planner.tables import constraints_of, law, markets, small_table, with_options

RELATIVE = 1e-5


def enumerated(table: ServiceTable, asked: Constraints, budget: float) -> tuple[Counts, Floats]:
    """Return all pools that keep budget and constraints, and what each is sure of."""
    counts = affordable_counts(table, budget, asked)
    assert counts is not None
    program = AssuredCapacity(table, asked.tolerate_loss)
    return counts, np.array([program.solve(each).qps for each in counts])


def first_of_program(table: ServiceTable, asked: Constraints, budget: float) -> float:
    """Return the best capacity that the search by program comes to, over all that it yields until it is proven."""
    best = 0.0
    for each in PoolsByProgram(AssuredCapacity(table, asked.tolerate_loss), asked, budget):
        best = max(best, each.capacity.qps)
        if each.others_qps <= best * (1 + 1e-6):
            break
    return best


@law(60)
@given(markets(), constraints_of(), st.integers(20, 150))
def test_the_program_finds_the_best_of_the_enumeration(table: ServiceTable, asked: Constraints, cents: int) -> None:
    """Under any constraints the search by program ends with the greatest capacity of all pools."""
    _, sure = enumerated(table, asked, cents / 100)

    assert max(sure, default=0.0) == pytest.approx(first_of_program(table, asked, cents / 100), rel=RELATIVE, abs=1e-6)


@law(40)
@given(markets(), st.integers(20, 150), constraints_of())
def test_a_constraint_never_raises_the_rate(table: ServiceTable, cents: int, asked: Constraints) -> None:
    """Whatever is asked for, the best pool serves no more than without."""
    _, free = enumerated(table, Constraints(), cents / 100)
    _, bound = enumerated(table, asked, cents / 100)

    assert max(bound, default=0.0) <= max(free, default=0.0) * (1 + 1e-9)


@law(30)
@given(markets(), constraints_of(), st.integers(20, 120))
def test_the_program_bounds_what_it_has_not_found(table: ServiceTable, asked: Constraints, cents: int) -> None:
    """At every step no pool that was not yielded is sure of more than the search says."""
    counts, sure = enumerated(table, asked, cents / 100)
    left = {tuple(pool): qps for pool, qps in zip(counts.tolist(), sure, strict=True)}
    steps = PoolsByProgram(AssuredCapacity(table, asked.tolerate_loss), asked, cents / 100)
    for each in itertools.islice(steps, 6):
        assert left.pop(tuple(each.counts.tolist())) == pytest.approx(each.capacity.qps, rel=RELATIVE, abs=1e-6)
        assert max(left.values(), default=0.0) <= each.others_qps * (1 + RELATIVE) + 1e-6


def test_pools_come_in_the_order_of_the_enumeration() -> None:
    """Of three types every pool that serves comes once, its capacity never above the last."""
    table = small_table([[10, 30], [20, 25], [40, 45]], prices=[0.5, 0.35, 0.2])
    counts, sure = enumerated(table, Constraints(), 1.2)
    steps = PoolsByProgram(AssuredCapacity(table), Constraints(), 1.2)
    found = [(tuple(each.counts.tolist()), each.capacity.qps) for each in steps]

    assert sorted(sure, reverse=True) == pytest.approx([qps for _, qps in found])
    assert {tuple(pool) for pool in counts.tolist()} == {pool for pool, _ in found}
    assert len(counts) == len(found)


def test_a_dominated_type_is_bought_where_two_types_are_asked_for() -> None:
    """b is slower and dearer than a and no best pool needs it, unless there must be two types."""
    table = small_table([[10], [20]], prices=[0.5, 0.6])
    [free] = itertools.islice(PoolsByProgram(AssuredCapacity(table), Constraints(), 1.2), 1)
    two = Constraints(min_types=2)
    [both] = itertools.islice(PoolsByProgram(AssuredCapacity(table), two, 1.2), 1)

    assert [2, 0] == free.counts.tolist()
    assert [1, 1] == both.counts.tolist()


def test_a_dominated_type_is_bought_where_it_reaches_a_zone() -> None:
    """The same where b alone stands in the second zone."""
    table = with_options(small_table([[10], [20]], prices=[0.5, 0.6]), ("a", "b"), (1.0, 1.0), (("x",), ("y",)))
    asked = Constraints(min_zones=2)
    [both] = itertools.islice(PoolsByProgram(AssuredCapacity(table), asked, 1.2), 1)

    assert [1, 1] == both.counts.tolist()


@law(30)
@given(markets(), constraints_of(), st.integers(1, 60))
def test_the_cheapest_program_bounds_the_cost(table: ServiceTable, asked: Constraints, load: int) -> None:
    """No pool that is sure of a load costs less than the program says."""
    counts, sure = enumerated(table, asked, 1.5)
    enough = counts[sure >= load] @ table.price_usd_per_hour
    found = PoolProgram(table, asked, None, float(load)).solve()

    if len(enough):
        assert found is not None
        assert found.answer.bound <= enough.min() * (1 + RELATIVE)
