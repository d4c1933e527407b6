"""The policy `shadow` where queries are merged or split: states by hand."""

from __future__ import annotations

import pytest

from kairos_cli.domain.serving import Serving
from tests.policies.batch_states import facts, of_units, pieces
from tests.policies.states import IDLE, instances
from tests.simulate.batch_cases import BOTH, MERGING, SPLITTING

#: A batch of n units takes 10 + n ms.
STARTS = [[10.0 + n for n in range(1, 9)]]
BUSY = (1, 90.0)


def test_an_idle_instance_takes_along_what_waits() -> None:
    """Three queries that wait for one instance are one batch: a unit more costs next to nothing."""
    known = facts(STARTS, MERGING)
    answer, _ = pieces("shadow", of_units((1, 30.0), (1, 20.0), (1, 10.0)), instances([IDLE]), known)
    assert [(0, 0, 1), (1, 0, 1), (2, 0, 1)] == sorted(answer)


def test_no_batch_is_larger_than_its_type_serves() -> None:
    """With batches of two units the third query waits."""
    known = facts(STARTS, MERGING, largest=[2])
    answer, _ = pieces("shadow", of_units((1, 30.0), (1, 20.0), (1, 10.0)), instances([IDLE]), known)
    assert 2 == len(answer)


def test_who_has_too_little_time_for_a_large_batch_is_in_a_small_one() -> None:
    """A query with 11.5 ms left is served alone, in 11 ms, and not with the other, in 12."""
    known = facts(STARTS, MERGING)
    answer, _ = pieces("shadow", of_units((1, 88.5), (1, 1.0)), instances([IDLE, BUSY]), known)
    assert [(0, 0, 1)] == answer


def test_a_late_query_does_not_take_the_instance_of_one_in_time() -> None:
    """Of a query that is late and one in time, which do not fit into one batch, the one in time is served."""
    known = facts(STARTS, MERGING, largest=[8])
    answer, _ = pieces("shadow", of_units((5, 500.0), (5, 10.0)), instances([IDLE, BUSY]), known)
    assert [(1, 0, 5)] == answer


def test_a_late_piece_is_not_taken_along_before_one_in_time() -> None:
    """Where one more unit fits into the batch, it is that of the query in time and not the late one."""
    known = facts(STARTS, MERGING, largest=[3])
    waiting = of_units((1, 500.0), (2, 50.0), (1, 40.0))
    answer, _ = pieces("shadow", waiting, instances([IDLE, BUSY]), known)
    assert [(1, 0, 2), (2, 0, 1)] == sorted(answer)


@pytest.mark.parametrize("serving", [SPLITTING, BOTH], ids=str)
def test_a_query_too_large_for_every_instance_is_served_in_parts(serving: Serving) -> None:
    """Six units, with batches of two at most, are three parts on three idle instances."""
    known = facts([[10.0 * n for n in range(1, 7)]], serving, largest=[2])
    answer, _ = pieces("shadow", of_units((6, 0.0)), instances([IDLE, IDLE, IDLE]), known)
    assert [(0, 0, 2), (0, 1, 2), (0, 2, 2)] == sorted(answer)


def test_a_query_too_slow_for_every_instance_is_served_in_parts() -> None:
    """Six units take 60 ms where there are 50: two parts of three, of 30 ms each, are in time."""
    known = facts([[10.0 * n for n in range(1, 7)]], SPLITTING, target_ms=50.0)
    answer, _ = pieces("shadow", of_units((6, 0.0)), instances([IDLE, IDLE, IDLE]), known)
    assert [(0, 0, 3), (0, 1, 3)] == sorted(answer)


def test_a_query_that_is_in_time_whole_is_not_split() -> None:
    """Of six units that take 60 of 100 ms no part is made, however many instances are idle."""
    known = facts([[10.0 * n for n in range(1, 7)]], SPLITTING)
    answer, _ = pieces("shadow", of_units((6, 0.0)), instances([IDLE, IDLE, IDLE]), known)
    assert 6 == answer[0][2]
    assert 1 == len(answer)


def test_a_piece_is_given_to_no_type_that_may_not_serve_as_much_at_once() -> None:
    """Four units wait for the type that serves four, which is busy; the idle one serves three, and is cheaper."""
    known = facts([[10.0, 12.0, 14.0, 16.0]] * 2, SPLITTING, largest=[3, 4], shadow_price=[50.0, 80.0])
    free_soon = instances([IDLE], [(1, 1.0)])
    assert all(units <= 3 for _, instance, units in pieces("shadow", of_units((4, 0.0)), free_soon, known)[0])
    # So do those that have waited longer than fifty targets, and come before all others.
    overdue = pieces("shadow", of_units((4, 6000.0)), instances([IDLE, IDLE], [BUSY]), known)[0]
    assert [(0, 1, 3)] == overdue


def test_an_instance_left_idle_is_looked_at_again() -> None:
    """Where a query waits for a busy instance beside an idle one, the policy asks to be woken, if it may merge."""
    slow_and_cheap = [[10.0], [30.0]]
    pool = instances([IDLE], [(1, 1.0)])
    for serving, woken in ((MERGING, True), (SPLITTING, False)):
        known = facts(slow_and_cheap, serving, shadow_price=[900.0, 20.0])
        answer, woken_ms = pieces("shadow", of_units((1, 0.0)), pool, known)
        assert [] == answer
        assert woken == (woken_ms is not None)
        if woken_ms is not None:
            assert 0 < woken_ms < 100


def test_while_all_instances_are_idle_a_query_is_served_in_batches_too() -> None:
    """No query waits for a batch where nothing is busy."""
    known = facts([[90.0] * 4], MERGING, shadow_price=[1000.0])
    for serving_units in (1, 4):
        answer, _ = pieces("shadow", of_units((serving_units, 0.0)), instances([IDLE, IDLE]), known)
        assert [serving_units] == [units for _, _, units in answer]
