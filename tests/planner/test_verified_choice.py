"""The verified rule of choice, against measuring every pool."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.planner.capacity import Capacity
from kairos_cli.planner.choice import VerifiedChoice, verified_choice
from kairos_cli.planner.enumeration import Counts
from tests.planner.tables import Rate, law

#: Capacity and measured rate of each pool; no pool measures above its capacity.
Rates = list[tuple[int, int]]
RATES = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)).map(lambda each: (max(each), each[1])), max_size=15)


class Bench:
    """Measures pools, which are told apart by how many instances they have, and notes what it is asked for."""

    def __init__(self, rates: Rates) -> None:
        self.capacity = [float(capacity) for capacity, _ in rates]
        self.rate = [float(rate) for _, rate in rates]
        self.asked: list[int] = []

    def ranked(self) -> Iterator[tuple[int, Capacity]]:
        """Yield rows in falling order of capacity."""
        for row in sorted(range(len(self.capacity)), key=lambda row: -self.capacity[row]):
            yield row, Capacity(self.capacity[row], np.zeros(0), np.zeros((0, 0)), np.zeros(0), np.zeros(0))

    def measure(self, counts: Counts, capacity_qps: float, better_than_qps: float) -> Rate | None:
        """Return the rate of a pool; None if it is not better than a given one above zero."""
        row = int(counts[0])
        assert self.capacity[row] == capacity_qps
        self.asked.append(row)
        return None if 0 < better_than_qps >= self.rate[row] else Rate(self.rate[row])

    def choice(self) -> VerifiedChoice | None:
        """Return the choice among all pools."""
        return verified_choice(self.ranked(), np.arange(len(self.rate))[:, None], self.measure)


@law(60)
@given(RATES)
def test_the_choice_is_the_best_of_measuring_all(rates: Rates) -> None:
    """No pool measures better than the chosen one."""
    bench = Bench(rates)
    choice = bench.choice()

    assert max(bench.rate, default=None) == (choice.measured.qps if choice else None)
    assert choice is None or bench.rate[choice.row] == choice.measured.qps


@law(60)
@given(RATES)
def test_no_pool_is_measured_in_vain(rates: Rates) -> None:
    """A pool is measured only while its capacity is above the best rate so far, each once, the greatest first."""
    bench = Bench(rates)
    bench.choice()
    so_far = itertools.accumulate((bench.rate[row] for row in bench.asked), max, initial=0.0)

    assert bench.asked == [row for row, _ in bench.ranked()][: len(bench.asked)]
    assert all(bench.capacity[row] > best for row, best in zip(bench.asked, so_far, strict=False))


@law(60)
@given(RATES)
def test_no_pool_left_unmeasured_could_win(rates: Rates) -> None:
    """The choice names all pools measured, with their capacities, and the greatest capacity of the others."""
    bench = Bench(rates)
    choice = bench.choice()
    if choice is None:
        assert [] == rates
        return
    unmeasured = [bench.capacity[row] for row in range(len(rates)) if row not in bench.asked]

    assert {row: bench.capacity[row] for row in bench.asked} == choice.capacity_qps_by_row
    assert len(bench.asked) == choice.measured_count
    assert max(unmeasured, default=None) == choice.best_unmeasured_qps
    assert choice.best_unmeasured_qps == (
        None if choice.unmeasured_row is None else bench.capacity[choice.unmeasured_row]
    )
    assert max(unmeasured, default=0.0) <= choice.measured.qps


def test_the_search_stops_at_the_first_pool_that_cannot_win() -> None:
    """Capacities 10, 9, 8 and 7; the first two measure 5 and 8, and 8 cannot beat 8: two are measured."""
    bench = Bench([(10, 5), (9, 8), (8, 8), (7, 7)])

    assert VerifiedChoice(1, Rate(8.0), {0: 10.0, 1: 9.0}, 2, 8.0, 2) == bench.choice()


def test_a_search_may_stop_where_no_pool_could_win_by_much() -> None:
    """Of capacities 10, 9 and 8.2, 5 and 8 measured: the third could win by 2.5 %, which is within 3 %, not 2 %."""
    bench = Bench([(10, 5), (9, 8), (8, 8)])
    bench.capacity[2] = 8.2

    def measured_count(close: float) -> int:
        found = verified_choice(bench.ranked(), np.arange(3)[:, None], bench.measure, close)
        assert found is not None and 1 == found.row
        return found.measured_count

    assert [3, 2] == [measured_count(0.02), measured_count(0.03)]


def test_the_only_pool_has_no_other() -> None:
    """A single pool is measured and chosen; none is left unmeasured."""
    assert VerifiedChoice(0, Rate(3.0), {0: 4.0}, 1, None) == Bench([(4, 3)]).choice()


def test_a_pool_that_serves_nothing_is_still_a_choice() -> None:
    """Where every pool measures 0 all are measured, and the first is chosen."""
    bench = Bench([(5, 0), (4, 0)])

    assert VerifiedChoice(0, Rate(0.0), {0: 5.0, 1: 4.0}, 2, None) == bench.choice()


def test_no_pool_no_choice() -> None:
    """Nothing to choose from is None, and nothing is measured."""
    bench = Bench([])

    assert bench.choice() is None
    assert [] == bench.asked
