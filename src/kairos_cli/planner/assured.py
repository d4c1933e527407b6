"""What a pool is sure to serve: with the spot instances that are there, and after the loss of any few.

Vocabulary: *bought* counts are what is paid for; *present* ones those of them that one may count on
(domain.presence); a *loss* takes K of the present ones. The rate of a pool, its capacity as well as a
measured one, is the least over all losses. More instances never lower a capacity, so only losses of
exactly K are looked at.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import Counts, ServiceTable
from kairos_cli.planner.capacity import Capacity, CapacityProgram
from kairos_cli.planner.choice import Measure, Measured
from kairos_cli.planner.enumeration import able_to_serve


def losses(present: Counts, number: int) -> Iterator[Counts]:
    """Yield every way to lose so many instances of those present (J,); all of them if there are not as many."""
    if present.sum() <= number:
        yield present
        return
    for lost in itertools.combinations_with_replacement(np.flatnonzero(present).tolist(), number):
        counts = np.bincount(np.array(lost, dtype=np.int64), minlength=len(present))
        if (counts <= present).all():
            yield counts


class AssuredCapacity:
    """The capacity that pools of a table are sure to have; counts are bought ones.

    It stands in for a CapacityProgram, and without spot instances and losses it is one.
    """

    def __init__(self, table: ServiceTable, tolerate_loss: int = 0) -> None:
        self.table = table
        self.tolerate_loss = tolerate_loss
        self.plain = CapacityProgram(table)

    def solve(self, counts: Counts) -> Capacity:
        """Return the least capacity of a pool (J,) over all losses, with the prices and rates of that case."""
        return self.by_loss(counts)[0][1]

    def by_loss(self, counts: Counts) -> list[tuple[Counts, Capacity]]:
        """Return every loss (J,) with the capacity that is left, the least first."""
        present = self.table.present(counts)
        left = [(lost, self.plain.solve(present - lost)) for lost in losses(present, self.tolerate_loss)]
        return sorted(left, key=lambda each: each[1].qps)

    def bounding(self, counts: Counts) -> Callable[[Floats], Floats]:
        """Return the function from shadow prices (J,) to bounds (N,): what the prices of the present ones come to.

        Of those the loss takes the dearest ones, a bound on every loss.
        """
        present = self.table.present(counts)

        def bounds(shadow_price: Floats) -> Floats:
            value, to_lose = present @ shadow_price, np.full(len(counts), self.tolerate_loss)
            for j in np.argsort(-shadow_price, kind="stable") if self.tolerate_loss else ():
                lost = np.minimum(present[:, j], to_lose)
                value, to_lose = value - lost * shadow_price[j], to_lose - lost
            return np.asarray(value)

        return bounds

    def able(self, counts: Counts) -> NDArray[np.bool_]:
        """Tell of each pool (N, J) whether what is present, before any loss, meets the target at any rate."""
        return able_to_serve(self.table, self.table.present(counts))


def assured_measure(measure: Measure, program: AssuredCapacity) -> Measure:
    """Return a way to measure bought counts by what they are sure to serve.

    The loss that leaves least capacity is measured first; the others only have to hold at the least rate so far,
    which is the ceiling of their search.
    """

    def measured(counts: Counts, capacity_qps: float, better_than_qps: float) -> Measured | None:
        present = program.table.present(counts)
        if not program.tolerate_loss:
            return measure(present, capacity_qps, better_than_qps)
        least: Measured | None = None
        for lost, capacity in program.by_loss(counts):
            ceiling_qps = min(capacity.qps, least.qps) if least else capacity.qps
            found = measure(present - lost, ceiling_qps, better_than_qps)
            if found is None:
                return None
            least = found if least is None or found.qps < least.qps else least
            if least.qps <= 0:
                break
        return least

    return measured
