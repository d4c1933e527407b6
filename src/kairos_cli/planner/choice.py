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
from typing import Protocol

import numpy as np

from kairos_cli.domain.service_table import Counts
from kairos_cli.domain.serving import Serving
from kairos_cli.planner.capacity import Capacity

_AGREEING, _CONSIDERED = 3, 10


def published_choice(ranked_counts: Counts, base: int) -> int:
    """Return the row of the recommended pool among pools (N, J) in falling order of the published bound."""
    best = ranked_counts[:_AGREEING, base]
    if (best == best[0]).all():
        return 0
    considered = ranked_counts[:_CONSIDERED]
    apart = ((considered[:, None, :] - considered[None, :, :]) ** 2).sum(axis=(1, 2))
    return int(np.argmin(apart))


class Measured(Protocol):
    """What a pool was measured to serve: the rate, and its 95 % confidence interval."""

    @property
    def qps(self) -> float:
        """The rate."""

    @property
    def ci95_qps(self) -> tuple[float, float]:
        """The ends of the interval."""

    @property
    def serving(self) -> Serving:
        """What was done with queries, which may be less than the scenario allows."""


#: Measures a pool (J,) of a given capacity; None if it is not better than a given rate.
Measure = Callable[[Counts, float, float], Measured | None]


@dataclass(frozen=True, slots=True)
class VerifiedChoice:
    """The best pool measured, by its row, and all that were looked at, in falling order of capacity.

    `best_unmeasured_qps` is the greatest capacity of any pool that was not measured, `unmeasured_row` that pool.
    """

    row: int
    measured: Measured
    capacity_qps_by_row: dict[int, float]
    measured_count: int
    best_unmeasured_qps: float | None
    unmeasured_row: int | None = None


def verified_choice(
    ranked: Iterable[tuple[int, Capacity]], counts: Counts, measure: Measure, close: float = 0.0
) -> VerifiedChoice | None:
    """Return the pool of (N, J) that measures best; `ranked` gives rows in falling order of capacity.

    Since no pool can do better than its capacity, the first one whose capacity is not above the best
    rate measured ends the search, and the choice is exact; or the first that is above by no more than a
    share `close` of that rate. None if there is no pool.
    """
    best: tuple[int, Measured] | None = None
    seen: dict[int, float] = {}
    unmeasured: tuple[float | None, int | None] = None, None
    for row, capacity in ranked:
        best_qps = best[1].qps if best else 0.0
        if best and capacity.qps <= best_qps * (1 + close):
            unmeasured = capacity.qps, row
            break
        seen[row] = capacity.qps
        measured = measure(counts[row], capacity.qps, best_qps)
        if measured and (best is None or measured.qps > best_qps):
            best = row, measured
    return VerifiedChoice(*best, seen, len(seen), *unmeasured) if best else None
