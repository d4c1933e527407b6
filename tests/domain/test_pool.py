"""Pools and prices."""

from __future__ import annotations

import numpy as np
import pytest

from kairos_cli.domain.pool import Pool
from kairos_cli.domain.prices import InstanceType, PriceList

POOL = Pool.of(["g4dn.xlarge", "c5n.2xlarge", "r5n.large"], [1, 0, 13])


def test_only_types_in_it_are_named() -> None:
    """A type with no instance is not part of a pool."""
    assert Pool((("g4dn.xlarge", 1), ("r5n.large", 13))) == POOL
    assert {"g4dn.xlarge": 1, "r5n.large": 13} == POOL.by_type


def test_counts_are_plain_numbers() -> None:
    """Counts of an array become whole numbers of Python, which JSON can carry."""
    counts = Pool.of(["a"], np.array([2])).by_type

    assert int is type(counts["a"])


def test_a_count_for_each_name() -> None:
    """As many counts as names are needed."""
    with pytest.raises(ValueError):
        Pool.of(["a", "b"], [1])


def test_size() -> None:
    """A pool is as large as it has instances."""
    assert 14 == POOL.size
    assert 0 == Pool(()).size


def test_cost() -> None:
    """One at 0.526 and thirteen at 0.149 $/h cost 2.463 $/h."""
    assert pytest.approx(2.463) == POOL.cost_usd_per_hour({"g4dn.xlarge": 0.526, "r5n.large": 0.149})


def test_cost_without_a_price() -> None:
    """A type without a price is an error, not free."""
    with pytest.raises(KeyError) as caught:
        POOL.cost_usd_per_hour({"g4dn.xlarge": 0.526})

    assert "'r5n.large'" == str(caught.value)


def test_str() -> None:
    """A pool is written as on the command line."""
    assert "g4dn.xlarge=1,r5n.large=13" == str(POOL)


def test_equal_pools() -> None:
    """Pools of the same counts are one pool, also as a key."""
    assert 1 == len({POOL, Pool.of(["g4dn.xlarge", "r5n.large"], [1, 13])})


def test_price_by_name() -> None:
    """A price list gives each price by name, in its own order."""
    prices = PriceList("p", "r", "s", (InstanceType("b", 0.2), InstanceType("a", 0.1)))

    assert [("b", 0.2), ("a", 0.1)] == list(prices.price_usd_per_hour().items())
