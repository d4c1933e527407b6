"""Each of the seven rules against its one-line statement, on random states."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kairos_cli.policies import NAMES
from kairos_cli.policies.state import PoolState, Service, Waiting
from tests.policies.states import IDLE, NOW_MS, Pairs, ask, drawn_state, instances, known, queries

#: Those that place a query on its arrival, busy or not, and those that give work to idle instances only.
ON_ARRIVAL = ("clockwork", "greedy", "least_loaded", "instance_aware")
TO_IDLE = ("fcfs", "deeprecsys", "kairos", "shadow")

Score = Callable[[int], object]


def finish_ms(instance: int, waiting: Waiting, pool: PoolState, service: Service) -> float:
    """Return when an instance should have finished the earliest query."""
    mean_ms = service.mean_ms[pool.type[instance], waiting.size[0]]
    return float(max(NOW_MS, pool.free_at_ms[instance]) + mean_ms)


def score(policy: str, waiting: Waiting, pool: PoolState, service: Service) -> Score:
    """Return what the rule makes least; of equals the first instance is taken."""
    kind, size = pool.type, waiting.size[0]

    def greedy(instance: int) -> tuple[bool, float, float]:
        finish = finish_ms(instance, waiting, pool, service)
        late = finish > waiting.arrival_ms[0] + service.target_ms
        cost = service.price_usd_per_hour[kind[instance]] * service.mean_ms[kind[instance], size]
        return late, 0.0 if late else float(cost), finish

    by_policy: dict[str, Score] = {
        "clockwork": lambda instance: finish_ms(instance, waiting, pool, service),
        "greedy": greedy,
        "least_loaded": lambda instance: pool.outstanding[instance],
        "instance_aware": lambda instance: (pool.outstanding[instance] + 1) / service.rate_qps[kind[instance]],
    }
    return by_policy[policy]


def test_every_policy_is_one_of_two_kinds() -> None:
    """Eight policies place queries on arrival or hand them to idle instances; none does both."""
    assert set(NAMES) == {*ON_ARRIVAL, *TO_IDLE}
    assert len(NAMES) == len(ON_ARRIVAL) + len(TO_IDLE)


@pytest.mark.parametrize("policy", NAMES)
def test_no_query_and_no_instance_comes_twice(policy: str) -> None:
    """A policy answers with queries that wait and instances of the pool, each once at most."""
    for seed in range(100):
        waiting, pool, service = drawn_state(seed, most_queries=9, most_of_type=5)
        pairs = ask(policy, waiting, pool, service, seed % 4)
        assert set(range(len(waiting.size))) >= {query for query, _ in pairs}
        assert set(range(len(pool.type))) >= {instance for _, instance in pairs}
        assert len(pairs) == len({query for query, _ in pairs}) == len({instance for _, instance in pairs})


@pytest.mark.parametrize("policy", TO_IDLE)
def test_only_idle_instances_are_given_work(policy: str) -> None:
    """The rules that keep one queue for all never burden a busy instance."""
    for seed in range(100):
        waiting, pool, service = drawn_state(seed, most_queries=9, most_of_type=5)
        pairs = ask(policy, waiting, pool, service, seed % 4)
        assert all(pool.outstanding[instance] == 0 for _, instance in pairs)


@pytest.mark.parametrize("policy", ON_ARRIVAL)
def test_the_earliest_query_goes_where_the_rule_says(policy: str) -> None:
    """The rules that decide on arrival place the earliest query at the first instance of the least score."""
    for seed in range(150):
        waiting, pool, service = drawn_state(seed, most_of_type=4)
        least = min(range(len(pool.type)), key=score(policy, waiting, pool, service))  # type: ignore[arg-type]
        assert [(0, least)] == ask(policy, waiting, pool, service)


def test_fcfs_pairs_the_queue_with_the_idle_instances_in_order() -> None:
    """The queries in their order meet the idle instances in theirs."""
    for seed in range(100):
        waiting, pool, service = drawn_state(seed, most_queries=9, most_of_type=4)
        idle = np.flatnonzero(pool.outstanding == 0).tolist()
        assert list(enumerate(idle[: len(waiting.size)])) == ask("fcfs", waiting, pool, service)


def deeprecsys_by_hand(waiting: Waiting, pool: PoolState, service: Service, threshold: int) -> set[tuple[int, int]]:
    """Return the pairs of two queues, large and small, each first come, first served."""
    is_base = pool.type == service.base
    large = waiting.size > threshold
    if is_base.all() or not is_base.any():
        is_base[:] = large[:] = True
    pairs: Pairs = []
    for of_base in (True, False):
        queue = np.flatnonzero(large == of_base)
        idle = np.flatnonzero((is_base == of_base) & (pool.outstanding == 0))
        pairs += zip(queue.tolist(), idle.tolist(), strict=False)
    return set(pairs)


@pytest.mark.parametrize("threshold", [-1, 0, 1, 2, 3])
def test_deeprecsys_keeps_two_queues(threshold: int) -> None:
    """Sizes beyond the threshold go to idle base instances, others to idle auxiliaries, each in order."""
    for seed in range(100):
        waiting, pool, service = drawn_state(seed, most_queries=9, most_of_type=4)
        expected = deeprecsys_by_hand(waiting, pool, service, threshold)
        assert expected == set(ask("deeprecsys", waiting, pool, service, threshold))


@pytest.mark.parametrize("base", [0, 1])
def test_deeprecsys_serves_all_with_one_kind_of_instance(base: int) -> None:
    """A pool of base instances only, or of auxiliaries only, is first come, first served."""
    pool = instances([IDLE, (1, 5.0), IDLE], [])
    waiting = queries((1, 3.0), (0, 2.0), (1, 1.0))
    service = known([[10, 20], [30, 60]], base=base)
    assert [(0, 0), (1, 2)] == ask("deeprecsys", waiting, pool, service, 0)


def test_clockwork_counts_the_work_given_before() -> None:
    """The fast instance is chosen until its queue makes it finish later than the slow one."""
    facts = known([[10.0], [35.0]])
    chosen = [ask("clockwork", queries((0, 0.0)), instances([(1, busy)], [IDLE]), facts) for busy in (24.0, 26.0)]
    assert [[(0, 0)], [(0, 1)]] == chosen


def test_greedy_prefers_cheap_time_to_early_finish() -> None:
    """Of the instances in time the cheapest serves, even if it finishes last; exactly in time is in time."""
    facts = known([[10.0], [100.0]], prices=[11.0, 1.0], target_ms=100.0)
    assert [(0, 1)] == ask("greedy", queries((0, 0.0)), instances([IDLE], [IDLE]), facts)
    assert [(0, 0)] == ask("greedy", queries((0, 1.0)), instances([IDLE], [IDLE]), facts)


def test_greedy_without_a_hope_is_clockwork() -> None:
    """For a query that is late anyway greedy takes the earliest finish."""
    for seed in range(50):
        waiting, pool, service = drawn_state(seed, most_of_type=4)
        late = waiting._replace(arrival_ms=waiting.arrival_ms - 1000)
        assert ask("clockwork", late, pool, service) == ask("greedy", late, pool, service)


def test_least_loaded_is_blind_to_speed_and_instance_aware_to_size() -> None:
    """Neither rule looks at batch size or time; the second looks at the rate of each type."""
    for seed in range(50):
        waiting, pool, service = drawn_state(seed, most_of_type=4)
        other_sizes = waiting._replace(size=3 - waiting.size)
        other_times = pool._replace(free_at_ms=pool.free_at_ms[::-1].copy())
        for policy in ("least_loaded", "instance_aware"):
            assert ask(policy, waiting, pool, service) == ask(policy, other_sizes, other_times, service)
        other_rates = service._replace(rate_qps=service.rate_qps[::-1].copy())
        assert ask("least_loaded", waiting, pool, service) == ask("least_loaded", waiting, pool, other_rates)


def test_instance_aware_is_least_loaded_among_equals() -> None:
    """On a single type the two load balancers agree."""
    for seed in range(50):
        waiting, pool, service = drawn_state(seed, most_of_type=4)
        alike = service._replace(rate_qps=np.full(len(service.rate_qps), 7.0))
        assert ask("least_loaded", waiting, pool, alike) == ask("instance_aware", waiting, pool, alike)
