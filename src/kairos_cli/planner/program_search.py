"""The search where pools are too many to list: the integer program names one pool after another.

Like ranking by capacity (planner.capacity), but the pools come from a program: the best one is looked at and cut
off, which leaves the next. The program's own bound holds for all pools that are left, so the search knows at
every step how much better any of them could be. It ends when that is nothing; when many pools in a row were
not better, which costs no proof, only a gap; or when the time is over.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import Counts
from kairos_cli.errors import SolverError
from kairos_cli.planner.assured import AssuredCapacity
from kairos_cli.planner.capacity import Capacity
from kairos_cli.planner.certificate import Certificate, Found, gap_percent
from kairos_cli.planner.pool_program import RELATIVE_GAP, TIME_LIMIT_S, ChosenCounts, PoolProgram
from kairos_cli.planner.rating import RatedPool, Rater

#: So many simulated pools in a row that are not better end the search. Neighbours in capacity differ little.
PATIENCE = 12
#: So many pools in a row that need no simulation, their capacity being too small, end it too: the bound is loose then.
SKIPPED = 12
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


def best_by_program(scenario: Scenario, rater: Rater, seconds_left: SecondsLeft = forever) -> Found | str:
    """Return the pool that serves most within the budget, as far as the search comes, or why there is none."""
    search = _BestSearch(rater, seconds_left)
    assert scenario.budget_usd_per_hour is not None
    pools = PoolsByProgram(rater.program, rater.constraints, scenario.budget_usd_per_hour, search.seconds_left)
    ended = next(filter(None, map(search.look_at, pools)), None)
    if search.best is None or search.best.served_qps <= 0:
        return search.none_found(scenario)
    if ended is None and not pools.out_of_time:
        ended, search.others_qps = "every_pool", 0.0
    search.ruled_out += [counts for *_, counts, _ in sorted(pools.known, key=lambda each: each[:2])]
    return search.found(scenario.top, ended or "time_limit")


class _BestSearch:
    """The best pool so far, and whether to go on."""

    def __init__(self, rater: Rater, seconds_left: SecondsLeft) -> None:
        self.rater, self._seconds_left = rater, seconds_left
        self.best: RatedPool | None = None
        self.rated: list[RatedPool] = []
        self.ruled_out: list[Counts] = []
        self.others_qps = math.inf
        self.not_better = self.skipped = 0
        self.longest_s = 0.0

    def seconds_left(self) -> float:
        """Return the time that is left; a search that has nothing to show yet goes on."""
        return self._seconds_left() if self.best and self.best.served_qps > 0 else math.inf

    def look_at(self, each: Next) -> str | None:
        """Measure a pool if it may be better; return why the search ends with it, if it does."""
        self.others_qps = each.others_qps
        if each.capacity.qps <= (self.best.served_qps if self.best else 0.0):
            self.skipped += 1
            self.ruled_out.append(each.counts)
        elif self.best and self.seconds_left() < self.longest_s:  # another simulation would not end in time
            self.others_qps = max(each.others_qps, each.capacity.qps)
            self.ruled_out.append(each.counts)
            return "time_limit"
        else:
            started_s = self._seconds_left()
            self._measure(each)
            self.longest_s = max(self.longest_s, started_s - self._seconds_left()) if started_s < math.inf else 0.0
        if self.best is None:
            return "no_better" if self.skipped >= SKIPPED else None
        if self.best.measured is None and self.rater.measure is not None:
            return "too_large"
        if self.others_qps <= self.best.served_qps * (1 + RELATIVE_GAP):
            return "bound"
        return "no_better" if self.not_better >= PATIENCE or self.skipped >= SKIPPED else None

    def _measure(self, each: Next) -> None:
        """Rate a pool; it is the best one if it serves more than any before."""
        rated = self.rater.rated(each.counts)
        to_beat_qps = self.best.served_qps if self.best else 0.0
        verified = self.rater.verified(rated, to_beat_qps)
        self.rated.append(verified or rated)
        better = verified is not None and verified.served_qps > to_beat_qps
        if self.best is None or better:
            self.best = verified or rated
        self.not_better, self.skipped = (0, 0) if better else (self.not_better + 1, self.skipped)

    def found(self, top: int, ended: str) -> Found:
        """Return the best pool with its certificate; the list goes on with pools that were ruled out."""
        assert self.best is not None
        others = [replace(each, measured=None) for each in self.rated if each is not self.best]
        others += map(self.rater.rated, self.ruled_out[: max(top - 1 - len(others), 0)])
        others.sort(key=lambda each: -each.capacity_qps)
        gap = gap_percent(self.others_qps, self.best.served_qps)
        greatest = max([self.others_qps, *(each.capacity_qps for each in others)])
        simulated = 0 if self.best.measured is None else len(self.rated)
        certificate = Certificate("integer program", None, None, simulated, greatest, gap, ended)
        return Found(self.best, (self.best, *others[: top - 1]), certificate)

    def none_found(self, scenario: Scenario) -> str:
        """Return why there is no pool to recommend."""
        within = f"{scenario.budget_usd_per_hour:g} $/h"
        if not self.skipped and not self.rated:
            return f"no pool within {within} can keep {scenario.qos} at any rate"
        if not self.rated:  # after losses, or with spot instances away
            return (
                f"none of the {self.skipped} pools looked at within {within} is sure to keep {scenario.qos} at any rate"
            )
        return (
            f"none of the {len(self.rated)} best pools within {within} keeps {scenario.qos} in simulation, at any rate"
        )
