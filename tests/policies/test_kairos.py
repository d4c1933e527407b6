"""The published matching against a straight transcription of design 3.5."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from kairos_cli.policies import kairos
from kairos_cli.policies.state import PoolState, Service, Waiting
from tests.policies.published import published_answers
from tests.policies.states import IDLE, NOW_MS, Pairs, ask, drawn_state, instances, known, queries


def assigned(waiting: Waiting, pool: PoolState, service: Service) -> Pairs:
    """Return the pairs that the kernel itself answers."""
    chosen = np.full((len(pool.type) + 1, 3), -1)
    count = kairos.assign(NOW_MS, waiting, pool, service, np.zeros(1), chosen)
    return [(int(query), int(instance)) for query, instance, _ in chosen[:count]]


@pytest.mark.parametrize("block", range(4))
def test_what_is_dispatched_belongs_to_a_least_cost_assignment(block: int) -> None:
    """On small states the answer is the idle part of an assignment that no other undercuts."""
    for seed in range(block * 40, block * 40 + 40):
        waiting, pool, service = drawn_state(seed, most_queries=5, most_of_type=2)
        assert frozenset(assigned(waiting, pool, service)) in published_answers(NOW_MS, waiting, pool, service)


def test_leaving_out_the_instances_that_are_free_last_changes_nothing() -> None:
    """With many more instances of a type than queries, the answer is still least in cost among all instances."""
    for seed in range(60):
        waiting, pool, service = drawn_state(1000 + seed, most_queries=3, most_of_type=5)
        assert frozenset(assigned(waiting, pool, service)) in published_answers(NOW_MS, waiting, pool, service)


def test_more_queries_than_instances_are_matched_too() -> None:
    """Up to twice as many queries as instances take part; the later ones are not looked at."""
    for seed in range(60):
        waiting, pool, service = drawn_state(2000 + seed, most_queries=9, most_of_type=1)
        pairs = assigned(waiting, pool, service)
        assert all(query < 2 * len(pool.type) for query, _ in pairs)
        assert frozenset(pairs) in published_answers(NOW_MS, waiting, pool, service)


def test_a_busy_instance_is_never_given_a_query() -> None:
    """Every dispatched instance is idle, and no query or instance comes twice."""
    for seed in range(200):
        waiting, pool, service = drawn_state(seed, most_queries=12, most_of_type=6)
        pairs = assigned(waiting, pool, service)
        assert {0} >= {int(pool.outstanding[instance]) for _, instance in pairs}
        assert len(pairs) == len({query for query, _ in pairs}) == len({instance for _, instance in pairs})


def test_where_all_instances_are_idle_as_much_as_possible_is_dispatched() -> None:
    """With nothing busy every query, or every instance, is in a pair."""
    service = known([[10, 20], [30, 60]])
    for number, machines in itertools.product((1, 3, 8), (1, 3)):
        waiting = queries(*[(each % 2, 0.0) for each in range(number)])
        pool = instances([IDLE] * machines, [IDLE])
        assert min(number, machines + 1) == len(assigned(waiting, pool, service))


def test_a_query_waits_for_the_fast_instance_if_the_slow_one_would_be_late() -> None:
    """A large query is kept for a busy base instance when the idle one would miss the target."""
    service = known([[10, 100], [30, 400]])
    waiting, pool = queries((1, 0.0)), instances([(1, 50.0)], [IDLE])
    assert [] == assigned(waiting, pool, service)


def test_a_query_that_is_late_already_has_no_penalty() -> None:
    """A query past its target goes to whichever instance is cheapest for its time, however late."""
    service = known([[10, 100], [30, 1000]])
    pool = instances([IDLE], [IDLE])
    # On time: 100 against 100 + penalty. Late: coefficient 0.1 x 1000 = 100 against 101 on the base.
    service.mean_ms[0, 1] = 101.0
    assert [(0, 0)] == assigned(queries((1, 0.0)), pool, service)
    assert [(0, 1)] == assigned(queries((1, 400.0)), pool, service)


def test_a_pair_within_two_per_cent_of_the_target_is_avoided() -> None:
    """A pair that needs between 98 and 100 % of the slack is penalised, one that needs 98 % is not."""
    pool = instances([IDLE], [IDLE])
    for needed_ms, expected in [(97.9, 1), (98.0, 1), (98.1, 0), (100.0, 0), (100.1, 0)]:
        service = known([[60.0, 60.0], [needed_ms, 1000.0]], target_ms=100.0)  # the second type's time costs 0.06
        assert [(0, expected)] == assigned(queries((0, 0.0)), pool, service)


def test_of_two_penalties_the_one_for_being_late_is_larger() -> None:
    """Where one of two queries must be late or nearly late, nearly late is chosen."""
    service = known([[99.0, 99.0], [101.0, 99.0]], target_ms=100.0)
    assert [(0, 0)] == assigned(queries((0, 0.0)), instances([IDLE], [IDLE]), service)


def test_penalties_are_in_proportion_to_the_target() -> None:
    """All times a thousand times as long give the same answer: nothing is meant in absolute ms."""
    for seed in range(100):
        waiting, pool, service = drawn_state(seed, most_queries=8, overdue=False)
        longer = service._replace(mean_ms=service.mean_ms * 1024, target_ms=service.target_ms * 1024)
        waited = waiting._replace(arrival_ms=NOW_MS - (NOW_MS - waiting.arrival_ms) * 1024)
        later = pool._replace(free_at_ms=NOW_MS + (pool.free_at_ms - NOW_MS) * 1024)
        assert assigned(waiting, pool, service) == assigned(waited, later, longer)


def test_only_the_earliest_32_queries_take_part() -> None:
    """In a large pool the 33rd query is not looked at, even if an instance is idle."""
    service = known([[10, 20]])
    pool = instances([IDLE] * 100)
    waiting = queries(*[(1, 0.0)] * 32, *[(0, 0.0)] * 68)
    assert list(range(32)) == sorted(query for query, _ in assigned(waiting, pool, service))


def first_free_by_sorting(pool: PoolState, most: int) -> list[int]:
    """Return, of each type, the instances that are free first: idle ones, then by the time they get free."""
    if (pool.outstanding > 0).all():
        return []

    def key(instance: int) -> tuple[bool, float]:
        busy = bool(pool.outstanding[instance] > 0)
        return busy, float(pool.free_at_ms[instance]) if busy else 0.0

    ranges = itertools.pairwise(pool.first)
    return [each for start, end in ranges for each in sorted(range(start, end), key=key)[:most]]


@pytest.mark.parametrize("most", [1, 2, 3, 10])
def test_first_free_agrees_with_sorting(most: int) -> None:
    """Of each type come the instances that are free first, in that order, of equals the first."""
    for seed in range(100):
        _, pool, _ = drawn_state(seed, most_of_type=7, overdue=False)
        assert first_free_by_sorting(pool, most) == kairos.first_free(NOW_MS, pool, most).tolist()


@pytest.mark.parametrize("start_ms", [-1e7, -5e3, 0.0, 1e7])
def test_the_clock_may_start_anywhere(start_ms: float) -> None:
    """All times moved by the same amount, to before zero too, give the same instances and the same answer."""
    for seed in range(100):
        waiting, pool, service = drawn_state(seed, most_of_type=7)
        moved = pool._replace(free_at_ms=pool.free_at_ms + start_ms)
        later = waiting._replace(arrival_ms=waiting.arrival_ms + start_ms)
        now_ms, chosen = NOW_MS + start_ms, np.full((len(pool.type) + 1, 3), -1)
        assert kairos.first_free(NOW_MS, pool, 2).tolist() == kairos.first_free(now_ms, moved, 2).tolist()
        count = kairos.assign(now_ms, later, moved, service, np.zeros(1), chosen)
        assert assigned(waiting, pool, service) == [(int(q), int(i)) for q, i, _ in chosen[:count]]


@pytest.mark.parametrize("most", [1, 2, 3, 10])
def test_an_idle_instance_is_free_before_any_busy_one(most: int) -> None:
    """An instance that is overdue is still busy, so the idle ones of its type come before it."""
    for seed in range(100):
        _, pool, _ = drawn_state(seed, most_of_type=7, overdue=True)
        assert first_free_by_sorting(pool, most) == kairos.first_free(NOW_MS, pool, most).tolist()


def test_a_query_does_not_wait_for_an_overdue_instance_while_an_equal_one_is_idle() -> None:
    """Of two instances of one type, one idle and one overdue by 5 ms, the idle one gets the query."""
    pool = instances([(1, -5.0), IDLE])
    assert [(0, 1)] == assigned(queries((0, 0.0)), pool, known([[10, 20]]))


def test_first_free_is_empty_when_nothing_is_idle() -> None:
    """Without an idle instance nothing could be dispatched, so there is nothing to match."""
    pool = instances([(1, 3.0), (2, 5.0)], [(1, 1.0)])
    assert [] == kairos.first_free(NOW_MS, pool, 5).tolist()
    assert [] == assigned(queries((0, 0.0)), pool, known([[10], [20]]))


def test_types_without_instances_take_no_part() -> None:
    """A type of which the pool has none is passed over."""
    pool = instances([], [IDLE, (1, 4.0)], [], [IDLE])
    assert [0, 1, 2] == kairos.first_free(NOW_MS, pool, 2).tolist()
    assert [1, 1, 3] == pool.type.tolist()


def test_the_number_of_the_policy_leads_to_this_kernel() -> None:
    """Asked by name, the answer is the kernel's own."""
    for seed in range(50):
        state = drawn_state(seed)
        assert assigned(*state) == ask("kairos", *state)
