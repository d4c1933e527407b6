"""The randomness of a simulation, drawn beforehand: gaps, sizes, and luck of service.

Every replication has a generator of its own for each of the three, from the seed, so that pools and
policies are compared on the same queries (common random numbers), and a rate only stretches the gaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import ServiceTable


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """The queries of one replication (N,).

    `arrival` is in mean gaps since the start; divided by a rate it is a time. `size` is a row of the
    table of batch sizes. The latency of a query lies `fraction` of the way between the quantiles `step`
    and `step + 1`, on whatever machine.
    """

    arrival: Floats
    size: NDArray[np.int64]
    step: NDArray[np.int64]
    fraction: Floats


def stream(table: ServiceTable, queries: int, seed: int, replication: int) -> Stream:
    """Return a Poisson stream of queries of the table's mix."""
    arrival, size = poisson(table.probability, queries, seed, replication)
    return trace_stream(table, size, arrival, seed, replication)


def poisson(probability: Floats, queries: int, seed: int, replication: int = 0) -> tuple[Floats, NDArray[np.int64]]:
    """Return arrivals (N,) in mean gaps and sizes (N,) as rows of the mix; fewer queries are the first of more."""
    gaps, sizes = (
        np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(replication, part))) for part in range(2)
    )
    size = np.searchsorted(np.cumsum(probability)[:-1], sizes.random(queries), side="right")
    return np.cumsum(gaps.standard_exponential(queries)), size.astype(np.int64)


def trace_stream(table: ServiceTable, size: NDArray[np.int64], arrival: Floats, seed: int, replication: int) -> Stream:
    """Return the queries of a trace: sizes as rows of the table, arrivals in mean gaps; only the luck is drawn."""
    luck = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(replication, 2)))
    return Stream(arrival, size, *_luck(table, luck.random(len(size))))


def _luck(table: ServiceTable, uniform: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return between which two quantiles each draw lies, and how far."""
    step = np.searchsorted(table.level, uniform, side="right") - 1
    step = np.clip(step, 0, len(table.level) - 2)
    return step, (uniform - table.level[step]) / (table.level[step + 1] - table.level[step])
