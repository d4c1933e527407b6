"""Allowable throughput: the highest rate at which the target still holds (design 3.6).

The rate is found between bounds by halving, on the same queries at every rate: the streams are only
stretched. The confidence interval is the jackknife's: the rate is found again without each replication in
turn, from the late shares at a few rates around it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.policies.state import Ints
from kairos_cli.simulate.simulator import Simulator

#: Where the halving ends: far inside the confidence interval of any affordable simulation.
RELATIVE_TOLERANCE = 0.001
#: A rate has to be this much better to count as better, so that halving does not chase its own tolerance.
BETTER = 1 + RELATIVE_TOLERANCE
#: Student's t at 97.5 % by degrees of freedom; beyond the list, the normal quantile.
_STUDENT_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145)
_NORMAL = 1.96
#: By how much a finite sample may be luckier than the long run.
_LUCK = 0.03
#: Where the late shares are looked at for the interval, in shares of the allowable rate.
_AROUND = (0.94, 0.97, 1.0, 1.03)
#: How closely one replication is searched before all are.
_COARSE = 0.01
#: A pool that does not hold at this share of its ceiling holds at no rate.
_LEAST = 0.001


@dataclass(frozen=True, slots=True)
class Allowable:
    """A rate with its 95 % confidence interval, and the option of the policy that reached it."""

    qps: float
    ci95_qps: tuple[float, float]
    option: float


def allowable(
    simulator: Simulator,
    counts: Ints,
    policy: str,
    ceiling_qps: float,
    options: Sequence[float] = (0.0,),
    better_than_qps: float = 0.0,
) -> Allowable | None:
    """Return the allowable throughput of a pool (J,) at the best option; None if not better than a given rate.

    `ceiling_qps` is a rate that cannot be exceeded, such as the capacity. A pool that keeps the target at
    no rate has an allowable throughput of 0.
    """
    best_qps, best_option = better_than_qps, None
    for option in options:
        qps = _best_rate(simulator, counts, policy, option, best_qps, ceiling_qps)
        if qps is not None:
            best_qps, best_option = qps, option
    if best_option is None:
        return None if better_than_qps > 0 else Allowable(0.0, (0.0, 0.0), options[0])
    return Allowable(best_qps, _interval(simulator, counts, policy, best_option, best_qps, ceiling_qps), best_option)


def _best_rate(
    simulator: Simulator, counts: Ints, policy: str, option: float, above_qps: float, ceiling_qps: float
) -> float | None:
    """Return the highest rate that keeps the target, or None if that is not clearly above `above_qps`."""

    def holds(rate_qps: float, *, quick: bool = False) -> bool:
        return simulator.keeps_target(counts, policy, option, rate_qps, quick=quick)

    low, high = above_qps * BETTER, ceiling_qps * (1 + _LUCK)
    if above_qps > 0 and (low >= high or not holds(low)):
        return None
    # One replication finds the neighbourhood at a fifth of the cost; all of them search it.
    about = _halved(lambda rate: holds(rate, quick=True), low, high, _COARSE)
    step = _COARSE * max(about, high * _LEAST)
    near_low, near_high = max(about - step, low), min(about + 2 * step, high)
    # In steps that double, so that a replication that misled costs a few simulations and no more.
    while near_low > low and not holds(near_low):
        step *= 2
        near_low, near_high = max(near_low - step, low), near_low
    while near_high < high and holds(near_high):
        step *= 2
        near_low, near_high = near_high, min(near_high + step, high)
    best = _halved(holds, near_low, near_high, RELATIVE_TOLERANCE)
    return best if best > RELATIVE_TOLERANCE * ceiling_qps else None


def _halved(holds: Callable[[float], bool], low: float, high: float, tolerance: float) -> float:
    """Return the highest rate that holds between two, the lower of which is taken to hold."""
    least = high * _LEAST
    while high - low > tolerance * high and high > least:
        middle = (low + high) / 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low


def _interval(
    simulator: Simulator, counts: Ints, policy: str, option: float, qps: float, ceiling_qps: float
) -> tuple[float, float]:
    """Return the 95 % confidence interval of a rate just found, by leaving out one replication at a time."""
    rates = qps * np.array(_AROUND)
    late = np.array([simulator.late_share(counts, policy, option, rate) for rate in rates])  # (rates, R)
    replications = late.shape[1]
    if replications < 2:
        return 0.0, ceiling_qps  # one replication does not tell how far another would be
    without = (late.sum(axis=1, keepdims=True) - late) / (replications - 1)
    crossing = np.array([_crossing(rates, share, simulator.table.qos.late_share) for share in without.T])
    error = np.sqrt((replications - 1) / replications * ((crossing - crossing.mean()) ** 2).sum())
    spread = float(error) * _t(replications - 1)
    return max(qps - spread, 0.0), min(qps + spread, max(ceiling_qps, qps))


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
