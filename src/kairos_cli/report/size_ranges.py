"""Who serves what, in a few ranges of batch sizes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.planner.distribution import Distribution

#: Neighbouring sizes whose queries are shared out this much alike (largest difference of a share) are one range.
ALIKE = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class SizeRange:
    """Neighbouring batch sizes: their share of all queries, who serves them (J,), and how many are on time.

    `batch_size` (J,) is how many items the batches have in which each type serves them, on average; 0 if it does not.
    """

    first: int
    last: int
    query_share: float
    share: Floats
    on_time: float
    batch_size: Floats


def size_ranges(table: ServiceTable, split: Distribution, most: int | None = None) -> list[SizeRange]:
    """Return the sizes of the mix in ranges that are served alike; at most `most` by joining the likest."""
    groups = [np.array([index]) for index in np.flatnonzero(table.probability)]
    served = [split.queries[:, group].sum(axis=1) for group in groups]
    apart = [_apart(low, high) for low, high in itertools.pairwise(served)]
    while apart and (min(apart) <= ALIKE or (most is not None and len(groups) > most)):
        # Joining few queries changes the picture less than joining many.
        at = _likest(apart, served, strict=min(apart) <= ALIKE)
        groups[at : at + 2] = [np.concatenate(groups[at : at + 2])]
        served[at : at + 2] = [served[at] + served[at + 1]]
        apart[at : at + 1] = []
        for left in (at - 1, at):
            if 0 <= left < len(apart):
                apart[left] = _apart(served[left], served[left + 1])
    return [_range(table, split, group) for group in groups]


def _apart(low: NDArray[np.int64], high: NDArray[np.int64]) -> float:
    """Return the largest difference between two ways of sharing queries out."""
    return float(np.abs(low / low.sum() - high / high.sum()).max())


def _likest(apart: list[float], served: list[NDArray[np.int64]], *, strict: bool) -> int:
    """Return which neighbours to join: the most alike, or those whose joining misplaces fewest queries."""
    if strict:
        return int(np.argmin(apart))
    fewer = [min(low.sum(), high.sum()) for low, high in itertools.pairwise(served)]
    return int(np.argmin(np.array(apart) * fewer))


def _range(table: ServiceTable, split: Distribution, group: NDArray[np.intp]) -> SizeRange:
    queries = split.queries[:, group]
    return SizeRange(
        int(table.batch_size[group[0]]),
        int(table.batch_size[group[-1]]),
        float(table.probability[group].sum()),
        queries.sum(axis=1) / queries.sum(),
        float((queries * split.on_time[:, group]).sum() / queries.sum()),
        (queries * split.batch_size[:, group]).sum(axis=1) / np.maximum(queries.sum(axis=1), 1),
    )
