"""The way to measure pools that the planner is given: their allowable throughput under one policy."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.policies.state import Ints
from kairos_cli.simulate.allowable import Allowable, allowable
from kairos_cli.simulate.simulator import ShadowPrices, Simulator
from kairos_cli.simulate.streams import stream, trace_stream
from kairos_cli.simulate.tuning import options


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is simulated: queries in a replication, replications, the seed, and how many threads do it.

    An `executor` does it in their place, and has to be given back by who made it.
    """

    queries: int = 10_000
    replications: int = 5
    seed: int = 0
    workers: int = 0
    executor: Executor | None = None


#: A replication lasts at least so many times the target, or overload would have no time to show.
SHORTEST_SPAN = 50


def long_enough(effort: Effort, table: ServiceTable, capacity_qps: float) -> Effort:
    """Return the effort with as many queries as a pool of this capacity needs; powers of two times those asked."""
    needed = SHORTEST_SPAN * capacity_qps * table.qos.latency_ms / 1000
    doublings = math.ceil(math.log2(max(needed / effort.queries, 1)))
    return replace(effort, queries=effort.queries * 2**doublings)


def simulator(table: ServiceTable, effort: Effort, shadow_prices: ShadowPrices | None = None) -> Simulator:
    """Return a simulator on Poisson streams of the table's mix."""
    streams = [stream(table, effort.queries, effort.seed, each) for each in range(effort.replications)]
    return Simulator(table, streams, effort.workers, shadow_prices, effort.executor)


def trace_simulator(
    table: ServiceTable,
    arrival: Floats,
    batch_size: Ints,
    effort: Effort,
    shadow_prices: ShadowPrices | None = None,
) -> Simulator:
    """Return a simulator on the queries of a trace, arrivals (N,) in mean gaps; replications differ in luck."""
    size = np.searchsorted(table.batch_size, batch_size).astype(np.int64)
    streams = [trace_stream(table, size, arrival, effort.seed, each) for each in range(effort.replications)]
    return Simulator(table, streams, effort.workers, shadow_prices, effort.executor)


def measuring(
    policy: str,
    effort: Effort,
    told: Callable[[], None] = lambda: None,
    shadow_prices: ShadowPrices | None = None,
) -> Callable[[ServiceTable], Callable[[Ints, float, float], Allowable | None]]:
    """Return the function that the planner calls with its table; `told` is called at every pool measured."""

    def on(table: ServiceTable) -> Callable[[Ints, float, float], Allowable | None]:
        simulators: dict[int, Simulator] = {}

        def measure(counts: Ints, capacity_qps: float, better_than_qps: float) -> Allowable | None:
            told()
            enough = long_enough(effort, table, capacity_qps)
            simulation = simulators.get(enough.queries) or simulators.setdefault(
                enough.queries, simulator(table, enough, shadow_prices)
            )
            tried = options(policy, table, counts)
            return allowable(simulation, counts, policy, capacity_qps, tried, better_than_qps)

        return measure

    return on
