"""What those who asked have felt, against figures counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.simulate.felt import FeltClass, felt

#: As many queries of each size, so that each is a class of its own.
MIX = QueryMix("five", np.array([1, 2, 3, 4, 5]), np.full(5, 0.2))
QOS = QosTarget(99, 10)


def test_a_query_without_an_answer_is_late_and_has_no_latency() -> None:
    """Of four queries three are answered, two of them in time."""
    figures = felt(np.array([5.0, 10.0, 30.0, np.nan]), np.array([1, 1, 1, 1]), MIX, QOS)

    assert (10.0, 30.0, 0.5) == (figures.percentile_ms[0], figures.longest_ms, figures.on_time_fraction)
    assert pytest.approx((10.0, 28.0, 29.6, 29.96)) == figures.percentile_ms


def test_classes_are_told_apart() -> None:
    """Each class has its share of the queries and latencies of its own; classes without a query are left out."""
    figures = felt(np.array([5.0, 7.0, 20.0, np.nan]), np.array([1, 1, 5, 5]), MIX, QOS)

    assert (
        FeltClass(1, 1, 0.5, 6.0, pytest.approx(6.98), 1.0),
        FeltClass(5, 5, 0.5, 20.0, 20.0, 0.0),
    ) == figures.size_classes


def test_where_nothing_is_answered_there_are_no_latencies() -> None:
    """And nothing is on time."""
    figures = felt(np.array([np.nan]), np.array([3]), MIX, QOS)

    assert ((), None, 0.0) == (figures.percentile_ms, figures.longest_ms, figures.on_time_fraction)
    assert (FeltClass(3, 3, 1.0, None, None, 0.0),) == figures.size_classes
