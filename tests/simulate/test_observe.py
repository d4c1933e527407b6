"""The figures of a run, against the same figures counted by hand from its latencies."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest

from kairos_cli.simulate.measure import Effort, simulator
from kairos_cli.simulate.observe import PERCENTILES, Observation, observation
from kairos_cli.simulate.simulator import Run, Simulator
from kairos_cli.simulate.tuning import NO_OPTION
from tests.simulate.tables import fixed, shipped_table

POOL = np.array([1, 0, 13, 0])
RATE = 110.0


@functools.cache
def simulation() -> Simulator:
    """Return a simulator of rm2."""
    return simulator(shipped_table("rm2"), Effort(2000, 3))


@functools.cache
def observed() -> tuple[Observation, Run]:
    """Return the figures of the pool under kairos, and the run that they are figures of."""
    asked = POOL, "kairos", NO_OPTION, RATE
    return observation(simulation(), *asked), simulation().observe(*asked)


def test_latencies_are_those_of_the_run() -> None:
    """Percentiles, the longest latency and the share on time are those of all latencies that count."""
    figures, run = observed()
    assert run.latency_ms.tolist() == figures.latency_ms.tolist()
    for percentile, found_ms in zip(PERCENTILES, figures.percentile_ms, strict=True):
        assert (run.latency_ms <= found_ms).mean() >= percentile / 100 - 1 / len(run.latency_ms)
        assert (run.latency_ms < found_ms).mean() <= percentile / 100 + 1 / len(run.latency_ms)
    assert run.latency_ms.max() == figures.longest_ms
    assert (run.latency_ms <= 350.0).mean() == figures.on_time_fraction
    assert RATE == figures.rate_qps


def test_the_queue_length_is_rate_times_wait() -> None:
    """The mean number waiting is the rate times the mean wait, by Little's law."""
    figures, run = observed()
    assert pytest.approx(RATE / 1000 * float(run.waited_ms.mean())) == figures.queue_length


def test_utilisation_is_busy_time_over_time_and_0_for_absent_types() -> None:
    """Each type is busy for a share of its instances' time; a type that is not in the pool for none."""
    figures, run = observed()
    assert 0 == figures.utilisation[1] == figures.utilisation[3]
    for kind, count in ((0, 1), (2, 13)):
        assert pytest.approx(run.busy_ms[kind] / (run.span_ms * count)) == figures.utilisation[kind]
        assert 0 < figures.utilisation[kind] < 1


def test_size_classes_cover_all_sizes_once() -> None:
    """From the smallest size to the largest each belongs to one class; shares of queries sum to one."""
    classes = observed()[0].size_classes
    sizes = shipped_table("rm2").batch_size.tolist()
    assert sizes[0] == classes[0].first
    assert sizes[-1] == classes[-1].last
    places = [(sizes.index(each.first), sizes.index(each.last)) for each in classes]
    assert all(before[1] + 1 == after[0] for before, after in itertools.pairwise(places))
    assert pytest.approx(1) == sum(each.query_share for each in classes)
    assert 2 <= len(classes) <= 5


def test_each_size_class_has_the_figures_of_its_queries() -> None:
    """Share, median, p99, share on time and who serves are counted over the queries of those sizes only."""
    figures, run = observed()
    batch_size = shipped_table("rm2").batch_size[run.size]
    for each in figures.size_classes:
        inside = (batch_size >= each.first) & (batch_size <= each.last)
        latency_ms = run.latency_ms[inside]
        assert inside.mean() == each.query_share
        assert np.percentile(latency_ms, 50) == each.p50_ms
        assert np.percentile(latency_ms, 99) == each.p99_ms
        assert (latency_ms <= 350.0).mean() == each.on_time_fraction
        expected = [float(run.served_share[inside, kind].mean()) for kind in range(4)]
        assert expected == pytest.approx(each.served_by)


def test_the_classes_put_together_give_the_whole() -> None:
    """Weighted by their queries, the classes are on time as often as all queries are."""
    figures, _ = observed()
    total = sum(each.query_share * each.on_time_fraction for each in figures.size_classes)
    assert pytest.approx(figures.on_time_fraction) == total


@pytest.mark.parametrize("sizes", [1, 2, 3, 7])
def test_few_sizes_make_no_more_classes_than_sizes(sizes: int) -> None:
    """With fewer sizes than five there are no more classes than sizes, and none without queries."""
    simulation = simulator(fixed([[10.0] * sizes]), Effort(500, 2))
    classes = observation(simulation, np.array([2]), "fcfs", NO_OPTION, 50.0).size_classes
    assert 1 <= len(classes) <= min(sizes, 5)
    assert all(each.query_share > 0 for each in classes)
    assert (10, sizes * 10) == (classes[0].first, classes[-1].last)


def test_a_size_that_makes_up_most_queries_is_a_class_with_its_neighbours() -> None:
    """A mix that is nearly all one size still has every query in exactly one class."""
    simulation = simulator(fixed([[10.0] * 4], probability=[0.01, 0.97, 0.01, 0.01]), Effort(2000, 2))
    classes = observation(simulation, np.array([2]), "fcfs", NO_OPTION, 50.0).size_classes
    assert pytest.approx(1) == sum(each.query_share for each in classes)
    assert (10, 40) == (classes[0].first, classes[-1].last)
