"""Trades: m instances of one type for n of another, such that the pool keeps its rate and costs less.

Trades are tried in the order of what they save, so that the first found of two types is their best. How many
instances could be enough is first bounded by the shadow prices of the pool, then by the capacity of the new
one; what is left is simulated. Most of that fails, and fails fast.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.domain.service_table import Counts
from kairos_cli.planner.breaches import breaks_no_more
from kairos_cli.planner.change import holding
from kairos_cli.planner.rating import RatedPool, Rater

#: A handful: more are variations of the same.
MOST_TRADES = 5
#: A larger trade is several smaller ones.
MOST_GIVEN = 10
#: The search ends after so many pools have been simulated, with what was found.
MOST_TRIED = 100


@dataclass(frozen=True, slots=True)
class Trade:
    """`given` instances of a type for `taken` of another; for none of any (`taken_type` is None) if they are idle."""

    given_type: str
    given: int
    taken_type: str | None
    taken: int
    saving_usd_per_hour: float
    rated: RatedPool


class _Offer(NamedTuple):
    """m of the type in row a for n of that in row b; those that cost least come first, then the smallest."""

    costs: float
    m: int
    a: int
    b: int
    n: int
    most: int


def trades(rater: Rater, start: Counts, least_qps: float, most_of_each: Counts) -> tuple[Trade, ...]:
    """Return the best trades of a pool (J,) that leave it serving a rate > 0, the greatest saving first.

    At most one for each pair of types. No type is taken beyond `most_of_each` (J,), and all constraints that the
    pool keeps are kept.
    """
    found: dict[tuple[int, int | None], Trade] = {}
    tried: dict[tuple[int, ...], RatedPool | None] = {}
    offers = list(_offers(rater, start, least_qps, most_of_each))
    heapq.heapify(offers)
    while offers and len(found) < MOST_TRADES and len(tried) < MOST_TRIED:
        offer = heapq.heappop(offers)
        pair = offer.a, offer.b if offer.n else None
        idle = found.get((offer.a, None))
        if pair in found or (idle and offer.m <= idle.given):
            continue  # nothing need be taken for idle machines
        rated = _tried(rater, start, offer, least_qps, tried)
        if rated:
            found[pair] = _trade(rater, offer, rated)
        elif offer.n < offer.most:
            price = float(rater.table.price_usd_per_hour[offer.b])
            heapq.heappush(offers, offer._replace(costs=round(offer.costs + price, 9), n=offer.n + 1))
    return tuple(found.values())


def _offers(rater: Rater, start: Counts, least_qps: float, most_of_each: Counts) -> Iterator[_Offer]:
    """Yield for each m and pair of types the fewest n that could keep the rate, if that saves money."""
    price, worth = rater.table.price_usd_per_hour, rater.program.solve(start).shadow_price
    for a in np.flatnonzero(start).tolist():
        for m in range(1, min(int(start[a]), MOST_GIVEN) + 1):
            missing_qps = least_qps - float(start @ worth - m * worth[a])
            for b in np.flatnonzero((worth > 0) | (missing_qps <= 0)).tolist():
                fewest = max(math.ceil(missing_qps / worth[b] - 1e-9), 0) if worth[b] > 0 else 0
                saving = math.ceil((m * price[a] - USD_TOLERANCE) / price[b]) - 1
                most = min(saving, int(most_of_each[b] - start[b]))
                if b != a and fewest <= most:
                    costs = round(float(fewest * price[b] - m * price[a]), 9)
                    yield _Offer(costs, m, a, b, fewest, most)


def _tried(
    rater: Rater, start: Counts, offer: _Offer, least_qps: float, tried: dict[tuple[int, ...], RatedPool | None]
) -> RatedPool | None:
    """Return the pool after the trade if it serves the rate; `tried` keeps what was simulated."""
    counts = start.copy()
    counts[offer.a] -= offer.m
    counts[offer.b] += offer.n
    if not breaks_no_more(rater.table, rater.constraints, start, counts):
        return None
    capacity_qps = rater.program.solve(counts).qps if counts.any() else 0.0
    if capacity_qps < least_qps:
        return None
    key = tuple(counts.tolist())
    if key not in tried:
        tried[key] = holding(rater, counts, capacity_qps, least_qps)
    return tried[key]


def _trade(rater: Rater, offer: _Offer, rated: RatedPool) -> Trade:
    names = rater.table.names
    return Trade(names[offer.a], offer.m, names[offer.b] if offer.n else None, offer.n, -offer.costs, rated)
