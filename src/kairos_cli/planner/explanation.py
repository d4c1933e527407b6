"""Why not that pool? Any pool beside the recommended one, what is in its way, and what would mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from kairos_cli.domain.pool import Pool
from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import Counts, ServiceTable, service_table
from kairos_cli.planner.bottleneck import Bottleneck, bottleneck, with_simulated_gain
from kairos_cli.planner.breaches import Breach, breaches
from kairos_cli.planner.candidates import candidates, usable_types
from kairos_cli.planner.change import SAME_RATE, Change, smallest_change
from kairos_cli.planner.nearest_pool import Limits
from kairos_cli.planner.plan import Measuring, NoPlan, choice
from kairos_cli.planner.pools_by_program import SecondsLeft, forever
from kairos_cli.planner.rating import RatedPool, Rater
from kairos_cli.planner.trades import Trade, trades

#: More instances than any pool has, where nothing limits their number.
_UNLIMITED = 1_000_000_000


Verdict = Literal["recommended", "breach", "alone", "slower", "faster", "dearer", "cheaper", "alike"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A pool beside the recommended one.

    `recommended` is None where no pool fits the scenario, for `no_pool_reason`. `least_qps` is the rate
    that a mended pool has to serve: the load asked for, or else what the recommended pool serves, or
    hardly less. `change` is None if there is nothing to mend, or no pool to reach.
    """

    scenario: Scenario
    table: ServiceTable
    pool: RatedPool
    recommended: RatedPool | None
    no_pool_reason: str | None
    breaches: tuple[Breach, ...]
    least_qps: float | None
    bottleneck: Bottleneck
    change: Change | None
    trades: tuple[Trade, ...]

    @property
    def verdict(self) -> Verdict:
        """How the pool does, in a word; costs are compared where rates are alike or only a load is asked for."""
        this, other = self.pool, self.recommended
        if other is not None and this.pool.by_type == other.pool.by_type:
            return "recommended"
        if self.breaches:
            return "breach"
        if other is None:
            return "alone"
        if self.scenario.budget_usd_per_hour is not None:
            if this.served_qps < other.served_qps * (1 - SAME_RATE):
                return "slower"
            if this.served_qps > other.served_qps * (1 + SAME_RATE):
                return "faster"
        dearer_usd = this.cost_usd_per_hour - other.cost_usd_per_hour
        return "alike" if abs(dearer_usd) <= USD_TOLERANCE else "dearer" if dearer_usd > 0 else "cheaper"


def recommendation(scenario: Scenario, measuring: Measuring, seconds_left: SecondsLeft = forever) -> RatedPool | NoPlan:
    """Return the pool that the plan of a scenario recommends, or why there is none.

    Where a budget is too small for the load, that is the pool that comes nearest to it. Raises what
    planner.plan.plan raises.
    """
    made = choice(scenario, measuring, seconds_left)
    return made if isinstance(made, NoPlan) else made.found.chosen


def explanation(
    scenario: Scenario, pool: Pool, recommended: RatedPool | Pool | NoPlan, measuring: Measuring
) -> Explanation:
    """Return the explanation of a pool, all of whose types can be looked at (candidates.usable_types).

    `recommended` is what `recommendation` returns, or the pool of a plan made earlier. Raises SolverError if
    a solver fails.
    """
    table = _table(scenario, pool)
    rater = Rater(table, measuring(table), scenario.constraints)
    counts = table.counts(pool)
    goal = _goal(rater, recommended)
    same = goal is not None and goal.pool.by_type == pool.by_type
    rated = goal if goal and same else _verified(rater, rater.rated(counts))
    limits = Limits(_most_of_each(scenario, table), scenario.budget_usd_per_hour, scenario.constraints)
    broken = tuple(breaches(scenario, table, rated))
    least_qps = _least_qps(scenario, goal)
    mended = not broken and least_qps is not None and rated.served_qps >= least_qps
    change = None
    if goal and least_qps and not (same or mended):
        change = smallest_change(rater, counts, goal, least_qps, limits)
    return Explanation(
        scenario,
        table,
        rated,
        goal,
        recommended.reason if isinstance(recommended, NoPlan) else None,
        broken,
        least_qps,
        with_simulated_gain(bottleneck(rater.program, counts, limits.most > counts), rater, rated),
        change,
        _trades(scenario, rater, rated, limits.most),
    )


def _table(scenario: Scenario, pool: Pool) -> ServiceTable:
    """Return the table of the types that the plan may use, and of those in the pool."""
    wanted = {each.name for each in candidates(scenario)[0]} | set(pool.by_type)
    return service_table(scenario, [each for each in usable_types(scenario) if each.name in wanted])


def _goal(rater: Rater, recommended: RatedPool | Pool | NoPlan) -> RatedPool | None:
    if isinstance(recommended, NoPlan):
        return None
    if isinstance(recommended, Pool):
        recommended = rater.rated(rater.table.counts(recommended))
    return _verified(rater, recommended)


def _verified(rater: Rater, rated: RatedPool) -> RatedPool:
    return rater.verified(rated) or rated


def _least_qps(scenario: Scenario, goal: RatedPool | None) -> float | None:
    """Return the rate that is wanted, as far as the recommended pool serves it."""
    if goal is None:
        return scenario.min_qps
    load = scenario.min_qps
    return load if load is not None and load <= goal.served_qps else goal.served_qps * (1 - SAME_RATE)


def _most_of_each(scenario: Scenario, table: ServiceTable) -> Counts:
    """Return how many of each type (J,) the scenario lets a pool have."""
    allowed = {each.name for each in candidates(scenario)[0]}  # what caps count together, constraints tell
    caps = {name: scenario.constraints.most_of(name) for name in table.names}
    most = [0 if name not in allowed else _UNLIMITED if cap is None else cap for name, cap in caps.items()]
    return np.array(most, dtype=np.int64)


def _trades(scenario: Scenario, rater: Rater, rated: RatedPool, most_of_each: Counts) -> tuple[Trade, ...]:
    """Return the trades that keep what the pool serves, or only the load where it serves more than that."""
    load, served = scenario.min_qps, rated.served_qps
    least_qps = load if load is not None and load <= served else served * (1 - SAME_RATE)
    return trades(rater, rater.table.counts(rated.pool), least_qps, most_of_each) if least_qps > 0 else ()
