"""The paper's table: every scheme at the pool that is best for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import Counts, ServiceTable, service_table
from kairos_cli.errors import InputError
from kairos_cli.planner.candidates import candidates
from kairos_cli.planner.capacity import by_capacity
from kairos_cli.planner.choice import Measure, Measured, published_choice, verified_choice
from kairos_cli.planner.enumeration import MOST_POOLS, able_to_serve, affordable_counts
from kairos_cli.planner.rating import NO_CONSTRAINTS, Rater

HOMOGENEOUS = "best homogeneous"
HOMOGENEOUS_OURS = "best homogeneous, shadow"


@dataclass(frozen=True, slots=True)
class SchemeResult:
    """A scheme's best pool under its policy, and how many pools were simulated to find it."""

    scheme: str
    policy: str
    pool: Pool
    cost_usd_per_hour: float
    allowable_qps: float
    ci95_qps: tuple[float, float]
    capacity_qps: float
    pools_simulated: int


@dataclass(frozen=True, slots=True, eq=False)
class Pools:
    """All pools of a scenario that can meet the target (N, J), the cheapest first, and what they keep."""

    table: ServiceTable
    counts: Counts
    constraints: Constraints = NO_CONSTRAINTS


def pools(scenario: Scenario) -> Pools | str:
    """Return the pools to compare, or why there are none; raises InputError where they are too many."""
    if scenario.budget_usd_per_hour is None:
        return "a comparison needs a budget"
    types, _ = candidates(scenario)
    if not types:
        return "no instance type can take part"
    table = service_table(scenario, types)
    counts = affordable_counts(table, scenario.budget_usd_per_hour, scenario.constraints)
    if counts is None:
        message = f"more than {MOST_POOLS} pools fit the budget, too many to give each scheme its best"
        raise InputError.of(message, None, "use a smaller budget, or fewer types with --only")
    if not len(counts):
        return f"no pool within {scenario.budget_usd_per_hour:g} $/h keeps the constraints"
    counts = counts[able_to_serve(table, table.present(counts))]
    if not len(counts):
        return f"no pool within {scenario.budget_usd_per_hour:g} $/h can keep {scenario.qos} at any rate"
    cheapest_first = np.argsort(np.round(counts @ table.price_usd_per_hour, 9), kind="stable")
    return Pools(table, counts[cheapest_first], scenario.constraints)


def best_pool(among: Pools, scheme: str, policy: str, measure: Measure) -> SchemeResult | None:
    """Return the pool that is best under a policy, exactly: pools are ruled out by capacity only."""
    rater = Rater(among.table, measure, among.constraints)
    assert rater.measure is not None
    best = verified_choice(by_capacity(rater.program, among.counts), among.counts, rater.measure)
    if best is None:
        return None
    return _result(rater, scheme, policy, among.counts[best.row], best.measured, best.measured_count)


def best_homogeneous(among: Pools, scheme: str, measure_by_policy: Mapping[str, Measure]) -> SchemeResult | None:
    """Return the best pool of a single type, under whichever of the policies serves it best."""
    alone = replace(among, counts=among.counts[(among.counts > 0).sum(axis=1) == 1])
    found = [best_pool(alone, scheme, policy, measure) for policy, measure in measure_by_policy.items()]
    return max((each for each in found if each), key=lambda each: each.allowable_qps, default=None)


def published_pool(among: Pools, scheme: str, policy: str, measure: Measure) -> SchemeResult | None:
    """Return the pool that the published rule chooses; only that one is simulated."""
    rater = Rater(among.table, measure, among.constraints)
    if rater.bound is None or rater.measure is None:
        return None
    ranked = among.counts[np.argsort(-rater.published_bound_qps(among.counts), kind="stable")]
    counts = ranked[published_choice(ranked, rater.bound.base)]
    measured = rater.measure(counts, rater.program.solve(counts).qps, 0.0)
    return None if measured is None else _result(rater, scheme, policy, counts, measured, 1)


def _result(rater: Rater, scheme: str, policy: str, counts: Counts, measured: Measured, simulated: int) -> SchemeResult:
    return SchemeResult(
        scheme,
        policy,
        rater.table.pool(counts),
        rater.table.cost_usd_per_hour(counts),
        measured.qps,
        measured.ci95_qps,
        rater.program.solve(counts).qps,
        simulated,
    )
