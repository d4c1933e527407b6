"""The search where pools are too many to list: one after the other as an integer program names them.

The bound on all pools that are left (planner.pools_by_program) tells at every step how much better any of them
could be. The search ends when that is nothing, or little enough; when many pools in a row were not better, which
costs no proof, only a gap; or when the time is over.
"""

from __future__ import annotations

import math
from dataclasses import replace

from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import Counts
from kairos_cli.planner.certificate import Certificate, Found, gap_percent
from kairos_cli.planner.enough import PROOF, Enough
from kairos_cli.planner.pool_program import RELATIVE_GAP
from kairos_cli.planner.pools_by_program import Next, PoolsByProgram, SecondsLeft, forever
from kairos_cli.planner.rating import RatedPool, Rater

#: So many pools in a row that need no simulation, their capacity being too small, end it too: the bound is loose then.
SKIPPED = 12


def best_by_program(
    scenario: Scenario, rater: Rater, seconds_left: SecondsLeft = forever, enough: Enough = PROOF
) -> Found | str:
    """Return the pool that serves most within the budget, as far as the search comes, or why there is none.

    It may end as soon as it knows `enough`.
    """
    search = _BestSearch(rater, seconds_left, enough)
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

    def __init__(self, rater: Rater, seconds_left: SecondsLeft, enough: Enough) -> None:
        self.rater, self._seconds_left, self.enough = rater, seconds_left, enough
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
        if self.others_qps <= self.best.served_qps * (1 + self.enough.close):
            return "close"
        return "no_better" if self.not_better >= self.enough.patience or self.skipped >= SKIPPED else None

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
