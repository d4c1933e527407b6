"""The smallest change that mends a pool: fewest instances added and removed, verified by simulation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kairos_cli.domain.service_table import Counts
from kairos_cli.errors import SolverError
from kairos_cli.planner.nearest_pool import Limits, nearest_pools
from kairos_cli.planner.rating import MOST_SIMULATED, RatedPool, Rater

#: Two rates that differ by a smaller share are one: simulations of the usual effort do not tell them apart.
SAME_RATE = 0.005
#: So many pools are simulated before the pool already known to reach the rate is taken.
MOST_TRIED = 25


@dataclass(frozen=True, slots=True)
class Change:
    """A pool that serves the rate, and what leads to it: instances added and removed, by type.

    `pools_tried` nearer pools had the capacity but not the rate. `smallest` tells whether all nearer pools
    were ruled out, by capacity or by simulation.
    """

    rated: RatedPool
    added: tuple[tuple[str, int], ...]
    removed: tuple[tuple[str, int], ...]
    pools_tried: int
    smallest: bool

    @property
    def instances(self) -> int:
        """The number of instances added and removed."""
        return sum(count for _, count in (*self.added, *self.removed))


def holding(rater: Rater, counts: Counts, capacity_qps: float, least_qps: float) -> RatedPool | None:
    """Return the pool (J,) verified, or None if it does not serve the rate, or is too large to be simulated."""
    if rater.measure is None or capacity_qps < least_qps or counts.sum() > MOST_SIMULATED:
        return None
    measured = rater.measure(counts, capacity_qps, least_qps)
    return None if measured is None else replace(rater.rated(counts), measured=measured)


def smallest_change(rater: Rater, start: Counts, goal: RatedPool, least_qps: float, limits: Limits) -> Change:
    """Return the smallest change of a pool (J,) that is over limits or short of a rate.

    `goal` is a pool within limits known to serve that: no change need be larger than the one to it.
    """
    end = rater.table.counts(goal.pool)
    farthest = int(np.abs(end - start).sum())
    # A goal may have been a little luckier in simulation than its capacity allows in the long run.
    capacity_qps = min(least_qps, goal.capacity_qps)
    tried = 0
    try:
        for counts, capacity in nearest_pools(rater.program, start, capacity_qps, limits, farthest):
            if (counts == end).all():
                return _change(rater, start, goal, tried, smallest=True)
            if (counts == start).all():
                continue
            if tried == MOST_TRIED:
                break
            rated = holding(rater, counts, capacity.qps, least_qps)
            if rated:
                return _change(rater, start, rated, tried, smallest=True)
            tried += 1
    except SolverError:  # the goal stands, if not proven to be nearest
        pass
    return _change(rater, start, goal, tried, smallest=False)


def _change(rater: Rater, start: Counts, rated: RatedPool, tried: int, *, smallest: bool) -> Change:
    steps = rater.table.counts(rated.pool) - start
    added, removed = rater.table.pool(np.maximum(steps, 0)), rater.table.pool(np.maximum(-steps, 0))
    return Change(rated, added.counts, removed.counts, tried, smallest)
