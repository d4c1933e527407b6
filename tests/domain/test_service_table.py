"""A scenario as arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kairos_cli.domain.latency_profile import LatencyProfile, ModelProfile
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.prices import InstanceType, PriceList
from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import ServiceTable, service_table

FAST, SLOW = InstanceType("fast", 0.5), InstanceType("slow", 0.1)


def profile(name: str, mean_ms: list[float]) -> LatencyProfile:
    """Return a profile at batch sizes 10 and 30: uniform from half the mean to one and a half."""
    mean = np.array(mean_ms)
    return LatencyProfile(name, np.array([10, 30]), mean, np.array([0.0, 1.0]), mean[:, None] * np.array([0.5, 1.5]))


@pytest.fixture
def table() -> ServiceTable:
    """Return the table of a fast and a slow type, for sizes 10 and 20 and a limit of 12 ms."""
    latency = {"fast": profile("fast", [2, 6]), "slow": profile("slow", [8, 24])}
    mix = QueryMix.from_weights("m", {10: 3, 20: 1})
    prices = PriceList("p", "r", "s", (FAST, SLOW))
    return service_table(Scenario(ModelProfile("m", None, latency), prices, mix, QosTarget(90, 12)), [FAST, SLOW])


def test_arrays(table: ServiceTable) -> None:
    """Each array is types by batch sizes of the mix, interpolated from the profile."""
    assert ("fast", "slow") == table.names
    assert [0.5, 0.1] == table.price_usd_per_hour.tolist()
    assert [10, 20] == table.batch_size.tolist()
    assert [0.75, 0.25] == table.probability.tolist()
    assert [[2, 4], [8, 16]] == table.mean_ms.tolist()
    assert [[[1, 3], [2, 6]], [[4, 12], [8, 24]]] == table.quantile_ms.tolist()


def test_on_time(table: ServiceTable) -> None:
    """The slow type serves size 10 in 4 to 12 ms, always on time; size 20 in 8 to 24, so a quarter."""
    assert [[1, 1], [1, 0.25]] == table.on_time.tolist()


def test_least_late_share(table: ServiceTable) -> None:
    """With the slow type alone ¾ of the large quarter is late; with the fast one nothing is."""
    assert 0.1875 == table.least_late_share(np.array([False, True]))
    assert 0.0 == table.least_late_share(np.array([True, True]))


def test_only_some_types(table: ServiceTable) -> None:
    """The table of one type has its rows of every array, and the mix, levels and target of all."""
    only = table.only(np.array([False, True]))
    assert ("slow",) == only.names
    assert [0.1] == only.price_usd_per_hour.tolist()
    assert [[8, 16]] == only.mean_ms.tolist()
    assert [[1, 0.25]] == only.on_time.tolist()
    assert [[[4, 12], [8, 24]]] == only.quantile_ms.tolist()
    assert only.first_too_slow is not None
    assert [30] == only.first_too_slow.tolist()
    assert [10, 20] == only.batch_size.tolist()
    assert [0.75, 0.25] == only.probability.tolist()
    assert [0.0, 1.0] == only.level.tolist()
    assert table.qos == only.qos


def test_only_all_types_is_the_table_itself(table: ServiceTable) -> None:
    """Where all types are kept nothing changes, and a table not made from profiles has none of their sizes."""
    assert table.mean_ms.tolist() == table.only(np.array([True, True])).mean_ms.tolist()
    assert replace(table, first_too_slow=None).only(np.array([True, False])).first_too_slow is None


def test_pool_and_counts(table: ServiceTable) -> None:
    """A pool becomes counts in the order of the table, and back."""
    assert [0, 3] == table.counts(Pool((("slow", 3),))).tolist()
    assert Pool((("fast", 1), ("slow", 3))) == table.pool(np.array([1, 3]))
    assert pytest.approx(0.8) == table.cost_usd_per_hour(np.array([1, 3]))


def test_counts_of_an_unknown_type(table: ServiceTable) -> None:
    """A pool with a type that is not in the table has no counts."""
    with pytest.raises(KeyError) as caught:
        table.counts(Pool((("huge", 1), ("fast", 1), ("giant", 1))))

    assert "'giant'" == str(caught.value)
