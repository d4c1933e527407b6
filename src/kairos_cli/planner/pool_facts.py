"""What there is to know about a pool that limits are held against; each fact is found out once, when first asked for.

Rates are simulated anew and mean what they mean in a plan: with the spot instances that one may count on, after
the losses that the scenario tolerates. Nothing here reads a number that an old plan has on its pool.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.scenario import Scenario
from kairos_cli.domain.service_table import Counts, ServiceTable, service_table
from kairos_cli.planner.candidates import candidates, usable_types
from kairos_cli.planner.certificate import Found
from kairos_cli.planner.measured_once import measured_once
from kairos_cli.planner.plan import Measuring
from kairos_cli.planner.pools_by_program import SecondsLeft, forever
from kairos_cli.planner.rating import RatedPool, Rater
from kairos_cli.planner.search import best_in_budget, cheapest

#: Makes, for a table, the way to look at a pool (J,) of a given capacity at a rate: the latencies (N,) in ms.
Observing = Callable[[ServiceTable], Callable[[Counts, float, float], Floats]]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known besides the pool and the scenario.

    The load in queries/s, what the baseline costs in $/h, the age of the price list in days; each None where
    it is not known.
    """

    load_qps: float | None = None
    baseline_usd_per_hour: float | None = None
    prices_age_days: int | None = None


@dataclass(eq=False)
class PoolFacts:
    """The facts on one pool, all of whose types can be looked at (candidates.usable_types)."""

    scenario: Scenario
    pool: Pool
    around: Circumstances
    measuring: Measuring
    observing: Observing
    seconds_left: SecondsLeft = forever

    @cached_property
    def once(self) -> Measuring:
        """The way to measure each pool once, whoever asks."""
        return measured_once(self.measuring)

    @cached_property
    def table(self) -> ServiceTable:
        """The table of the types that the plan may use, and of those in the pool."""
        wanted = {each.name for each in candidates(self.scenario)[0]} | set(self.pool.by_type)
        return service_table(self.scenario, [each for each in usable_types(self.scenario) if each.name in wanted])

    @cached_property
    def rated(self) -> RatedPool:
        """The pool with the rate it serves in simulation."""
        return self.after_loss(self.scenario.constraints.tolerate_loss)

    @cache  # noqa: B019 - lives no longer than one check
    def after_loss(self, number: int) -> RatedPool:
        """Return the pool with the rate it serves in simulation after the worst loss of so many instances."""
        constraints = replace(self.scenario.constraints, tolerate_loss=number)
        rater = Rater(self.table, self.once(self.table), constraints)
        rated = rater.rated(self.table.counts(self.pool))
        return rater.verified(rated) or rated

    @cache  # noqa: B019 - lives no longer than one check
    def latency_ms(self, rate_qps: float) -> Floats:
        """Return the latencies (N,) of the pool at a rate, less the loss that leaves least capacity."""
        left = self.table.counts(self.rated.present) - self.table.counts(self.rated.lost)
        return self.observing(self.table)(left, self.rated.capacity_qps, rate_qps)

    @cached_property
    def recommended(self) -> Found | str:
        """What a new search finds for the scenario, or why nothing: in a budget the most, be it less than the load."""
        return self.search(self.scenario)

    def search(self, question: Scenario) -> Found | str:
        """Return the pool found for a budget or a load of these types, with its certificate, or why there is none."""
        types = candidates(question)[0]
        if not types:
            return "no instance type can take part"
        of_scenario = question.qos == self.scenario.qos  # what was measured for another target says nothing
        same = of_scenario and self.table.names == tuple(each.name for each in types)
        table = self.table if same else service_table(question, types)
        rater = Rater(table, (self.once if of_scenario else self.measuring)(table), question.constraints)
        search = best_in_budget if question.budget_usd_per_hour is not None else cheapest
        return search(replace(question, choose="verified"), rater, self.seconds_left)
