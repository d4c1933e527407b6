"""Constraints that contradict each other: the smallest set of them that no pool keeps.

Whether a pool keeps its numbers is one thing, how fast it serves another: here only numbers are looked at,
by a small integer program over the price list. That no pool is fast enough is an answer, not a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations

import pulp

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.prices import ON_DEMAND, PURCHASE_OPTIONS, USD_TOLERANCE
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import ServiceTable, service_table
from kairos_cli.planner.candidates import usable_types
from kairos_cli.planner.constraint_rows import add_constraints
from kairos_cli.planner.solver import solve

#: What each constraint is when it asks for nothing.
_NOTHING = Constraints()
_OF_POOLS = ("min_types", "min_zones", "max_spot_share", "tolerate_loss", "max_instances")
_TIME_LIMIT_S = 10.0


def smallest_conflict(scenario: Scenario) -> tuple[Sequence[str], Scenario]:
    """Return the keys of the smallest set of constraints that no pool keeps together, none if one keeps all.

    With them the scenario that asks for these only, and of the caps for those only that are needed. Sets are
    tried by rising size, so each constraint is needed for the contradiction. Raises SolverError if the
    solver fails.
    """
    asked = [key for key in _OF_POOLS if getattr(scenario.constraints, key) != getattr(_NOTHING, key)]
    if not asked:
        return (), scenario
    asked += ["budget_usd_per_hour"] if scenario.budget_usd_per_hour else []
    asked += ["only"] if scenario.only else []
    asked += ["purchase"] if scenario.purchase != (ON_DEMAND,) else []
    anything = replace(scenario, purchase=PURCHASE_OPTIONS)
    table = service_table(anything, usable_types(anything))
    if _can_keep(scenario, table):
        return (), scenario
    smaller = (keys for size in range(1, len(asked)) for keys in combinations(asked, size))
    found = next((keys for keys in smaller if not _can_keep(_asking_only(scenario, keys), table)), tuple(asked))
    return found, _without_needless_caps(_asking_only(scenario, found), table)


def _without_needless_caps(scenario: Scenario, table: ServiceTable) -> Scenario:
    """Return a contradictory scenario with only those caps that it takes for that."""
    for name in scenario.constraints.max_instances:
        others = {each: most for each, most in scenario.constraints.max_instances.items() if each != name}
        without = replace(scenario, constraints=replace(scenario.constraints, max_instances=others))
        if not _can_keep(without, table):
            scenario = without
    return scenario


def _asking_only(scenario: Scenario, keys: Iterable[str]) -> Scenario:
    """Return the scenario with these constraints and no others."""
    constraints = Constraints(**{key: getattr(scenario.constraints, key) for key in keys if key in _OF_POOLS})
    return replace(
        scenario,
        constraints=constraints,
        budget_usd_per_hour=scenario.budget_usd_per_hour if "budget_usd_per_hour" in keys else None,
        only=scenario.only if "only" in keys else (),
        purchase=PURCHASE_OPTIONS
        if "purchase" not in keys and scenario.purchase != (ON_DEMAND,)
        else scenario.purchase,
    )


def _can_keep(scenario: Scenario, table: ServiceTable) -> bool:
    """Tell whether any pool of at least one instance keeps budget and constraints."""
    problem = pulp.LpProblem("conflict", pulp.LpMinimize)
    number = {
        j: problem.add_variable(f"n_{j}", 0, None, pulp.LpInteger)
        for j, name in enumerate(table.names)
        if scenario.allows(name)
    }
    problem += pulp.LpAffineExpression([(each, float(table.price_usd_per_hour[j])) for j, each in number.items()])
    problem += pulp.lpSum(number.values()) >= 1, "some"
    add_constraints(problem, table, scenario.constraints, number)
    answer = solve(problem, relative_gap=0.0, time_limit_s=_TIME_LIMIT_S) if number else None
    budget = scenario.budget_usd_per_hour
    return answer is not None and (budget is None or answer.bound <= budget + USD_TOLERANCE)
