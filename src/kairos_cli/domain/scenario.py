"""One planning question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kairos_cli.domain.latency_profile import ModelProfile
from kairos_cli.domain.prices import PriceList
from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.query_mix import QueryMix


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """Which pool, for this model, these prices, this mix and this target?

    With a budget: the pool that serves most. With a load (`min_qps`) and no budget: the cheapest pool
    that carries it. With both: the pool that serves most, if it carries the load.

    `only` limits the instance types and `max_instances` the number of each. `choose` names the rule of
    choice (planner.choice) and `top` how many of the next-best pools are wanted.
    """

    model: ModelProfile
    prices: PriceList
    mix: QueryMix
    qos: QosTarget
    budget_usd_per_hour: float | None = None
    min_qps: float | None = None
    only: tuple[str, ...] = ()
    max_instances: Mapping[str, int] = field(default_factory=dict)
    choose: str = "verified"
    top: int = 5
    seed: int = 0
