"""What one decision of each policy costs, by the size of the pool and by how many queries wait.

A compiled loop asks the policy again and again, so that calls from Python are not in the time. The batch
size of the query that has waited longest changes from call to call, so that no call can be left out. Most
policies decide on that query alone; only `deeprecsys`, `kairos` and `shadow` look at the others, the last two
at 32 at most.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from kairos_cli.domain.service_table import ServiceTable
from kairos_cli.planner.capacity import shadow_prices
from kairos_cli.policies import NAMES
from kairos_cli.policies.compiled import kernel
from kairos_cli.policies.dispatch import assign, most_pieces
from kairos_cli.policies.state import Ints, PoolState, Waiting, service
from shared import best_times, print_table, shipped_table

#: Instances of g4dn.xlarge and r5n.large, 1 to 13.
POOLS = {14: (1, 13), 100: (7, 93), 1000: (71, 929), 10_000: (714, 9286)}
WAITING = (1, 4, 16, 64, 256)
#: About how long each loop runs.
LOOP_S = 0.005
LARGE_ROW = 40  # the threshold of deeprecsys: sizes beyond 400


def main() -> None:
    table = shipped_table("rm2")
    print("microseconds a decision, rm2, best of several runs\n")
    for instances, (base, auxiliary) in POOLS.items():
        counts = np.zeros(len(table.names), np.int64)
        counts[table.names.index("g4dn.xlarge")], counts[table.names.index("r5n.large")] = base, auxiliary
        for idle in (1, instances // 2):
            _print_pool(table, counts, idle)


def _print_pool(table: ServiceTable, counts: Ints, idle: int) -> None:
    """Print a table for one pool with so many idle instances."""
    rows = [(f"{counts.sum()} instances, {idle} idle", *(f"{each} waiting" for each in WAITING))]
    rows += [
        (policy, *(f"{microseconds(table, counts, idle, policy, each):.2f}" for each in WAITING)) for policy in NAMES
    ]
    print_table(rows)


def microseconds(table: ServiceTable, counts: Ints, idle: int, policy: str, number: int) -> float:
    """Return what one decision takes: the best of several loops, each long enough to be timed."""
    now_ms = 1e6
    rng = np.random.default_rng(0)
    sizes = rng.choice(len(table.probability), 1024, p=table.probability)
    waiting = _waiting(table, sizes[:number], now_ms, rng)
    pool = _pool(counts, idle, now_ms, table.qos.latency_ms, rng)
    service_known = service(table, counts, shadow_prices(table, counts))
    chosen = np.empty((most_pieces(len(pool.type), service_known), 3), np.int64)
    known = list(NAMES).index(policy), now_ms, waiting, pool, service_known, np.array([float(LARGE_ROW), 0.0]), chosen
    _repeated(1, sizes, *known)
    (once, _), *_ = best_times([partial(_repeated, 10, sizes, *known)], 2)
    times = max(int(LOOP_S / once * 10), 10)
    (seconds, _), *_ = best_times([partial(_repeated, times, sizes, *known)])
    return seconds / times * 1e6


@kernel
def _repeated(
    times: int, sizes: Any, policy: int, now_ms: float, waiting: Any, pool: Any, service: Any, options: Any, chosen: Any
) -> int:
    """Ask a policy many times; return how many assignments it made, all in all."""
    made = 0
    for time in range(times):
        waiting.size[0] = sizes[time % len(sizes)]
        made += assign(policy, now_ms, waiting, pool, service, options, chosen)
    return made


def _waiting(table: ServiceTable, size: Ints, now_ms: float, rng: np.random.Generator) -> Waiting:
    """Return queries that have waited up to half the target, the earliest first."""
    return Waiting(size.copy(), np.sort(now_ms - rng.uniform(0, table.qos.latency_ms / 2, len(size))))


def _pool(counts: Ints, idle: int, now_ms: float, target_ms: float, rng: np.random.Generator) -> PoolState:
    """Return a pool in which any so many instances are idle, and the others free within half the target."""
    first = np.concatenate([[0], np.cumsum(counts)])
    outstanding = np.ones(first[-1], np.int64)
    outstanding[rng.choice(first[-1], idle, replace=False)] = 0
    free_at_ms = np.where(outstanding > 0, now_ms + rng.uniform(0, target_ms / 2, first[-1]), now_ms - 1.0)
    queued = np.zeros(first[-1], np.int64)
    kind, wake_ms = np.repeat(np.arange(len(counts)), counts), np.full(1, 1e300)
    return PoolState(kind, free_at_ms, outstanding, queued, first, wake_ms)


if __name__ == "__main__":
    main()
