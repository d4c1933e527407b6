"""Every scheme at the pool that is best for it, with made-up measurements."""

from __future__ import annotations

import pytest

from kairos_cli.errors import InputError
from kairos_cli.planner.comparison import Pools, best_homogeneous, best_pool, pools, published_pool
from kairos_cli.planner.enumeration import Counts
from tests.conftest import shipped_scenario
from tests.planner.tables import MODELS, measure_by, scenario, shipped_capacities, shipped_pools, toy


def among(budget: float) -> Pools:
    """Return the toy's pools."""
    found = pools(toy(budget_usd_per_hour=budget))
    assert isinstance(found, Pools)
    return found


def test_the_pools_compared_are_those_that_can_serve_the_cheapest_first() -> None:
    """Of 2 $/h: one big with up to three aux, and two big; aux alone cannot serve."""
    assert [[1, 0], [1, 1], [1, 2], [1, 3], [2, 0]] == among(2.0).counts.tolist()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"min_qps": 10.0}, "a comparison needs a budget"),
        ({"budget_usd_per_hour": 0.1}, "no instance type can take part"),
        ({"budget_usd_per_hour": 0.9}, "no pool within 0.9 $/h can keep p99<50ms at any rate"),
    ],
)
def test_without_pools_there_is_a_reason(values: dict[str, float], reason: str) -> None:
    """A question without pools to compare is told why."""
    assert reason == pools(toy(**values))


def test_too_many_pools_are_refused() -> None:
    """Each scheme's best pool is found among all; millions are too many."""
    with pytest.raises(InputError, match="too many to give each scheme its best"):
        pools(shipped_scenario("rm2", 40.0))


def test_each_scheme_gets_the_pool_that_is_best_for_it() -> None:
    """A policy that wastes aux is best with two big, 128 of 133 queries/s; one that does not, with one big."""
    wasting = best_pool(among(2.0), "w", "p", measure_by(lambda counts, qps: qps * (0.5 if counts[1] else 0.96)))
    fair = best_pool(among(1.9), "f", "p", measure_by(lambda counts, qps: qps * 0.9))
    assert wasting is not None
    assert fair is not None

    assert ("w", "p", "big=2", 2.0) == (wasting.scheme, wasting.policy, str(wasting.pool), wasting.cost_usd_per_hour)
    assert (128.0, 400 / 3) == pytest.approx((wasting.allowable_qps, wasting.capacity_qps))
    assert "big=1,aux=1" == str(fair.pool)
    assert 900 / 9.8 == pytest.approx(fair.allowable_qps)


@pytest.mark.parametrize("model", MODELS)
def test_the_best_pool_of_a_scheme_is_the_best_of_measuring_all(model: str) -> None:
    """With rates of 70 to 99 % of the capacity, by the pool, none of 331 measures better than the one found."""
    found = pools(shipped_scenario(model))
    assert isinstance(found, Pools)

    def share(counts: Counts) -> float:
        return float(0.7 + counts @ [7, 11, 13, 17] % 30 / 100)

    best = best_pool(found, "any", "any", measure_by(lambda counts, qps: qps * share(counts)))
    assert best is not None
    all_rates = [qps * share(pool) for pool, qps in zip(shipped_pools(model), shipped_capacities(model), strict=True)]

    assert max(all_rates) == pytest.approx(best.allowable_qps)
    assert best.pools_simulated < 331


def test_the_best_single_type_is_measured_under_the_policy_that_serves_it_best() -> None:
    """Of pools of one type, under two policies, the best rate wins: two big under the second."""
    measures = {
        "first": measure_by(lambda counts, qps: qps * 0.8),
        "second": measure_by(lambda counts, qps: qps * 0.9),
    }
    best = best_homogeneous(among(2.3), "alone", measures)
    assert best is not None

    assert ("alone", "second", "big=2") == (best.scheme, best.policy, str(best.pool))
    assert 120.0 == pytest.approx(best.allowable_qps)


def test_where_no_single_type_serves_there_is_no_best_one() -> None:
    """Two types that can only serve together leave the row out."""
    means = {"small": {10: 10.0, 100: 99.0}, "large": {10: 60.0, 100: 10.0}}
    found = pools(scenario(means, {"small": 1.0, "large": 1.0}, {10: 1, 100: 1}, budget_usd_per_hour=2.0))
    assert isinstance(found, Pools)

    assert best_homogeneous(found, "alone", {"any": measure_by(lambda counts, qps: qps)}) is None
    assert published_pool(found, "any", "any", measure_by(lambda counts, qps: qps)) is None


def test_the_published_choice_is_measured_alone() -> None:
    """The published rule simulates nothing to choose: one pool is measured, the medoid of mtwnd's ten best."""
    found = pools(shipped_scenario("mtwnd"))
    assert isinstance(found, Pools)
    asked: list[tuple[int, ...]] = []
    chosen = published_pool(found, "kairos", "kairos", measure_by(lambda counts, qps: qps / 2, asked))
    assert chosen is not None

    assert [(2, 0, 8, 1)] == asked
    assert 1 == chosen.pools_simulated
    assert (1072.46, 536.23) == pytest.approx((chosen.capacity_qps, chosen.allowable_qps), rel=1e-4)
