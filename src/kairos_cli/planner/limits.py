"""Does a pool keep its limits: the meaning of each, and what is said about it.

- max_cost: what the pool costs by the prices given now.
- max_cost_increase: by how much that exceeds what the baseline costs by its own prices.
- min_qps: the rate that the pool serves in simulation is at least the load.
- qos: at the load, or without one at the rate served, so many per cent of the queries are answered in time.
- min_headroom: how far the load lies below the rate served, as a share of that rate.
- max_gap: how much more any pool could serve at most, by the certificate of a new search; where the scenario has
  a load and no budget, how much dearer the pool is than the least that any pool could cost.
- tolerate_loss: the load, or without one the rate served, is still served after the worst loss of K instances.
- fresh_prices: the age of the price list.
- pool_unchanged: how much more the pool recommended now serves, or without a budget how much cheaper it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kairos_cli.domain.limit import Limit
from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.planner.pool_facts import PoolFacts

#: By so much a number may miss its limit and keep it: the rounding of floats.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Finding:
    """How a pool does by one limit; `actual` is in the unit of the limit, None where there is no such number."""

    limit: Limit
    actual: float | None
    holds: bool
    message: str


_Found = tuple[float | None, bool, str]


def finding(facts: PoolFacts, limit: Limit) -> Finding:
    """Return how the pool does by a limit; raises SolverError if a solver fails."""
    return Finding(limit, *_HELD[limit.name](facts, limit))


def _max_cost(facts: PoolFacts, limit: Limit) -> _Found:
    cost = facts.rated.cost_usd_per_hour
    return cost, cost <= limit.bound + USD_TOLERANCE, f"costs {cost:.3f} $/h; at most {limit.bound:g}"


def _max_cost_increase(facts: PoolFacts, limit: Limit) -> _Found:
    cost, baseline = facts.rated.cost_usd_per_hour, facts.around.baseline_usd_per_hour
    assert baseline is not None
    increase = (cost / baseline - 1) * 100
    message = f"costs {cost:.3f} $/h, {increase:+.1f} % against {baseline:.3f} $/h; at most {limit.bound:+g} %"
    return increase, _at_most(increase, limit.bound), message


def _min_qps(facts: PoolFacts, limit: Limit) -> _Found:
    served = facts.rated.served_qps
    message = f"serves {served:.1f} queries/s in simulation; at least {limit.bound:g}"
    return served, _carries(served, limit.bound), message


def _qos(facts: PoolFacts, limit: Limit) -> _Found:
    """Count queries as the search for the verified rate does, so that it keeps the target it was found for."""
    assert limit.percentile is not None
    rate = facts.around.load_qps or facts.rated.served_qps
    if rate <= 0:
        return None, False, f"the pool keeps {facts.scenario.qos} in simulation at no rate"
    if rate > facts.rated.capacity_qps:
        most = f"{max(facts.rated.capacity_qps, 0.0):.1f}"
        return None, False, f"latencies grow without bound: {rate:.1f} queries/s are over the pool's capacity of {most}"
    latency_ms = facts.latency_ms(rate)
    on_time = float((latency_ms <= limit.bound).mean())
    actual = float(np.percentile(latency_ms, limit.percentile, method="inverted_cdf"))
    holds = on_time >= limit.percentile / 100 - 1e-12
    share = f"{limit.percentile:g} % of the queries"
    return actual, holds, f"answers {share} within {actual:.4g} ms at {rate:.1f} queries/s; at most {limit.bound:g}"


def _min_headroom(facts: PoolFacts, limit: Limit) -> _Found:
    load, served = facts.around.load_qps, facts.rated.served_qps
    assert load is not None
    if served <= 0:
        return None, False, f"no headroom: the pool keeps {facts.scenario.qos} in simulation at no rate"
    headroom = (1 - load / served) * 100
    message = f"the load of {load:g} lies {headroom:.1f} % below the {served:.1f} queries/s served"
    return headroom, headroom >= limit.bound - _ROUNDING, f"{message}; at least {limit.bound:g} %"


def _max_gap(facts: PoolFacts, limit: Limit) -> _Found:
    found = facts.recommended
    if isinstance(found, str):
        return None, False, f"no pool to compare with: {found}"
    gap = found.certificate.gap_percent / 100
    best_qps, least_usd = found.chosen.served_qps * (1 + gap), found.chosen.cost_usd_per_hour / (1 + gap)
    return _beyond(facts, limit, best_qps, least_usd, ("no pool serves more than", "no pool costs less than"))


def _pool_unchanged(facts: PoolFacts, limit: Limit) -> _Found:
    found = facts.recommended
    if isinstance(found, str):
        return None, False, f"no pool to compare with: {found}"
    if found.chosen.pool.by_type == facts.pool.by_type:
        return 0.0, True, "the pool is the one recommended now"
    chosen, words = found.chosen, ("the pool recommended now serves", "the pool recommended now costs")
    return _beyond(facts, limit, chosen.served_qps, chosen.cost_usd_per_hour, words)


def _beyond(facts: PoolFacts, limit: Limit, other_qps: float, other_usd: float, words: tuple[str, str]) -> _Found:
    """Hold a pool against another: in rate, or in cost where only a load is asked for; `words` are for either."""
    served, cost, load = facts.rated.served_qps, facts.rated.cost_usd_per_hour, facts.scenario.min_qps
    if facts.scenario.budget_usd_per_hour is not None:
        if served <= 0:
            return None, False, f"the pool keeps {facts.scenario.qos} in simulation at no rate"
        percent = max(other_qps / served - 1, 0.0) * 100
        message = f"{words[0]} {other_qps:.1f} queries/s, {percent:.1f} % above the {served:.1f} of this one"
        return percent, _at_most(percent, limit.bound), f"{message}; at most {limit.bound:g} %"
    assert load is not None
    if not _carries(served, load):
        return None, False, f"the pool carries {served:.1f} queries/s of the load of {load:g}"
    percent = max(cost / other_usd - 1, 0.0) * 100
    message = f"{words[1]} {other_usd:.3f} $/h, this one costs {percent:.1f} % more"
    return percent, _at_most(percent, limit.bound), f"{message}; at most {limit.bound:g} %"


def _tolerate_loss(facts: PoolFacts, limit: Limit) -> _Found:
    """Find out how many losses the pool tolerates, up to those asked for."""
    lost = int(limit.bound)
    wanted = facts.around.load_qps or facts.rated.served_qps
    left = facts.after_loss(lost).served_qps
    carries = (k for k in range(lost, -1, -1) if _carries(facts.after_loss(k).served_qps, wanted))
    tolerated = next(carries, None) if wanted > 0 else None
    which = f"any {lost} instances" if lost > 1 else "any 1 instance"
    message = f"serves {left:.1f} queries/s after the loss of {which}; at least {wanted:.1f}"
    return tolerated, tolerated == lost, message


def _fresh_prices(facts: PoolFacts, limit: Limit) -> _Found:
    age, prices = facts.around.prices_age_days, facts.scenario.prices
    assert age is not None
    old = f"{age} day{'s' * (age != 1)} old"
    return age, age <= limit.bound, f"the price list is {old}, of {prices.as_of}; at most {limit.bound:g}"


def _at_most(actual: float, bound: float) -> bool:
    return actual <= bound + _ROUNDING


def _carries(served_qps: float, load_qps: float) -> bool:
    return served_qps >= load_qps * (1 - _ROUNDING)


_HELD: dict[str, Callable[[PoolFacts, Limit], _Found]] = {
    "max_cost": _max_cost,
    "max_cost_increase": _max_cost_increase,
    "min_qps": _min_qps,
    "qos": _qos,
    "min_headroom": _min_headroom,
    "max_gap": _max_gap,
    "tolerate_loss": _tolerate_loss,
    "fresh_prices": _fresh_prices,
    "pool_unchanged": _pool_unchanged,
}
