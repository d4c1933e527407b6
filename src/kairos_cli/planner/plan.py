"""The answer to a scenario: which pool, how good it is, how good any other could be, and why.

The steps, in order: leave out the types that cannot help; enumerate the pools that can be had; rank them
by a bound; choose one; give whole queries to it; set the best pool of a single type beside it; certify.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice

import numpy as np

from kairos_cli.domain.pool import Pool
from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import ServiceTable, service_table
from kairos_cli.errors import InputError
from kairos_cli.planner.candidates import LeftOut, candidates
from kairos_cli.planner.capacity import Capacity, CapacityProgram, by_capacity, carrying
from kairos_cli.planner.choice import published_choice
from kairos_cli.planner.distribution import Distribution, distribution
from kairos_cli.planner.enumeration import MOST_POOLS, Counts, able_to_serve, affordable_counts
from kairos_cli.planner.pool_program import best_counts, cheapest_counts
from kairos_cli.planner.published_bound import PublishedBound

#: How much dearer than the cheapest pool the next-best ones may be when a load is asked for.
DEARER = 1.25


@dataclass(frozen=True, slots=True)
class RatedPool:
    """A pool with its cost and its two bounds; the published one is None where it is not defined."""

    pool: Pool
    cost_usd_per_hour: float
    published_bound_qps: float | None
    capacity_qps: float

    @property
    def usd_per_million_queries(self) -> float:
        """The price of a million queries at capacity."""
        return self.cost_usd_per_hour / self.capacity_qps / 3600 * 1e6


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is proven about the choice.

    `method` is "enumeration" or "integer program". `pools_within_budget` counts all pools looked at,
    `pools_enumerated` those that can meet the target at all. No other pool has a capacity above
    `best_other_capacity_qps`, so none can beat the chosen one's capacity by more than `gap_percent`.
    """

    method: str
    pools_within_budget: int | None
    pools_enumerated: int | None
    best_other_capacity_qps: float | None
    gap_percent: float


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

    @property
    def ratio_to_homogeneous(self) -> float | None:
        """How much better than the best single type: in capacity for a budget, in cost for a load."""
        if self.homogeneous is None:
            return None
        if self.scenario.budget_usd_per_hour is None:
            return self.homogeneous.cost_usd_per_hour / self.chosen.cost_usd_per_hour
        return self.chosen.capacity_qps / self.homogeneous.capacity_qps


@dataclass(frozen=True, slots=True)
class NoPlan:
    """No pool fits, and why."""

    scenario: Scenario
    reason: str
    hint: str
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """Pools in the order of preference: the chosen one, and those to list; and what that proves."""

    chosen: Counts
    listed: Counts
    certificate: Certificate


class _Rater:
    """Rates pools of one service table."""

    def __init__(self, table: ServiceTable) -> None:
        self.table = table
        self.program = CapacityProgram(table)
        self.bound = PublishedBound.of(table)

    def rated(self, counts: Counts) -> RatedPool:
        """Return a pool (J,) with its figures."""
        bound = float(self.bound.qps(counts[None, :])[0]) if self.bound else None
        cost = self.table.cost_usd_per_hour(counts)
        return RatedPool(self.table.pool(counts), cost, bound, self.program.solve(counts).qps)


def plan(scenario: Scenario) -> Plan | NoPlan:
    """Return the pool to buy, or why there is none.

    Raises InputError where the rule of choice cannot be applied, SolverError where a solver fails.
    """
    types, left_out = candidates(scenario)
    if not types:
        return NoPlan(scenario, "no instance type can take part", "see the types left out", tuple(left_out))
    table = service_table(scenario, types)
    rater = _Rater(table)
    found = _best_in_budget(scenario, rater) if scenario.budget_usd_per_hour else _cheapest(scenario, rater)
    if isinstance(found, str):
        return NoPlan(scenario, found, _hint(scenario), tuple(left_out))
    chosen = rater.rated(found.chosen)
    if scenario.min_qps and chosen.capacity_qps < scenario.min_qps * (1 - 1e-6):
        reason = (
            f"the best pool within {scenario.budget_usd_per_hour:g} $/h, {chosen.pool}, carries at most "
            f"{chosen.capacity_qps:.1f} queries/s, not {scenario.min_qps:g}"
        )
        return NoPlan(
            scenario, reason, "ask without a budget to be told the cheapest pool for that load", tuple(left_out)
        )
    capacity = rater.program.solve(found.chosen)
    return Plan(
        scenario,
        table,
        chosen,
        capacity,
        distribution(table, found.chosen, capacity.qps),
        _homogeneous(scenario, rater),
        tuple(rater.rated(counts) for counts in found.listed),
        found.certificate,
        table.names[int(np.argmax(capacity.shadow_price / table.price_usd_per_hour))],
        _with_one_more_dollar(scenario, rater, chosen),
        tuple(left_out),
    )


def _best_in_budget(scenario: Scenario, rater: _Rater) -> _Search | str:
    """Return the search for the pool that serves most within the budget, or why there is none."""
    assert scenario.budget_usd_per_hour is not None
    counts = affordable_counts(rater.table, scenario.budget_usd_per_hour, scenario.max_instances)
    if counts is None:
        return _by_integer_program(scenario, rater)
    within_budget = len(counts)
    counts = _cheapest_first(rater.table, counts[able_to_serve(rater.table, counts)])
    if not len(counts):
        return (
            f"none of the {within_budget} pools within {scenario.budget_usd_per_hour:g} $/h can keep "
            f"{scenario.qos} at any rate"
        )
    if scenario.choose == "published":
        return _by_published_bound(scenario, rater, counts, within_budget)
    best = list(islice(by_capacity(rater.program, counts), max(scenario.top, 2)))
    other = best[1][1].qps if len(best) > 1 else None
    certificate = Certificate("enumeration", within_budget, len(counts), other, 0.0)
    return _Search(counts[best[0][0]], counts[[row for row, _ in best[: scenario.top]]], certificate)


def _by_published_bound(scenario: Scenario, rater: _Rater, counts: Counts, within_budget: int) -> _Search | str:
    """Return the published choice, certified by the greatest capacity of any other pool."""
    if rater.bound is None:
        return "the published rule needs a base type, and no type serves every batch size in time"
    ranked = counts[np.argsort(-rater.bound.qps(counts), kind="stable")]
    chosen = published_choice(ranked, rater.bound.base)
    own_qps = rater.program.solve(ranked[chosen]).qps
    greatest = islice(by_capacity(rater.program, ranked), 2)
    other = next((capacity.qps for row, capacity in greatest if row != chosen), None)
    gap = max(0.0, other / own_qps - 1) * 100 if other else 0.0
    certificate = Certificate("enumeration", within_budget, len(counts), other, gap)
    return _Search(ranked[chosen], ranked[: scenario.top], certificate)


def _by_integer_program(scenario: Scenario, rater: _Rater) -> _Search | str:
    """Return the best pool by capacity where pools are too many to enumerate."""
    if scenario.choose == "published":
        message = f"the published rule ranks every pool, and more than {MOST_POOLS} fit the budget"
        raise InputError.of(message, "--choose published", "use --choose capacity, or fewer types with --only")
    assert scenario.budget_usd_per_hour is not None
    best = best_counts(rater.table, scenario.budget_usd_per_hour, scenario.max_instances)
    if best is None:
        return f"no pool within {scenario.budget_usd_per_hour:g} $/h can keep {scenario.qos} at any rate"
    bound = best.answer.bound
    gap = max(0.0, bound / best.answer.objective - 1) * 100
    certificate = Certificate("integer program", None, None, bound, gap)
    return _Search(best.counts, best.counts[None, :], certificate)


def _cheapest(scenario: Scenario, rater: _Rater) -> _Search | str:
    """Return the search for the cheapest pool that carries the load, or why there is none."""
    assert scenario.min_qps is not None
    table = rater.table
    cheapest = cheapest_counts(table, scenario.min_qps, scenario.max_instances)
    if cheapest is None:
        return f"no pool can carry {scenario.min_qps:g} queries/s at {scenario.qos}"
    cost = table.cost_usd_per_hour(cheapest.counts)
    counts = affordable_counts(table, cost * DEARER, scenario.max_instances)
    gap = max(0.0, cost / cheapest.answer.bound - 1) * 100
    if counts is None:
        certificate = Certificate("integer program", None, None, None, gap)
        return _Search(cheapest.counts, cheapest.counts[None, :], certificate)
    counts = _cheapest_first(table, counts[counts @ table.price_usd_per_hour >= cost - USD_TOLERANCE])
    best = list(islice(carrying(rater.program, counts, scenario.min_qps), max(scenario.top, 2)))
    other = best[1][1].qps if len(best) > 1 else None
    certificate = Certificate("integer program", None, len(counts), other, gap)
    return _Search(counts[best[0][0]], counts[[row for row, _ in best[: scenario.top]]], certificate)


def _cheapest_first(table: ServiceTable, counts: Counts) -> Counts:
    """Return the pools (N, J) by rising cost; equal costs keep their order."""
    cost = np.round(counts @ table.price_usd_per_hour, 9)
    return counts[np.argsort(cost, kind="stable")]


def _homogeneous(scenario: Scenario, rater: _Rater) -> RatedPool | None:
    """Return the best pool of a single type: most capacity for the budget, or least cost for the load."""
    pools = []
    for index, name in enumerate(rater.table.names):
        one = np.zeros(len(rater.table.names), dtype=np.int64)
        one[index] = 1
        # Within this, capacity is in proportion to the number of instances.
        qps_of_one = rater.program.solve(one).qps
        if qps_of_one <= 0:
            continue
        cap = scenario.max_instances.get(name, math.inf)
        if scenario.budget_usd_per_hour:
            price = rater.table.price_usd_per_hour[index]
            number = min(math.floor((scenario.budget_usd_per_hour + USD_TOLERANCE) / price), cap)
        else:
            number = math.ceil((scenario.min_qps or 0) / qps_of_one * (1 - 1e-9))
        if 0 < number <= cap:
            pools.append(rater.rated(one * int(number)))
    if scenario.budget_usd_per_hour:
        return max(pools, key=lambda each: (each.capacity_qps, -each.cost_usd_per_hour), default=None)
    return min(pools, key=lambda each: each.cost_usd_per_hour, default=None)


def _with_one_more_dollar(scenario: Scenario, rater: _Rater, chosen: RatedPool) -> RatedPool | None:
    """Return the pool of greatest capacity for one dollar an hour more."""
    budget = (scenario.budget_usd_per_hour or chosen.cost_usd_per_hour) + 1.0
    best = best_counts(rater.table, budget, scenario.max_instances)
    return rater.rated(best.counts) if best else None


def _hint(scenario: Scenario) -> str:
    """Return what would make a pool possible."""
    if scenario.max_instances:
        return "loosen the limits on the number of instances, or raise the budget"
    return "raise the budget: the types that are fast enough for the large batches are too dear for it"
