"""What to buy instead of a pool that breaks a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kairos_cli.domain.scenario import Scenario
from kairos_cli.planner.certificate import Found
from kairos_cli.planner.limits import Finding
from kairos_cli.planner.pool_facts import PoolFacts


def instead(facts: PoolFacts, findings: Sequence[Finding]) -> Found | str | None:
    """Return the pool that a search finds under the limits, or why there is none.

    The scenario's budget is tightened to the limit of cost, its losses to those to be tolerated. With a budget it
    is the pool that serves most, be it less than the load; without, the cheapest for the load. None where all
    limits hold, or neither a budget nor a load is known.
    """
    question = _under_limits(facts, findings)
    asked = question.budget_usd_per_hour, question.min_qps
    if all(each.holds for each in findings) or asked == (None, None):
        return None
    same = asked == (facts.scenario.budget_usd_per_hour, facts.scenario.min_qps)
    if same and question.constraints == facts.scenario.constraints:
        return facts.recommended
    return facts.search(question)


def _under_limits(facts: PoolFacts, findings: Sequence[Finding]) -> Scenario:
    bound = {each.limit.name: each.limit.bound for each in findings}
    budgets = [each for each in (facts.scenario.budget_usd_per_hour, bound.get("max_cost")) if each is not None]
    constraints = facts.scenario.constraints
    lost = max(constraints.tolerate_loss, int(bound.get("tolerate_loss", 0)))
    return replace(
        facts.scenario,
        budget_usd_per_hour=min(budgets, default=None),
        min_qps=facts.around.load_qps,
        constraints=replace(constraints, tolerate_loss=lost),
    )
