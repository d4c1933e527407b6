"""Which of the ranked pools to recommend (design 3.4).

`capacity` takes the greatest exact bound. `published` looks at the closed-form bound only: the top pool
if the best three have the same number of base instances, else, of the best ten, the one with the least
sum of squared distances to the others. The authors' released code ends with the ranking; that rule is
remembered from the paper and could not be checked against it. `verified` measures pools, in the order
of their capacity, until no pool left could beat the best one measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from kairos_cli.planner.capacity import Capacity
from kairos_cli.planner.enumeration import Counts

_AGREEING, _CONSIDERED = 3, 10


def published_choice(ranked_counts: Counts, base: int) -> int:
    """Return the row of the recommended pool among pools (N, J) in falling order of the published bound."""
    best = ranked_counts[:_AGREEING, base]
    if (best == best[0]).all():
        return 0
    considered = ranked_counts[:_CONSIDERED]
    apart = ((considered[:, None, :] - considered[None, :, :]) ** 2).sum(axis=(1, 2))
    return int(np.argmin(apart))


@dataclass(frozen=True, slots=True)
class VerifiedChoice:
    """The best pool measured: its row, its rate, how many were measured, and the best capacity of any other."""

    row: int
    measured_qps: float
    measured: int
    best_other_capacity_qps: float | None


def verified_choice(ranked: Iterable[tuple[int, Capacity]], measure: Callable[[int], float]) -> VerifiedChoice | None:
    """Return the pool that measures best; `ranked` gives rows in falling order of capacity.

    Since no pool can do better than its capacity, the first one whose capacity is not above the best
    rate measured ends the search, and the choice is exact. None if there is no pool.
    """
    best_row, best_qps, measured = -1, -np.inf, 0
    capacities: list[tuple[float, int]] = []
    for row, capacity in ranked:
        capacities.append((capacity.qps, row))
        if capacity.qps <= best_qps:
            break
        qps = measure(row)
        measured += 1
        if qps > best_qps:
            best_row, best_qps = row, qps
    if measured == 0:
        return None
    others = [qps for qps, row in capacities if row != best_row]
    return VerifiedChoice(best_row, best_qps, measured, max(others, default=None))
