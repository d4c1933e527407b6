"""The simulator against what queueing theory knows exactly.

Every figure is a mean over independent replications; it must lie within four of its own standard errors,
taken from the spread between replications (`tables.assert_expected`).
"""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.simulate.allowable import allowable
from kairos_cli.simulate.measure import Effort, simulator
from kairos_cli.simulate.observe import observation
from kairos_cli.simulate.simulator import Simulator
from kairos_cli.simulate.tuning import NO_OPTION
from tests.simulate.tables import assert_expected, each_replication, fixed, mean_and_error, table

MEAN_MS = 10.0
REPLICATIONS, QUERIES = 20, 20_000

#: Levels of quantiles so dense that straight lines between them are an exponential distribution, up to e^-16.
_GRID = np.linspace(0, 16, 641)
_LEVEL = np.concatenate([1 - np.exp(-_GRID[:-1]), [1.0]])


@functools.cache
def exponential() -> ServiceTable:
    """Return the table of one type with exponential service of 10 ms, whatever the size."""
    return table((MEAN_MS * _GRID)[None, None, :], _LEVEL)


@functools.cache
def replications(kind: str) -> list[Simulator]:
    """Return a simulator for each replication of exponential or fixed service."""
    return each_replication(exponential() if kind == "M" else fixed([[MEAN_MS]]), QUERIES, REPLICATIONS)


def moments(made: ServiceTable) -> tuple[float, float]:
    """Return mean and mean square of the service of the first type, straight lines between quantiles."""
    low, high, share = made.quantile_ms[0, :, :-1], made.quantile_ms[0, :, 1:], np.diff(made.level)
    mean = made.probability @ ((low + high) / 2 @ share)
    return float(mean), float(made.probability @ ((low**2 + low * high + high**2) / 3 @ share))


def mean_wait(one: Simulator, machines: int, rate_qps: float) -> float:
    """Return the mean wait of one replication under first come, first served."""
    return float(one.observe(np.array([machines]), "fcfs", NO_OPTION, rate_qps).waited_ms.mean())


def erlang_c(machines: int, offered: float) -> float:
    """Return the chance that a query has to wait in M/M/c at an offered load in machines."""
    terms = [offered**k / math.factorial(k) for k in range(machines)]
    last = offered**machines / math.factorial(machines) * machines / (machines - offered)
    return last / (sum(terms) + last)


def test_many_quantile_levels_make_an_exponential_service() -> None:
    """The hand-made table has the mean and the coefficient of variation of an exponential, to a thousandth."""
    mean, square = moments(exponential())
    assert pytest.approx(MEAN_MS, rel=1e-3) == mean
    assert pytest.approx(2 * MEAN_MS**2, rel=1e-3) == square


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_fixed_service_waits_by_pollaczek_and_khinchine(load: float) -> None:
    """In M/D/1 the mean wait is load x service / (2 (1 - load))."""
    expected = load * MEAN_MS / (2 * (1 - load))
    rate_qps = 1000 * load / MEAN_MS
    assert_expected(expected, lambda one: mean_wait(one, 1, rate_qps), replications("D"))


def test_a_mix_of_sizes_and_spreads_waits_by_pollaczek_and_khinchine() -> None:
    """In M/G/1 the mean wait is rate x E[S^2] / (2 (1 - load)), for a mix of sizes that each vary."""
    made = table([[[2, 3, 9], [10, 14, 80]]], [0, 0.8, 1], probability=[0.7, 0.3])
    mean, square = moments(made)
    rate = 0.6 / mean  # queries a ms
    expected = rate * square / (2 * (1 - 0.6))
    simulators = each_replication(made, QUERIES, REPLICATIONS)
    assert_expected(expected, lambda one: mean_wait(one, 1, 1000 * rate), simulators)


@pytest.mark.parametrize(("machines", "load"), [(1, 0.5), (1, 0.75), (3, 0.8), (8, 0.85)])
def test_exponential_service_waits_by_erlang(machines: int, load: float) -> None:
    """In M/M/c the mean wait is Erlang's C x service / (c (1 - load))."""
    expected = erlang_c(machines, machines * load) * MEAN_MS / (machines * (1 - load))
    rate_qps = 1000 * machines * load / MEAN_MS
    assert_expected(expected, lambda one: mean_wait(one, machines, rate_qps), replications("M"))


def test_the_share_that_waits_is_erlangs() -> None:
    """In M/M/3 the share of queries that have to wait at all is Erlang's C."""

    def waits(one: Simulator) -> float:
        return float((one.observe(np.array([3]), "fcfs", NO_OPTION, 240.0).waited_ms > 0).mean())

    assert_expected(erlang_c(3, 2.4), waits, replications("M"))


def test_the_latency_of_one_exponential_instance_is_exponential() -> None:
    """In M/M/1 at load 0.7 the latency exceeds t with chance exp(-t (1 - load) / service)."""

    def late(one: Simulator) -> float:
        return float((one.observe(np.array([1]), "fcfs", NO_OPTION, 70.0).latency_ms > 60).mean())

    assert_expected(math.exp(-60 * 0.3 / MEAN_MS), late, replications("M"))


def test_the_queue_length_obeys_littles_law() -> None:
    """The mean number waiting is that of M/M/1, load^2 / (1 - load)."""

    def queue(one: Simulator) -> float:
        return observation(one, np.array([1]), "fcfs", NO_OPTION, 70.0).queue_length

    assert_expected(0.7**2 / 0.3, queue, replications("M"))


def test_the_queue_length_is_the_one_seen_by_looking_at_the_queue() -> None:
    """Looked at over time, the queue is as long as rate x wait says, to four standard errors of the difference."""
    differences = []
    for one in replications("M"):
        run = one.observe(np.array([2]), "fcfs", NO_OPTION, 160.0)
        arrived = np.sort(one.streams[0].arrival)[QUERIES // 10 :] * (1000 / 160.0)
        # The area between the number that have come and the number that have started is the sum of all waits.
        moments_ms = np.linspace(arrived[0], arrived[-1], 20_000)
        come = np.searchsorted(arrived, moments_ms, side="right")
        begun = np.searchsorted(np.sort(arrived + run.waited_ms), moments_ms, side="right")
        differences.append(
            (come - begun).mean() - observation(one, np.array([2]), "fcfs", NO_OPTION, 160.0).queue_length
        )
    mean, error = mean_and_error(differences)
    assert abs(mean) < 4 * error
    assert error < 0.05


def test_utilisation_is_the_load() -> None:
    """An instance is busy for rate x service, whatever the queue."""
    for load in (0.2, 0.8):

        def busy(one: Simulator, rate_qps: float = 2 * 1000 * load / MEAN_MS) -> float:
            return observation(one, np.array([2]), "fcfs", NO_OPTION, rate_qps).utilisation[0]

        assert_expected(load, busy, replications("M"))


def test_at_a_vanishing_rate_nobody_waits() -> None:
    """At a thousandth of the capacity the wait vanishes and the latency is the service."""
    run = replications("D")[0].observe(np.array([2]), "fcfs", NO_OPTION, 0.2)
    assert run.waited_ms.max() < MEAN_MS
    assert (run.waited_ms == 0).mean() > 0.999
    assert pytest.approx(MEAN_MS) == np.median(run.latency_ms)


def test_the_allowable_throughput_of_one_exponential_instance() -> None:
    """In M/M/1 the p99 of the latency is below T up to the rate 1/service - ln(100)/T."""
    made = table((MEAN_MS * _GRID)[None, None, :], _LEVEL, target_ms=150.0)
    expected = 100 - 1000 * math.log(100) / 150
    found = allowable(simulator(made, Effort(20_000, 10)), np.array([1]), "fcfs", 100.0)
    assert found is not None
    # The 95 % interval is 2.26 standard errors either way; four of them are allowed.
    half = (found.ci95_qps[1] - found.ci95_qps[0]) / 2
    assert abs(expected - found.qps) < half * 4 / 2.262
    assert half < 0.05 * expected
