"""All pools within a budget, the greatest capacity first, where they are too many to list.

Like ranking by capacity (planner.capacity), but the pools come from a program: the best one is looked at and cut
off, which leaves the next. The program's own bound holds for all pools that are left.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.service_table import Counts
from kairos_cli.errors import SolverError
from kairos_cli.planner.assured import AssuredCapacity
from kairos_cli.planner.capacity import Capacity
from kairos_cli.planner.pool_program import RELATIVE_GAP, TIME_LIMIT_S, ChosenCounts, PoolProgram

#: How many programs may be solved to find a pool of more capacity before the best one known is simulated.
AHEAD = 3
#: A solver gets at least this long: what is left of the time may be nothing when the first program is solved.
LEAST_S = 1.0

SecondsLeft = Callable[[], float]


def forever() -> float:
    """Return the time that is left where there is no limit."""
    return math.inf


@dataclass(frozen=True, slots=True, eq=False)
class Next:
    """A pool (J,), its capacity, and what the capacity of no later pool exceeds."""

    counts: Counts
    capacity: Capacity
    others_qps: float


class PoolsByProgram:
    """All pools within a budget as an iterator, the greatest capacity first.

    The program may think better of a pool than it is, where spot instances or losses count. Such a pool waits
    until no other is thought to be better, or until AHEAD others were looked at: then the best one known
    comes. Without spot instances and losses the order is exact.

    `known` is a heap of pools not yielded yet, `unknown_qps` bounds the capacity of all others. It ends
    `out_of_time` or with no pool left; raises SolverError if the time is too short for the first.
    """

    def __init__(
        self,
        capacity: AssuredCapacity,
        constraints: Constraints,
        budget_usd_per_hour: float,
        seconds_left: SecondsLeft = forever,
    ) -> None:
        self.capacity, self.seconds_left = capacity, seconds_left
        self.question = capacity.table, constraints, budget_usd_per_hour
        self.program = PoolProgram(*self.question)
        self.known: list[tuple[float, int, Counts, Capacity]] = []
        self.unknown_qps = math.inf
        self.looked_at = 0
        self.out_of_time = False

    def __iter__(self) -> PoolsByProgram:
        return self

    def __next__(self) -> Next:
        for _ in range(AHEAD):
            if self.best_is_known():
                break
            self.look_at_one_more()
        if not self.known:
            raise StopIteration
        _, _, counts, exact = heapq.heappop(self.known)
        return Next(counts, exact, max(self.unknown_qps, -self.known[0][0] if self.known else 0.0))

    def best_is_known(self) -> bool:
        """Tell whether there is nothing to gain from another program, or no time for one."""
        if self.unknown_qps <= 0 or self.out_of_time:
            return True
        return bool(self.known) and -self.known[0][0] >= self.unknown_qps * (1 - RELATIVE_GAP)

    def look_at_one_more(self) -> None:
        """Solve the program; what it finds becomes known and is cut off, what it proves bounds all others."""
        found = self._solved()
        if self.out_of_time:
            return
        if found is None or found.answer.objective <= 1e-6:  # no pool, or only such that serve nothing
            self.unknown_qps = 0.0
            return
        if not self.looked_at:  # dominated types cannot be in the best pool, but in all others
            self.program = PoolProgram(*self.question, every_type=True)
        loss, exact = self.capacity.by_loss(found.counts)[0]
        if exact.qps < found.answer.objective * (1 - RELATIVE_GAP):
            present = self.program.table.present(found.counts)
            self.program.tighten(found.counts, present, loss, exact.shadow_price)
        self.program.cut_off(found.counts)
        self.unknown_qps = min(self.unknown_qps, found.answer.bound)
        self.looked_at += 1
        heapq.heappush(self.known, (-exact.qps, self.looked_at, found.counts, exact))

    def _solved(self) -> ChosenCounts | None:
        """Return the best pool that is left, or None; being out of time is an error only before the first."""
        if self.looked_at and self.seconds_left() <= 0:
            self.out_of_time = True
            return None
        try:
            found = self.program.solve(min(max(self.seconds_left(), LEAST_S), TIME_LIMIT_S))
        except SolverError:
            if not self.looked_at:
                raise
            self.out_of_time = True
            return None
        if found and found.answer.objective <= 1e-6 and not found.answer.optimal:
            # The empty pool, for want of time, is no answer.
            if not self.looked_at:
                raise SolverError("error: the solver found no pool in time\nhint: fewer instance types with --only")
            self.out_of_time = True
        return found
