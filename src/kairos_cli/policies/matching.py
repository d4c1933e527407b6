"""Least-cost assignment of a few queries to a few instances, where they may also wait.

Successive shortest augmenting paths with potentials (Kuhn 1955; Jonker and Volgenant 1987): rows are
added one by one, each by the cheapest alternating path, so that every prefix is matched at least cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kairos_cli.policies.compiled import inlined, kernel

#: The cost of what must not be.
NEVER = 1e300


@kernel
def match(cost: Any, wait: Any, row_of_column: Any) -> None:  # noqa: C901 - one shortest-path search
    """Match rows of `cost` (R, C) with columns, or leave them at their cost `wait` (R,), at least total cost.

    Columns without a row get row -1. Where no row may be left, R <= C and `wait` is NEVER. Waiting is like a
    column of its own for each row: nobody else can take it, so a row that waits will go on waiting when more
    rows are added, and those columns need not be built.
    """
    rows, columns = cost.shape
    # One allocation each for the numbers and the marks: a match of a few queries takes no longer than these.
    numbers = np.zeros(rows + 2 * columns)
    row_potential = numbers[:rows]
    column_potential = numbers[rows : rows + columns]
    shortest = numbers[rows + columns :]
    marks = np.empty(2 * columns, np.int64)
    previous = marks[:columns]
    settled = marks[columns:]
    row_of_column[:] = -1
    for start in range(rows):
        shortest[:] = NEVER
        settled[:] = 0
        row = start
        reached = -1
        length = 0.0
        until = NEVER  # the shortest path that ends with a row that waits, and the column which that gives up
        given_up = -1
        while row >= 0:
            to_wait = length + wait[row] - row_potential[row]
            if to_wait < until:
                until, given_up = to_wait, reached
            # Extend the tree of alternating paths by the column that is nearest to it.
            nearest = -1
            for column in range(columns):
                if settled[column] == 1:
                    continue
                path = length + cost[row, column] - row_potential[row] - column_potential[column]
                if path < shortest[column]:
                    shortest[column] = path
                    previous[column] = reached
                # Of equal columns a free one, since there the path ends.
                gain = shortest[nearest] - shortest[column] if nearest >= 0 else 1.0
                if gain > 0 or (gain == 0 and row_of_column[column] < 0 <= row_of_column[nearest]):
                    nearest = column
            if nearest < 0 or shortest[nearest] >= until:
                reached = given_up
                length = until
                break
            settled[nearest] = 1
            reached = nearest
            length = shortest[nearest]
            row = row_of_column[nearest]
        # Keep every reduced cost at or above zero, and those on the tree at zero.
        row_potential[start] += length
        for column in range(columns):
            if settled[column] == 1 and shortest[column] < length:
                row_potential[row_of_column[column]] += length - shortest[column]
                column_potential[column] -= length - shortest[column]
        _hand_on(start, reached, previous, row_of_column)


@inlined
def _hand_on(start: int, reached: int, previous: Any, row_of_column: Any) -> None:
    """Let each row on the path to a column take the next column, the new row `start` the first."""
    while reached >= 0:
        before = previous[reached]
        row_of_column[reached] = start if before < 0 else row_of_column[before]
        reached = before
