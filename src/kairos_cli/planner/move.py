"""The way from the pool in use to the chosen one: what to add and remove, in steps that carry the load all the way.

The load is the one asked for, or, where a pool at one of the ends serves less, what that one serves. It is never
given up for money: where the way does not fit the budget, the budget is exceeded, as little as possible. Caps,
spot share and variety are kept at the end, not on the way.

More instances never carry less, so adding everything first is always possible: pools that have all instances of
one end are taken to carry what that end does. Any other pool at the end of a step is simulated. If it misses the
load, so do all pools that have no more of any type, and another order is sought.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import Counts
from kairos_cli.planner.rating import RatedPool, Rater
from kairos_cli.planner.step_order import step_order

#: So many orders are tried that fail in simulation before the one that adds everything first is taken.
MOST_ORDERS = 10


@dataclass(frozen=True, slots=True)
class Step:
    """Instances to add, or to remove, and the pool that is there then."""

    added: Pool
    removed: Pool
    then: RatedPool


@dataclass(frozen=True, slots=True)
class Move:
    """The steps from the pool in use, none if it stays; `load_qps` is what is carried all the way.

    `over_budget_usd_per_hour` is by how much the dearest pool on the way exceeds the budget, 0 if none does.
    """

    start: RatedPool
    steps: tuple[Step, ...]
    load_qps: float
    over_budget_usd_per_hour: float

    @property
    def added(self) -> int:
        """The number of instances added on the way."""
        return sum(each.added.size for each in self.steps)

    @property
    def removed(self) -> int:
        """The number of instances removed on the way."""
        return sum(each.removed.size for each in self.steps)

    @property
    def most_usd_per_hour(self) -> float:
        """What the dearest pool on the way costs, both ends included."""
        return max(each.cost_usd_per_hour for each in (self.start, *(step.then for step in self.steps)))


def move(scenario: Scenario, rater: Rater, chosen: RatedPool) -> Move:
    """Return the move from the scenario's pool in use to the chosen one; the rater knows the types of both."""
    table = rater.table
    start, end = table.counts(Pool(tuple(scenario.constraints.from_pool.items()))), table.counts(chosen.pool)
    way = _Way(rater, _verified(rater, start), chosen, scenario.min_qps)
    budget = scenario.budget_usd_per_hour
    pools = way.pools(start, end, np.inf if budget is None else budget)
    rated = [way.rated(each) for each in pools]
    steps = [
        Step(table.pool(np.maximum(after - before, 0)), table.pool(np.maximum(before - after, 0)), then)
        for (before, after), then in zip(itertools.pairwise([start, *pools]), rated, strict=True)
    ]
    most_usd = max((each.cost_usd_per_hour for each in rated[:-1]), default=0.0)
    over_usd = 0.0 if budget is None else max(0.0, most_usd - budget)
    return Move(way.start, tuple(steps), way.load_qps, over_usd)


class _Way:
    """The pools that may lie on the way, rated as far as they are asked for."""

    def __init__(self, rater: Rater, start: RatedPool, end: RatedPool, min_qps: float | None) -> None:
        self.rater, self.start, self.end = rater, start, end
        self.load_qps = min(start.served_qps, end.served_qps, np.inf if min_qps is None else min_qps)
        self.missed: list[Counts] = []
        self._rated: dict[tuple[int, ...], RatedPool] = {}

    def pools(self, start: Counts, end: Counts, budget_usd: float) -> list[Counts]:
        """Return the pools (J,) at the ends of the steps; in simulation, too, they carry the load."""
        price: Floats = self.rater.table.price_usd_per_hour
        for _ in range(MOST_ORDERS):
            pools = step_order(start, end, price, budget_usd, self.may_hold)
            between = [each for each in pools if not ((each >= start).all() or (each >= end).all())]
            missing = [each for each in between if self.rated(each).served_qps < self.load_qps]
            if not missing:
                return pools
            self.missed += missing
        return step_order(start, end, price, np.inf, self.may_hold)

    def may_hold(self, counts: Counts) -> bool:
        """Tell whether a pool (J,) has the capacity for the load and is not known to miss it in simulation."""
        if any((counts <= each).all() for each in self.missed):
            return False
        return self.rater.program.solve(counts).qps >= self.load_qps

    def rated(self, counts: Counts) -> RatedPool:
        """Return a pool with what it serves, simulated once."""
        known = tuple(counts.tolist())
        if known == tuple(self.rater.table.counts(self.end.pool).tolist()):
            return self.end
        if known not in self._rated:
            self._rated[known] = _verified(self.rater, counts)
        return self._rated[known]


def _verified(rater: Rater, counts: Counts) -> RatedPool:
    """Return a pool (J,) with the rate it serves, if pools can be measured."""
    rated = rater.rated(counts)
    return rater.verified(rated) or rated
