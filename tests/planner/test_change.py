"""The smallest change that mends a pool, against looking at every pool."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.errors import SolverError
from kairos_cli.planner import change as subject
from kairos_cli.planner.change import smallest_change
from kairos_cli.planner.enumeration import Counts
from kairos_cli.planner.nearest_pool import Limits
from kairos_cli.planner.rating import RatedPool, Rater
from tests.planner.tables import capacity_by_vertices, every_pool, law, measure_by, small_table, small_tables

MOST = 3


def part_of_capacity(seed: int) -> Callable[[Counts, float], float]:
    """Return rates that queue as they like: 50 to 100 % of the capacity, not even rising with the pool."""
    return lambda counts, capacity: capacity * (50 + (seed + 37 * int(counts @ [7, 11, 13][: len(counts)])) % 51) / 100


@st.composite
def questions(draw: st.DrawFn) -> tuple[ServiceTable, Counts, Counts, Limits, int]:
    """Draw a table, a start, a goal within limits, the limits, and how pools queue."""
    table = draw(small_tables(most_types=2, most_sizes=2))
    types = len(table.names)
    counts = st.lists(st.integers(0, MOST), min_size=types, max_size=types).map(np.array)
    start = draw(counts.filter(lambda each: bool(each.any())))
    most = draw(counts)
    goal = np.minimum(draw(counts), most)
    budget = draw(st.none() | st.just(table.cost_usd_per_hour(goal) + 0.2))
    return table, start, goal, Limits(most, budget), draw(st.integers(0, 50))


@law(60)
@given(questions())
def test_the_change_mends_and_none_smaller_does(
    question: tuple[ServiceTable, Counts, Counts, Limits, int],
) -> None:
    """The new pool serves the rate within limits; every pool nearer to the start is over limits or too slow."""
    table, start, goal_counts, limits, seed = question
    rate_of = part_of_capacity(seed)
    rater = Rater(table, measure_by(rate_of))
    goal = rater.verified(rater.rated(goal_counts))
    assume(goal.served_qps > 0)
    least_qps = goal.served_qps * 0.999

    def mends(counts: Counts) -> bool:
        return (
            bool((counts <= limits.most).all())
            and table.cost_usd_per_hour(counts) <= (limits.budget_usd_per_hour or np.inf) + 1e-9
            and rate_of(counts, capacity_by_vertices(table, counts)) > least_qps
        )

    assume(not mends(start))
    change = smallest_change(rater, start, goal, least_qps, limits)
    nearest = min(int(np.abs(each - start).sum()) for each in every_pool(len(start), MOST) if mends(each))

    assert change.smallest
    assert nearest == change.instances
    assert change.rated.served_qps > least_qps
    assert mends(table.counts(change.rated.pool))


@law(30)
@given(questions())
def test_the_change_leads_to_its_pool(question: tuple[ServiceTable, Counts, Counts, Limits, int]) -> None:
    """The start with what is added and without what is removed is the pool; no type is in both."""
    table, start, goal_counts, limits, seed = question
    rater = Rater(table, measure_by(part_of_capacity(seed)))
    goal = rater.verified(rater.rated(goal_counts))
    assume(goal.served_qps > 0)
    change = smallest_change(rater, start, goal, goal.served_qps * 0.999, limits)
    counts = dict(zip(table.names, start.tolist(), strict=True))
    for name, count in change.added:
        counts[name] += count
    for name, count in change.removed:
        counts[name] -= count

    assert change.rated.pool.by_type == {name: count for name, count in counts.items() if count}
    assert not dict(change.added).keys() & dict(change.removed).keys()


def two_alike() -> tuple[Rater, RatedPool]:
    """Return types a and b alike, 10 queries/s each, and the goal of three b; pools with an a serve but half."""
    table = small_table([[100.0], [100.0]])
    rater = Rater(table, measure_by(lambda counts, capacity: capacity * (0.5 if counts[0] else 1.0)))
    return rater, rater.verified(rater.rated(np.array([0, 3])))


def test_pools_that_fall_short_are_counted() -> None:
    """From one a to three b: (1, 2), (1, 3) and (1, 4), no farther, have the capacity for 29/s and serve half of it."""
    rater, goal = two_alike()
    change = smallest_change(rater, np.array([1, 0]), goal, 29.0, Limits(np.array([1, 9]), None))

    assert (("b", 3),) == change.added
    assert (("a", 1),) == change.removed
    assert 30.0 == change.rated.served_qps
    assert change.smallest
    assert 3 == change.pools_tried


def test_after_too_many_tries_the_goal_is_taken_unproven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing more may be simulated, the pool known to serve the rate is the answer, without proof."""
    monkeypatch.setattr(subject, "MOST_TRIED", 1)
    rater, goal = two_alike()
    change = smallest_change(rater, np.array([1, 0]), goal, 29.0, Limits(np.array([1, 9]), None))

    assert goal == change.rated
    assert not change.smallest
    assert 1 == change.pools_tried


def test_without_a_solver_the_goal_is_taken_unproven(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that fails does not take the answer away."""

    def failing(*_: object) -> None:
        raise SolverError("no time")

    monkeypatch.setattr(subject, "nearest_pools", failing)
    rater, goal = two_alike()
    change = smallest_change(rater, np.array([1, 0]), goal, 29.0, Limits(np.array([1, 9]), None))

    assert goal == change.rated
    assert not change.smallest
