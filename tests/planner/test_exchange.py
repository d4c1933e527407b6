"""Which instances were given for which, what that cost, and what it did to the load."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.pool import Pool
from kairos_cli.planner.exchange import exchanges, pairs
from tests.planner.tables import law, price_list, scenario, toy

PRICE = {"a": 1.0, "a:spot": 0.4, "b": 0.3, "c": 0.2, "d": 0.15}
POOLS = st.dictionaries(st.sampled_from(sorted(PRICE)), st.integers(1, 9), min_size=1).map(
    lambda counts: Pool(tuple(counts.items()))
)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param({"b": 3}, {"d": 8}, [({"b": 3}, {"d": 8})], id="one kind for another"),
        pytest.param({"a": 1, "c": 1}, {"a": 1, "c": 1}, [], id="nothing"),
        pytest.param({"a": 1}, {"a": 1, "b": 2, "c": 4}, [({}, {"c": 4}), ({}, {"b": 2})], id="additions alone"),
        pytest.param({"a": 3, "b": 1}, {"a": 1}, [({"a": 2}, {}), ({"b": 1}, {})], id="removals alone"),
        pytest.param({"a": 1, "b": 1}, {"c": 2, "d": 6}, [({"a": 1}, {"d": 6}), ({"b": 1}, {"c": 2})],
                     id="the kinds for most money with each other"),
        pytest.param({"a": 1, "b": 1}, {"d": 9}, [({"a": 1, "b": 1}, {"d": 9})], id="two kinds for one"),
        pytest.param({"a": 2}, {"b": 3, "c": 3, "d": 1}, [({"a": 2}, {"b": 3, "c": 3, "d": 1})], id="one for three"),
        pytest.param({"a": 4, "b": 2}, {"a:spot": 4, "c": 9}, [({"a": 4}, {"a:spot": 4}), ({"b": 2}, {"c": 9})],
                     id="of one machine first, though c is for more money"),
    ],
)  # fmt: skip
def test_by_hand(
    old: dict[str, int], new: dict[str, int], expected: list[tuple[dict[str, int], dict[str, int]]]
) -> None:
    """Kinds are paired by machine, then by money, and none is split."""
    assert expected == pairs(Pool(tuple(old.items())), Pool(tuple(new.items())), PRICE)


@law(200)
@given(POOLS, POOLS)
def test_trades_are_all_that_changed(old: Pool, new: Pool) -> None:
    """The trades together remove and add what differs, each kind in one trade, and nothing else."""
    found = pairs(old, new, PRICE)
    given = [each for side, _ in found for each in side.items()]
    taken = [each for _, side in found for each in side.items()]
    change = {name: new.by_type.get(name, 0) - old.by_type.get(name, 0) for name in PRICE}

    assert {name: -n for name, n in change.items() if n < 0} == dict(given)
    assert {name: n for name, n in change.items() if n > 0} == dict(taken)
    assert (len(dict(given)), len(dict(taken))) == (len(given), len(taken))
    assert all(side or other for side, other in found)


@law(60)
@given(st.integers(0, 3), st.integers(1, 4), st.integers(1, 3), st.integers(0, 4), st.integers(10, 90))
def test_effects_add_up(big: int, aux: int, more_big: int, other_aux: int, cents: int) -> None:
    """What the old pool costs and could serve now, and what every trade does, come to the new pool's."""
    old = Pool.of(["big", "aux"], [big, aux])
    new = Pool.of(["big", "aux"], [more_big, other_aux])
    now = toy(prices=price_list({"big": 1.0, "aux": cents / 100}), constraints=Constraints(tolerate_loss=0))
    found = exchanges(old, new, toy(), now)
    price = now.prices.price_usd_per_hour()

    assert old.cost_usd_per_hour(price) == pytest.approx(found.old_usd_per_hour)
    assert new.cost_usd_per_hour(price) == pytest.approx(
        found.old_usd_per_hour + sum(each.usd_per_hour for each in found.trades)
    )
    qps = [found.old_capacity_qps, *(each.after_qps for each in found.trades)]
    assert [each.before_qps for each in found.trades] == qps[:-1]
    assert exchanges(new, new, now, now).old_capacity_qps == pytest.approx(qps[-1])


def test_a_type_that_is_not_sold_any_more_costs_what_it_did() -> None:
    """The new price list knows no aux: its old price stands in, and its profile is the model's."""
    now = toy(prices=price_list({"big": 1.0}))
    found = exchanges(Pool.of(["big", "aux"], [1, 2]), Pool.of(["big"], [2]), toy(), now)
    [trade] = found.trades

    assert 1.6 == pytest.approx(found.old_usd_per_hour)
    assert 0.4 == pytest.approx(trade.usd_per_hour)
    assert 2000 / 15 == pytest.approx(trade.after_qps)


def test_without_latencies_the_load_is_not_known() -> None:
    """Another model that was not measured on aux: the cost of the trade is known, its load is not."""
    now = scenario({"big": {10: 10.0, 100: 20.0}}, {"big": 1.0, "aux": 0.3}, {10: 1, 100: 1})
    now = replace(now, model=replace(now.model, name="another"))
    found = exchanges(Pool.of(["big", "aux"], [1, 2]), Pool.of(["big"], [2]), toy(), now)
    [trade] = found.trades

    assert (None, None, None) == (found.old_capacity_qps, trade.before_qps, trade.after_qps)
    assert 0.4 == pytest.approx(trade.usd_per_hour)
