"""Batches against what queueing theory knows exactly: one instance that takes all that wait, and limited batches."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.simulate.simulator import Simulator
from tests.simulate.batch_cases import MERGING, in_batches
from tests.simulate.tables import assert_expected, each_replication, fixed

SERVICE_MS, UNITS = 10.0, 60
REPLICATIONS, QUERIES = 20, 10_000
ALL_WAITING = (1.0, 0.0)


@functools.cache
def replications(largest: int) -> list[Simulator]:
    """Return simulators of one type that takes 10 ms for any batch of queries of one unit, up to a largest."""
    return each_replication(same_time(largest), QUERIES, REPLICATIONS)


def same_time(largest: int) -> ServiceTable:
    made = fixed([[SERVICE_MS] * UNITS], probability=[1.0, *[0.0] * (UNITS - 1)])
    return in_batches(made, MERGING, [largest])


@pytest.mark.parametrize("policy", ["fcfs", "least_loaded"])
@pytest.mark.parametrize("load", [0.3, 1.0, 4.0])
def test_who_takes_all_that_wait_is_busy_and_lets_wait_as_renewal_theory_says(load: float, policy: str) -> None:
    """With `load` arrivals in a service, a busy service is followed by an idle gap with chance exp(-load).

    So the share of time busy is load / (load + exp(-load)); who comes then waits half a service on average, who comes
    at another time not at all.
    """
    rate_qps = 1000 * load / SERVICE_MS
    busy = load / (load + math.exp(-load))
    run = functools.partial(Simulator.observe, counts=np.array([1]), policy=policy, option=ALL_WAITING)

    def wait_ms(one: Simulator) -> float:
        return float(run(one, rate_qps=rate_qps).waited_ms.mean())

    def busy_share(one: Simulator) -> float:
        seen = run(one, rate_qps=rate_qps)
        return float(seen.busy_ms[0] / seen.span_ms)

    assert_expected(busy * SERVICE_MS / 2, wait_ms, replications(UNITS))
    assert_expected(busy, busy_share, replications(UNITS))


def bulk_wait_ms(load: float, most: int) -> float:
    """Return the mean wait where up to `most` are served at once in a fixed time, and one that is idle starts at once.

    The numbers left behind at the ends of services form a chain: k there become max(k - most, 0) and the arrivals of a
    service, where an empty queue first waits for one. A query that comes in a service waits for its rest, and for a
    service for every `most` before it.
    """
    states = 400
    arrivals = np.array([math.exp(n * math.log(load) - load - math.lgamma(n + 1)) for n in range(states)])
    step = np.zeros((states, states))
    for there in range(states):
        left = max(there - most, 0)
        step[there, left:] = arrivals[: states - left]
        step[there, -1] += 1 - step[there].sum()
    share = np.linalg.matrix_power(step, 4096)[0]
    # Of those in the queue at the time x of a service there are `behind` + Poisson(load x) on average; Little's law.
    behind = np.maximum(np.arange(states) - most, 0)
    cycle_ms = SERVICE_MS + share[0] * SERVICE_MS / load
    waiting = share @ (behind + load / 2) * SERVICE_MS / cycle_ms
    return float(waiting / load * SERVICE_MS)


@pytest.mark.parametrize(("load", "most"), [(0.8, 1), (1.5, 2), (3.2, 4)])
@pytest.mark.parametrize("policy", ["fcfs", "least_loaded"])
def test_limited_batches_wait_as_the_chain_of_the_numbers_left_behind_says(policy: str, load: float, most: int) -> None:
    """In M/D^[1,k]/1 the mean wait follows from the numbers that wait at the ends of services."""

    def wait_ms(one: Simulator) -> float:
        return float(one.observe(np.array([1]), policy, ALL_WAITING, 1000 * load / SERVICE_MS).waited_ms.mean())

    assert_expected(bulk_wait_ms(load, most), wait_ms, replications(most))


def test_the_chain_of_single_services_gives_pollaczek_and_khinchine() -> None:
    """With batches of one the formula above is that of M/D/1."""
    assert pytest.approx(0.8 * SERVICE_MS / (2 * (1 - 0.8)), rel=1e-6) == bulk_wait_ms(0.8, 1)
