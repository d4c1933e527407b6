"""The event loop: what must hold in every run, under every policy, and a second simulator beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from kairos_cli.policies import NAMES
from kairos_cli.policies.state import service
from kairos_cli.simulate.streams import Stream, stream
from kairos_cli.simulate.tuning import NO_OPTION
from tests.simulate.reference import RULES, Reference, kairos, shadow
from tests.simulate.tables import (
    ON_ARRIVAL,
    Case,
    Played,
    drawn_case,
    drawn_service_ms,
    fixed,
    played,
    type_of_instance,
)

SEEDS = range(15)


def occupations(happened: Played) -> list[tuple[float, int, int]]:
    """Return time, instances in service and queries waiting after each moment at which anything happens."""
    arrived, started, finished = (
        np.sort(each) for each in (happened.arrival_ms, happened.started_ms, happened.finished_ms)
    )
    times = np.unique(np.concatenate([arrived, started, finished]))
    come, begun, gone = (np.searchsorted(each, times, side="right") for each in (arrived, started, finished))
    return list(zip(times.tolist(), (begun - gone).tolist(), (come - begun).tolist(), strict=True))


@pytest.mark.parametrize("policy", NAMES)
def test_every_query_is_served_once_after_it_came_for_as_long_as_was_drawn(policy: str) -> None:
    """Each query has one instance, starts no earlier than it arrives, and ends when its drawn service is over."""
    for seed in SEEDS:
        case = drawn_case(seed)
        happened = played(case, policy)
        assert ((happened.served_by >= 0) & (happened.served_by < case.counts.sum())).all()
        assert (happened.started_ms >= happened.arrival_ms).all()
        expected = happened.started_ms + drawn_service_ms(case, happened.served_by)
        np.testing.assert_allclose(expected, happened.finished_ms, rtol=1e-12)


@pytest.mark.parametrize("policy", NAMES)
def test_an_instance_serves_one_query_at_a_time(policy: str) -> None:
    """On each instance a service begins only when the one before it is over."""
    for seed in SEEDS:
        case = drawn_case(seed)
        happened = played(case, policy)
        for instance in range(case.counts.sum()):
            mine = happened.served_by == instance
            order = np.argsort(happened.started_ms[mine])
            started, finished = happened.started_ms[mine][order], happened.finished_ms[mine][order]
            assert (started[1:] >= finished[:-1]).all()


@pytest.mark.parametrize("policy", NAMES)
def test_a_service_starts_only_when_something_happens(policy: str) -> None:
    """Every start is at an arrival or at the end of a service: the policy is asked at no other time."""
    for seed in SEEDS:
        happened = played(drawn_case(seed), policy)
        events = np.concatenate([happened.arrival_ms, happened.finished_ms])
        assert np.isin(happened.started_ms, events).all()


@pytest.mark.parametrize("policy", NAMES)
def test_the_pool_is_never_all_idle_while_a_query_waits(policy: str) -> None:
    """Whenever a query waits, some instance is busy: no run can come to a standstill."""
    for seed in SEEDS:
        happened = played(drawn_case(seed), policy)
        assert [] == [time for time, busy, waiting in occupations(happened) if waiting and not busy]


def test_fcfs_leaves_no_instance_idle_while_a_query_waits() -> None:
    """First come, first served conserves work: where a query waits, all instances are busy."""
    for seed in range(40):
        case = drawn_case(seed)
        happened = played(case, "fcfs")
        assert [] == [time for time, busy, waiting in occupations(happened) if waiting and busy < case.counts.sum()]


def test_fcfs_starts_queries_in_the_order_of_their_arrival() -> None:
    """No query overtakes another."""
    for seed in SEEDS:
        assert (np.diff(played(drawn_case(seed), "fcfs").started_ms) >= 0).all()


@pytest.mark.parametrize("policy", ON_ARRIVAL)
def test_a_query_placed_on_arrival_waits_its_turn_and_no_longer(policy: str) -> None:
    """On each instance, queries are served in order, each as soon as it is there and the one before is done."""
    for seed in SEEDS:
        case = drawn_case(seed)
        happened = played(case, policy)
        for instance in range(case.counts.sum()):
            mine = np.flatnonzero(happened.served_by == instance)
            before = np.concatenate([[0.0], happened.finished_ms[mine]])[:-1]
            expected = np.maximum(happened.arrival_ms[mine], before)
            assert expected.tolist() == happened.started_ms[mine].tolist()


def test_deeprecsys_keeps_large_queries_and_small_ones_apart() -> None:
    """Sizes beyond the threshold run on the base type, the others on auxiliaries; each kind in order, no work idle."""
    mixed = 0
    for seed in range(60):
        case = drawn_case(seed)
        base = service(case.table).base
        if case.counts[base] in (0, case.counts.sum()):
            continue
        mixed += 1
        happened = played(case, "deeprecsys")
        large = case.stream.size > case.option[0]
        assert large.tolist() == (type_of_instance(case.counts)[happened.served_by] == base).tolist()
        for kind, instances in ((large, case.counts[base]), (~large, case.counts.sum() - case.counts[base])):
            part = Played(0, *(each[kind] for each in (happened.arrival_ms, happened.started_ms)),
                          happened.finished_ms[kind], happened.served_by[kind],
                          happened.served_rows, happened.busy_ms)  # fmt: skip
            assert (np.diff(part.started_ms) >= 0).all()
            assert [] == [time for time, busy, waiting in occupations(part) if waiting and busy < instances]
    assert mixed > 15


@pytest.mark.parametrize("rule", RULES)
def test_a_second_simulator_sees_the_same_happen(rule: str) -> None:
    """A plain simulator with a heap of events has every query start and finish when the engine does, and where."""
    for seed in range(25):
        case = drawn_case(seed)
        happened, reference = played(case, rule), Reference(case)
        reference.run(RULES[rule])
        assert reference.served_by == happened.served_by.tolist()
        np.testing.assert_allclose(reference.started_ms, happened.started_ms, rtol=1e-12)
        np.testing.assert_allclose(reference.finished_ms, happened.finished_ms, rtol=1e-12)


def distinct_case(seed: int) -> Case:
    """Draw a case in which no two assignments cost the same: one instance of each type, every query of its own size.

    The largest size, at which all types cost the same, does not come. A service takes its mean, so that no
    instance is ever overdue.
    """
    draw = np.random.default_rng(seed)
    queries = 150
    made = fixed(np.sort(draw.uniform(5, 60, (3, queries + 1)), axis=1) * [[1], [2], [3]], target_ms=130.0)
    sizes = draw.permutation(queries)
    drawn = stream(made, queries, seed, 0)
    counts = np.array([1, 1, 1])
    rate_qps = float(draw.uniform(0.6, 1.1) * service(made).rate_qps.sum())
    return Case(made, counts, NO_OPTION, Stream(drawn.arrival, sizes, drawn.step, drawn.fraction), rate_qps)


def same_in_both(case: Case, policy: str, rule: Callable[[Reference], None]) -> Played:
    """Return the run of a policy, which that of the second simulator under its rule must equal."""
    happened, reference = played(case, policy), Reference(case)
    reference.run(rule)
    assert reference.served_by == happened.served_by.tolist()
    np.testing.assert_allclose(reference.started_ms, happened.started_ms, rtol=1e-12)
    return happened


def test_a_second_simulator_sees_kairos_do_the_same() -> None:
    """Where the published rule leaves no choice, trying every assignment at every event gives the same run."""
    overtaken = 0
    for seed in range(12):
        case = distinct_case(seed)
        happened = same_in_both(case, "kairos", kairos)
        overtaken += int((np.diff(happened.started_ms) < 0).sum())
    assert overtaken > 100


def test_a_second_simulator_sees_shadow_do_the_same() -> None:
    """Where the manual page leaves no choice, trying every partial matching at every event gives the same run."""
    overtaken = left_free = 0
    for seed in range(8):
        case = distinct_case(seed)
        happened = same_in_both(case, "shadow", shadow)
        overtaken += int((np.diff(happened.started_ms) < 0).sum())
        left_free += sum(waiting and busy < 3 for _, busy, waiting in occupations(happened))
    assert overtaken > 100
    assert left_free > 100


def by_hand(arrival_ms: list[float], size: list[int], counts: list[int], mean_ms: list[list[float]]) -> Case:
    """Return a case in which all is given: arrivals in ms, sizes as rows, and services that take their mean."""
    number = len(size)
    stream = Stream(np.array(arrival_ms), np.array(size), np.zeros(number, dtype=np.int64), np.zeros(number))
    return Case(fixed(mean_ms), np.array(counts), NO_OPTION, stream, 1000.0)


def test_one_instance_by_hand() -> None:
    """Three queries of 10, 10 and 30 ms that arrive at 1, 4 and 50 ms are done at 11, 21 and 80 ms."""
    happened = played(by_hand([1, 4, 50], [0, 0, 1], [1], [[10, 30]]), "fcfs")
    assert [1, 11, 50] == happened.started_ms.tolist()
    assert [11, 21, 80] == happened.finished_ms.tolist()


@pytest.mark.parametrize("policy", NAMES)
def test_a_query_that_arrives_as_another_ends_starts_at_once(policy: str) -> None:
    """A query that arrives at the very end of another's service starts at that moment."""
    happened = played(by_hand([0, 10, 20], [0, 0, 0], [1], [[10]]), policy)
    assert [0, 10, 20] == happened.started_ms.tolist()


@pytest.mark.parametrize("policy", ["fcfs", "deeprecsys", "least_loaded", "instance_aware", "kairos", "shadow"])
def test_an_arrival_comes_before_a_completion_at_the_same_time(policy: str) -> None:
    """A query that arrives at the very end of another's service finds that instance busy still, and takes the next."""
    happened = played(by_hand([0, 10], [0, 0], [2], [[10]]), policy)
    assert [0, 1] == happened.served_by.tolist()


@pytest.mark.parametrize("policy", NAMES)
def test_queries_that_arrive_together_are_all_served(policy: str) -> None:
    """Ten queries at one moment occupy two equal instances for five services."""
    happened = played(by_hand([0.0] * 10, [0] * 10, [2], [[10]]), policy)
    assert sorted([0, 10, 20, 30, 40] * 2) == sorted(happened.started_ms.tolist())


def test_kairos_matches_again_what_it_left_waiting() -> None:
    """A small query left waiting for a busy auxiliary is served there, a large one that came later overtakes it."""
    # At 0 a small one occupies the auxiliary (b) until 30; at 12 the base (a) is idle, a small and a large arrive.
    case = by_hand([0, 12, 12], [0, 1, 0], [1, 1], [[10, 60], [20, 300]])
    happened = played(case, "kairos")
    assert [1, 0, 1] == happened.served_by.tolist()
    assert [0, 12, 20] == happened.started_ms.tolist()


@pytest.mark.parametrize("policy", NAMES)
def test_a_run_that_ends_early_reaches_the_same_verdict(policy: str) -> None:
    """Allowed k late queries, a run says `more than k` exactly if the full run has more; else it counts the same."""
    for seed in SEEDS:
        case, counted_from = drawn_case(seed), 10 * (seed % 4)
        late = played(case, policy, counted_from=counted_from).late
        for most_late in {0, 1, 2, 5, 20, late - 1, late, late + 1, 299} - {-1}:
            found = played(case, policy, counted_from=counted_from, most_late=most_late).late
            assert (late > most_late) == (found > most_late)
            assert found == late or found > most_late


@pytest.mark.parametrize("policy", NAMES)
def test_late_queries_are_those_over_the_target_that_count(policy: str) -> None:
    """The number of late ones is that of latencies over the target, those of the warm-up left out."""
    for seed in SEEDS:
        case = drawn_case(seed)
        happened = played(case, policy, counted_from=50)
        latency_ms = happened.finished_ms - happened.arrival_ms
        assert int((latency_ms[50:] > case.table.qos.latency_ms).sum()) == happened.late


@pytest.mark.parametrize("policy", NAMES)
def test_the_unit_of_time_does_not_matter(policy: str) -> None:
    """All latencies and the target a thousand times as long, at a thousandth of the rate: all times are that long."""
    for seed in SEEDS:
        case = drawn_case(seed)
        made = case.table
        qos = replace(made.qos, latency_ms=made.qos.latency_ms * 1024)
        longer = replace(made, mean_ms=made.mean_ms * 1024, quantile_ms=made.quantile_ms * 1024, qos=qos)
        slow = replace(case, table=longer, rate_qps=case.rate_qps / 1024)
        assert (played(case, policy).started_ms * 1024).tolist() == played(slow, policy).started_ms.tolist()


@pytest.mark.parametrize("policy", NAMES)
def test_a_pool_of_a_thousand_serves_everyone(policy: str) -> None:
    """In a large pool with queries for all at once, each policy serves every query."""
    case = by_hand([0.0] * 1500, [0, 1, 1] * 500, [500, 500], [[10, 20], [20, 90]])
    happened = played(case, policy)
    assert (happened.served_by >= 0).all()
    assert (happened.finished_ms > happened.started_ms).all()
