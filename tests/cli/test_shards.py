"""How `kairos evaluate --shards` splits a pool: shares of the queries, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from kairos_cli.cli.shards import sharded, split
from kairos_cli.errors import InputError
from kairos_cli.simulate.measure import Effort, simulator
from tests.simulate.tables import fixed

TABLE = fixed([[10.0, 50.0], [20.0, 400.0]])


def test_shards_have_queries_by_their_capacity() -> None:
    """Two instances of a type that serves everything in time have two thirds beside one of them."""
    into = split(TABLE, np.array([3, 0]), 2)

    assert [2 / 3, 1 / 3] == pytest.approx(into.share.tolist())
    assert 3 * 1000 / 30 == pytest.approx(into.capacity_qps)


def test_a_shard_that_is_too_slow_alone_has_no_queries() -> None:
    """The second type serves only half of the sizes in time."""
    assert [1.0, 0.0] == split(TABLE, np.array([1, 1]), 2).share.tolist()


def test_types_that_need_each_other_cannot_be_split() -> None:
    """Each of them serves one size in time and not the other."""
    table = fixed([[10.0, 400.0], [400.0, 10.0]])
    with pytest.raises(InputError) as refused:
        split(table, np.array([1, 1]), 2)

    assert (
        "--shards: error: none of 2 shards can keep p99<100ms alone\n"
        "hint: each needs an instance of a type that is fast enough for large batches"
    ) == str(refused.value)


def test_few_queries_say_little() -> None:
    """A hundred queries among three."""
    into = split(TABLE, np.array([3, 0]), 3)
    with pytest.raises(InputError) as refused:
        sharded(simulator(TABLE, Effort(100, 2)), into, 0)

    assert (
        "--shards: error: a shard would have some 33 queries in a replication, at least 100 are needed\n"
        "hint: give more --queries, or fewer shards"
    ) == str(refused.value)
