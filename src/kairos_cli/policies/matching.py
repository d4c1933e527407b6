"""Least-cost assignment of a few queries to a few instances.

Successive shortest augmenting paths with potentials (Kuhn 1955; Jonker and Volgenant 1987): rows are
added one by one, each by the cheapest alternating path, so that every prefix is matched at least cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kairos_cli.policies.compiled import kernel

_INFINITE = 1e300


@kernel
def match(cost: Any, row_of_column: Any) -> None:
    """Match every row of `cost` (R, C), R <= C, at least total cost; unmatched columns get row -1."""
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
        shortest[:] = _INFINITE
        settled[:] = 0
        row = start
        reached = -1
        length = 0.0
        while row >= 0:
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
            settled[nearest] = 1
            reached = nearest
            length = shortest[nearest]
            row = row_of_column[nearest]
        # Keep every reduced cost at or above zero, and those on the tree at zero.
        row_potential[start] += length
        for column in range(columns):
            if settled[column] == 1 and column != reached:
                row_potential[row_of_column[column]] += length - shortest[column]
                column_potential[column] -= length - shortest[column]
        while reached >= 0:
            before = previous[reached]
            row_of_column[reached] = start if before < 0 else row_of_column[before]
            reached = before
