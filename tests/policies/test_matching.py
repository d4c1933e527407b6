"""The assignment kernel against every permutation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kairos_cli.policies.matching import NEVER, match

Matrix = NDArray[np.float64]

#: Every shape up to 6 x 8, rows not more than columns.
SHAPES = [(rows, columns) for rows in range(1, 7) for columns in range(rows, 9)]


def matched(cost: Matrix) -> tuple[list[int], float]:
    """Return the row of each column, and the total cost; checks that each row has exactly one column."""
    row_of_column = np.full(cost.shape[1], 99)
    match(cost, np.full(len(cost), NEVER), row_of_column)
    column = np.flatnonzero(row_of_column >= 0)
    assert list(range(len(cost))) == sorted(row_of_column[column])
    assert {-1} >= set(row_of_column[row_of_column < 0])
    return row_of_column.tolist(), float(cost[row_of_column[column], column].sum())


def least_total(cost: Matrix) -> float:
    """Return the least total cost over all ways to give each row a column of its own."""
    rows, columns = cost.shape
    ways = np.array(list(itertools.permutations(range(columns), rows)))
    return float(cost[np.arange(rows), ways].sum(axis=1).min())


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_a_match_costs_as_little_as_the_best_of_all_permutations(rows: int, columns: int) -> None:
    """On random costs of every shape, real ones and ones full of ties, no permutation is cheaper."""
    draw = np.random.default_rng([rows, columns])
    for most in (1, 2, 5, None) if columns < 8 else (3, None):
        cost = draw.random((rows, columns)) if most is None else draw.integers(0, most + 1, (rows, columns)) * 1.0
        assert least_total(cost) == pytest.approx(matched(cost)[1], rel=1e-12, abs=1e-12)


@st.composite
def costs(draw: st.DrawFn) -> Matrix:
    """Draw a small matrix of whole numbers, some of them huge, some below zero."""
    columns = draw(st.integers(1, 5))
    rows = draw(st.integers(1, columns))
    one = st.one_of(st.integers(-3, 3), st.sampled_from([10**6, 10**9]))
    row = st.lists(one, min_size=columns, max_size=columns)
    return np.array(draw(st.lists(row, min_size=rows, max_size=rows)), dtype=np.float64)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(costs())
def test_whole_costs_are_matched_exactly(cost: Matrix) -> None:
    """With whole numbers, negative and huge ones too, the total is the least to the last digit."""
    assert least_total(cost) == matched(cost)[1]


@pytest.mark.parametrize("columns", [1, 2, 7, 100])
def test_one_row_takes_its_cheapest_column(columns: int) -> None:
    """A single row is matched with its cheapest column, and every other column stays free."""
    cost = np.random.default_rng(columns).permutation(columns)[None, :] * 1.0
    expected = [0 if each == 0 else -1 for each in cost[0]]
    assert expected == matched(cost)[0]


def test_equal_costs_are_matched_in_order() -> None:
    """Where all costs are equal, row i has column i: the earliest go to the first."""
    assert [0, 1, 2, -1, -1] == matched(np.full((3, 5), 7.0))[0]


def test_a_square_match_leaves_no_column_free() -> None:
    """With as many rows as columns every column is matched."""
    cost = np.random.default_rng(1).random((8, 8))
    assert -1 not in matched(cost)[0]


def test_the_only_match_without_a_penalty_is_found() -> None:
    """A hidden permutation free of penalties is found among penalties of any size."""
    draw = np.random.default_rng(2)
    for size, penalty in itertools.product((3, 10, 64), (1e3, 1e9, 1e15)):
        hidden = draw.permutation(size)
        cost = np.full((size, size), penalty)
        cost[hidden, np.arange(size)] = draw.random(size)
        assert hidden.tolist() == matched(cost)[0]


def test_a_penalty_nobody_can_avoid_does_not_hide_the_rest() -> None:
    """Where one row is penalised in every column, the others are still matched at least cost."""
    cost = np.array([[1e9, 1e9, 1e9], [1.0, 2.0, 9.0], [1.0, 9.0, 9.0]])
    assert [2, 1, 0] == matched(cost)[0]


def test_adding_to_a_row_does_not_change_the_match() -> None:
    """A cost that a row bears wherever it goes changes the total, not who goes where."""
    draw = np.random.default_rng(3)
    for _ in range(50):
        cost = draw.random((4, 6))
        assert matched(cost)[0] == matched(cost + draw.random((4, 1)) * 100)[0]


def test_large_matches_satisfy_the_conditions_of_optimality() -> None:
    """At the sizes the policy meets, no exchange of two rows and no move to a free column is cheaper."""
    draw = np.random.default_rng(4)
    for rows, columns in [(64, 64), (64, 250), (20, 100)]:
        cost = draw.random((rows, columns)) * 350
        row_of_column = np.array(matched(cost)[0])
        column = np.array([int(np.flatnonzero(row_of_column == row)[0]) for row in range(rows)])
        now = cost[np.arange(rows), column]
        exchanged = cost[:, column] + cost[:, column].T
        assert (exchanged >= now[:, None] + now[None, :] - 1e-9).all()
        free = np.flatnonzero(row_of_column < 0)
        assert (cost[:, free] >= now[:, None] - 1e-9).all()
