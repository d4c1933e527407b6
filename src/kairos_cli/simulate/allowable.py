"""Allowable throughput: the highest rate at which the target still holds (design 3.6).

The rate is found between bounds, on the same queries at every rate: the streams are only stretched. Halving
on one replication comes near, straight lines through the late shares of all find it. The confidence interval
is the jackknife's: the rate is found again without each replication in turn, from the same late shares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.serving import ONE_AT_A_TIME, Serving
from kairos_cli.policies.abilities import serving_under
from kairos_cli.policies.state import Ints
from kairos_cli.simulate.simulator import Option, Simulator

#: Where the halving ends: far inside the confidence interval of any affordable simulation.
RELATIVE_TOLERANCE = 0.001
#: A rate has to be this much better to count as better, so that halving does not chase its own tolerance.
BETTER = 1 + RELATIVE_TOLERANCE
#: Student's t at 97.5 % by degrees of freedom; beyond the list, the normal quantile.
_STUDENT_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145)
_NORMAL = 1.96
#: How often the rate is searched by straight lines, once it lies between two that are a few steps apart.
_REFINEMENTS = 3
#: The rates, in shares of the one found, at which late shares are looked at for the interval besides.
_BESIDE = (0.95, 1.04)
#: How closely one replication is searched before all are.
_COARSE = 0.02
#: A pool that does not hold at this share of its ceiling holds at no rate.
_LEAST = 0.001


@dataclass(frozen=True, slots=True)
class Allowable:
    """A rate with its 95 % confidence interval, the option of the policy that reached it, and what it did then."""

    qps: float
    ci95_qps: tuple[float, float]
    option: Option
    serving: Serving = ONE_AT_A_TIME


def allowable(
    simulator: Simulator,
    counts: Ints,
    policy: str,
    ceiling_qps: float,
    options: Sequence[Option] = ((0.0,),),
    better_than_qps: float = 0.0,
) -> Allowable | None:
    """Return the allowable throughput of a pool (J,) at the best option; None if not better than a given rate.

    `ceiling_qps` is a rate that cannot be exceeded, such as the capacity. A pool that keeps the target at
    no rate has an allowable throughput of 0.
    """
    best: Allowable | None = None
    for option in options:
        search = _Search(simulator, counts, policy, option)
        qps = search.best_rate(best.qps if best else better_than_qps, ceiling_qps)
        if qps is not None:
            done = serving_under(policy, option, simulator.table.serving)
            best = Allowable(qps, search.interval(qps, ceiling_qps), option, done)
    if best is None and better_than_qps <= 0:
        return Allowable(0.0, (0.0, 0.0), options[0])
    return best


class _Search:
    """The search for the rate of one pool, policy and option; it keeps the late shares (R,) by rate."""

    def __init__(self, simulator: Simulator, counts: Ints, policy: str, option: Option) -> None:
        self.asked = (counts, policy, option)
        self.simulator = simulator
        self.allowed = simulator.table.qos.late_share
        self.late_by_rate: dict[float, Floats] = {}

    def best_rate(self, above_qps: float, ceiling_qps: float) -> float | None:
        """Return the highest rate that keeps the target, or None if that is not clearly above `above_qps`."""
        low, high = above_qps * BETTER, ceiling_qps
        if ceiling_qps <= 0:
            return None
        if above_qps > 0 and (low >= high or not self.simulator.keeps_target(*self.asked, low)):
            return None
        # One replication finds the neighbourhood at a fifth of the cost; all of them search it.
        about = _halved(lambda rate: self.simulator.keeps_target(*self.asked, rate, quick=True), low, high)
        kept, missed = self._around(about, low, high)
        if kept <= 0:
            return None
        for _ in range(_REFINEMENTS):
            if missed is None or missed - kept <= RELATIVE_TOLERANCE * kept:
                break
            kept, missed = self._between(kept, missed)
        return kept

    def _keeps(self, rate_qps: float) -> bool:
        if rate_qps not in self.late_by_rate:
            self.late_by_rate[rate_qps] = self.simulator.late_share(*self.asked, rate_qps)
        return bool(self.late_by_rate[rate_qps].mean() <= self.allowed + 1e-12)

    def _around(self, about: float, low: float, high: float) -> tuple[float, float | None]:
        """Return a rate that keeps the target and one a little higher that does not, None if `high` does.

        In steps that double, so that a replication that misled costs a few simulations and no more.
        """
        least = high * _LEAST
        rate, step = max(about, low, least), _COARSE * max(about, least)
        if self._keeps(rate):
            while rate < high:
                kept, rate, step = rate, min(rate + step, high), 2 * step
                if not self._keeps(rate):
                    return kept, rate
            return rate, None
        while rate > max(low, least):
            missed, rate, step = rate, max(rate - step, low, least), 2 * step
            if self._keeps(rate):
                return rate, missed
        return 0.0, rate

    def _between(self, kept: float, missed: float) -> tuple[float, float]:
        """Return the two rates nearer to each other: by the straight line between their late shares.

        Late shares bend upwards, so the line crosses what is allowed a little early, and the rate is kept.
        """
        late_kept, late_missed = self.late_by_rate[kept].mean(), self.late_by_rate[missed].mean()
        part = (self.allowed - late_kept) / (late_missed - late_kept)
        rate = kept + (missed - kept) * float(np.clip(part, 0.1, 0.9))
        return (rate, missed) if self._keeps(rate) else (kept, rate)

    def interval(self, qps: float, ceiling_qps: float) -> tuple[float, float]:
        """Return the 95 % confidence interval of the rate found, by leaving out one replication at a time."""
        for share in _BESIDE:
            self._keeps(qps * share)
        rates = np.array(sorted(self.late_by_rate))
        late = np.array([self.late_by_rate[rate] for rate in rates])  # (rates, R)
        replications = late.shape[1]
        if replications < 2:
            return 0.0, ceiling_qps  # one replication does not tell how far another would be
        without = (late.sum(axis=1, keepdims=True) - late) / (replications - 1)
        crossing = np.array([_crossing(rates, share, self.allowed) for share in without.T])
        error = np.sqrt((replications - 1) / replications * ((crossing - crossing.mean()) ** 2).sum())
        spread = float(error) * _t(replications - 1)
        return max(qps - spread, 0.0), min(qps + spread, max(ceiling_qps, qps))


def _halved(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Return roughly the highest rate that holds between two, the lower of which is taken to hold."""
    least = high * _LEAST
    while high - low > _COARSE * high and high > least:
        middle = (low + high) / 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low


def _crossing(rates: Floats, late_share: Floats, allowed: float) -> float:
    """Return the rate at which straight lines through the late shares reach what is allowed."""
    rising = np.maximum.accumulate(late_share) + 1e-9 * np.arange(len(rates))
    above = int(np.clip(np.searchsorted(rising, allowed), 1, len(rates) - 1))
    slope = (rising[above] - rising[above - 1]) / (rates[above] - rates[above - 1])
    # Beyond the rates looked at the last line goes on, but not further than they reach.
    crossing = rates[above - 1] + (allowed - rising[above - 1]) / slope
    reach = rates[-1] - rates[0]
    return float(np.clip(crossing, rates[0] - reach, rates[-1] + reach))


def _t(degrees: int) -> float:
    return _STUDENT_T[degrees - 1] if degrees <= len(_STUDENT_T) else _NORMAL
