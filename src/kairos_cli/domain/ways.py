"""The ways to serve a query: on which type, and in batches of which size (docs/batching.md has the proofs).

A batch of x items on type j takes m_j(x) on average, and its items share that time in proportion: a query of
b of them takes b m_j(x) / x. Which x there may be is what the serving system decides:

    one at a time   x = b
    merging         x >= b     the query may be one of several in the batch
    splitting       x <= b     the batch may be one of several parts of the query
    both            any x

up to the largest batch of the type. Each x has a chance of being late, 1 - P_j(x). Of all ways to serve a size on
a type only the corners of the lower convex hull of (time, chance of being late) are needed: any other way is
no better than a mixture of two of these, in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import ServiceTable

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """Ways to serve queries (K,), by type, and by size within a type.

    `type` is the index of the type; `size` the row of the query's size and `batch` that of the batch it is served
    in; `ms` the mean time that the query takes of an instance, and `late` its chance of being late once served.
    """

    type: Ints
    size: Ints
    batch: Ints
    ms: Floats
    late: Floats

    def name(self, k: int) -> str:
        """Return what is to be read in a program: type and size, and the batch where it is not the query itself."""
        j, b, x = int(self.type[k]), int(self.size[k]), int(self.batch[k])
        return f"{j}_{b}" if x == b else f"{j}_{b}_{x}"


def ways(table: ServiceTable) -> Ways:
    """Return the ways that any distribution of queries can be made of, for the sizes that queries have."""
    types, sizes = len(table.names), np.flatnonzero(table.probability)
    if table.serving.one_at_a_time:
        kind, size = np.repeat(np.arange(types), len(sizes)), np.tile(sizes, types)
        return Ways(kind, size, size, table.mean_ms[kind, size], 1 - table.on_time[kind, size])
    corners = [_corners(table, j) for j in range(types)]
    found = [(j, b, x) for j in range(types) for b in sizes.tolist() for x in corners[j][b]]
    kind, size, batch = np.array(found, dtype=np.int64).reshape(-1, 3).T
    share = table.batch_size[size] / table.batch_size[batch]
    return Ways(kind, size, batch, table.mean_ms[kind, batch] * share, 1 - table.on_time[kind, batch])


def _corners(table: ServiceTable, j: int) -> list[list[int]]:
    """Return for each size (B,) the batches on a type, as rows, at the corners of its hull; the cheapest first."""
    sizes, largest = len(table.batch_size), int(table.largest[j])
    item_ms, late = (table.mean_ms[j] / table.batch_size).tolist(), (1 - table.on_time[j]).tolist()
    join, none = partial(_with_one_more, item_ms, late), list[int]()
    # The batches of one size are those of its neighbour and one more: so are the candidates for corners.
    if table.serving.merge:
        downwards = list(accumulate(reversed(range(largest)), join, initial=none))
        return [downwards[largest if table.serving.split else max(largest - size, 0)] for size in range(sizes)]
    upwards = list(accumulate(range(largest), join, initial=none))
    return [upwards[min(size + 1, largest)] for size in range(sizes)]


def _with_one_more(item_ms: list[float], late: list[float], corners: list[int], batch: int) -> list[int]:
    """Return the corners of the lower left convex hull after another batch has joined its points."""
    hull: list[int] = []
    # By cost, and of equals the least late; the larger batch of those that are alike in both.
    for each in sorted([*corners, batch], key=lambda x: (item_ms[x], late[x], -x)):
        if hull and late[each] >= late[hull[-1]]:
            continue
        while len(hull) > 1 and _above(item_ms, late, hull[-2], hull[-1], each):
            hull.pop()
        hull.append(each)
    return hull


def _above(cost: list[float], late: list[float], low: int, middle: int, high: int) -> bool:
    """Tell whether the middle point lies on or above the straight line between the other two."""
    slope_low = (late[middle] - late[low]) * (cost[high] - cost[low])
    slope_high = (late[high] - late[low]) * (cost[middle] - cost[low])
    return slope_low >= slope_high
