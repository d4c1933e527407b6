"""The published rule of choice, on rankings made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos_cli.planner.choice import published_choice
from tests.planner.tables import law


@pytest.mark.parametrize("base", [0, 1])
def test_the_top_pool_is_chosen_if_the_best_three_agree(base: int) -> None:
    """Three pools of two base instances: the first, though the crowd of the best ten is elsewhere."""
    ranked = np.array([[2, 9], [2, 8], [2, 7], *[[1, 1]] * 7])

    assert 0 == published_choice(ranked if base == 0 else ranked[:, ::-1], base)


def test_only_the_base_type_needs_to_agree() -> None:
    """What the three have of other types does not matter."""
    assert 0 == published_choice(np.array([[1, 0, 13], [1, 4, 0], [1, 1, 9], [3, 0, 0]]), 0)


def test_the_most_central_of_the_best_ten_is_chosen_if_they_do_not_agree() -> None:
    """On a line, at 0, 1, 2, …, 9 but for the order, the centre is 4 or 5: the first of the two in the ranking."""
    line = [9, 0, 8, 5, 4, 1, 7, 2, 6, 3]

    assert line.index(5) == published_choice(np.array([[each, 0] for each in line]), 0)


def test_the_distance_is_squared() -> None:
    """At 0, 1, 2, 3 and 24 the mean is 6: 3 is nearest to all in squares, though 2 is in plain distance."""
    assert 1 == published_choice(np.array([[24], [3], [2], [1], [0]]), 0)


def test_the_distance_counts_every_type() -> None:
    """The third is the centre by the auxiliaries, though not by the base."""
    assert 2 == published_choice(np.array([[1, 0, 0], [2, 9, 9], [3, 4, 5]]), 0)


def test_the_eleventh_pool_has_no_say() -> None:
    """Hundreds of pools far below the best ten do not move the choice."""
    ranked = [[1, 5], [2, 5], [3, 5], *[[2, 5]] * 7]

    assert 1 == published_choice(np.array(ranked + [[9, 9]] * 300), 0)


@pytest.mark.parametrize(("ranked", "row"), [([[1, 3]], 0), ([[1, 3], [1, 2]], 0), ([[1, 3], [2, 3]], 0)])
def test_fewer_than_three_pools_are_enough(ranked: list[list[int]], row: int) -> None:
    """One pool is chosen; of two, as far from each other as the other from it, the first."""
    assert row == published_choice(np.array(ranked), 0)


@law(100)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=14))
def test_the_published_rule_in_plain_words(ranked: list[tuple[int, int, int]]) -> None:
    """The arrays do what loops over the best ten do."""
    ten = ranked[:10]
    apart = [sum((x - y) ** 2 for other in ten for x, y in zip(one, other, strict=True)) for one in ten]
    agree = len({base for base, *_ in ranked[:3]}) == 1

    assert (0 if agree else apart.index(min(apart))) == published_choice(np.array(ranked), 0)
