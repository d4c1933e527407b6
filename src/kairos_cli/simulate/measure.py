"""The way to measure pools that the planner is given: their allowable throughput under one policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.policies.state import Ints
from kairos_cli.simulate.allowable import Allowable, allowable
from kairos_cli.simulate.simulator import Simulator
from kairos_cli.simulate.streams import stream, trace_stream
from kairos_cli.simulate.tuning import options


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is simulated: queries in a replication, replications, the seed, and how many threads do it."""

    queries: int = 10_000
    replications: int = 5
    seed: int = 0
    workers: int = 0


def simulator(table: ServiceTable, effort: Effort) -> Simulator:
    """Return a simulator on Poisson streams of the table's mix."""
    streams = [stream(table, effort.queries, effort.seed, each) for each in range(effort.replications)]
    return Simulator(table, streams, effort.workers)


def trace_simulator(table: ServiceTable, arrival: Floats, batch_size: Ints, effort: Effort) -> Simulator:
    """Return a simulator on the queries of a trace, arrivals (N,) in mean gaps; replications differ in luck."""
    size = np.searchsorted(table.batch_size, batch_size).astype(np.int64)
    streams = [trace_stream(table, size, arrival, effort.seed, each) for each in range(effort.replications)]
    return Simulator(table, streams, effort.workers)


def measuring(
    policy: str, effort: Effort, told: Callable[[], None] = lambda: None
) -> Callable[[ServiceTable], Callable[[Ints, float, float], Allowable | None]]:
    """Return the function that the planner calls with its table; `told` is called at every pool measured."""

    def on(table: ServiceTable) -> Callable[[Ints, float, float], Allowable | None]:
        simulation = simulator(table, effort)

        def measure(counts: Ints, capacity_qps: float, better_than_qps: float) -> Allowable | None:
            told()
            tried = options(policy, table, counts)
            return allowable(simulation, counts, policy, capacity_qps, tried, better_than_qps)

        return measure

    return on
