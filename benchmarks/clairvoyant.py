"""What any policy could still gain: a bound on one that knows all arrivals and latencies beforehand.

A linear program over a long window. x[i, j, c] is the time that instances of type j give in the time cell c
to query i while it can still be on time; L[j, c] what they give to late queries, whichever these are:

    maximise    sum_i z[i]
    subject to  sum_jc x[i, j, c] / s[i, j]       = z[i] <= 1           for every query i
                sum_j x[i, j, c]                 <= its overlap with c  for every query i and cell c
                sum_i x[i, j, c] + L[j, c]       <= n[j] cell           for every type j and cell c
                sum_i y[i, j] s[i, j]             = sum_c L[j, c]       for every type j
                sum_j y[i, j]                     = 1 - z[i]            for every query i

s[i, j] is the latency that query i was drawn on type j; x is only where the query has come and is not late.
Any schedule, clairvoyant or not, gives a solution: so the share on time is at most that of the program. It
may interrupt queries and move them between types, and serve late ones before they come; no policy can, so
the true bound lies lower. Near capacity a window of this length may have less work than the mean, so
the bound is worth something below capacity only; above, capacity is the bound.
"""

from __future__ import annotations

import highspy
import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.planner.solver import quiet_highs
from kairos_cli.policies.state import Ints
from kairos_cli.simulate.streams import stream

QUERIES = 1500
#: Cells in the time of one target; finer ones lower the bound by less than its spread between windows.
CELLS = 5
SEEDS = range(3)


def least_late_share(table: ServiceTable, counts: Ints, rate_qps: float) -> float:
    """Return the least share of queries that any schedule of a pool (J,) leaves late at a rate."""
    return float(np.mean([_late_share(table, counts, rate_qps, seed) for seed in SEEDS]))


def _late_share(table: ServiceTable, counts: Ints, rate_qps: float, seed: int) -> float:
    """Return the least share of late queries in one window."""
    drawn = stream(table, QUERIES, seed, 0)
    arrival_ms = drawn.arrival * (1000 / rate_qps)
    low, high = (table.quantile_ms[:, drawn.size, drawn.step + more] for more in (0, 1))
    program = _Program(table, counts, arrival_ms - arrival_ms[0], low + drawn.fraction * (high - low))
    return 1 - program.most_on_time() / QUERIES


class _Program:
    """The program of one window, built column by column."""

    def __init__(self, table: ServiceTable, counts: Ints, arrival_ms: Floats, service_ms: Floats) -> None:
        self.types = np.flatnonzero(counts)
        self.cell_ms = table.qos.latency_ms / CELLS
        self.cells = int((arrival_ms[-1] + table.qos.latency_ms) / self.cell_ms) + 1
        # Rows: a query's parts, then a type's cells, then a type's late work, then a query's time in each cell.
        number = len(arrival_ms)
        self.upper = [1.0] * number
        self.upper += [counts[kind] * self.cell_ms for kind in self.types for _ in range(self.cells)]
        self.upper += [0.0] * len(self.types)
        self.lower = [1.0] * number + [-highspy.kHighsInf] * (len(self.upper) - number - len(self.types))
        self.lower += [0.0] * len(self.types)
        self.gain: list[float] = []
        self.start, self.row, self.value = [0], [], []
        late_work = number + len(self.types) * self.cells
        for query, (since_ms, served_ms) in enumerate(zip(arrival_ms, service_ms.T, strict=True)):
            self._in_time(query, number, since_ms, served_ms, table.qos.latency_ms)
            for place, kind in enumerate(self.types):
                self._column(0.0, [(query, 1.0), (late_work + place, served_ms[kind])])
        for place in range(len(self.types)):
            for cell in range(self.cells):
                self._column(0.0, [(number + place * self.cells + cell, 1.0), (late_work + place, -1.0)])

    def _in_time(self, query: int, number: int, since_ms: float, served_ms: Floats, target_ms: float) -> None:
        """Add the columns of a query served before it is late."""
        for cell in range(int(since_ms / self.cell_ms), self.cells):
            begin_ms, end_ms = cell * self.cell_ms, (cell + 1) * self.cell_ms
            overlap_ms = min(end_ms, since_ms + target_ms) - max(begin_ms, since_ms)
            if overlap_ms <= 0:
                break
            here = len(self.upper)
            self.upper.append(overlap_ms)
            self.lower.append(-highspy.kHighsInf)
            for place, kind in enumerate(self.types):
                if served_ms[kind] <= target_ms:
                    part = 1 / served_ms[kind]
                    self._column(part, [(query, part), (number + place * self.cells + cell, 1.0), (here, 1.0)])

    def _column(self, gain: float, entries: list[tuple[int, float]]) -> None:
        self.gain.append(gain)
        self.row += [row for row, _ in entries]
        self.value += [value for _, value in entries]
        self.start.append(len(self.row))

    def most_on_time(self) -> float:
        """Return the greatest number of queries on time."""
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(self.gain), len(self.upper)
        lp.col_cost_ = -np.array(self.gain)
        lp.col_lower_, lp.col_upper_ = np.zeros(lp.num_col_), np.full(lp.num_col_, highspy.kHighsInf)
        lp.row_lower_, lp.row_upper_ = np.array(self.lower), np.array(self.upper)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = np.array(self.start, dtype=np.int32)
        lp.a_matrix_.index_ = np.array(self.row, dtype=np.int32)
        lp.a_matrix_.value_ = np.array(self.value)
        highs = quiet_highs()
        highs.passModel(lp)
        highs.run()
        if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return 0.0  # the work of the window does not fit into it
        return -float(highs.getInfo().objective_function_value)
