"""The order of steps: the load is carried, the money is kept to as far as can be, steps are few."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.service_table import Counts
from kairos_cli.planner.step_order import MOST_PLACES, step_order
from tests.planner.tables import law

Holds = Callable[[Counts], bool]
COUNTS = st.lists(st.integers(0, 3), min_size=3, max_size=3).map(np.array)
CENTS = st.lists(st.integers(1, 9), min_size=3, max_size=3).map(lambda each: np.array(each, dtype=np.float64))
WORTH = st.lists(st.integers(0, 5), min_size=3, max_size=3).map(np.array)


def every_order(start: Counts, end: Counts) -> set[tuple[tuple[int, int], ...]]:
    """Return all orders in which single instances, as (type, +1 or -1), can be moved."""
    moves = [
        (j, 1 if change > 0 else -1) for j, change in enumerate((end - start).tolist()) for _ in range(abs(change))
    ]
    return set(itertools.permutations(moves))


def best_of_all_orders(start: Counts, end: Counts, price: Counts, most_usd: float, holds: Holds) -> tuple[float, int]:
    """Return the least sum over `most_usd` that a way needs, and the fewest steps of such a way, by trying all."""
    found = []
    for order in every_order(start, end):
        counts, usd, held = start.copy(), 0.0, True
        for j, sign in order:
            counts[j] += sign
            usd, held = max(usd, float(counts @ price)), held and (holds(counts) or bool((counts == end).all()))
        if held:
            free = max(most_usd, float(start @ price), float(end @ price))
            steps = len([*itertools.groupby(order, key=lambda each: each[1])])
            found.append((max(0.0, usd - free), steps))
    return min(found)


def carrying(start: Counts, end: Counts, worth: Counts) -> Holds:
    """Return whether a pool is worth as much as the lesser end, which pools that have all of an end are."""
    least = min(int(start @ worth), int(end @ worth))
    return lambda counts: int(counts @ worth) >= least


@law(150)
@given(COUNTS, COUNTS, CENTS, WORTH, st.integers(0, 40))
def test_no_order_is_better(start: Counts, end: Counts, price: Counts, worth: Counts, most_usd: int) -> None:
    """Of all orders of single instances none that holds needs less money, nor with as little money fewer steps."""
    if int(np.abs(end - start).sum()) > 6:
        return
    holds = carrying(start, end, worth)
    pools = step_order(start, end, price, float(most_usd), holds)
    free = max(float(most_usd), float(start @ price), float(end @ price))
    over = max([0.0, *(float(each @ price) - free for each in pools)])

    assert (over, len(pools)) == (
        best_of_all_orders(start, end, price, most_usd, holds) if (start != end).any() else (0.0, 0)
    )


@law(150)
@given(COUNTS, COUNTS, CENTS, WORTH, st.integers(0, 40))
def test_steps_lead_from_one_end_to_the_other(
    start: Counts, end: Counts, price: Counts, worth: Counts, most_usd: int
) -> None:
    """Each step only adds or only removes what the ends ask for, steps take turns, and every pool holds."""
    pools = step_order(start, end, price, float(most_usd), carrying(start, end, worth))
    steps = np.diff([start, *pools], axis=0) if pools else np.zeros((0, 3))

    assert end.tolist() == (pools[-1] if pools else start).tolist()
    assert all((step >= 0).all() or (step <= 0).all() for step in steps)
    assert np.abs(end - start).sum() == np.abs(steps).sum()
    assert all(step.sum() * after.sum() < 0 for step, after in itertools.pairwise(steps))
    assert all(carrying(start, end, worth)(each) for each in pools)


def test_adding_comes_first_where_the_money_allows() -> None:
    """Three of one type for two of another: with 5 $/h both are there for a time, and two steps are enough."""
    pools = step_order(np.array([3, 0]), np.array([0, 2]), np.array([1.0, 1.0]), 5.0, lambda _: False)

    assert [[3, 2], [0, 2]] == [each.tolist() for each in pools]


def test_within_the_budget_instances_take_turns() -> None:
    """One a carries 2, one b 3, and 6 must be carried: for 4 $/h one b comes, one a goes, the other b, two a."""
    pools = step_order(
        np.array([3, 0]), np.array([0, 2]), np.array([1.0, 1.0]), 4.0, lambda counts: int(counts @ [2, 3]) >= 6
    )

    assert [[3, 1], [2, 1], [2, 2], [0, 2]] == [each.tolist() for each in pools]


def test_the_budget_is_exceeded_rather_than_the_load_dropped() -> None:
    """One instance for another: there is no way but both for a time, for 2 $/h where 1 is allowed."""
    pools = step_order(
        np.array([1, 0]), np.array([0, 1]), np.array([1.0, 1.0]), 1.0, lambda counts: int(counts.sum()) >= 1
    )

    assert [[1, 1], [0, 1]] == [each.tolist() for each in pools]


def test_many_instances_move_in_bundles() -> None:
    """900 of each of four types for 900 of four others: few pools are looked at, and the money is kept to."""
    looked_at = []

    def holds(counts: Counts) -> bool:
        looked_at.append(counts)
        return int(counts.sum()) >= 3600

    start, end = np.array([900] * 4 + [0] * 4), np.array([0] * 4 + [900] * 4)
    pools = step_order(start, end, np.ones(8), 4600.0, holds)

    assert end.tolist() == pools[-1].tolist()
    assert max(int(each.sum()) for each in pools) <= 4600
    assert min(int(each.sum()) for each in pools) >= 3600
    assert len(looked_at) <= MOST_PLACES


@pytest.mark.parametrize("types", [7, 30])
def test_too_many_kinds_to_look_at_all_pools(types: int) -> None:
    """Where even whole kinds can be ordered in too many ways, the load is carried and the end reached all the same."""
    start, end = np.array([2] * types + [0] * types), np.array([0] * types + [2] * types)
    pools = step_order(start, end, np.ones(2 * types), 2.0 * types + 2, lambda counts: int(counts.sum()) >= 2 * types)

    assert end.tolist() == pools[-1].tolist()
    assert all(int(each.sum()) >= 2 * types for each in pools)
