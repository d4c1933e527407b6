"""Who serves what: an integer program that gives whole queries to types (design 3.3 c).

The queries that arrive in a window at the pool's capacity, rounded up to whole ones of each batch size,
must be served in the least time. z[k] is how many take way k (domain.ways), D[b] how many there are of size b:

    minimise    time_s
    subject to  sum_{k of b} z[k]                     = D[b]               for every size b that queries have
                sum_{k of j} z[k] s[k]               <= n[j] time_s        for every j
                sum_k z[k] late[k] offered[b] / D[b] <= (1 - q) sum_b offered[b]

Were the window's queries fractions, the time would be the window itself. Whole queries take a little
longer, and capacity x window / time is a rate that a split of whole queries reaches: never above the capacity,
since z / time is a solution of the capacity program at that rate.

Where queries are served in batches or parts, each goes one way as a whole: all its parts to one type, in batches of
one size. What is counted is still queries; that costs no more than rounding does, since the parts of many
queries can stand in for the many parts of one. How the batches are filled the program leaves open, as capacity does.
There many splits are equally good, since what an item costs hardly depends on its query. So that people can read
it, the split is first looked for among fractions, in order of size, and its ways are those that whole queries may take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pulp

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.domain.ways import Ways, ways
from kairos_cli.errors import SolverError
from kairos_cli.planner.solver import Answer, solve
from kairos_cli.planner.way_terms import way_terms

WINDOW_S = 60.0
#: With fewer queries than this, rounding up to whole ones would dominate, and with more the solver's tolerance
#: would; the window is then made longer or shorter.
FEWEST_QUERIES, MOST_QUERIES = 10_000, 1_000_000
#: Proving the last hundredth of a per cent would take longer than all the rest of planning.
RELATIVE_GAP = 1e-4
TIME_LIMIT_S = 20.0
#: A split of whole queries in batches is optimal if it takes no longer than the best of fractions by this share.
ROUNDING_GAP = 1e-3
#: How much longer a split in order may take than the best, and how little of a query is none: the solver's tolerance.
_ROOM = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """How whole queries are shared out: `queries` (J, B) in the window, and the rate that is reached.

    Of those of a size on a type `batch_size` (J, B) is how many items the batches have that they are served in, on
    average over the queries, and `on_time` (J, B) the chance that a query is on time once started, at best
    where it is served in parts; both are 0 where there are none. `way_queries` (K,) are the queries by way.
    """

    answer: Answer
    qps: float
    queries: Counts
    batch_size: Floats
    on_time: Floats
    way_queries: Counts

    @property
    def share(self) -> Floats:
        """The share (J, B) of each batch size that each type serves; 0 for sizes that no query has."""
        return np.asarray(self.queries / np.maximum(self.queries.sum(axis=0), 1))


def distribution(table: ServiceTable, counts: Counts, capacity_qps: float) -> Distribution:
    """Return the best split of a window's whole queries over a pool (J,) of the given capacity > 0.

    Raises SolverError if the solver fails.
    """
    window_s = min(max(WINDOW_S, FEWEST_QUERIES / capacity_qps), MOST_QUERIES / capacity_qps)
    way = ways(table)
    answer, taken = _solved(table, way, counts, capacity_qps * window_s * table.probability)
    queries, items, on_time = (np.zeros(table.mean_ms.shape) for _ in range(3))
    for total, of_each in (queries, 1), (items, table.batch_size[way.batch]), (on_time, 1 - way.late):
        np.add.at(total, (way.type, way.size), taken * of_each)
    some = np.maximum(queries, 1)
    qps = capacity_qps * window_s / answer.objective
    return Distribution(answer, qps, queries.astype(np.int64), items / some, on_time / some, taken)


def _solved(table: ServiceTable, way: Ways, counts: Counts, offered: Floats) -> tuple[Answer, Counts]:
    """Return the answer in s, and how many of the queries offered by size (B,) take each way (K,)."""
    taking = np.flatnonzero(counts[way.type]).tolist()
    least_s = 0.0
    if not table.serving.one_at_a_time:
        taking, least_s = _of_fractions(_Program(table, way, counts, offered, taking, pulp.LpContinuous))
    program = _Program(table, way, counts, offered, taking, pulp.LpInteger)
    answer = program.solve()
    optimal = answer.optimal and (not least_s or answer.objective <= least_s * (1 + ROUNDING_GAP))
    found = np.zeros(len(way.ms), dtype=np.int64)
    found[taking] = [round(each.value()) for each in program.taken.values()]
    return Answer(optimal, answer.objective / program.most, (least_s or answer.bound) / program.most), found


def _of_fractions(program: _Program) -> tuple[list[int], float]:
    """Return the ways that the best split of fractions takes, and its time: of those equally good the one in order.

    In order, large queries go to the types that are fast with them, as far as that is free. Such a split sends nearly
    every size one way only, so few ways are left for whole queries.
    """
    table, way, least_s = program.table, program.way, program.solve().objective
    largest = np.flatnonzero(table.probability)[-1]
    slowness = table.mean_ms[:, largest] / table.mean_ms[:, largest].max()
    size = (table.batch_size / table.batch_size[largest]) ** 2  # so that two of middle size are no large and a small
    out_of_order = [(each, float(slowness[way.type[k]] * size[way.size[k]])) for k, each in program.taken.items()]
    program.work_s.upBound = least_s * (1 + _ROOM)
    program.problem.setObjective(pulp.LpAffineExpression(out_of_order))
    program.solve()
    return [k for k, each in program.taken.items() if each.value() > _ROOM], least_s


class _Program:
    """The program for some of the ways, in whole queries or in fractions of them."""

    def __init__(
        self, table: ServiceTable, way: Ways, counts: Counts, offered: Floats, taking: Sequence[int], category: str
    ) -> None:
        self.table, self.way, self.counts, self.offered = table, way, counts, offered
        self.whole = np.where(offered > 0, np.maximum(np.ceil(offered - 1e-9), 1), 0).astype(np.int64)
        self.problem = problem = pulp.LpProblem("distribute", pulp.LpMinimize)
        # The time of all instances of the most frequent type together: of the size of the other numbers.
        self.work_s, self.most = problem.add_variable("work_s", 0), int(counts.max())
        problem += self.work_s
        most = self.whole[way.size].tolist()
        self.taken = {k: problem.add_variable(f"z_{way.name(k)}", 0, most[k], category) for k in taking}
        self._add_rows()

    def _add_rows(self) -> None:
        problem, way, counts, offered = self.problem, self.way, self.counts, self.offered
        # A query that rounding up added is late only as far as it stands for offered ones, so that a pool with no
        # lateness to spare has a split too.
        terms = way_terms(way, self.taken, way.late * (offered[way.size] / self.whole[way.size]))
        for b in np.flatnonzero(self.whole).tolist():
            problem += pulp.LpAffineExpression(terms.served[b]) == int(self.whole[b]), f"size_{b}"
        for j in np.flatnonzero(counts).tolist():
            busy = [*terms.busy_s.get(j, []), (self.work_s, -float(counts[j] / self.most))]
            problem += pulp.LpAffineExpression(busy) <= 0, f"time_{j}"
        problem += pulp.LpAffineExpression(terms.late) <= self.table.qos.late_share * float(offered.sum()), "late"

    def solve(self) -> Answer:
        """Solve it; raises SolverError where there is no such split."""
        answer = solve(self.problem, relative_gap=RELATIVE_GAP, time_limit_s=TIME_LIMIT_S)
        if answer is None:
            pool = self.table.pool(self.counts)
            raise SolverError(f"error: whole queries cannot be given to pool {pool} within the target")
        return answer
