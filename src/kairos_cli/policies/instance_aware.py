"""Fewest outstanding queries for its speed: a load balancer with weights.

On arrival a query goes to the instance whose queries, this one included, would take least time at the
rate of its type; it waits there. It knows that instances differ, but not that queries do.

Options: none.

Example: g4dn.xlarge serves 240 queries/s and has two, r5n.large serves 100 and has none: 3/240 is more
than 1/100, so the next goes to r5n.large.
"""

from __future__ import annotations

from typing import Any

from kairos_cli.policies.compiled import inlined
from kairos_cli.policies.parts import give_earliest


@inlined
def assign(now_ms: float, waiting: Any, pool: Any, service: Any, options: Any, chosen: Any) -> int:
    """Give the earliest query to the instance with the least load for its rate; of equals, to the first."""
    best = 0
    best_load = 1e300
    for instance in range(len(pool.type)):
        load = (pool.outstanding[instance] + 1) / service.rate_qps[pool.type[instance]]
        if load < best_load:
            best, best_load = instance, load
    return give_earliest(now_ms, best, waiting, pool, service, chosen)
