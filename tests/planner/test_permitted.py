"""Which pools keep the constraints."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.planner.permitted import permitted, types_bought, zones_reached
from tests.planner.tables import constraints_of, every_pool, law, markets, pools_for, small_table, with_options

#: A type on demand and as spot instance, and another one.
MARKET = with_options(
    small_table([[10.0]] * 3), ("a", "a:spot", "b"), (1.0, 0.9, 1.0), (("x", "y"), ("x", "y"), ("y",))
)


@pytest.mark.parametrize(
    ("constraints", "kept"),
    [
        pytest.param(Constraints(), [[1, 0, 0], [0, 1, 0], [2, 2, 2]], id="none"),
        pytest.param(Constraints({"a": 3}), [[1, 0, 0], [0, 1, 0]], id="cap on a type"),
        pytest.param(Constraints({"a:spot": 1}), [[1, 0, 0], [0, 1, 0]], id="cap on an option"),
        pytest.param(Constraints(max_spot_share=0.34), [[1, 0, 0], [2, 2, 2]], id="a third spot"),
        pytest.param(Constraints(max_spot_share=0.3), [[1, 0, 0]], id="less than a third spot"),
        pytest.param(Constraints(min_types=2), [[2, 2, 2]], id="two types, options being one"),
        pytest.param(Constraints(min_zones=2), [[2, 2, 2]], id="two zones need two instances"),
        pytest.param(Constraints(tolerate_loss=1), [[2, 2, 2]], id="more than are lost"),
    ],
)
def test_by_hand(constraints: Constraints, kept: list[list[int]]) -> None:
    """Each constraint lets through what it should."""
    counts = np.array([[1, 0, 0], [0, 1, 0], [2, 2, 2]])

    assert kept == counts[permitted(MARKET, constraints, counts)].tolist()


def test_an_instance_stands_in_one_zone() -> None:
    """Two of b reach the one zone of b; one of a and one of b reach two, and so do two of a; three reach no third."""
    counts = np.array([[0, 0, 2], [1, 0, 1], [2, 0, 0], [1, 1, 1], [0, 0, 0]])

    assert [1, 2, 2, 2, 0] == zones_reached(MARKET, counts).tolist()


def test_types_whose_zones_are_not_known_reach_none() -> None:
    """Without zones in the price list there is nothing to reach."""
    table = with_options(small_table([[10.0]] * 2), ("a", "b"), (1.0, 1.0), ((), ()))

    assert [0] == zones_reached(table, np.array([[3, 3]])).tolist()


@law(50)
@given(st.data())
def test_zones_are_those_of_the_best_placement(data: st.DataObject) -> None:
    """Trying every way to place every instance finds no more zones, and as many."""
    table = data.draw(markets())
    few = 2 if len(table.names) <= 3 else 1  # every way to place them is tried
    for counts in data.draw(st.lists(pools_for(table, few), max_size=5)):
        places = [table.zones[j] for j, count in enumerate(counts) for _ in range(count)]
        best = max(len(set(placed)) for placed in itertools.product(*places))

        assert best == zones_reached(table, counts[None, :])[0]


@law(50)
@given(markets(), constraints_of())
def test_every_rule_is_kept_one_by_one(table: ServiceTable, asked: Constraints) -> None:
    """A pool is permitted exactly if each rule, read out for it alone, is kept."""
    counts = every_pool(len(table.names), 2)
    expected = []
    for pool in counts.tolist():
        bought = dict(zip(table.names, pool, strict=True))
        total, spot = sum(pool), sum(n for name, n in bought.items() if name.endswith(":spot"))
        machines = {name.split(":")[0] for name, n in bought.items() if n}
        caps = all(
            sum(n for name, n in bought.items() if cap in (name, name.split(":")[0]) or cap == f"{name}:on-demand")
            <= most
            for cap, most in asked.max_instances.items()
        )
        expected.append(
            caps
            and spot <= asked.max_spot_share * total
            and (asked.min_types == 1 or len(machines) >= asked.min_types)
            and zones_reached(table, np.array([pool]))[0] >= asked.min_zones
            and total > asked.tolerate_loss
        )

    assert expected == permitted(table, asked, counts).tolist()
    assert types_bought(table, counts).max() == len({name.split(":")[0] for name in table.names})
