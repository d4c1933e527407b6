"""The answer to a scenario: which pool, how good it is, how good any other could be, and why.

The steps, in order: leave out the types that cannot help; search for the pool; give whole queries to it;
set the best pool of a single type beside it; say what the next dollar would buy; order the steps from the pool
in use, if there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import ServiceTable, service_table
from kairos_cli.errors import SolverError
from kairos_cli.planner.candidates import LeftOut, candidates, usable_types
from kairos_cli.planner.capacity import Capacity
from kairos_cli.planner.certificate import Certificate, Found
from kairos_cli.planner.choice import Measure
from kairos_cli.planner.distribution import Distribution, distribution
from kairos_cli.planner.enough import PROOF, Enough
from kairos_cli.planner.move import Move, move
from kairos_cli.planner.pools_by_program import SecondsLeft, forever
from kairos_cli.planner.program_search import best_by_program
from kairos_cli.planner.rating import RatedPool, Rater, carrying_the_load, homogeneous
from kairos_cli.planner.search import best_in_budget, cheapest

#: Makes a way to measure pools of a table; the planner itself knows none.
Measuring = Callable[[ServiceTable], Measure]


_WHOSE = {
    "capacity": "the best pool",
    "verified": "the best pool",
    "published": "the pool of the published rule",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """A pool to buy, and all that is said about it."""

    scenario: Scenario
    table: ServiceTable
    chosen: RatedPool
    capacity: Capacity
    distribution: Distribution
    homogeneous: RatedPool | None
    ranking: tuple[RatedPool, ...]
    certificate: Certificate
    bottleneck: str
    one_more_dollar: RatedPool | None
    left_out: tuple[LeftOut, ...]
    move: Move | None = None

    @property
    def ratio_to_homogeneous(self) -> float | None:
        """How much better than the best single type: in rate for a budget, in cost for a load."""
        if self.homogeneous is None or self.homogeneous.served_qps <= 0:
            return None
        if self.scenario.budget_usd_per_hour is None:
            return self.homogeneous.cost_usd_per_hour / self.chosen.cost_usd_per_hour
        return self.chosen.served_qps / self.homogeneous.served_qps


@dataclass(frozen=True, slots=True)
class NoPlan:
    """No pool fits, and why."""

    scenario: Scenario
    reason: str
    hint: str
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What the search found, without all that a plan says about it, and what rated the pools."""

    found: Found
    rater: Rater
    left_out: tuple[LeftOut, ...]


def choice(
    scenario: Scenario, measuring: Measuring | None = None, seconds_left: SecondsLeft = forever, enough: Enough = PROOF
) -> Choice | NoPlan:
    """Return the pool that the plan of a scenario recommends, or why there is none; arguments and errors as `plan`.

    The load is not looked at if there is a budget, and the search within that may end as soon as it knows `enough`.
    """
    types, left_out = candidates(scenario)
    if not types:
        return NoPlan(scenario, "no instance type can take part", "see the types left out", tuple(left_out))
    table = service_table(scenario, types)
    measure = measuring(table) if measuring and scenario.choose == "verified" else None
    rater = Rater(table, measure, scenario.constraints)
    found = (
        best_in_budget(scenario, rater, seconds_left, enough)
        if scenario.budget_usd_per_hour
        else cheapest(scenario, rater, seconds_left)
    )
    if isinstance(found, str):
        return NoPlan(scenario, found, _hint(scenario), tuple(left_out))
    return Choice(found, rater, tuple(left_out))


def plan(scenario: Scenario, measuring: Measuring | None = None, seconds_left: SecondsLeft = forever) -> Plan | NoPlan:
    """Return the pool to buy, or why there is none; the rule `verified` needs a way of measuring.

    `seconds_left` tells how long a search among too many pools to list may still take. Raises InputError where
    the rule of choice cannot be applied, SolverError where a solver fails.
    """
    made = choice(scenario, measuring, seconds_left)
    if isinstance(made, NoPlan):
        return made
    chosen, rater, table = made.found.chosen, made.rater, made.rater.table
    if scenario.min_qps and scenario.budget_usd_per_hour and chosen.served_qps < scenario.min_qps * (1 - 1e-6):
        reason = (
            f"{_WHOSE[scenario.choose]} within {scenario.budget_usd_per_hour:g} $/h, {chosen.pool}, carries at most "
            f"{chosen.served_qps:.1f} queries/s, not {scenario.min_qps:g}"
        )
        nearer = scenario.constraints.max_changes is not None
        hint = _hint(scenario) if nearer else "ask without a budget to be told the cheapest pool for that load"
        return NoPlan(scenario, reason, hint, made.left_out)
    lost, capacity = rater.program.by_loss(table.counts(chosen.pool))[0]
    left = table.present(table.counts(chosen.pool)) - lost
    alone = homogeneous(scenario, rater)
    return Plan(
        scenario,
        table,
        chosen,
        capacity,
        distribution(table, left, capacity.qps),
        carrying_the_load(scenario, rater, alone) if alone else None,
        made.found.listed,
        made.found.certificate,
        table.names[int(np.argmax(capacity.shadow_price / table.price_usd_per_hour))],
        _with_one_more_dollar(scenario, chosen),
        made.left_out,
        _move(scenario, rater, chosen, measuring),
    )


def _move(scenario: Scenario, rater: Rater, chosen: RatedPool, measuring: Measuring | None) -> Move | None:
    """Return the move from the pool in use, if there is one; it may have types that the plan may not use."""
    in_use = scenario.constraints.from_pool
    if not in_use:
        return None
    types = [each for each in usable_types(scenario) if each.name in {*in_use, *rater.table.names}]
    if len(types) > len(rater.table.names):
        table = service_table(scenario, types)
        measure = measuring(table) if measuring and rater.measure else None
        rater = Rater(table, measure, scenario.constraints)
    return move(scenario, rater, chosen)


def _with_one_more_dollar(scenario: Scenario, chosen: RatedPool) -> RatedPool | None:
    """Return the pool of greatest capacity for one dollar an hour more; None if the solver does not find it."""
    budget = (scenario.budget_usd_per_hour or chosen.cost_usd_per_hour) + 1.0
    richer = replace(scenario, budget_usd_per_hour=budget)
    rater = Rater(service_table(richer, candidates(richer)[0]), None, scenario.constraints)  # more types within reach
    try:
        best = best_by_program(richer, rater)
    except SolverError:  # the plan stands without it
        return None
    return None if isinstance(best, str) else best.chosen


def _hint(scenario: Scenario) -> str:
    """Return what would make a pool possible."""
    if scenario.constraints.max_changes is not None:
        return "allow more changes from the pool in use"
    if scenario.budget_usd_per_hour is None:
        limits = (
            "loosen the limits on the number of instances"
            if scenario.constraints.max_instances
            else "ask for a lower load"
        )
        return f"{limits}, or for a looser target"
    if scenario.constraints.tolerate_loss:
        return "raise the budget, or tolerate fewer losses"
    if scenario.constraints.max_instances:
        return "loosen the limits on the number of instances, or raise the budget"
    return "raise the budget: the types that are fast enough for the large batches are too dear for it"
