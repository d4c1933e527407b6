"""The pool as an integer program: it must choose what enumeration chooses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.planner.capacity import CapacityProgram, by_capacity
from kairos_cli.planner.dominance import undominated
from kairos_cli.planner.enumeration import able_to_serve, affordable_counts
from kairos_cli.planner.pool_program import best_counts, cheapest_counts
from tests.planner.tables import (
    MODELS,
    every_pool,
    law,
    shipped_capacities,
    shipped_pools,
    shipped_table,
    small_table,
    small_tables,
)

#: Two capacities that differ by less are equal for the integer program.
RELATIVE = 1e-5

CAPS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 2))


def capped(table: ServiceTable, caps: dict[str, int], most: int) -> np.ndarray:
    """Return all pools of up to `most` instances of each type, within the caps."""
    counts = every_pool(len(table.names), most)
    return counts[(counts <= [caps.get(name, most) for name in table.names]).all(axis=1)]


@pytest.mark.parametrize("budget", [1.0, 5.0, 10.0])
@pytest.mark.parametrize("model", MODELS)
def test_the_best_pool_is_the_best_of_the_enumeration(model: str, budget: float) -> None:
    """For 1, 5 and 10 $/h the program's pool has the capacity of the first of all pools, and says so itself."""
    table = shipped_table(model)
    counts = affordable_counts(table, budget, Constraints())
    assert counts is not None
    program = CapacityProgram(table)
    _, best = next(by_capacity(program, counts[able_to_serve(table, counts)]))
    found = best_counts(table, budget, Constraints())
    assert found is not None

    assert best.qps == pytest.approx(program.solve(found.counts).qps, rel=RELATIVE)
    assert best.qps == pytest.approx(found.answer.objective, rel=RELATIVE)
    assert best.qps == pytest.approx(found.answer.bound, rel=RELATIVE)
    assert table.cost_usd_per_hour(found.counts) <= budget + 1e-9
    assert "optimal" == found.answer.status


@pytest.mark.parametrize("share", [0.3, 0.9])
@pytest.mark.parametrize("model", MODELS)
def test_the_cheapest_pool_is_the_cheapest_of_the_enumeration(model: str, share: float) -> None:
    """For two loads no pool that carries the load is cheaper, and the one found carries it."""
    table, counts, capacities = shipped_table(model), shipped_pools(model), shipped_capacities(model)
    load = share * capacities.max()
    cheapest = (counts @ table.price_usd_per_hour)[capacities >= load].min()
    found = cheapest_counts(table, load, Constraints())
    assert found is not None

    assert cheapest == pytest.approx(table.cost_usd_per_hour(found.counts), rel=RELATIVE)
    assert cheapest == pytest.approx(found.answer.objective, rel=RELATIVE)
    assert cheapest == pytest.approx(found.answer.bound, rel=RELATIVE)
    assert load <= CapacityProgram(table).solve(found.counts).qps * (1 + RELATIVE)


@law(20)
@given(small_tables(), st.integers(10, 200), CAPS)
def test_the_best_pool_of_any_table_is_the_best_of_all(table: ServiceTable, cents: int, caps: dict[str, int]) -> None:
    """On small tables with caps the best capacity is that of brute force; None if that is zero."""
    program = CapacityProgram(table)
    counts = capped(table, caps, 20)
    counts = counts[counts @ table.price_usd_per_hour <= cents / 100 + 1e-9]
    best = next(by_capacity(program, counts))[1].qps
    found = best_counts(table, cents / 100, Constraints(caps))

    assert best == pytest.approx(0.0 if found is None else program.solve(found.counts).qps, rel=RELATIVE)
    if found is not None:
        assert found.counts.tolist() in counts.tolist()


@law(20)
@given(small_tables(), st.integers(1, 100), CAPS)
def test_the_cheapest_pool_of_any_table_is_the_cheapest_of_all(
    table: ServiceTable, load: int, caps: dict[str, int]
) -> None:
    """On small tables with caps the least cost is that of brute force; None if nothing carries the load."""
    caps = {name: caps.get(name, 3) for name in table.names}
    program = CapacityProgram(table)
    counts = capped(table, caps, 3)
    cost = counts @ table.price_usd_per_hour
    carries = np.array([program.solve(pool).qps >= load * (1 - 1e-7) for pool in counts])
    found = cheapest_counts(table, load, Constraints(caps))

    if found is None:
        assert not carries.any()
    else:
        assert cost[carries].min() == pytest.approx(table.cost_usd_per_hour(found.counts), rel=RELATIVE)
        assert found.counts.tolist() in counts[carries].tolist()


# --- by hand: a serves 100 queries/s for 1 $, b 40 for 0.30

HAND = small_table([[10], [25]], prices=[1.0, 0.3])


@pytest.mark.parametrize(
    ("budget", "caps", "best"),
    [
        (1.0, {}, [0, 3]),  # 120 against 100
        (1.0, {"b": 2}, [1, 0]),  # 100 against 80
        (1.0, {"a": 0, "b": 2}, [0, 2]),
        (1.3, {}, [0, 4]),  # 160 against 140
        (1.3, {"b": 1}, [1, 1]),
        (0.9, {"a": 5}, [0, 3]),
        (0.2, {}, None),
        (9.0, {"a": 0, "b": 0}, None),
    ],
)
def test_the_best_pool_by_hand(budget: float, caps: dict[str, int], best: list[int] | None) -> None:
    """Budget and caps are kept; None if they leave no pool."""
    found = best_counts(HAND, budget, Constraints(caps))

    assert best == (None if found is None else found.counts.tolist())


@pytest.mark.parametrize(
    ("load", "caps", "cheapest"),
    [
        (120.0, {}, [0, 3]),  # 0.90 $/h
        (121.0, {}, [0, 4]),  # 1.20
        (121.0, {"b": 3}, [1, 1]),  # 1.30, as 2 a cost 2
        (230.0, {"b": 3}, [2, 1]),  # 2.30 for 240
        (300.0, {"a": 2, "b": 2}, None),  # they serve 280 together
        (1.0, {"a": 0, "b": 0}, None),
    ],
)
def test_the_cheapest_pool_by_hand(load: float, caps: dict[str, int], cheapest: list[int] | None) -> None:
    """The load is carried within the caps; None if they forbid it."""
    found = cheapest_counts(HAND, load, Constraints(caps))

    assert cheapest == (None if found is None else found.counts.tolist())


def test_a_target_no_type_keeps_has_no_pool() -> None:
    """Where every query is late no money helps: neither program finds a pool."""
    table = small_table([[10], [20]], [[0.9], [0.5]])

    assert best_counts(table, 10.0, Constraints()) is None
    assert cheapest_counts(table, 1.0, Constraints()) is None


def test_a_budget_of_thirteen_times_the_price_buys_thirteen() -> None:
    """0.149 * 13 pays for 13 instances at 0.149, whatever binary fractions make of it."""
    found = best_counts(small_table([[10]], prices=[0.149]), 0.149 * 13, Constraints())

    assert found is not None
    assert [13] == found.counts.tolist()


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_the_unit_of_time_does_not_matter(scale: float) -> None:
    """A model a hundred times faster or slower gets the same pool, at a hundred times the rate or a hundredth."""
    table = shipped_table("wnd")
    scaled = ServiceTable(
        table.names,
        table.price_usd_per_hour,
        table.batch_size,
        table.probability,
        table.mean_ms * scale,
        table.on_time,
        table.level,
        table.quantile_ms * scale,
        table.qos,
    )
    found = best_counts(scaled, 2.5, Constraints())

    assert found is not None
    assert [1, 0, 13, 0] == found.counts.tolist()
    assert 1602.265 / scale == pytest.approx(found.answer.objective, rel=RELATIVE)


@pytest.mark.parametrize(
    ("table", "caps", "kept"),
    [
        # two b are as fast as one a, and cost no more
        (small_table([[10, 20], [20, 40]], prices=[1.0, 0.5]), {}, [1]),
        (small_table([[10, 20], [20, 40]], prices=[1.0, 0.51]), {}, [0, 1]),
        # but of a limited type there may not be two
        (small_table([[10, 20], [20, 40]], prices=[1.0, 0.5]), {"b": 9}, [0, 1]),
        (small_table([[10, 20], [20, 40]], prices=[1.0, 0.5]), {"a": 9}, [1]),
        # b is slower with one size only, or late once more often with one: a may be needed for it
        (small_table([[10, 20], [5, 21]], prices=[1.0, 0.9]), {}, [0, 1]),
        (small_table([[10, 20], [10, 20]], [[1, 1], [1, 0.999]], prices=[1.0, 0.5]), {}, [0, 1]),
        # of equals the first is kept, of unequally limited ones the unlimited
        (small_table([[10], [10], [10]]), {}, [0]),
        (small_table([[10], [10], [10]]), {"a": 1}, [1]),
        (small_table([[10], [10], [10]]), {"a": 1, "b": 1, "c": 1}, [0, 1, 2]),
    ],
)
def test_types_that_others_replace_are_left_out(table: ServiceTable, caps: dict[str, int], kept: list[int]) -> None:
    """A type goes if as many of another as are as fast in every way cost no more."""
    assert kept == undominated(table, Constraints(caps))


def test_hundreds_of_types_need_no_enumeration() -> None:
    """Of 150 types, each a bit dearer and a bit faster than the last, the best pool is found and proven."""
    types = 150
    names = tuple(f"type{number}" for number in range(types))
    small = small_table([[10.0, 30.0]])
    mean = np.array([[10.0, 30.0]]) / (1 + np.arange(types) / 100)[:, None]
    table = ServiceTable(
        names,
        0.2 + 0.002 * np.arange(types),
        small.batch_size,
        small.probability,
        mean,
        np.ones(mean.shape),
        small.level,
        np.stack([mean, mean], axis=-1),
        small.qos,
    )
    found = best_counts(table, 2.0, Constraints())
    assert found is not None

    # Speed grows in proportion to the price, by 1 % for 0.2 cents of 20: no type is better value than another,
    # and 10 instances of type 0 are 2 $/h of any.
    assert 10 / 0.02 == pytest.approx(found.answer.objective, rel=RELATIVE)
    assert "optimal" == found.answer.status
