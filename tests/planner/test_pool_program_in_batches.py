"""The pool as an integer program, for servers that merge and split: it must choose what enumeration chooses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.domain.serving import Serving
from kairos_cli.planner.capacity import CapacityProgram, by_capacity
from kairos_cli.planner.dominance import undominated
from kairos_cli.planner.enumeration import able_to_serve, affordable_counts
from kairos_cli.planner.pool_program import best_counts, cheapest_counts
from tests.planner.tables import BATCHING, MODELS, batching_tables, every_pool, law, shipped_table, small_table

#: Two capacities that differ by less are equal for the integer program.
RELATIVE = 1e-5
MERGING, SPLITTING, BOTH = BATCHING


@pytest.mark.parametrize("serving", BATCHING, ids=str)
@pytest.mark.parametrize("model", MODELS)
def test_the_best_pool_in_batches_is_the_best_of_the_enumeration(model: str, serving: Serving) -> None:
    """For 2.5 $/h the program's pool has the capacity of the first of all pools, and says so itself."""
    table = shipped_table(model, serving)
    counts = affordable_counts(table, 2.5, Constraints())
    assert counts is not None
    program = CapacityProgram(table)
    _, best = next(by_capacity(program, counts[able_to_serve(table, counts)]))
    found = best_counts(table, 2.5, Constraints())
    assert found is not None

    assert best.qps == pytest.approx(program.solve(found.counts).qps, rel=RELATIVE)
    assert best.qps == pytest.approx(found.answer.objective, rel=RELATIVE)
    assert "optimal" == found.answer.status


@law(40)
@given(batching_tables(), st.integers(10, 200))
def test_the_best_pool_of_any_table_in_batches_is_the_best_of_all(table: ServiceTable, cents: int) -> None:
    """The best capacity is that of brute force over all types, whatever dominance left out; None if that is zero."""
    program = CapacityProgram(table)
    counts = every_pool(len(table.names), 20)
    counts = counts[counts @ table.price_usd_per_hour <= cents / 100 + 1e-9]
    best = next(by_capacity(program, counts))[1].qps
    found = best_counts(table, cents / 100, Constraints())

    assert best == pytest.approx(0.0 if found is None else program.solve(found.counts).qps, rel=RELATIVE)


@law(30)
@given(batching_tables(), st.integers(1, 100))
def test_the_cheapest_pool_of_any_table_in_batches_is_the_cheapest_of_all(table: ServiceTable, load: int) -> None:
    """With up to three of each type the least cost is that of brute force; None if nothing carries the load."""
    caps = dict.fromkeys(table.names, 3)
    program, counts = CapacityProgram(table), every_pool(len(table.names), 3)
    cost = counts @ table.price_usd_per_hour
    carries = np.array([program.solve(pool).qps >= load * (1 - 1e-7) for pool in counts])
    found = cheapest_counts(table, load, Constraints(caps))

    if found is None:
        assert not carries.any()
    else:
        assert cost[carries].min() == pytest.approx(table.cost_usd_per_hour(found.counts), rel=RELATIVE)


def test_merging_turns_the_choice_by_hand() -> None:
    """A query of ten takes 10 ms on a, 25 on b: for 0.90 $/h three b serve 120/s, one a 100. In fours a takes 13 ms.

    So merged one a serves 4 / 0.013 = 307.7/s, three b, whose batches only grow with their queries, 120 still.
    """
    mean, prices = [[10, 11, 12, 13], [25, 50, 75, 100]], [0.9, 0.3]
    one, merged = (
        best_counts(small_table(mean, weights=[1, 0, 0, 0], prices=prices, serving=each), 0.9, Constraints())
        for each in (Serving(), MERGING)
    )
    assert one is not None
    assert merged is not None

    assert ([0, 3], pytest.approx(120.0)) == (one.counts.tolist(), one.answer.objective)
    assert ([1, 0], pytest.approx(4000 / 13)) == (merged.counts.tolist(), merged.answer.objective)


@pytest.mark.parametrize(
    ("table", "kept"),
    [
        # b is as fast as a at every size, and half as dear
        (small_table([[10, 20], [10, 20]], weights=[1, 0], prices=[1.0, 0.5], serving=MERGING), [1]),
        # but slower or late with a batch that no query has, or with none so large
        (small_table([[10, 20], [10, 41]], weights=[1, 0], prices=[1.0, 0.5], serving=MERGING), [0, 1]),
        (
            small_table([[10, 20], [10, 20]], [[1, 1], [1, 0.9]], weights=[1, 0], prices=[1.0, 0.5], serving=MERGING),
            [0, 1],
        ),
        (small_table([[10, 20], [10, 20]], prices=[1.0, 0.5], serving=BOTH, largest=[2, 1]), [0, 1]),
        # what b is at sizes that a has not does not matter
        (small_table([[10, 1], [10, 90]], prices=[1.0, 0.5], serving=BOTH, largest=[1, 2]), [1]),
        # a serves nothing at all: another stands in for it if it costs no more
        (small_table([[10, 1], [10, 90]], prices=[1.0, 1.0], serving=BOTH, largest=[0, 2]), [1]),
        (small_table([[10, 1], [10, 90]], prices=[0.9, 1.0], serving=BOTH, largest=[0, 2]), [0, 1]),
    ],
)
def test_one_type_replaces_another_in_all_its_batches(table: ServiceTable, kept: list[int]) -> None:
    """Every batch that the one may serve the other serves too, as fast and as often on time for the money."""
    assert kept == undominated(table, Constraints())
