"""Pools with their figures: cost, bounds, and the rate they were measured to serve.

All rates are those a pool is sure of: with the spot instances that one may count on, after the worst of the
losses that it must withstand (planner.assured).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.presence import bought_for
from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.planner.assured import AssuredCapacity, assured_measure, losses
from kairos_cli.planner.choice import Measure, Measured
from kairos_cli.planner.published_bound import PublishedBound

#: Larger pools are not simulated: a decision looks at every instance, and such pools come close to capacity.
MOST_SIMULATED = 10_000
NO_CONSTRAINTS = Constraints()
NO_INSTANCES = Pool(())


@dataclass(frozen=True, slots=True)
class RatedPool:
    """A pool with its cost, its two bounds, and what it was measured to serve, if it was.

    The published bound is None where it is not defined. `present` are the instances that one may count on,
    `lost` those of them whose loss leaves least capacity.
    """

    pool: Pool
    cost_usd_per_hour: float
    published_bound_qps: float | None
    capacity_qps: float
    measured: Measured | None = None
    present: Pool = NO_INSTANCES
    lost: Pool = NO_INSTANCES

    @property
    def served_qps(self) -> float:
        """The rate that is known best: measured, or else the capacity."""
        return self.measured.qps if self.measured else self.capacity_qps

    @property
    def usd_per_million_queries(self) -> float | None:
        """The price of a million queries at that rate; None for a pool that serves none."""
        return self.cost_usd_per_hour / self.served_qps / 3600 * 1e6 if self.served_qps > 0 else None


class Rater:
    """Rates pools of one service table under constraints; counts are bought ones."""

    def __init__(
        self, table: ServiceTable, measure: Measure | None = None, constraints: Constraints = NO_CONSTRAINTS
    ) -> None:
        self.table = table
        self.constraints = constraints
        self.program = AssuredCapacity(table, constraints.tolerate_loss)
        self.bound = PublishedBound.of(table)
        self.measure = assured_measure(measure, self.program) if measure else None

    def rated(self, counts: Counts, measured: Measured | None = None) -> RatedPool:
        """Return a pool (J,) with its figures."""
        bound = float(self.published_bound_qps(counts[None, :])[0]) if self.bound else None
        cost = self.table.cost_usd_per_hour(counts)
        lost, capacity = self.program.by_loss(counts)[0]
        present, gone = self.table.pool(self.table.present(counts)), self.table.pool(lost)
        return RatedPool(self.table.pool(counts), cost, bound, capacity.qps, measured, present, gone)

    def published_bound_qps(self, counts: Counts) -> Floats:
        """Return the published bound (N,) of pools (N, J), the least over all losses; `bound` must be defined."""
        assert self.bound is not None
        present = self.table.present(counts)
        if not self.constraints.tolerate_loss:
            return self.bound.qps(present)
        lossy = [present[row] - lost for row in range(len(counts)) for lost in self._losses(present[row])]
        number = [sum(1 for _ in self._losses(each)) for each in present]
        start = np.concatenate([[0], np.cumsum(number)[:-1]])
        return np.asarray(np.minimum.reduceat(self.bound.qps(np.array(lossy)), start))

    def _losses(self, present: Counts) -> Iterator[Counts]:
        return losses(present, self.constraints.tolerate_loss)

    def verified(self, rated: RatedPool, better_than_qps: float = 0.0) -> RatedPool | None:
        """Return the pool with the rate it serves, if there is a way to measure it and it is not too large.

        None if it was measured and does not serve more than a given rate.
        """
        if self.measure is None or rated.measured is not None or rated.pool.size > MOST_SIMULATED:
            return rated
        measured = self.measure(self.table.counts(rated.pool), rated.capacity_qps, better_than_qps)
        return None if measured is None else replace(rated, measured=measured)


def homogeneous(scenario: Scenario, rater: Rater) -> RatedPool | None:
    """Return the best pool of a single type: most capacity for the budget, or least cost for the load.

    Capacity is in proportion to the number of instances. This pool is a yardstick: caps, presence and losses count
    for it, the variety that a pool must have does not.
    """
    table, budget = rater.table, scenario.budget_usd_per_hour
    cap = np.array([most if (most := rater.constraints.most_of(name)) is not None else np.inf for name in table.names])
    qps_of_one = _qps_of_one(rater)
    able = qps_of_one > 0
    if budget:
        number = np.minimum(np.floor((budget + USD_TOLERANCE) / table.price_usd_per_hour), cap)
        better = np.where(able, _left_of(rater, number) * qps_of_one, 0.0)
    else:
        with np.errstate(divide="ignore"):
            number = _number_for(rater, np.ceil((scenario.min_qps or 0.0) / qps_of_one * (1 - 1e-9)))
        better = np.where(able & (number <= cap), 1 / (number * table.price_usd_per_hour), 0.0)
    best = int(np.argmax(better))
    if better[best] <= 0:
        return None
    counts = np.zeros(len(table.names), dtype=np.int64)
    counts[best] = int(number[best])
    return rater.rated(counts)


def _qps_of_one(rater: Rater) -> Floats:
    """Return the capacity of one instance of each type (J,) alone; one query at a time that needs no program."""
    table = rater.table
    if table.serving.one_at_a_time:
        able = (1 - table.on_time) @ table.probability <= table.qos.late_share + 1e-12
        return np.where(able, 1000 / (table.mean_ms @ table.probability), 0.0)
    return np.array([rater.program.plain.solve(one).qps for one in np.eye(len(table.names), dtype=np.int64)])


def _left_of(rater: Rater, number: Floats) -> Floats:
    """Return how many of `number` instances of each type (J,), bought alone, are sure to be left."""
    present = rater.table.present(np.diag(number.astype(np.int64))).diagonal()
    return np.maximum(present - rater.constraints.tolerate_loss, 0).astype(np.float64)


def _number_for(rater: Rater, left: Floats) -> Floats:
    """Return how many of each type (J,) must be bought alone so that `left` are sure to be left."""
    present, table = left + rater.constraints.tolerate_loss, rater.table
    if table.availability is None:
        return present
    return np.array(
        [
            bought_for(int(each), float(availability), table.qos.percentile) if np.isfinite(each) else each
            for each, availability in zip(present, table.availability, strict=True)
        ],
        dtype=np.float64,
    )


def carrying_the_load(scenario: Scenario, rater: Rater, alone: RatedPool) -> RatedPool:
    """Return the homogeneous pool verified; for a load, with as many more instances as it takes to carry it."""
    if rater.measure is None or scenario.budget_usd_per_hour or not scenario.min_qps:
        return rater.verified(alone) or alone
    ((name, number),) = alone.pool.counts
    cap = rater.constraints.most_of(name)
    most = 2 * number if cap is None else cap
    for more in range(number, most + 1):
        counts = rater.table.counts(Pool(((name, more),)))
        rated = rater.rated(counts)
        measured = rater.measure(counts, rated.capacity_qps, scenario.min_qps)
        if measured is not None:
            return replace(rated, measured=measured)
    return rater.verified(alone) or alone
