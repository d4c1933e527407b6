"""Which instance types take part, in which purchase options, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kairos_cli.domain.prices import USD_TOLERANCE, InstanceType, matches
from kairos_cli.domain.scenario import Scenario


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An instance type of the price list that no pool may use: `code` for programs, `reason` for people."""

    name: str
    code: str
    reason: str


def candidates(scenario: Scenario) -> tuple[list[InstanceType], list[LeftOut]]:
    """Return the types a pool may use, in the order of the model profile, and all others with a reason.

    A type takes part in each purchase option that the scenario allows; of the others nothing is said.
    """
    profile_order = {name: index for index, name in enumerate(scenario.model.latency)}
    taken, left_out = [], list(_not_offered(scenario))
    for each in scenario.prices.instance_types:
        if each.purchase not in scenario.purchase:
            continue
        reason = next(_reasons(scenario, each), None)
        if reason is None:
            taken.append(each)
        else:
            left_out.append(LeftOut(each.name, *reason))
    return sorted(taken, key=lambda each: profile_order[each.machine]), left_out


def _not_offered(scenario: Scenario) -> Iterator[LeftOut]:
    """Yield the types that are sold in none of the options asked for."""
    offered = {each.machine for each in scenario.prices.instance_types if each.purchase in scenario.purchase}
    for machine in scenario.prices.machines():
        if machine not in offered:
            yield LeftOut(machine, "not_offered", f"not sold as {' or '.join(scenario.purchase)}")


def _reasons(scenario: Scenario, each: InstanceType) -> Iterator[tuple[str, str]]:
    """Yield every reason to leave a type out, as code and text."""
    if scenario.only and not any(matches(asked, each.name) for asked in scenario.only):
        yield "excluded", "not among the types asked for"
    if scenario.constraints.most_of(each.name) == 0:
        yield "excluded", "limited to 0 instances"
    profile = scenario.model.latency.get(each.machine)
    if profile is None:
        yield "no_profile", f"no latency profile of {scenario.model.name}"
        return
    budget = scenario.budget_usd_per_hour
    if budget is not None and each.price_usd_per_hour > budget + USD_TOLERANCE:
        yield "too_dear", f"too dear: {each.price_usd_per_hour:g} $/h of a budget of {budget:g} $/h"
    if not scenario.reaches(profile):
        split, mix = scenario.serving.split, scenario.mix
        needed = f"parts of queries begin at {mix.unit}" if split else f"the mix at {mix.largest}"
        yield "short_profile", f"its profile ends at batch size {profile.largest}, {needed}"
        return
    if not profile.at(scenario.batch_sizes(profile)).on_time(scenario.qos.latency_ms).any():
        what = "batch size of the mix" if scenario.serving.one_at_a_time else "batch that a query may be served in"
        yield "too_slow", f"too slow: no {what} is ever within {scenario.qos.latency_ms:g} ms"


def usable_types(scenario: Scenario) -> list[InstanceType]:
    """Return all types that can be looked at: priced, and profiled as far as the sizes of the mix need it."""
    profile_order = {name: index for index, name in enumerate(scenario.model.latency)}
    usable = [
        each
        for each in scenario.prices.instance_types
        if each.machine in profile_order and scenario.reaches(scenario.model.latency[each.machine])
    ]
    return sorted(usable, key=lambda each: profile_order[each.machine])
