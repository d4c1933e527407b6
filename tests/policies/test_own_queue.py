"""What instances with queues of their own serve next, and how long that takes, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kairos_cli.policies import own_queue
from kairos_cli.policies.state import Service
from tests.policies.batch_states import facts, of_units, pieces
from tests.policies.states import IDLE, NOW_MS, instances
from tests.simulate.batch_cases import BOTH, MERGING, SPLITTING

#: Up to six units, n of them in 10 n ms; batches of up to five.
TENS = facts([[10.0 * n for n in range(1, 7)]], MERGING, largest=[5])
NO_LIMIT, HALF, IN_TIME, ANY_TIME = 1.0, 0.5, 1.0, 0.0


def may_be(units: int, ends_by_ms: float, *option: float, known: Service = TENS) -> bool:
    """Tell whether a batch of so many units may be, if it must end so many ms from now."""
    return bool(own_queue.may_grow(0, units - 1, NOW_MS + ends_by_ms, NOW_MS, known, np.array(option)))


def test_a_batch_grows_to_the_largest_that_its_type_serves() -> None:
    """Five units may be a batch where five are allowed; six may not, however much time there is."""
    assert may_be(5, 1e9, NO_LIMIT, IN_TIME)
    assert not may_be(6, 1e9, NO_LIMIT, ANY_TIME)


def test_a_batch_takes_no_more_of_the_target_than_the_limit() -> None:
    """At a limit of half of 100 ms five units of 10 ms may be a batch; at one of 0.49 only four."""
    assert may_be(5, 1e9, HALF, ANY_TIME)
    assert not may_be(5, 1e9, 0.49, ANY_TIME)
    assert may_be(4, 1e9, 0.49, ANY_TIME)


def test_a_batch_ends_in_time_for_all_on_board_if_that_is_asked() -> None:
    """Three units end in 30 ms: in time for who has 30, too late for who has 29, which only matters if asked."""
    assert may_be(3, 30.0, NO_LIMIT, IN_TIME)
    assert not may_be(3, 29.0, NO_LIMIT, IN_TIME)
    assert may_be(3, 29.0, NO_LIMIT, ANY_TIME)


def test_a_piece_that_is_late_even_alone_has_no_deadline() -> None:
    """Two units that came 80 ms ago must end in 20 and can; those of 80.5 ms ago cannot, and do not hold others up."""
    in_time, late = (own_queue.deadline_ms(0, 1, NOW_MS - waited_ms, NOW_MS, TENS) for waited_ms in (80.0, 80.5))
    assert NOW_MS + 20 == in_time
    assert late > 1e200


def test_a_queue_takes_full_batches_and_one_of_the_rest() -> None:
    """Seven units are a full batch of five and one of two: 50 + 20 ms; nothing takes no time."""
    assert 4 == TENS.full[0]
    assert [0.0, 10.0, 50.0, 70.0, 100.0] == [own_queue.in_batches_ms(0, units, TENS) for units in (0, 1, 5, 7, 10)]


def test_full_is_the_largest_batch_that_is_in_time() -> None:
    """At a target of 30 ms batches of three are full: seven units are two of them and one of one."""
    tight = facts([[10.0 * n for n in range(1, 7)]], MERGING, target_ms=30.0)
    assert 2 == tight.full[0]
    assert 70.0 == own_queue.in_batches_ms(0, 7, tight)


def test_one_more_piece_costs_what_the_queue_gets_longer() -> None:
    """Where a batch of n takes 20 + n ms, a third unit costs one ms, and the one after a full batch of four 21."""
    starts = facts([[20.0 + n for n in range(1, 5)]], MERGING)
    assert [21.0, 1.0, 1.0, 1.0, 21.0] == [own_queue.more_ms(0, queued, 0, starts) for queued in range(5)]


def test_where_none_are_merged_a_piece_costs_its_own_time() -> None:
    """However many units queue, one of three takes 30 ms more."""
    alone = facts([[10.0 * n for n in range(1, 7)]], SPLITTING)
    assert [30.0, 30.0] == [own_queue.more_ms(0, queued, 2, alone) for queued in (0, 4)]


def test_clockwork_joins_a_batch_that_is_being_made_up() -> None:
    """A query goes where one queues already, 1 ms more in its batch, rather than alone in 15 ms on another type.

    The first is busy for 5 ms and then serves what queues: 21 ms for one, 22 for two.
    """
    known = facts([[20.0 + n for n in range(1, 5)], [28.0] * 4], MERGING)
    pool = instances([(2, 26.0)], [IDLE])
    joined, alone = pool._replace(queued=np.array([1, 0])), pool._replace(queued=np.array([0, 0]))
    assert [(0, 0, 1)] == pieces("clockwork", of_units((1, 0.0)), joined, known, 1.0, 1.0)[0]
    assert [(0, 1, 1)] == pieces("clockwork", of_units((1, 0.0)), alone, known, 1.0, 1.0)[0]


def test_greedy_pays_for_a_share_of_a_full_batch() -> None:
    """Alone the second type is cheaper, 20 ms against 21; in a full batch of four the first takes 6 ms a unit."""
    known = facts([[20.0 + n for n in range(1, 5)], [20.0 * n for n in range(1, 5)]], MERGING)
    assert [6.0, 20.0] == known.share_ms[:, 0].tolist()
    assert [(0, 0, 1)] == pieces("greedy", of_units((1, 0.0)), instances([IDLE], [IDLE]), known, 1.0, 1.0)[0]


@pytest.mark.parametrize("policy", ["clockwork", "greedy", "least_loaded", "instance_aware"])
@pytest.mark.parametrize("serving", [SPLITTING, BOTH], ids=str)
def test_what_is_left_of_a_large_query_is_placed_at_once(policy: str, serving: object) -> None:
    """Of five units an instance is given the three it may serve, and the policy wants to place the rest at once."""
    known = facts([[10.0 * n for n in range(1, 7)]], serving, largest=[3])  # type: ignore[arg-type]
    pool = instances([IDLE, IDLE])
    assert ([(0, 0, 3)], 0.0) == pieces(policy, of_units((5, 0.0)), pool, known, 1.0, 0.0)
    assert ([(0, 0, 2)], None) == pieces(policy, of_units((2, 0.0)), pool, known, 1.0, 0.0)
    # Other queries that wait meanwhile follow at once, too.
    assert ([(0, 0, 2)], 0.0) == pieces(policy, of_units((2, 1.0), (1, 0.0)), pool, known, 1.0, 0.0)
