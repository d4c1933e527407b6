"""The rules that give work to idle instances, where queries are merged or split."""

from __future__ import annotations

import numpy as np
import pytest

from kairos_cli.domain.serving import Serving
from kairos_cli.policies import NAMES
from tests.policies.batch_states import facts, of_units, pieces
from tests.policies.states import IDLE, instances
from tests.simulate.batch_cases import BOTH, MERGING, SPLITTING

TEN_EACH = [10.0 * n for n in range(1, 11)]
BUSY = (1, 30.0)

# --- first come, first served, merging


def test_fcfs_merges_up_to_its_limit_and_no_further() -> None:
    """At 10 ms a unit and half of 100 ms, of queries of two, two, two and one unit the third stays behind."""
    known = facts([TEN_EACH], MERGING)
    waiting = of_units((2, 9.0), (2, 8.0), (2, 7.0), (1, 6.0))
    assert ([(0, 0, 2), (1, 0, 2), (3, 0, 1)], None) == pieces("fcfs", waiting, instances([IDLE]), known, 0.5, 0.0)


def test_fcfs_gives_the_next_instance_what_the_first_left() -> None:
    """What does not fit into the batch of the first idle instance begins that of the second; busy ones get none."""
    known = facts([TEN_EACH], MERGING)
    waiting = of_units((4, 9.0), (3, 8.0), (1, 7.0), (2, 6.0))
    expected = [(0, 0, 4), (2, 0, 1), (1, 2, 3), (3, 2, 2)]
    assert expected == pieces("fcfs", waiting, instances([IDLE, BUSY, IDLE]), known, 0.5, 0.0)[0]


def test_fcfs_makes_no_batch_larger_than_the_largest() -> None:
    """With batches of three at most, three of four queries of one unit go together."""
    known = facts([TEN_EACH], MERGING, largest=[3])
    waiting = of_units(*[(1, 1.0)] * 4)
    assert [0, 1, 2] == [query for query, _, _ in pieces("fcfs", waiting, instances([IDLE]), known, 1.0, 0.0)[0]]


def test_fcfs_leaves_what_is_beyond_the_limit_to_a_faster_type() -> None:
    """Six units of 60 ms wait for the type that takes 30, which is busy, and one unit overtakes them."""
    known = facts([TEN_EACH, [5.0 * n for n in range(1, 11)]], MERGING)
    waiting = of_units((6, 9.0), (1, 8.0))
    assert [(1, 0, 1)] == pieces("fcfs", waiting, instances([IDLE], [BUSY]), known, 0.5, 0.0)[0]
    # On the fastest type it is served, limit or not.
    slow = facts([TEN_EACH], MERGING)
    assert [(0, 0, 6)] == pieces("fcfs", waiting, instances([IDLE]), slow, 0.5, 0.0)[0]


def test_fcfs_holds_a_batch_open_for_its_window() -> None:
    """A query that has waited 3 of 5 ms is held, and the policy asks to be woken in 2; after 5 ms it is served."""
    known = facts([TEN_EACH], MERGING)
    pool = instances([IDLE, IDLE])
    assert ([], 2.0) == pieces("fcfs", of_units((1, 3.0)), pool, known, 0.5, 5.0)
    assert ([(0, 0, 1), (1, 0, 1)], None) == pieces("fcfs", of_units((1, 5.0), (1, 1.0)), pool, known, 0.5, 5.0)


def test_fcfs_does_not_hold_a_batch_that_is_full() -> None:
    """Where the next query does not fit any more, a batch is served before its window is over; the next is held."""
    known = facts([TEN_EACH], MERGING)
    waiting = of_units((3, 2.0), (3, 1.0))
    assert ([(0, 0, 3)], 4.0) == pieces("fcfs", waiting, instances([IDLE, IDLE]), known, 0.5, 5.0)


def test_fcfs_is_woken_at_the_end_of_the_earliest_window() -> None:
    """Two instances hold batches that open 4 and 1 ms ago; the policy is asked again when the older one is over."""
    slow = [30.0 * n for n in range(1, 11)]
    known = facts([slow, TEN_EACH], MERGING)
    # The first takes one unit only; the second holds what has three.
    waiting = of_units((3, 4.0), (1, 1.0))
    assert ([], 1.0) == pieces("fcfs", waiting, instances([IDLE], [IDLE]), known, 0.3, 5.0)


@pytest.mark.parametrize("policy", ["fcfs", "kairos"])
@pytest.mark.parametrize("serving", [SPLITTING, BOTH], ids=str)
def test_the_rest_of_a_part_is_asked_for_at_once(policy: str, serving: Serving) -> None:
    """Of five units an instance takes the three it may serve, and the policy asks to be woken at once for the rest."""
    known = facts([TEN_EACH], serving, largest=[3])
    assert ([(0, 0, 3)], 0.0) == pieces(policy, of_units((5, 0.0)), instances([IDLE, IDLE]), known, 1.0, 0.0)
    assert ([(0, 0, 3)], None) == pieces(policy, of_units((3, 0.0)), instances([IDLE, IDLE]), known, 1.0, 0.0)


# --- DeepRecSys, splitting

#: The base takes 5 ms a unit, the other two types 10.
THREE_TYPES = [TEN_EACH, [5.0 * n for n in range(1, 11)], TEN_EACH]


@pytest.mark.parametrize(
    ("units", "limit", "expected"),
    [(6, 0.6, [6]), (6, 0.3, [3, 3]), (7, 0.3, [3, 2, 2]), (6, 0.25, [2, 2, 2]), (4, 0.001, [1, 1, 1, 1])],
)
def test_parts_are_as_few_as_the_limit_allows_and_alike(units: int, limit: float, expected: list[int]) -> None:
    """At 10 ms a unit, a part of 30 of 100 ms has three units: seven are three, two and two; one unit is the least."""
    known = facts([TEN_EACH], SPLITTING)
    waiting, pool = of_units((units, 0.0)), instances([IDLE] * len(expected))
    parts, _ = pieces("deeprecsys", waiting, pool, known, 9.0, limit)
    assert [(0, instance, part) for instance, part in enumerate(expected)] == parts


def test_what_idle_instances_cannot_take_waits() -> None:
    """Of four parts two go to the two idle instances; then the next query has none."""
    known = facts([TEN_EACH], SPLITTING)
    waiting, pool = of_units((8, 1.0), (1, 0.0)), instances([IDLE, BUSY, IDLE])
    assert ([(0, 0, 2), (0, 2, 2)], None) == pieces("deeprecsys", waiting, pool, known, 9.0, 0.2)


@pytest.mark.parametrize("idle", [2, 3, 4])
def test_small_queries_go_out_in_parts_beside_a_large_one(idle: int) -> None:
    """With base instances between others, two units go to two of these and no unit twice; six to the base, whole."""
    known = facts(THREE_TYPES, SPLITTING)
    assert 1 == known.base
    waiting, pool = of_units((2, 2.0), (6, 1.0)), instances([IDLE], [IDLE], [IDLE] * idle)
    parts, _ = pieces("deeprecsys", waiting, pool, known, 4.0, 0.1)
    assert [(0, 0, 1), (0, 2, 1), (1, 1, 6)] == sorted(parts)


def test_large_queries_are_whole_where_the_base_can() -> None:
    """A query over the threshold goes to the base whole, whatever parts may take; over its largest batch in pieces."""
    known = facts(THREE_TYPES, SPLITTING, largest=[10, 4, 10])
    pool = instances([BUSY], [IDLE], [BUSY])
    assert ([(0, 1, 4)], None) == pieces("deeprecsys", of_units((4, 0.0)), pool, known, 1.0, 0.01)
    assert ([(0, 1, 3)], 0.0) == pieces("deeprecsys", of_units((6, 0.0)), pool, known, 1.0, 0.01)


# --- all of them


@pytest.mark.parametrize("serving", [MERGING, SPLITTING, BOTH], ids=str)
@pytest.mark.parametrize("policy", NAMES)
def test_answers_are_sound(policy: str, serving: Serving) -> None:
    """No unit is given twice, no batch is too large, and only what may be split or merged is."""
    given_in_all = 0
    for seed in range(150):
        draw = np.random.default_rng(seed)
        types = int(draw.integers(1, 4))
        mean_ms = draw.uniform(1, 20, (types, 1)) + draw.uniform(1, 9, (types, 1)) * np.arange(1, 11)
        largest = draw.integers(3 if serving.split else 7, 11, types).tolist()
        known = facts(mean_ms.tolist(), serving, largest=largest)
        pool = instances(
            *([IDLE if draw.random() < 0.6 else BUSY for _ in range(draw.integers(1, 5))] for _ in mean_ms)
        )
        waited_ms = -np.sort(-draw.uniform(0, 130, draw.integers(1, 12)))
        waiting = of_units(*((int(draw.integers(1, 8)), float(each)) for each in waited_ms))
        answer, _ = pieces(policy, waiting, pool, known, float(draw.choice([0.1, 0.4, 1.0])), float(draw.integers(2)))
        given = np.zeros(len(waiting.size), dtype=int)
        at_once = np.zeros(len(pool.type), dtype=int)
        for query, instance, units in answer:
            given[query] += units
            at_once[instance] += units
        assert (given <= waiting.size + 1).all()
        assert (at_once <= np.array(largest)[pool.type]).all()
        if not serving.split:
            assert ((given == 0) | (given == waiting.size + 1)).all()
        if not serving.merge:
            assert len(answer) == len({instance for _, instance, _ in answer})
        given_in_all += int(given.sum())
    assert given_in_all > 400
