"""The answer to a whole question: on the toy by hand, on the shipped models against enumeration."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.scenario import Scenario
from kairos_cli.errors import InputError
from kairos_cli.planner.enumeration import Counts
from kairos_cli.planner.plan import NoPlan, Plan, plan
from tests.conftest import shipped_scenario
from tests.planner.tables import MODELS, measure_by, scenario, shipped_capacities, shipped_pools, shipped_table, toy

#: What one big and one aux serve: big takes 49 % of the queries, all large, 20 ms each.
ONE_BIG = 1000 / 9.8
#: Two types, each within 50 ms with one size only.
SPECIALISTS = {"small": {10: 10.0, 100: 99.0}, "large": {10: 60.0, 100: 10.0}}


def planned(asked: Scenario) -> Plan:
    """Return the plan of a scenario that has one."""
    answer = plan(asked)
    assert isinstance(answer, Plan)
    return answer


def refused(asked: Scenario) -> NoPlan:
    """Return the refusal of a scenario that has no plan."""
    answer = plan(asked)
    assert isinstance(answer, NoPlan)
    return answer


def shipped(model: str, budget: float | None = 2.5, **values: Any) -> Scenario:
    """Return a shipped scenario without simulation."""
    return shipped_scenario(model, budget, **{"choose": "capacity", **values})


@functools.cache
def plan_for_budget(model: str) -> Plan:
    """Return the plan of a shipped model for 2.5 $/h."""
    return planned(shipped(model))


@functools.cache
def plan_for_load(model: str) -> Plan:
    """Return the plan of a shipped model for a load of 60 % of what the best pool of 2.5 $/h can serve."""
    return planned(shipped(model, None, min_qps=0.6 * shipped_capacities(model).max()))


def pools(answer: Plan) -> list[str]:
    """Return the ranking."""
    return [str(each.pool) for each in answer.ranking]


# --- a budget: the most capacity for the money


def test_a_budget_buys_the_pool_of_greatest_capacity() -> None:
    """1.60 $/h buys one big and up to two aux; one aux is enough to serve all small queries."""
    answer = planned(toy(budget_usd_per_hour=1.6))

    assert "big=1,aux=1" == str(answer.chosen.pool)
    assert 1.3 == pytest.approx(answer.chosen.cost_usd_per_hour)
    assert ONE_BIG == pytest.approx(answer.chosen.capacity_qps)
    assert 1.3 / ONE_BIG / 3600 * 1e6 == pytest.approx(answer.chosen.usd_per_million_queries)
    assert "big" == answer.bottleneck
    assert [ONE_BIG, 0.0] == pytest.approx(answer.capacity.shadow_price.tolist())


def test_of_equal_pools_the_cheapest_is_bought() -> None:
    """A second aux would only idle: the pool without it comes first, the one with it second."""
    assert ["big=1,aux=1", "big=1,aux=2", "big=1"] == pools(planned(toy(budget_usd_per_hour=1.6)))


def test_the_certificate_counts_what_was_looked_at() -> None:
    """Of 1.60 $/h: five pools of aux only and three with a big; these three can meet the target."""
    certificate = planned(toy(budget_usd_per_hour=1.6)).certificate

    assert "enumeration" == certificate.method
    assert (8, 3) == (certificate.pools_within_budget, certificate.pools_enumerated)
    assert ONE_BIG == pytest.approx(certificate.best_other_capacity_qps)
    assert 0.0 == certificate.gap_percent


def test_a_choice_without_alternative_has_no_other_capacity() -> None:
    """With 1 $/h one big is the only pool that can meet the target."""
    answer = planned(toy(budget_usd_per_hour=1.0))

    assert ["big=1"] == pools(answer)
    assert answer.certificate.best_other_capacity_qps is None


@pytest.mark.parametrize(("top", "listed"), [(0, 0), (1, 1), (2, 2), (9, 3)])
def test_as_many_pools_are_listed_as_wanted(top: int, listed: int) -> None:
    """`top` limits the ranking, not the search: the certificate knows the second best without listing it."""
    answer = planned(toy(budget_usd_per_hour=1.6, top=top))

    assert min(listed, 3) == len(answer.ranking)
    assert ONE_BIG == pytest.approx(answer.certificate.best_other_capacity_qps)


@pytest.mark.parametrize("model", MODELS)
def test_a_shipped_model_gets_the_best_of_its_331_pools(model: str) -> None:
    """The five best pools are those of solving all, and the best other one is the second."""
    table, counts, capacities = shipped_table(model), shipped_pools(model), shipped_capacities(model)
    order = np.argsort(-capacities, kind="stable")[:5]
    answer = plan_for_budget(model)

    assert [str(table.pool(counts[row])) for row in order] == pools(answer)
    assert capacities[order].tolist() == pytest.approx([each.capacity_qps for each in answer.ranking])
    assert answer.ranking[0] == answer.chosen
    assert (696, 331) == (answer.certificate.pools_within_budget, answer.certificate.pools_enumerated)
    assert capacities[order[1]] == pytest.approx(answer.certificate.best_other_capacity_qps)
    assert answer.chosen.capacity_qps == answer.capacity.qps


def test_the_distribution_is_the_chosen_pool_s() -> None:
    """The split at capacity is given with the answer: aux serves all small queries and 1 % of all, large, late."""
    split = planned(toy(budget_usd_per_hour=1.6)).distribution

    assert "optimal" == split.answer.status
    assert 0.98 * ONE_BIG <= split.qps <= ONE_BIG * (1 + 1e-9)
    assert 0.02 == pytest.approx(split.share[1, 1], abs=0.001)


# --- one type alone


def test_the_best_single_type_stands_beside_the_answer() -> None:
    """big alone serves 66.7; the mix 1.53 times as much. aux alone serves nothing and is no rival."""
    answer = planned(toy(budget_usd_per_hour=1.6))
    assert answer.homogeneous is not None

    assert "big=1" == str(answer.homogeneous.pool)
    assert 200 / 3 == pytest.approx(answer.homogeneous.capacity_qps)
    assert ONE_BIG / (200 / 3) == pytest.approx(answer.ratio_to_homogeneous)


def test_the_single_type_is_bought_as_often_as_money_and_caps_allow() -> None:
    """3.50 $/h buys three big; a cap of two leaves two."""
    free = planned(toy(budget_usd_per_hour=3.5)).homogeneous
    capped = planned(toy(budget_usd_per_hour=3.5, constraints=Constraints({"big": 2}))).homogeneous
    assert free is not None
    assert capped is not None

    assert ("big=3", "big=2") == (str(free.pool), str(capped.pool))


def test_for_a_load_the_single_type_is_the_cheapest_that_carries_it() -> None:
    """100 queries/s need two big, 2 $/h: 1.54 times as dear as the mix."""
    answer = planned(toy(min_qps=100.0))
    assert answer.homogeneous is not None

    assert "big=2" == str(answer.homogeneous.pool)
    assert 2.0 / 1.3 == pytest.approx(answer.ratio_to_homogeneous)


def test_where_no_single_type_can_do_it_there_is_none() -> None:
    """Each type is on time with one size only; together they serve, alone neither does."""
    answer = planned(scenario(SPECIALISTS, {"small": 1.0, "large": 1.0}, {10: 1, 100: 1}, budget_usd_per_hour=2.0))

    assert "small=1,large=1" == str(answer.chosen.pool)
    assert answer.homogeneous is None
    assert answer.ratio_to_homogeneous is None
    assert answer.chosen.published_bound_qps is None


@pytest.mark.parametrize("model", MODELS)
def test_four_g4dn_are_the_best_single_type(model: str) -> None:
    """For 2.5 $/h only g4dn.xlarge can meet the targets alone."""
    answer = plan_for_budget(model)

    assert answer.homogeneous is not None
    assert Pool((("g4dn.xlarge", 4),)) == answer.homogeneous.pool


# --- one more dollar


def test_one_more_dollar_buys_the_best_pool_of_the_larger_budget() -> None:
    """2.60 $/h buy two big and two aux: twice the capacity of one and one."""
    more = planned(toy(budget_usd_per_hour=1.6)).one_more_dollar
    assert more is not None

    assert "big=2,aux=2" == str(more.pool)
    assert 2 * ONE_BIG == pytest.approx(more.capacity_qps)


@pytest.mark.parametrize("answer_to", [plan_for_budget, plan_for_load], ids=["budget", "load"])
@pytest.mark.parametrize("model", MODELS)
def test_one_more_dollar_never_buys_less(model: str, answer_to: Callable[[str], Plan]) -> None:
    """The pool of the next dollar has at least the capacity of the chosen one, and costs at most a dollar more."""
    answer = answer_to(model)
    assert answer.one_more_dollar is not None
    money = answer.scenario.budget_usd_per_hour or answer.chosen.cost_usd_per_hour

    assert answer.chosen.capacity_qps <= answer.one_more_dollar.capacity_qps * (1 + 1e-6)
    assert answer.one_more_dollar.cost_usd_per_hour <= money + 1.0 + 1e-6


def test_one_more_dollar_may_buy_a_type_that_was_too_dear() -> None:
    """With 1 $/h only slow can be had; with 2 one fast, at 1.50, serves fifty times as much as two slow."""
    asked = scenario(
        {"slow": {10: 10.0, 100: 20.0}, "fast": {10: 0.1, 100: 0.2}},
        {"slow": 1.0, "fast": 1.5},
        {10: 1, 100: 1},
        budget_usd_per_hour=1.0,
    )
    answer = planned(asked)
    assert answer.one_more_dollar is not None

    assert "slow=1" == str(answer.chosen.pool)
    assert "fast=1" == str(answer.one_more_dollar.pool)
    assert 20_000 / 3 == pytest.approx(answer.one_more_dollar.capacity_qps)


# --- a load: the least money for the capacity


def test_a_load_gets_the_cheapest_pool_that_carries_it() -> None:
    """100 queries/s: one big and one aux; what costs up to a quarter more is listed by cost."""
    answer = planned(toy(min_qps=100.0))

    assert "big=1,aux=1" == str(answer.chosen.pool)
    assert ["big=1,aux=1", "big=1,aux=2"] == pools(answer)
    assert "integer program" == answer.certificate.method
    assert 0.0 == pytest.approx(answer.certificate.gap_percent, abs=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_a_load_on_a_shipped_model_costs_what_enumeration_says(model: str) -> None:
    """No cheaper pool of the 331 carries the load; the pools listed do, in order of their cost."""
    table, counts, capacities = shipped_table(model), shipped_pools(model), shipped_capacities(model)
    answer = plan_for_load(model)
    load = 0.6 * capacities.max()
    costs = [each.cost_usd_per_hour for each in answer.ranking]

    assert (counts @ table.price_usd_per_hour)[capacities >= load].min() == pytest.approx(costs[0])
    assert sorted(costs) == pytest.approx(costs)
    assert [] == [each for each in answer.ranking if each.capacity_qps < load * (1 - 1e-6)]
    assert answer.ranking[0] == answer.chosen


@pytest.mark.parametrize("caps", [{}, {"slow": 1}], ids=["free", "capped"])
def test_a_load_rounded_up_in_the_seventh_digit_is_carried(caps: dict[str, int]) -> None:
    """A pool of 66.666… queries/s is an answer to a load of 66.66667, the rate as one would write it."""
    asked = scenario(
        {"slow": {10: 10.0, 100: 20.0}}, {"slow": 1.0}, {10: 1, 100: 1}, min_qps=66.66667, constraints=Constraints(caps)
    )

    assert "slow=1" == str(planned(asked).chosen.pool)


def test_the_certificate_of_a_load_tells_the_greatest_capacity_of_the_others() -> None:
    """What is certified as the greatest capacity of any other pool is not below one that is listed."""
    answer = planned(shipped("wnd", None, min_qps=1000.0, top=30))
    other = answer.certificate.best_other_capacity_qps

    assert 2 < len(answer.ranking)
    assert other is None or other >= max(each.capacity_qps for each in answer.ranking[1:])


def test_the_list_goes_on_by_capacity_where_few_pools_were_measured() -> None:
    """If every pool serves its capacity, one is measured; the list is that of the ranking by capacity all the same."""
    by_capacity = plan_for_budget("rm2")
    measured = plan(
        shipped("rm2", choose="verified"), lambda table: measure_by(lambda counts, capacity_qps: capacity_qps)
    )
    assert isinstance(measured, Plan)

    assert 1 == measured.certificate.pools_simulated
    assert 5 == len(measured.ranking)
    assert pools(by_capacity) == pools(measured)
    assert [None] * 4 == [each.measured for each in measured.ranking[1:]]


# --- both: the most capacity for the money, if it carries the load


def test_budget_and_load_give_the_best_pool_if_it_is_enough() -> None:
    """1.60 $/h serve 102.04 queries/s: a load of 102 is carried, by the best pool, not by the cheapest."""
    assert "big=1,aux=1" == str(planned(toy(budget_usd_per_hour=1.6, min_qps=102.0)).chosen.pool)
    assert "big=2,aux=2" == str(planned(toy(budget_usd_per_hour=2.6, min_qps=102.0)).chosen.pool)


def test_budget_and_load_are_refused_if_the_best_pool_is_not_enough() -> None:
    """A load of 103 is not carried for 1.60 $/h; the refusal tells how much is, by which pool."""
    answer = refused(toy(budget_usd_per_hour=1.6, min_qps=103.0))

    assert "the best pool within 1.6 $/h, big=1,aux=1, carries at most 102.0 queries/s, not 103" == answer.reason


def test_a_load_equal_to_the_capacity_is_carried() -> None:
    """The capacity itself is no overload."""
    assert isinstance(plan(toy(budget_usd_per_hour=1.6, min_qps=ONE_BIG)), Plan)


def test_a_refusal_of_the_published_rule_is_not_said_of_the_best_pool() -> None:
    """On mtwnd the published rule picks a pool of 1072 queries/s where the best has 1108: of a load of 1100
    it may say that its own choice falls short, not that the best pool does."""
    answer = refused(shipped("mtwnd", choose="published", min_qps=1100.0))

    assert "the best pool" not in answer.reason


# --- the published rule


@pytest.mark.parametrize(("model", "chosen"), [("rm2", (1, 0, 13, 0)), ("dien", (2, 0, 9, 0))])
def test_where_the_best_three_agree_the_published_rule_takes_the_first(model: str, chosen: tuple[int, ...]) -> None:
    """It is the best by capacity as well: the gap is 0."""
    answer = planned(shipped(model, choose="published"))

    assert chosen == tuple(answer.table.counts(answer.chosen.pool))
    assert 0.0 == answer.certificate.gap_percent
    assert answer.ranking[0] == answer.chosen


def test_where_they_do_not_agree_the_gap_is_certified() -> None:
    """On mtwnd the medoid of the ten best has 1072.5 queries/s of the 1108.2 that another pool has: 3.33 % more."""
    answer = planned(shipped("mtwnd", choose="published"))

    assert (2, 0, 8, 1) == tuple(answer.table.counts(answer.chosen.pool))
    assert shipped_capacities("mtwnd").max() == pytest.approx(answer.certificate.best_other_capacity_qps)
    assert 3.3334 == pytest.approx(answer.certificate.gap_percent, abs=1e-3)
    bounds = [each.published_bound_qps for each in answer.ranking]
    assert sorted(bounds, reverse=True) == bounds


def test_the_published_rule_needs_a_base_type() -> None:
    """Where no type serves every size in time the rule has nothing to say."""
    prices = {"small": 1.0, "large": 1.0}
    asked = scenario(SPECIALISTS, prices, {10: 1, 100: 1}, budget_usd_per_hour=2.0, choose="published")

    assert "the published rule needs a base type, and no type serves every batch size in time" == refused(asked).reason


# --- the verified rule, with made-up measurements


def halving_aux(counts: Counts, capacity_qps: float) -> float:
    """Return a rate that suffers from aux: 60 % of the capacity with some, 96 % without."""
    return capacity_qps * (0.6 if counts[1] else 0.96)


def test_the_verified_rule_buys_what_measures_best() -> None:
    """Of 1.60 $/h: two pools of capacity 102 measure 61.2; one big, capacity 66.7, measures 64 and is bought."""
    asked: list[tuple[int, ...]] = []
    answer = plan(toy(budget_usd_per_hour=1.6, choose="verified"), lambda table: measure_by(halving_aux, asked))
    assert isinstance(answer, Plan)

    assert [(1, 1), (1, 2), (1, 0)] == asked[:3]
    assert "big=1" == str(answer.chosen.pool)
    assert (64.0, 64.0) == pytest.approx(
        (answer.chosen.served_qps, answer.chosen.measured and answer.chosen.measured.qps)
    )
    assert ["big=1", "big=1,aux=1", "big=1,aux=2"] == pools(answer)
    assert (8, 3, 3) == (
        answer.certificate.pools_within_budget,
        answer.certificate.pools_enumerated,
        answer.certificate.pools_simulated,
    )
    assert ONE_BIG == pytest.approx(answer.certificate.best_other_capacity_qps)
    assert 0.0 == answer.certificate.gap_percent


def test_pools_that_cannot_win_are_not_measured() -> None:
    """Where the first pool measures 100 of 102, one of 66.7 is discarded by its capacity."""
    asked: list[tuple[int, ...]] = []
    answer = plan(toy(budget_usd_per_hour=1.3, choose="verified"), lambda table: measure_by(lambda *_: 100.0, asked))
    assert isinstance(answer, Plan)

    assert "big=1,aux=1" == str(answer.chosen.pool)
    assert (2, 1) == (answer.certificate.pools_enumerated, answer.certificate.pools_simulated)
    assert 200 / 3 == pytest.approx(answer.certificate.best_other_capacity_qps)


def test_a_load_is_compared_with_what_was_measured() -> None:
    """A load of 65 is not carried for 1.60 $/h where the best pool measures 64."""
    answer = plan(toy(budget_usd_per_hour=1.6, min_qps=65.0, choose="verified"), lambda table: measure_by(halving_aux))
    assert isinstance(answer, NoPlan)

    assert "the best pool within 1.6 $/h, big=1, carries at most 64.0 queries/s, not 65" == answer.reason


def test_a_load_does_not_get_a_pool_that_was_measured_to_miss_it() -> None:
    """The cheapest pool with the capacity for 100 queries/s measures 61: who asks for 100 is not sent to buy it."""
    answer = plan(toy(min_qps=100.0, choose="verified"), lambda table: measure_by(halving_aux))

    assert isinstance(answer, NoPlan) or answer.chosen.served_qps >= 100.0


def test_a_pool_that_keeps_no_rate_in_simulation_is_no_plan() -> None:
    """Where every pool measures 0 none is bought."""
    answer = plan(toy(budget_usd_per_hour=1.6, choose="verified"), lambda table: measure_by(lambda *_: 0.0))
    assert isinstance(answer, NoPlan)

    assert "no pool within 1.6 $/h keeps p99<50ms in simulation, at any rate" == answer.reason


# --- too many pools to list


def test_too_many_pools_are_left_to_the_integer_program() -> None:
    """40 $/h buy millions of pools of four types: the program's own proof is the certificate."""
    answer = planned(shipped("dien", 40.0))
    certificate = answer.certificate

    assert "integer program" == certificate.method
    assert (None, None) == (certificate.pools_within_budget, certificate.pools_enumerated)
    assert 0.0 == pytest.approx(certificate.gap_percent, abs=1e-3)
    assert [answer.chosen] == list(answer.ranking)
    assert answer.chosen.cost_usd_per_hour <= 40.0 + 1e-9
    # Sixteen times the money buys at least sixteen times the best pool of 2.5 $/h.
    assert 16 * shipped_capacities("dien").max() <= answer.chosen.capacity_qps * (1 + 1e-6)


def test_the_published_rule_cannot_rank_too_many_pools() -> None:
    """The rule is defined by a ranking of all pools; without one the question is refused with a way out."""
    with pytest.raises(InputError, match=r"ranks every pool.*\nhint: .*--choose capacity"):
        plan(shipped("dien", 40.0, choose="published"))


# --- caps and exclusions


def test_caps_are_kept() -> None:
    """At most one big: what is left of 2.60 $/h buys no more than idle aux."""
    answer = planned(toy(budget_usd_per_hour=2.6, constraints=Constraints({"big": 1})))

    assert "big=1,aux=1" == str(answer.chosen.pool)
    assert answer.one_more_dollar is not None
    assert 1 == answer.one_more_dollar.pool.by_type["big"]


def test_only_the_types_asked_for_are_used() -> None:
    """Without aux, 2.60 $/h is two big."""
    answer = planned(toy(budget_usd_per_hour=2.6, only=("big",)))

    assert ["big=2", "big=1"] == pools(answer)
    assert [("aux", "excluded")] == [(each.name, each.code) for each in answer.left_out]
    assert ("big",) == answer.table.names


# --- no plan


def test_without_a_type_there_is_no_plan() -> None:
    """Where every type is left out the reasons are the answer."""
    answer = refused(toy(budget_usd_per_hour=0.2))

    assert "no instance type can take part" == answer.reason
    assert [("big", "too_dear"), ("aux", "too_dear")] == [(each.name, each.code) for each in answer.left_out]


def test_pools_that_cannot_meet_the_target_are_no_plan() -> None:
    """0.90 $/h buys one to three aux, and none of these pools serves the large queries."""
    answer = refused(toy(budget_usd_per_hour=0.9))

    assert "none of the 3 pools within 0.9 $/h can keep p99<50ms at any rate" == answer.reason
    assert "raise the budget" in answer.hint
    assert [("big", "too_dear")] == [(each.name, each.code) for each in answer.left_out]


def test_too_many_pools_that_cannot_meet_the_target_are_no_plan() -> None:
    """The integer program finds no pool either, however large the budget."""
    means = {name: {10: 10.0, 100: 100.0} for name in ("a", "b", "c")}
    asked = scenario(means, {"a": 0.1, "b": 0.11, "c": 0.12}, {10: 1, 100: 1}, budget_usd_per_hour=50.0)

    assert "no pool within 50 $/h can keep p99<50ms at any rate" == refused(asked).reason


def test_a_load_beyond_the_caps_is_no_plan() -> None:
    """One big cannot carry 150 queries/s, whatever the aux."""
    answer = refused(toy(min_qps=150.0, constraints=Constraints({"big": 1})))

    assert "no pool can carry 150 queries/s at p99<50ms" == answer.reason
    assert "limits on the number of instances" in answer.hint


def test_who_names_no_budget_is_not_told_to_raise_it() -> None:
    """The hint to a load beyond the caps is about the caps, not about a budget that was not asked."""
    assert "budget" not in refused(toy(min_qps=150.0, constraints=Constraints({"big": 1}))).hint
