"""Questions that cannot have an answer, whatever pool is built: mistakes of the one who asks.

A question that could have an answer but happens to have none ("no pool fits") is not among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from kairos_cli.domain.prices import ON_DEMAND, USD_TOLERANCE, InstanceType, machine_of
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import service_table
from kairos_cli.errors import Problem, Source
from kairos_cli.loading.serving import serving_problems


def impossibilities(scenario: Scenario, source: Mapping[str, Source]) -> Iterator[Problem]:
    """Yield what makes the question impossible; `source` tells where each of its values came from."""
    sold = [each for each in scenario.prices.instance_types if scenario.allows(each.name)]
    measured = [each for each in sold if each.machine in scenario.model.latency]
    profiled = [each for each in measured if scenario.constraints.most_of(each.name) != 0]
    if not profiled:
        yield _all_limited_to_none(measured, source) if measured else _no_profile(scenario, source)
        return
    yield from _in_use_without_profile(scenario, source)
    machines = list(dict.fromkeys(each.machine for each in profiled))
    wrong_serving = list(serving_problems(scenario, source, machines))
    if wrong_serving:  # of batches that cannot be, nothing more can be said
        yield from wrong_serving
        return
    yield from _beyond_the_profile(scenario, source, machines)
    yield from _too_small_a_budget(scenario, source, min(profiled, key=lambda each: each.price_usd_per_hour))
    yield from _too_tight_a_target(scenario, source, profiled)


def _no_profile(scenario: Scenario, source: Mapping[str, Source]) -> Problem:
    which = ", ".join(scenario.only) or "any type of the price list"
    options = " or ".join(scenario.purchase)
    if not any(scenario.allows(each.name) for each in scenario.prices.instance_types):
        return Problem(
            f"{which} is not sold as {options}", source.get("only", source.get("purchase")), f"--purchase {ON_DEMAND}"
        )
    return Problem(
        f"model {scenario.model.name} has no latency profile for {which} that may be used",
        source.get("only", source.get("model")),
        f"it was measured on {', '.join(scenario.model.latency)}",
    )


def _all_limited_to_none(measured: list[InstanceType], source: Mapping[str, Source]) -> Problem:
    which = ", ".join(each.name for each in measured)
    return Problem(f"no instance of {which} may be used", source.get("max_instances"), "raise a limit")


def _in_use_without_profile(scenario: Scenario, source: Mapping[str, Source]) -> Iterator[Problem]:
    """Machines in use whose rate is not known: nothing can be said of the pools on the way from them."""
    for name in scenario.constraints.from_pool:
        profile = scenario.model.latency.get(machine_of(name))
        if profile is None or not scenario.reaches(profile):
            yield Problem(
                f"{name} is in use, and there is no latency profile of {scenario.model.name} for it up to batch size "
                f"{scenario.mix.largest}",
                source.get("from_plan"),
                "measure it, or leave out --from",
            )


def _beyond_the_profile(scenario: Scenario, source: Mapping[str, Source], profiled: list[str]) -> Iterator[Problem]:
    """A mix beyond every profile; where only some are too short, their types are left out of the plan."""
    profiles = [scenario.model.latency[name] for name in profiled]
    if not any(map(scenario.reaches, profiles)):
        yield Problem(
            f"batch size {scenario.mix.largest} of mix {scenario.mix.name} is beyond the profile of "
            f"{scenario.model.name}, which ends at {max(each.largest for each in profiles)}",
            source.get("mix"),
            "measure larger batches, or use a mix without them; latencies are not extrapolated",
        )


def _too_small_a_budget(scenario: Scenario, source: Mapping[str, Source], cheapest: InstanceType) -> Iterator[Problem]:
    budget, price = scenario.budget_usd_per_hour, cheapest.price_usd_per_hour
    if budget is not None and budget < price - USD_TOLERANCE:
        yield Problem(
            f"the budget of {budget:g} $/h is below the cheapest machine, {cheapest.name} at {price:g} $/h",
            source.get("budget_usd_per_hour"),
            f"a budget of at least {price:g} $/h buys one machine",
        )


def _too_tight_a_target(
    scenario: Scenario, source: Mapping[str, Source], profiled: list[InstanceType]
) -> Iterator[Problem]:
    """A target that not even all machines together could keep, each query sent to the best and never waiting."""
    types = [each for each in profiled if scenario.reaches(scenario.model.latency[each.machine])]
    if not types:
        return
    table = service_table(scenario, types)
    late = table.least_late_share(np.ones(len(types), dtype=bool))
    if late > scenario.qos.late_share + 1e-12:
        queried = table.probability > 0
        worst = int(table.batch_size[queried][np.argmin(table.best_on_time[:, queried].max(axis=0))])
        yield Problem(
            f"no machine meets {scenario.qos}: {late:.2%} of the queries are late on the fastest one, without waiting",
            source.get("qos"),
            f"batch size {worst} is late most often; raise the limit, or profile a faster instance type",
        )
