"""The curve of throughput against budget: put together from searches made up by hand, and searched on the toy."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.pool import Pool
from kairos_cli.planner.frontier import Frontier, Searched, frontier, searched
from kairos_cli.planner.plan import Plan, plan
from kairos_cli.planner.rating import RatedPool
from tests.planner.tables import Rate, law, measure_by, toy

SCENARIO = toy()


def found(budget: float, qps: float | None, gap: float | None = 0.0, number: int | None = None) -> Searched:
    """Return a search that found so many instances of one type, as many as the budget's dollars if not told."""
    if qps is None:
        return Searched(budget, None, None, f"nothing for {budget:g}")
    counts = (("big", int(budget) if number is None else number),)
    return Searched(budget, RatedPool(Pool(counts), budget, None, qps * 1.5, Rate(qps)), gap)


def curve(*searches: Searched, min_qps: float | None = None) -> Frontier:
    """Return the curve of searches."""
    return frontier(toy(min_qps=min_qps), searches)


def test_each_budget_has_the_pool_that_its_search_found() -> None:
    """With its gap, and what each dollar added since the budget before: 30 queries/s for two dollars are 15."""
    points = curve(found(1, 10.0, 2.5), found(3, 40.0, 1.0)).points

    assert ["big=1", "big=3"] == [str(each.best and each.best.pool) for each in points]
    assert [None, 15.0] == [each.gain_qps_per_usd_per_hour for each in points]
    assert [2.5, 1.0] == pytest.approx([each.gap_percent for each in points])
    assert [False, False] == [each.kept for each in points]


def test_a_worse_pool_of_a_richer_search_gives_way_to_the_cheaper_one() -> None:
    """The search at 2 $/h proves that nothing there serves more than 8 x 1.5 = 12: 20 % over the 10 kept."""
    point = curve(found(1, 10.0, 30.0), found(2, 8.0, 50.0), found(3, 10.0, 4.0)).points[1]
    assert point.best is not None

    assert (True, "big=1", 10.0) == (point.kept, str(point.best.pool), point.served_qps)
    assert 20.0 == pytest.approx(point.gap_percent)
    assert 0.0 == point.gain_qps_per_usd_per_hour


def test_of_pools_that_serve_the_same_the_cheaper_is_kept() -> None:
    """A dearer pool has to be better."""
    point = curve(found(1, 10.0), found(2, 10.0)).points[1]

    assert (True, "big=1") == (point.kept, str(point.best and point.best.pool))


def test_the_same_pool_keeps_its_rate() -> None:
    """Found again it may measure a little better, against another rate to beat: that is no gain."""
    point = curve(found(1, 10.0, number=1), found(2, 10.01, number=1)).points[1]

    assert (False, 10.0, 0.0) == (point.kept, point.served_qps, point.gain_qps_per_usd_per_hour)


def test_a_richer_search_that_fails_keeps_the_cheaper_pool() -> None:
    """But nothing is known any more about what others could serve."""
    point = curve(found(1, 10.0), found(2, None)).points[1]

    assert (True, 10.0, None, None) == (point.kept, point.served_qps, point.gap_percent, point.reason)


def test_a_budget_without_a_pool_is_a_point_with_a_reason() -> None:
    """It serves nothing, so that the first pool is a gain: 30 queries/s for the one dollar more."""
    first, second = curve(found(1, None), found(2, 30.0)).points

    assert (None, False, None, "nothing for 1") == (first.best, first.kept, first.gap_percent, first.reason)
    assert [None, None] == [each.gain_qps_per_usd_per_hour for each in curve(found(1, None), found(2, None)).points]
    assert (30.0, None) == (second.gain_qps_per_usd_per_hour, second.reason)


def test_the_knee_is_looked_for_where_there_are_pools() -> None:
    """From 10 queries/s at 2 $/h: 30 a dollar up to 4 $/h, then 5. The point without a pool is not part of it."""
    rates = [None, 10.0, 40.0, 70.0, 75.0, 80.0, 85.0, 90.0]
    knee = curve(*(found(budget, qps) for budget, qps in enumerate(rates, start=1))).knee
    assert knee is not None

    assert 4.0 == knee.budget_usd_per_hour
    assert 30.0 == pytest.approx(knee.gain_before_qps_per_usd_per_hour)
    assert 5.0 == pytest.approx(knee.gain_after_qps_per_usd_per_hour)


def test_curves_too_short_or_too_straight_have_no_knee() -> None:
    """No pool, one, and five in a line."""
    assert curve(found(1, None)).knee is None
    assert curve(found(1, 10.0)).knee is None
    assert curve(*(found(budget, 10.0 * budget) for budget in range(1, 6))).knee is None


def test_the_smallest_budget_that_carries_the_load() -> None:
    """Of 10, 20 and 30 queries/s, 20 is the first to carry 15 and 20; none carries 31."""
    searches = [found(1, None), found(2, 10.0), found(3, 20.0), found(4, 30.0)]
    carrying = {load: curve(*searches, min_qps=load).carrying for load in (15.0, 20.0, 31.0)}

    assert {15.0: 3, 20.0: 3, 31.0: None} == {
        load: point and point.budget_usd_per_hour for load, point in carrying.items()
    }


def test_the_peak_is_the_cheapest_of_the_best() -> None:
    """What is known of the whole curve: its best rate, and the least budget that reaches it."""
    assert 2 == curve(found(1, 5.0), found(2, 9.0), found(3, 7.0)).peak.budget_usd_per_hour


rates = st.lists(st.one_of(st.none(), st.integers(1, 100).map(float)), min_size=1, max_size=12)


@law(200)
@given(rates, st.randoms(use_true_random=False))
def test_the_curve_never_falls_whatever_was_found_and_in_whatever_order(
    rates: list[float | None], order: random.Random
) -> None:
    """Each point serves the best of all searches up to its budget, and costs no more than the budget."""
    searches = [found(budget, qps) for budget, qps in enumerate(rates, start=1)]
    points = curve(*searches).points
    order.shuffle(searches)

    assert points == curve(*searches).points
    for number, point in enumerate(points, start=1):
        assert max(qps or 0.0 for qps in rates[:number]) == point.served_qps
        assert point.best is None or point.best.cost_usd_per_hour <= point.budget_usd_per_hour
    assert all(one.served_qps <= other.served_qps for one, other in pairwise(points))


@law(200)
@given(st.lists(st.tuples(st.integers(1, 100), st.integers(0, 60)), min_size=1, max_size=8))
def test_the_gap_never_hides_what_a_search_left_open(searches: list[tuple[int, int]]) -> None:
    """The best pool's rate with the gap on top is the bound that the search proved, or the rate itself."""
    points = curve(*(found(number, qps, gap) for number, (qps, gap) in enumerate(searches, start=1))).points

    for (qps, gap), point in zip(searches, points, strict=True):
        assert point.gap_percent is not None
        could_be = point.served_qps * (1 + point.gap_percent / 100)
        assert max(qps * (1 + gap / 100), point.served_qps) == pytest.approx(could_be)


# Searches


def test_a_search_finds_what_the_plan_is() -> None:
    """As `plan` says: for 1.90 $/h one big and one aux, which leave big 49 % of the queries, of 20 ms each."""
    search = searched(SCENARIO, 1.9, None)
    planned = plan(toy(budget_usd_per_hour=1.9))
    assert isinstance(planned, Plan)
    assert search.pool is not None

    assert planned.chosen == search.pool
    assert ("big=1,aux=1", 1000 / 9.8) == (str(search.pool.pool), pytest.approx(search.pool.capacity_qps))


def test_a_load_does_not_keep_a_budget_from_being_planned() -> None:
    """`plan` says no to a load that its budget does not carry; the curve shows the rate."""
    assert searched(SCENARIO, 1.9, None) == searched(toy(min_qps=1e6), 1.9, None)


def test_a_budget_that_buys_no_machine_has_a_reason() -> None:
    """It is no error: other budgets of the curve may buy some."""
    assert Searched(0.1, None, None, "no instance type can take part") == searched(SCENARIO, 0.1, None)
    assert "none of the 3 pools within 0.9 $/h can keep p99<50ms at any rate" == searched(SCENARIO, 0.9, None).reason


def test_a_pool_that_serves_nothing_is_none() -> None:
    """Where simulation finds that no pool keeps the target at any rate, there is no pool but a reason."""
    search = searched(toy(choose="verified"), 1.9, lambda table: measure_by(lambda counts, qps: 0.0))

    assert (None, "no pool within 1.9 $/h keeps p99<50ms in simulation, at any rate") == (search.pool, search.reason)


def test_the_curve_of_the_toy() -> None:
    """Alone, big takes 15 ms a query: one serves 66.7 queries/s, two 133.3; 0.50 $/h buy no big."""
    points = frontier(SCENARIO, [searched(SCENARIO, budget, None) for budget in (2.0, 0.5, 1.0)]).points

    assert ["None", "big=1", "big=2"] == [str(each.best and each.best.pool) for each in points]
    assert [0.0, 200 / 3, 400 / 3] == pytest.approx([each.served_qps for each in points])
    assert [None, pytest.approx(400 / 3), pytest.approx(200 / 3)] == [each.gain_qps_per_usd_per_hour for each in points]
