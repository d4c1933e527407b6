"""Plans for servers that merge and split: on the toy by hand, on the shipped models against enumeration.

The toy's big takes 10 ms for ten items and 1/9 ms for each more, 20 for a hundred; aux takes 1 ms an item.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest

from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.serving import Serving
from kairos_cli.errors import InputError
from kairos_cli.planner.capacity import CapacityProgram
from kairos_cli.planner.comparison import Pools, best_homogeneous, pools, published_pool
from kairos_cli.planner.enumeration import affordable_counts
from kairos_cli.planner.explanation import Explanation, explanation
from kairos_cli.planner.plan import Plan, plan
from kairos_cli.planner.published_bound import PublishedBound
from tests.conftest import shipped_scenario
from tests.planner.tables import BATCHING, MODELS, measure_by, shipped_table, toy

MERGING, SPLITTING, BOTH = BATCHING


def planned(asked: Scenario) -> Plan:
    """Return the plan of a scenario that has one."""
    answer = plan(asked)
    assert isinstance(answer, Plan)
    return answer


@functools.cache
def shipped_plan(model: str, serving: Serving) -> Plan:
    """Return the plan of a shipped model for 2.5 $/h."""
    return planned(replace(shipped_scenario(model, choose="capacity"), serving=serving))


# --- by hand


def test_merging_makes_two_fast_machines_of_a_mixture() -> None:
    """For 2 $/h two big merge small queries by tens, 2 ms each: 2000 / ((2 + 20) / 2) a second, of aux none is needed.

    One at a time they serve 133.3, and merged or not big=1 with aux, which large queries do not fit, 102.04.
    """
    answer = planned(toy(budget_usd_per_hour=2.0, serving=MERGING))

    assert "big=2" == str(answer.chosen.pool)
    assert 2000 / 11 == pytest.approx(answer.chosen.capacity_qps)
    assert [[100.0, 100.0], [0.0, 0.0]] == answer.distribution.batch_size[:, [0, 9]].tolist()


def test_splitting_gives_slow_machines_part_of_the_large_queries() -> None:
    """For 1.60 $/h big has large queries only, two aux all small ones and, in parts, x of the large.

    big: 20 (λ/2 - x λ) = 1000; aux: 10 λ/2 + 100 x λ = 2000. So x = 3/28 and λ = 1400/11.
    """
    answer = planned(toy(budget_usd_per_hour=1.6, serving=SPLITTING))

    assert "big=1,aux=2" == str(answer.chosen.pool)
    assert 1400 / 11 == pytest.approx(answer.chosen.capacity_qps)
    assert 3 / 14 == pytest.approx(answer.distribution.share[1, 9], abs=0.001)
    assert 1.0 == answer.distribution.on_time[1, 9]


@pytest.mark.parametrize(
    ("serving", "alone", "capacity"),
    [(Serving(), "big=1", 200 / 3), (MERGING, "big=1", 1000 / 11), (SPLITTING, "aux=5", 5000 / 55)],
    ids=str,
)
def test_the_best_single_type_batches_as_well(serving: Serving, alone: str, capacity: float) -> None:
    """big merges, 11 ms a query; five aux, which serve no large query whole, serve them in parts, 55 ms a query."""
    answer = planned(toy(budget_usd_per_hour=1.6, serving=serving))
    assert answer.homogeneous is not None

    assert alone == str(answer.homogeneous.pool)
    assert capacity == pytest.approx(answer.homogeneous.capacity_qps)


@pytest.mark.parametrize(
    ("serving", "cheapest", "alone"),
    [(Serving(), "big=1,aux=1", "big=2"), (MERGING, "big=1", "big=1"), (SPLITTING, "big=1,aux=1", "aux=5")],
    ids=str,
)
def test_a_load_is_carried_for_less(serving: Serving, cheapest: str, alone: str) -> None:
    """90 queries/s take big and aux, 1.30 $/h; merged, big alone, 1 $/h. Of aux alone, in parts, it takes five."""
    answer = planned(toy(min_qps=90.0, serving=serving))
    assert answer.homogeneous is not None

    assert (cheapest, alone) == (str(answer.chosen.pool), str(answer.homogeneous.pool))


# --- shipped models


@pytest.mark.parametrize("serving", BATCHING, ids=str)
@pytest.mark.parametrize("model", MODELS)
def test_a_shipped_model_gets_the_best_of_all_pools(model: str, serving: Serving) -> None:
    """Each solved, none within 2.5 $/h has a greater capacity; all that is said of the pool fits together."""
    answer, table = shipped_plan(model, serving), shipped_table(model, serving)
    counts = affordable_counts(table, 2.5, answer.scenario.constraints)
    assert counts is not None
    program = CapacityProgram(table)
    capacities = [program.solve(each).qps for each in counts]

    assert max(capacities) == pytest.approx(answer.chosen.capacity_qps, rel=1e-8)
    assert sum(each > 0 for each in capacities) == answer.certificate.pools_enumerated
    assert 0.98 * answer.chosen.capacity_qps <= answer.distribution.qps <= answer.chosen.capacity_qps * (1 + 1e-9)
    assert answer.homogeneous is not None
    assert answer.homogeneous.capacity_qps <= answer.chosen.capacity_qps
    assert answer.one_more_dollar is not None
    assert answer.one_more_dollar.capacity_qps >= answer.chosen.capacity_qps * (1 - 1e-6)
    assert answer.chosen.published_bound_qps is None


@pytest.mark.parametrize("model", MODELS)
def test_the_single_type_of_a_shipped_model_is_the_best_of_all_single_types(model: str) -> None:
    """In every setting the pool of one type that stands beside the plan has the greatest capacity of all of them."""
    for serving in BATCHING:
        table, answer = shipped_table(model, serving), shipped_plan(model, serving)
        number = np.floor((2.5 + 1e-9) / table.price_usd_per_hour).astype(np.int64)
        alone = [CapacityProgram(table).solve(each).qps for each in np.diag(number)]
        assert answer.homogeneous is not None

        assert max(alone) == pytest.approx(answer.homogeneous.capacity_qps, rel=1e-8)


# --- the published rule


@pytest.mark.parametrize("serving", BATCHING, ids=str)
@pytest.mark.parametrize("values", [{"budget_usd_per_hour": 2.0}, {"min_qps": 10.0}], ids=["budget", "load"])
def test_the_published_rule_does_not_apply_to_batches(serving: Serving, values: dict[str, float]) -> None:
    """Its bound is about one query at a time: who asks for it otherwise is told so, and what to ask for."""
    with pytest.raises(InputError) as refused:
        plan(toy(choose="published", serving=serving, **values))

    [problem] = refused.value.problems
    assert f"the published rule is about one query at a time, and does not apply to {serving}" == problem.message
    assert ("--choose published", "use --choose verified or --choose capacity") == (str(problem.source), problem.hint)


@pytest.mark.parametrize("serving", BATCHING, ids=str)
def test_the_published_bound_is_not_defined_in_batches(serving: Serving) -> None:
    """rm2 has a base type, but the formula knows neither batches nor parts; nobody gets a row for its choice."""
    found = pools(toy(budget_usd_per_hour=2.0, serving=serving))
    assert isinstance(found, Pools)

    assert PublishedBound.of(shipped_table("rm2")) is not None
    assert PublishedBound.of(shipped_table("rm2", serving)) is None
    assert published_pool(found, "any", "any", measure_by(lambda counts, qps: qps)) is None


def test_the_best_homogeneous_pool_of_a_comparison_batches_as_well() -> None:
    """Measured at nine tenths of its capacity, two big that merge serve 163.6 queries/s."""
    found = pools(toy(budget_usd_per_hour=2.0, serving=MERGING))
    assert isinstance(found, Pools)
    best = best_homogeneous(found, "alone", {"any": measure_by(lambda counts, qps: qps * 0.9)})
    assert best is not None

    assert ("big=2", pytest.approx(1800 / 11)) == (str(best.pool), best.allowable_qps)


# --- explanations


def explained(serving: Serving, counts: tuple[int, ...]) -> Explanation:
    """Return why wnd's plan has not this pool, were all pools measured at nine tenths of their capacity."""
    answer, table = shipped_plan("wnd", serving), shipped_table("wnd", serving)
    measuring = measure_by(lambda counts, qps: qps * 0.9)
    return explanation(answer.scenario, table.pool(np.array(counts)), answer.chosen.pool, lambda _: measuring)


def test_a_pool_is_explained_by_its_batches() -> None:
    """The best pool one at a time, one GPU and 13 CPUs, is slower than four and two that merge; a GPU more helps.

    What is proposed instead has the capacity by its own program.
    """
    found = explained(MERGING, (1, 0, 13, 0))
    program = CapacityProgram(shipped_table("wnd", MERGING))
    assert found.change is not None

    assert "slower" == found.verdict
    assert "g4dn.xlarge" == found.bottleneck.type
    assert 1.0 == pytest.approx(dict(found.bottleneck.busy)["g4dn.xlarge"])
    assert found.pool.capacity_qps == pytest.approx(program.solve(np.array([1, 0, 13, 0])).qps)
    changed = program.solve(program.table.counts(found.change.rated.pool)).qps
    assert changed == pytest.approx(found.change.rated.capacity_qps)
    assert found.least_qps is not None
    assert found.change.rated.served_qps >= found.least_qps
    for each in found.trades:
        assert each.rated.served_qps >= found.pool.served_qps * (1 - 0.005)
