"""Every pool that a budget can buy, and which of them can serve at all."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.planner.enumeration import able_to_serve, affordable_counts
from tests.planner.tables import MODELS, TYPES, law, shipped_pools, shipped_table, small_table, small_tables

#: Prices and budgets in thousandths of a dollar: whole numbers, which add up exactly.
MILLS = st.integers(50, 400)


def every_affordable_pool(prices: list[int], budget: int, caps: dict[str, int]) -> list[list[int]]:
    """Return the pools within budget and caps, in whole thousandths of a dollar."""
    limits = [min(budget // price, caps.get(name, budget)) for name, price in zip("abc", prices, strict=False)]
    return [
        list(pool)
        for pool in itertools.product(*(range(limit + 1) for limit in limits))
        if any(pool) and sum(n * price for n, price in zip(pool, prices, strict=True)) <= budget
    ]


@law(100)
@given(
    prices=st.lists(MILLS, min_size=1, max_size=3),
    budget=st.integers(40, 1500),
    caps=st.dictionaries(st.sampled_from("abc"), st.integers(0, 4)),
)
def test_enumeration_is_the_list_of_all_pools_that_fit(prices: list[int], budget: int, caps: dict[str, int]) -> None:
    """Every pool within budget and caps comes once, in lexical order, and no other, to the thousandth of a dollar."""
    table = small_table([[1.0]] * len(prices), prices=[price / 1000 for price in prices])
    counts = affordable_counts(table, budget / 1000, Constraints(caps))

    assert counts is not None
    assert every_affordable_pool(prices, budget, caps) == counts.tolist()


def test_a_budget_that_is_a_multiple_of_the_price_buys_that_many() -> None:
    """Binary fractions do not cost an instance: 0.149 * 13 buys 13, and so for every number up to 60."""
    table = small_table([[1.0]], prices=[0.149])
    bought = [affordable_counts(table, 0.149 * number, Constraints()) for number in range(1, 61)]

    assert list(range(1, 61)) == [int(counts.max()) for counts in bought if counts is not None]


def test_a_budget_spent_to_the_last_cent_over_several_types_is_spent() -> None:
    """What is left after 0.526 + 0.432 of 0.526 + 0.432 + 9 * 0.149 buys the nine."""
    table = small_table([[1.0]] * 3, prices=[0.526, 0.432, 0.149])
    counts = affordable_counts(table, 0.526 + 0.432 + 9 * 0.149, Constraints())

    assert counts is not None
    assert [1, 1, 9] in counts.tolist()


def test_a_hundredth_of_a_cent_too_little_buys_one_less() -> None:
    """The tolerance forgives rounding, not money: 1.9369 $/h buys 12 at 0.149, not 13."""
    counts = affordable_counts(small_table([[1.0]], prices=[0.149]), 1.9369, Constraints())

    assert counts is not None
    assert 12 == counts.max()


def test_a_budget_below_every_price_buys_nothing() -> None:
    """No money, no pools; the empty pool is none."""
    counts = affordable_counts(small_table([[1.0], [1.0]], prices=[0.5, 0.7]), 0.4, Constraints())

    assert counts is not None
    assert (0, 2) == counts.shape


def test_more_pools_than_asked_for_are_not_listed() -> None:
    """Two types at 1 $ and a budget of 3 $ make nine pools; over `most` of eight the answer is None."""
    table = small_table([[1.0], [1.0]])

    assert affordable_counts(table, 3.0, Constraints(), most=8) is None


def test_as_many_pools_as_asked_for_are_listed() -> None:
    """Nine pools are not over a `most` of nine."""
    counts = affordable_counts(small_table([[1.0], [1.0]]), 3.0, Constraints(), most=9)

    assert counts is not None
    assert 9 == len(counts)


def test_too_many_pools_are_given_up_before_they_are_built() -> None:
    """A budget for billions of pools gets its None without the memory for them."""
    table = small_table([[1.0]] * 6, prices=[0.001] * 6)

    assert affordable_counts(table, 1000.0, Constraints()) is None


@pytest.mark.parametrize("model", MODELS)
def test_the_pools_of_the_paper(model: str) -> None:
    """2.5 $/h buys 696 pools of the four types; 331 have a g4dn.xlarge, and exactly those can meet the target."""
    table = shipped_table(model)
    counts = affordable_counts(table, 2.5, Constraints())

    assert TYPES == table.names
    assert counts is not None
    assert 696 == len(counts)
    assert 331 == np.count_nonzero(counts[:, 0])
    assert (counts[:, 0] > 0).tolist() == able_to_serve(table, counts).tolist()
    assert counts[counts[:, 0] > 0].tolist() == shipped_pools(model).tolist()


def test_types_that_are_late_alone_can_be_on_time_together() -> None:
    """a is on time with size 10, b with 20: each alone is late with half of the queries, both with none."""
    table = small_table([[1.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]])

    assert [False, False, True] == able_to_serve(table, np.array([[3, 0], [0, 3], [1, 1]])).tolist()


@pytest.mark.parametrize(("on_time", "able"), [(0.99, True), (0.9899, False)])
def test_just_enough_on_time_is_enough(on_time: float, able: bool) -> None:
    """At a 99th percentile exactly one per cent may be late, and no more."""
    table = small_table([[1.0, 1.0]], [[on_time, on_time]])

    assert [able] == able_to_serve(table, np.array([[1]])).tolist()


@law(30)
@given(small_tables())
def test_able_means_that_the_best_type_for_each_size_is_on_time_often_enough(table: ServiceTable) -> None:
    """A pool is able if sending each size to the present type most often on time keeps the target."""
    counts = affordable_counts(table, 1.5, Constraints())
    assert counts is not None
    expected = []
    for pool in counts:
        late = 0.0
        for b, chance in enumerate(table.probability):
            late += chance * min(1 - table.on_time[j, b] for j in np.flatnonzero(pool))
        expected.append(late <= table.qos.late_share + 1e-12)

    assert expected == able_to_serve(table, counts).tolist()
