"""Capacity: the rate no way of distributing queries can exceed (design 3.2), and its shadow prices.

A way k serves queries of one size b on one type j, in batches of one size (domain.ways): each takes ms[k] of the
type's time and is late with chance late[k]. y[k] is the rate of queries served that way, lambda that of all:

    maximise lambda
    subject to  sum_{k of b} y[k]        = lambda p(b)      for every size b that queries have
                sum_{k of j} y[k] s[k]  <= n[j]             for every j
                sum_k y[k] late[k]      <= (1 - q) lambda

One whole query at a time there is one way for each type and size: its mean latency, and its chance of missing
the target. Any policy that serves every query satisfies these in the long run; so none sustains more
(docs/batching.md proves it for batches and parts). The dual value of type j's row is its shadow price: the
rate that one more instance would add. From pool to pool only the right-hand side n changes, so one program
serves them all, each solved from the last one's basis. And since the dual constraints do not mention n, the
prices found for one pool bound every other: capacity(n) <= prices @ n. That is what makes ranking thousands of pools
cheap: `by_capacity` solves only those whose bound says that they may be next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import highspy
import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.domain.ways import Ways, ways
from kairos_cli.errors import SolverError
from kairos_cli.planner.solver import quiet_highs

#: Relative difference below which two capacities count as equal: the solver's own tolerance.
QPS_TOLERANCE = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Capacity:
    """The capacity of one pool, the shadow price of each type (J,) in queries/s per instance, the rates (J, B).

    `way_qps` (K,) are the rates by way; `busy` (J,) is how many instances of each type work on average.
    """

    qps: float
    shadow_price: Floats
    rate_qps: Floats
    way_qps: Floats
    busy: Floats


class Capacities(Protocol):
    """What tells the capacity of pools: a CapacityProgram, or one that looks at what pools are sure to have."""

    def solve(self, counts: Counts) -> Capacity:
        """Return the capacity of a pool (J,)."""

    def bounding(self, counts: Counts) -> Callable[[Floats], Floats]:
        """Return the function from shadow prices (J,) to bounds (N,) on the capacities of pools (N, J)."""


class CapacityProgram:
    """The linear program of one service table, solved for one pool after another."""

    def __init__(self, table: ServiceTable) -> None:
        self.table, self.ways = table, ways(table)
        self.solved = 0
        self._highs = quiet_highs()
        for tolerance in ("primal_feasibility_tolerance", "dual_feasibility_tolerance"):
            self._highs.setOptionValue(tolerance, 1e-10)  # the rates are many orders smaller than the counts
        self._highs.passModel(_program(table, self.ways))

    def solve(self, counts: Counts) -> Capacity:
        """Return the capacity of a pool (J,); raises SolverError if the solver fails."""
        sizes, types = int(np.count_nonzero(self.table.probability)), len(self.table.names)
        rows = np.arange(sizes, sizes + types, dtype=np.int32)
        # Capacity is in proportion to the pool: solved for a pool of the size of one, whatever its real size.
        scale = max(float(counts.max()), 1.0)
        for row, count in zip(rows, counts, strict=True):
            self._highs.changeRowBounds(int(row), -highspy.kHighsInf, float(count) / scale)
        self._highs.run()
        self.solved += 1
        if self._highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise SolverError(f"error: the capacity of pool {counts.tolist()} could not be computed")
        solution = self._highs.getSolution()
        value = np.array(solution.col_value)
        # The program minimises -lambda, so a row's dual is minus what its right-hand side is worth.
        price = np.maximum(-np.array(solution.row_dual)[rows], 0.0)
        # Ten digits, so that how the solver got there does not decide between equal pools.
        qps = float(f"{max(value[-1] * scale, 0.0) + 0.0:.10g}")  # no -0.0
        way_qps = value[:-1] * scale
        rate_qps = np.zeros(self.table.mean_ms.shape)
        np.add.at(rate_qps, (self.ways.type, self.ways.size), way_qps)
        busy = np.bincount(self.ways.type, weights=way_qps * self.ways.ms / 1000, minlength=types)
        return Capacity(qps, price, rate_qps, way_qps, np.asarray(busy, dtype=np.float64))

    def bounding(self, counts: Counts) -> Callable[[Floats], Floats]:
        """Return the function from shadow prices (J,) to bounds (N,) on the capacities of pools (N, J)."""
        return lambda shadow_price: np.asarray(counts @ shadow_price)


def _program(table: ServiceTable, way: Ways) -> highspy.HighsLp:
    """Return the program for an empty pool: columns y[k], then lambda; rows as above."""
    queried = np.flatnonzero(table.probability)
    types, sizes, number = len(table.names), len(queried), len(way.ms)
    size_row = np.searchsorted(queried, way.size)
    type_row = sizes + way.type
    late_row = np.full(number, sizes + types)
    # Each column y has three entries; lambda has one in each size row and one in the last.
    index = np.column_stack([size_row, type_row, late_row]).reshape(-1)
    value = np.column_stack([np.ones(number), way.ms / 1000, way.late]).reshape(-1)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = number + 1, sizes + types + 1
    lp.col_cost_ = np.append(np.zeros(number), -1.0)
    lp.col_lower_ = np.zeros(lp.num_col_)
    lp.col_upper_ = np.full(lp.num_col_, highspy.kHighsInf)
    lp.row_lower_ = np.append(np.zeros(sizes), np.full(types + 1, -highspy.kHighsInf))
    lp.row_upper_ = np.zeros(lp.num_row_)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = np.append(np.arange(number + 1) * 3, len(index) + sizes + 1).astype(np.int32)
    lp.a_matrix_.index_ = np.concatenate([index, np.arange(sizes), [sizes + types]]).astype(np.int32)
    lp.a_matrix_.value_ = np.concatenate([value, -table.probability[queried], [-table.qos.late_share]])
    return lp


def shadow_prices(table: ServiceTable, counts: Counts) -> Floats:
    """Return the shadow price (J,) of each type in a pool (J,), in queries/s an instance; 0 for types not in it.

    Where several prices are right, always the same ones, whatever was solved before.
    """
    present = counts > 0
    prices = np.zeros(len(counts))
    prices[present] = CapacityProgram(table.only(present)).solve(counts[present]).shadow_price
    return prices


def by_capacity(program: Capacities, counts: Counts) -> Iterator[tuple[int, Capacity]]:
    """Yield the pools (N, J) as row number and capacity, the greatest capacity first.

    Each capacity solved lowers the bounds of the others; a pool is yielded once its own capacity is
    known and no other bound is above it. Equal capacities come in the order of the rows.
    """
    bound, bounds_by = np.full(len(counts), np.inf), program.bounding(counts)
    known: dict[int, Capacity] = {}
    for _ in range(len(counts)):
        while (best := int(np.argmax(bound))) not in known:
            capacity = known[best] = program.solve(counts[best])
            np.minimum(bound, bounds_by(capacity.shadow_price) * (1 + QPS_TOLERANCE), out=bound)
            bound[list(known)] = [each.qps for each in known.values()]
        yield best, known.pop(best)
        bound[best] = -np.inf


def carrying(program: Capacities, counts: Counts, min_qps: float) -> Iterator[tuple[int, Capacity]]:
    """Yield, in the order of the rows (N, J), the pools whose capacity is at least `min_qps`.

    Pools that a shadow price already found shows to be too small are passed over unsolved.
    """
    able, bounds_by = np.ones(len(counts), dtype=bool), program.bounding(counts)
    for row in range(len(counts)):
        if not able[row]:
            continue
        capacity = program.solve(counts[row])
        if capacity.qps >= min_qps * (1 - QPS_TOLERANCE):
            yield row, capacity
        else:
            able &= bounds_by(capacity.shadow_price) * (1 + QPS_TOLERANCE) >= min_qps
