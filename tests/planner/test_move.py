"""The way from the pool in use to the chosen one, on pools small enough for pencil and paper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.planner.move import Move
from kairos_cli.planner.plan import NoPlan, Plan, plan
from tests.planner.tables import measure_by, scenario, toy

#: Without help one big serves 1000 / 15 queries/s: half take 10 ms, half 20.
ONE_BIG_QPS = 1000 / 15


def planned(
    in_use: dict[str, int],
    max_changes: int | None = None,
    rate_of: Callable[[Counts, float], float] | None = None,
    **values: Any,
) -> Plan:
    """Return the plan of the toy from a pool in use, rates measured by a function if one is given."""
    asked = toy(
        constraints=Constraints(from_pool=in_use, max_changes=max_changes),
        choose="verified" if rate_of else "capacity",
        **values,
    )

    def measuring(_: ServiceTable) -> Any:
        return measure_by(rate_of) if rate_of else None

    found = plan(asked, measuring)
    assert isinstance(found, Plan), found
    return found


def moved(found: Plan) -> Move:
    assert found.move is not None
    return found.move


def steps(found: Plan) -> list[tuple[str, str]]:
    """Return what each step adds and removes."""
    return [(str(each.added), str(each.removed)) for each in moved(found).steps]


def test_a_swap_is_two_changes() -> None:
    """60 queries/s take one big: for the aux in use it comes with two changes, beside it with one."""
    assert [("big=1", ""), ("", "aux=1")] == steps(planned({"aux": 1}, 2, min_qps=60.0))
    assert [("big=1", "")] == steps(planned({"aux": 1}, 1, min_qps=60.0))


def test_a_pool_may_stay() -> None:
    """With no change allowed there is nothing to do, though one big would be enough."""
    found = planned({"big": 2}, 0, min_qps=60.0)

    assert "big=2" == str(found.chosen.pool)
    assert [] == steps(found)


def test_without_a_pool_in_use_there_is_no_move() -> None:
    """A plan that starts from nothing tells no steps."""
    found = plan(toy(budget_usd_per_hour=2.0))

    assert isinstance(found, Plan)
    assert found.move is None


def test_within_the_changes_the_best_pool_is_chosen() -> None:
    """2.3 $/h buy two big and one aux, four changes away; with three the best is the cheapest with one big."""
    in_use = {"big": 1, "aux": 4}

    assert "big=2,aux=1" == str(planned(in_use, 4, budget_usd_per_hour=2.3).chosen.pool)
    assert "big=1,aux=1" == str(planned(in_use, 3, budget_usd_per_hour=2.3).chosen.pool)
    assert "big=1,aux=4" == str(planned(in_use, 0, budget_usd_per_hour=2.3).chosen.pool)


def test_the_load_is_carried_and_the_budget_kept_where_that_can_be() -> None:
    """Two big are in use, and 10 $/h buy ten: all is added first, and what is carried is what the lesser end serves."""
    found = planned({"big": 2}, only=("big",), budget_usd_per_hour=10.0, min_qps=500.0)
    move = moved(found)

    assert [("big=8", "")] == steps(found)
    assert 2 * ONE_BIG_QPS == pytest.approx(move.load_qps)
    assert (8, 0, 0.0) == (move.added, move.removed, move.over_budget_usd_per_hour)
    assert 10.0 == pytest.approx(move.most_usd_per_hour)


def test_a_type_that_may_be_bought_no_more_is_removed_last() -> None:
    """huge is in use and may not be bought: it carries the load until big is there, for a time over the budget."""
    means = {"big": {10: 10.0, 100: 20.0}, "huge": {10: 5.0, 100: 10.0}}
    constraints = Constraints(from_pool={"huge": 1})
    found = plan(scenario(means, {"big": 1.0, "huge": 1.0}, {10: 1, 100: 1}, only=("big",), budget_usd_per_hour=1.0,
                          constraints=constraints))  # fmt: skip
    assert isinstance(found, Plan)
    move = moved(found)

    assert [("big=1", ""), ("", "huge=1")] == steps(found)
    assert ONE_BIG_QPS == pytest.approx(move.load_qps)
    assert 1.0 == pytest.approx(move.over_budget_usd_per_hour)
    assert 2.0 == pytest.approx(move.most_usd_per_hour)


def test_pools_on_the_way_carry_the_load_in_simulation_too() -> None:
    """By capacity one big could go in the middle; measured at half its capacity that pool misses, so it stays."""
    shares: dict[tuple[int, ...], float] = {}

    def rate_of(counts: Counts, capacity_qps: float) -> float:
        return capacity_qps * shares.get(tuple(counts.tolist()), 1.0)

    asked = {"in_use": {"big": 3}, "budget_usd_per_hour": 3.1, "min_qps": 100.0}
    by_capacity = planned(rate_of=rate_of, **asked)
    between = [each.then for each in moved(by_capacity).steps[:-1] if each.removed.size]
    assert between
    names = by_capacity.table.names
    for each in between:
        shares[tuple(each.pool.by_type.get(name, 0) for name in names)] = 0.5
    again = moved(planned(rate_of=rate_of, **asked))

    assert not {str(each.pool) for each in between} & {str(each.then.pool) for each in again.steps}
    assert all(each.then.served_qps >= again.load_qps for each in again.steps)


def test_no_pool_within_the_changes() -> None:
    """Where the changes are too few for the load, the hint says so."""
    found = plan(
        toy(constraints=Constraints(from_pool={"big": 1}, max_changes=1), budget_usd_per_hour=9.0, min_qps=500.0)
    )

    assert isinstance(found, NoPlan)
    assert "allow more changes from the pool in use" == found.hint
