"""First come, first served: what Ribbon does (SC 2021).

An idle instance takes the query that has waited longest, whatever its size. Of several idle instances,
the one of the type that stands first in the model profile. It needs no latency profile, and sends large
queries to machines that are too slow for them.

Where queries may be merged, an instance takes along the ones that follow, as long as the batch takes no more of
the target than a limit on average; and it waits a little for more to come, as Triton's dynamic batcher
does with its maximum size and its queue delay. A query that is beyond the limit alone is left to faster machines,
as a server does that is set to a maximum size. So the rival is stronger than one that only merges.

Options: where queries may be merged, `options[0]`, the limit on a batch, in targets; `options[1]`, the delay
window in ms. Both are tuned to their best for every pool (simulate.tuning).

Example: g4dn.xlarge and r5n.large idle, queries of 900 and 20 items waiting in this order: the 900 go to
g4dn.xlarge, the 20 to r5n.large; had they come the other way round, the 900 would be late on r5n.large.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kairos_cli.policies.compiled import inlined, kernel
from kairos_cli.policies.parts import ask_again

#: So many queries are looked at, the earliest, where queries are merged.
MOST_QUERIES = 128


@inlined
def assign(now_ms: float, waiting: Any, pool: Any, service: Any, options: Any, chosen: Any) -> int:
    """Give the earliest queries to the first idle instances."""
    if service.merge:
        return _merged(now_ms, waiting, pool, service, options, chosen)
    count = 0
    for instance in range(len(pool.type)):
        if pool.outstanding[instance] == 0:
            chosen[count, 0] = count
            chosen[count, 1] = instance
            chosen[count, 2] = min(waiting.size[count], service.largest[pool.type[instance]] - 1)
            ask_again(waiting.size[count] - chosen[count, 2], now_ms, pool)
            count += 1
            if count == len(waiting.size):
                break
    return count


@kernel
def _merged(now_ms: float, waiting: Any, pool: Any, service: Any, options: Any, chosen: Any) -> int:
    """Give each idle instance the earliest queries that fit into a batch, if its delay window is over."""
    number = min(len(waiting.size), MOST_QUERIES)
    taken = np.zeros(number, np.bool_)
    left = number
    count = 0
    nothing_for = -1  # a type that none of the queries left fits
    for instance in range(len(pool.type)):
        kind = pool.type[instance]
        if pool.outstanding[instance] > 0 or left == 0 or kind == nothing_for:
            continue
        begun = count
        rows = -1
        full = False
        rest = 0
        for query in range(number):
            if taken[query]:
                continue
            size = min(waiting.size[query], service.largest[kind] - 1)
            together = rows + size + 1
            if rows < 0:
                fits = _fits_alone(kind, size, service, options)
            else:
                fits = together < service.largest[kind] and _keeps_limit(kind, together, service, options)
                full = full or not fits
            if count == len(chosen):
                break
            if fits:
                taken[query] = True
                left -= 1
                rows = together
                rest += waiting.size[query] - size
                chosen[count, 0], chosen[count, 1], chosen[count, 2] = query, instance, size
                count += 1
        if begun == count:
            nothing_for = kind
            continue
        until_ms = waiting.arrival_ms[chosen[begun, 0]] + options[1]
        if not full and now_ms < until_ms:
            pool.wake_ms[0] = min(pool.wake_ms[0], until_ms)
            count = begun
        else:
            ask_again(rest, now_ms, pool)
    return count


@inlined
def _keeps_limit(kind: int, rows: int, service: Any, options: Any) -> bool:
    """Tell whether a batch keeps to the limit."""
    return bool(service.mean_ms[kind, rows] <= options[0] * service.target_ms)


@inlined
def _fits_alone(kind: int, rows: int, service: Any, options: Any) -> bool:
    """Tell whether a query keeps to the limit, or could not be served faster elsewhere in the pool."""
    return _keeps_limit(kind, rows, service, options) or service.mean_ms[kind, rows] <= service.fastest_ms[rows]
