"""What makes a pool no answer to a scenario: every constraint it breaks, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kairos_cli.domain.constraints import Constraints, spot_columns
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.prices import USD_TOLERANCE, has_option, matches, purchase_of
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.planner.candidates import candidates
from kairos_cli.planner.permitted import SHARE_TOLERANCE, types_bought, zones_reached
from kairos_cli.planner.rating import RatedPool


@dataclass(frozen=True, slots=True)
class Breach:
    """Something that the scenario asks for and the pool does not keep: `code` for programs, `reason` for people."""

    code: str
    reason: str


def breaches(scenario: Scenario, table: ServiceTable, rated: RatedPool) -> Iterator[Breach]:
    """Yield everything that makes a pool of the table no answer to the scenario."""
    yield from _types_left_out(scenario, rated.pool)
    yield from broken_constraints(table, scenario.constraints, table.counts(rated.pool))
    budget, load = scenario.budget_usd_per_hour, scenario.min_qps
    if budget is not None and rated.cost_usd_per_hour > budget + USD_TOLERANCE:
        yield Breach("over_budget", f"{rated.cost_usd_per_hour:.3f} $/h, over the budget of {budget:g} $/h")
    after = _after_losses(scenario.constraints)
    if rated.capacity_qps <= 0:
        yield Breach("misses_target", f"it cannot keep {scenario.qos} at any rate{after}")
    elif rated.served_qps <= 0:
        yield Breach("misses_target", f"it keeps {scenario.qos} in simulation at no rate{after}")
    elif load is not None and rated.served_qps < load * (1 - 1e-6):
        carries = f"it carries {rated.served_qps:.1f} queries/s of the load of {load:g}{after}"
        yield Breach("short_of_load", carries)


def broken_constraints(table: ServiceTable, constraints: Constraints, counts: Counts) -> Iterator[Breach]:
    """Yield the constraints that a pool (J,) does not keep: the same rules as in planner.permitted."""
    pool, one, size = table.pool(counts), counts[np.newaxis], int(counts.sum())
    yield from _too_many(constraints, pool)
    spot = int(counts[spot_columns(table.names)].sum())
    if spot > (constraints.max_spot_share + SHARE_TOLERANCE) * size:
        most = f"at most {constraints.max_spot_share:.0%} may be"
        yield Breach("too_much_spot", f"{spot} of its {size} instances are spot ones, where {most}")
    types = int(types_bought(table, one)[0])
    if types < constraints.min_types:
        yield Breach("too_few_types", f"it has {types} {_plural('type', types)} of at least {constraints.min_types}")
    zones = int(zones_reached(table, one)[0]) if constraints.min_zones else 0
    if zones < constraints.min_zones:
        where = f"its instances can stand in {zones} {_plural('zone', zones)}"
        yield Breach("too_few_zones", f"{where} of at least {constraints.min_zones}")
    yield from _too_many_changes(table, constraints, counts)


def breaks_no_more(table: ServiceTable, constraints: Constraints, before: Counts, after: Counts) -> bool:
    """Tell whether a changed pool (J,) keeps all the constraints that it kept before."""
    kept_not = {each.code for each in broken_constraints(table, constraints, before)}
    return {each.code for each in broken_constraints(table, constraints, after)} <= kept_not


def _types_left_out(scenario: Scenario, pool: Pool) -> Iterator[Breach]:
    """Yield the types, and the ways to buy them, that no pool may use."""
    left_out = {each.name: each for each in candidates(scenario)[1]}
    for name in pool.by_type:
        if purchase_of(name) not in scenario.purchase:
            only = " or ".join(scenario.purchase)
            yield Breach("not_offered", f"{name} may not be used: only {only} instances may be bought")
        elif name in left_out and left_out[name].code != "too_dear":  # the budget says that better
            yield Breach(left_out[name].code, f"{name} may not be used: {left_out[name].reason}")


def _too_many(constraints: Constraints, pool: Pool) -> Iterator[Breach]:
    """Yield the caps that a pool is over; of one of none at all the type left out says enough."""
    for asked, most in sorted(constraints.max_instances.items()):
        counted = [(name, count) for name, count in pool.counts if matches(asked, name)]
        number = sum(count for _, count in counted)
        if number > most > 0:
            several = not has_option(asked) and [name for name, _ in counted] != [asked]
            together = " in all its purchase options" if several else ""
            yield Breach("too_many", f"{number} × {asked}{together}, where at most {most} may be used")


def _too_many_changes(table: ServiceTable, constraints: Constraints, counts: Counts) -> Iterator[Breach]:
    left, most = constraints.changes_left(table.names), constraints.max_changes
    if left is None or most is None:
        return
    changes = int(np.abs(counts - constraints.in_use(table.names)).sum()) + most - left
    if changes > most:
        differs = f"it differs from the pool in use by {changes} {_plural('instance', changes)}"
        yield Breach("too_many_changes", f"{differs}, where at most {most} may")


def _after_losses(constraints: Constraints) -> str:
    lost = constraints.tolerate_loss
    return f" after the loss of any {lost} {_plural('instance', lost)}" if lost else ""


def _plural(noun: str, number: int) -> str:
    return noun if number == 1 else f"{noun}s"
