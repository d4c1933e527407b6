"""Who serves what: an integer program that gives whole queries to types (design 3.3 c).

The queries that arrive in a window at the pool's capacity, rounded up to whole ones of each batch size,
must be served in the least time. z[j, b] is how many of size b type j takes, D[b] how many there are:

    minimise    time_s
    subject to  sum_j z[j, b]                      = D[b]               for every b
                sum_b z[j, b] mean_s[j, b]        <= n[j] time_s        for every j
                sum_jb z[j, b] (1 - on_time[j, b]) offered[b] / D[b] <= (1 - q) sum_b offered[b]

Were the window's queries fractions, the time would be the window itself. Whole queries take a little
longer, and capacity x window / time is a rate that a real split reaches: never above the capacity,
since z / time is a solution of the capacity program at that rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pulp

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.errors import SolverError
from kairos_cli.planner.solver import Answer, solve

WINDOW_S = 60.0
#: With fewer queries than this, rounding up to whole ones would dominate, and with more the solver's tolerance
#: would; the window is then made longer or shorter.
FEWEST_QUERIES, MOST_QUERIES = 10_000, 1_000_000
#: Proving the last hundredth of a per cent would take longer than all the rest of planning.
RELATIVE_GAP = 1e-4
TIME_LIMIT_S = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """How whole queries are shared out: `queries` (J, B) in the window, and the rate that is reached."""

    answer: Answer
    qps: float
    queries: Counts

    @property
    def share(self) -> Floats:
        """The share (J, B) of each batch size that each type serves."""
        return np.asarray(self.queries / self.queries.sum(axis=0))


def distribution(table: ServiceTable, counts: Counts, capacity_qps: float) -> Distribution:
    """Return the best split of a window's whole queries over a pool (J,) of the given capacity > 0.

    Raises SolverError if the solver fails.
    """
    window_s = min(max(WINDOW_S, FEWEST_QUERIES / capacity_qps), MOST_QUERIES / capacity_qps)
    offered = capacity_qps * window_s * table.probability
    whole = np.maximum(np.ceil(offered - 1e-9), 1).astype(np.int64)
    problem = pulp.LpProblem("distribute", pulp.LpMinimize)
    # The time of all instances of the most frequent type together: of the size of the other numbers.
    work_s = problem.add_variable("work_s", 0)
    problem += work_s
    most = int(counts.max())
    present = np.flatnonzero(counts).tolist()
    taken = {
        (j, b): problem.add_variable(f"z_{j}_{b}", 0, number, pulp.LpInteger)
        for j in present
        for b, number in enumerate(whole.tolist())
    }
    for b, number in enumerate(whole.tolist()):
        problem += pulp.LpAffineExpression([(taken[j, b], 1) for j in present]) == number, f"size_{b}"
    for j in present:
        busy = [(taken[j, b], mean_ms / 1000) for b, mean_ms in enumerate(table.mean_ms[j].tolist())]
        problem += pulp.LpAffineExpression([*busy, (work_s, -float(counts[j] / most))]) <= 0, f"time_{j}"
    # A query that rounding up added is late only as far as it stands for offered ones, so that a pool with no
    # lateness to spare has a split too.
    stands_for = offered / whole
    late = [(each, (1 - table.on_time[at]) * stands_for[at[1]]) for at, each in taken.items() if table.on_time[at] < 1]
    problem += pulp.LpAffineExpression(late) <= table.qos.late_share * float(offered.sum()), "late"
    answer = solve(problem, relative_gap=RELATIVE_GAP, time_limit_s=TIME_LIMIT_S)
    if answer is None:
        raise SolverError(f"error: whole queries cannot be given to pool {table.pool(counts)} within the target")
    answer = Answer(answer.optimal, answer.objective / most, answer.bound / most)
    queries = np.zeros(table.mean_ms.shape, dtype=np.int64)
    for at, each in taken.items():
        queries[at] = round(each.value())
    return Distribution(answer, capacity_qps * window_s / answer.objective, queries)
