"""Every pool that a budget can buy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.prices import USD_TOLERANCE
from kairos_cli.domain.service_table import ServiceTable

Counts = NDArray[np.int64]

#: Above this many pools the integer programs choose instead; below it ranking all takes seconds.
MOST_POOLS = 200_000


def affordable_counts(
    table: ServiceTable, budget_usd_per_hour: float, max_instances: Mapping[str, int], most: int = MOST_POOLS
) -> Counts | None:
    """Return every non-empty pool within budget and caps as rows of counts (N, J); None if over `most`.

    Rows are in lexical order.
    """
    counts = np.zeros((1, 0), dtype=np.int64)
    left_usd = np.array([budget_usd_per_hour])
    for name, price in zip(table.names, table.price_usd_per_hour, strict=True):
        largest = np.floor((left_usd + USD_TOLERANCE) / price).astype(np.int64)
        choices = np.minimum(largest, max_instances.get(name, largest.max())) + 1
        if choices.sum() > most + 1:  # the empty pool is among them, and does not count
            return None
        # Row r of the pools so far is repeated for each count 0, 1, … that its money still buys.
        row = np.repeat(np.arange(len(counts)), choices)
        count = np.arange(len(row)) - np.repeat(np.cumsum(choices) - choices, choices)
        counts = np.column_stack([counts[row], count])
        left_usd = left_usd[row] - count * price
    return counts[counts.any(axis=1)]


def able_to_serve(table: ServiceTable, counts: Counts) -> NDArray[np.bool_]:
    """Tell of each pool (N, J) whether it meets the target at any rate at all, however small.

    It does if sending each batch size to the type that is most often on time keeps enough queries on
    time. That depends only on which types are present, so each such set is looked at once.
    """
    present, pools = np.unique(counts > 0, axis=0, return_inverse=True)
    late = np.array([table.least_late_share(types) for types in present])
    able = late <= table.qos.late_share + 1e-12
    return np.asarray(able[pools.reshape(-1)])
