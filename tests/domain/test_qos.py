"""The QoS target as a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.qos import QosTarget


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("p99<350ms", QosTarget(99, 350), id="usual"),
        pytest.param("p99<=350ms", QosTarget(99, 350), id="or equal"),
        pytest.param("p99<350", QosTarget(99, 350), id="no unit"),
        pytest.param("  p99.9 < 2.5 ms ", QosTarget(99.9, 2.5), id="spaces and decimals"),
        pytest.param("p50<2s", QosTarget(50, 2000), id="seconds"),
        pytest.param("p95<500us", QosTarget(95, 0.5), id="microseconds"),
    ],
)
def test_parse(text: str, expected: QosTarget) -> None:
    """A target is a percentile and a limit, with or without spaces, in us, ms or s."""
    assert expected == QosTarget.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "cannot read the QoS target ''", id="empty"),
        pytest.param("350ms", "cannot read the QoS target '350ms'", id="no percentile"),
        pytest.param("p99>350ms", "cannot read the QoS target 'p99>350ms'", id="greater"),
        pytest.param("p99<350min", "cannot read the QoS target 'p99<350min'", id="unknown unit"),
        pytest.param("p99<-1ms", "cannot read the QoS target 'p99<-1ms'", id="negative"),
        pytest.param("p99<nanms", "cannot read the QoS target 'p99<nanms'", id="not a number"),
        pytest.param("p99<1ms p9<1ms", "cannot read the QoS target 'p99<1ms p9<1ms'", id="two"),
        pytest.param("p0<1ms", "the percentile must lie between 0 and 100, got 0", id="percentile 0"),
        pytest.param("p100<1ms", "the percentile must lie between 0 and 100, got 100", id="percentile 100"),
        pytest.param("p990<1ms", "the percentile must lie between 0 and 100, got 990", id="percentile 990"),
        pytest.param("p99<0ms", "the latency limit must be > 0, got 0 ms", id="limit 0"),
    ],
)
def test_parse_refuses(text: str, expected: str) -> None:
    """What is no target is refused, with the reason."""
    with pytest.raises(ValueError) as caught:
        QosTarget.parse(text)

    assert expected == str(caught.value)


def test_parse_refuses_an_endless_limit() -> None:
    """A limit with more digits than a float holds is refused: no document could carry it."""
    with pytest.raises(ValueError):
        QosTarget.parse(f"p99<{'9' * 400}ms")


@pytest.mark.parametrize(
    ("target", "expected"),
    [(QosTarget(99, 350), "p99<350ms"), (QosTarget(99.9, 2.5), "p99.9<2.5ms"), (QosTarget(50, 2000), "p50<2000ms")],
    ids=str,
)
def test_str(target: QosTarget, expected: str) -> None:
    """A target is written as it is typed."""
    assert expected == str(target)


decimals = st.decimals(min_value="0.001", max_value=10**9, places=3)


@given(st.decimals(min_value="0.0001", max_value="99.9999", places=4), decimals, st.sampled_from(["us", "ms", "s", ""]))
def test_str_is_read_back(percentile: object, limit: object, unit: str) -> None:
    """What a target is written as is read as the same target, however long or short its limit."""
    target = QosTarget.parse(f"p{percentile}<{limit}{unit}")
    again = QosTarget.parse(str(target))

    assert pytest.approx(target.percentile, rel=1e-12) == again.percentile
    assert pytest.approx(target.latency_ms, rel=1e-12) == again.latency_ms


@pytest.mark.parametrize(("percentile", "expected"), [(99, 0.01), (99.9, 0.001), (95, 0.05), (50, 0.5)])
def test_late_share(percentile: float, expected: float) -> None:
    """The share that may be late is free of rounding noise."""
    assert expected == QosTarget(percentile, 1).late_share
