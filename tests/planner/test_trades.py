"""Trades of instances, against trying all of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.planner import trades as subject
from kairos_cli.planner.enumeration import Counts
from kairos_cli.planner.rating import Rater
from kairos_cli.planner.trades import MOST_TRADES, trades
from tests.planner.tables import capacity_by_vertices, law, measure_by, small_table, small_tables
from tests.planner.test_change import part_of_capacity

MOST = 4


@st.composite
def questions(draw: st.DrawFn) -> tuple[ServiceTable, Counts, Counts, int]:
    """Draw a table, a pool that is not empty, limits not under it, and how pools queue."""
    table = draw(small_tables(most_types=3, most_sizes=2))
    types = len(table.names)
    counts = st.lists(st.integers(0, 3), min_size=types, max_size=types).map(np.array)
    start = draw(counts.filter(lambda each: bool(each.any())))
    return table, start, start + draw(counts), draw(st.integers(0, 50))


@law(80)
@given(questions())
def test_every_trade_keeps_the_rate_and_cuts_the_cost(question: tuple[ServiceTable, Counts, Counts, int]) -> None:
    """The traded pool is the pool with m of one type less and n of another more; no limit is broken."""
    table, start, most, seed = question
    rate_of = part_of_capacity(seed)
    rater = Rater(table, measure_by(rate_of))
    least_qps = 0.9 * rater.verified(rater.rated(start)).served_qps
    found = trades(rater, start, least_qps, most) if least_qps > 0 else ()

    for trade in found:
        counts = table.counts(trade.rated.pool)
        steps = {name: step for name, step in zip(table.names, (counts - start).tolist(), strict=True) if step}
        taken = {trade.taken_type: trade.taken} if trade.taken else {}
        assert {trade.given_type: -trade.given, **taken} == steps
        assert rate_of(counts, capacity_by_vertices(table, counts)) > least_qps * (1 - 1e-9)
        assert table.cost_usd_per_hour(counts) < table.cost_usd_per_hour(start)
        assert table.cost_usd_per_hour(start) - table.cost_usd_per_hour(counts) == pytest.approx(
            trade.saving_usd_per_hour
        )
        assert (counts <= most).all()
    savings = [round(each.saving_usd_per_hour, 9) for each in found]
    assert sorted(savings, reverse=True) == savings
    assert len(found) == len({(each.given_type, each.taken_type) for each in found}) <= MOST_TRADES


@law(60)
@given(questions())
def test_no_trade_saves_more_than_the_first(question: tuple[ServiceTable, Counts, Counts, int]) -> None:
    """However pools queue, the best trade of all is found."""
    table, start, most, seed = question
    rate_of = part_of_capacity(seed)
    rater = Rater(table, measure_by(rate_of))
    least_qps = 0.99 * rate_of(start, capacity_by_vertices(table, start))
    if least_qps < 1e-6:
        return
    best = 0.0
    for a, b in itertools.permutations(range(len(start)), 2):
        for m, n in itertools.product(range(1, start[a] + 1), range(most[b] - start[b] + 1)):
            counts = start.copy()
            counts[[a, b]] += [-m, n]
            saving = table.cost_usd_per_hour(start) - table.cost_usd_per_hour(counts)
            if saving > best and rate_of(counts, capacity_by_vertices(table, counts)) > least_qps * (1 + 1e-9):
                best = saving
    found = trades(rater, start, least_qps, most)

    assert pytest.approx(best, abs=1e-9) == (found[0].saving_usd_per_hour if found else 0.0)


def test_a_dear_type_is_traded_for_a_cheap_one() -> None:
    """a and b serve 10 queries/s each, a for 1 $/h, b for 0.3: each a goes for one b, at 0.7 $/h less."""
    table = small_table([[100.0], [100.0]], prices=[1.0, 0.3])
    rater = Rater(table, measure_by(lambda counts, capacity: capacity))
    (trade,) = trades(rater, np.array([2, 0]), 19.9, np.array([9, 9]))

    assert ("a", 2, "b", 2) == (trade.given_type, trade.given, trade.taken_type, trade.taken)
    assert pytest.approx(1.4) == trade.saving_usd_per_hour
    assert 20.0 == trade.rated.served_qps


def test_idle_machines_are_given_for_nothing() -> None:
    """b is always late; p99 leaves it next to nothing to do, and its three instances can go."""
    table = small_table([[100.0], [100.0]], [[1.0], [0.0]])
    rater = Rater(table, measure_by(lambda counts, capacity: float(counts[0])))
    (trade,) = trades(rater, np.array([1, 3]), 0.9, np.array([1, 9]))

    assert ("b", 3, None, 0) == (trade.given_type, trade.given, trade.taken_type, trade.taken)
    assert pytest.approx(3.0) == trade.saving_usd_per_hour


def test_nothing_is_taken_for_idle_machines() -> None:
    """Two of four a are enough: they go for nothing, and two of them for a cheaper b are no trade worth telling."""
    table = small_table([[100.0], [100.0]], prices=[1.0, 0.3])
    rater = Rater(table, measure_by(lambda counts, capacity: min(capacity, 20.0)))
    found = trades(rater, np.array([4, 0]), 19.9, np.array([4, 9]))

    assert [(4, "b", 2), (2, None, 0)] == [(each.given, each.taken_type, each.taken) for each in found]


def test_the_search_ends_after_enough_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no trade holds, no more pools are simulated than allowed."""
    monkeypatch.setattr(subject, "MOST_TRIED", 3)
    table = small_table([[100.0], [10.0]], prices=[1.0, 0.3])
    asked: list[tuple[int, ...]] = []
    rater = Rater(table, measure_by(lambda counts, capacity: 0.0, asked))

    assert () == trades(rater, np.array([6, 0]), 1.0, np.array([9, 9]))
    assert 3 == len(asked)
