"""The pool itself as an integer program: the best within a budget, or the cheapest for a load (design 3.3).

The capacity program with the numbers of instances as whole variables. It needs no enumeration, so it
answers for hundreds of instance types. Types that another one dominates are left out first: that changes
no optimum, and of a catalogue of 150 types about 50 are left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pulp

from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.errors import SolverError
from kairos_cli.planner.enumeration import Counts
from kairos_cli.planner.solver import Answer, solve

#: Pools whose capacities differ by less than this share are equal for the integer program.
RELATIVE_GAP = 1e-6
TIME_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class ChosenCounts:
    """A pool (J,) that an integer program chose, and how far its optimality is proven."""

    counts: Counts
    answer: Answer


def best_counts(
    table: ServiceTable, budget_usd_per_hour: float, max_instances: Mapping[str, int]
) -> ChosenCounts | None:
    """Return the pool of greatest capacity within the budget; None if none serves any query."""
    problem = pulp.LpProblem("choose", pulp.LpMaximize)
    types = undominated(table, max_instances)
    number, rate = _add_pool(problem, table, types, max_instances, budget_usd_per_hour)
    problem += rate
    problem += _cost(table, types, number) <= budget_usd_per_hour + USD_TOLERANCE, "budget"
    chosen = _chosen(problem, table, types, number)
    if chosen is None or chosen.answer.objective > 1e-6:
        return chosen
    if not chosen.answer.optimal:  # the empty pool, for want of time, is no answer
        raise SolverError(
            f"error: the solver found no pool within {TIME_LIMIT_S:g} s\nhint: fewer instance types with --only"
        )
    return None


def cheapest_counts(table: ServiceTable, min_qps: float, max_instances: Mapping[str, int]) -> ChosenCounts | None:
    """Return the pool of least cost whose capacity is at least `min_qps`; None if caps forbid any."""
    problem = pulp.LpProblem("cheapest", pulp.LpMinimize)
    types = undominated(table, max_instances)
    number, rate = _add_pool(problem, table, types, max_instances, None)
    problem += _cost(table, types, number)
    problem += rate >= min_qps, "load"
    return _chosen(problem, table, types, number)


def undominated(table: ServiceTable, max_instances: Mapping[str, int]) -> list[int]:
    """Return the types that some best pool may need.

    Type k dominates j if k is on time at least as often at every batch size, and as many instances of k
    as are sure to be as fast as one of j cost no more: each j can be replaced by them. Of two that
    dominate each other the first is kept. A type of limited number dominates none.
    """
    kept = []
    for j in range(len(table.names)):
        instead = np.ceil((table.mean_ms / table.mean_ms[j]).max(axis=1) - 1e-9)  # (J,) instances of each for one j
        cost = instead * table.price_usd_per_hour
        better = (table.on_time >= table.on_time[j]).all(axis=1) & (cost <= table.price_usd_per_hour[j])
        better[[k for k, name in enumerate(table.names) if name in max_instances or k == j]] = False
        for k in np.flatnonzero(better):
            back = np.ceil((table.mean_ms[j] / table.mean_ms[k]).max() - 1e-9) * table.price_usd_per_hour[j]
            mutual = (table.on_time[j] >= table.on_time[k]).all() and back <= table.price_usd_per_hour[k]
            if not mutual or k < j or table.names[j] in max_instances:
                break
        else:
            kept.append(j)
    return kept


def _add_pool(
    problem: pulp.LpProblem,
    table: ServiceTable,
    types: list[int],
    max_instances: Mapping[str, int],
    budget_usd_per_hour: float | None,
) -> tuple[list[pulp.LpVariable], pulp.LpVariable]:
    """Add the variables and rows of the capacity program of some types, n[j] included; return n and lambda."""
    sizes = range(len(table.batch_size))
    rate = problem.add_variable("rate_qps", 0)
    sent = {(j, b): problem.add_variable(f"y_{j}_{b}", 0) for j in types for b in sizes}
    number = []
    for j in types:
        most = max_instances.get(table.names[j])
        if budget_usd_per_hour is not None:
            affordable = int((budget_usd_per_hour + USD_TOLERANCE) / table.price_usd_per_hour[j])
            most = affordable if most is None else min(most, affordable)
        number.append(problem.add_variable(f"n_{j}", 0, most, pulp.LpInteger))
        busy = [(sent[j, b], mean_ms / 1000) for b, mean_ms in enumerate(table.mean_ms[j].tolist())]
        problem += pulp.LpAffineExpression([*busy, (number[-1], -1)]) <= 0, f"time_{j}"
    for b, chance in enumerate(table.probability.tolist()):
        served = [(sent[j, b], 1) for j in types]
        problem += pulp.LpAffineExpression([*served, (rate, -chance)]) == 0, f"size_{b}"
    late = [(each, 1 - table.on_time[at]) for at, each in sent.items() if table.on_time[at] < 1]
    problem += pulp.LpAffineExpression([*late, (rate, -table.qos.late_share)]) <= 0, "late"
    return number, rate


def _cost(table: ServiceTable, types: list[int], number: list[pulp.LpVariable]) -> pulp.LpAffineExpression:
    return pulp.LpAffineExpression(list(zip(number, table.price_usd_per_hour[types].tolist(), strict=True)))


def _chosen(
    problem: pulp.LpProblem, table: ServiceTable, types: list[int], number: list[pulp.LpVariable]
) -> ChosenCounts | None:
    answer = solve(problem, relative_gap=RELATIVE_GAP, time_limit_s=TIME_LIMIT_S)
    if answer is None:
        return None
    counts = np.zeros(len(table.names), dtype=np.int64)
    counts[types] = [round(each.value()) for each in number]
    return ChosenCounts(counts, answer)
