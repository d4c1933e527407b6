"""The strongest rule that decides one query at a time: the cheapest instance that is still in time.

What latency-aware balancers do today. On arrival a query goes to that instance, of all that are expected
to finish it within the target, whose time costs least: price x mean latency; of equals, the one that
finishes first. If none is in time, to the one that finishes first.

Options: none.

Example: a query of 100 items, target 350 ms: r5n.large would take 80 ms at 0.149 $/h, g4dn.xlarge 25 ms
at 0.526 $/h. Both are idle: r5n.large costs 11.9, g4dn.xlarge 13.2, so it goes to r5n.large. Has
r5n.large 300 ms of work before it, it goes to g4dn.xlarge.
"""

from __future__ import annotations

from typing import Any

from kairos_cli.policies.compiled import inlined
from kairos_cli.policies.own_queue import more_ms
from kairos_cli.policies.parts import give_earliest


@inlined
def assign(now_ms: float, waiting: Any, pool: Any, service: Any, options: Any, chosen: Any) -> int:
    """Give the earliest query to the cheapest instance in time, or else to the first to finish."""
    limit_ms = waiting.arrival_ms[0] + service.target_ms
    best = 0
    best_cost = 1e300
    best_finish_ms = 1e300
    best_in_time = False
    for instance in range(len(pool.type)):
        kind = pool.type[instance]
        finish_ms = max(now_ms, pool.free_at_ms[instance])
        finish_ms += more_ms(kind, pool.queued[instance], waiting.size[0], service)
        in_time = finish_ms <= limit_ms
        cost = service.price_usd_per_hour[kind] * service.share_ms[kind, waiting.size[0]] if in_time else 0.0
        better = cost < best_cost or (cost == best_cost and finish_ms < best_finish_ms)
        if (in_time and not best_in_time) or (in_time == best_in_time and better):
            best, best_cost, best_finish_ms, best_in_time = instance, cost, finish_ms, in_time
    return give_earliest(now_ms, best, waiting, pool, service, chosen)
