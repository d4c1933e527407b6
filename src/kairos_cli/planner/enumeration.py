"""Every pool that a budget can buy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.constraints import Constraints
from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.planner.permitted import permitted

#: Above this many pools the integer programs choose instead; below it ranking all takes seconds.
MOST_POOLS = 200_000


def affordable_counts(
    table: ServiceTable, budget_usd_per_hour: float, constraints: Constraints, most: int = MOST_POOLS
) -> Counts | None:
    """Return every non-empty pool within budget and constraints as rows of counts (N, J), in lexical order.

    None if more than `most` are within budget and the caps of single columns, whatever else is asked.
    """
    counts = np.zeros((1, 0), dtype=np.int64)
    left_usd = np.array([budget_usd_per_hour])
    for name, price in zip(table.names, table.price_usd_per_hour, strict=True):
        largest = np.floor((left_usd + USD_TOLERANCE) / price).astype(np.int64)
        cap = constraints.most_of(name)
        choices = (largest if cap is None else np.minimum(largest, cap)) + 1
        if choices.sum() > most + 1:  # the empty pool is among them, and does not count
            return None
        # Row r of the pools so far is repeated for each count 0, 1, … that its money still buys.
        row = np.repeat(np.arange(len(counts)), choices)
        count = np.arange(len(row)) - np.repeat(np.cumsum(choices) - choices, choices)
        counts = np.column_stack([counts[row], count])
        left_usd = left_usd[row] - count * price
    counts = counts[counts.any(axis=1)]
    return counts[permitted(table, constraints, counts)]


def able_to_serve(table: ServiceTable, counts: Counts) -> NDArray[np.bool_]:
    """Tell of each pool (N, J) of present instances whether it meets the target at any rate, however small.

    It does if sending each batch size to the type that is most often on time keeps enough queries on
    time. That depends only on which types are present, so each such set is looked at once.
    """
    if not len(counts):
        return np.zeros(0, dtype=np.bool_)
    present, pools = np.unique(counts > 0, axis=0, return_inverse=True)
    late = np.array([table.least_late_share(types) for types in present])
    able = late <= table.qos.late_share + 1e-12
    return np.asarray(able[pools.reshape(-1)])
