"""One planning question."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.latency_profile import LatencyProfile, ModelProfile
from kairos_cli.domain.prices import ON_DEMAND, PriceList, matches, purchase_of
from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.query_mix import QueryMix
from kairos_cli.domain.serving import ONE_AT_A_TIME, Serving


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """Which pool, for this model, these prices, this mix and this target?

    With a budget: the pool that serves most. With a load (`min_qps`) and no budget: the cheapest pool
    that carries it. With both: the pool that serves most, if it carries the load.

    `only` limits the instance types, `purchase` the ways to buy them, and `constraints` the pools. `choose`
    names the rule of choice (planner.choice) and `top` how many of the next-best pools are wanted. `serving` says
    what the serving system does with queries.
    """

    model: ModelProfile
    prices: PriceList
    mix: QueryMix
    qos: QosTarget
    budget_usd_per_hour: float | None = None
    min_qps: float | None = None
    only: tuple[str, ...] = ()
    constraints: Constraints = field(default_factory=Constraints)
    choose: str = "verified"
    top: int = 5
    seed: int = 0
    purchase: tuple[str, ...] = (ON_DEMAND,)
    serving: Serving = ONE_AT_A_TIME

    def largest_batch(self, profile: LatencyProfile) -> int:
        """Return the largest batch on a type: what the model, the serving system and the profile leave."""
        limits = (self.model.largest_batch, self.serving.largest_batch, profile.largest)
        return min(each for each in limits if each is not None)

    def reaches(self, profile: LatencyProfile) -> bool:
        """Tell whether a type with this profile can serve every query of the mix: whole, or in parts if it may."""
        least = self.mix.unit if self.serving.split else self.mix.largest
        return least <= self.largest_batch(profile)

    def batch_sizes(self, profile: LatencyProfile) -> NDArray[np.int64]:
        """Return the sizes (N,) that a batch on a type may have: those of the mix, or multiples of its unit."""
        mix, serving = self.mix, self.serving
        if serving.one_at_a_time:
            return mix.batch_size
        least = mix.unit if serving.split else int(mix.batch_size[0])
        most = self.largest_batch(profile) if serving.merge else min(mix.largest, self.largest_batch(profile))
        return np.arange(least, most + 1, mix.unit)

    def allows(self, name: str) -> bool:
        """Tell whether a column of the price list may be bought at all, in whatever number."""
        asked_for = not self.only or any(matches(asked, name) for asked in self.only)
        return asked_for and purchase_of(name) in self.purchase
