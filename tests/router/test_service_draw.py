"""Service latencies drawn for one instance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.latency_profile import LatencyProfile
from kairos_cli.router.refused import Refused
from kairos_cli.router.service_draw import ServiceDraw
from tests.strategies import latency_profiles

PROFILE = LatencyProfile(
    "fast", np.array([10, 20]), np.array([5.0, 9.0]), np.array([0.0, 0.5, 1.0]), np.array([[2.0, 4.0, 10], [4, 8, 16]])
)


def draws(seed: int, instance: int, batch_size: int, number: int) -> list[float]:
    draw = ServiceDraw(PROFILE, seed, instance)
    return [draw.latency_ms(batch_size) for _ in range(number)]


def test_draws_average_to_the_measured_mean() -> None:
    """Between two measured sizes the mean is interpolated: 7 ms at 15 items; a twentieth is seven standard errors."""
    assert pytest.approx(7.0, rel=0.05) == np.mean(draws(0, 0, 15, 2000))


def test_the_seed_and_the_instance_decide() -> None:
    """The same draws come again; other instances and seeds have luck of their own."""
    assert draws(1, 2, 10, 5) == draws(1, 2, 10, 5)
    assert draws(1, 2, 10, 5) != draws(1, 3, 10, 5)
    assert draws(1, 2, 10, 5) != draws(2, 2, 10, 5)


@pytest.mark.parametrize(("largest_batch", "limit"), [(None, 20), (15, 15), (64, 20)])
def test_a_batch_that_is_too_large_is_refused(largest_batch: int | None, limit: int) -> None:
    """Nothing is assumed beyond the largest profiled size, and a server may take less."""
    draw = ServiceDraw(PROFILE, 0, 0, largest_batch)

    assert draw.latency_ms(limit) > 0
    with pytest.raises(Refused) as caught:
        draw.latency_ms(limit + 1)
    assert f"a batch of {limit + 1} is too large: fast takes at most {limit}" == caught.value.message


@given(latency_profiles(), st.integers(1, 1000))
def test_draws_lie_within_the_quantiles(profile: LatencyProfile, batch_size: int) -> None:
    """No draw is shorter than the shortest or longer than the longest latency there is."""
    size = min(batch_size, profile.largest)
    row = profile.at(np.array([size])).with_exact_mean().quantile_ms[0]

    assert row[0] <= ServiceDraw(profile, 0, 0).latency_ms(size) <= row[-1]
