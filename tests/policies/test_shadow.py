"""Matching by shadow prices: against its manual page tried out in full, and sentence by sentence by hand."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from kairos_cli.policies import shadow
from kairos_cli.policies.state import PoolState, Service, Waiting, service
from tests.policies.shadow_page import Page, overdue, shadow_answers
from tests.policies.states import IDLE, NOW_MS, Pairs, ask, instances, known, queries
from tests.simulate.tables import table

#: Busy beyond any target, so that nobody waits for it.
BUSY = (1, 1e6)


def assigned(waiting: Waiting, pool: PoolState, facts: Service) -> Pairs:
    """Return the pairs that the kernel itself answers."""
    chosen = np.full((len(pool.type) + 1, 3), -1)
    count = shadow.assign(NOW_MS, waiting, pool, facts, np.zeros(1), chosen)
    return [(int(query), int(instance)) for query, instance, _ in chosen[:count]]


# --- against the manual page


def drawn(seed: int, most_queries: int = 5, *, all_idle: bool = False) -> tuple[Waiting, PoolState, Page]:
    """Draw up to five instances of up to three types, noisy or not, and queries in time, late and long overdue."""
    draw = np.random.default_rng(seed)
    types = int(draw.integers(1, 4))
    quantile_ms = np.sort(draw.integers(1, 60, (types, 4, 4)), axis=-1) * draw.integers(1, 3, (types, 1, 1))
    quantile_ms[draw.random(types) < 0.3] = quantile_ms[:1, :, 1:2]  # some types always take the same
    made = table(quantile_ms.tolist(), [0.0, 0.5, 0.9, 1.0])
    counts = draw.integers(0, 3, types)
    counts[draw.integers(types)] += 1
    number = int(draw.integers(1, most_queries + 1))
    oldest_ms = float(draw.choice([60, 90, 300, 4900, 6000, 20000]))
    waited_ms = np.sort(
        np.where(draw.random(number) < 0.7, draw.integers(0, 90, number), draw.random(number) * oldest_ms)
    )

    def instance() -> tuple[int, float]:
        busy = int(draw.integers(0, 3)) and not all_idle
        return int(busy), float(draw.integers(-20, 60)) if busy else -float(draw.integers(9))

    pool = instances(*([instance() for _ in range(count)] for count in counts))
    waiting = queries(*zip(draw.integers(0, 4, number).tolist(), waited_ms[::-1].tolist(), strict=True))
    return waiting, pool, Page(made, counts, draw.integers(1, 400, types) / 4)


@pytest.mark.parametrize("block", range(4))
def test_what_is_dispatched_belongs_to_a_partial_matching_of_least_cost(block: int) -> None:
    """On 1200 drawn states the answer is the idle part of a matching, written from the page, that none undercuts."""
    for seed in range(block * 300, block * 300 + 300):
        waiting, pool, page = drawn(seed)
        facts = service(page.table, page.counts, page.shadow_price)
        assert frozenset(assigned(waiting, pool, facts)) in shadow_answers(NOW_MS, waiting, pool, page), seed


def test_the_drawn_states_show_every_part_of_the_page() -> None:
    """Among them are dozens in which queries are overdue, in which some are sacrificed, and in which some wait."""
    overdue_ones = sacrificed = waiting_ones = 0
    for seed in range(1200):
        waiting, pool, page = drawn(seed)
        overdue_ones += len(overdue(NOW_MS, waiting, pool, page))
        left_ms = page.target_ms - (NOW_MS - waiting.arrival_ms)
        spare = [
            (left - page.fastest_ms(size), size) for left, size in zip(left_ms, waiting.size.tolist(), strict=True)
        ]
        hopeful = [each for each in spare if each[0] >= 0]
        sacrificed += bool(page.given_up([each[0] for each in hopeful], [each[1] for each in hopeful]))
        idle = int((pool.outstanding == 0).sum())
        waiting_ones += 0 < min(idle, len(waiting.size)) and not all(
            len(answer) == min(idle, len(waiting.size)) for answer in shadow_answers(NOW_MS, waiting, pool, page)
        )
    assert min(overdue_ones, sacrificed, waiting_ones) >= 40


def test_while_all_instances_are_idle_no_query_waits() -> None:
    """With nothing busy every query, or every instance, is in a pair, of least cost among those."""
    for seed in range(3000, 3150):
        waiting, pool, page = drawn(seed, all_idle=True)
        pairs = assigned(waiting, pool, service(page.table, page.counts, page.shadow_price))
        assert min(len(waiting.size), len(pool.type)) == len(pairs)
        assert frozenset(pairs) in shadow_answers(NOW_MS, waiting, pool, page)


def test_leaving_out_the_instances_that_are_free_last_changes_nothing() -> None:
    """With many more instances of a type than queries, the answer is still of least cost among all instances."""
    for seed in range(4000, 4080):
        waiting, _, page = drawn(seed, most_queries=2)
        draw = np.random.default_rng(seed)
        counts = page.counts * 3
        busy = [[(1, float(each)) if each > 0 else IDLE for each in draw.integers(-8, 40, n)] for n in counts]
        pool, larger = instances(*busy), Page(page.table, counts, page.shadow_price)
        pairs = assigned(waiting, pool, service(page.table, counts, page.shadow_price))
        assert frozenset(pairs) in shadow_answers(NOW_MS, waiting, pool, larger)


def test_a_busy_instance_is_never_given_a_query() -> None:
    """Every dispatched instance is idle, and no query or instance comes twice."""
    for seed in range(300):
        waiting, pool, page = drawn(seed, most_queries=20)
        pairs = assigned(waiting, pool, service(page.table, page.counts, page.shadow_price))
        assert {0} >= {int(pool.outstanding[instance]) for _, instance in pairs}
        assert len(pairs) == len({query for query, _ in pairs}) == len({instance for _, instance in pairs})


@pytest.mark.parametrize("start_ms", [-1e7, -5e3, 0.0, 1e7])
def test_the_clock_may_start_anywhere(start_ms: float) -> None:
    """All times moved by the same amount, to before zero too, give the same answer."""
    for seed in range(100):
        waiting, pool, page = drawn(seed, most_queries=8)
        waiting = waiting._replace(arrival_ms=np.round(waiting.arrival_ms))
        facts = service(page.table, page.counts, page.shadow_price)
        moved = pool._replace(free_at_ms=pool.free_at_ms + start_ms)
        later = waiting._replace(arrival_ms=waiting.arrival_ms + start_ms)
        chosen = np.full((len(pool.type) + 1, 3), -1)
        count = shadow.assign(NOW_MS + start_ms, later, moved, facts, np.zeros(1), chosen)
        assert assigned(waiting, pool, facts) == [(int(query), int(instance)) for query, instance, _ in chosen[:count]]


def test_nothing_is_meant_in_absolute_ms() -> None:
    """All times a thousand times as long, at a thousandth of the price of time, give the same answer."""
    for seed in range(100):
        waiting, pool, page = drawn(seed, most_queries=8)
        facts = service(page.table, page.counts, page.shadow_price)
        longer = facts._replace(
            mean_ms=facts.mean_ms * 1024,
            target_ms=facts.target_ms * 1024,
            quantile_ms=facts.quantile_ms * 1024,
            time_price=facts.time_price / 1024,
            fastest_ms=facts.fastest_ms * 1024,
            high_ms=facts.high_ms * 1024,
            share_ms=facts.share_ms * 1024,
        )
        waited = waiting._replace(arrival_ms=NOW_MS - (NOW_MS - waiting.arrival_ms) * 1024)
        later = pool._replace(free_at_ms=NOW_MS + (pool.free_at_ms - NOW_MS) * 1024)
        assert assigned(waiting, pool, facts) == assigned(waited, later, longer)


def test_the_number_of_the_policy_leads_to_this_kernel() -> None:
    """Asked through the number that the engine uses, the answer is the kernel's."""
    for seed in range(50):
        waiting, pool, page = drawn(seed)
        facts = service(page.table, page.counts, page.shadow_price)
        assert assigned(waiting, pool, facts) == ask("shadow", waiting, pool, facts)


# --- cost


@pytest.mark.parametrize(("slow_price", "expected"), [(0.066, 1), (0.067, 0)])
def test_a_pair_costs_the_shadow_price_of_the_time_it_takes(slow_price: float, expected: int) -> None:
    """10 ms at 0.2 are worth 2: more than 30 ms at 0.066, less than 30 at 0.067."""
    facts = known([[10.0], [30.0]], target_ms=1000.0, time_price=[0.2, slow_price])
    assert [(0, expected)] == assigned(queries((0, 0.0)), instances([IDLE], [IDLE]), facts)


@pytest.mark.parametrize(("rest_ms", "expected"), [(9.9, []), (10.1, [(0, 0)])])
def test_the_rest_of_the_present_work_is_paid_for(rest_ms: float, expected: Pairs) -> None:
    """10 ms at 0.2 are worth 2, and so are 10 + 30 at 0.05: a query waits 9.9 ms for the second type, not 10.1."""
    facts = known([[10.0], [30.0]], target_ms=1000.0, time_price=[0.2, 0.05])
    assert expected == assigned(queries((0, 0.0)), instances([IDLE], [(1, rest_ms)]), facts)


def test_an_overdue_instance_is_taken_to_be_free_at_once() -> None:
    """An instance that ought to be free already has no work left to pay for, but it is not idle."""
    facts = known([[10.0], [30.0]], target_ms=1000.0, time_price=[0.2, 0.0666])
    assert [] == assigned(queries((0, 0.0)), instances([IDLE], [(1, -500.0)]), facts)


#: A noisy type: 20 to 50 ms, half of the time under 30.
NOISY_MS = [20.0, 30.0, 50.0]
NOISY_MEAN_MS = 32.5
CHANCES = [(55.0, 0.0), (50.0, 0.0), (45.0, 0.125), (40.0, 0.25), (30.0, 0.5), (25.0, 0.75), (20.0, 1.0), (12.0, 1.0)]


def noisy_or_steady(dearer: float) -> Service:
    """Return a noisy type at 1 for a query, and one that always takes 10 ms, by so much dearer."""
    return known(
        [[NOISY_MEAN_MS], [10.0]],
        target_ms=100.0,
        time_price=[1 / NOISY_MEAN_MS, (1 + dearer) / 10],
        quantile_ms=[[NOISY_MS], [[10.0] * 3]],
        level=[0.0, 0.5, 1.0],
    )


@pytest.mark.parametrize(("left_ms", "chance"), CHANCES)
def test_a_pair_costs_six_times_its_chance_of_being_late(left_ms: float, chance: float) -> None:
    """The noisy type is taken up to a difference of six times the chance that it takes longer than is left.

    Between its quantiles latency is uniform: with 45 ms left a quarter of its upper half is late, an eighth.
    """
    waiting, pool = queries((0, 100 - left_ms)), instances([IDLE], [IDLE])
    assert [(0, 0)] == assigned(waiting, pool, noisy_or_steady(6 * chance + 0.01))
    assert [(0, 1)] == assigned(waiting, pool, noisy_or_steady(6 * chance - 0.01))


@pytest.mark.parametrize(("dearer", "expected"), [(1.87, [(0, 1)]), (1.88, [])])
def test_the_chance_is_that_of_what_is_left_after_the_present_work(dearer: float, expected: Pairs) -> None:
    """With 50 ms left, 10 of them for the present work: 10 / 32.5 for the time and 6 x 0.25 for the chance, 1.81.

    The query must start within 40 ms, so waiting costs 1 + 4 x 0.6, and a fifth of that for a tenth of the target
    is 0.07 more.
    """
    pool = instances([(1, 10.0)], [IDLE])
    assert expected == assigned(queries((0, 50.0)), pool, noisy_or_steady(dearer))


# --- waiting


@pytest.mark.parametrize("idle", [0, 1])
def test_of_queries_that_cost_the_same_the_one_in_most_hurry_goes_first(idle: int) -> None:
    """One idle and one busy instance of a type, three queries of a size: the oldest one is served at once."""
    facts = known([[10.0]], target_ms=100.0, time_price=[0.1])
    pool = instances([IDLE, (1, 10.0)] if idle == 0 else [(1, 10.0), IDLE])
    assert [(0, idle)] == assigned(queries((0, 60.0), (0, 40.0), (0, 20.0)), pool, facts)


def test_a_query_of_little_work_does_not_overtake_one_in_more_hurry() -> None:
    """Of 10 ms of work just arrived and 20 ms that must start within 20 ms, the idle instance serves the latter."""
    facts, pool = known([[10.0, 20.0]], target_ms=100.0, time_price=[0.1]), instances([IDLE, (1, 15.0)])
    assert [(0, 0)] == assigned(queries((1, 60.0), (0, 0.0)), pool, facts)


EXCESSES = [1.05, 1.5, 2.0, 3.0, 4.5, 4.9]


def dear_and_cheap(excess: float, worth: float = 1.0) -> Service:
    """Return a dear type and a cheap one, 10 ms each, on which a query is worth so much; target 1000 ms."""
    return known([[10.0], [10.0]], target_ms=1000.0, time_price=[(worth + excess) / 10, worth / 10])


@pytest.mark.parametrize("excess", EXCESSES)
def test_an_idle_instance_is_left_free_until_time_runs_out(excess: float) -> None:
    """A query takes an instance that costs x more than its cheapest once 1 + 4 x the part that is gone exceeds x.

    The 10 ms of the service count as gone.
    """
    pool, until_ms = instances([IDLE], [BUSY]), 1000 * (excess - 1) / 4 - 10
    assert [] == assigned(queries((0, until_ms - 0.1)), pool, dear_and_cheap(excess))
    assert [(0, 0)] == assigned(queries((0, until_ms + 0.1)), pool, dear_and_cheap(excess))


@pytest.mark.parametrize("waited_ms", [0.0, 500.0, 990.0])
def test_a_query_that_costs_less_than_waiting_at_first_never_waits(waited_ms: float) -> None:
    """An instance that costs 0.99 more than the cheapest is taken at any time, one that costs 5.1 more at none."""
    pool = instances([IDLE], [BUSY])
    assert [(0, 0)] == assigned(queries((0, waited_ms)), pool, dear_and_cheap(0.99))
    assert [] == assigned(queries((0, waited_ms)), pool, dear_and_cheap(5.1))


@pytest.mark.parametrize(("worth", "factor"), [(32.0, 0.5), (1 / 32, 2.0), (1024.0, 0.25)])
def test_waiting_costs_less_for_queries_of_much_work(worth: float, factor: float) -> None:
    """32 times the work waits at half the cost: the power -0.2."""
    pool = instances([IDLE], [BUSY])
    assert [] == assigned(queries((0, 240.0)), pool, dear_and_cheap(2 * factor + 0.01, worth))
    assert [(0, 0)] == assigned(queries((0, 240.0)), pool, dear_and_cheap(2 * factor - 0.01, worth))


def test_nothing_waits_if_all_are_idle_however_dear() -> None:
    """The instance that a query would leave free while another is busy is taken if none is."""
    facts, two = dear_and_cheap(1000.0), queries((0, 0.0), (0, 0.0))
    assert [0, 1] == sorted(query for query, _ in assigned(two, instances([IDLE], [IDLE]), facts))
    assert [(0, 0)] == assigned(queries((0, 0.0)), instances([IDLE], []), facts)
    assert [] == assigned(queries((0, 0.0)), instances([IDLE], [BUSY]), facts)


# --- sacrifice


def burst(small: int) -> Waiting:
    """Return a query of 40 ms that must start in 10, and so many of 10 ms that must start in 45."""
    return queries((1, 50.0), *[(0, 45.0)] * small)


def test_the_query_with_most_work_is_given_up_only_if_the_queue_cannot_drain() -> None:
    """Two instances do 40 + 5 x 10 ms in 45: the sixth small query can start; a seventh could not, so the 40 wait.

    In time the large query comes before the small ones, since it has hardly any time left: waiting would cost
    4.6 x 40^-0.2 = 2.20 against 3.2 x 10^-0.2 = 2.02.
    """
    facts, pool = known([[10.0, 40.0]], target_ms=100.0), instances([IDLE, (1, 5.0)])
    assert [(0, 0)] == assigned(burst(6), pool, facts)
    (pair,) = assigned(burst(7), pool, facts)
    assert pair in [(query, 0) for query in range(1, 8)]


def test_what_was_given_up_is_taken_back() -> None:
    """Once one of the small queries is gone the large one is served after all: nothing is remembered."""
    facts, pool = known([[10.0, 40.0]], target_ms=100.0), instances([IDLE, (1, 5.0)])
    assert [False, True] == [(0, 0) in assigned(burst(small), pool, facts) for small in (7, 6)]


def fewest_given_up(spare_ms: Sequence[float], work_ms: Sequence[float]) -> int:
    """Return, having tried all subsets, how few must be given up for the rest to start in time in their order."""
    number = len(work_ms)
    for given_up in range(number):
        for kept in itertools.combinations(range(number), number - given_up):
            before = np.cumsum([0.0, *(work_ms[each] for each in kept)])
            if all(before[place] <= spare_ms[each] for place, each in enumerate(kept)):
                return given_up
    return number


def given_up(spare_ms: Sequence[float], work_ms: Sequence[float], machines: int) -> list[int]:
    """Return which queries the kernel gives up, of works on one type at a price of 0.5 a ms."""
    facts = known([list(work_ms)], time_price=[0.5])
    spare = np.array(spare_ms, dtype=np.float64)
    shadow._give_up(np.arange(len(work_ms)), spare, instances([IDLE] * machines), facts)
    return np.flatnonzero(spare < 0).tolist()


def test_as_few_queries_are_given_up_as_possible() -> None:
    """Where those that came first must start first, no subset of the queue that drains in time is larger."""
    sacrifices = 0
    for seed in range(300):
        draw = np.random.default_rng(seed)
        number, machines = int(draw.integers(1, 9)), int(draw.integers(1, 4))
        work_ms = draw.integers(1, 20, number).tolist()
        spare_ms = np.sort(draw.integers(0, 30, number)).tolist()
        given = given_up(spare_ms, work_ms, machines)
        fewest = fewest_given_up([each * machines for each in spare_ms], work_ms)
        assert fewest == len(given)
        sacrifices += fewest
    assert sacrifices > 200


def test_what_is_kept_drains_in_time_whatever_the_order_of_the_deadlines() -> None:
    """After the sacrifices every query that is kept can start in time behind those kept before it."""
    for seed in range(300):
        draw = np.random.default_rng(seed)
        number = int(draw.integers(1, 12))
        work_ms, spare_ms = draw.integers(1, 20, number), draw.integers(0, 40, number)
        given = given_up(spare_ms.tolist(), work_ms.tolist(), 1)
        before = np.cumsum(np.where(np.isin(np.arange(number), given), 0, work_ms))
        kept = np.setdiff1d(np.arange(1, number), given)
        assert (before[kept - 1] <= spare_ms[kept]).all()
        # The last sacrifice was for a query that could not have started behind all that were there.
        if given:
            assert (np.cumsum(work_ms)[:-1] > spare_ms[1:]).any()


def test_the_work_of_those_given_up_is_counted_once() -> None:
    """By hand, one machine: 9, 8 and 2 ms that start by 0, 9, 10, then 1 by 11: of the first two the 9 goes."""
    assert [0] == given_up([0, 9, 10, 11], [9, 8, 2, 1], 1)
    assert [] == given_up([0, 9, 17, 19], [9, 8, 2, 1], 1)


# --- late queries


def test_late_queries_take_what_instances_others_leave() -> None:
    """With one idle instance a query in time goes before one that is late, and with two both are served."""
    facts = known([[10.0]], target_ms=100.0)
    waiting = queries((0, 95.0), (0, 0.0))
    assert [(1, 0)] == assigned(waiting, instances([IDLE, BUSY]), facts)
    assert [0, 1] == sorted(query for query, _ in assigned(waiting, instances([IDLE, IDLE, BUSY]), facts))


@pytest.mark.parametrize("targets", [1, 10, 30, 49])
def test_late_queries_become_less_choosy_with_age(targets: int) -> None:
    """After n targets a late query takes an instance that costs up to n per cent of a query more than its cheapest."""
    pool, waiting = instances([IDLE], [BUSY]), queries((0, targets * 1000.0))
    assert [(0, 0)] == assigned(waiting, pool, dear_and_cheap(targets / 100 - 0.001))
    assert [] == assigned(waiting, pool, dear_and_cheap(targets / 100 + 0.001))


def test_for_a_late_query_the_chance_of_being_late_costs_nothing() -> None:
    """A query that is late anyway goes to the noisy type if that is a little cheaper."""
    pool = instances([IDLE], [IDLE])
    assert [(0, 0)] == assigned(queries((0, 95.0)), pool, noisy_or_steady(0.01))
    assert [(0, 1)] == assigned(queries((0, 85.0)), pool, noisy_or_steady(0.01))


def test_a_query_is_late_when_even_the_fastest_type_is_too_slow() -> None:
    """With exactly the 10 ms of the fastest type left a query is in time and takes the dear instance; with less not."""
    facts = known([[10.0], [10.0]], target_ms=100.0, time_price=[0.2, 0.1])
    pool = instances([IDLE], [BUSY])
    assert [(0, 0)] == assigned(queries((0, 90.0)), pool, facts)
    assert [] == assigned(queries((0, 90.001)), pool, facts)


def test_only_the_earliest_32_are_matched_and_those_in_time_first() -> None:
    """Of 3 late queries and 40 in time the first 32 in time go to 100 idle instances; of 3 and 30, two late too."""
    facts, pool = known([[10.0]], target_ms=1e4), instances([IDLE] * 100)
    for in_time, expected in [(40, list(range(3, 35))), (30, [0, 1, *range(3, 33)])]:
        waiting = queries(*[(0, 1e4 + 1)] * 3, *[(0, 5.0)] * in_time)
        assert expected == sorted(query for query, _ in assigned(waiting, pool, facts))


@pytest.mark.parametrize(("machines", "seen"), [(1, 11), (2, 14), (3, 17), (7, 29), (8, 32), (20, 32)])
def test_a_small_pool_looks_at_8_queries_of_a_type_and_three_for_each_instance(machines: int, seen: int) -> None:
    """Queries wait for a busy type; one that the idle type serves as fast goes there unless too many came before."""
    facts = known([[1.0, 1.0], [90.0, 1.0]], target_ms=100.0, time_price=[0.1, 0.101])
    pool = instances([BUSY] * machines, [IDLE])
    for before, expected in [(seen - 1, [(seen - 1, machines)]), (seen, [])]:
        assert expected == assigned(queries(*[(0, 1.0)] * before, (1, 1.0)), pool, facts)


# --- nothing starves


def busy_but(total: int, idle: Sequence[int]) -> list[tuple[int, float]]:
    """Return so many instances of a type, of which only those at the given places are idle."""
    return [IDLE if place in idle else BUSY for place in range(total)]


@pytest.mark.parametrize(("total", "reserved"), [(1, 1), (13, 1), (16, 1), (17, 2), (32, 2), (33, 3)])
def test_one_instance_in_16_is_reserved_for_what_has_waited_more_than_50_targets(total: int, reserved: int) -> None:
    """The last instances of the most numerous type, one in 16 or part of 16, take the oldest query before others."""
    facts = known([[10.0], [10.0]], target_ms=100.0)
    for place in range(total):
        pool = instances([BUSY], busy_but(total, [place]))  # of equals the first type is the most numerous
        place_in_pool = place + 1
        if total == 1:
            pool, place_in_pool = instances(busy_but(1, [0])), 0
        waiting = queries((0, 5000.1), (0, 4000.0), (0, 10.0))
        expected = 0 if place >= total - reserved else 2
        assert [(expected, place_in_pool)] == assigned(waiting, pool, facts)
        waiting = queries((0, 5000.0), (0, 4000.0), (0, 10.0))
        assert [(2, place_in_pool)] == assigned(waiting, pool, facts)


def test_the_reserved_instances_are_of_the_most_numerous_type() -> None:
    """Of three and two instances the last of the three serves the overdue query, of equal numbers that of the first."""
    facts = known([[10.0], [10.0]], target_ms=100.0)
    waiting = queries((0, 9000.0), (0, 0.0))
    for first, second, expected in [(3, 2, 2), (2, 3, 4), (2, 2, 1)]:
        pool = instances([IDLE] * first, [IDLE] * second)
        served = dict(assigned(waiting, pool, facts))
        assert expected == served[0]
        assert served[1] != expected


def test_the_others_are_matched_with_the_instances_left() -> None:
    """Beside the overdue query all others are matched with other instances, the second overdue one as any late one."""
    facts = known([[10.0]], target_ms=100.0)
    waiting = queries((0, 9000.0), (0, 8000.0), (0, 0.0))
    pool = instances([IDLE, IDLE, BUSY, IDLE])
    served = dict(assigned(waiting, pool, facts))
    assert 3 == served[0]
    assert [0, 1] == sorted(served[query] for query in (1, 2))
    pool = instances([BUSY, IDLE, BUSY, IDLE])
    assert [(0, 3), (2, 1)] == sorted(assigned(waiting, pool, facts))


def test_a_reserved_instance_serves_others_while_nothing_is_overdue() -> None:
    """The reserve is not held empty."""
    facts = known([[10.0]], target_ms=100.0)
    assert [(0, 3)] == assigned(queries((0, 0.0)), instances(busy_but(4, [3])), facts)


def test_time_that_is_worth_nothing_does_no_harm() -> None:
    """A type with time to spare has a price of 0; its queries are served there."""
    facts = known([[10.0], [30.0]], target_ms=100.0, time_price=[0.1, 0.0])
    assert [(0, 1)] == assigned(queries((0, 0.0)), instances([IDLE], [IDLE]), facts)
    assert [(0, 1)] == assigned(queries((0, 200.0)), instances([BUSY], [IDLE]), facts)
