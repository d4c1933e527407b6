"""The pool itself as an integer program: the best within a budget, or the cheapest for a load (design 3.3).

The capacity program with the numbers of instances as whole variables. It needs no enumeration, so it
answers for hundreds of instance types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pulp

from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.domain.service_table import ServiceTable
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
    number, rate = _add_pool(problem, table, max_instances, budget_usd_per_hour)
    problem += rate
    problem += _cost(table, number) <= budget_usd_per_hour + USD_TOLERANCE, "budget"
    chosen = _chosen(problem, number)
    return None if chosen is None or chosen.answer.objective < 1e-6 else chosen


def cheapest_counts(table: ServiceTable, min_qps: float, max_instances: Mapping[str, int]) -> ChosenCounts | None:
    """Return the pool of least cost whose capacity is at least `min_qps`; None if caps forbid any."""
    problem = pulp.LpProblem("cheapest", pulp.LpMinimize)
    number, rate = _add_pool(problem, table, max_instances, None)
    problem += _cost(table, number)
    problem += rate >= min_qps, "load"
    return _chosen(problem, number)


def _add_pool(
    problem: pulp.LpProblem,
    table: ServiceTable,
    max_instances: Mapping[str, int],
    budget_usd_per_hour: float | None,
) -> tuple[list[pulp.LpVariable], pulp.LpVariable]:
    """Add the variables and rows of the capacity program, n[j] included; return n and lambda."""
    rate = problem.add_variable("rate_qps", 0)
    number = []
    sent = [
        [problem.add_variable(f"y_{j}_{b}", 0) for b in range(len(table.batch_size))] for j in range(len(table.names))
    ]
    for j, name in enumerate(table.names):
        most = max_instances.get(name)
        if budget_usd_per_hour is not None:
            affordable = int((budget_usd_per_hour + USD_TOLERANCE) / table.price_usd_per_hour[j])
            most = affordable if most is None else min(most, affordable)
        number.append(problem.add_variable(f"n_{j}", 0, most, pulp.LpInteger))
        busy = zip(sent[j], (table.mean_ms[j] / 1000).tolist(), strict=True)
        problem += pulp.LpAffineExpression([*busy, (number[j], -1)]) <= 0, f"time_{j}"
    for b, chance in enumerate(table.probability.tolist()):
        served = [(row[b], 1) for row in sent]
        problem += pulp.LpAffineExpression([*served, (rate, -chance)]) == 0, f"size_{b}"
    late = [(sent[j][b], 1 - table.on_time[j, b]) for j, b in zip(*np.nonzero(table.on_time < 1), strict=True)]
    problem += pulp.LpAffineExpression([*late, (rate, -table.qos.late_share)]) <= 0, "late"
    return number, rate


def _cost(table: ServiceTable, number: list[pulp.LpVariable]) -> pulp.LpAffineExpression:
    return pulp.LpAffineExpression(list(zip(number, table.price_usd_per_hour.tolist(), strict=True)))


def _chosen(problem: pulp.LpProblem, number: list[pulp.LpVariable]) -> ChosenCounts | None:
    answer = solve(problem, relative_gap=RELATIVE_GAP, time_limit_s=TIME_LIMIT_S)
    if answer is None:
        return None
    return ChosenCounts(np.array([round(each.value()) for each in number], dtype=np.int64), answer)
