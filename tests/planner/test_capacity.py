"""Capacity: solved by hand, by brute force, against the values of the issue, and by its laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.planner.capacity import CapacityProgram, by_capacity, carrying, shadow_prices
from kairos_cli.planner.enumeration import Counts, able_to_serve
from tests.planner.tables import (
    MODELS,
    capacity_by_every_batch,
    capacity_by_vertices,
    every_pool,
    law,
    shipped_capacities,
    shipped_pools,
    shipped_table,
    small_table,
    small_tables,
    tables_and_pools,
)

#: The solver's tolerance, with room for the oracles' own rounding.
RELATIVE = 1e-6

Some = tuple[ServiceTable, list[Counts]]


def qps(table: ServiceTable, *counts: Counts | tuple[int, ...]) -> list[float]:
    """Return the capacity of each pool."""
    program = CapacityProgram(table)
    return [program.solve(np.array(each)).qps for each in counts]


# --- by hand


def test_one_type_serves_instances_over_mean_time() -> None:
    """Half the queries take 10 ms, half 20: one instance serves 1 / 0.015 = 66.67 queries/s, three 200."""
    assert [200 / 3, 200.0, 0.0] == pytest.approx(qps(small_table([[10, 20]]), (1,), (3,), (0,)))


def test_weights_count() -> None:
    """Three in four take 10 ms, one 30: 1 / 0.015 again."""
    assert [200 / 3] == pytest.approx(qps(small_table([[10, 30]], weights=[3, 1]), (1,)))


@pytest.mark.parametrize(("on_time", "capacity"), [(0.995, 100.0), (0.99, 100.0), (0.98, 0.0)])
def test_one_type_that_is_late_too_often_serves_nothing(on_time: float, capacity: float) -> None:
    """At a 99th percentile a type late with 2 % of the queries has no capacity; late with 1 %, all of it."""
    assert [capacity] == pytest.approx(qps(small_table([[10]], [[on_time]]), (1,)))


def test_two_types_serve_what_each_is_better_at() -> None:
    """a takes 10 and 20 ms, b 40 and 20: a serves the small queries and x of the large, b the other large ones.

    a: 10 λ/2 + 20 x = 1000; b: 20 (λ/2 - x) = 1000. So λ = 133.3 and x = 16.7; a second of either is worth the same.
    """
    found = CapacityProgram(small_table([[10, 20], [40, 20]])).solve(np.array([1, 1]))

    assert 400 / 3 == pytest.approx(found.qps)
    assert [200 / 3, 200 / 3] == pytest.approx(found.shadow_price.tolist())
    assert [[200 / 3, 50 / 3], [0.0, 50.0]] == [pytest.approx(row, abs=1e-6) for row in found.rate_qps.tolist()]


def test_lateness_is_spent_where_it_frees_most() -> None:
    """b is on time with small queries only; it serves all of them, and as many large ones as may be late, 1 %.

    a, 20 ms a large query, serves 49 % of all: λ = 1000 / (0.49 * 20) = 102.04. b has time to spare:
    it is worth nothing.
    """
    table = small_table([[10, 20], [10, 100]], [[1, 1], [1, 0]])
    found = CapacityProgram(table).solve(np.array([1, 1]))

    assert 1000 / 9.8 == pytest.approx(found.qps)
    assert [1000 / 9.8, 0.0] == pytest.approx(found.shadow_price.tolist())
    assert [0.0, 10 / 9.8] == pytest.approx([found.rate_qps[0, 0], found.rate_qps[1, 1]], abs=1e-6)


def test_a_fast_type_that_is_often_late_serves_only_so_many() -> None:
    """b takes 1 ms and is late with half; at a 90th percentile it may serve a fifth of the queries.

    a serves the other four, 10 ms each: λ = 1000 / (0.8 * 10) = 125.
    """
    table = small_table([[10], [1]], [[1], [0.5]], percentile=90.0)

    assert [125.0, 250.0, 0.0] == pytest.approx(qps(table, (1, 1), (2, 1), (0, 5)))


def test_a_type_of_no_use_changes_nothing() -> None:
    """A type that is never on time and slower than the lateness allowed is worth can only idle."""
    table = small_table([[10], [1e6]], [[1], [0]])

    assert qps(table, (2, 0)) == pytest.approx(qps(table, (2, 7)), rel=1e-4)


# --- the shadow prices of one pool


def test_shadow_prices_by_hand() -> None:
    """a takes 10 and 20 ms, b 40 and 20: another instance of either adds 66.67 queries/s, as derived above."""
    assert [200 / 3, 200 / 3] == pytest.approx(shadow_prices(small_table([[10, 20], [40, 20]]), np.array([1, 1])))


def test_a_type_that_is_not_in_the_pool_has_no_shadow_price() -> None:
    """c would serve 1000 queries/s, but there is none; the prices of the others are those without it."""
    table = small_table([[10, 20], [1, 1], [40, 20]])
    assert [200 / 3, 0.0, 200 / 3] == pytest.approx(shadow_prices(table, np.array([1, 0, 1])))


@law(30)
@given(tables_and_pools())
def test_shadow_prices_add_up_to_the_capacity_and_bound_it(some: Some) -> None:
    """By duality the prices of the instances there are sum to the capacity; one more or fewer stays below the line."""
    table, [counts] = some
    if not counts.any():
        counts[0] = 1
    prices = shadow_prices(table, counts)
    assert (prices >= 0).all()
    assert {0.0} >= set(prices[counts == 0].tolist())
    assert qps(table, counts)[0] == pytest.approx(prices @ counts, rel=RELATIVE, abs=1e-6)
    for kind in np.flatnonzero(counts):
        for change in (-1, 1):
            other = counts.copy()
            other[kind] += change
            assert qps(table, other)[0] <= prices @ other * (1 + RELATIVE) + 1e-6


def test_shadow_prices_do_not_depend_on_what_was_asked_before() -> None:
    """Where several prices are right the same ones are told again, after any other pool."""
    table = shipped_table("rm2")
    pools = [np.array(each) for each in ((1, 0, 13, 0), (4, 0, 0, 0), (0, 3, 2, 1), (1, 0, 0, 12))]
    first = [shadow_prices(table, each).tolist() for each in pools]
    assert first[::-1] == [shadow_prices(table, each).tolist() for each in pools[::-1]]


# --- by brute force


@law(20)
@given(tables_and_pools())
def test_capacity_is_the_best_vertex(some: Some) -> None:
    """No vertex of the program is better, of all that there are."""
    table, [counts] = some

    assert capacity_by_vertices(table, counts) == pytest.approx(qps(table, counts)[0], rel=RELATIVE, abs=1e-6)


@law(20)
@given(st.lists(st.integers(10, 40), min_size=4, max_size=4), st.integers(1, 5), st.integers(1, 5))
def test_no_split_of_a_fine_grid_serves_more(means: list[int], number_of_a: int, number_of_b: int) -> None:
    """Of all ways to share two sizes out over two types in steps of 1 %, none serves more; the best nearly as much."""
    table = small_table([means[:2], means[2:]])
    to_a = np.stack(np.meshgrid(np.linspace(0, 1, 101), np.linspace(0, 1, 101)), axis=-1).reshape(-1, 2) / 2
    busy_a, busy_b = to_a @ table.mean_ms[0] / 1000, (0.5 - to_a) @ table.mean_ms[1] / 1000
    best = (1 / np.maximum(busy_a / number_of_a, busy_b / number_of_b)).max()
    [capacity] = qps(table, (number_of_a, number_of_b))

    assert best <= capacity * (1 + RELATIVE)
    assert best >= capacity * 0.95


@pytest.mark.parametrize("model", MODELS)
def test_capacity_is_the_rate_at_which_the_busiest_type_is_just_busy(model: str) -> None:
    """Asked the other way round, as the least time a query that the busiest type spends, the answer is the same."""
    table = shipped_table(model)
    counts = [(1, 0, 13, 0), (1, 1, 9, 1), (2, 2, 1, 1)]

    # The oracle's rows hold to 1e-7 only.
    assert [capacity_by_every_batch(table, np.array(each)) for each in counts] == pytest.approx(
        qps(table, *counts), rel=1e-5
    )


# --- the values of the issue


@pytest.mark.parametrize(
    ("model", "counts", "capacity"),
    [
        ("rm2", (1, 0, 13, 0), 143.8),
        ("rm2", (4, 0, 0, 0), 60.3),
        ("ncf", (1, 0, 13, 0), 7433.0),
        ("wnd", (1, 0, 13, 0), 1604.0),
        ("wnd", (2, 0, 9, 0), 1530.0),
        ("mtwnd", (2, 0, 9, 0), 1109.0),
        ("mtwnd", (1, 1, 10, 0), 1057.0),
        ("dien", (2, 0, 9, 0), 755.0),
        ("dien", (3, 0, 6, 0), 703.0),
    ],
)
def test_capacities_of_the_issue(model: str, counts: tuple[int, ...], capacity: float) -> None:
    """The capacities found before this code was written are found again, within 1 %."""
    assert [capacity] == pytest.approx(qps(shipped_table(model), counts), rel=0.01)


# --- laws


@law(20)
@given(tables_and_pools(), st.integers(0, 2))
def test_one_more_instance_never_hurts(some: Some, at: int) -> None:
    """Capacity does not fall when an instance is added."""
    table, [counts] = some
    more = counts.copy()
    more[at % len(counts)] += 1
    less_qps, more_qps = qps(table, counts, more)

    assert less_qps <= more_qps * (1 + RELATIVE)


@law(20)
@given(tables_and_pools(), st.integers(2, 9))
def test_capacity_is_in_proportion_to_the_pool(some: Some, times: int) -> None:
    """A pool of k times as many of each type has k times the capacity."""
    table, [counts] = some
    one, many = qps(table, counts, counts * times)

    assert times * one == pytest.approx(many, rel=RELATIVE)


@law(20)
@given(tables_and_pools(pools=2))
def test_two_pools_together_serve_at_least_what_they_serve_apart(some: Some) -> None:
    """Capacity is concave: being in proportion as well, that of a sum is at least the sum."""
    table, [one, other] = some
    one_qps, other_qps, both_qps = qps(table, one, other, one + other)

    assert one_qps + other_qps <= both_qps * (1 + RELATIVE) + 1e-9


@law(20)
@given(tables_and_pools(pools=2))
def test_shadow_prices_price_their_own_pool_and_bound_every_other(some: Some) -> None:
    """Strong duality, and weak: prices @ counts is the capacity of the pool, and at least that of any other."""
    table, [own, other] = some
    found = CapacityProgram(table).solve(own)

    assert (found.shadow_price >= 0).all()
    assert found.qps == pytest.approx(found.shadow_price @ own, rel=RELATIVE, abs=1e-6)
    assert qps(table, other)[0] <= found.shadow_price @ other * (1 + RELATIVE) + 1e-6


def assert_feasible(table: ServiceTable, counts: Counts, rate_qps: np.ndarray, total_qps: float) -> None:
    """Check the rates against the three rows of design 3.2."""
    assert (rate_qps >= -1e-9).all()
    assert rate_qps.sum(axis=0) == pytest.approx(table.probability * total_qps, rel=RELATIVE, abs=1e-6)
    assert ((rate_qps * table.mean_ms).sum(axis=1) / 1000 <= counts * (1 + RELATIVE) + 1e-9).all()
    assert (rate_qps * (1 - table.on_time)).sum() <= table.qos.late_share * total_qps * (1 + RELATIVE) + 1e-9


@law(20)
@given(tables_and_pools())
def test_rates_are_a_way_to_reach_the_capacity(some: Some) -> None:
    """The rates serve every size at its share, within the time of each type and the lateness allowed."""
    table, [counts] = some
    found = CapacityProgram(table).solve(counts)

    assert_feasible(table, counts, found.rate_qps, found.qps)


@pytest.mark.parametrize("model", MODELS)
def test_laws_hold_on_the_shipped_models(model: str) -> None:
    """Of every fortieth pool: own price, feasible rates, and prices that bound all 331 capacities."""
    table, counts, capacities = shipped_table(model), shipped_pools(model), shipped_capacities(model)
    program = CapacityProgram(table)
    for row in range(0, len(counts), 40):
        found = program.solve(counts[row])

        assert capacities[row] == pytest.approx(found.qps, rel=RELATIVE)
        assert found.qps == pytest.approx(found.shadow_price @ counts[row], rel=RELATIVE)
        assert (capacities <= counts @ found.shadow_price * (1 + RELATIVE)).all()
        assert_feasible(table, counts[row], found.rate_qps, found.qps)


@law(20)
@given(small_tables())
def test_able_to_serve_means_capacity(table: ServiceTable) -> None:
    """The pools able to meet the target at some rate are exactly those with a capacity above zero."""
    counts = every_pool(len(table.names), 2)[1:]

    assert [each > 1e-9 for each in qps(table, *counts)] == able_to_serve(table, counts).tolist()


@law(20)
@given(tables_and_pools(pools=4))
def test_the_order_of_solving_does_not_matter(some: Some) -> None:
    """A program that has solved other pools before gives the same capacity as a new one."""
    table, pools = some
    alone = [qps(table, counts)[0] for counts in pools]

    assert alone == pytest.approx(qps(table, *pools), rel=RELATIVE, abs=1e-9)


# --- ranking without solving all


@pytest.mark.parametrize("model", MODELS)
def test_ranking_is_what_solving_all_and_sorting_gives(model: str) -> None:
    """by_capacity gives all 331 pools, each with its own capacity, in falling order; equals in order of the rows."""
    counts, capacities = shipped_pools(model), shipped_capacities(model)
    ranked = [(row, found.qps) for row, found in by_capacity(CapacityProgram(shipped_table(model)), counts)]
    order = np.argsort(-capacities, kind="stable").tolist()

    assert order == [row for row, _ in ranked]
    assert capacities[order].tolist() == pytest.approx([each for _, each in ranked], rel=1e-9)


@law(20)
@given(small_tables())
def test_ranking_falls_and_leaves_nobody_out(table: ServiceTable) -> None:
    """On any table each pool comes once, with its capacity, none after a smaller one."""
    counts = every_pool(len(table.names), 2)
    ranked = [(row, found.qps) for row, found in by_capacity(CapacityProgram(table), counts)]

    assert list(range(len(counts))) == sorted(row for row, _ in ranked)
    assert qps(table, *counts[[row for row, _ in ranked]]) == pytest.approx([each for _, each in ranked], rel=1e-8)
    assert sorted((each for _, each in ranked), reverse=True) == [each for _, each in ranked]


def test_equal_pools_come_in_the_order_of_their_rows() -> None:
    """Three pools of the same capacity, among a greater and a smaller one, keep their order."""
    table = small_table([[10, 20], [10, 20]])
    counts = np.array([[0, 1], [2, 0], [1, 1], [3, 0], [0, 2]])

    assert [3, 1, 2, 4, 0] == [row for row, _ in by_capacity(CapacityProgram(table), counts)]


def test_the_best_pool_is_found_without_solving_most() -> None:
    """Shadow prices spare solving: the best of 331 pools is known after a tenth of them."""
    program = CapacityProgram(shipped_table("mtwnd"))
    next(by_capacity(program, shipped_pools("mtwnd")))

    assert program.solved <= 33


def test_ranking_nothing_gives_nothing() -> None:
    """No pools, no ranking."""
    program = CapacityProgram(small_table([[10]]))

    assert [] == list(by_capacity(program, np.zeros((0, 1), dtype=np.int64)))
    assert [] == list(carrying(program, np.zeros((0, 1), dtype=np.int64), 1.0))


@pytest.mark.parametrize("share", [0.8])
@pytest.mark.parametrize("model", MODELS)
def test_carrying_gives_the_pools_that_carry_the_load(model: str, share: float) -> None:
    """Exactly the pools of enough capacity come, in the order given, each with its capacity."""
    counts, capacities = shipped_pools(model), shipped_capacities(model)
    load = share * capacities.max()
    found = [(row, each.qps) for row, each in carrying(CapacityProgram(shipped_table(model)), counts, load)]

    assert np.flatnonzero(capacities >= load).tolist() == [row for row, _ in found]
    assert capacities[capacities >= load].tolist() == pytest.approx([each for _, each in found], rel=1e-9)


@law(20)
@given(st.data(), small_tables())
def test_a_pool_carries_exactly_its_capacity(data: st.DataObject, table: ServiceTable) -> None:
    """A load equal to some pool's capacity is carried by all pools of that capacity or more."""
    counts = every_pool(len(table.names), 2)
    capacities = np.array(qps(table, *counts))
    load = data.draw(st.sampled_from(capacities.tolist()))
    found = [row for row, _ in carrying(CapacityProgram(table), counts, load)]

    assert np.flatnonzero(capacities >= load * (1 - 1e-8)).tolist() == found
