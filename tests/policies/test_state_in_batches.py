"""What policies are told of a table whose queries are merged or split, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kairos_cli.policies.state import service
from tests.policies.batch_states import facts
from tests.simulate.batch_cases import BOTH, MERGING, SPLITTING, in_batches
from tests.simulate.tables import fixed, table

#: A start of 8 ms and 2 for each unit, one unit after another at 6 ms, and late from four units on.
LINES = [[10.0, 12.0, 14.0, 16.0, 18.0, 20.0], [6.0, 12.0, 18.0, 24.0, 30.0, 36.0]]


def test_one_at_a_time_a_query_takes_its_own_latency() -> None:
    """Where none are merged or split its share is the mean latency, every size may be a batch, and all are whole."""
    known = service(fixed(LINES))
    assert not known.merge
    assert not known.split
    assert LINES == known.share_ms.tolist()
    assert [6, 6] == known.largest.tolist()
    assert [1] * 6 == known.parts.tolist()


def test_merged_a_query_takes_a_share_of_the_cheapest_larger_batch() -> None:
    """In batches of six a unit takes 20 / 6 ms; where latency is in proportion to size batches save nothing."""
    known = facts(LINES, MERGING)
    assert [20 / 6 * n for n in range(1, 7)] == pytest.approx(known.share_ms[0])
    assert LINES[1] == pytest.approx(known.share_ms[1])


def test_a_batch_that_is_late_or_too_large_lends_no_share() -> None:
    """With 16 ms of time batches of four are the cheapest, 4 ms a unit; with room for two, those of two."""
    assert 4.0 == pytest.approx(facts(LINES, MERGING, target_ms=16.0).share_ms[0, 0])
    assert 6.0 == pytest.approx(facts(LINES, MERGING, largest=[2, 6]).share_ms[0, 0])


def test_what_is_late_in_every_batch_takes_its_own_latency() -> None:
    """With 16 ms of time five units are late however they are served, and take their 18 ms."""
    assert 18.0 == facts(LINES, MERGING, target_ms=16.0).share_ms[0, 4]


def test_split_a_query_takes_a_share_of_the_cheapest_smaller_batch() -> None:
    """Of a type that takes 5, 12 and 21 ms, a query of three takes three single units: 15 ms; with both 15 too."""
    dear = [[5.0, 12.0, 21.0]]
    assert [5.0, 10.0, 15.0] == pytest.approx(facts(dear, SPLITTING).share_ms[0])
    assert [5.0, 12.0, 21.0] == pytest.approx(facts(dear, MERGING).share_ms[0])


def test_merged_and_split_every_unit_takes_the_cheapest_share() -> None:
    """Where three units together are cheapest, 3 ms each, one and four take so much, too."""
    known = facts([[5.0, 8.0, 9.0, 16.0]], BOTH)
    assert [3.0, 6.0, 9.0, 12.0] == pytest.approx(known.share_ms[0])


def test_full_is_the_largest_batch_all_but_surely_in_time() -> None:
    """99 in 100 services of four units end in 16 ms, of five in 18: with 17 ms of time four are full, row 3."""
    assert [3, 1] == facts(LINES, MERGING, target_ms=17.0).full.tolist()
    assert [5, 5] == facts(LINES, MERGING).full.tolist()
    assert [2, 5] == facts(LINES, MERGING, largest=[3, 6]).full.tolist()
    assert [0, 0] == facts(LINES, MERGING, target_ms=1.0).full.tolist()


def test_full_goes_by_the_99th_percentile_and_not_the_mean() -> None:
    """A batch of two that takes 12 ms on average, but 30 in its slowest hundredth, is not full at 20 ms."""
    spread = table([[[9, 10, 11, 12], [9, 11, 30, 40]]], [0, 0.5, 0.99, 1], target_ms=20.0)
    known = service(in_batches(spread, MERGING))
    assert [11.0, 30.0] == pytest.approx(known.high_ms[0])
    assert [0] == known.full.tolist()


def test_worth_is_the_price_of_the_share_where_that_is_cheapest() -> None:
    """At 0.1 and 0.05 queries a ms, a unit is worth 0.3 on the second type; in batches of six 0.33 on the first."""
    alone = facts(LINES, SPLITTING, shadow_price=[100.0, 50.0])
    merged = facts(LINES, MERGING, shadow_price=[100.0, 50.0])
    assert pytest.approx(0.3) == alone.worth[0]
    assert pytest.approx(0.3) == merged.worth[0]
    cheaper = facts(LINES, MERGING, shadow_price=[60.0, 50.0])
    assert pytest.approx(0.06 * 20 / 6) == cheaper.worth[0]
    assert 0 == cheaper.cheapest[0]


@pytest.mark.parametrize(
    ("target_ms", "parts"),
    [(100.0, [1] * 6), (45.0, [1, 1, 1, 1, 2, 2]), (25.0, [1, 1, 3, 4, 5, 6]), (15.0, [1, 2, 3, 4, 5, 6])],
)
def test_a_query_is_in_as_few_parts_as_are_in_time(target_ms: float, parts: list[int]) -> None:
    """At 10 ms a unit and 45 ms, four units are in time whole; five and six are in parts of 31.5 ms, three units."""
    assert parts == facts([[10.0 * n for n in range(1, 7)]], SPLITTING, target_ms=target_ms).parts.tolist()


def test_no_part_is_larger_than_its_type_may_serve() -> None:
    """With batches of four at most, five and six units are in two parts, however much time there is."""
    known = facts([[10.0 * n for n in range(1, 7)]], SPLITTING, largest=[4], target_ms=1000.0)
    assert [1, 1, 1, 1, 2, 2] == known.parts.tolist()


def test_nothing_is_in_parts_where_none_are_split() -> None:
    """Merged queries are whole, late or not."""
    assert [1] * 6 == facts(LINES, MERGING, target_ms=12.0).parts.tolist()


def test_the_fastest_type_is_one_that_may_serve_so_much_at_once() -> None:
    """From three units on the first type, which serves two at most, does not count; beyond all limits all do."""
    known = facts([[1.0, 2.0, 2.0, 2.0], [5.0, 6.0, 7.0, 8.0]], SPLITTING, largest=[2, 3])
    assert [1.0, 2.0, 7.0, 2.0] == known.fastest_ms.tolist()


def test_a_type_is_held_dearer_where_it_alone_can_even_in_parts() -> None:
    """A type that is late with every batch leaves all sizes to the other; where parts are in time it does not."""
    late, prices = [[10.0, 20.0], [90.0, 150.0]], np.array([100.0, 10.0])
    whole, in_parts = (
        service(replace(fixed(late), serving=serving), np.array([1, 1]), prices).time_price
        for serving in (MERGING, SPLITTING)
    )
    assert [0.105, 0.01] == pytest.approx(whole)
    assert [0.1, 0.01] == pytest.approx(in_parts)
