"""The assignment kernel against every permutation, and where rows may wait against every partial one."""

from __future__ import annotations

import functools
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


# --- with rows that may wait

#: Every shape up to 5 x 5, and some with many more rows than columns or the other way round.
SHAPES_WITH_WAITING = [*itertools.product(range(1, 6), range(1, 6)), (7, 2), (9, 1), (2, 12), (1, 30)]


@functools.cache
def partial_matchings(rows: int, columns: int) -> NDArray[np.int64]:
    """Return all ways (N, R) to give each row a column of its own, or the number of columns where it waits."""
    ways = itertools.product(range(columns + 1), repeat=rows)
    return np.array([way for way in ways if all(way.count(column) <= 1 for column in set(way) - {columns})])


def least_total_with_waiting(cost: Matrix, wait: Matrix) -> float:
    """Return the least total cost over all partial matchings."""
    ways = partial_matchings(*cost.shape)
    return float(np.column_stack([cost, wait])[np.arange(len(cost)), ways].sum(axis=1).min())


def matched_or_waiting(cost: Matrix, wait: Matrix) -> tuple[list[int], float]:
    """Return the row of each column, and the total cost; checks that no row has two columns."""
    row_of_column = np.full(cost.shape[1], 99)
    match(cost, wait, row_of_column)
    column = np.flatnonzero(row_of_column >= 0)
    row = row_of_column[column]
    assert len(row) == len(set(row.tolist()))
    assert {-1} >= set(row_of_column[row_of_column < 0].tolist())
    waiting = np.setdiff1d(np.arange(len(cost)), row)
    return row_of_column.tolist(), float(cost[row, column].sum() + wait[waiting].sum())


@pytest.mark.parametrize(("rows", "columns"), SHAPES_WITH_WAITING)
def test_with_waiting_a_match_costs_as_little_as_the_best_partial_one(rows: int, columns: int) -> None:
    """On random costs of every shape, full of ties or not, no way to serve some and let others wait is cheaper."""
    draw = np.random.default_rng([rows, columns, 1])
    for most in (1, 2, 5, None, None, None):
        shape = (rows, columns + 1)
        drawn = draw.random(shape) if most is None else draw.integers(0, most + 1, shape) * 1.0
        cost, wait = drawn[:, 1:].copy(), drawn[:, 0].copy()
        expected = least_total_with_waiting(cost, wait)
        assert expected == pytest.approx(matched_or_waiting(cost, wait)[1], rel=1e-12, abs=1e-12)


@st.composite
def costs_and_waits(draw: st.DrawFn) -> tuple[Matrix, Matrix]:
    """Draw whole costs, some forbidden and some huge, and whole waiting costs, some huge, none forbidden."""
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    one = st.one_of(st.integers(-3, 6).map(float), st.sampled_from([1e6, np.inf, np.inf]))
    cost = [draw(st.lists(one, min_size=columns, max_size=columns)) for _ in range(rows)]
    wait = st.one_of(st.integers(-3, 6).map(float), st.sampled_from([1e6, 1e9]))
    made = np.array(cost)
    made[:, draw(st.sets(st.integers(0, columns - 1), max_size=2).map(sorted))] = np.inf
    return made, np.array(draw(st.lists(wait, min_size=rows, max_size=rows)))


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(costs_and_waits())
def test_whole_costs_are_matched_exactly_where_rows_may_wait(drawn: tuple[Matrix, Matrix]) -> None:
    """With forbidden pairs and columns, huge costs and huge waits, the total is the least to the last digit."""
    assert least_total_with_waiting(*drawn) == matched_or_waiting(*drawn)[1]


def test_a_row_waits_if_that_is_cheaper_and_no_longer() -> None:
    """A row that would cost 5 waits at 4 and is matched at 6."""
    assert [[-1], [0]] == [matched_or_waiting(np.array([[5.0]]), np.array([wait]))[0] for wait in (4.0, 6.0)]


def test_a_row_gives_its_column_to_one_that_can_wait_less() -> None:
    """Where two rows want one column, the one that waits at less does, whichever comes first; of three, two."""
    cost = np.ones((3, 1))
    for order in itertools.permutations([2.0, 5.0, 9.0]):
        assert [order.index(9.0)] == matched_or_waiting(cost, np.array(order))[0]


def test_a_row_moves_on_so_that_another_need_not_wait() -> None:
    """The first row leaves the column it came to for its second best, since the second row can go nowhere else."""
    cost = np.array([[0.0, 3.0], [1.0, np.inf]])
    assert [1, 0] == matched_or_waiting(cost, np.array([4.0, 9.0]))[0]
    assert [0, -1] == matched_or_waiting(cost, np.array([4.0, 3.5]))[0]  # 0 + 3.5 against 3 + 1


def test_with_huge_waits_as_many_rows_are_matched_as_can_be() -> None:
    """At a wait of 1e9 every column that is not forbidden has a row, and fractions of the costs still count."""
    draw = np.random.default_rng(5)
    for rows, columns in [(5, 3), (3, 5), (4, 4)]:
        for _ in range(30):
            cost, wait = draw.random((rows, columns)), 1e9 + draw.random(rows)
            cost[:, 0] = np.inf
            row_of_column, total = matched_or_waiting(cost, wait)
            assert min(rows, columns - 1) == sum(row >= 0 for row in row_of_column)
            assert -1 == row_of_column[0]
            assert least_total_with_waiting(cost, wait) == pytest.approx(total, rel=0, abs=1e-5)


def test_waits_above_every_cost_change_nothing() -> None:
    """Where there are columns for all and waiting costs more than all of them, the match is that without waiting."""
    draw = np.random.default_rng(6)
    for rows, columns in [(1, 1), (3, 3), (5, 9), (20, 30)]:
        cost = draw.random((rows, columns))
        assert matched(cost)[0] == matched_or_waiting(cost, np.full(rows, 50.0))[0]
