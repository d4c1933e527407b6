"""The cheapest pool for a load where pools are too many to list.

The cheapest pool with the capacity for a load rarely carries it: every pool queues. Between it and the
cheapest that does there are more pools than could be simulated. So the program is asked for more capacity than
the load: as much as the first pool's simulation says is needed, then, between what was too little and what was
enough, ever less. All pools cheaper than the chosen one that were not simulated are the gap of the certificate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import Counts
from kairos_cli.errors import SolverError
from kairos_cli.planner.certificate import Certificate, Found, gap_percent
from kairos_cli.planner.enough import PATIENCE
from kairos_cli.planner.pool_program import RELATIVE_GAP, TIME_LIMIT_S, PoolProgram
from kairos_cli.planner.pools_by_program import LEAST_S, SecondsLeft, forever
from kairos_cli.planner.rating import RatedPool, Rater

#: Pools that cost more than so many times the cheapest by capacity are not looked at.
DEAREST = 3.0
#: Asked for are rates at least this much apart: nearer ones give the same pools.
APART = 1.002
#: How much more is asked for where a simulation does not tell: the pool kept the target at no rate.
MORE = 1.25
#: How often the program may be told what a pool is really sure of before the search gives up on it.
TIGHTENED = 200


def cheapest_by_program(
    scenario: Scenario,
    rater: Rater,
    bound_usd: float,
    least_usd: float,
    simulated: int = 0,
    seconds_left: SecondsLeft = forever,
) -> Found | str:
    """Return the cheapest pool found that carries the load, or why there is none.

    No pool below `bound_usd` carries it, `least_usd` is the cost of the cheapest one by capacity, and
    `simulated` pools were simulated before.
    """
    assert scenario.min_qps is not None
    search = _Search(rater, scenario.min_qps, least_usd * DEAREST, seconds_left)
    search.run()
    if search.best is None:
        return (
            f"the cheapest pool with the capacity for {scenario.min_qps:g} queries/s costs {least_usd:.3f} $/h, but "
            f"none of {simulated + search.simulated} pools simulated up to {DEAREST:g} times that cost carries the load"
        )
    gap = gap_percent(search.best.cost_usd_per_hour, bound_usd)
    ended = "bound" if gap < RELATIVE_GAP * 100 else search.ended
    certificate = Certificate("integer program", None, None, simulated + search.simulated, None, gap, ended)
    return Found(search.best, (search.best,), certificate)


@dataclass
class _Search:
    """The cheapest pool so far; capacities below `too_little_qps` were too little, `enough_qps` was enough."""

    rater: Rater
    load_qps: float
    most_usd: float
    seconds_left: SecondsLeft
    best: RatedPool | None = None
    too_little_qps: float = 0.0
    enough_qps: float = math.inf
    simulated: int = 0
    ended: str = "no_better"

    def run(self) -> None:
        """Ask for one rate after another until two lie close together, or PATIENCE pools were simulated."""
        asked_qps, missed = self.load_qps, list[Counts]()
        while self.simulated < PATIENCE:
            counts = self._cheapest_with(asked_qps, missed)
            if counts is None:
                break
            rated = self.rater.rated(counts)
            carries = self.rater.verified(rated, self.load_qps) if self.rater.measure else rated
            self.simulated += self.rater.measure is not None
            if carries is not None:
                self.best, self.enough_qps = carries, asked_qps
                self.most_usd = carries.cost_usd_per_hour * (1 - RELATIVE_GAP)
            else:
                missed.append(counts)
                self.too_little_qps = asked_qps
            if self.enough_qps <= self.load_qps or self.enough_qps <= self.too_little_qps * APART:
                break
            asked_qps = self._next_qps(asked_qps, rated)

    def _next_qps(self, asked_qps: float, rated: RatedPool) -> float:
        """Return the capacity to ask for next."""
        if self.best is not None:
            return math.sqrt(self.too_little_qps * self.enough_qps)
        reached = self.rater.verified(rated, 0.0)
        share = reached.served_qps / rated.capacity_qps if reached else 0.0
        return max(asked_qps * APART, self.load_qps / share) if share > 0 else asked_qps * MORE

    def _cheapest_with(self, asked_qps: float, missed: list[Counts]) -> Counts | None:
        """Return the cheapest pool that is sure of a capacity, other than those that missed; None if there is none."""
        program = PoolProgram(self.rater.table, self.rater.constraints, self.most_usd, asked_qps)
        for counts in missed:
            program.cut_off(counts)
        for _ in range(TIGHTENED):
            try:
                found = program.solve(min(max(self.seconds_left(), LEAST_S), TIME_LIMIT_S))
            except SolverError:
                found = None
                self.ended = "time_limit"
            if found is None:
                return None
            loss, exact = self.rater.program.by_loss(found.counts)[0]
            if exact.qps >= asked_qps * (1 - RELATIVE_GAP):
                return found.counts
            program.tighten(found.counts, self.rater.table.present(found.counts), loss, exact.shadow_price)
            if self.seconds_left() <= 0:
                self.ended = "time_limit"
                return None
        return None
