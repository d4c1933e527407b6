"""A pool split among independent routers, as `kairos evaluate --shards` has it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kairos_cli.errors import InputError

#: Fewer queries of a shard in a replication say little.
_FEWEST_QUERIES = 100


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The shards: the pool (J,) of each, its share of the queries, and what all of them can serve together.

    A shard has queries in proportion to its capacity, as an operator would set the weights of a balancer; one that
    cannot keep the target alone has none.
    """

    pools: Any
    share: Any
    capacity_qps: float


def split(table: Any, counts: Any, shards: int, rate_qps: float | None = None) -> Split:
    """Return a pool (J,) split; raises InputError where no shard could keep the target alone, or all not the rate."""
    import numpy as np

    from kairos_cli.planner.capacity import CapacityProgram
    from kairos_cli.simulate.shards import dealt

    if shards > counts.sum():
        message = f"{shards} shards are more than the {counts.sum()} instances"
        raise InputError.of(message, "--shards", "each shard needs an instance")
    pools, program = dealt(counts, shards), CapacityProgram(table)
    solved = {pool.tobytes(): pool for pool in pools}
    by_pool = {key: program.solve(pool).qps if pool.any() else 0.0 for key, pool in solved.items()}
    capacity = np.array([by_pool[pool.tobytes()] for pool in pools])
    if capacity.sum() <= 0:
        raise InputError.of(
            f"none of {shards} shards can keep {table.qos} alone",
            "--shards",
            "each needs an instance of a type that is fast enough for large batches",
        )
    if rate_qps is not None and rate_qps > capacity.sum():
        message = f"unstable: offered {rate_qps:g}, capacity of {shards} shards {capacity.sum():.1f} queries/s"
        raise InputError.of(message, "--rate", "give a lower rate")
    return Split(pools, capacity / capacity.sum(), float(capacity.sum()))


def sharded(simulation: Any, into: Split, seed: int) -> Any:
    """Return the simulator of a split pool on the queries of another simulator; raises InputError if they are few."""
    from kairos_cli.planner.capacity import shadow_prices
    from kairos_cli.simulate.shards import ShardedSimulator, at_random

    fewest = into.share[into.share > 0].min() * len(simulation.streams[0].size)
    if fewest < _FEWEST_QUERIES:
        message = (
            f"a shard would have some {fewest:.0f} queries in a replication, at least {_FEWEST_QUERIES} are needed"
        )
        raise InputError.of(message, "--shards", "give more --queries, or fewer shards")
    parts = at_random(simulation.streams, into.share, seed)
    return ShardedSimulator(simulation.table, simulation.streams, parts, os.cpu_count() or 1, shadow_prices)


def one_router(simulation: Any, counts: Any, policies: Sequence[str], capacity_qps: float) -> list[float]:
    """Return the allowable throughput of the whole pool behind one router, under each policy."""
    from kairos_cli.simulate.allowable import allowable
    from kairos_cli.simulate.tuning import options

    found = [
        allowable(simulation, counts, policy, capacity_qps, options(policy, simulation.table, counts))
        for policy in policies
    ]
    return [each.qps if each else 0.0 for each in found]
