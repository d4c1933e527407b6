"""The constraints as rows of an integer program: the same rules as in planner.permitted, for one unknown pool."""

from __future__ import annotations

from collections.abc import Mapping

import pulp

from kairos_cli.domain.constraints import Constraints, columns_by_machine, spot_columns
from kairos_cli.domain.service_table import ServiceTable

#: The variable of each type that takes part, by its index in the table.
Numbers = Mapping[int, pulp.LpVariable]


def add_constraints(problem: pulp.LpProblem, table: ServiceTable, constraints: Constraints, number: Numbers) -> None:
    """Add the rows of all constraints on the numbers of instances."""
    for index, (columns, most) in enumerate(constraints.caps(table.names)):
        problem += _sum(number, columns) <= most, f"cap_{index}"
    if constraints.max_spot_share < 1:
        spot, share = set(spot_columns(table.names)), constraints.max_spot_share
        weighted = [(each, (j in spot) - share) for j, each in number.items()]
        problem += pulp.LpAffineExpression(weighted) <= 0, "spot_share"
    if constraints.min_types > 1:
        _add_types(problem, table, constraints.min_types, number)
    if constraints.min_zones > 0:
        _add_zones(problem, table, constraints.min_zones, number)
    if constraints.tolerate_loss > 0:
        problem += _sum(number, list(number)) >= constraints.tolerate_loss + 1, "more_than_lost"


def _sum(number: Numbers, columns: list[int]) -> pulp.LpAffineExpression:
    return pulp.LpAffineExpression([(number[j], 1) for j in columns if j in number])


def _add_types(problem: pulp.LpProblem, table: ServiceTable, least: int, number: Numbers) -> None:
    """At least so many types are bought: each that counts has an instance, in whatever purchase option."""
    bought = []
    for index, columns in enumerate(columns_by_machine(table.names).values()):
        bought.append(problem.add_variable(f"bought_{index}", 0, 1, pulp.LpInteger))
        problem += _sum(number, columns) >= bought[-1], f"bought_{index}"
    problem += pulp.LpAffineExpression([(each, 1) for each in bought]) >= least, "types"


def _add_zones(problem: pulp.LpProblem, table: ServiceTable, least: int, number: Numbers) -> None:
    """At least so many zones have an instance: a flow from types with the same zones to zones of one place each.

    Flows between whole numbers have whole optima, so the flow itself may be a fraction.
    """
    sets = sorted({table.zones[j] for j in number} - {()}) if table.zones else []
    flow = {(s, zone): problem.add_variable(f"zone_{s}_{zone}", 0, 1) for s, zones in enumerate(sets) for zone in zones}
    for s, zones in enumerate(sets):
        alike = [j for j in number if table.zones[j] == zones]
        problem += pulp.LpAffineExpression([(flow[s, zone], 1) for zone in zones]) <= _sum(number, alike), f"stand_{s}"
    for index, zone in enumerate(sorted({zone for _, zone in flow})):
        standing = [(each, 1) for (_, where), each in flow.items() if where == zone]
        problem += pulp.LpAffineExpression(standing) <= 1, f"zone_{index}"
    problem += pulp.LpAffineExpression([(each, 1) for each in flow.values()]) >= least, "zones"
