"""How fast pools are simulated: this engine beside SimPy and Ciw, and all policies beside each other.

All simulators are given the same arrivals and the same service times. Those are rounded to binary
fractions, so that every sum of them is exact: whoever serves first come, first served must find the very
same waits, to the last bit. Times are the best of several runs, on one core, compilation left out; what is
compared takes turns.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

import ciw  # type: ignore[import-not-found,unused-ignore]
import numpy as np
import simpy  # type: ignore[import-not-found,unused-ignore]

from kairos_cli.domain.latency_profile import Floats
from kairos_cli.domain.pool import Pool
from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.planner.capacity import CapacityProgram
from kairos_cli.policies import NAMES
from kairos_cli.policies.state import Ints, service
from kairos_cli.simulate.allowable import allowable
from kairos_cli.simulate.engine import Queries, empty_record, run
from kairos_cli.simulate.measure import Effort, simulator
from kairos_cli.simulate.simulator import Option
from kairos_cli.simulate.streams import stream
from kairos_cli.simulate.tuning import options
from shared import best_times, print_table, shipped_table

MIXED = Pool.of(("g4dn.xlarge", "r5n.large"), (1, 13))
ALIKE = Pool.of(("g4dn.xlarge",), (4,))
QUERIES = 20_000
SEED = 0
#: How busy the pools are: the share of what the instances could serve of the whole mix, or of the allowable rate.
LOAD = 0.9
#: Times are whole multiples of one 2^20th of a ms, and luck of one 2^10th.
TIME_STEPS, LUCK_STEPS = 2.0**20, 2.0**10


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """Queries for a pool: instances by type (I,), and what each type would take for each query (J, N)."""

    queries: Queries
    quantile_ms: Floats
    counts: Ints
    kind: Ints
    service_ms: Floats


def main() -> None:
    table = shipped_table("rm2")
    print(
        f"rm2, {QUERIES} queries, Python {sys.version.split()[0]}, SimPy {simpy.__version__}, Ciw {ciw.__version__}\n"
    )
    rows: list[tuple[str, ...]] = [
        ("first come, first served", "queries/s", "ours is faster", "mean wait ms", "largest difference ms")
    ]
    rows += _compared(table, MIXED, with_ciw=False)
    rows += _compared(table, ALIKE, with_ciw=True)
    print_table(rows)
    print_policies(table)


def _compared(table: ServiceTable, pool: Pool, *, with_ciw: bool) -> list[tuple[str, ...]]:
    """Return a row for each simulator; Ciw has no order of preference among servers that differ."""
    counts = table.counts(pool)
    replay = _replay(table, counts, LOAD * float(counts @ service(table).rate_qps))
    work: dict[str, Callable[[], Floats]] = {
        "kairos": lambda: _our_waits(table, replay),
        "SimPy": lambda: _simpy_waits(replay),
    }
    if with_ciw:
        work["Ciw"] = lambda: _ciw_waits(replay)
    work["kairos"]()  # compiles
    found = best_times(list(work.values()))
    our_seconds, our_waits = found[0]
    return [
        (
            f"{pool}: {name}",
            f"{QUERIES / seconds:.0f}",
            f"{seconds / our_seconds:.0f} x",
            f"{waits.mean():.6f}",
            f"{np.abs(waits - our_waits).max():g}",
        )
        for name, (seconds, waits) in zip(work, found, strict=True)
    ]


def _allowable_qps(table: ServiceTable, counts: Ints, policy: str) -> tuple[float, Option]:
    """Return the allowable rate of a pool, and the option of the policy that reaches it."""
    ceiling_qps = CapacityProgram(table).solve(counts).qps
    found = allowable(simulator(table, Effort()), counts, policy, ceiling_qps, options(policy, table, counts))
    assert found is not None
    return found.qps, found.option


def _replay(table: ServiceTable, counts: Ints, rate_qps: float) -> Replay:
    """Return a stream at a rate in round numbers, and the service times that follow from it."""
    drawn = stream(table, QUERIES, SEED, 0)
    arrival_ms = _rounded(drawn.arrival * (1000 / rate_qps), TIME_STEPS)
    queries = Queries(arrival_ms, drawn.size, drawn.step, _rounded(drawn.fraction, LUCK_STEPS))
    quantile_ms = np.ascontiguousarray(_rounded(table.quantile_ms, TIME_STEPS))
    low = quantile_ms[:, queries.size, queries.step]
    high = quantile_ms[:, queries.size, queries.step + 1]
    kind = np.repeat(np.arange(len(counts)), counts)
    return Replay(queries, quantile_ms, counts, kind, low + queries.fraction * (high - low))


def _rounded(values: Floats, steps: float) -> Floats:
    return np.asarray(np.round(values * steps) / steps, dtype=np.float64)


def _our_waits(table: ServiceTable, replay: Replay) -> Floats:
    """Return how long each query waits (N,) in our engine."""
    record = empty_record(QUERIES, len(replay.counts), len(replay.kind), split=False)
    first = np.concatenate([[0], np.cumsum(replay.counts)])
    number = list(NAMES).index("fcfs")
    run(number, np.zeros(1), service(table), replay.quantile_ms, first, replay.queries, record, 0, QUERIES)
    return record.started_ms - replay.queries.arrival_ms


def _simpy_waits(replay: Replay) -> Floats:
    """Return how long each query waits (N,) in SimPy: a store of idle instances, a process for each query."""
    environment = simpy.Environment()
    idle = simpy.PriorityStore(environment)
    idle.items = list(range(len(replay.kind)))  # instances are numbered in the order of types; the lowest goes first
    kind, service_ms = replay.kind.tolist(), replay.service_ms.T.tolist()
    waited_ms = [0.0] * QUERIES

    def query(number: int) -> Generator[Any, Any, None]:
        arrived_ms = environment.now
        instance = yield idle.get()
        waited_ms[number] = environment.now - arrived_ms
        yield environment.timeout(service_ms[number][kind[instance]])
        yield idle.put(instance)

    def arrivals() -> Generator[Any, Any, None]:
        for number, arrival_ms in enumerate(replay.queries.arrival_ms.tolist()):
            yield environment.timeout(arrival_ms - environment.now)
            environment.process(query(number))

    environment.process(arrivals())
    environment.run()
    return np.array(waited_ms)


def _ciw_waits(replay: Replay) -> Floats:
    """Return how long each query waits (N,) in Ciw: one node with a server for each instance, all alike.

    Service times are drawn as service starts, and first come, first served that is the order of arrival:
    so lists of gaps and service times replay the very same queries. After the last gap comes no query.
    """
    gaps_ms = np.diff(replay.queries.arrival_ms, prepend=0.0).tolist()
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Sequential([*gaps_ms, float("inf")])],
        service_distributions=[ciw.dists.Sequential(replay.service_ms[replay.kind[0]].tolist())],
        number_of_servers=[len(replay.kind)],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(QUERIES, method="Finish")
    records = sorted(simulation.get_all_records(), key=lambda each: each.arrival_date)
    return np.array([each.waiting_time for each in records])


def print_policies(table: ServiceTable) -> None:
    """Print how many queries a second our engine simulates under each policy."""
    counts = table.counts(MIXED)
    one_stream = simulator(table, Effort(QUERIES, 1, SEED))
    found = {policy: _allowable_qps(table, counts, policy) for policy in NAMES}
    work = [
        partial(one_stream.late_share, counts, policy, option, LOAD * qps) for policy, (qps, option) in found.items()
    ]
    seconds = [taken for taken, _ in best_times(work)]
    rows = [(f"rm2 on {MIXED}", "simulated at qps", "queries/s", "ns a query", "x fcfs")]
    for (policy, (qps, _)), taken in zip(found.items(), seconds, strict=True):
        each = f"{QUERIES / taken:.0f}", f"{taken / QUERIES * 1e9:.0f}", f"{taken / seconds[0]:.1f}"
        rows.append((policy, f"{LOAD * qps:.1f}", *each))
    print_table(rows)


if __name__ == "__main__":
    main()
