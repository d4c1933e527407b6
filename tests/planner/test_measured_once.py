"""Measurements are remembered, and only where they would come out the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.planner.choice import Measure
from kairos_cli.planner.measured_once import measured_once
from tests.planner.tables import measure_by, small_table


def asked_of(*questions: tuple[ServiceTable, list[int], float, float]) -> list[tuple[int, ...]]:
    """Return the pools really measured when these questions, of table, pool, capacity and rate to beat, are put."""
    asked: list[tuple[int, ...]] = []

    def measuring(table: ServiceTable) -> Measure:
        return measure_by(lambda counts, qps: qps / 2, asked)

    remembering = measured_once(measuring)
    for table, counts, capacity_qps, better_than_qps in questions:
        now = remembering(table)(np.array(counts), capacity_qps, better_than_qps)
        afresh = measure_by(lambda counts, qps: qps / 2)(np.array(counts), capacity_qps, better_than_qps)
        assert (afresh and afresh.qps) == (now and now.qps)
    return asked


TABLE, ALIKE = small_table([[10.0]]), small_table([[10.0]])
OTHER = replace(TABLE, names=("b",))


def test_the_same_question_is_measured_once() -> None:
    """For another budget's table of the same types too, and if the answer was that the pool is not better."""
    assert [(1,)] == asked_of((TABLE, [1], 9.0, 0.0), (ALIKE, [1], 9.0, 0.0))
    assert [(1,)] == asked_of((TABLE, [1], 9.0, 8.0), (TABLE, [1], 9.0, 8.0))


def test_another_question_is_measured_again() -> None:
    """Another pool, capacity or rate to beat; or a table of other types, where the same numbers are another pool."""
    assert [(1,), (2,)] == asked_of((TABLE, [1], 9.0, 0.0), (TABLE, [2], 9.0, 0.0))
    assert [(1,), (1,)] == asked_of((TABLE, [1], 9.0, 0.0), (TABLE, [1], 8.0, 0.0))
    assert [(1,), (1,)] == asked_of((TABLE, [1], 9.0, 0.0), (TABLE, [1], 9.0, 1.0))
    assert [(1,), (1,)] == asked_of((TABLE, [1], 9.0, 0.0), (OTHER, [1], 9.0, 0.0))
