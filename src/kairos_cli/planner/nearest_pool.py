"""The pools nearest to a given one that have the capacity for a rate, by integer program.

a[j] instances of type j are added to the pool p, r[j] removed, and t is a bound on the capacity, in shares
of the rate asked for; prices_k are the shadow prices of pools met so far:

    minimise    sum_j (a[j] + r[j]) - t / 4
    subject to  prices_k @ (p + a - r) / rate >= t      for every k
                1 <= t <= 2
                cost @ (p + a - r) <= budget, p + a - r <= most

No capacity exceeds any shadow price's bound (planner.capacity), so each pool that the program proposes and
whose real capacity is below t adds its own prices, until one is as good as promised. The term in t is
worth less than one instance: of the pools equally near, the one of greatest capacity comes first. Pools
already seen are cut off one by one, by rows that any other pool satisfies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pulp

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.planner.capacity import Capacities, Capacity
from kairos_cli.planner.solver import solve

#: How close a bound must come to the capacity, in shares of the rate asked for: near that rate, where it decides
#: whether a pool comes at all, and above, where it only decides which of those equally near comes first.
_TIGHT, _ROUGH = 1e-6, 0.01
RELATIVE_GAP = 1e-7
TIME_LIMIT_S = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """What a changed pool may be: `most` instances of each type (J,), and a budget, if there is one."""

    most: Counts
    budget_usd_per_hour: float | None


def nearest_pools(
    table: ServiceTable, program: Capacities, start: Counts, rate_qps: float, limits: Limits, farthest: int
) -> Iterator[tuple[Counts, Capacity]]:
    """Yield the pools within limits and of capacity >= `rate_qps` > 0 by their distance from `start` (J,).

    The distance, at most `farthest`, is the number of instances added and removed. Raises SolverError if
    the solver fails.
    """
    prices = [program.solve(start).shadow_price]
    seen: list[Counts] = []
    while True:
        proposed = _proposed(table, start, np.array(prices) / rate_qps, limits, farthest, seen)
        if proposed is None:
            return
        counts, promised = proposed
        capacity = program.solve(counts)
        reached = capacity.qps / rate_qps
        short = promised > reached + (_ROUGH if reached > 1 else _TIGHT)
        if short and not any((capacity.shadow_price == each).all() for each in prices):
            prices.append(capacity.shadow_price)
        else:
            seen.append(counts)
            yield counts, capacity


def _proposed(
    table: ServiceTable, start: Counts, prices: Floats, limits: Limits, farthest: int, seen: Sequence[Counts]
) -> tuple[Counts, float] | None:
    """Return the nearest pool by the bounds of the prices (K, J), and its bound; None if there is none left."""
    problem = pulp.LpProblem("nearest", pulp.LpMinimize)
    added = [
        problem.add_variable(f"a_{j}", 0, min(max(most - count, 0), farthest), pulp.LpInteger)
        for j, (most, count) in enumerate(zip(limits.most.tolist(), start.tolist(), strict=True))
    ]
    removed = [
        problem.add_variable(f"r_{j}", max(count - most, 0), count, pulp.LpInteger)
        for j, (most, count) in enumerate(zip(limits.most.tolist(), start.tolist(), strict=True))
    ]
    promised = problem.add_variable("promised", 1, 2)
    problem += pulp.lpSum([*added, *removed]) - promised / 4
    problem += pulp.lpSum([*added, *removed]) <= farthest, "farthest"
    for row, price in enumerate(prices):
        bound = _change(price, added, removed) - promised
        problem += bound >= -float(price @ start), f"capacity_{row}"
    if limits.budget_usd_per_hour is not None:
        left_usd = limits.budget_usd_per_hour + USD_TOLERANCE - table.cost_usd_per_hour(start)
        problem += _change(table.price_usd_per_hour, added, removed) <= left_usd, "budget"
    _one_way(problem, added, removed)
    for row, counts in enumerate(seen):
        _cut_off(problem, f"seen_{row}", (counts - start).tolist(), added, removed)
    if solve(problem, relative_gap=RELATIVE_GAP, time_limit_s=TIME_LIMIT_S) is None:
        return None
    steps = [round(more.value()) - round(less.value()) for more, less in zip(added, removed, strict=True)]
    return start + np.array(steps, dtype=np.int64), float(promised.value())


Variables = list[pulp.LpVariable]


def _change(worth: Floats, added: Variables, removed: Variables) -> pulp.LpAffineExpression:
    """Return by how much the change alters what the pool is worth at a worth (J,) of each instance."""
    plus = zip(added, worth.tolist(), strict=True)
    return pulp.LpAffineExpression([*plus, *zip(removed, (-worth).tolist(), strict=True)])


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
