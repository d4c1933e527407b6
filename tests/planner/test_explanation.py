"""A pool beside the recommended one: what is said of it, and how that agrees with the plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.scenario import Scenario
from kairos_cli.planner.explanation import Explanation, explanation, recommendation
from kairos_cli.planner.plan import Measuring, NoPlan, Plan, plan
from kairos_cli.planner.rating import RatedPool
from tests.planner.tables import measure_by, toy

#: Four fifths of the capacity, whatever the pool.
FOUR_FIFTHS: Measuring = lambda table: measure_by(lambda counts, capacity: 0.8 * capacity)  # noqa: E731


def asked(budget: float | None = 2.7, **values: Any) -> Scenario:
    """Return the toy to be verified: two big and two aux are the best for 2.7 $/h."""
    return toy(budget_usd_per_hour=budget, choose="verified", **values)


def explained(scenario: Scenario, measuring: Measuring = FOUR_FIFTHS, **counts: int) -> Explanation:
    pool = Pool.of(counts, counts.values())
    return explanation(scenario, pool, recommendation(scenario, measuring), measuring)


def codes(found: Explanation) -> list[str]:
    return [each.code for each in found.breaches]


def reasons(found: Explanation) -> list[str]:
    return [each.reason for each in found.breaches]


def test_the_recommended_pool_explains_itself() -> None:
    """It is the plan's pool with the plan's figures; there is nothing to mend and no cheaper way to its rate."""
    scenario = asked()
    chosen = plan(scenario, FOUR_FIFTHS)
    assert isinstance(chosen, Plan)
    found = explained(scenario, **chosen.chosen.pool.by_type)

    assert "recommended" == found.verdict
    assert chosen.chosen == found.pool == found.recommended
    assert chosen.bottleneck == found.bottleneck.type
    assert () == found.breaches
    assert found.change is None
    assert () == found.trades


def test_a_slower_pool_is_mended_into_one_that_serves_as_much() -> None:
    """Two big serve 0.8 x 2 / 15 ms = 106.67/s; the change keeps to the budget and comes within half a per cent."""
    found = explained(asked(), big=2)

    assert "slower" == found.verdict
    assert pytest.approx(0.8 * 2 / 0.015) == found.pool.served_qps
    assert found.recommended is not None and found.change is not None
    assert pytest.approx(0.995 * found.recommended.served_qps) == found.least_qps
    assert (("aux", 2),) == found.change.added
    assert () == found.change.removed
    assert found.change.rated == found.recommended


def test_a_pool_over_the_budget_is_explained() -> None:
    """What it costs too much is said; the change brings it into the budget, and trades make it cheaper."""
    found = explained(asked(), big=4)

    assert "breach" == found.verdict
    assert ["4.000 $/h, over the budget of 2.7 $/h"] == reasons(found)
    assert found.change is not None
    assert found.change.rated.cost_usd_per_hour <= 2.7
    assert found.trades
    assert all(each.rated.served_qps >= 0.995 * found.pool.served_qps for each in found.trades)
    assert all(each.rated.cost_usd_per_hour < 4 for each in found.trades)


def test_a_pool_that_cannot_keep_the_target_is_explained() -> None:
    """aux alone is late with half of the queries: no rate, no trades; one big among them mends it."""
    found = explained(asked(), aux=3)

    assert ["it cannot keep p99<50ms at any rate"] == reasons(found)
    assert ["misses_target"] == codes(found)
    assert "target" == found.bottleneck.runs_out
    assert "big" == found.bottleneck.type
    assert () == found.trades
    assert found.change is not None and ("big", 2) in found.change.added


def test_a_pool_that_keeps_the_target_in_theory_only_is_explained() -> None:
    """It has a capacity, and yet simulation finds no rate."""

    def measuring(table: Any) -> Any:
        return measure_by(lambda counts, capacity: 0.0 if counts.sum() == 1 else capacity)

    assert ["it keeps p99<50ms in simulation at no rate"] == reasons(explained(asked(), measuring, big=1))


def test_a_type_that_is_left_out_is_named_with_the_reason() -> None:
    """The pool may have it, the change takes it out, and no trade brings it in."""
    found = explained(asked(only=("big",)), big=1, aux=2)

    assert ["aux may not be used: not among the types asked for"] == reasons(found)
    assert ["excluded"] == codes(found)
    assert found.change is not None and ("aux", 2) in found.change.removed
    assert not any(each.taken_type == "aux" for each in found.trades)


def test_a_pool_over_a_limit_is_explained() -> None:
    """Three aux where two may be used."""
    found = explained(asked(constraints=Constraints(max_instances={"aux": 2})), big=1, aux=3)

    assert ["3 × aux, where at most 2 may be used"] == reasons(found)
    assert found.change is not None and found.change.rated.pool.by_type["aux"] <= 2


def test_a_pool_at_a_limit_cannot_have_more_of_that_type() -> None:
    """With two aux of two allowed, the next dollar goes to big."""
    assert "big" == explained(asked(constraints=Constraints(max_instances={"aux": 2})), big=4, aux=2).bottleneck.type


def test_a_load_is_the_rate_to_reach_and_to_keep() -> None:
    """Six big carry 300/s, which 100/s does not need: no change, and trades that keep only the 100/s."""
    found = explained(asked(None, min_qps=100.0), big=6)

    assert "dearer" == found.verdict
    assert 100.0 == found.least_qps
    assert found.change is None
    assert found.trades
    assert min(each.rated.served_qps for each in found.trades) < 0.8 * found.pool.served_qps
    assert all(each.rated.served_qps > 100 for each in found.trades)


def test_a_pool_short_of_the_load_is_mended() -> None:
    """One big serves 53.3/s of 100: added instances bring it there, without any limit of cost."""
    found = explained(asked(None, min_qps=100.0), big=1)

    assert ["it carries 53.3 queries/s of the load of 100"] == reasons(found)
    assert found.change is not None
    assert found.change.rated.served_qps > 100
    assert () == found.change.removed


def test_a_load_that_the_budget_cannot_carry_is_met_as_far_as_it_goes() -> None:
    """The recommended pool is the best in budget; what it serves is to be reached, half a per cent apart."""
    found = explained(asked(2.7, min_qps=1000.0), big=2)
    best = plan(asked(2.7), FOUR_FIFTHS)

    assert isinstance(best, Plan)
    assert best.chosen == found.recommended
    assert pytest.approx(0.995 * best.chosen.served_qps) == found.least_qps
    assert ["short_of_load"] == codes(found)


def test_where_no_pool_fits_the_pool_is_explained_all_the_same() -> None:
    """0.5 $/h buys no big, so nothing is recommended; the pool's own figures and trades are there."""
    found = explained(asked(0.5), big=2)

    assert found.recommended is None
    assert "none of the 1 pools within 0.5 $/h can keep p99<50ms at any rate" == found.no_pool_reason
    assert found.change is None
    assert pytest.approx(0.8 * 2 / 0.015) == found.pool.served_qps


def test_a_pool_without_fault_stands_alone_where_none_is_recommended() -> None:
    """The plan found no pool, the pool asked about carries the load."""
    scenario = asked(None, min_qps=100.0)
    none = NoPlan(scenario, "it was not found", "", ())

    assert "alone" == explanation(scenario, Pool((("big", 2),)), none, FOUR_FIFTHS).verdict


def test_a_pool_of_a_plan_made_earlier_is_measured() -> None:
    """Given as a pool only, the recommended one gets its figures here."""
    scenario = asked()
    found = explanation(scenario, Pool((("big", 2),)), Pool((("big", 2), ("aux", 2))), FOUR_FIFTHS)

    assert recommendation(scenario, FOUR_FIFTHS) == found.recommended
    assert "slower" == found.verdict


@pytest.mark.parametrize(
    ("recommended", "verdict"),
    [({"big": 1}, "faster"), ({"big": 2}, "recommended"), ({"big": 3}, "slower"), ({"big": 2, "aux": 1}, "cheaper")],
)
def test_the_verdict_compares_rate_and_then_cost(recommended: dict[str, int], verdict: str) -> None:
    """Two big, which serve 100 here, beside pools whose rate is 50 a big; an aux costs and serves nothing."""

    def measuring(table: Any) -> Any:
        return measure_by(lambda counts, capacity: 50.0 * counts[list(table.names).index("big")])

    pool = Pool.of(recommended, recommended.values())

    assert verdict == explanation(asked(5.0), Pool((("big", 2),)), pool, measuring).verdict


def test_a_dearer_pool_that_serves_no_more_is_called_dearer() -> None:
    """The other way round: an aux that adds nothing."""

    def measuring(table: Any) -> Any:
        return measure_by(lambda counts, capacity: 50.0 * counts[list(table.names).index("big")])

    found = explanation(asked(5.0), Pool((("big", 2), ("aux", 1))), Pool((("big", 2),)), measuring)

    assert "dearer" == found.verdict
    assert ("aux", 1, None, 0) == (
        found.trades[0].given_type, found.trades[0].given, found.trades[0].taken_type, found.trades[0].taken
    )  # fmt: skip


def test_every_pool_can_be_explained() -> None:
    """All pools of up to three of each type: the verdict agrees with what was measured and with the limits."""
    scenario = asked()
    goal = recommendation(scenario, FOUR_FIFTHS)
    assert isinstance(goal, RatedPool)
    for counts in np.ndindex(4, 4):
        if not any(counts):
            continue
        pool = Pool.of(("big", "aux"), counts)
        found = explanation(scenario, pool, goal, FOUR_FIFTHS)
        fits = found.pool.cost_usd_per_hour <= 2.7 and found.pool.served_qps > 0

        assert (pool == goal.pool) == (found.verdict == "recommended")
        assert fits == (not found.breaches)
        if found.change:
            assert found.change.rated.cost_usd_per_hour <= 2.7
            assert found.change.rated.served_qps >= 0.995 * goal.served_qps
        else:
            assert fits and found.pool.served_qps >= 0.995 * goal.served_qps
