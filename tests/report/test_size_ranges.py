"""Who serves what, in ranges of batch sizes: no query is lost, none counted twice."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.planner.distribution import Distribution, distribution
from kairos_cli.planner.solver import Answer
from kairos_cli.report.size_ranges import ALIKE, SizeRange, size_ranges
from tests.planner.tables import MODELS, law, shipped_capacities, shipped_pools, shipped_table, small_table

Split = tuple[ServiceTable, Distribution]


def split(
    queries: list[list[int]], on_time: list[list[float]] | None = None, batches: list[list[float]] | None = None
) -> Split:
    """Return a split of whole queries (J, B), in batches of ten if not given, and a table whose mix is the split's."""
    served = np.array(queries)
    table = small_table(np.ones(served.shape).tolist(), on_time, weights=served.sum(axis=0).tolist())
    items = np.full(served.shape, 10.0) if batches is None else np.array(batches)
    return table, Distribution(Answer(True, 60.0, 60.0), 1.0, served, items, table.on_time, served.reshape(-1))


@st.composite
def splits(draw: st.DrawFn) -> Split:
    """Draw a split of up to three types and nine sizes, each of which somebody serves."""
    types, sizes = draw(st.integers(1, 3)), draw(st.integers(1, 9))
    column = st.lists(st.sampled_from([0, 1, 2, 50, 99, 100]), min_size=types, max_size=types).filter(any)
    served = draw(st.lists(column, min_size=sizes, max_size=sizes))
    chances = st.lists(st.sampled_from([0.0, 0.5, 0.9, 1.0]), min_size=sizes, max_size=sizes)
    on_time = draw(st.lists(chances, min_size=types, max_size=types))
    return split([list(row) for row in zip(*served, strict=True)], on_time)


@functools.cache
def best_split(model: str) -> Distribution:
    """Return how the best pool of a shipped model for 2.5 $/h shares the queries out."""
    capacities = shipped_capacities(model)
    best = int(capacities.argmax())
    return distribution(shipped_table(model), shipped_pools(model)[best], float(capacities[best]))


def sizes_of(table: ServiceTable, ranges: list[SizeRange]) -> list[list[int]]:
    """Return the sizes of the mix in each range."""
    return [[size for size in table.batch_size.tolist() if each.first <= size <= each.last] for each in ranges]


def assert_sound(table: ServiceTable, served: Distribution, ranges: list[SizeRange]) -> None:
    """Check that the ranges cut the mix up, and that each tells of its sizes what they add up to."""
    assert table.batch_size.tolist() == list(itertools.chain(*sizes_of(table, ranges)))
    assert 1.0 == pytest.approx(sum(each.query_share for each in ranges))
    for each in ranges:
        inside = (table.batch_size >= each.first) & (table.batch_size <= each.last)
        queries = served.queries[:, inside]

        assert each.first in table.batch_size
        assert each.last in table.batch_size
        assert table.probability[inside].sum() == pytest.approx(each.query_share)
        assert 1.0 == pytest.approx(each.share.sum())
        assert (queries.sum(axis=1) / queries.sum()).tolist() == pytest.approx(each.share.tolist())
        assert (queries * table.on_time[:, inside]).sum() / queries.sum() == pytest.approx(each.on_time)


@law(30)
@given(splits(), st.none() | st.integers(1, 9))
def test_ranges_cut_the_mix_up(some: Split, most: int | None) -> None:
    """Every size is in one range, in order; shares of the queries and of the types sum to one; at most `most`."""
    table, served = some
    ranges = size_ranges(table, served, most)

    assert_sound(table, served, ranges)
    assert most is None or len(ranges) <= most


@law(30)
@given(splits())
def test_neighbouring_ranges_are_served_differently(some: Split) -> None:
    """Two ranges that differ by no more than 2 % would be one."""
    ranges = size_ranges(*some)

    assert all(np.abs(low.share - high.share).max() > ALIKE for low, high in itertools.pairwise(ranges))


@law(30)
@given(splits(), st.integers(1, 9))
def test_a_limit_that_is_kept_anyway_changes_nothing(some: Split, spare: int) -> None:
    """`most` joins ranges only where there are more."""
    free = size_ranges(*some)
    limited = size_ranges(*some, most=len(free) + spare - 1)

    assert [(each.first, each.last) for each in free] == [(each.first, each.last) for each in limited]


@pytest.mark.parametrize("most", [None, 8, 3, 1])
@pytest.mark.parametrize("model", MODELS)
def test_ranges_of_a_real_split(model: str, most: int | None) -> None:
    """The best pool's split over a hundred sizes keeps the same rules."""
    table, served = shipped_table(model), best_split(model)
    ranges = size_ranges(table, served, most)

    assert_sound(table, served, ranges)
    assert most is None or len(ranges) <= most


def test_sizes_served_alike_are_one_range() -> None:
    """a serves the two small sizes, b the two large ones: two ranges, with their lateness."""
    table, served = split([[30, 10, 0, 0], [0, 0, 20, 40]], [[1.0, 0.8, 0, 0], [0, 0, 0.9, 0.6]])
    small, large = size_ranges(table, served)

    assert [(10, 20), (30, 40)] == [(small.first, small.last), (large.first, large.last)]
    assert [[1.0, 0.0], [0.0, 1.0]] == [small.share.tolist(), large.share.tolist()]
    assert (0.4, 0.6) == pytest.approx((small.query_share, large.query_share))
    assert (0.95, 0.7) == pytest.approx((small.on_time, large.on_time))


@pytest.mark.parametrize(("of_a_hundred", "ranges"), [(1, 1), (3, 2)])
def test_up_to_two_per_cent_is_alike(of_a_hundred: int, ranges: int) -> None:
    """Sizes of which b serves 0 % and 1 % are one range, 0 % and 3 % two."""
    table, served = split([[100, 100 - of_a_hundred], [0, of_a_hundred]])

    assert ranges == len(size_ranges(table, served))


def test_a_range_is_one_piece() -> None:
    """Sizes served alike are not joined over one between them that is served otherwise."""
    table, served = split([[10, 0, 10], [0, 10, 0]])

    assert [(10, 10), (20, 20), (30, 30)] == [(each.first, each.last) for each in size_ranges(table, served)]


def test_a_limit_joins_where_fewest_queries_are_misplaced() -> None:
    """The middle size, 10 queries by b, is nearer to the half-and-half of the large than to the small."""
    table, served = split([[1000, 0, 500], [0, 10, 500]])
    small, rest = size_ranges(table, served, most=2)

    assert (10, 10, [1.0, 0.0]) == (small.first, small.last, small.share.tolist())
    assert (20, 30) == (rest.first, rest.last)
    assert [500 / 1010, 510 / 1010] == pytest.approx(rest.share.tolist())


def test_few_queries_are_joined_before_many() -> None:
    """Few queries served quite otherwise are less of a difference than many served a bit otherwise.

    The step from the first size to the second moves 1000 * 0.2 queries, that to the third only 10 * 0.8.
    """
    table, served = split([[1000, 800, 0], [0, 200, 10]])

    assert [(10, 10), (20, 30)] == [(each.first, each.last) for each in size_ranges(table, served, most=2)]


def test_sizes_of_batches_only_are_in_no_range() -> None:
    """Size 20, which no query has, is neither served nor told of: what is alike on both sides of it is one range."""
    alike = size_ranges(*split([[10, 0, 10], [0, 0, 0]]))
    apart = size_ranges(*split([[10, 0, 0], [0, 0, 10]]))

    assert [(10, 30, 1.0)] == [(each.first, each.last, each.query_share) for each in alike]
    assert [(10, 10, 0.5), (30, 30, 0.5)] == [(each.first, each.last, each.query_share) for each in apart]


def test_batches_are_told_as_queries_see_them() -> None:
    """Of a range each query counts once: a has 30 queries in batches of 100 and 10 in batches of 60, b none."""
    [each] = size_ranges(*split([[30, 10], [0, 0]], batches=[[100.0, 60.0], [0.0, 0.0]]))

    assert [90.0, 0.0] == each.batch_size.tolist()


def test_one_size_is_one_range() -> None:
    """A mix of one size has one range, whatever the limit."""
    [each] = size_ranges(*split([[3], [1]]), most=1)

    assert (10, 10, 1.0, [0.75, 0.25]) == (each.first, each.last, each.query_share, each.share.tolist())
