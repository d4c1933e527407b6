"""The search for the pool: one function for each way to choose, and what each proves."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice, pairwise

import numpy as np

from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.errors import InputError
from kairos_cli.planner.capacity import by_capacity, carrying
from kairos_cli.planner.certificate import Certificate, Found, gap_percent
from kairos_cli.planner.cheapest_search import cheapest_by_program
from kairos_cli.planner.choice import published_choice, verified_choice
from kairos_cli.planner.enough import PROOF, Enough
from kairos_cli.planner.enumeration import MOST_POOLS, affordable_counts
from kairos_cli.planner.pool_program import RELATIVE_GAP, ChosenCounts, cheapest_counts
from kairos_cli.planner.pools_by_program import SecondsLeft, forever
from kairos_cli.planner.program_search import best_by_program
from kairos_cli.planner.rating import RatedPool, Rater

#: How much dearer than the cheapest pool the next-best ones may be when a load is asked for.
DEARER = 1.25
#: The costs, in shares of the cheapest pool by capacity, between which a pool is looked for that carries a
#: load in simulation: small pools queue more than large ones.
DEARER_IN_STEPS = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0)


def best_in_budget(
    scenario: Scenario, rater: Rater, seconds_left: SecondsLeft = forever, enough: Enough = PROOF
) -> Found | str:
    """Return the pool that serves most within the budget, or why there is none.

    The time limits only the search by integer program, where pools are too many to list. A search by simulation
    may end as soon as it knows `enough`.
    """
    assert scenario.budget_usd_per_hour is not None
    _check_rule(scenario)
    counts = affordable_counts(rater.table, scenario.budget_usd_per_hour, rater.constraints)
    if counts is None:
        if scenario.choose == "published":
            message = f"the published rule ranks every pool, and more than {MOST_POOLS} fit the budget"
            raise InputError.of(message, "--choose published", "use --choose capacity, or fewer types with --only")
        return best_by_program(scenario, rater, seconds_left, enough)
    within_budget = len(counts)
    if not within_budget:
        return f"no pool within {scenario.budget_usd_per_hour:g} $/h keeps the constraints"
    counts = _cheapest_first(rater.table, counts[rater.program.able(counts)])
    if not len(counts):
        return (
            f"none of the {within_budget} pools within {scenario.budget_usd_per_hour:g} $/h can keep "
            f"{scenario.qos} at any rate"
        )
    lost = rater.constraints.tolerate_loss
    if lost and next(by_capacity(rater.program, counts))[1].qps <= 0:
        return (
            f"none of the {within_budget} pools within {scenario.budget_usd_per_hour:g} $/h can keep {scenario.qos} "
            f"at any rate after the loss of any {lost} instance{'s' * (lost > 1)}"
        )
    if scenario.choose == "verified":
        return _by_simulation(scenario, rater, counts, within_budget, enough.close)
    choose = _by_published_bound if scenario.choose == "published" else _by_capacity
    return choose(scenario, rater, counts, within_budget)


def _check_rule(scenario: Scenario) -> None:
    """Refuse the published rule where queries are served in batches or parts: its bound knows neither."""
    if scenario.choose == "published" and not scenario.serving.one_at_a_time:
        message = f"the published rule is about one query at a time, and does not apply to {scenario.serving}"
        raise InputError.of(message, "--choose published", "use --choose verified or --choose capacity")


def _by_capacity(scenario: Scenario, rater: Rater, counts: Counts, within_budget: int) -> Found | str:
    """Return the pool of greatest capacity."""
    rows = [row for row, _ in islice(by_capacity(rater.program, counts), max(scenario.top, 2))]
    rated = _rated(rater, counts, rows)
    other = rated[1].capacity_qps if len(rated) > 1 else None
    certificate = Certificate("enumeration", within_budget, len(counts), 0, other, 0.0)
    return Found(rated[0], rated[: scenario.top], certificate)


def _by_published_bound(scenario: Scenario, rater: Rater, counts: Counts, within_budget: int) -> Found | str:
    """Return the published choice, certified by the greatest capacity of any other pool."""
    if rater.bound is None:
        return "the published rule needs a base type, and no type serves every batch size in time"
    ranked = counts[np.argsort(-rater.published_bound_qps(counts), kind="stable")]
    row = published_choice(ranked, rater.bound.base)
    chosen = rater.rated(ranked[row])
    greatest = islice(by_capacity(rater.program, ranked), 2)
    other = next((capacity.qps for each, capacity in greatest if each != row), None)
    certificate = Certificate(
        "enumeration", within_budget, len(counts), 0, other, gap_percent(other, chosen.served_qps), "rule"
    )
    return Found(chosen, _rated(rater, ranked, range(min(scenario.top, len(ranked)))), certificate)


def _by_simulation(scenario: Scenario, rater: Rater, counts: Counts, within_budget: int, close: float) -> Found | str:
    """Return the pool that serves most in simulation; all others are measured or ruled out by capacity.

    Where few had to be measured, the next ones by capacity fill the list.
    """
    assert rater.measure is not None
    ranked = by_capacity(rater.program, counts)
    best = verified_choice(ranked, counts, rater.measure, close)
    assert best is not None
    if best.measured.qps <= 0:
        return f"no pool within {scenario.budget_usd_per_hour:g} $/h keeps {scenario.qos} in simulation, at any rate"
    chosen = rater.rated(counts[best.row], best.measured)
    others = [row for row in best.capacity_qps_by_row if row != best.row]
    other = max([best.capacity_qps_by_row[row] for row in others] + [best.best_unmeasured_qps or 0.0]) or None
    gap = gap_percent(best.best_unmeasured_qps, best.measured.qps)
    ended = "every_pool" if best.best_unmeasured_qps is None else "close" if gap else "bound"
    certificate = Certificate(
        "enumeration",
        within_budget,
        len(counts),
        best.measured_count,
        other,
        gap,
        ended,
    )
    ruled_out = [] if best.unmeasured_row is None else [best.unmeasured_row]
    rows = islice(chain(others, ruled_out, (row for row, _ in ranked)), max(scenario.top - 1, 0))
    return Found(chosen, (chosen, *_rated(rater, counts, rows)), certificate)


def cheapest(scenario: Scenario, rater: Rater, seconds_left: SecondsLeft = forever) -> Found | str:
    """Return the cheapest pool that carries the load, or why there is none.

    Carries it by capacity; or in simulation, if pools can be measured: then they are, in the order of cost.
    """
    assert scenario.min_qps is not None
    _check_rule(scenario)
    if scenario.choose == "published":
        message = "the published rule chooses within a budget, and none is given"
        raise InputError.of(message, "--choose published", "give a budget, or use --choose capacity")
    least = cheapest_counts(rater.table, scenario.min_qps, rater.constraints)
    if least is None:
        return f"no pool can carry {scenario.min_qps:g} queries/s at {scenario.qos}"
    if rater.measure is not None:
        return _cheapest_by_simulation(scenario, rater, least, seconds_left)
    at_least = rater.rated(least.counts)
    cost = at_least.cost_usd_per_hour
    # The program's pool may miss the load by its own tolerance: that is the load as people round it.
    carried = (at_least,) if at_least.capacity_qps >= scenario.min_qps * (1 - RELATIVE_GAP) else ()
    for dearer in DEARER_IN_STEPS[DEARER_IN_STEPS.index(DEARER) :]:
        counts = _from_cost(scenario, rater, cost, cost * dearer)
        if counts is None:
            return cheapest_by_program(scenario, rater, least.answer.bound, cost, 0, seconds_left)
        rows = [row for row, _ in islice(carrying(rater.program, counts, scenario.min_qps), scenario.top)]
        rated = _rated(rater, counts, rows) or carried
        if rated:
            gap = gap_percent(cost, least.answer.bound)
            return Found(rated[0], rated, Certificate("integer program", None, len(counts), 0, None, gap))
    return f"no pool up to {DEARER_IN_STEPS[-1]:g} times {cost:.3f} $/h is sure to carry {scenario.min_qps:g} queries/s"


def _cheapest_by_simulation(
    scenario: Scenario, rater: Rater, least: ChosenCounts, seconds_left: SecondsLeft
) -> Found | str:
    """Return the cheapest pool that carries the load in simulation; none cheaper has the capacity for it."""
    assert scenario.min_qps is not None and rater.measure is not None
    least_cost = rater.table.cost_usd_per_hour(least.counts)
    simulated = looked_at = 0
    for low, high in pairwise(DEARER_IN_STEPS):
        counts = _from_cost(scenario, rater, least_cost * low, least_cost * high)
        if counts is None:  # all that are cheaper have been looked at
            bound_usd = max(least.answer.bound, least_cost * low * (low > 1))
            return cheapest_by_program(scenario, rater, bound_usd, least_cost, simulated, seconds_left)
        looked_at += len(counts)
        for row, capacity in carrying(rater.program, counts, scenario.min_qps):
            simulated += 1
            measured = rater.measure(counts[row], capacity.qps, scenario.min_qps)
            if measured is None:
                continue
            chosen = rater.rated(counts[row], measured)
            dearer = carrying(rater.program, counts[row + 1 :], scenario.min_qps)
            rows = [row + 1 + each for each, _ in islice(dearer, scenario.top - 1)]
            certificate = Certificate("enumeration", None, looked_at, simulated, None, 0.0)
            return Found(chosen, (chosen, *_rated(rater, counts, rows)), certificate)
    return (
        f"the cheapest pool with the capacity for {scenario.min_qps:g} queries/s costs {least_cost:.3f} $/h, but "
        f"{simulated} pools from there to {DEARER_IN_STEPS[-1]:g} times that cost miss the target in simulation"
    )


def _from_cost(scenario: Scenario, rater: Rater, least_usd: float, most_usd: float) -> Counts | None:
    """Return the pools that can meet the target at a cost in [least, most), cheapest first; None if too many."""
    counts = affordable_counts(rater.table, most_usd, rater.constraints)
    if counts is None:
        return None
    cost = counts @ rater.table.price_usd_per_hour
    counts = counts[(cost >= least_usd - USD_TOLERANCE) & (cost < most_usd - USD_TOLERANCE)]
    return _cheapest_first(rater.table, counts[rater.program.able(counts)])


def _rated(rater: Rater, counts: Counts, rows: Iterable[int]) -> tuple[RatedPool, ...]:
    return tuple(rater.rated(counts[row]) for row in rows)


def _cheapest_first(table: ServiceTable, counts: Counts) -> Counts:
    """Return the pools (N, J) by rising cost; equal costs keep their order."""
    cost = np.round(counts @ table.price_usd_per_hour, 9)
    return counts[np.argsort(cost, kind="stable")]
