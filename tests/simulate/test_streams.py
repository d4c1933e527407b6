"""The drawn queries: the same again from the same seed, and distributed as they should be."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from kairos_cli.policies import NAMES
from kairos_cli.simulate.measure import Effort, simulator
from kairos_cli.simulate.streams import Stream, poisson, stream, trace_stream
from kairos_cli.simulate.tuning import NO_OPTION
from tests.simulate.tables import shipped_table, table

QUERIES = 50_000


def parts(one: Stream) -> list[list[float]]:
    """Return all numbers of a stream."""
    return [one.arrival.tolist(), one.size.tolist(), one.step.tolist(), one.fraction.tolist()]


def test_the_same_seed_and_replication_give_the_same_queries() -> None:
    """A stream is a function of its table, length, seed and replication."""
    assert parts(stream(shipped_table("rm2"), 100, 7, 2)) == parts(stream(shipped_table("rm2"), 100, 7, 2))


def test_seeds_and_replications_differ_in_every_part() -> None:
    """Streams of two seeds or two replications share neither gaps nor sizes nor luck."""
    drawn = [stream(shipped_table("rm2"), 1000, seed, each) for seed in (0, 1) for each in (0, 1)]
    for first, second in itertools.pairwise(drawn):
        assert all(mine != theirs for mine, theirs in zip(parts(first), parts(second), strict=True))


def test_gaps_sizes_and_luck_are_independent() -> None:
    """The correlation of any two parts of a stream is below four standard errors, 4 / sqrt(N)."""
    one = stream(shipped_table("rm2"), QUERIES, 0, 0)
    drawn = np.array([np.diff(one.arrival, prepend=0.0), one.size, one.step + one.fraction])
    off_diagonal = np.corrcoef(drawn)[np.triu_indices(3, 1)]
    assert (np.abs(off_diagonal) < 4 / math.sqrt(QUERIES)).all()


def test_a_longer_stream_begins_like_a_shorter_one() -> None:
    """More queries go on where fewer ended: gaps, sizes and luck have generators of their own."""
    short, long = (stream(shipped_table("rm2"), number, 3, 0) for number in (100, 500))
    assert parts(short) == [values[:100] for values in parts(long)]


def test_gaps_are_exponential_with_mean_one() -> None:
    """The greatest distance to the exponential distribution is below 1.95 / sqrt(N) (Kolmogorov: 1 in 1000)."""
    gaps = np.sort(np.diff(stream(shipped_table("rm2"), QUERIES, 1, 0).arrival, prepend=0.0))
    distance = np.abs(np.arange(1, QUERIES + 1) / QUERIES - (1 - np.exp(-gaps))).max()
    assert distance < 1.95 / math.sqrt(QUERIES)
    assert abs(1 - gaps.mean()) < 4 / math.sqrt(QUERIES)
    assert gaps[0] > 0


def test_gaps_are_independent_of_each_other() -> None:
    """The correlation of neighbouring gaps is below four standard errors."""
    gaps = np.diff(stream(shipped_table("rm2"), QUERIES, 2, 0).arrival)
    assert abs(np.corrcoef(gaps[1:], gaps[:-1])[0, 1]) < 4 / math.sqrt(QUERIES)


@pytest.mark.parametrize("model", ["rm2", "ncf"])
def test_sizes_follow_the_mix(model: str) -> None:
    """Pearson's chi-square over all sizes is within four standard deviations, sqrt(2 df), of its mean, df."""
    made = shipped_table(model)
    size = stream(made, QUERIES, 0, 0).size
    expected = made.probability * QUERIES
    found = np.bincount(size, minlength=len(expected))
    chi_square = float(((found - expected) ** 2 / expected).sum())
    degrees = len(expected) - 1
    assert chi_square < degrees + 4 * math.sqrt(2 * degrees)


def test_luck_meets_every_quantile_as_often_as_its_level_says() -> None:
    """The share of latencies below each quantile is its level, within four binomial standard errors."""
    level = [0.0, 0.01, 0.5, 0.9, 0.99, 1.0]
    made = table([[[1.0, 2.0, 3.0, 7.0, 20.0, 50.0]]], level)
    one = stream(made, QUERIES, 0, 0)
    quantile = made.quantile_ms[0, 0]
    drawn_ms = quantile[one.step] + one.fraction * (quantile[one.step + 1] - quantile[one.step])
    for share, limit_ms in zip(level[1:-1], quantile[1:-1], strict=True):
        error = math.sqrt(share * (1 - share) / QUERIES)
        assert abs(share - (drawn_ms < limit_ms).mean()) < 4 * error
    assert abs(made.mean_ms[0, 0] - drawn_ms.mean()) < 4 * drawn_ms.std() / math.sqrt(QUERIES)
    assert ((one.fraction >= 0) & (one.fraction <= 1)).all()


def test_luck_is_the_same_on_every_machine() -> None:
    """A query that draws the 90 % quantile on one type draws it on any: only levels are drawn."""
    one = stream(table([[[1, 2, 4]], [[10, 30, 80]]], [0, 0.5, 1]), 1000, 0, 0)
    fast, slow = (np.interp(one.step + one.fraction, [0, 1, 2], quantiles) for quantiles in ([1, 2, 4], [10, 30, 80]))
    assert np.argsort(fast).tolist() == np.argsort(slow).tolist()


def test_a_rate_only_stretches_the_gaps() -> None:
    """At twice the rate the same queries come in half the time: at a vanishing rate each takes as long as before."""
    made = shipped_table("rm2")
    simulation = simulator(made, Effort(2000, 2))
    first, second = (simulation.observe(np.array([1, 0, 0, 0]), "fcfs", NO_OPTION, rate) for rate in (0.001, 0.002))
    assert first.size.tolist() == second.size.tolist()
    np.testing.assert_allclose(first.latency_ms, second.latency_ms, rtol=1e-6)
    assert pytest.approx(2, rel=1e-3) == first.span_ms / second.span_ms


def test_policies_and_pools_meet_the_same_queries() -> None:
    """Whatever the pool and the policy, the sizes in their order are the same: common random numbers."""
    simulation = simulator(shipped_table("rm2"), Effort(200, 2))
    met = [
        simulation.observe(np.array(pool), policy, (50.0,), 40.0).size.tolist()
        for policy in NAMES
        for pool in ([4, 0, 0, 0], [1, 0, 13, 0])
    ]
    assert all(met[0] == each for each in met)


def test_a_trace_keeps_its_arrivals_and_sizes() -> None:
    """Of a trace only the luck is drawn, anew in each replication; nothing else changes."""
    made = shipped_table("rm2")
    arrival, size = np.array([0.0, 0.5, 0.5, 3.0]), np.array([4, 0, 99, 4])
    first, again, second = (trace_stream(made, size, arrival, 0, each) for each in (0, 0, 1))
    for one in (first, second):
        assert arrival.tolist() == one.arrival.tolist()
        assert size.tolist() == one.size.tolist()
    assert parts(first) == parts(again)
    assert first.fraction.tolist() != second.fraction.tolist()


def test_the_luck_of_a_trace_is_that_of_a_stream() -> None:
    """A trace and a Poisson stream of one seed have the same luck of service."""
    made = shipped_table("rm2")
    drawn = stream(made, 50, 5, 3)
    replayed = trace_stream(made, drawn.size, drawn.arrival, 5, 3)
    assert parts(drawn) == parts(replayed)


def test_fewer_queries_are_the_first_of_more() -> None:
    """However long a load is offered, it begins with the same queries."""
    probability = np.array([0.25, 0.5, 0.25])
    few, many = poisson(probability, 10, 7), poisson(probability, 1000, 7)

    assert few[0].tolist() == many[0][:10].tolist()
    assert few[1].tolist() == many[1][:10].tolist()
