"""The ways to serve a query: those of each setting, and why the others are not needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.domain.serving import ONE_AT_A_TIME, Serving
from kairos_cli.domain.ways import ways
from tests.planner.tables import BATCHING, batches_of, batching_tables, law, small_table, small_tables

MERGING, SPLITTING, BOTH = BATCHING
#: One type; the cheaper a batch is for ten items, the more often it is late: 10, 8, 7, 6.5 ms and 0, 1, 2, 9 %.
TABLE = small_table([[10, 16, 21, 26]], [[1.0, 0.99, 0.98, 0.91]], weights=[0, 1, 0, 0])


def listed(table: ServiceTable) -> list[tuple[int, ...]]:
    """Return type, size and batch of each way."""
    found = ways(table)
    return [tuple(each) for each in np.column_stack([found.type, found.size, found.batch]).tolist()]


@law(30)
@given(small_tables())
def test_one_at_a_time_each_type_has_one_way_for_each_size(table: ServiceTable) -> None:
    """It takes the mean latency of the query, and is late as often as that misses the target."""
    found = ways(table)
    types, sizes = table.mean_ms.shape

    assert [(j, b, b) for j in range(types) for b in range(sizes)] == listed(table)
    assert table.mean_ms.reshape(-1).tolist() == found.ms.tolist()
    assert (1 - table.on_time).reshape(-1).tolist() == found.late.tolist()


def test_a_size_that_no_query_has_is_served_in_no_way() -> None:
    """In any setting: only the one size of the table that queries have is served."""
    for serving in (ONE_AT_A_TIME, *BATCHING):
        assert {1} == {size for _, size, _ in listed(replace(TABLE, serving=serving))}


@pytest.mark.parametrize(
    ("serving", "batches", "ms", "late"),
    [
        (ONE_AT_A_TIME, [1], [16.0], [0.01]),
        (MERGING, [3, 2, 1], [13.0, 14.0, 16.0], [0.09, 0.02, 0.01]),
        (SPLITTING, [1, 0], [16.0, 20.0], [0.01, 0.0]),
        (BOTH, [3, 2, 1, 0], [13.0, 14.0, 16.0, 20.0], [0.09, 0.02, 0.01, 0.0]),
    ],
    ids=str,
)
def test_a_query_takes_its_share_of_a_batch(
    serving: Serving, batches: list[int], ms: list[float], late: list[float]
) -> None:
    """A query of twenty is half of a batch of forty, and takes twice what a batch of ten does; the cheapest first."""
    found = ways(replace(TABLE, serving=serving))

    assert batches == found.batch.tolist()
    assert ms == pytest.approx(found.ms.tolist())
    assert late == pytest.approx(found.late.tolist())


def test_a_batch_above_the_line_between_two_others_is_not_needed() -> None:
    """Batches of thirty, 14 ms and late with 6 %, are worse than half of the queries in twenty, half in forty.

    Those take 14.5 ms on average, late with 5 %: at 14.8 ms that is better in both. At 13.6 ms it is not.
    """
    table = small_table([[99, 16, 22.2, 26]], [[1.0, 0.99, 0.94, 0.91]], weights=[0, 1, 0, 0], serving=MERGING)
    nearer = replace(table, mean_ms=np.array([[99, 16, 20.4, 26]]))

    assert [3, 1] == ways(table).batch.tolist()
    assert [3, 2, 1] == ways(nearer).batch.tolist()


def test_batches_are_no_larger_than_a_type_serves() -> None:
    """With batches of at most thirty the largest is not there, and a type for which the query is too large has none."""
    assert [2, 1] == ways(replace(TABLE, serving=MERGING, batch_rows=np.array([3]))).batch.tolist()
    assert [] == ways(replace(TABLE, serving=MERGING, batch_rows=np.array([1]))).batch.tolist()
    assert [0] == ways(replace(TABLE, serving=BOTH, batch_rows=np.array([1]))).batch.tolist()


@law(60)
@given(batching_tables())
def test_every_other_batch_is_no_better_than_a_mixture_of_two(table: ServiceTable) -> None:
    """In time and in lateness at once, for each type, size and batch that the setting allows."""
    found = ways(table)
    for j in range(len(table.names)):
        for b in np.flatnonzero(table.probability).tolist():
            kept = (found.type == j) & (found.size == b)
            ms, late = found.ms[kept], found.late[kept]

            assert set(found.batch[kept].tolist()) <= set(batches_of(table, j, b))
            for x in batches_of(table, j, b):
                item_ms = table.mean_ms[j, x] * table.batch_size[b] / table.batch_size[x]
                assert mixture_late(ms, late, item_ms) <= 1 - table.on_time[j, x] + 1e-9


def mixture_late(ms: np.ndarray, late: np.ndarray, most_ms: float) -> float:
    """Return how often a mixture of two ways is late at least that takes no longer than a time."""
    best = [float(each) for each in late[ms <= most_ms + 1e-9]]
    for low, high in ((low, high) for low in range(len(ms)) for high in range(len(ms)) if ms[low] < most_ms < ms[high]):
        part = (most_ms - ms[low]) / (ms[high] - ms[low])
        best.append(float((1 - part) * late[low] + part * late[high]))
    return min(best)


def test_the_name_of_a_way_is_its_type_size_and_batch() -> None:
    """The batch is left out where it is the query itself."""
    found = ways(replace(TABLE, serving=BOTH))

    assert ["0_1_3", "0_1_2", "0_1", "0_1_0"] == [found.name(k) for k in range(4)]
