"""What joins a batch of `shadow`: the dynamic program against every subset."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from kairos_cli.policies.batches import NEVER_MS, STEPS, taken_along
from kairos_cli.policies.state import Service
from tests.policies.batch_states import facts
from tests.simulate.batch_cases import MERGING


def taken(
    known: Service,
    first: int,
    until_ms: float,
    units: list[int],
    slack_ms: list[float],
    value: list[float],
    free: list[bool] | None = None,
) -> list[int]:
    """Return which pieces join one of `first` units, in order."""
    slack = np.array(slack_ms)
    found = taken_along(
        0, first - 1, until_ms, np.argsort(-slack), np.array(free or [True] * len(units)),
        np.array(units) - 1, slack, np.array(value), known,
    )  # fmt: skip
    return sorted(int(each) for each in found)


def worth_of(known: Service, first: int, units: list[int], value: list[float], who: tuple[int, ...]) -> float:
    """Return what a batch is worth: the values of those taken along less the price of its time."""
    rows = first + sum(units[each] for each in who) - 1
    return sum(value[each] for each in who) - float(known.time_price[0] * known.mean_ms[0, rows])


def may_be(
    known: Service, first: int, until_ms: float, units: list[int], slack_ms: list[float], who: tuple[int, ...]
) -> bool:
    """Tell whether all in a batch are all but surely in time, and there is room for them."""
    total = first + sum(units[each] for each in who)
    if total > known.largest[0]:
        return False
    return not who or known.high_ms[0, total - 1] <= min([until_ms, *(slack_ms[each] for each in who)])


def test_no_subset_is_worth_more() -> None:
    """On drawn states the pieces taken along may be, and of all subsets that may be none is worth more."""
    joined = 0
    for seed in range(400):
        draw = np.random.default_rng(seed)
        mean_ms = np.sort(draw.uniform(1, 30, 12)).tolist()
        known = facts(
            [mean_ms], MERGING, largest=[int(draw.integers(6, 13))], shadow_price=[float(draw.uniform(50, 400))]
        )
        number, first = int(draw.integers(1, 8)), int(draw.integers(1, 5))
        units = draw.integers(1, 5, number).tolist()
        slack_ms = draw.choice([8.0, 15.0, 22.0, 40.0, NEVER_MS], number).tolist()
        value, free = draw.uniform(-0.5, 2.0, number).tolist(), (draw.random(number) < 0.8).tolist()
        until_ms = float(draw.choice([12.0, 25.0, NEVER_MS]))
        found = tuple(taken(known, first, until_ms, units, slack_ms, value, free))
        able = [place for place in range(number) if free[place]]
        every = [who for size in range(len(able) + 1) for who in itertools.combinations(able, size)]
        best = max(worth_of(known, first, units, value, who) for who in every
                   if may_be(known, first, until_ms, units, slack_ms, who))  # fmt: skip
        assert set(able) >= set(found)
        assert may_be(known, first, until_ms, units, slack_ms, found)
        assert best == pytest.approx(worth_of(known, first, units, value, found))
        joined += len(found)
    assert joined > 200


#: A batch of n units takes 10 + n ms, at 0.1 queries a ms: one more unit costs 0.1.
STARTS = facts([[10.0 + n for n in range(1, 9)]], MERGING, shadow_price=[100.0 / 1.05])


def test_a_piece_joins_if_it_is_worth_more_than_the_time_it_adds() -> None:
    """At 0.1 for one unit more, of the values 0.11 and 0.09 the first joins."""
    assert pytest.approx(0.1) == STARTS.time_price[0]
    assert [0] == taken(STARTS, 1, NEVER_MS, [1, 1], [50.0, 50.0], [0.11, 0.09])


def test_who_has_little_time_left_is_not_taken_along_into_a_long_batch() -> None:
    """Four units end in 14 ms: who has 13 left cannot be among them, and of two such choices the dearer is made."""
    assert [0] == taken(STARTS, 1, NEVER_MS, [3, 1], [50.0, 13.0], [2.0, 1.0])
    assert [1] == taken(STARTS, 1, NEVER_MS, [3, 1], [50.0, 13.0], [1.0, 2.0])
    assert [0, 1] == taken(STARTS, 1, NEVER_MS, [3, 1], [50.0, 15.0], [2.0, 1.0])


def test_the_first_of_a_batch_is_kept_in_time() -> None:
    """With 13 ms left for the first, two more units may join and a third may not."""
    assert [0, 1] == taken(STARTS, 1, 13.0, [1, 1, 1], [50.0] * 3, [3.0, 2.0, 1.0])


def test_who_is_late_already_has_all_the_time() -> None:
    """Pieces without a deadline fill up to the largest batch."""
    assert list(range(7)) == taken(STARTS, 1, NEVER_MS, [1] * 9, [NEVER_MS] * 9, [9.0 - n for n in range(9)])


def test_of_many_units_several_are_one_step_and_no_batch_is_too_large() -> None:
    """With 300 units in a batch, steps are of three units, rounded up: of pieces of 50, five join one of 10."""
    long = facts([[10.0 + n / 100 for n in range(1, 301)]], MERGING, shadow_price=[100.0 / 1.05])
    assert 300 > STEPS
    assert [0, 1, 2, 3, 4] == taken(long, 10, NEVER_MS, [50] * 8, [90.0] * 8, [8.0 - n for n in range(8)])
