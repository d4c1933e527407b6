"""The pool itself as an integer program: the best within a budget, or the cheapest for a load (design 3.3).

The capacity program with the numbers of instances as whole variables. It needs no enumeration, so it
answers for hundreds of instance types. Types that no best pool needs are left out first
(planner.dominance): that changes no optimum, and of a catalogue of 150 types about 50 are left.

How many spot instances are there, and what is left after a loss, are no linear functions of what is bought.
The program starts from bounds on them and so finds pools that are at least as good as any, on paper. What
such a pool is really sure of is known once it is looked at; `tighten` then tells it to the program, by rows
that hold for every pool and are exact for that one. `cut_off` excludes exactly one pool.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pulp

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.presence import bought_for, most_present_share, present_count
from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.errors import SolverError
from kairos_cli.planner.constraint_rows import add_constraints
from kairos_cli.planner.dominance import undominated
from kairos_cli.planner.solver import Answer, solve

#: Pools whose capacities differ by less than this share are equal for the integer program.
RELATIVE_GAP = 1e-6
TIME_LIMIT_S = 60.0
#: Stands for a number without limit where only a bound on a share depends on it.
_UNLIMITED = 1_000_000


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
        self.most = {j: self._most(j, constraints, budget_usd_per_hour) for j in self.types}
        self.number = {j: self.problem.add_variable(f"n_{j}", 0, self.most[j], pulp.LpInteger) for j in self.types}
        self.present = {j: self._present(j) for j in self.types}
        self.added = 0
        self._lost: dict[tuple[int, int], pulp.LpVariable] = {}
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

    def _most(self, j: int, constraints: Constraints, budget_usd_per_hour: float | None) -> int | None:
        """Return the largest number of a type that caps and budget leave, or None if there is no limit."""
        most = constraints.most_of(self.table.names[j])
        if budget_usd_per_hour is None:
            return most
        affordable = int((budget_usd_per_hour + USD_TOLERANCE) / self.table.price_usd_per_hour[j])
        return affordable if most is None else min(most, affordable)

    def _availability(self, j: int) -> float:
        return 1.0 if self.table.availability is None else float(self.table.availability[j])

    def _present(self, j: int) -> pulp.LpVariable:
        """Return the variable of the instances that are there: the number itself, or at most a share of it."""
        availability, most = self._availability(j), self.most[j]
        if availability >= 1:
            return self.number[j]
        share = most_present_share(_UNLIMITED if most is None else most, availability, self.table.qos.percentile)
        present = self.problem.add_variable(f"present_{j}", 0)
        self.problem += present <= share * self.number[j], f"present_{j}"
        return present

    def _add_capacity(self) -> None:
        """Add the rows of the capacity program (planner.capacity), the present instances unknown."""
        problem, table = self.problem, self.table
        sizes = range(len(table.batch_size))
        sent = {(j, b): problem.add_variable(f"y_{j}_{b}", 0) for j in self.types for b in sizes}
        for j in self.types:
            busy = [(sent[j, b], mean_ms / 1000) for b, mean_ms in enumerate(table.mean_ms[j].tolist())]
            problem += pulp.LpAffineExpression([*busy, (self.present[j], -1)]) <= 0, f"time_{j}"
        for b, chance in enumerate(table.probability.tolist()):
            served = [(sent[j, b], 1) for j in self.types]
            problem += pulp.LpAffineExpression([*served, (self.rate, -chance)]) == 0, f"size_{b}"
        late = [(each, 1 - table.on_time[at]) for at, each in sent.items() if table.on_time[at] < 1]
        problem += pulp.LpAffineExpression([*late, (self.rate, -table.qos.late_share)]) <= 0, "late"

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
        fewer = []
        for j in (j for j in self.types if counts[j]):
            fewer.append(self._binary())
            room = self._limit(j) - int(counts[j]) + 1
            self._add(self.number[j] + room * fewer[-1] <= self._limit(j))
        more, size = self._binary(), int(counts.sum())
        self._add(pulp.lpSum(self.number.values()) >= (size + 1) * more)
        self._add(pulp.lpSum([*fewer, more]) >= 1)

    def tighten(self, counts: Counts, present: Counts, loss: Counts, shadow_price: Floats) -> None:
        """Tell the program what a pool is sure of, by rows that hold for every pool; all arguments (J,).

        Of n instances k(n) are present, which does not fall as n rises: either there are no more present
        than here, or at least as many are bought as it takes for one more. And with the shadow prices pi of
        the case in which this loss struck, no pool has a rate above pi (present - what the loss takes).
        """
        for j in self.types:
            if self.present[j] is not self.number[j] and counts[j]:
                self._add_step(j, int(present[j]))
        if loss.any():
            left = [(self.present[j], float(shadow_price[j])) for j in self.types]
            lost = [(self._is_lost(j, m), -float(shadow_price[j])) for j in self.types for m in range(1, loss[j] + 1)]
            self._add(self.rate <= pulp.LpAffineExpression([*left, *lost]))

    def _add_step(self, j: int, present: int) -> None:
        """Add that more than `present` are there only if enough are bought for it."""
        availability, percentile, limit = self._availability(j), self.table.qos.percentile, self._limit(j)
        room = present_count(limit, availability, percentile) - present
        more = self._binary()
        self._add(self.present[j] <= present + room * more)
        if room > 0:
            self._add(self.number[j] >= bought_for(present + 1, availability, percentile) * more)

    def _is_lost(self, j: int, number: int) -> pulp.LpVariable:
        """Return the variable that is 1 where at least `number` of type j are present, so that so many can be lost."""
        if (j, number) not in self._lost:
            self._lost[j, number] = self._binary()
            room = self._limit(j) - number + 1
            self._add(self.present[j] <= number - 1 + room * self._lost[j, number])
        return self._lost[j, number]

    def _limit(self, j: int) -> int:
        most = self.most[j]
        assert most is not None, "pools are cut off within a budget only"
        return most

    def _binary(self) -> pulp.LpVariable:
        self.added += 1
        return self.problem.add_variable(f"either_{self.added}", 0, 1, pulp.LpInteger)

    def _add(self, row: pulp.LpConstraint) -> None:
        self.added += 1
        self.problem += row, f"added_{self.added}"


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
