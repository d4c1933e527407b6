"""Service latency by batch size: interpolation, the exact mean, the chance to be on time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.latency_profile import LatencyProfile, ModelProfile
from kairos_cli.domain.qos import QosTarget
from tests.strategies import latency_profiles


def profile(quantile_ms: list[list[float]], mean_ms: list[float]) -> LatencyProfile:
    """Return a profile at batch sizes 10, 20, … with quantiles at 0, 0.5 and 1."""
    sizes = 10 * np.arange(1, len(mean_ms) + 1)
    return LatencyProfile("fast", sizes, np.array(mean_ms), np.array([0, 0.5, 1]), np.array(quantile_ms, dtype=float))


TWO_SIZES = profile([[1, 2, 5], [3, 6, 9]], [2.5, 6.5])


def inverse(quantile_ms: np.ndarray, level: np.ndarray, latency_ms: float) -> float:
    """Return the largest level whose quantile is within the latency, by bisection."""
    if np.interp(0, level, quantile_ms) > latency_ms:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.interp(middle, level, quantile_ms) <= latency_ms else (low, middle)
    return high


def test_largest() -> None:
    """The largest profiled batch size is the last one."""
    assert 20 == TWO_SIZES.largest


def test_at_profiled_sizes() -> None:
    """At the profiled batch sizes a profile is what was measured."""
    found = TWO_SIZES.at(np.array([10, 20]))

    assert [2.5, 6.5] == found.mean_ms.tolist()
    assert [[1, 2, 5], [3, 6, 9]] == found.quantile_ms.tolist()


def test_at_a_size_between() -> None:
    """A quarter of the way between two sizes, mean and quantiles are a quarter of the way too."""
    found = TWO_SIZES.at(np.array([12, 15]))

    assert [12, 15] == found.batch_size.tolist()
    assert pytest.approx([3.3, 4.5]) == found.mean_ms
    assert pytest.approx(np.array([[1.4, 2.8, 5.8], [2, 4, 7]])) == found.quantile_ms


def test_at_a_smaller_size() -> None:
    """A size under the smallest profiled one costs as much as that one."""
    assert [[1, 2, 5]] == TWO_SIZES.at(np.array([1])).quantile_ms.tolist()


def test_at_a_larger_size() -> None:
    """Beyond the largest profiled size nothing is assumed."""
    with pytest.raises(ValueError) as caught:
        TWO_SIZES.at(np.array([10, 21]))

    assert "batch size 21 is beyond the profile of fast" == str(caught.value)


def test_at_no_size() -> None:
    """At no size at all a profile is empty, and still has its levels."""
    found = TWO_SIZES.at(np.array([], dtype=np.int64))

    assert (0, 3) == found.quantile_ms.shape


@given(latency_profiles(), st.data())
def test_at_interpolates_between_neighbours(measured: LatencyProfile, data: st.DataObject) -> None:
    """At any size, each latency is the mean of its neighbours' weighted by closeness, so between the two."""
    size = data.draw(st.integers(int(measured.batch_size[0]), measured.largest))
    found = measured.at(np.array([size]))

    above = int(np.searchsorted(measured.batch_size, size))
    below = above if measured.batch_size[above] == size else above - 1
    gap = measured.batch_size[above] - measured.batch_size[below]
    near = (size - measured.batch_size[below]) / gap if gap else 0.0
    for expected, actual in ((measured.mean_ms, found.mean_ms), (measured.quantile_ms, found.quantile_ms)):
        assert pytest.approx((1 - near) * expected[below] + near * expected[above]) == actual[0]


@given(latency_profiles(), st.data())
def test_at_keeps_quantiles_in_order(measured: LatencyProfile, data: st.DataObject) -> None:
    """Between measured rows the quantiles still do not fall."""
    sizes = sorted(data.draw(st.sets(st.integers(1, measured.largest), min_size=1)))

    assert (np.diff(measured.at(np.array(sizes)).quantile_ms, axis=1) >= -1e-9).all()


def test_with_exact_mean_by_hand() -> None:
    """Quantiles 1, 2, 5 at 0, ½, 1 draw a mean of 2.5 ms; for a measured mean of 2 all shrink to 4/5."""
    found = profile([[1, 2, 5]], [2.0]).with_exact_mean()

    assert pytest.approx(np.array([[0.8, 1.6, 4.0]])) == found.quantile_ms


@given(latency_profiles())
def test_with_exact_mean(measured: LatencyProfile) -> None:
    """Draws average to the measured mean at every batch size, which itself does not change."""
    exact = measured.with_exact_mean()

    assert pytest.approx(measured.mean_ms) == np.trapezoid(exact.quantile_ms, exact.level, axis=1)
    assert measured.mean_ms.tolist() == exact.mean_ms.tolist()


@given(latency_profiles())
def test_with_exact_mean_scales(measured: LatencyProfile) -> None:
    """All quantiles of a row are scaled alike, and doing it again changes nothing."""
    exact = measured.with_exact_mean()

    factor = exact.quantile_ms / measured.quantile_ms
    assert pytest.approx(np.broadcast_to(factor[:, :1], factor.shape)) == factor
    assert pytest.approx(exact.quantile_ms) == exact.with_exact_mean().quantile_ms


@pytest.mark.parametrize(
    ("latency_ms", "expected"),
    [
        pytest.param(0.5, [0, 0], id="under all"),
        pytest.param(1.0, [0, 0], id="the least"),
        pytest.param(1.5, [0.25, 0], id="halfway to the median"),
        pytest.param(2.0, [0.5, 0], id="the median"),
        pytest.param(3.5, [0.75, 1 / 12], id="between"),
        pytest.param(5.0, [1, 1 / 3], id="the most"),
        pytest.param(9.0, [1, 1], id="over all"),
        pytest.param(float("inf"), [1, 1], id="no limit"),
    ],
)
def test_on_time(latency_ms: float, expected: list[float]) -> None:
    """The chance to be on time is read off the quantiles, in straight lines between them."""
    assert pytest.approx(expected) == TWO_SIZES.on_time(latency_ms).tolist()


def test_on_time_where_quantiles_are_equal() -> None:
    """A latency that many queries have exactly is within a limit of the same value for all of them."""
    assert [0.5] == profile([[2, 2, 4]], [2.5]).on_time(2.0).tolist()
    assert [0.0] == profile([[2, 2, 4]], [2.5]).on_time(1.99).tolist()
    assert [1.0] == profile([[2, 2, 2]], [2.0]).on_time(2.0).tolist()


limits = st.one_of(st.integers(0, 6500).map(lambda count: count / 64), st.floats(0, 110))


@given(latency_profiles(), limits)
def test_on_time_inverts_the_quantiles(measured: LatencyProfile, latency_ms: float) -> None:
    """The chance to be within a limit is the largest level whose quantile is within it."""
    expected = [inverse(row, measured.level, latency_ms) for row in measured.quantile_ms]

    assert pytest.approx(expected, abs=1e-9) == measured.on_time(latency_ms).tolist()


@given(latency_profiles(), limits, limits)
def test_on_time_does_not_fall(measured: LatencyProfile, one_ms: float, other_ms: float) -> None:
    """A looser limit is kept at least as often, and every chance lies from 0 to 1."""
    tight, loose = (measured.on_time(limit) for limit in sorted((one_ms, other_ms)))

    assert (tight <= loose + 1e-12).all()
    assert (tight >= 0).all()
    assert (loose <= 1).all()


@given(latency_profiles(), limits, st.sampled_from([0.5, 2, 8]))
def test_slow_machines_keep_a_target_as_much_longer_as_often(
    measured: LatencyProfile, latency_ms: float, factor: float
) -> None:
    """Stretching all latencies and the limit changes no share; powers of two change no rounding either."""
    assert measured.on_time(latency_ms).tolist() == measured.slowed(factor).on_time(latency_ms * factor).tolist()


def test_a_slowed_model_has_its_target_stretched() -> None:
    """Means, quantiles and target are three times as long; a model without a target still has none."""
    model = ModelProfile("ranker", QosTarget(99, 10), {"fast": TWO_SIZES})
    slow = model.slowed(3)

    assert QosTarget(99, 30) == slow.qos
    assert [7.5, 19.5] == slow.latency["fast"].mean_ms.tolist()
    assert [[3, 6, 15], [9, 18, 27]] == slow.latency["fast"].quantile_ms.tolist()
    assert ModelProfile("ranker", None, {}).slowed(3).qos is None
