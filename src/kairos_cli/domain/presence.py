"""How many spot instances are there: the number that one may count on.

Spot instances are taken away and come back. An interruption lasts far longer than a query waits, so a pool
is not rated on the average number that is there, but on the number that is there at least q of the time, q
being the percentile of the QoS target: of n instances, each there a share `a` of the time, that is

    k(n) = the largest k with Pr[Binomial(n, a) >= k] >= q.

Interruptions are taken as independent of each other. Where a whole kind is taken away at once, this is
too hopeful: give such a kind a lower availability, or limit the spot share.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

#: A probability that misses q by less does reach it: the rounding of a sum of powers.
_TOLERANCE = 1e-12
#: Up to here `most_present_share` looks at every number of instances.
_LOOKED_AT = 1000


@functools.lru_cache(maxsize=100_000)
def present_count(bought: int, availability: float, percentile: float) -> int:
    """Return k(n): how many of `bought` instances are there at least `percentile` per cent of the time."""
    if availability >= 1 or bought == 0:
        return bought
    at_least = np.cumsum(_chances(bought, availability)[::-1])[::-1]  # (n + 1,) Pr[Binomial >= k]
    return int(np.flatnonzero(at_least / at_least[0] >= percentile / 100 - _TOLERANCE)[-1])


def _chances(number: int, chance: float) -> NDArray[np.float64]:
    """Return the binomial distribution (number + 1,), by logarithms: powers of large numbers overflow."""
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, number + 1)))])
    k = np.arange(number + 1)
    log = log_factorial[number] - log_factorial - log_factorial[::-1]
    return np.asarray(np.exp(log + k * np.log(chance) + (number - k) * np.log1p(-chance)))


def bought_for(present: int, availability: float, percentile: float) -> int:
    """Return the smallest number to buy so that `present` are there at least `percentile` per cent of the time."""
    low, high = present, max(present, 1)
    while present_count(high, availability, percentile) < present:
        low, high = high, 2 * high
    while low < high:  # k(n) never falls when n rises
        middle = (low + high) // 2
        if present_count(middle, availability, percentile) < present:
            low = middle + 1
        else:
            high = middle
    return high


@functools.lru_cache(maxsize=10_000)
def most_present_share(most: int, availability: float, percentile: float) -> float:
    """Return a number that k(n) / n does not exceed for any n up to `most`: the slope of a linear bound on k.

    Up to 1000 instances it is the largest of the ratios. Beyond, k is at most the median of the binomial
    distribution if q >= 1/2, and that is less than n a + 1.
    """
    if availability >= 1 or most < 1:
        return 1.0
    ratios = [present_count(n, availability, percentile) / n for n in range(1, min(most, _LOOKED_AT) + 1)]
    if most <= _LOOKED_AT:
        return max(ratios)
    return min(1.0, max(*ratios, availability + 1 / _LOOKED_AT)) if percentile >= 50 else 1.0
