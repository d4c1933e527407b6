"""The search for the allowable throughput, on a fake with a known answer and on simulations."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pytest

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.qos import QosTarget
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.planner.capacity import shadow_prices
from kairos_cli.policies import NAMES
from kairos_cli.policies.state import Ints
from kairos_cli.simulate.allowable import RELATIVE_TOLERANCE, Allowable, allowable
from kairos_cli.simulate.measure import Effort, simulator
from kairos_cli.simulate.simulator import Option, Simulator
from kairos_cli.simulate.tuning import NO_OPTION, options
from tests.simulate.tables import MODELS, capacity, capacity_of, fixed, shipped_table, table

CEILING = 100.0
ANY_POOL = np.array([1])
#: More runs than this is no search.
MOST_CALLS = 60


@dataclass
class KnownPool:
    """Stands in for a simulator: the target is kept up to a known rate for each option.

    The first replication alone may be luckier or less lucky than all of them. Late shares of the five
    replications rise straight through the allowed one, each at a rate of its own around the known one.
    """

    holds_to_qps: dict[Option, float]
    quick_holds_to_qps: float | None = None
    table: ServiceTable = fixed([[10.0]])  # noqa: RUF009 - never changed
    calls: int = 0
    #: Late shares rise in a straight line if None, else as this power of the rate.
    power: float | None = None

    def keeps_target(self, counts: Ints, policy: str, option: Option, rate_qps: float, *, quick: bool = False) -> bool:
        self.calls += 1
        assert rate_qps > 0, "a rate of 0 was asked for"
        assert self.calls < MOST_CALLS, "the search does not end"
        if quick and self.quick_holds_to_qps is not None:
            return rate_qps <= self.quick_holds_to_qps
        return rate_qps <= self.holds_to_qps[option]

    def late_share(self, counts: Ints, policy: str, option: Option, rate_qps: float) -> Floats:
        crossing = max(self.holds_to_qps[option], 1e-9) * np.array([0.98, 0.99, 1.0, 1.01, 1.02])
        rising = 1 + 10 * (rate_qps / crossing - 1) if self.power is None else (rate_qps / crossing) ** self.power
        return np.asarray(self.table.qos.late_share * rising)


def searched(pool: KnownPool, better_than_qps: float = 0.0) -> Allowable | None:
    """Return what the search finds on a fake, over all its options."""
    return allowable(
        cast("Simulator", pool), ANY_POOL, "fcfs", CEILING, list(pool.holds_to_qps), better_than_qps
    )  # fmt: skip


# --- the search


@pytest.mark.parametrize("holds_to_qps", [0.2, 1.0, 7.0, 33.3, 50.0, 99.9, 100.0])
@pytest.mark.parametrize("quick", [None, 0.5, 0.9, 0.99, 1.01, 1.2, 3.0])
def test_the_highest_rate_is_found_wherever_the_first_replication_points(
    holds_to_qps: float, quick: float | None
) -> None:
    """The rate found holds, and lies within the tolerance below the highest one that does."""
    pool = KnownPool({NO_OPTION: holds_to_qps}, quick and quick * holds_to_qps)
    found = searched(pool)
    assert found is not None
    # A tolerance is a share of the upper end of what is halved, at most 4 % above the answer.
    assert holds_to_qps * (1 - 1.05 * RELATIVE_TOLERANCE) <= found.qps <= holds_to_qps


@pytest.mark.parametrize("power", [3.0, 10.0, 30.0])
@pytest.mark.parametrize("quick", [None, 0.9, 0.97, 1.03, 1.1])
def test_the_rate_is_found_however_late_shares_bend(quick: float | None, power: float) -> None:
    """Where late shares rise as the 3rd, 10th or 30th power of the rate, half a per cent is missed at most.

    The measured pools rise about as the 10th power, and one replication is wrong by some per cent. The 95 %
    interval is 3 to 6 % either way, so a miss of half a per cent is lost in it.
    """
    pool = KnownPool({NO_OPTION: 50.0}, quick and quick * 50.0, power=power)
    found = searched(pool)
    assert found is not None
    # The mean of five such powers is a little above the power of the mean: the rate is that of the mean.
    mean = np.mean(np.array([0.98, 0.99, 1.0, 1.01, 1.02]) ** -power) ** (-1 / power) * 50.0
    assert mean * 0.995 <= found.qps <= mean * 1.001


def test_however_lucky_a_sample_no_rate_exceeds_the_ceiling() -> None:
    """A pool that holds at every rate is said to allow its ceiling, no more."""
    found = searched(KnownPool({NO_OPTION: 1e9}))
    assert found is not None
    assert CEILING * (1 - RELATIVE_TOLERANCE) <= found.qps <= CEILING


@pytest.mark.parametrize("quick", [0.0, 1e-9, 0.01, 50.0, 1e9])
def test_a_pool_that_holds_at_no_rate_allows_0(quick: float) -> None:
    """Where nothing holds the answer is 0 with no width, whatever the first replication alone makes believe."""
    assert Allowable(0.0, (0.0, 0.0), NO_OPTION) == searched(KnownPool({NO_OPTION: 0.0}, quick))


def test_a_first_replication_without_any_luck_does_not_decide() -> None:
    """A pool that holds to half its ceiling is found to, even if its first replication holds at no rate."""
    found = searched(KnownPool({NO_OPTION: 50.0}, 0.0))
    assert found is not None
    assert 49.9 < found.qps <= 50.0


def test_a_ceiling_of_0_means_no_rate() -> None:
    """A pool without capacity allows 0, and nothing is simulated for it."""
    pool = KnownPool({NO_OPTION: 0.0})
    assert Allowable(0.0, (0.0, 0.0), NO_OPTION) == allowable(cast("Simulator", pool), ANY_POOL, "fcfs", 0.0)


def test_the_best_option_is_taken() -> None:
    """Of several options the one with the highest rate is reported, wherever it stands."""
    for order in ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0], [2.0, 3.0, 1.0]):
        found = searched(KnownPool({(option,): {1.0: 20.0, 2.0: 60.0, 3.0: 40.0}[option] for option in order}))
        assert found is not None
        assert (2.0,) == found.option
        assert 59.9 < found.qps <= 60.0


def test_none_means_not_better_than_asked() -> None:
    """A rate that must be beaten and is not gives None; one that is beaten clearly gives the rate."""
    assert searched(KnownPool({NO_OPTION: 50.0}), better_than_qps=50.0) is None
    assert searched(KnownPool({NO_OPTION: 50.0}), better_than_qps=70.0) is None
    assert searched(KnownPool({NO_OPTION: 50.0}), better_than_qps=CEILING * 2) is None
    found = searched(KnownPool({NO_OPTION: 50.0}), better_than_qps=49.0)
    assert found is not None
    assert 49.9 < found.qps <= 50.0


def test_better_by_less_than_the_tolerance_is_not_better() -> None:
    """A pool that beats the rate by less than the search can tell counts as not better."""
    assert searched(KnownPool({NO_OPTION: 50.0}), better_than_qps=49.96) is None


def test_a_pool_that_is_not_better_costs_one_run() -> None:
    """Whether a pool beats a rate is decided at that rate."""
    pool = KnownPool({NO_OPTION: 50.0})
    assert searched(pool, better_than_qps=60.0) is None
    assert 1 == pool.calls


def test_a_pool_that_holds_nowhere_is_not_better() -> None:
    """With a rate to beat, a pool that holds at no rate gives None rather than 0."""
    assert searched(KnownPool({NO_OPTION: 0.0}), better_than_qps=1.0) is None


def test_the_interval_is_students_around_the_rates_of_the_replications() -> None:
    """Replications that cross at 98, 99, …, 102 % of the rate give its mean +- 2.776 standard errors."""
    found = searched(KnownPool({NO_OPTION: 50.0}))
    assert found is not None
    error = np.std([49.0, 49.5, 50.0, 50.5, 51.0], ddof=1) / np.sqrt(5)
    expected = (found.qps - 2.776 * error, found.qps + 2.776 * error)
    assert expected == pytest.approx(found.ci95_qps, abs=0.01)


# --- simulations


def test_a_pool_that_keeps_the_target_at_no_rate_allows_0() -> None:
    """First come, first served on a first type that is late with every other query allows no rate at all."""
    made = fixed([[10.0, 200.0], [5.0, 20.0]], probability=[0.5, 0.5])
    counts = np.array([1, 1])
    assert capacity(made, counts) > 50
    found = allowable(simulator(made, Effort(1000, 3)), counts, "fcfs", capacity(made, counts))
    assert Allowable(0.0, (0.0, 0.0), NO_OPTION) == found


@pytest.mark.parametrize("seed", range(8))
def test_a_pool_at_the_edge_of_the_target_is_decided(seed: int) -> None:
    """Where a query in a hundred is late even without waiting, luck decides, but the search ends."""
    made = table([[[10.0, 99.0, 100.0, 150.0]]], [0, 0.98, 0.99, 1.0], target_ms=100.0)
    found = allowable(CountedSimulator(simulator(made, Effort(2000, 3, seed))), np.array([1]), "fcfs", 19.0)
    assert found is not None
    assert found.qps < 19.0


class CountedSimulator(Simulator):
    """A simulator that refuses to be asked without end."""

    def __init__(self, simulation: Simulator) -> None:
        super().__init__(simulation.table, simulation.streams)
        self.calls = 0

    def keeps_target(self, counts: Ints, policy: str, option: Option, rate_qps: float, *, quick: bool = False) -> bool:
        self.calls += 1
        assert self.calls < MOST_CALLS, "the search does not end"
        return super().keeps_target(counts, policy, option, rate_qps, quick=quick)


def with_target(made: ServiceTable, percentile: float, latency_ms: float) -> ServiceTable:
    """Return the table under another target."""
    return replace(made, qos=QosTarget(percentile, latency_ms))


#: Two types: the second is late with a few of the large queries.
TWO_TYPES = table(
    [[[2, 4, 10], [10, 20, 60]], [[8, 12, 30], [30, 60, 200]]], [0, 0.8, 1],
    probability=[0.7, 0.3], prices=[3.0, 1.0], target_ms=150.0,
)  # fmt: skip


@pytest.mark.parametrize("policy", NAMES)
def test_a_looser_target_allows_a_higher_rate(policy: str) -> None:
    """A lower percentile or a longer latency allows at least the rate that a tighter target does.

    Rules that look at the target may do a little worse by chance: on the same queries, 2 % are granted.
    """
    counts, rates = np.array([2, 2]), []
    for percentile, latency_ms in [(99, 120), (99, 180), (99, 300), (95, 300), (80, 300), (50, 300)]:
        made = with_target(TWO_TYPES, percentile, latency_ms)
        found = allowable(simulator(made, Effort(1500, 3)), counts, policy, 400.0)
        assert found is not None
        rates.append(found.qps)
    granted = 0.98 if policy in ("greedy", "kairos", "shadow") else 1 - 2 * RELATIVE_TOLERANCE
    assert all(looser >= tighter * granted for tighter, looser in itertools.pairwise(rates))
    assert rates[-1] > rates[0]


@pytest.mark.parametrize("policy", ["fcfs", "clockwork", "kairos", "shadow"])
def test_a_larger_pool_allows_a_higher_rate(policy: str) -> None:
    """Twice as many instances allow more than twice the rate: pooling loses less to chance."""
    one, two = (
        allowable(simulator(TWO_TYPES, Effort(2000, 3)), np.array([count, 0]), policy, 115.5 * count)
        for count in (1, 2)
    )
    assert one is not None
    assert two is not None
    assert two.qps > 2 * one.qps


#: Pools of the four measured types, each able to keep every model's target.
POOLS = [(1, 0, 13, 0), (4, 0, 0, 0), (2, 1, 5, 2)]


@pytest.mark.parametrize("model", MODELS)
def test_no_policy_exceeds_the_capacity(model: str) -> None:
    """All policies stay below the capacity on every pool, even when searched far above it.

    Of 4000 queries the realised rate has a standard error of 1.6 %, the realised work about as much, and at the
    end of a replication the work of one target may be left over: 3 % and that are granted.
    """
    made = shipped_table(model)
    simulation = simulator(made, Effort(2000, 2))
    for pool in POOLS:
        bound = capacity_of(model, pool)
        for policy in NAMES:
            tried = options(policy, made, np.array(pool))[:2]
            found = allowable(simulation, np.array(pool), policy, 1.5 * bound, tried)
            assert found is not None
            left_over = bound * made.qos.latency_ms / 1000 / 2000
            assert found.qps <= bound * (1.03 + left_over), (pool, policy)


@pytest.mark.parametrize("policy", NAMES)
def test_the_rate_found_holds_and_beats_what_it_had_to(policy: str) -> None:
    """Asked to beat a rate, a pool is judged just above it: None if that does not hold, else a rate that does.

    In a sample a higher rate may happen to hold where a lower one does not; the verdict is about the one asked.
    """
    simulation, counts = simulator(TWO_TYPES, Effort(1500, 3)), np.array([2, 2])
    alone = allowable(simulation, counts, policy, 379.0)
    assert alone is not None
    for beaten in alone.qps * np.array([0.5, 0.9, 0.98, 1.02, 1.1, 1.3]):
        found = allowable(simulation, counts, policy, 379.0, better_than_qps=beaten)
        holds = simulation.keeps_target(counts, policy, NO_OPTION, beaten * (1 + RELATIVE_TOLERANCE))
        assert holds == (found is not None)
        if found is not None:
            assert found.qps >= beaten * (1 + RELATIVE_TOLERANCE)
            assert simulation.keeps_target(counts, policy, NO_OPTION, found.qps)


def test_the_same_seed_gives_the_same_result_and_another_seed_another() -> None:
    """The answer is a function of the seed."""
    rates = [allowable(simulator(TWO_TYPES, Effort(1000, 3, seed)), np.array([2, 2]), "kairos", 379.0) for seed in
             (0, 0, 1)]  # fmt: skip
    assert rates[0] == rates[1]
    assert rates[0] != rates[2]


@pytest.mark.parametrize("policy", ["fcfs", "kairos", "shadow"])
def test_the_number_of_threads_does_not_change_the_result(policy: str) -> None:
    """Without threads, with one and with two the whole answer is the same, interval included."""
    counts, bound = np.array([1, 0, 13, 0]), capacity_of("rm2", (1, 0, 13, 0))
    none, one, two = (
        allowable(
            simulator(shipped_table("rm2"), Effort(800, 4, workers=workers), shadow_prices), counts, policy, bound
        )
        for workers in (0, 1, 2)
    )
    assert none == one == two


def test_most_intervals_cover_the_mean_of_many_seeds() -> None:
    """Of 60 intervals of 95 % at least 48 cover the mean of all 60 estimates.

    That mean is eight times as exact as one estimate. Five replications make an interval that covers
    about nine times in ten; then 48 of 60 is 2.6 binomial standard deviations below what is expected.
    """
    counts = np.array([1, 2])
    found = [
        allowable(simulator(TWO_TYPES, Effort(800, 5, seed)), counts, "greedy", capacity(TWO_TYPES, counts))
        for seed in range(60)
    ]
    known = [each for each in found if each is not None]
    mean = np.mean([each.qps for each in known])
    covering = sum(each.ci95_qps[0] <= mean <= each.ci95_qps[1] for each in known)
    assert len(known) == 60
    assert covering >= 48
    assert all(each.ci95_qps[0] <= each.qps <= each.ci95_qps[1] for each in known)


def test_more_queries_narrow_the_interval() -> None:
    """Sixteen times as many queries make intervals that are clearly narrower on average."""
    counts = np.array([1, 2])
    width = {
        queries: np.mean(
            [
                np.diff(found.ci95_qps)
                for seed in range(5)
                if (found := allowable(simulator(TWO_TYPES, Effort(queries, 5, seed)), counts, "greedy", 189.5))
            ]
        )
        for queries in (400, 6400)
    }
    assert width[6400] < width[400] / 2


def test_a_single_replication_tells_no_interval() -> None:
    """With one replication the interval is everything up to the ceiling."""
    found = allowable(simulator(TWO_TYPES, Effort(1000, 1)), np.array([2, 2]), "fcfs", 379.0)
    assert found is not None
    assert (0.0, 379.0) == found.ci95_qps
