"""Trades: m instances of one type for n of another, such that the pool keeps its rate and costs less.

For each m and each pair of types the most instances that still save money are tried first: if they do not
hold the rate, fewer will not either. If they do, the fewest that hold are found by halving. How few could
be enough is bounded by the shadow prices met so far; the most promising trades come first, and the search
ends where no bound promises more than what is found. Every trade returned was simulated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.planner.change import holding
from kairos_cli.planner.enumeration import Counts
from kairos_cli.planner.rating import RatedPool, Rater

#: A handful: more are variations of the same.
MOST_TRADES = 5
#: A larger trade is several smaller ones.
MOST_GIVEN = 10
#: The search ends after so many pools, with what was found.
MOST_TRIED = 60


@dataclass(frozen=True, slots=True)
class Trade:
    """`given` instances of a type for `taken` of another; none of any (`taken_type` is None) if they are idle."""

    given_type: str
    given: int
    taken_type: str | None
    taken: int
    saving_usd_per_hour: float
    rated: RatedPool


@dataclass(frozen=True, slots=True)
class _Offer:
    """m of type `a` for `fewest` to `most` of type `b`, by row; `saving` is what the fewest would save."""

    a: int
    m: int
    b: int
    fewest: int
    most: int
    saving: float


def trades(rater: Rater, start: Counts, least_qps: float, most_of_each: Counts) -> tuple[Trade, ...]:
    """Return the best trades of a pool (J,) that leave it serving a rate > 0, the greatest saving first.

    At most one for each pair of types. No type is taken beyond `most_of_each` (J,).
    """
    search = _Search(rater, start, least_qps)
    offers = sorted(search.offers(most_of_each), key=lambda each: (-each.saving, each.m, each.a, each.b))
    best: dict[tuple[str, str | None], Trade] = {}
    for offer in offers:
        found = sorted((each.saving_usd_per_hour for each in best.values()), reverse=True)
        least = found[MOST_TRADES - 1] if len(found) >= MOST_TRADES else 0.0
        if search.tried >= MOST_TRIED or offer.saving <= least + USD_TOLERANCE:
            break
        trade = search.trade(offer)
        if trade is None:
            continue
        pair = trade.given_type, trade.taken_type
        if pair not in best or trade.saving_usd_per_hour > best[pair].saving_usd_per_hour + USD_TOLERANCE:
            best[pair] = trade
    ranked = sorted(best.values(), key=lambda each: (-round(each.saving_usd_per_hour, 9), each.given))
    return tuple(ranked[:MOST_TRADES])


class _Search:
    """The pools tried so far: each is simulated once."""

    def __init__(self, rater: Rater, start: Counts, least_qps: float) -> None:
        self.rater, self.start, self.least_qps = rater, start, least_qps
        self.price = rater.table.price_usd_per_hour
        self.rated: dict[tuple[int, ...], RatedPool | None] = {}
        self.tried = 0

    def offers(self, most_of_each: Counts) -> Iterator[_Offer]:
        """Yield the trades that could keep the rate and save money, by the shadow prices of this pool."""
        worth = self.rater.program.solve(self.start).shadow_price
        for a in np.flatnonzero(self.start).tolist():
            for m in range(1, min(int(self.start[a]), MOST_GIVEN) + 1):
                for b in range(len(worth)):
                    if b != a:
                        yield from self._offer(a, m, b, worth, int(most_of_each[b] - self.start[b]))

    def _offer(self, a: int, m: int, b: int, worth: Floats, room: int) -> Iterator[_Offer]:
        paid = m * self.price[a]
        most = min(math.ceil((paid - USD_TOLERANCE) / self.price[b]) - 1, room)
        missing = self.least_qps - (self.start @ worth - m * worth[a])
        if missing > 0 and worth[b] <= 0:
            return
        fewest = math.ceil(missing / worth[b] - 1e-9) if missing > 0 else 0
        if fewest <= most:
            yield _Offer(a, m, b, fewest, most, float(paid - fewest * self.price[b]))

    def trade(self, offer: _Offer) -> Trade | None:
        """Return the trade of an offer with the fewest taken, or None if none holds the rate."""
        low, high = offer.fewest, offer.most
        rated = self._held(offer, high)
        if rated is None:
            return None
        while low < high:
            middle = (low + high) // 2
            fewer = self._held(offer, middle)
            if fewer is None:
                low = middle + 1
            else:
                high, rated = middle, fewer
        saving = float(offer.m * self.price[offer.a] - high * self.price[offer.b])
        names = self.rater.table.names
        return Trade(names[offer.a], offer.m, names[offer.b] if high else None, high, saving, rated)

    def _held(self, offer: _Offer, taken: int) -> RatedPool | None:
        counts = self.start.copy()
        counts[offer.a] -= offer.m
        counts[offer.b] += taken
        key = tuple(counts.tolist())
        if key not in self.rated:
            capacity_qps = self.rater.program.solve(counts).qps if counts.any() else 0.0
            self.tried += capacity_qps >= self.least_qps
            self.rated[key] = holding(self.rater, counts, capacity_qps, self.least_qps)
        return self.rated[key]
