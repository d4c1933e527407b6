"""Pools with their figures: cost, bounds, and the rate they were measured to serve."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kairos_cli.domain.pool import Pool
from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import ServiceTable, service_table
from kairos_cli.errors import SolverError
from kairos_cli.planner.candidates import candidates
from kairos_cli.planner.capacity import CapacityProgram
from kairos_cli.planner.choice import Measure, Measured
from kairos_cli.planner.enumeration import Counts
from kairos_cli.planner.pool_program import best_counts
from kairos_cli.planner.published_bound import PublishedBound

#: Larger pools are not simulated: a decision looks at every instance, and such pools come close to capacity.
MOST_SIMULATED = 10_000


@dataclass(frozen=True, slots=True)
class RatedPool:
    """A pool with its cost, its two bounds, and what it was measured to serve, if it was.

    The published bound is None where it is not defined.
    """

    pool: Pool
    cost_usd_per_hour: float
    published_bound_qps: float | None
    capacity_qps: float
    measured: Measured | None = None

    @property
    def served_qps(self) -> float:
        """The rate that is known best: measured, or else the capacity."""
        return self.measured.qps if self.measured else self.capacity_qps

    @property
    def usd_per_million_queries(self) -> float | None:
        """The price of a million queries at that rate; None for a pool that serves none."""
        return self.cost_usd_per_hour / self.served_qps / 3600 * 1e6 if self.served_qps > 0 else None


class Rater:
    """Rates pools of one service table."""

    def __init__(self, table: ServiceTable, measure: Measure | None = None) -> None:
        self.table = table
        self.program = CapacityProgram(table)
        self.bound = PublishedBound.of(table)
        self.measure = measure

    def rated(self, counts: Counts, measured: Measured | None = None) -> RatedPool:
        """Return a pool (J,) with its figures."""
        bound = float(self.bound.qps(counts[None, :])[0]) if self.bound else None
        cost = self.table.cost_usd_per_hour(counts)
        return RatedPool(self.table.pool(counts), cost, bound, self.program.solve(counts).qps, measured)

    def verified(self, rated: RatedPool) -> RatedPool:
        """Return the pool with the rate it serves, if there is a way to measure it and it is not too large."""
        if self.measure is None or rated.measured is not None or rated.pool.size > MOST_SIMULATED:
            return rated
        return replace(rated, measured=self.measure(self.table.counts(rated.pool), rated.capacity_qps, 0.0))


def homogeneous(scenario: Scenario, rater: Rater) -> RatedPool | None:
    """Return the best pool of a single type: most capacity for the budget, or least cost for the load.

    One type alone needs no program: its capacity is the number of instances over the mean service time.
    """
    table, budget = rater.table, scenario.budget_usd_per_hour
    cap = np.array([scenario.max_instances.get(name, np.inf) for name in table.names])
    able = (1 - table.on_time) @ table.probability <= table.qos.late_share + 1e-12
    qps_of_one = np.where(able, 1000 / (table.mean_ms @ table.probability), 0.0)
    if budget:
        number = np.minimum(np.floor((budget + USD_TOLERANCE) / table.price_usd_per_hour), cap)
        better = np.where(able, number * qps_of_one, 0.0)
    else:
        with np.errstate(divide="ignore"):
            number = np.ceil((scenario.min_qps or 0.0) / qps_of_one * (1 - 1e-9))
        better = np.where(able & (number <= cap), 1 / (number * table.price_usd_per_hour), 0.0)
    best = int(np.argmax(better))
    if better[best] <= 0:
        return None
    counts = np.zeros(len(table.names), dtype=np.int64)
    counts[best] = int(number[best])
    return rater.rated(counts)


def carrying_the_load(scenario: Scenario, rater: Rater, alone: RatedPool) -> RatedPool:
    """Return the homogeneous pool verified; for a load, with as many more instances as it takes to carry it."""
    if rater.measure is None or scenario.budget_usd_per_hour or not scenario.min_qps:
        return rater.verified(alone)
    ((name, number),) = alone.pool.counts
    most = scenario.max_instances.get(name, 2 * number)
    for more in range(number, most + 1):
        counts = rater.table.counts(Pool(((name, more),)))
        rated = rater.rated(counts)
        measured = rater.measure(counts, rated.capacity_qps, scenario.min_qps)
        if measured is not None:
            return replace(rated, measured=measured)
    return rater.verified(alone)


def with_one_more_dollar(scenario: Scenario, chosen: RatedPool) -> RatedPool | None:
    """Return the pool of greatest capacity for one dollar an hour more; None if the solver does not find it."""
    budget = (scenario.budget_usd_per_hour or chosen.cost_usd_per_hour) + 1.0
    richer = replace(scenario, budget_usd_per_hour=budget)
    rater = Rater(service_table(richer, candidates(richer)[0]))  # more types may be within reach
    try:
        best = best_counts(rater.table, budget, scenario.max_instances)
    except SolverError:  # the plan stands without it
        return None
    return rater.rated(best.counts) if best else None
