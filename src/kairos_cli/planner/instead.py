"""What to buy instead of a pool that breaks a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.scenario import Scenario
from kairos_cli.planner.certificate import Found
from kairos_cli.planner.limits import Finding
from kairos_cli.planner.pool_facts import PoolFacts


@dataclass(frozen=True, slots=True)
class Instead:
    """The question that the limits make of the scenario, and the pool found for it, or why there is none."""

    question: Scenario
    found: Found | str


def instead(facts: PoolFacts, findings: Sequence[Finding]) -> Instead | None:
    """Return what a search finds under the limits.

    With a budget that is the pool that serves most, be it less than the load; without, the cheapest for the
    load. None where all limits hold, or neither a budget nor a load is known.
    """
    question = _under_limits(facts, findings)
    asks = question.budget_usd_per_hour is not None or question.min_qps is not None
    if all(each.holds for each in findings) or not asks:
        return None
    same = _asked(question) == _asked(facts.scenario)
    return Instead(question, facts.recommended if same else facts.search(question))


def _asked(question: Scenario) -> tuple[object, ...]:
    return question.budget_usd_per_hour, question.min_qps, question.qos, question.constraints


def _under_limits(facts: PoolFacts, findings: Sequence[Finding]) -> Scenario:
    """Return the scenario with budget, target and losses to withstand as tight as the limits are.

    A search knows one target, so that only a limit at the percentile of the scenario's makes it tighter.
    """
    scenario, constraints = facts.scenario, facts.scenario.constraints
    bound = {each.limit.name: each.limit.bound for each in findings if each.limit.name != "qos"}
    budgets = [each for each in (scenario.budget_usd_per_hour, bound.get("max_cost")) if each is not None]
    targets = [each.limit.bound for each in findings if each.limit.percentile == scenario.qos.percentile]
    budget = min(budgets, default=None)
    lost = max(constraints.tolerate_loss, int(bound.get("tolerate_loss", 0)))
    return replace(
        scenario,
        budget_usd_per_hour=budget,
        min_qps=facts.around.load_qps if budget is None else scenario.min_qps,
        qos=QosTarget(scenario.qos.percentile, min([scenario.qos.latency_ms, *targets])),
        constraints=replace(constraints, tolerate_loss=lost),
    )
