"""The pools nearest to a given one that have the capacity for a rate, by integer program.

a[j] instances of type j are added to the pool p, r[j] removed, n = p + a - r, and t is a bound on the capacity, in
shares of the rate asked for; bound_k are the bounds learnt from pools met so far (planner.sure_rows):

    minimise    sum_j (a[j] + r[j]) - t / 4
    subject to  bound_k(n) / rate >= t      for every k
                1 <= t <= 2
                cost @ n <= budget, n <= most, n keeps the constraints

No capacity exceeds any of the bounds, so each pool that the program proposes and whose real capacity is below t
adds its own, until one is as good as promised. The term in t is worth less than one instance: of the pools
equally near, the one of greatest capacity comes first. Pools already seen are cut off one by one, by rows that
any other pool satisfies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pulp

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.planner.assured import AssuredCapacity
from kairos_cli.planner.capacity import Capacity
from kairos_cli.planner.constraint_rows import Numbers, add_constraints
from kairos_cli.planner.solver import solve
from kairos_cli.planner.sure_rows import SureRows

#: How close a bound must come to the capacity, in shares of the rate asked for: near that rate, where it decides
#: whether a pool comes at all, and above, where it only decides which of those equally near comes first.
_TIGHT, _ROUGH = 1e-6, 0.01
RELATIVE_GAP = 1e-7
TIME_LIMIT_S = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """What a changed pool may be: `most` instances of each type (J,), a budget if there is one, and constraints."""

    most: Counts
    budget_usd_per_hour: float | None
    constraints: Constraints = field(default_factory=Constraints)


class _Met(NamedTuple):
    """A pool met, what is present of it, its worst loss, and the shadow prices of that case; all (J,)."""

    counts: Counts
    present: Counts
    loss: Counts
    shadow_price: Floats


def nearest_pools(
    program: AssuredCapacity, start: Counts, rate_qps: float, limits: Limits, farthest: int
) -> Iterator[tuple[Counts, Capacity]]:
    """Yield the pools within limits and of capacity >= `rate_qps` > 0 by their distance from `start` (J,).

    The distance, at most `farthest`, is the number of instances added and removed. Raises SolverError if
    the solver fails.
    """
    met = [_meet(program, start)[0]]
    seen: list[Counts] = []
    while True:
        proposed = _proposed(program.table, start, rate_qps, met, limits, farthest, seen)
        if proposed is None:
            return
        counts, promised = proposed
        each, capacity = _meet(program, counts)
        reached = capacity.qps / rate_qps
        short = promised > reached + (_ROUGH if reached > 1 else _TIGHT)
        if short and not any((counts == other.counts).all() for other in met):
            met.append(each)
            continue
        seen.append(counts)
        if reached >= 1 - _TIGHT:
            yield counts, capacity


def _meet(program: AssuredCapacity, counts: Counts) -> tuple[_Met, Capacity]:
    loss, capacity = program.by_loss(counts)[0]
    return _Met(counts, program.table.present(counts), loss, capacity.shadow_price), capacity


def _proposed(
    table: ServiceTable,
    start: Counts,
    rate_qps: float,
    met: Sequence[_Met],
    limits: Limits,
    farthest: int,
    seen: Sequence[Counts],
) -> tuple[Counts, float] | None:
    """Return the nearest pool by the bounds of those met, and its bound; None if there is none left."""
    problem = pulp.LpProblem("nearest", pulp.LpMinimize)
    added, removed = _steps(problem, start, limits.most, farthest)
    promised = problem.add_variable("promised", 1, 2)
    problem += pulp.lpSum([*added, *removed]) - promised / 4
    problem += pulp.lpSum([*added, *removed]) <= farthest, "farthest"
    number = _number(problem, start, added, removed)
    sure = SureRows(problem, table, number, {j: int(each.upBound) for j, each in number.items()})
    for row, each in enumerate(met):
        bound = sure.bound(each.counts, each.present, each.loss, each.shadow_price / rate_qps)
        problem += bound - promised >= 0, f"capacity_{row}"
    if limits.budget_usd_per_hour is not None:
        cost = pulp.LpAffineExpression([(each, float(table.price_usd_per_hour[j])) for j, each in number.items()])
        problem += cost <= limits.budget_usd_per_hour + USD_TOLERANCE, "budget"
    add_constraints(problem, table, limits.constraints, number)
    _one_way(problem, added, removed)
    for row, counts in enumerate(seen):
        _cut_off(problem, f"seen_{row}", (counts - start).tolist(), added, removed)
    if solve(problem, relative_gap=RELATIVE_GAP, time_limit_s=TIME_LIMIT_S) is None:
        return None
    return np.array([round(each.value()) for each in number.values()], dtype=np.int64), float(promised.value())


Variables = list[pulp.LpVariable]


def _steps(problem: pulp.LpProblem, start: Counts, most: Counts, farthest: int) -> tuple[Variables, Variables]:
    """Return the variables of how many instances of each type are added, and removed."""
    limits = list(enumerate(zip(most.tolist(), start.tolist(), strict=True)))
    added = [
        problem.add_variable(f"a_{j}", 0, min(max(most - count, 0), farthest), pulp.LpInteger)
        for j, (most, count) in limits
    ]
    removed = [
        problem.add_variable(f"r_{j}", max(count - most, 0), count, pulp.LpInteger) for j, (most, count) in limits
    ]
    return added, removed


def _number(problem: pulp.LpProblem, start: Counts, added: Variables, removed: Variables) -> Numbers:
    """Return the variables of how many of each type there are then."""
    number = {}
    for j, (count, more, less) in enumerate(zip(start.tolist(), added, removed, strict=True)):
        number[j] = problem.add_variable(f"n_{j}", 0, count + more.upBound - less.lowBound, pulp.LpInteger)
        problem += number[j] - more + less == count, f"n_{j}"
    return number


def _one_way(problem: pulp.LpProblem, added: Variables, removed: Variables) -> None:
    """Let no type be both added and removed: a pool would have two distances."""
    for j, (more, less) in enumerate(zip(added, removed, strict=True)):
        if more.upBound and less.upBound:
            grows = problem.add_variable(f"grows_{j}", 0, 1, pulp.LpInteger)
            problem += more <= more.upBound * grows, f"grows_{j}_added"
            problem += less <= less.upBound * (1 - grows), f"grows_{j}_removed"


def _cut_off(problem: pulp.LpProblem, name: str, steps: list[int], added: Variables, removed: Variables) -> None:
    """Forbid one pool, given as its steps (J,) from the start: at least one type must take another step."""
    other = []
    for j, step in enumerate(steps):
        if step == 0:
            other += [added[j], removed[j]]
            continue
        moved, size = (added[j], step) if step > 0 else (removed[j], -step)
        beyond = problem.add_variable(f"{name}_beyond_{j}", 0, 1, pulp.LpInteger)
        within = problem.add_variable(f"{name}_within_{j}", 0, 1, pulp.LpInteger)
        problem += moved >= (size + 1) * beyond, f"{name}_beyond_{j}_row"
        problem += moved <= size - 1 + (moved.upBound - size + 1) * (1 - within), f"{name}_within_{j}_row"
        other += [beyond, within]
    problem += pulp.lpSum(other) >= 1, name
