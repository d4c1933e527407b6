"""The pool itself as an integer program: the best within a budget, or the cheapest for a load (design 3.3).

The capacity program with the numbers of instances as whole variables. It needs no enumeration, so it
answers for hundreds of instance types. Types that no best pool needs are left out first
(planner.dominance): that changes no optimum, and of a catalogue of 150 types about 50 are left.

Where spot instances or losses count, the program finds pools that are at least as good as any, on paper; what
one is really sure of `tighten` tells it (planner.sure_rows). `cut_off` excludes exactly one pool.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pulp

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.domain.ways import ways
from kairos_cli.errors import SolverError
from kairos_cli.planner.constraint_rows import add_constraints
from kairos_cli.planner.dominance import undominated
from kairos_cli.planner.solver import Answer, solve
from kairos_cli.planner.sure_rows import SureRows
from kairos_cli.planner.way_terms import way_terms

#: Pools whose capacities differ by less than this share are equal for the integer program.
RELATIVE_GAP = 1e-6
TIME_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class ChosenCounts:
    """A pool (J,) that an integer program chose, and how far its optimality is proven."""

    counts: Counts
    answer: Answer


class PoolProgram:
    """The program of one question: the greatest capacity within a budget, or the least cost that has `min_qps`.

    With a load the budget is optional, but pools can be cut off and rows tightened only within one. Types that
    no best pool needs stay out, unless every type is asked for: the second-best pool may need them.
    """

    def __init__(
        self,
        table: ServiceTable,
        constraints: Constraints,
        budget_usd_per_hour: float | None,
        min_qps: float | None = None,
        *,
        every_type: bool = False,
    ) -> None:
        self.table = table
        self.types = list(range(len(table.names))) if every_type else undominated(table, constraints)
        self.problem = pulp.LpProblem("choose" if min_qps is None else "cheapest", pulp.LpMaximize)
        self.rate = self.problem.add_variable("rate_qps", 0)
        reach = constraints.reach(table.names)
        most = {j: self._most(j, constraints, reach[j][1], budget_usd_per_hour) for j in self.types}
        self.number = {j: self.problem.add_variable(f"n_{j}", 0, most[j], pulp.LpInteger) for j in self.types}
        self.sure = SureRows(self.problem, table, self.number, most)
        self._add_capacity()
        add_constraints(self.problem, table, constraints, self.number)
        cost = pulp.LpAffineExpression([(each, float(table.price_usd_per_hour[j])) for j, each in self.number.items()])
        if budget_usd_per_hour is not None:
            self.problem += cost <= budget_usd_per_hour + USD_TOLERANCE, "budget"
        if min_qps is None:
            self.problem += self.rate
        else:
            self.problem.sense = pulp.LpMinimize
            self.problem += cost
            self.problem += self.rate >= min_qps, "load"

    def _most(
        self, j: int, constraints: Constraints, reached: int | None, budget_usd_per_hour: float | None
    ) -> int | None:
        """Return the largest number of a type that caps, changes and budget leave, or None if there is no limit."""
        limits = [constraints.most_of(self.table.names[j]), reached]
        if budget_usd_per_hour is not None:
            limits.append(int((budget_usd_per_hour + USD_TOLERANCE) / self.table.price_usd_per_hour[j]))
        return min((each for each in limits if each is not None), default=None)

    def _add_capacity(self) -> None:
        """Add the rows of the capacity program (planner.capacity), the present instances unknown."""
        problem, table, way = self.problem, self.table, ways(self.table)
        taking = np.flatnonzero(np.isin(way.type, self.types)).tolist()
        terms = way_terms(way, {k: problem.add_variable(f"y_{way.name(k)}", 0) for k in taking}, way.late)
        for j in self.types:
            busy_s = terms.busy_s.get(j, [])
            problem += pulp.LpAffineExpression([*busy_s, (self.sure.present[j], -1)]) <= 0, f"time_{j}"
        for b in np.flatnonzero(table.probability).tolist():
            offered = (self.rate, -float(table.probability[b]))
            problem += pulp.LpAffineExpression([*terms.served.get(b, []), offered]) == 0, f"size_{b}"
        problem += pulp.LpAffineExpression([*terms.late, (self.rate, -table.qos.late_share)]) <= 0, "late"

    def solve(self, time_limit_s: float = TIME_LIMIT_S) -> ChosenCounts | None:
        """Return the best pool that is left, None if there is none; raises SolverError if the time is too short."""
        answer = solve(self.problem, relative_gap=RELATIVE_GAP, time_limit_s=time_limit_s)
        if answer is None:
            return None
        counts = np.zeros(len(self.table.names), dtype=np.int64)
        counts[self.types] = [round(self.number[j].value()) for j in self.types]
        return ChosenCounts(counts, answer)

    def cut_off(self, counts: Counts) -> None:
        """Exclude exactly this pool (J,): another has fewer of one of its types, or more instances in all."""
        sure, fewer = self.sure, []
        for j in (j for j in self.types if counts[j]):
            fewer.append(sure.binary())
            room = sure.limit(j) - int(counts[j]) + 1
            sure.add(self.number[j] + room * fewer[-1] <= sure.limit(j))
        more, size = sure.binary(), int(counts.sum())
        sure.add(pulp.lpSum(self.number.values()) >= (size + 1) * more)
        sure.add(pulp.lpSum([*fewer, more]) >= 1)

    def tighten(self, counts: Counts, present: Counts, loss: Counts, shadow_price: Floats) -> None:
        """Tell the program what a pool is sure of, by rows that hold for every pool; all arguments (J,)."""
        bound = self.sure.bound(counts, present, loss, shadow_price)
        if loss.any():  # else the program's own rows say the same
            self.sure.add(self.rate <= bound)


def best_counts(table: ServiceTable, budget_usd_per_hour: float, constraints: Constraints) -> ChosenCounts | None:
    """Return the pool of greatest capacity within the budget; None if none serves any query.

    Where spot instances or losses count, its capacity is a bound that the pool may not reach.
    """
    chosen = PoolProgram(table, constraints, budget_usd_per_hour).solve()
    if chosen is None or chosen.answer.objective > 1e-6:
        return chosen
    if not chosen.answer.optimal:  # the empty pool, for want of time, is no answer
        raise SolverError(
            f"error: the solver found no pool within {TIME_LIMIT_S:g} s\nhint: fewer instance types with --only"
        )
    return None


def cheapest_counts(table: ServiceTable, min_qps: float, constraints: Constraints) -> ChosenCounts | None:
    """Return the pool of least cost whose capacity is at least `min_qps`; None if the constraints forbid any.

    Where spot instances or losses count, the pool may not carry the load, but none that does is cheaper.
    """
    return PoolProgram(table, constraints, None, min_qps).solve()
