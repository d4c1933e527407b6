"""What a pool breaks, in words, and that the words agree with what the planner permits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.prices import InstanceType, PriceList
from kairos_cli.planner.breaches import breaks_no_more, broken_constraints
from kairos_cli.planner.explanation import Explanation, explanation, recommendation
from kairos_cli.planner.permitted import permitted
from tests.planner.tables import constraints_of, law, markets, measure_by, pools_for, small_table, toy, with_options

#: A type on demand and as spot instance, and another one; b stands in the one zone where a can stand too.
MARKET = with_options(
    small_table([[10.0]] * 3), ("a", "a:spot", "b"), (1.0, 0.9, 1.0), (("x", "y"), ("x", "y"), ("y",))
)
COLUMNS = InstanceType("big", 1.0), InstanceType("big:spot", 0.4, availability=0.9), InstanceType("aux", 0.3)
SPOT = PriceList("toy", "nowhere", "made up", COLUMNS)


@pytest.mark.parametrize(
    ("constraints", "counts", "said"),
    [
        (Constraints({"b": 1}), [0, 0, 2], ("too_many", "2 × b, where at most 1 may be used")),
        (
            Constraints({"a": 3}),
            [2, 2, 0],
            ("too_many", "4 × a in all its purchase options, where at most 3 may be used"),
        ),
        (Constraints({"a:spot": 1}), [3, 2, 0], ("too_many", "2 × a:spot, where at most 1 may be used")),
        (
            Constraints(max_spot_share=0.5),
            [1, 2, 0],
            ("too_much_spot", "2 of its 3 instances are spot ones, where at most 50% may be"),
        ),
        (Constraints(min_types=2), [2, 2, 0], ("too_few_types", "it has 1 type of at least 2")),
        (Constraints(min_types=3), [1, 0, 1], ("too_few_types", "it has 2 types of at least 3")),
        (Constraints(min_zones=2), [0, 0, 5], ("too_few_zones", "its instances can stand in 1 zone of at least 2")),
        (Constraints(min_zones=3), [2, 0, 5], ("too_few_zones", "its instances can stand in 2 zones of at least 3")),
        (
            Constraints(from_pool={"a": 2, "gone": 1}, max_changes=2),
            [3, 0, 1],
            ("too_many_changes", "it differs from the pool in use by 3 instances, where at most 2 may"),
        ),
    ],
)
def test_each_constraint_has_its_words(constraints: Constraints, counts: list[int], said: tuple[str, str]) -> None:
    """A pool that breaks one constraint has one breach, of its own code."""
    found = broken_constraints(MARKET, constraints, np.array(counts))

    assert [said] == [(each.code, each.reason) for each in found]


@law(80)
@given(st.data())
def test_a_pool_without_a_breach_is_a_permitted_one(data: st.DataObject) -> None:
    """And the other way round: types limited to none and losses apart, which are told as something else."""
    table = data.draw(markets())
    counts = data.draw(pools_for(table).filter(lambda each: bool(each.any())))
    asked = data.draw(constraints_of())
    caps = {name: most for name, most in asked.max_instances.items() if most}
    asked = replace(asked, max_instances=caps, tolerate_loss=0)

    assert bool(permitted(table, asked, counts[None, :])[0]) == (not list(broken_constraints(table, asked, counts)))


def test_a_change_may_leave_broken_what_was_broken() -> None:
    """With one type of two asked for, a trade may not take the spot share too far, but need not add a type."""
    asked = Constraints(max_spot_share=0.5, min_types=2)

    assert breaks_no_more(MARKET, asked, np.array([2, 0, 0]), np.array([1, 1, 0]))
    assert not breaks_no_more(MARKET, asked, np.array([2, 0, 0]), np.array([1, 2, 0]))
    assert not breaks_no_more(MARKET, asked, np.array([1, 0, 1]), np.array([2, 0, 0]))


# As part of an explanation


def explained(constraints: Constraints, budget: float, purchase: tuple[str, ...], **counts: int) -> Explanation:
    """Return the explanation of a pool of the toy; four fifths of the capacity are served."""
    scenario = toy(
        SPOT, budget_usd_per_hour=budget, choose="verified", constraints=constraints, purchase=purchase
    )  # fmt: skip
    names = [name.replace("_", ":") for name in counts]

    def measuring(table: object) -> object:
        return measure_by(lambda _, capacity: 0.8 * capacity)

    return explanation(scenario, Pool.of(names, counts.values()), recommendation(scenario, measuring), measuring)


def reasons(found: Explanation) -> list[str]:
    return [each.reason for each in found.breaches]


def test_a_way_to_buy_that_was_not_asked_for_is_a_breach() -> None:
    """The pool is rated all the same: of four big:spot two are there 99 % of the time, which serve 2 / 15 ms."""
    found = explained(Constraints(), 3.0, ("on-demand",), big_spot=4)

    assert ["big:spot may not be used: only on-demand instances may be bought"] == reasons(found)
    assert (("big:spot", 2),) == found.pool.present.counts
    assert pytest.approx(0.8 * 2 / 0.015) == found.pool.served_qps
    assert found.change is not None and "big:spot" not in found.change.rated.pool.by_type


def test_a_loss_that_leaves_nothing_fast_enough_is_told() -> None:
    """Without its one big the pool is late with every large query; the change withstands the loss of any one."""
    found = explained(Constraints(tolerate_loss=1), 4.0, ("on-demand",), big=1, aux=3)

    assert ["it cannot keep p99<50ms at any rate after the loss of any 1 instance"] == reasons(found)
    assert (("big", 1),) == found.pool.lost.counts
    assert ("target", "big", 0.5) == (
        found.bottleneck.runs_out, found.bottleneck.type, pytest.approx(found.bottleneck.late_share),
    )  # fmt: skip
    assert found.change is not None and found.change.rated.served_qps > 0
    assert found.change.rated.pool.by_type["big"] >= 2


def test_what_mends_a_pool_and_what_it_is_traded_for_keep_the_constraints() -> None:
    """At most half of the pool may be spot instances, and there must be two types."""
    asked = Constraints(max_spot_share=0.5, min_types=2)
    found = explained(asked, 4.0, ("on-demand", "spot"), big_spot=6)

    assert [
        "6 of its 6 instances are spot ones, where at most 50% may be",
        "it has 1 type of at least 2",
    ] == reasons(found)
    assert found.change is not None
    assert [] == list(broken_constraints(found.table, asked, found.table.counts(found.change.rated.pool)))


def test_trades_keep_what_the_pool_keeps() -> None:
    """Big could all be had as spot instances for less; only as many are traded as the share allows."""
    asked = Constraints(max_spot_share=0.5)
    found = explained(asked, 9.0, ("on-demand", "spot"), big=6, aux=1)

    assert any("big:spot" == each.taken_type for each in found.trades)
    for each in found.trades:
        assert [] == list(broken_constraints(found.table, asked, found.table.counts(each.rated.pool)))
