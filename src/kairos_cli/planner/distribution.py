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
"""

from __future__ import annotations

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
    whole = np.where(offered > 0, np.maximum(np.ceil(offered - 1e-9), 1), 0).astype(np.int64)
    problem = pulp.LpProblem("distribute", pulp.LpMinimize)
    # The time of all instances of the most frequent type together: of the size of the other numbers.
    work_s = problem.add_variable("work_s", 0)
    problem += work_s
    most = int(counts.max())
    taken = {
        k: problem.add_variable(f"z_{way.name(k)}", 0, int(whole[way.size[k]]), pulp.LpInteger)
        for k in np.flatnonzero(counts[way.type]).tolist()
    }
    # A query that rounding up added is late only as far as it stands for offered ones, so that a pool with no
    # lateness to spare has a split too.
    terms = way_terms(way, taken, way.late * (offered[way.size] / whole[way.size]))
    for b in np.flatnonzero(whole).tolist():
        problem += pulp.LpAffineExpression(terms.served[b]) == int(whole[b]), f"size_{b}"
    for j in np.flatnonzero(counts).tolist():
        busy = [*terms.busy_s.get(j, []), (work_s, -float(counts[j] / most))]
        problem += pulp.LpAffineExpression(busy) <= 0, f"time_{j}"
    problem += pulp.LpAffineExpression(terms.late) <= table.qos.late_share * float(offered.sum()), "late"
    answer = solve(problem, relative_gap=RELATIVE_GAP, time_limit_s=TIME_LIMIT_S)
    if answer is None:
        raise SolverError(f"error: whole queries cannot be given to pool {table.pool(counts)} within the target")
    found = np.zeros(len(way.ms), dtype=np.int64)
    found[list(taken)] = [round(each.value()) for each in taken.values()]
    return Answer(answer.optimal, answer.objective / most, answer.bound / most), found
